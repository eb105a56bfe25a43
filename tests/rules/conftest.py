"""The source tree as the rules see it: parsed, never imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("bundle", "train", "convert", "edge", "fleet")


class Named:
    """Something with a dotted module name."""

    module: str

    def within(self, *places: str) -> bool:
        """Whether this is one of `places`, given by dotted name, or lies in one."""
        return any(f"{self.module}.".startswith(f"{place}.") for place in places)


@dataclass(frozen=True)
class Import(Named):
    """One imported module, the line, and whether it is imported along with the file itself."""

    module: str
    line: int
    at_top: bool


@dataclass(frozen=True)
class Source(Named):
    """One Python file; `module` is its dotted name, empty outside the five packages."""

    path: Path
    module: str = ""

    def __str__(self) -> str:
        return self.module or self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=str(self.path))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        return tuple(_imports(self.tree, self._package, at_top=True))

    @property
    def _package(self) -> str:
        return self.module if self.path.name == "__init__.py" else self.module.rpartition(".")[0]


def _imports(node: ast.AST, package: str, *, at_top: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        for name in _named(child, package):
            yield Import(name, child.lineno, at_top)
        deeper = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _imports(child, package, at_top=at_top and not deeper)


def _named(node: ast.AST, package: str) -> list[str]:
    """The modules a statement imports. `from a import b` may mean the module `a.b`, so that is what it counts as."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=origin, names=names, level=level):
            above = package.rsplit(".", level - 1)[0] if level else ""
            place = ".".join(part for part in (above, origin) if part)
            return [f"{place}.{alias.name}" for alias in names]
        case ast.Call(
            func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            return [name]
    return []


def _package_files() -> list[Source]:
    return [
        Source(path, _dotted(path.relative_to(ROOT / room)))
        for room in ROOMS
        for path in sorted((ROOT / room / f"sortline_{room}").rglob("*.py"))
    ]


def _dotted(path: Path) -> str:
    parts = path.parent.parts if path.name == "__init__.py" else path.with_suffix("").parts
    return ".".join(parts)


SOURCES = _package_files()
OTHERS = [Source(path) for folder in ("tests", "demo") for path in sorted((ROOT / folder).rglob("*.py"))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`source`: every module of the five packages in turn; `python_file`: those and every file of tests and demo."""
    for name, files in (("source", SOURCES), ("python_file", SOURCES + OTHERS)):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, files, ids=str)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    """Every module of the five packages."""
    return SOURCES
