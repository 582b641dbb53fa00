import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from memscope.cli import memscope
from memscope.errors import RunError
from memscope.steps import report as step
from memscope.steps.report import report
from memscope.steps.score import score


@pytest.fixture
def scored(tiny_run, tmp_path) -> Path:
    shutil.copytree(tiny_run, tmp_path / "run")
    score(tmp_path / "run")
    return tmp_path / "run"


def told(*arguments: str | Path) -> str:
    done = CliRunner().invoke(memscope, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


def test_the_page_is_in_the_run_or_where_it_is_told(scored, tmp_path):
    found = report(scored)
    assert found.file == str(scored / "report.html")
    assert found.bytes == (scored / "report.html").stat().st_size
    assert 0 < found.image_bytes + found.column_bytes < found.bytes
    assert (found.examples, found.shown, found.drawn, found.extremes) == (120, 120, 120, ())
    assert found.sections == ("score",)
    elsewhere = report(scored, tmp_path / "page.html")
    assert Path(elsewhere.file).read_bytes() == (scored / "report.html").read_bytes()


def test_the_same_run_gives_the_same_page(scored):
    one = (report(scored), (scored / "report.html").read_bytes())
    assert (report(scored), (scored / "report.html").read_bytes()) == one


def test_a_page_that_fails_leaves_the_one_that_was_there(scored, monkeypatch):
    report(scored)
    before = (scored / "report.html").read_bytes()

    def fails(data: object) -> str:
        raise RunError("no")

    monkeypatch.setattr(step, "document", fails)
    with pytest.raises(RunError):
        report(scored)
    assert (scored / "report.html").read_bytes() == before
    assert [path.name for path in scored.iterdir() if path.suffix in (".tmp", ".html")] == ["report.html"]


def test_what_is_missing_or_out_of_date_is_told_with_the_command_that_makes_it(scored, monkeypatch):
    monkeypatch.chdir(scored.parent)  # short names: a long command is told in several lines
    shown = told("report", "run")
    assert "what score found at widths 2, 4 and 8" in shown
    assert "To add trajectories: memscope trajectories run" in shown
    assert "Not possible now: proxies (no models of every width were recorded" in shown
    assert "Out of date" not in shown
    next((scored / "outcomes" / "onehot" / "width-2").glob("00010*.h5")).unlink()
    shown = told("report", "run")
    assert "Out of date: score rests on other models than there are now." in shown
    assert "To bring score up to date: memscope score run" in shown


def test_each_command_that_is_told_works(scored):
    (words,) = [words for words in map(str.split, commands_in(scored)) if words[1] == "distill"]
    told(*words[1:], "--engine", "inline", "--device", "cpu")
    for command in commands_in(scored):
        if command.split()[1] != "resmem":  # which takes longer, and is tried elsewhere
            told(*command.split()[1:])


def commands_in(run: Path) -> list[str]:
    from memscope.findings.page import screen

    return [str(command) for command in screen(report(run)).commands]


def test_the_page_on_standard_output_is_the_page(scored, tmp_path):
    report(scored)
    done = CliRunner().invoke(memscope, ["report", str(scored), "--out", "-"])
    assert done.exit_code == 0, done.output
    assert done.stdout_bytes == (scored / "report.html").read_bytes()
    assert "Standard output has the page" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
