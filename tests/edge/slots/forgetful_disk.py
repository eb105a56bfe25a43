"""A disk in memory that can lose its power after any step, and then forgets as disks may."""

from dataclasses import dataclass, field
from typing import Literal

# What is there after the cut: all that was done; files whose bytes were not synced are empty, or half there; names that
# were not synced are as before; or both.
World = Literal["all kept", "data lost", "data torn", "names lost", "both lost"]
WORLDS: tuple[World, ...] = ("all kept", "data lost", "data torn", "names lost", "both lost")


class PowerCut(BaseException):
    """Not an error that anybody may catch."""


@dataclass
class File:
    data: bytes = b""
    kept: bytes | None = None


@dataclass
class Link:
    target: str


@dataclass
class Folder:
    names: dict[str, "Node"] = field(default_factory=dict)
    kept: dict[str, "Node"] = field(default_factory=dict)


Node = File | Link | Folder


class ForgetfulFs:
    """An `Fs` whose steps are counted.

    Attributes:
        steps: How many changes were made.
        cut_after: The power goes before the next change after so many.
        fails_at: The change with this number fails with this error instead, and so do all later ones if `for_good`.
    """

    def __init__(self, root: Folder | None = None) -> None:
        self.root = root or Folder()
        self.steps = 0
        self.cut_after: int | None = None
        self.fails_at: tuple[int, OSError] | None = None
        self.for_good = False
        self.free = 1 << 30
        self.log: list[str] = []

    def after(self, world: World) -> "ForgetfulFs":
        """The disk as it is when the power is back."""
        return ForgetfulFs(_revive(self.root, world))

    def read(self, name: str, limit: int) -> bytes:
        node = self._find(name)
        assert isinstance(node, File)
        return node.data[: limit + 1]

    def names(self, folder: str) -> list[str]:
        try:
            return list(self._folder(folder).names)
        except FileNotFoundError:
            return []

    def target(self, name: str) -> str | None:
        node = self.root.names.get(name)
        return node.target if isinstance(node, Link) else None

    def free_bytes(self) -> int:
        return self.free

    def make_folder(self, name: str) -> None:
        self._step(f"make folder {name}")
        folder, last = self._parent(name)
        assert last not in folder.names
        folder.names[last] = Folder()

    def write(self, name: str, data: bytes) -> None:
        self._step(f"write {name}")
        folder, last = self._parent(name)
        old = folder.names.get(last)
        if isinstance(old, File):
            old.data = data
        else:
            folder.names[last] = File(data)

    def make_link(self, name: str, target: str) -> None:
        self._step(f"link {name}")
        folder, last = self._parent(name)
        assert last not in folder.names
        folder.names[last] = Link(target)

    def rename(self, name: str, onto: str) -> None:
        self._step(f"rename {name} onto {onto}")
        folder, last = self._parent(name)
        other, new = self._parent(onto)
        other.names[new] = folder.names.pop(last)

    def remove(self, name: str) -> None:
        self._step(f"remove {name}")
        node = self._find(name)
        folder, last = self._parent(name)
        assert not isinstance(node, Folder) or not node.names
        del folder.names[last]

    def sync(self, name: str) -> None:
        self._step(f"sync {name}")
        node = self._find(name)
        if isinstance(node, File):
            node.kept = node.data
        elif isinstance(node, Folder):
            node.kept = dict(node.names)

    def _step(self, what: str) -> None:
        if self.cut_after is not None and self.steps >= self.cut_after:
            raise PowerCut
        self.steps += 1
        if self.fails_at and (self.steps == self.fails_at[0] or (self.for_good and self.steps > self.fails_at[0])):
            raise self.fails_at[1]
        self.log.append(what)

    def _find(self, name: str) -> Node:
        node: Node = self.root
        for part in name.split("/"):
            if part == ".":
                continue
            if not isinstance(node, Folder) or part not in node.names:
                raise FileNotFoundError(2, "No such file or directory", name)
            node = node.names[part]
        return node

    def _folder(self, name: str) -> Folder:
        node = self._find(name)
        assert isinstance(node, Folder)
        return node

    def _parent(self, name: str) -> tuple[Folder, str]:
        above, _, last = name.rpartition("/")
        return self._folder(above or "."), last


def _revive(folder: Folder, world: World) -> Folder:
    names = folder.kept if world in ("names lost", "both lost") else folder.names
    alive = {name: _revived(node, world) for name, node in names.items()}
    return Folder(alive, dict(alive))


def _revived(node: Node, world: World) -> Node:
    if isinstance(node, Folder):
        return _revive(node, world)
    if isinstance(node, Link):
        return node
    data = node.data
    if node.kept != node.data and world in ("data lost", "both lost"):
        data = b""  # making it anew began with making it empty
    elif node.kept != node.data and world == "data torn":
        data = node.data[: len(node.data) // 2]
    return File(data, data)
