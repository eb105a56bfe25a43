"""Which array of a backbone each array of a Keras file is, by the names in the file."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import h5py

from sortline_train.weights.layout import Layout, Slot

Found = Mapping[Slot, h5py.Dataset]
# As Keras 2 and Keras 1 called them.
_OLD_WEIGHTS = {"depthwise_kernel": "kernel", "W": "kernel", "b": "bias"}


class _Entry(NamedTuple):
    path: str
    data: h5py.Dataset


def find_arrays(content: h5py.File, layout: Layout) -> Found:
    """The arrays of `layout` in an opened file: as many as are there, whatever their shapes.

    Understood are Keras 3's `.weights.h5`, where layers are counted by their class, and the older layout with their
    names (`LAYER/.../WEIGHT:0`), alone or inside a whole saved model, on their own or nested in another network.
    """
    entries = list(_visited(content))
    counted, named = _by_count(entries, layout), _by_name(content, layout)
    return max(counted, named, key=lambda found: sum(data.shape == slot.shape for slot, data in found.items()))


def _visited(group: h5py.Group) -> Iterator[_Entry]:
    entries: list[_Entry] = []

    def keep(path: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            entries.append(_Entry(path, item))

    group.visititems(keep)
    yield from entries


def _by_count(entries: list[_Entry], layout: Layout) -> Found:
    """Below one group of a Keras 3 file: the one with the most of them, since networks may be nested."""
    paths = dict(entries)
    first = layout[0].stored
    groups = [path.removesuffix(first) for path in paths if f"/{path}".endswith(f"/{first}")]
    founds = [{slot: paths[group + slot.stored] for slot in layout if group + slot.stored in paths} for group in groups]
    return max(founds, key=len, default={})


def _by_name(content: h5py.File, layout: Layout) -> Found:
    """In a file of the older layout, whose attributes say in which order its layers were in the network."""
    group = content.get("model_weights", content)
    listed = list(_listed(group))
    named = {_plain(slot.layer): slot.layer for slot in layout if not slot.counted}
    slots = {(slot.layer, slot.weight): slot for slot in layout}
    # Running numbers differ from file to file; only the order of the layers counts. Without it nothing is known.
    count = _Counter({slot.layer.rstrip("_0123456789") for slot in layout if slot.counted} if listed else set())
    found = {}
    for path, data in listed or _visited(group):
        *groups, leaf = path.split("/")
        slot = slots.get((_named(groups, named) or count(groups) or "", _weight(leaf)))
        if slot:
            found[slot] = data
    return found


def _listed(group: h5py.Group) -> Iterator[_Entry]:
    for layer in map(_text, group.attrs.get("layer_names", ())):
        home = group.get(layer)
        for weight in map(_text, home.attrs.get("weight_names", ()) if home else ()):
            data = home.get(weight)
            if isinstance(data, h5py.Dataset):
                yield _Entry(f"{layer}/{weight}", data)


def _text(name: str | bytes) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def _plain(name: str) -> str:
    """`Conv/BatchNorm`, as Keras 2 called it in MobileNetV3, and `conv_bn`, as Keras 3 does, are one."""
    return name.lower().replace("/", "_").replace("batchnorm", "bn")


def _named(groups: list[str], named: Mapping[str, str]) -> str | None:
    # From the right, since a network saved inside another one lies deeper; runs of groups, since a layer's name may
    # hold a slash; and not only the innermost, since old files may number that one (`Conv1/Conv1_1/kernel:0`).
    for end in range(len(groups), 0, -1):
        for start in range(end):
            layer = named.get(_plain("/".join(groups[start:end])))
            if layer:
                return layer
    return None


def _weight(leaf: str) -> str:
    name = leaf.partition(":")[0]
    old = re.fullmatch(r".*_(W|b)(?:_\d+)?", name)  # block1_conv1_W_1, in the files of Keras 1
    name = old[1] if old else name
    return _OLD_WEIGHTS.get(name, name)


class _Counter:
    """Counts a file's layers of each kind anew, in the order they come."""

    def __init__(self, kinds: set[str]) -> None:
        self._pattern = re.compile(rf"({'|'.join(map(re.escape, sorted(kinds)))})(_\d+)?")
        self._seen: dict[str, dict[str, str]] = defaultdict(dict)

    def __call__(self, groups: list[str]) -> str | None:
        matched = self._pattern.fullmatch(groups[-1]) if groups else None
        if not matched:
            return None
        kind = matched[1]
        seen = self._seen[kind]
        return seen.setdefault(matched[0], f"{kind}_{len(seen)}" if seen else kind)
