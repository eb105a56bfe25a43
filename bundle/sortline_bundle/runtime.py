"""The TFLite runtime: chosen here and run here, and nowhere else.

LiteRT (`ai-edge-litert`) is taken where it is installed, else `tflite-runtime`, its predecessor, which has wheels for
32-bit systems too. Both run the same files; their kernels round differently (docs/runtimes.md has the figures).
"""

from typing import Any, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.choices import RuntimeChoice
from sortline_bundle.errors import ConfigError, ContractMismatch, ModelRefused
from sortline_bundle.manifest import RuntimeName
from sortline_bundle.quiet import quiet
from sortline_bundle.strict import Table

_NAMES: tuple[RuntimeName, ...] = get_args(RuntimeName)
_LONGEST_QUOTE = 400
_EXTRAS: dict[RuntimeName, str] = {"litert": "edge", "tflite-runtime": "tflite"}


class Runtime(NamedTuple):
    """A runtime that is installed.

    Attributes:
        name: Which.
        version: Of the installed package.
        interpreter: Its class `Interpreter`, the same in both.
    """

    name: RuntimeName
    version: str
    interpreter: Any

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Tensor(Table, frozen=True, kw_only=True):
    """What a runtime says of a model's input or output.

    Attributes:
        shape: With the batch, which is 1.
        dtype: NumPy's name of it.
        scale: The real number is the stored one less `zero_point`, times this; 0 where nothing is quantised.
        zero_point: The stored number that stands for zero.
    """

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


def find_runtime(choice: RuntimeChoice = "auto") -> Runtime:
    """Import the runtime asked for; `auto` is the first one installed.

    Raises:
        ConfigError: it is not installed, or cannot be imported with what else is installed.
    """
    for name in _NAMES if choice == "auto" else (choice,):
        try:
            return _import(name)
        except ModuleNotFoundError as cause:
            if cause.name not in {"ai_edge_litert", "tflite_runtime"}:
                raise ConfigError(f"{name} is installed but needs {cause.name}: pip install {cause.name}") from None
        except ImportError as cause:
            raise ConfigError(f"{name} is installed but cannot be loaded: {cause}; install it anew") from None
    if choice == "auto":
        raise ConfigError(
            "no TFLite runtime is installed: pip install 'sortline[edge]', on 32-bit systems 'sortline[tflite]'"
        )
    raise ConfigError(f"the runtime {choice} is not installed: pip install 'sortline[{_EXTRAS[choice]}]'")


def _import(name: RuntimeName) -> Runtime:
    if name == "litert":
        import ai_edge_litert
        from ai_edge_litert.interpreter import Interpreter

        return Runtime(name, ai_edge_litert.__version__, Interpreter)
    import tflite_runtime
    from tflite_runtime.interpreter import Interpreter

    if np.lib.NumpyVersion(np.__version__).major >= 2:
        # It imports all the same, and fails with the first model, without saying why.
        raise ConfigError(
            f"tflite-runtime {tflite_runtime.__version__} was built for NumPy 1 and does not run with NumPy"
            f" {np.__version__}: pip install 'numpy<2', or use litert"
        )
    return Runtime(name, tflite_runtime.__version__, Interpreter)


class Model:
    """A TFLite model of one input and one output, ready to run. Not for use by two threads at once.

    Attributes:
        runtime: What runs it.
        input: Its input.
        output: Its output.
    """

    def __init__(self, data: bytes, *, threads: int = 1, runtime: Runtime | None = None) -> None:
        """Load a model of known origin; for an unknown one see `probe`.

        Args:
            data: The TFLite file.
            threads: One is steadiest where other processes need the cores too.
            runtime: To run it with; default: the first one installed.

        Raises:
            ModelRefused: the runtime cannot load it.
            ContractMismatch: it has more inputs or outputs than one.
            ConfigError: no runtime is installed.
        """
        self.runtime = runtime or find_runtime()
        try:
            with quiet():
                self._interpreter = self.runtime.interpreter(model_content=data, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as cause:
            raise ModelRefused(f"the model cannot be loaded by {self.runtime}: {_one_line(cause)}") from None
        sources, targets = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if len(sources) != 1 or len(targets) != 1:
            raise ContractMismatch(
                f"the model has {len(sources)} inputs and {len(targets)} outputs where one of each is expected"
            )
        self.input, self.output = _describe(sources[0]), _describe(targets[0])
        self._source, self._target = sources[0]["index"], targets[0]["index"]

    def view(self) -> NDArray[Any]:
        """The input's memory without the batch, `input.shape[1:]`, to be written to before `run`.

        Use it up at once: the runtime refuses to run while a view is alive.
        """
        return cast("NDArray[Any]", self._interpreter.tensor(self._source)()[0])

    def run(self) -> NDArray[np.float32]:
        """The answer to what stands in the input: `output.shape[1:] float32`, dequantised.

        Raises:
            ModelRefused: the runtime gives up in the middle.
        """
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as cause:
            raise ModelRefused(f"the model cannot be run by {self.runtime}: {_one_line(cause)}") from None
        raw = self._interpreter.get_tensor(self._target)[0].astype(np.float32, copy=False)
        if self.output.dtype == "float32":
            return cast("NDArray[np.float32]", raw)
        return np.asarray((raw - self.output.zero_point) * self.output.scale, dtype=np.float32)


def _describe(details: dict[str, Any]) -> Tensor:
    scale, zero_point = details["quantization"]
    return Tensor(
        shape=tuple(int(side) for side in details["shape"]),
        dtype=np.dtype(details["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )


def _one_line(cause: Exception) -> str:
    """What a runtime says, fit for a sentence: it may quote the file, which may hold anything."""
    text = " ".join(str(cause).split())
    return "".join(letter for letter in text[:_LONGEST_QUOTE] if letter.isprintable())
