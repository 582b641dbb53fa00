"""Figures are drawn whatever the variables of a notebook or a screen say, and these stay as they were."""

import json
import os
import subprocess
import sys

DRAWN = (
    "from memscope.plots.common.style import Figure, png\n"
    "assert png(Figure()).startswith(b'\\x89PNG')\n"
    "import os, matplotlib\n"
    "print(os.environ.get('MPLBACKEND'), matplotlib.rcParams._get('backend'))\n"
)
FORKING = """
import json, os, sys, traceback
import numpy, PIL.Image, kiwisolver, pyparsing, dateutil.parser, fontTools.agl, logging, unittest.mock
assert "matplotlib" not in sys.modules
for program, variables in json.load(sys.stdin):
    reading, writing = os.pipe()
    if child := os.fork():
        os.close(writing)
        with open(reading, errors="replace") as told:
            said = told.read()
        print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said]), flush=True)
    else:
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        os.environ.update(variables)
        status = 1
        try:
            exec(compile(program, "program", "exec"), {"__name__": "__main__"})
            status = 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
"""
"""Runs programs one after the other, each in a fork that has not loaded matplotlib, but much of what that loads."""


def in_new_processes(*programs: tuple[str, dict[str, str]]) -> list[str]:
    """What each program says that runs with some variables; all must end well."""
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    command = [sys.executable, "-c", FORKING]
    done = subprocess.run(command, input=json.dumps(programs), capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    ended = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(ended) == len(programs)
    for (program, variables), (status, said) in zip(programs, ended, strict=True):
        assert status == 0, (program, variables, said)
    return [said for _, said in ended]


def test_figures_are_drawn_whatever_backend_is_asked_for_and_the_variable_stays():
    known = ("Qt4Agg", "TkAgg", "QtAgg")  # one of them no longer
    backends = ("module://matplotlib_inline.backend_inline", "module://no.such", *known, "nonsense")
    told = in_new_processes(*((DRAWN, {"MPLBACKEND": backend}) for backend in backends))
    assert tuple(said.split()[0] for said in told) == backends


def test_a_backend_that_matplotlib_knows_is_still_that_of_a_notebook_that_imports_us():
    asked = {"MPLBACKEND": "TkAgg"}
    for said in in_new_processes((DRAWN, asked), ("import matplotlib\n" + DRAWN, asked)):
        assert said.split() == ["TkAgg", "TkAgg"]


def test_without_the_variable_nothing_is_chosen_for_the_user():
    plain = "import matplotlib\nprint(isinstance(matplotlib.rcParams._get('backend'), str))"
    ours = plain.replace("import matplotlib", "import memscope.plots, matplotlib")
    assert in_new_processes((ours, {}), (plain, {})) == ["False\n"] * 2


def test_figures_are_drawn_with_a_bad_matplotlibrc_and_without_a_place_for_its_files(tmp_path):
    (tmp_path / "matplotlibrc").write_text("backend: nonsense\n")
    told = in_new_processes(
        (DRAWN, {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}),
        (DRAWN, {"MATPLOTLIBRC": str(tmp_path / "nowhere")}),
        (DRAWN, {"MPLCONFIGDIR": "/proc/nowhere"}),
        (DRAWN, {"HOME": "/proc/nowhere", "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": ""}),
    )
    assert len(told) == 4
    assert all(said.split() for said in told)


def test_a_matplotlibrc_that_is_no_text_is_told_in_one_line(tmp_path):
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe\x00")
    program = (
        "from memscope.errors import MemscopeError\n"
        "try:\n    import memscope.plots\nexcept MemscopeError as error:\n    print(error)\n"
    )
    (said,) = in_new_processes((program, {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}))
    assert "matplotlib, which draws the figures, cannot be imported (UnicodeDecodeError" in said


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
