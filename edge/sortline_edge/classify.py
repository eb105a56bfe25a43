"""The bundle's model as the station uses it."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.archive import Bundle
from sortline_bundle.choices import RuntimeChoice, ThreadChoice
from sortline_bundle.golden import hold_against_manifest
from sortline_bundle.preprocess import Box, preprocess
from sortline_bundle.runtime import find_runtime
from sortline_bundle.threads import load_model


class TfliteClassifier:
    """Runs one bundle's model; implements `ports.Classifier`. Not for use by two threads at once.

    Attributes:
        model: The model, loaded and held against the manifest.
        threads: How many threads run it, and why.
    """

    def __init__(self, bundle: Bundle, runtime: RuntimeChoice = "auto", threads: ThreadChoice = 1) -> None:
        """Load the model and hold it against the manifest.

        Args:
            bundle: With model and manifest.
            runtime: To run it with.
            threads: To run it on; `auto` measures for a tenth of a second.

        Raises:
            ModelRefused: the model does not load.
            ContractMismatch: the model is not the one the manifest describes.
            ConfigError: the runtime is not installed.
        """
        self.model, self.threads = load_model(bundle.model, threads, find_runtime(runtime))
        hold_against_manifest(bundle.manifest, self.model)
        self._spec = bundle.manifest.input

    def logits(
        self, image: NDArray[np.uint8], box: Box | None = None, order: Literal["RGB", "BGR"] = "RGB"
    ) -> NDArray[np.float32]:
        """Look at one item: `(C,) float32` logits for the part of `image` inside `box` (default: all of it)."""
        preprocess(image, self._spec, self.model.view(), box, order)
        return self.model.run()
