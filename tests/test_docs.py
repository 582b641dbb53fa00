"""What the documents say is what the program does."""

import json
import runpy
import shutil
import subprocess
import sys
import tomllib
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

import memscope
from memscope import cli
from memscope.reports import REPORTS
from tests.frozen.commands import unpacked
from tests.steps.test_influence import learn, some_examples

ROOT = Path(__file__).parents[1]


@pytest.fixture
def scored_run(tiny_run, tmp_path) -> Path:
    shutil.copytree(tiny_run, tmp_path / "run")
    return tmp_path / "run"


def test_the_command_reference_is_made_from_the_help_texts():
    made = runpy.run_path(str(ROOT / "docs" / "make_cli.py"))["reference"]()
    assert made == (ROOT / "docs" / "cli.md").read_text(), "run docs/make_cli.py"


def test_the_keys_of_json_and_their_schemas_are_made_from_the_reports():
    made = runpy.run_path(str(ROOT / "docs" / "make_reports.py"))
    assert made["page"]() == (ROOT / "docs" / "json.md").read_text(), "run docs/make_reports.py"
    for command in REPORTS:
        assert made["schema"](command) == (made["SCHEMAS"] / f"{command}.json").read_text(), "run docs/make_reports.py"
    assert {file.stem for file in made["SCHEMAS"].iterdir()} == set(REPORTS)


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> dict[str, list[Any]]:
    """By command, what the frozen runs print; a dry run tells of time, and is made here."""
    found: dict[str, list[Any]] = {}
    for file in sorted((ROOT / "tests" / "frozen" / "json").rglob("*.json")):
        found.setdefault(file.stem.removesuffix("-again"), []).append(json.loads(file.read_text()))
    with chdir(unpacked("everything-1.1", tmp_path_factory.mktemp("frozen"))):
        printed = CliRunner().invoke(cli.memscope, ["train-family", "run", "--models", "40", "--dry-run", "--json"])
        machine = CliRunner().invoke(cli.memscope, ["doctor", "--no-speed", "--json"])
    with chdir(unpacked("dynamics-1.1", tmp_path_factory.mktemp("recorded"))):  # and of more widths: with trends
        few = [
            "proxies",
            "run",
            "--proxies",
            "final-loss,forgetting,forgetting-0,residual",
            "--engine",
            "inline",
            "--json",
        ]
        proxies = [CliRunner().invoke(cli.memscope, few)]
        more = ["train-family", "run", "--widths", "2,4", "--models", "40", "--engine", "inline"]
        assert CliRunner().invoke(cli.memscope, more).exit_code == 0
        proxies.append(CliRunner().invoke(cli.memscope, few))
        found["proxies"] = [json.loads(each.stdout) for each in proxies]
        count = len(memscope.open_run("run").examples.index)
        Path("people.csv").write_text("index,score\n" + "".join(f"{index},{index % 7}\n" for index in range(count)))
        people = CliRunner().invoke(cli.memscope, ["memorability", "run", "--scores", "people.csv", "--json"])
        found["memorability"] = [json.loads(people.stdout)]  # beside proxies
        found["memorability-train"], found["memorability-predict"] = [trained()], [predicted()]
        found["influence"] = [carried(), carried("--train", "3"), carried("--beside", "pairs.npz")]
        found |= removed()
        found["convergence"] = [json.loads(CliRunner().invoke(cli.memscope, ["convergence", "run", "--json"]).stdout)]
        found["privacy"] = [json.loads(CliRunner().invoke(cli.memscope, ["privacy", "run", "--json"]).stdout)]
        found["report"] = [json.loads(CliRunner().invoke(cli.memscope, ["report", "run", "--json"]).stdout)]
    with chdir(tmp_path_factory.mktemp("learnt")):  # of as many models as pairs of training examples take
        learn(Path("run"), some_examples(Path("set.npz")))
        found["influence-among-training"] = [carried("--among-training")]
    for name in ("datasets", "families"):
        found[name] = [json.loads(CliRunner().invoke(cli.memscope, [name, "--json"]).stdout)]
    return found | {"train-family-dry-run": [json.loads(printed.stdout)], "doctor": [json.loads(machine.stdout)]}


def trained() -> Any:
    quick = [
        "--train",
        "--backbones",
        "plain,resnet18",
        "--seeds",
        "1",
        "--epochs",
        "1",
        "--engine",
        "inline",
        "--json",
    ]
    return json.loads(CliRunner().invoke(cli.memscope, ["memorability", "run", *quick]).stdout)


def carried(*options: str) -> Any:
    nothing = np.zeros(0, dtype=np.int64)
    np.savez("pairs.npz", tr_idx=nothing, tt_idx=nothing, infl=np.zeros(0), mem=np.zeros(0))
    asked = ["influence", "run", "--threshold", "0.9", "--csv", "pairs.csv", *options, "--json"]
    return json.loads(CliRunner().invoke(cli.memscope, asked).stdout)


def removed() -> dict[str, list[Any]]:
    """Without examples, before anything is trained, and of the two that then compare."""
    assert CliRunner().invoke(cli.memscope, ["score", "run"]).exit_code == 0
    few = ["--engine", "inline", "--json"]
    asked = {"dry-run": ["--remove", "10", "--dry-run"], "remove": ["--remove", "10"], "peel": ["--peel", "10"]}
    told = {name: CliRunner().invoke(cli.memscope, ["influence", "run", *words, *few]) for name, words in asked.items()}
    assert all(each.exit_code == 0 for each in told.values()), [each.output[-300:] for each in told.values()]
    return {f"influence-{name}": [json.loads(each.stdout)] for name, each in told.items()}


def predicted() -> Any:
    data = memscope.open_run("run").dataset()
    arrays = {
        f"{part}_{what}": getattr(data, f"{part}_{what}") for part in ("train", "test") for what in ("images", "labels")
    }
    np.savez("x.npz", **arrays)
    (model,) = Path("run/predictors").glob("plain-*")
    asked = ["memorability", "predict", str(model), "--data", "npz:x.npz", "--json"]
    return json.loads(CliRunner().invoke(cli.memscope, asked).stdout)


@pytest.mark.parametrize("command", REPORTS)
def test_what_the_frozen_runs_print_is_of_the_schema(command, kept):
    """And an unknown or missing key is not: the schema says what is required."""
    printed = CliRunner().invoke(cli.memscope, ["schema", command])
    schema = json.loads(printed.stdout)
    validator = Draft202012Validator(schema)
    validator.check_schema(schema)
    for found in kept[command]:
        validator.validate(found)
        assert set(found) <= set(schema["properties"])
        for key in schema["required"]:
            assert not validator.is_valid({name: value for name, value in found.items() if name != key})


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


def test_the_commands_are_functions_that_load_no_more_than_they_need(scored_run):
    code = (
        "import sys, memscope; report = memscope.commands.score(sys.argv[1]); memscope.commands.status(sys.argv[1]);"
        "print(type(report).__name__, 'torch' in sys.modules, len(report.sizes))"
    )
    found = subprocess.run([sys.executable, "-c", code, str(scored_run)], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["ScoreReport", "False", "3"]
    for name in memscope.commands.__all__:
        assert getattr(memscope.commands, name).__doc__, name
    assert not hasattr(memscope.commands, "nonsense")


def test_every_command_and_every_class_of_options_has_one_home():
    named = [name for names in memscope.commands.HOMES.values() for name in names]
    assert sorted(named) == sorted(memscope.commands.__all__)
    assert set(named) <= set(dir(memscope.commands))


def test_the_files_of_the_readme_exist():
    import re

    readme = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / target).exists(), target
