"""Figures are drawn whatever the variables of a notebook or a screen say, and these stay as they were."""

import os
import subprocess
import sys

import pytest

DRAWN = (
    "from memscope.plots.common.style import Figure, png\n"
    "assert png(Figure()).startswith(b'\\x89PNG')\n"
    "import os, matplotlib\n"
    "print(os.environ.get('MPLBACKEND'), matplotlib.rcParams._get('backend'))\n"
)


def in_a_new_process(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"} | variables
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)


@pytest.mark.parametrize(
    "backend", ["module://matplotlib_inline.backend_inline", "module://no.such", "Qt4Agg", "TkAgg", "QtAgg", "nonsense"]
)
def test_figures_are_drawn_whatever_backend_is_asked_for_and_the_variable_stays(backend):
    done = in_a_new_process(DRAWN, MPLBACKEND=backend)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == backend


@pytest.mark.parametrize("first", ["", "import matplotlib\n"])
def test_a_backend_that_matplotlib_knows_is_still_that_of_a_notebook_that_imports_us(first):
    done = in_a_new_process(first + DRAWN, MPLBACKEND="TkAgg")
    assert done.stdout.split() == ["TkAgg", "TkAgg"], done.stderr


def test_without_the_variable_nothing_is_chosen_for_the_user():
    plain = "import matplotlib\nprint(isinstance(matplotlib.rcParams._get('backend'), str))"
    ours = plain.replace("import matplotlib", "import memscope.plots, matplotlib")
    assert in_a_new_process(ours).stdout == in_a_new_process(plain).stdout == "False\n"


def test_figures_are_drawn_with_a_bad_matplotlibrc_and_without_a_place_for_its_files(tmp_path):
    (tmp_path / "matplotlibrc").write_text("backend: nonsense\n")
    for variables in (
        {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")},
        {"MATPLOTLIBRC": str(tmp_path / "nowhere")},
        {"MPLCONFIGDIR": "/proc/nowhere"},
        {"HOME": "/proc/nowhere", "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": ""},
    ):
        done = in_a_new_process(DRAWN, **variables)
        assert done.returncode == 0, done.stderr


def test_a_matplotlibrc_that_is_no_text_is_told_in_one_line(tmp_path):
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe\x00")
    program = (
        "from memscope.errors import MemscopeError\n"
        "try:\n    import memscope.plots\nexcept MemscopeError as error:\n    print(error)\n"
    )
    done = in_a_new_process(program, MATPLOTLIBRC=str(tmp_path / "matplotlibrc"))
    assert "matplotlib, which draws the figures, cannot be imported (UnicodeDecodeError" in done.stdout


def test_every_module_that_draws_gets_matplotlib_by_way_of_the_package_of_figures():
    """An import of matplotlib elsewhere would come before ours, and raise."""
    from pathlib import Path

    package = Path(__file__).parents[2] / "memscope"
    others = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] != "plots"
        and any(
            line.split()[:1] in (["import"], ["from"]) and "matplotlib" in line.split()[1]
            for line in path.read_text().splitlines()
            if len(line.split()) > 1
        )
    ]
    assert others == []
