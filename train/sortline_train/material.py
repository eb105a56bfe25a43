"""The photographs of a run as training takes them: pixels, outlines and classes, part by part."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sortline_bundle.preprocess import InputSpec
from sortline_train.examples import Examples
from sortline_train.masks import open_masks
from sortline_train.pixels import open_pixels
from sortline_train.plan import Plan
from sortline_train.rows import Rows
from sortline_train.run import Part, Record


class Material:
    """What the photographs of a plan, or of a finished run, look like, mapped from the cache."""

    def __init__(self, plan: Plan | Record, spec: InputSpec, cache: Path) -> None:
        """Map the pixels that are in `cache`, and make the others.

        Raises:
            PhotographError: a photograph changed since the plan was made.
            OSError: the disk has no room.
        """
        self._plan, self._spec, self._cache = plan, spec, cache
        self._labels = np.array([plan.classes.index(file.class_name) for file in plan.files], np.int64)
        self._pixels = open_pixels(*self._files(range(len(plan.files))), spec, cache)

    def examples(self, *parts: Part) -> Examples:
        """The photographs of some parts."""
        chosen = self._of(parts)
        return Examples(self._pixels.select(chosen), self._labels[chosen])

    def masks(self, *parts: Part) -> Rows:
        """Outlines of the items of some parts."""
        return open_masks(*self._files(self._of(parts)), self._spec, self._cache)

    def paths(self, part: Part) -> tuple[str, ...]:
        """Where the photographs of a part are, below the folder."""
        return tuple(self._plan.files[nth].path for nth in self._of((part,)))

    def _of(self, parts: Sequence[Part]) -> list[int]:
        return [nth for nth, file in enumerate(self._plan.files) if file.part in parts]

    def _files(self, chosen: Sequence[int]) -> tuple[list[Path], list[str]]:
        files = [self._plan.files[nth] for nth in chosen]
        return [Path(self._plan.photographs) / file.path for file in files], [file.sha256 for file in files]
