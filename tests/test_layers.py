"""The house has one way through: nothing imports from a layer above its own, and no modules import in a circle.

What this table says is what CONTRIBUTING.md draws; a new room needs a line in both.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = (
    ("cli",),
    ("tables", "commands"),
    ("steps",),
    ("page",),
    ("findings",),
    ("plots",),
    ("counting",),
    ("work",),
    ("predictors",),
    ("engines",),
    ("training",),
    ("run",),
    ("store",),
    ("plan",),
    ("families",),
    ("datasets",),
    ("analysis",),
    ("files",),
    ("reports",),
    ("errors", "streams", "text", "cores", "imports", "torchvision_import", "under_way", "version"),
)
HEIGHT = {room: -number for number, layer in enumerate(LAYERS) for room in layer}
DOORS = ("memscope", "memscope.__main__")
"""The package itself, which hands out public names, and `python -m memscope`."""


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def package_of(module: str) -> str:
    """Where the dots of a module's imports start."""
    return module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]


FILES = {module_of(file): file for file in sorted((ROOT / "memscope").rglob("*.py"))}


def named_by(node: ast.ImportFrom, package: str) -> str:
    """The module of `from MODULE import ...`, in full; its dots start from the package that the statement is in."""
    if not node.level:
        return node.module or ""
    start = package.split(".")[: len(package.split(".")) + 1 - node.level]
    return ".".join([*start, *([node.module] if node.module else [])])


def imported(nodes: list[ast.AST], package: str) -> set[str]:
    """The modules of memscope that some import statements in a package name."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            module = named_by(node, package)
            names = [f"{module}.{alias.name}" for alias in node.names]
            found |= {name if name in FILES else module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.partition(".")[0] == "memscope" and name in FILES}


def imports_of(source: str, inside_functions: bool = True, package: str = "memscope") -> set[str]:
    """What a module of a package imports; without `inside_functions` only what it needs to be imported itself."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    if not inside_functions:
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        hidden = {id(inner) for function in functions for inner in ast.walk(function)}
        nodes = [node for node in nodes if id(node) not in hidden]
    return imported(nodes, package)


def room_of(module: str) -> str:
    return module.split(".")[1]


def upward(imports: dict[str, set[str]]) -> list[str]:
    """Every import of a module from a room above that of its own."""
    return [
        f"{module} imports {other}"
        for module, others in imports.items()
        for other in sorted(others)
        if module not in DOORS and (other in DOORS or HEIGHT[room_of(other)] > HEIGHT[room_of(module)])
    ]


def circle(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle; empty if there are none."""
    left = {module: set(others) for module, others in imports.items()}
    while True:
        free = [module for module, others in left.items() if not others & left.keys()]
        if not free:
            return sorted(left)
        for module in free:
            del left[module]


def test_every_room_has_its_line_in_the_table():
    assert {room_of(module) for module in FILES if module not in DOORS} == set(HEIGHT)


def test_nothing_imports_from_a_layer_above_its_own():
    assert (
        upward({module: imports_of(file.read_text(), package=package_of(module)) for module, file in FILES.items()})
        == []
    )


def test_no_modules_import_each_other_in_a_circle():
    imports = {
        module: imports_of(file.read_text(), inside_functions=False, package=package_of(module))
        for module, file in FILES.items()
    }
    # a package that is imported for one of its modules is no part of a circle
    assert circle(imports) == []


def test_an_arrow_up_and_a_circle_would_be_seen():
    known = "memscope.store.ledger"
    assert known in FILES
    assert upward({known: imports_of("from memscope.run import Run")}) == [f"{known} imports memscope.run"]
    assert upward({known: imports_of("def f():\n    import memscope.cli.score")}) == [
        f"{known} imports memscope.cli.score"
    ]
    for source in ("from .. import run", "from ..run import Run", "def f():\n    from .. import run"):
        assert upward({known: imports_of(source, package=package_of(known))}) == [f"{known} imports memscope.run"]
    assert imports_of("from . import ledger", package="memscope.store") == {known}
    assert imports_of("from .ledger import *", package="memscope.store") == {known}
    assert imports_of("from . import cores") == {"memscope.cores"}
    assert upward({"memscope.run": imports_of("from memscope.store import ledger")}) == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c", "d"]
    assert circle({"a": {"b"}, "b": set()}) == []
    assert imports_of("def f():\n    import memscope.run", inside_functions=False) == set()


@pytest.mark.parametrize("room", [room for layer in LAYERS for room in layer])
def test_contributing_names_every_room(room):
    assert f"{room}/" in (page := (ROOT / "CONTRIBUTING.md").read_text()) or f"{room}.py" in page
