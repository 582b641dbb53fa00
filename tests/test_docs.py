"""What the documents say is what the program does."""

import runpy
import tomllib
from pathlib import Path

import memscope

ROOT = Path(__file__).parents[1]


def test_the_command_reference_is_made_from_the_help_texts():
    made = runpy.run_path(str(ROOT / "docs" / "make_cli.py"))["reference"]()
    assert made == (ROOT / "docs" / "cli.md").read_text(), "run docs/make_cli.py"


def test_every_dependency_is_named_with_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (ROOT / "CONTRIBUTING.md").read_text()
    for requirement in project["dependencies"]:
        assert f"| {requirement.split('>')[0]} |" in page


def test_every_public_name_can_be_imported_and_documents_itself():
    for name in memscope.__all__:
        found = getattr(memscope, name)
        assert name in ("TYPES",) or found.__doc__, name
    assert not hasattr(memscope, "nonsense")


def test_the_files_of_the_readme_exist():
    import re

    readme = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / target).exists(), target
