"""What an audit says, as values: one record a photograph, the groups of copies, the classes, and hints.

The JSON of `sortline audit --json` is an `Audit` with its findings; docs/audit.md describes the fields.
"""

from typing import Literal

from sortline_bundle.strict import Table
from sortline_train.run import Part

Copies = Literal["file", "pixels", "near"]
Note = Literal["suffix", "small", "long", "animated", "transparent", "cmyk"]
Source = Literal["size", "camera", "compression"]


class Photograph(Table, frozen=True, kw_only=True):
    """One file. What could not be found out is null.

    Attributes:
        path: Below the audit's folder.
        class_name: The folder it lies in.
        part: The part the engineer put it into, or null.
        bytes: Size of the file.
        sha256: Of the file.
        pixels_sha256: Of the picture's size and its pixels, so that two files with the same picture are alike.
        format: What the file is, whatever its name ends in.
        width: In pixels, as seen, after the turn that EXIF asks for.
        height: In pixels.
        mode: Kind of pixel in Pillow's words, such as RGB, L (grey), P (palette) or CMYK.
        frames: More than 1 for an animated picture.
        orientation: EXIF's, 1 to 8; 1 where it says nothing.
        camera: Maker and model, from EXIF.
        compression: Format; for JPEG also a digest of its quantisation tables, and how colour is subsampled.
        problem: Why it cannot be trained on; null when it can.
        notes: What is unusual about it, though it can be used.
    """

    path: str
    class_name: str
    part: Part | None
    bytes: int | None = None
    sha256: str | None = None
    pixels_sha256: str | None = None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    mode: str | None = None
    frames: int | None = None
    orientation: int | None = None
    camera: str | None = None
    compression: str | None = None
    problem: str | None = None
    notes: tuple[Note, ...] = ()


class Group(Table, frozen=True, kw_only=True):
    """Copies of one photograph.

    Attributes:
        members: Their places among the audit's photographs, in growing order.
        copies: The same file, or the same pixels in other files, or some of them only nearly the same.
        classes: The classes they lie under; more than one is a conflict.
        parts: The parts they lie in; more than one is a leak.
    """

    members: tuple[int, ...]
    copies: Copies
    classes: tuple[str, ...]
    parts: tuple[Part, ...]


class ClassCount(Table, frozen=True, kw_only=True):
    """How many photographs a class has, how many can be used, and how many of those show different things."""

    class_name: str
    photographs: int
    usable: int
    different: int


class Hint(Table, frozen=True, kw_only=True):
    """A class that nearly always has what the others hardly have: a model may learn that instead of the item.

    Attributes:
        class_name: The class.
        source: What its photographs have in common.
        photographs: Of the class that have it.
        value: The size, camera or compression; `none named` for photographs that name no camera.
        share: Of the class's usable photographs that have it.
        elsewhere: Of all other usable photographs.
    """

    class_name: str
    source: Source
    value: str
    photographs: int
    share: float
    elsewhere: float


class Finding(Table, frozen=True, kw_only=True):
    """Something to tell: its kind, how many photographs it touches, a sentence, and a few of them."""

    kind: str
    photographs: int
    sentence: str
    paths: tuple[str, ...] = ()


class Audit(Table, frozen=True, kw_only=True):
    """Everything found.

    Attributes:
        format: Of the JSON.
        folder: What all photographs lie below.
        photographs: In the order they were listed.
        groups: Of copies and near copies.
        classes: By name.
        hints: On one source per class.
    """

    format: Literal["sortline-audit-1"] = "sortline-audit-1"
    folder: str
    photographs: tuple[Photograph, ...]
    groups: tuple[Group, ...]
    classes: tuple[ClassCount, ...]
    hints: tuple[Hint, ...]

    @property
    def unusable(self) -> tuple[int, ...]:
        """Places of the photographs that cannot be trained on."""
        return tuple(nth for nth, photograph in enumerate(self.photographs) if photograph.problem is not None)

    @property
    def conflicts(self) -> tuple[Group, ...]:
        """Copies under more than one class: at least one of the labels is wrong."""
        return tuple(group for group in self.groups if len(group.classes) > 1)

    @property
    def leaks(self) -> tuple[Group, ...]:
        """Copies in more than one part: figures on one of them are partly learnt by heart."""
        return tuple(group for group in self.groups if len(group.parts) > 1)

    @property
    def repeats(self) -> tuple[Group, ...]:
        """Copies within one class and one part."""
        return tuple(group for group in self.groups if len(group.classes) == 1 and len(group.parts) < 2)

    @property
    def imbalance(self) -> float:
        """How many times as many usable photographs the largest class has as the smallest."""
        counts = [one.usable for one in self.classes]
        return max(counts) / min(counts) if min(counts) else float("inf")

    def number_groups(self) -> list[int]:
        """A number for each photograph, the same for all copies of one."""
        numbers = list(range(len(self.photographs)))
        for group in self.groups:
            for member in group.members:
                numbers[member] = group.members[0]
        return numbers
