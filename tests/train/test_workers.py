"""Two machines that train together, here two processes on the loopback, come where one comes alone."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


def free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


@pytest.mark.timeout(400)
def test_two_workers_reach_what_one_reaches(
    photographs: Path, recipe: Sequence[str], run_folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "sortline_bundle.command", "train", str(photographs), "-o", str(run), *recipe]
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    workers = []
    for index in range(2):
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        environment = {**os.environ, "TF_CONFIG": config}
        with (tmp_path / f"{index}.log").open("w") as log:
            workers.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment))
        # The second comes when the first has begun to write, as machines do.
        while workers[0].poll() is None and not (run / "unfinished" / "plan.json").exists():
            time.sleep(0.02)
    try:
        ends = [worker.wait(timeout=380) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    logs = [(tmp_path / f"{index}.log").read_text() for index in range(2)]
    assert ends == [0, 0], logs
    assert "2 machines" in logs[0]
    alone, together = (json.loads((folder / "run.json").read_text()) for folder in (run_folder, run))
    assert together["files"] == alone["files"]
    assert together["after_head"] == alone["after_head"]
    # The same views in the same order, the same sums in another: equal but for rounding and what dropout drops.
    assert together["after_fine_tuning"]["loss"] == pytest.approx(alone["after_fine_tuning"]["loss"], rel=0.15)


@pytest.mark.parametrize("config", ["{", "[]", '{"cluster": {"worker": 3}}', '{"cluster": {}, "task": {}}'])
def test_a_tf_config_that_does_not_hold_is_refused(
    sortline: Callable, photographs: Path, recipe: Sequence[str], tmp_path: Path, config: str
) -> None:
    ran = sortline("train", photographs, "-o", tmp_path / "run", *recipe, environment={"TF_CONFIG": config})
    assert ran.exit_code == 3
    assert "TF_CONFIG does not hold" in ran.error
