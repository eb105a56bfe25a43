"""A first load of a model file that nobody vouches for, in a process that may die of it.

tflite-runtime 2.14 reads wherever a damaged offset points to, and the process is gone; LiteRT looks first, at what it
knows to look at. So the file is loaded and run once in a child with limits of memory and time, and whatever becomes of
the child, the caller lives on with the facts or a refusal. This contains accidents. It is no sandbox against an
attacker: the child has its user's rights, and signatures are for that.
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import NamedTuple, cast

import msgspec

from sortline_bundle.choices import RuntimeChoice
from sortline_bundle.errors import ConfigError, ContractMismatch, ModelRefused, SortlineError, TryAgainError
from sortline_bundle.manifest import RuntimeName
from sortline_bundle.runtime import Model, Runtime, Tensor, find_runtime
from sortline_bundle.strict import Table, read_json

_REPLY_BYTES = 64 << 10
_STARTED = b"started\n"
_WELL = "ended well"
# Without these, address space goes to threads and arenas that nobody uses.
_FRUGAL = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
_REASONS: dict[str, type[SortlineError]] = {
    kind.__name__: kind for kind in (ModelRefused, ContractMismatch, ConfigError)
}


class Limits(NamedTuple):
    """What the child may use. MobileNetV2 at 224 needs an eighth of the memory, and a hundredth of the time on x86-64.

    Attributes:
        memory_bytes: Address space.
        cpu_s: Processor time.
        wall_s: Time on the clock, for a runtime that waits for something.
    """

    memory_bytes: int = 2 << 30
    cpu_s: int = 60
    wall_s: float = 120.0


class Facts(Table, frozen=True, kw_only=True):
    """What a runtime says of a model that it has loaded and run once.

    Attributes:
        runtime: That loaded it.
        runtime_version: Of the runtime.
        input: Of the model.
        output: Of the model.
    """

    runtime: RuntimeName
    runtime_version: str
    input: Tensor
    output: Tensor


class _Reply(Table, frozen=True, kw_only=True):
    """Of the child: what it found, or the name of an error and its sentence."""

    facts: Facts | None = None
    reason: str | None = None
    message: str = ""


_ORDINARY = Limits()


def probe(model: bytes, runtime: RuntimeChoice = "auto", limits: Limits = _ORDINARY) -> Facts:
    """Load a model file in a child process and run it once on a black picture.

    Args:
        model: The file, from anywhere.
        runtime: To load it with.
        limits: Of the child.

    Raises:
        ModelRefused: it does not load or run, or the child died or reached a limit over it.
        ContractMismatch: it has more inputs or outputs than one.
        ConfigError: the runtime is not installed.
        TryAgainError: the child did not get as far as the model.
    """
    end, out, noise = _run_child(model, runtime, limits)
    if not out.startswith(_STARTED):
        raise TryAgainError(
            f"the process that was to try the model {end} before it began: {noise or 'no reason given'}; run it again"
        )
    if end != _WELL:
        raise ModelRefused(f"the model was tried in a process of its own, which {end}; make or fetch the bundle anew")
    reply = read_json(
        out.removeprefix(_STARTED), _Reply, limit=_REPLY_BYTES, error=ModelRefused, where="answer of the model's trial"
    )
    if reply.facts is None:
        raise _REASONS.get(reply.reason or "", ModelRefused)(reply.message)
    return reply.facts


def _run_child(model: bytes, runtime: RuntimeChoice, limits: Limits) -> tuple[str, bytes, str]:
    """How the child ended, what it answered, and the last line of what else was said."""
    limited = [str(limits.memory_bytes), str(limits.cpu_s)]
    # Files, not pipes: their size is limited too. -P, so that nothing is imported from the folder the caller stands in.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as noise:
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", __spec__.name, runtime, *limited],
                input=model,
                stdout=out,
                stderr=noise,
                timeout=limits.wall_s,
                env={**os.environ, **_FRUGAL},
                check=False,
            )
            end = _describe(done.returncode)
        except subprocess.TimeoutExpired:
            end = f"was not done after {limits.wall_s:g} s"
        for file in (out, noise):
            file.seek(0)
        last = noise.read(_REPLY_BYTES).decode(errors="replace").strip().rpartition("\n")[2]
        return end, out.read(_REPLY_BYTES), last


def _describe(returncode: int) -> str:
    if returncode == 0:
        return _WELL
    if returncode > 0:
        return f"ended with exit code {returncode}"
    if -returncode == signal.SIGXCPU:
        return "used up its processor time"
    return f"was ended by {signal.strsignal(-returncode) or 'a signal'} (signal {-returncode})"


def main(arguments: Sequence[str]) -> None:
    """The child: take the limits, try what comes on the input, answer on the output."""
    runtime, memory_bytes, cpu_s = arguments
    try:
        chosen = find_runtime(cast("RuntimeChoice", runtime))
        _limit(resource.RLIMIT_AS, int(memory_bytes))
        _limit(resource.RLIMIT_CPU, int(cpu_s))
        _limit(resource.RLIMIT_FSIZE, _REPLY_BYTES)
        _limit(resource.RLIMIT_CORE, 0)
        _say(_STARTED)
        reply = _Reply(facts=_try(sys.stdin.buffer.read(), chosen))
    except (ModelRefused, ContractMismatch) as error:
        reply = _Reply(reason=type(error).__name__, message=str(error))
    except ConfigError as error:
        _say(_STARTED)
        reply = _Reply(reason=type(error).__name__, message=str(error))
    _say(msgspec.json.encode(reply))


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _say(answer: bytes) -> None:
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()


def _try(data: bytes, runtime: Runtime) -> Facts:
    model = Model(data, runtime=runtime)
    if model.input.shape:
        model.view()[...] = 0
    model.run()
    return Facts(runtime=runtime.name, runtime_version=runtime.version, input=model.input, output=model.output)


if __name__ == "__main__":
    main(sys.argv[1:])
