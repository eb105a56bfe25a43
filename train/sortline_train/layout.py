"""How a folder of photographs is laid out: class folders, or parts that the engineer made, each of class folders."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from sortline_bundle.errors import PhotographError
from sortline_bundle.photographs import Photograph, list_photographs
from sortline_train.run import Part

_PARTS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "calibration": "calibration",
    "test": "test",
    "testing": "test",
}


class Entry(NamedTuple):
    """A photograph's file, its class, and the part the engineer put it into; None where there are no parts."""

    path: Path
    class_name: str
    part: Part | None


def list_entries(folder: Path) -> list[Entry]:
    """List the photographs of a folder, by part, class and name.

    The folder holds one folder per class; or only folders named like parts (`train` or `training`; `validation`,
    `valid` or `val`; `calibration`; `test` or `testing`; in any case of letters), each with one folder per class. Of
    the parts `train` must be there. Hidden entries are passed over, and links to folders inside a class are not
    followed.

    Raises:
        PhotographError: a folder is missing, cannot be read, is empty or leads back to the one it lies in; or the parts
            do not have the same classes.
    """
    if not folder.is_dir():
        raise PhotographError(f"{folder} is not a folder of class folders")
    try:
        folders = _folders(folder)
        if not folders or any(place.name.lower() not in _PARTS for place in folders):
            return [Entry(path, name, None) for path, name in _list(folder)]
        parts = _name_parts(folder, folders)
        _check_classes(parts)
        return [Entry(path, name, part) for part, place in parts.items() for path, name in _list(place)]
    except OSError as cause:
        _refuse(cause)


def _list(folder: Path) -> list[Photograph]:
    """As `list_photographs`, which passes in silence over folders that it may not read."""
    for place in _folders(folder):
        if folder.resolve().is_relative_to(place.resolve()):
            raise PhotographError(f"{place} is a link that leads back to where it lies; remove it")
        for _ in os.walk(place, onerror=_refuse):
            pass
    return list_photographs(folder)


def _folders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.name[0] != "." and entry.is_dir())


def _name_parts(folder: Path, folders: Sequence[Path]) -> dict[Part, Path]:
    parts: dict[Part, Path] = {}
    for place in folders:
        part = _PARTS[place.name.lower()]
        if part in parts:
            raise PhotographError(f"{parts[part]} and {place} are both the {part} part; join them")
        parts[part] = place
    if "train" not in parts:
        names = ", ".join(place.name for place in folders)
        raise PhotographError(f"{folder} is divided into {names}, but has no folder `train`; add it")
    return parts


def _check_classes(parts: dict[Part, Path]) -> None:
    classes = {part: {place.name for place in _folders(where)} for part, where in parts.items()}
    for part, names in classes.items():
        for name in sorted(names ^ classes["train"]):
            there, lacking = (parts["train"], parts[part])[:: 1 if name in classes["train"] else -1]
            raise PhotographError(f"class {name!r} is in {there} but not in {lacking}; all parts need the same classes")


def _refuse(cause: OSError) -> NoReturn:
    raise PhotographError(f"{cause.filename} cannot be read: {cause.strerror}; correct its permissions") from None
