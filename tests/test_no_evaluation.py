"""The package's source evaluates nothing that a file says; where it runs code of the user's is listed."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "memscope"

FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "literal_eval"}
FORBIDDEN_MODULES = {
    "pickle",
    "cPickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
    "yaml",
    "code",
    "runpy",
}
NAMES_OF_LOADERS = {("np", "load"), ("numpy", "load"), ("torch", "load"), ("pickle", "load"), ("pickle", "loads")}

ALLOWED = {
    ("memscope/__init__.py", "import_module"): "our own modules, by a table in the source",
    ("memscope/cli/__init__.py", "import_module"): "our own commands, by a table in the source",
    ("memscope/cli/stored.py", "import_module"): "our own tables, by the names of results in the source",
    ("memscope/commands.py", "import_module"): "our own steps, by a table in the source",
    ("memscope/datasets/__init__.py", "import_module"): "our own loaders, by a table in the source",
    ("memscope/store/stored_reports.py", "import_module"): "our own reports, by a table in the source",
    ("memscope/page/sections/others.py", "import_module"): "our own screens, by the names of results in the source",
    ("memscope/imports.py", "import_module"): "the user's own family or trainer, asked for by name",
    ("memscope/predictors/weights_file.py", "torch.load"): "with weights_only, after a look at the names in the file",
    ("memscope/predictors/weights_file.py", "weights_only"): "it is True, as the test below says",
}
"""What is named at run time. multiprocessing pickles between our own processes by itself; no file goes that way."""


def evaluations(source: str) -> list[str]:
    """What in a piece of source could run or unpickle what it is given."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in FORBIDDEN_MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] in FORBIDDEN_MODULES:
                found.append(node.module)
            found += [alias.name for alias in node.names if alias.name in FORBIDDEN_CALLS | {"import_module"}]
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in FORBIDDEN_CALLS | {"import_module"}:
                found.append(called.id)
            elif isinstance(called, ast.Attribute):
                owner = called.value.id if isinstance(called.value, ast.Name) else ""
                if called.attr == "import_module" or called.attr in FORBIDDEN_CALLS - {"compile"}:
                    if not (called.attr == "eval" and not node.args):  # model.eval()
                        found.append(called.attr)
                elif (owner, called.attr) in NAMES_OF_LOADERS:
                    found.append(f"{owner}.{called.attr}")
            found += [
                "allow_pickle"
                for keyword in node.keywords
                if keyword.arg == "allow_pickle"
                and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
            ]
            found += [keyword.arg for keyword in node.keywords if keyword.arg in ("weights_only", "shell")]
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_evaluates_what_a_file_says(path):
    name = path.relative_to(PACKAGE.parent).as_posix()
    assert [found for found in evaluations(path.read_text()) if (name, found) not in ALLOWED] == []


def test_what_torch_loads_is_weights_alone():
    source = (PACKAGE / "predictors" / "weights_file.py").read_text()
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    loads = [call for call in calls if isinstance(call.func, ast.Attribute) and ast.unparse(call.func) == "torch.load"]
    assert [{key.arg: ast.unparse(key.value) for key in call.keywords}["weights_only"] for call in loads] == ["True"]


def test_what_is_allowed_is_still_there():
    for name, found in ALLOWED:
        assert found in evaluations((PACKAGE.parent / name).read_text()), name


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "exec(text)",
        "import pickle",
        "from pickle import loads",
        "import numpy as np\nnp.load(path)",
        "torch.load(path)",
        "np.lib.format.read_array(file, allow_pickle=True)",
        "f(allow_pickle=flag)",
        "__import__('os')",
        "import yaml",
        "importlib.import_module(name)",
        "from importlib import import_module",
        "builtins.eval(text)",
        "ast.literal_eval(text)",
        "subprocess.run(text, shell=True)",
        "torch.load(path, weights_only=True)",
    ],
)
def test_the_search_finds(source):
    assert evaluations(source)


@pytest.mark.parametrize(
    "source", ["model.eval()", "json.loads(text)", "tomllib.loads(text)", "re.compile(text)", "torch.compile(step)"]
)
def test_the_search_passes(source):
    assert not evaluations(source)
