"""The bundle's model on the TFLite runtime: LiteRT, or tflite-runtime where LiteRT has no wheel."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.archive import Bundle
from sortline_bundle.errors import BundleError, ConfigError
from sortline_bundle.photographs import decode_image
from sortline_bundle.preprocess import Box, preprocess
from sortline_bundle.quiet import quiet
from sortline_bundle.scores import log_scores


class TfliteClassifier:
    """Runs one bundle's model; implements `ports.Classifier`. Not for use by two threads at once."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        """Load the model and hold it against the manifest.

        Args:
            bundle: With model and manifest.
            threads: One is steadiest where other processes need the cores too.

        Raises:
            BundleError: the model does not load, or is not the one the manifest describes.
            ConfigError: no TFLite runtime is installed.
        """
        self._spec = bundle.manifest.input
        interpreter_class = _interpreter_class()
        try:
            with quiet():
                self._interpreter: Any = interpreter_class(model_content=bundle.model, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as cause:
            raise BundleError(f"the bundle's model cannot be loaded: {cause}") from None
        self._input, self._output = _only_tensors(self._interpreter)
        _hold_against_manifest(bundle, self._input, self._output)
        self._scale: float = 1.0
        self._zero: int = 0
        if self._output["dtype"] != np.float32:
            self._scale, self._zero = self._output["quantization"]

    def logits(
        self, image: NDArray[np.uint8], box: Box | None = None, order: Literal["RGB", "BGR"] = "RGB"
    ) -> NDArray[np.float32]:
        """Look at one item: `(C,) float32` logits for the part of `image` inside `box` (default: all of it)."""
        # A view that lives on while the model runs makes the runtime refuse, so it is not given a name.
        preprocess(image, self._spec, self._interpreter.tensor(self._input["index"])()[0], box, order)
        self._interpreter.invoke()
        raw = self._interpreter.get_tensor(self._output["index"])[0]
        return np.asarray((raw.astype(np.float32) - self._zero) * self._scale, dtype=np.float32)


def check_golden(bundle: Bundle, classifier: TfliteClassifier) -> float:
    """Let the bundle's own images be classified on this machine.

    Returns:
        The largest difference of any score from what the bundle says it must be.

    Raises:
        BundleError: a difference is above the tolerance.
    """
    worst = 0.0
    for golden in bundle.manifest.golden:
        logits = classifier.logits(decode_image(bundle.members[golden.member]))
        scores = np.exp(log_scores(logits, bundle.manifest.calibration.temperature))
        difference = float(np.abs(scores - np.array(golden.scores)).max())
        if difference > golden.tolerance:
            raise BundleError(
                f"{golden.member} gives scores that differ by {difference:.3f} from those of the workshop"
                f" (at most {golden.tolerance} is allowed); this machine's runtime does not run the model rightly"
            )
        worst = max(worst, difference)
    return worst


def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ModuleNotFoundError:
            raise ConfigError(
                "no TFLite runtime is installed: pip install 'sortline[edge]', on 32-bit systems 'sortline[tflite]'"
            ) from None
    return Interpreter


def _only_tensors(interpreter: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1:
        raise BundleError(
            f"the model has {len(inputs)} inputs and {len(outputs)} outputs where one of each is expected"
        )
    return inputs[0], outputs[0]


def _hold_against_manifest(bundle: Bundle, source: dict[str, Any], target: dict[str, Any]) -> None:
    spec, classes = bundle.manifest.input, len(bundle.manifest.classes)
    said = {
        "input": ((1, spec.height, spec.width, 3), spec.dtype),
        "output": ((1, classes), bundle.manifest.output.dtype),
    }
    for name, tensor in (("input", source), ("output", target)):
        is_ = (tuple(int(side) for side in tensor["shape"]), np.dtype(tensor["dtype"]).name)
        if is_ != said[name]:
            raise BundleError(f"the manifest says that the model's {name} is {said[name]}, but it is {is_}")
