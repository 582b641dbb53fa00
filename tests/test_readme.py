"""What the README shows in ```sh and ```python runs as it stands there, in its order, on small data.

A renamed option, command or function fails here with the README's line. What is made smaller, and what is not run, is
in the tables below.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pytest
from PIL import Image

import memscope
from memscope import cli
from memscope.cli import COMMANDS
from tests.cli.test_cli import memscope as run_here

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

QUICKLY = "--device cpu --engine inline"
SMALL = {
    # folders of 160 pictures, and a network and training that take no time
    "--data folder:photos": f"--data folder:photos --family mlp --epochs 2 {QUICKLY}",
    "--data folder:images": f"--data folder:images --family mlp --epochs 2 {QUICKLY}",
    "--image-size 32": "--image-size 6",
    "--widths 2,4,8,16,32": "--widths 2,16,32",
    "--models 40": "--models 20",
    "--models 50 --dynamics 10": f"--models 20 --dynamics 10 {QUICKLY}",
    "--full 2": f"--full 1 {QUICKLY}",
    # whose figures take seconds; those of `trajectories` are drawn
    "memscope resmem runs/mine --plot": f"memscope resmem runs/mine {QUICKLY}",
    "memscope proxies runs/mine --plot": f"memscope proxies runs/mine --proxies final-loss,el2n {QUICKLY}",
    "memscope memorability runs/mine --scores people.csv --plot": "memscope memorability runs/mine --scores people.csv",
    "memscope memorability runs/mine --train": (
        f"memscope memorability runs/mine --train --seeds 1 --epochs 1 {QUICKLY}"
    ),
    "memscope distill runs/mine --teacher 32 --plot": f"memscope distill runs/mine --teacher 32 {QUICKLY}",
    # Python
    'Choices(data="fashion-mnist-5k"': 'Choices(examples=100, epochs=1, data="fashion-mnist-5k"',
    "balanced_subsets(50_000, 400": "balanced_subsets(500, 40",
    "k=10": "k=3",
}
"""What stands in the README, and what is run in its place"""

NOT_RUN = {
    "pip install dist/memscope_ml-*.whl": "needs a wheel and a registry",
    "pipx run --spec dist/memscope_ml-*.whl memscope demo": "needs a wheel and a registry",
    "uvx --from dist/memscope_ml-*.whl memscope demo": "needs a wheel and a registry",
    "memscope demo": "takes a minute",
    "memscope influence runs/mine --threshold 0.5": "needs four blocks of models, and the small run has two",
    "make demo": "installs, and takes a minute",
    "make test": "is what runs this test",
}
"""Commands that are only checked, by `test_what_is_not_run_names_what_there_is`, and why"""

OTHERS = {"--no-deps", "--spec", "--from"}
"""Options that the README names of other programs"""


class Block(NamedTuple):
    language: str
    text: str
    line: int
    """Of its first line in the README, from 1"""


def blocks() -> list[Block]:
    return [
        Block(found[1], found[2], README[: found.start(2)].count("\n") + 1)
        for found in re.finditer(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    ]


def commands_of(text: str) -> list[str]:
    """The commands of a block, without their comments."""
    lines = [shlex.join(shlex.split(line, comments=True)) for line in text.splitlines()]
    return [line.replace("'", "") for line in lines if line]


def small(text: str) -> str:
    for stands, instead in SMALL.items():
        text = text.replace(stands, instead)
    return text


@pytest.fixture
def place(tmp_path: Path, tiny_npz: Path, monkeypatch) -> Path:
    """A working directory with the data that the README speaks of, six of the images in a wrong folder."""
    with np.load(tiny_npz) as arrays:
        for part in ("train", "test"):
            pairs = zip(arrays[f"{part}_images"], arrays[f"{part}_labels"], strict=True)
            for number, (image, label) in enumerate(pairs):
                wrong = part == "train" and number < 6
                folder = tmp_path / "images" / "abcd"[(label + wrong) % 4]
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image[:, :, 0]).save(folder / f"{part}-{number}.png")
    shutil.copytree(tmp_path / "images", tmp_path / "photos")
    pictures = sorted((tmp_path / "images").rglob("*.png"))
    lines = [f"{picture.name},{number % 7}" for number, picture in enumerate(pictures)]
    (tmp_path / "people.csv").write_text("\n".join(["name,score", *lines]))
    shutil.copy(tiny_npz, tmp_path / "mine.npz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def arrays_of_the_reader(run: Path) -> dict[str, Any]:
    """What the README's Python takes for given, from a trained run and from nowhere."""
    opened = memscope.open_run(run)
    random = np.random.default_rng(0)
    in_subset = np.array([opened.subset(model) for model in range(20)])
    correct_by_size = random.random((3, *in_subset.shape)) < 0.6 + 0.3 * in_subset
    n_in = np.broadcast_to(in_subset.sum(0), correct_by_size[:, 0].shape)
    correct_in = (correct_by_size & in_subset).sum(1)
    return {
        "in_subset": in_subset,
        "correct": correct_by_size[0],
        "correct_by_size": correct_by_size,
        "probability": np.clip(correct_by_size * 0.8 + 0.1 * random.random(correct_by_size.shape), 0, 1),
        "test_correct": random.random((20, 7)) < 0.7,
        "scores": random.random((3, 30)),
        "correct_in": correct_in,
        "n_in": n_in,
        "correct_out": correct_by_size.sum(1) - correct_in,
        "n_out": 20 - n_in,
        "features": random.normal(size=(30, 5)).astype(np.float32),
        "logits": random.normal(size=(30, 4)).astype(np.float32),
        "labels": random.integers(0, 4, 30),
        "test_features": random.normal(size=(6, 5)).astype(np.float32),
        "test_logits": random.normal(size=(6, 4)).astype(np.float32),
        "predictions": random.integers(0, 4, 160),
    }


def command_of(name: str) -> click.Command:
    return import_module(COMMANDS[name]).command


def check_options(command: str, line: int | None = None) -> None:
    """That the command takes what stands in the README."""
    name, *arguments = shlex.split(command)[1:]
    # a command keeps the names of --help that it is first asked with, which are of the program above it
    above = cli.memscope.make_context("memscope", [name])
    try:
        command_of(name).make_context(name, arguments, parent=above)
    except click.UsageError as error:
        pytest.fail(f"README.md, block at line {line}: {command}: {error.format_message()}")


def run_command(command: str, line: int) -> None:
    check_options(command, line)  # also those that are left out of the small one
    done = run_here(*shlex.split(small(command))[1:])
    assert done.returncode == 0, f"README.md, block at line {line}: {command}\n{done.stderr}"


def run_script(block: Block, place: Path) -> None:
    """As a script, because its workers import it."""
    script = place / "script.py"
    script.write_text(small(block.text))
    done = subprocess.run([sys.executable, str(script)], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, f"README.md, block at line {block.line}:\n{done.stderr}"


def test_what_the_readme_shows_runs_in_its_order(place):
    names: dict[str, Any] = {}
    for block in blocks():
        if block.language == "sh":
            for command in commands_of(block.text):
                if command not in NOT_RUN:
                    assert command.startswith("memscope "), f"README.md, line {block.line}: {command}; see NOT_RUN"
                    run_command(command, block.line)
        elif block.language == "python" and "__main__" in block.text:
            run_script(block, place)
        elif block.language == "python":
            names = names or arrays_of_the_reader(place / "runs" / "mine")
            for line in block.text.splitlines():
                if line.startswith("# memscope "):  # makes the run that the block writes to
                    run_command(line.removeprefix("# ").partition("   ")[0], block.line)
            exec(compile("\n" * (block.line - 1) + small(block.text), "README.md", "exec"), names)

    header, *rows = (place / "suspects.csv").read_text().splitlines()
    assert rows
    table = README[README.index("| column | says |") : README.index("## On your own data")]
    assert {name for name in header.split(",") if f"`{name}`" not in table} == set()
    mine, theirs, scripted = (memscope.open_run(place / "runs" / name) for name in ("mine", "theirs", "small"))
    assert (mine.plan.sizes, mine.plan.models, mine.plan.full_models) == ((2, 16, 32), 20, 1)
    assert len(list(theirs.outcomes(16))) == 1
    assert (scripted.plan.sizes, scripted.plan.models, scripted.plan.data.examples) == ((2, 4), 10, 100)
    assert memscope.commands.distill(scripted.path).settings
    assert names["report"].sizes[-1].mean_score == pytest.approx(np.nanmean(mine.scores(size=32)["score"]))


def test_every_command_is_in_a_block_that_is_run():
    """A block without a language is what a command printed."""
    for block in blocks():
        assert block.language in ("sh", "python", ""), block
        if not block.language:
            assert not re.search(r"^(memscope|make|pip|pipx|uvx|python3?) ", block.text, re.MULTILINE), block.line


def test_the_tables_of_this_test_speak_of_the_readme():
    shown = [command for block in blocks() if block.language == "sh" for command in commands_of(block.text)]
    assert set(NOT_RUN) <= set(shown)
    assert [stands for stands in SMALL if stands not in README] == []


def test_what_is_not_run_names_what_there_is():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wheel = f"{PROJECT['name'].replace('-', '_')}-{memscope.__version__}-py3-none-any.whl"
    for command in NOT_RUN:
        program, *words = command.split()
        if program == "make":
            assert set(words) <= targets
            continue
        for word in words:
            if word.startswith("dist/"):
                assert fnmatch(wheel, word.removeprefix("dist/"))
        if "memscope" in (program, *words):  # the program of the wheel, and its command
            assert PROJECT["scripts"]["memscope"] == "memscope.cli:main"
            check_options("memscope " + command.split("memscope ")[-1])


def test_options_and_commands_that_the_text_names_exist():
    outside = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    code = re.findall(r"`([^`]+)`", outside)
    options = {
        option for name in COMMANDS for parameter in command_of(name).params for option in (*parameter.opts, "--help")
    }
    named = {option for text in code for option in re.findall(r"--[a-z][a-z-]*", text)}
    assert len(named) > 15
    assert named - options - OTHERS == set()
    commands = {found for text in code for found in re.findall(r"^memscope ([a-z][a-z-]*)", text)}
    assert {"doctor", "datasets", "families", "completion"} <= commands
    assert commands - set(COMMANDS) == set()


def test_the_extras_that_the_documents_install_exist():
    extras = set(PROJECT["optional-dependencies"])
    for file in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for name, listed in re.findall(r"(memscope[\w-]*)\[([\w,]+)\]['\"]", file.read_text()):
            assert name == PROJECT["name"], file
            assert set(listed.split(",")) <= extras, file


def test_the_citation_names_this_version():
    said = dict(re.findall(r"^([a-z-]+): (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE))
    assert said["version"] == memscope.__version__
    assert said["license"] == PROJECT["license"]
    assert re.findall(r"^  - name: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE) == [
        author["name"] for author in PROJECT["authors"]
    ]
    assert "(CITATION.cff)" in README
