"""A model run over many pictures, on all cores."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.progress import progress
from sortline_bundle.runtime import Model, Runtime

Floats = NDArray[np.float32]
Picture = Callable[[int], NDArray[np.uint8]]
_THREADS = os.cpu_count() or 1


class Models:
    """The same model once for each core, of one thread each: two of them do more than one of two threads."""

    def __init__(self, file: bytes, runtime: Runtime | None = None) -> None:
        """Load them; errors as in `Model`."""
        models = [Model(file, runtime=runtime) for _ in range(_THREADS)]
        self._shape = models[0].output.shape[1:]
        self._idle: SimpleQueue[Model] = SimpleQueue()
        for model in models:
            self._idle.put(model)

    def one(self, picture: NDArray[np.uint8]) -> Floats:
        """The answer to one picture, `(H, W, 3) uint8 RGB`; from any thread."""
        model = self._idle.get()
        try:
            model.view()[...] = picture
            return model.run()
        finally:
            self._idle.put(model)

    def run(self, picture: Picture, count: int, title: str) -> Floats:
        """The answers to the pictures `picture(0)` to `picture(count - 1)`.

        Args:
            picture: Makes the nth; called from several threads.
            count: How many there are.
            title: For the progress bar.

        Returns:
            `(count, ...) float32`.
        """
        out = np.empty((count, *self._shape), np.float32)

        def go(nth: int) -> None:
            out[nth] = self.one(picture(nth))
            advance(1)

        with progress(title, count) as advance, ThreadPoolExecutor(_THREADS) as pool:
            for _ in pool.map(go, range(count)):
                pass
        return out
