"""What the tests of the output process share: a machine with GPIO chips, and processes on the recorder's file."""

import errno
import fcntl
import json
import os
import select
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace, TracebackType
from typing import Any, ClassVar

import pytest

from sortline_edge.config import Input, RecorderOutputs, Timing
from sortline_edge.outputs import ProcessOutputs
from sortline_edge.outputs.gpio import GpioInputs, GpioLines
from sortline_edge.outputs.wiring import Wiring
from sortline_edge.ports import MadeSafe, Pulse, Report, Switched

try:
    import gpiod
except ImportError:
    gpiod = None
else:
    Value, Direction, Detection = gpiod.line.Value, gpiod.line.Direction, gpiod.line.Edge

LINES = (5, 6)
PLAIN = Wiring(LINES)
SECOND_NS = 1_000_000_000


@dataclass
class Device:
    """A chip as the kernel knows it: who holds which line, and how high each line is."""

    label: str
    num_lines: int = 8
    consumers: dict[int, str] = field(default_factory=dict)
    high: dict[int, bool] = field(default_factory=dict)
    forbidden: bool = False
    calls: int = 0
    requests: list["LineRequest"] = field(default_factory=list)

    def pull(self, line: int, *, high: bool, at_ns: int = 0) -> None:
        """Somebody outside changes an input's level."""
        changed, self.high[line] = self.high.get(line, False) != high, high
        for request in self.requests:
            if changed and line in request.settings:
                request.notice(line, at_ns)


class LineRequest:
    def __init__(self, req: Any) -> None:
        self.device, self.settings, self.most = req
        self.released = False
        self.events: list[Any] = []
        self.numbers: Counter[int] = Counter()

    def __bool__(self) -> bool:
        return not self.released

    def set_values(self, values: Any) -> None:
        if self.released:
            raise gpiod.RequestReleasedError
        if set(values) - set(self.settings):
            raise ValueError("[Errno 22] Invalid argument")
        if any(self.settings[line].direction != Direction.OUTPUT for line in values):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        self.device.calls += 1
        for line, value in values.items():
            self.device.high[line] = (value == Value.ACTIVE) != self.settings[line].active_low

    @property
    def fd(self) -> int:
        if self.released:
            raise gpiod.RequestReleasedError
        return 99

    def get_values(self, lines: Any = None) -> list[Any]:
        if self.released:
            raise gpiod.RequestReleasedError
        if set(lines) - set(self.settings):
            raise ValueError("[Errno 22] Invalid argument")
        return [Value.ACTIVE if self.is_active(line) else Value.INACTIVE for line in lines]

    def read_edge_events(self, max_events: Any = None) -> list[Any]:
        if self.released:
            raise gpiod.RequestReleasedError
        if not self.events:
            raise AssertionError("this call waits until an edge comes")
        taken, self.events = self.events[:max_events], self.events[max_events:]
        return taken

    def is_active(self, line: int) -> bool:
        return self.device.high.get(line, False) != self.settings[line].active_low

    def notice(self, line: int, at_ns: int) -> None:
        rising = self.is_active(line)
        watched = (Detection.BOTH, Detection.RISING if rising else Detection.FALLING)
        if self.settings[line].edge_detection not in watched:
            return
        self.numbers[line] += 1
        kind = (gpiod.EdgeEvent.Type.RISING_EDGE if rising else gpiod.EdgeEvent.Type.FALLING_EDGE).value
        event = gpiod.EdgeEvent(kind, at_ns, line, self.numbers.total(), self.numbers[line])
        self.events = [*self.events, event][-self.most :]

    def release(self) -> None:
        for line in self.settings if not self.released else ():
            del self.device.consumers[line]
        self.released = True


class Chip:
    devices: ClassVar[dict[str, Device]] = {}

    def __init__(self, path: str) -> None:
        path = os.path.realpath(path)
        if path not in self.devices:
            raise OSError(errno.ENODEV, "No such device")
        if self.devices[path].forbidden:
            raise PermissionError(errno.EACCES, "Permission denied")
        self.device = self.devices[path]
        self.closed = False

    def __enter__(self) -> "Chip":
        self.refuse_closed()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closed = True

    def refuse_closed(self) -> None:
        if self.closed:
            raise gpiod.ChipClosedError

    def get_info(self) -> Any:
        self.refuse_closed()
        return gpiod.ChipInfo("gpiochip", self.device.label, self.device.num_lines)

    def get_line_info(self, line: Any) -> Any:
        self.refuse_closed()
        consumer = self.device.consumers.get(line)
        return gpiod.LineInfo(line, "", consumer is not None, consumer or "", 2, False, 1, 1, 1, 1, False, 0)

    def request_lines(
        self, config: Any, consumer: Any = None, event_buffer_size: Any = None, output_values: Any = None
    ) -> LineRequest:
        self.refuse_closed()
        settings = {line: its for lines, its in config.items() for line in lines}
        if any(line >= self.device.num_lines for line in settings):
            raise ValueError("line offset of out range")
        if any(line in self.device.consumers for line in settings):
            raise OSError(errno.EBUSY, "Device or resource busy")
        if any(its.direction == Direction.OUTPUT and its.edge_detection != Detection.NONE for its in settings.values()):
            raise OSError(errno.EINVAL, "Invalid argument")
        self.device.consumers |= dict.fromkeys(settings, consumer or "?")
        request = LineRequest((self.device, settings, min(event_buffer_size or 16 * len(settings), 1024)))
        outputs = {line: its.output_value for line, its in settings.items() if its.direction == Direction.OUTPUT}
        if outputs:
            request.set_values(outputs)
        self.device.requests.append(request)
        return request


def fake_gpiod(devices: dict[str, Device]) -> ModuleType:
    fake = ModuleType("gpiod")
    vars(fake).update(LineSettings=gpiod.LineSettings, line=gpiod.line, LineRequest=LineRequest)
    vars(fake).update(EdgeEvent=gpiod.EdgeEvent)
    vars(fake).update(Chip=type("Chip", (Chip,), {"devices": devices}))
    vars(fake).update(is_gpiochip_device=lambda path: os.path.realpath(path) in devices)
    return fake


class Board:
    """A machine with GPIO chips, as far as a driver can tell."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *labels: str) -> None:
        self.folder = folder
        self.devices = {str(folder / f"gpiochip{number}"): Device(label) for number, label in enumerate(labels)}
        for path in self.devices:
            Path(path).touch()
        monkeypatch.setitem(sys.modules, "gpiod", fake_gpiod(self.devices))

    def claim(self, *lines: int, chip: str = "pinctrl-rp1", active_low: bool = False) -> GpioLines:
        return GpioLines(chip, lines, active_low=active_low, devices=self.folder)

    def watch(self, *inputs: Input, counting: tuple[int, ...] = (), at_ns: int = 0) -> GpioInputs:
        return GpioInputs("pinctrl-rp1", inputs, counting=counting, devices=self.folder, now_ns=lambda: at_ns)

    def device(self, label: str = "pinctrl-rp1") -> Device:
        return next(device for device in self.devices.values() if device.label == label)

    def levels(self) -> dict[int, bool]:
        return self.device().high


class Station:
    """Output processes on the recorder's file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "outputs.jsonl"
        self.pipe = folder / "inputs.pipe"
        self.errors = folder / "errors.txt"
        self.opened: list[ProcessOutputs] = []

    def open(self, heartbeat_ms: float = 10_000, late_ms: float = 1_000, wiring: Wiring = PLAIN) -> ProcessOutputs:
        timing = Timing(heartbeat_ms=heartbeat_ms, late_ms=late_ms)
        self.opened.append(ProcessOutputs(self.settings, wiring, timing))
        return self.opened[-1]

    @property
    def settings(self) -> RecorderOutputs:
        return RecorderOutputs(path=str(self.path), inputs=str(self.pipe))

    def play(self, *edges: tuple[int, bool]) -> None:
        rows = [json.dumps({"line": line, "active": active}) + "\n" for line, active in edges]
        # As the shell's `>` would; a line at a time, for the pipe takes no more than it holds.
        with self.pipe.open("w") as pipe:
            pipe.writelines(rows)

    def open_active(self, heartbeat_ms: float = 10_000) -> ProcessOutputs:
        """Outputs with line 5 active for a minute."""
        outputs = self.open(heartbeat_ms)
        now_ns = time.monotonic_ns()
        outputs.send([Pulse(line=5, on_ns=now_ns, off_ns=now_ns + 60 * SECOND_NS, item=0)])
        self.until(outputs, lambda report: isinstance(report, Switched) and report.active)
        return outputs

    def rows(self, line: int) -> list[tuple[int, bool]]:
        rows = [json.loads(row) for row in self.path.read_text().splitlines()]
        return [(row["at_ns"], row["active"]) for row in rows if row["line"] == line]

    def wait_until_released(self) -> None:
        """The recorder holds its file until its process ends; the kernel wakes us then."""
        with self.path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)

    def until(self, outputs: ProcessOutputs, wanted: Callable[[Report], bool]) -> list[Report]:
        """Everything reported until a report that is wanted."""
        seen = outputs.reports()  # what `send` has taken in no longer wakes `select`
        while not any(map(wanted, seen)):
            readable, _, _ = select.select([outputs], [], [], 30)
            assert readable, seen
            seen += outputs.reports()
        return seen

    def until_safe(self, outputs: ProcessOutputs) -> list[Report]:
        return self.until(outputs, lambda report: isinstance(report, MadeSafe))


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, boards: Callable[..., Board]) -> Board:
    return boards("raspberrypi-exp-gpio", "pinctrl-rp1")


@pytest.fixture
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Board]:
    """Makes a machine with chips of these labels."""
    if gpiod is None:
        pytest.skip("gpiod is not installed")
    return lambda *labels: Board(tmp_path, monkeypatch, *labels)


@pytest.fixture
def fakes() -> SimpleNamespace:
    return SimpleNamespace(Chip=Chip, LineRequest=LineRequest, module=fake_gpiod({}))


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    station = Station(tmp_path)
    yield station
    for outputs in station.opened:
        outputs.close()
