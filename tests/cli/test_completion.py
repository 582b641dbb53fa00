"""What Tab offers in bash, zsh and fish."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from memscope.cli import memscope
from memscope.cli.completing import SHELLS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path) -> Path:
    """A directory with runs, one of them deep, a folder of images and a file."""
    for name in ("runs/fashion", "runs/old/first", "rubbish/deep"):
        (tmp_path / name).mkdir(parents=True)
    for run in ("runs/fashion", "runs/old/first"):
        (tmp_path / run / "plan.toml").touch()
    (tmp_path / "images/cats").mkdir(parents=True)
    (tmp_path / "images.npz").touch()
    program = tmp_path / "bin/memscope"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom memscope.cli import main\nmain()\n")
    program.chmod(0o755)
    return tmp_path


def ask(place: Path, script: str, **variables: str) -> list[str]:
    path = f"{place / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path, **variables}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=place, env=environment)
    return done.stdout.split("\n")[:-1]


def offered(place: Path, line: str) -> list[str]:
    """What bash itself offers at the end of a line, by the line that goes into its file."""
    _, setup = SHELLS["bash"]
    quoted = shlex.quote(line)
    found = ask(
        place,
        f"{setup}; COMP_LINE={quoted}; COMP_POINT={len(line)}; _memscope_completion memscope; "
        'printf "%s\\n" "${COMPREPLY[@]}"',
    )
    return [one for one in found if one]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("memscope traj", ["trajectories"]),
        ("memscope trajectories --fig", ["--figures", "--figure-format"]),
        ("memscope score ", ["runs/fashion", "runs/old/first"]),
        ("memscope score runs/o", ["runs/old/first"]),
        ("memscope train-family new --family re", ["resnet", "resnet8", "resnet14", "resnet20"]),
        ("memscope train-family new --family timm/v", ["timm/vit_tiny_patch16_224"]),
        ("memscope train-family new --data f", ["fashion-mnist-5k", "folder:"]),
        ("memscope train-family new --data folder:im", ["images/", "images.npz"]),
        ("memscope train-family new --data folder:images/", ["images/cats/"]),
        ("memscope train-family new --data torchvision:C", ["CIFAR10", "CIFAR100"]),
        ("memscope trajectories runs/fashion --style ", ["screen", "paper", "talk"]),
        ("memscope completion f", ["fish"]),
    ],
)
def test_bash_offers_commands_options_runs_families_and_data(place, line, expected):
    assert offered(place, line)[: len(expected)] == expected


@pytest.mark.parametrize(
    ("shell", "variables", "expected"),
    [
        ("zsh", {"COMP_WORDS": "memscope score ru", "COMP_CWORD": "2"}, "runs/fashion"),
        ("zsh", {"COMP_WORDS": "memscope train-family x --data folder:im", "COMP_CWORD": "4"}, "folder:images/"),
        ("fish", {"COMP_WORDS": "memscope score ru", "COMP_CWORD": "ru"}, "plain,runs/fashion"),
        ("fish", {"COMP_WORDS": "memscope train-family x --family cn", "COMP_CWORD": "cn"}, "plain,cnn"),
    ],
)
def test_zsh_and_fish_are_offered_the_same(place, shell, variables, expected):
    found = ask(place, "memscope", _MEMSCOPE_COMPLETE=f"{shell}_complete", **variables)
    assert any(line.startswith(expected) for line in found), found


def test_a_command_that_is_none_is_completed_by_nothing_and_without_a_word(place):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{place / 'bin'}:{os.environ['PATH']}"}
    asked = {"_MEMSCOPE_COMPLETE": "bash_complete", "COMP_WORDS": "memscope scoer ru", "COMP_CWORD": "2"}
    done = subprocess.run(["memscope"], capture_output=True, text=True, cwd=place, env=environment | asked)
    assert (done.stdout.strip(), done.stderr) == ("", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_line_of_every_shell_gives_a_script_that_the_shell_takes(place, shell):
    told = CliRunner().invoke(memscope, ["completion", shell])
    file, line = SHELLS[shell]
    assert told.stdout == f"{line}\n"
    assert file in told.stderr
    assert line in " ".join(CliRunner().invoke(memscope, ["completion", "--help"]).stdout.split("\n"))
    script = "\n".join(ask(place, "memscope", _MEMSCOPE_COMPLETE=f"{shell}_source"))
    assert "_MEMSCOPE_COMPLETE" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n", "-c", script], check=True)


def test_the_shell_of_the_user_is_taken_and_an_unknown_one_is_named():
    assert "zsh_source" in CliRunner(env={"SHELL": "/bin/zsh"}).invoke(memscope, ["completion"]).stdout
    refused = CliRunner(env={"SHELL": "/bin/tcsh"}).invoke(memscope, ["completion"])
    assert refused.exit_code == 2
    assert "$SHELL is tcsh; name one of bash, zsh, fish" in refused.stderr


def test_completion_loads_no_torch(place):
    script = (
        "import os, sys, atexit\n"
        "atexit.register(lambda: print('torch' in sys.modules, 'rich' in sys.modules, file=sys.stderr))\n"
        "from memscope.cli import main\nsys.argv = ['memscope']\nmain()\n"
    )
    for words in ("memscope score ru", "memscope train-family x --data folder:i", "memscope train-family x --family c"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "_MEMSCOPE_COMPLETE": "bash_complete"}
        environment |= {"COMP_WORDS": words, "COMP_CWORD": "-1"}
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, cwd=place, env=environment
        )
        assert done.stderr == "False False\n"
        assert done.stdout


def test_many_directories_do_not_keep_the_user_waiting(tmp_path, monkeypatch):
    from memscope.cli import completing

    for number in range(60):
        (tmp_path / f"a{number}/b/c/d").mkdir(parents=True)
    (tmp_path / "a59/b/c/d/plan.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(completing, "LOOKED_AT", 10)
    seen = []
    listed = completing.names_in
    monkeypatch.setattr(completing, "names_in", lambda place: seen.append(place) or listed(place))
    assert list(completing.run_directories("a")) == []
    assert len(seen) <= 11
