"""`--plot`, `--figures`, `--figure-format` and `--style`, and the form that `--plot` had before."""

import pytest
from click.testing import CliRunner, Result

from memscope.cli import memscope
from memscope.steps.drawing import Drawing


@pytest.fixture
def asked(monkeypatch) -> list[Drawing | None]:
    """What `memscope trajectories` was asked to draw; it does nothing else."""
    import memscope.steps.trajectories as step
    from memscope.errors import RunError

    found: list[Drawing | None] = []

    def only_noted(run, *, plot, **_):
        found.append(plot)
        raise RunError(f"noted of {run}")

    monkeypatch.setattr(step, "trajectories", only_noted)
    return found


def run(*arguments: str) -> Result:
    return CliRunner().invoke(memscope, ["trajectories", *arguments])


@pytest.mark.parametrize(
    ("arguments", "place", "formats", "style"),
    [
        (("r", "--plot"), "r/figures", ("png",), "screen"),
        (("--plot", "r"), "r/figures", ("png",), "screen"),
        (("r", "--plot", "--figures", "f"), "f", ("png",), "screen"),
        (("r", "--figure-format", "pdf,svg", "--style", "paper", "--plot"), "r/figures", ("pdf", "svg"), "paper"),
    ],
)
def test_plot_is_a_flag_and_the_others_say_where_and_how(asked, arguments, place, formats, style):
    done = run(*arguments)
    (wanted,) = asked
    assert wanted is not None
    assert (str(wanted.directory), wanted.formats, wanted.style) == (place, formats, style)
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [("r", "--plot", "f"), ("r", "--plot=f"), ("--plot", "f", "r")])
def test_the_old_form_still_says_where_and_is_told_once(asked, arguments):
    done = run(*arguments)
    (wanted,) = asked
    assert wanted is not None
    assert str(wanted.directory) == "f"
    assert done.stderr == "--plot f is the old form; from now on --plot --figures f\n"


def test_without_plot_nothing_is_drawn(asked):
    run("r")
    assert asked == [None]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing argument 'RUN'"),
        (("--plot",), "Missing argument 'RUN'"),
        (("r", "--style", "talk"), "--style says how figures are drawn; add --plot"),
        (("r", "--figures", "f"), "--figures says how figures are drawn; add --plot"),
        (("r", "--plot", "f", "--figures", "g"), "give --plot --figures DIR"),
        (("r", "--plot", "--figure-format", "gif"), "'gif' is not one of png, svg, pdf"),
    ],
)
def test_what_cannot_be_meant_is_told(asked, arguments, says):
    done = run(*arguments)
    assert done.exit_code == 2
    assert says in done.stderr
    assert not asked
