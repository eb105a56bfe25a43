"""What every module looks like: short, documented, and importing each package by its one name."""

import ast
import statistics

LONGEST = 400
MEDIAN = 200
ROOMS = ("bundle", "train", "convert", "edge", "fleet")


def lines(source):
    return len(source.text.splitlines())


def test_no_module_is_longer_than_one_thought(python_file):
    assert lines(python_file) <= LONGEST, (
        f"{python_file.path} has {lines(python_file)} lines; split it by what it is about"
    )


def test_most_modules_are_short(sources):
    assert statistics.median(lines(source) for source in sources if lines(source) > 1) <= MEDIAN


def test_every_public_name_is_documented(source):
    missing = [f"{source.path}:{line} {name}" for name, line in undocumented(source.tree, source.module)]
    assert not missing


def undocumented(node, name):
    """Every public definition without a docstring, as (dotted name, line). What is inside a function is private."""
    if not ast.get_docstring(node):
        yield name, getattr(node, "lineno", 1)
    for child in definitions(node):
        if not child.name.startswith("_") and not changes_a_property(child):
            yield from undocumented(child, f"{name}.{child.name}")


def definitions(node):
    """Functions and classes of a module or class, those under `if` and `try` included."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child
        elif isinstance(child, ast.stmt | ast.ExceptHandler):
            yield from definitions(child)


def changes_a_property(node):
    """The getter documents a property; its setter and deleter have nothing to add."""
    return any(
        isinstance(decorator, ast.Attribute) and decorator.attr in {"setter", "deleter"}
        for decorator in node.decorator_list
    )


def test_packages_are_imported_by_their_own_names(python_file):
    # `import edge` works at the top of the repository, and would make every class a second time.
    assert not [
        f"{python_file.path}:{found.line} imports {found.module}"
        for found in python_file.imports
        if found.within(*ROOMS)
    ]


def test_a_name_without_docstring_is_found():
    tree = ast.parse(
        '"""M."""\n'
        "class A:\n"
        '    """A."""\n'
        "    def seen(self): ...\n"
        "    def _hidden(self): ...\n"
        "if True:\n"
        "    def under_if():\n"
        "        def inside(): ...\n"
    )
    assert [name for name, _ in undocumented(tree, "m")] == ["m.A.seen", "m.under_if"]
