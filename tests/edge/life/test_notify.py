"""What systemd hears, on a real socket; and when the watchdog is fed."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_edge.life.notify import Notifier, Watchdog

S = 1_000_000_000


@pytest.fixture(params=["path", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """systemd's end of the socket, and its name as NOTIFY_SOCKET says it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@sortline-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.setblocking(False)
        heard.bind(name.replace("@", "\0"))
        yield heard, name


def everything(heard: socket.socket) -> list[list[str]]:
    packets = []
    while True:
        try:
            packets.append(heard.recv(4096).decode().split("\n"))
        except BlockingIOError:
            return packets


def test_systemd_hears_a_whole_life(ear: tuple[socket.socket, str]) -> None:
    heard, name = ear
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready("sorting")
    notifier.alive()
    notifier.status("camera stale:\nno frame")
    notifier.stopping("no file b\udcff")
    assert everything(heard) == [
        ["READY=1", "STATUS=sorting"],
        ["WATCHDOG=1"],
        ["STATUS=camera stale: no frame"],
        ["STOPPING=1", "STATUS=no file b?"],
    ]
    notifier.close()
    notifier.close()
    notifier.alive()
    assert everything(heard) == []


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "vsock:2:1234"},
        {"NOTIFY_SOCKET": "/nowhere/at/all"},
        {"NOTIFY_SOCKET": "/" + "x" * 200},
        {"NOTIFY_SOCKET": "@nobody-listens-here"},
    ],
    ids=["none", "empty", "of another kind", "nobody there", "too long", "nobody listens"],
)
def test_without_systemd_telling_is_harmless(environment: dict[str, str]) -> None:
    with Notifier(environment) as notifier:
        notifier.ready("sorting")
        notifier.alive()
        notifier.stopping("told to stop")
        assert notifier.watchdog_s is None


def test_a_systemd_that_does_not_listen_keeps_nobody_waiting(ear: tuple[socket.socket, str]) -> None:
    heard, name = ear
    with Notifier({"NOTIFY_SOCKET": name}) as notifier:
        for _ in range(5000):  # far more than a socket's queue holds
            notifier.alive()
        assert 0 < len(everything(heard)) < 5000
        notifier.alive()
        assert everything(heard) == [["WATCHDOG=1"]]


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "77"}, 30),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
    ids=str,
)
def test_the_watchdogs_time_is_the_one_meant_for_this_process(
    environment: dict[str, str], watchdog_s: float | None
) -> None:
    assert Notifier(environment, pid=77).watchdog_s == watchdog_s


turns = st.lists(st.tuples(st.integers(0, 3 * S), st.booleans(), st.booleans()), max_size=40)


@given(turns=turns)
def test_the_watchdog_is_fed_only_while_frames_flow_and_outputs_answer(
    turns: list[tuple[int, bool, bool]],
) -> None:
    watchdog, now_ns, fed_ns = Watchdog(watchdog_s=8), 0, None
    for pause_ns, frames, outputs in turns:
        now_ns += pause_ns
        fed = watchdog.feed(now_ns, frames_flow=frames, outputs_answer=outputs)
        assert fed == (frames and outputs and (fed_ns is None or now_ns - fed_ns >= 2 * S))
        fed_ns = now_ns if fed else fed_ns
