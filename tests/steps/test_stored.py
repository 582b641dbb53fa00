"""`--stored` tells what a command told when it computed, of a run without its models too, and changes nothing in it."""

import hashlib
import json
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from memscope import cli, commands
from memscope.errors import OptionError, RunError
from memscope.findings import screen
from memscope.reports.keys import keys_of
from memscope.reports.results import RESULTS
from memscope.run import grow, open_run
from memscope.steps.train_family import train_family
from memscope.store.results import read_results, write_results
from memscope.store.stored_reports import read_report
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices
from tests.cli.test_cli import told_by_one_process
from tests.steps.test_influence import learn, some_examples

pytestmark = pytest.mark.xdist_group("stored")  # what is computed here is computed by one process

HERE = WorkOptions(device="cpu", engine="inline")
INLINE = ("--engine", "inline", "--device", "cpu")
COMPUTED = {
    "score": ("score", "--top", "3"),
    "trajectories": ("trajectories", "--epsilon", "0.25"),
    "resmem": ("resmem", "--k", "5", "--sigma", "1", "--temperature", "1", *INLINE),
    "distill": ("distill", "--teacher", "8", "--students", "4", "--temperature", "2", *INLINE),
    "proxies": ("proxies", "--proxies", "final-loss,forgetting", *INLINE),
    "memorability": ("memorability", "--scores", "people.csv", "--size", "4"),
    "predictor": ("memorability", "--train", "--backbones", "plain", "--seeds", "1", "--epochs", "1", *INLINE),
    "convergence": ("convergence", "--epsilon", "0.3", "--models", "10"),
    "privacy": ("privacy", "--epsilon", "0.3"),
    "influence": ("influence", "--threshold", "0.5"),
    "influence-training": ("influence", "--among-training", "--threshold", "0.5"),
}
"""By group of results, the command that makes it, with options that are not the defaults"""
LEARNT = ("influence", "influence-training")
"""Those of a run with pairs to find"""
ASKED = {
    "score": ("score", "--top", "3"),
    "predictor": ("memorability", "--train"),
    "influence-training": ("influence", "--among-training"),
}
"""How they are asked for with --stored, where not by the command alone"""
OF_THE_WORK = {"figures", "measured", "trained", "already"}
"""Keys about what a call did, not about what it found"""


def memscope(command: str, run: Path, *options: object) -> Result:
    return CliRunner().invoke(cli.memscope, [command, str(run), *map(str, options)])


def stored(group: str, run: Path, *options: object) -> Result:
    command, *asked = ASKED.get(group, (group,))
    return memscope(command, run, *asked, "--stored", *options)


def error_of(done: Result) -> str:
    return f"{done.stderr}{done.exception}"


def drawn(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(directory.glob("*"))}


def digests(directory: Path) -> dict[str, str]:
    files = [file for file in sorted(directory.rglob("*")) if file.is_file()]
    return {str(file.relative_to(directory)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def found_in(printed: str, run: Path) -> Any:
    """What was found; the run, which lies elsewhere in each test, is called RUN."""
    keys = json.loads(printed)
    assert keys["run"] == str(run)
    for each in keys.get("backbones", ()):  # stored with the whole name that it had
        each["file"] = Path(each["file"]).name
    return {key: value for key, value in keys.items() if key not in OF_THE_WORK} | {"run": "RUN"}


@dataclass(frozen=True)
class Told:
    """What the commands printed and drew when they computed. Tests must not change the runs."""

    runs: dict[str, Path]
    found: dict[str, Any]
    figures: dict[str, dict[str, bytes]]


@pytest.fixture(scope="module")
def told(forty_run, tmp_path_factory) -> Told:
    here = tmp_path_factory.mktemp("told")
    run, learnt = here / "run", here / "learnt"
    shutil.copytree(forty_run, run)
    assert not train_family(run, Choices(dynamics=10), HERE).failed
    learn(learnt, some_examples(here / "set.npz"))
    count = len(open_run(run).examples.index)
    people = "".join(f"{index},{index * 7 % 11}\n" for index in range(count))
    (here / "people.csv").write_text("index,score\n" + people)
    runs, found, figures = {}, {}, {}
    for group, (command, *options) in COMPUTED.items():
        runs[group] = learnt if group in LEARNT else run
        given = [str(here / "people.csv") if each == "people.csv" else each for each in options]
        plot = () if group == "score" else ("--plot", "--figures", here / group)
        done = memscope(command, runs[group], *given, *plot, "--json")
        assert done.exit_code == 0, (group, error_of(done))
        found[group], figures[group] = found_in(done.stdout, runs[group]), drawn(here / group)
        assert figures[group] or group == "score"
    return Told(runs, found, figures)


def archive(run: Path, copy: Path) -> Path:
    """A copy as people publish it."""
    copy.mkdir()
    for name in ("plan.toml", "examples.h5", "trajectories.h5"):
        shutil.copy(run / name, copy)
    shutil.copytree(run / "results", copy / "results")
    return copy


@pytest.fixture(scope="module")
def archives(told, tmp_path_factory) -> dict[str, Path]:
    """Of each group the run without its models and images. Tests must not change them."""
    here = tmp_path_factory.mktemp("archives")
    copies = {run: archive(run, here / run.name) for run in set(told.runs.values())}
    return {group: copies[run] for group, run in told.runs.items()}


@pytest.fixture
def alone(archives, tmp_path) -> dict[str, Path]:
    """The same for a test that changes them."""
    copies = {run: Path(shutil.copytree(run, tmp_path / run.name)) for run in set(archives.values())}
    return {group: copies[run] for group, run in archives.items()}


def test_scores_are_told_without_the_models_and_nothing_is_changed(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    computed = memscope("score", run, "--json")
    shutil.rmtree(run / "outcomes")
    before = digests(run)
    done = stored("score", run, "--top", "10", "--json")
    assert (done.exit_code, done.stdout) == (0, computed.stdout)
    assert done.stderr.startswith("There are no models in")
    assert digests(run) == before
    assert stored("score", run, "--validate").exit_code == 2


def test_every_command_with_results_is_looked_at():
    assert set(COMPUTED) | {"removal", "peel"} == set(RESULTS)


@pytest.mark.parametrize("group", COMPUTED)
def test_a_whole_run_tells_what_the_command_told_and_draws_what_it_drew(told, tmp_path, group):
    run, before = told.runs[group], digests(told.runs[group])
    plot = () if group == "score" else ("--plot", "--figures", tmp_path)
    done = stored(group, run, "--json", *plot)
    assert (done.exit_code, done.stderr) == (0, ""), error_of(done)
    assert found_in(done.stdout, run) == told.found[group]
    assert drawn(tmp_path) == told.figures[group]
    assert digests(run) == before


@pytest.mark.parametrize("group", COMPUTED)
def test_so_does_a_run_without_its_models_and_images_and_says_that_they_are_not_there(told, archives, tmp_path, group):
    run, before = archives[group], digests(archives[group])
    plot = () if group == "score" else ("--plot", "--figures", tmp_path)
    done = stored(group, run, "--json", *plot)
    assert done.exit_code == 0, error_of(done)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"There are no models in {run}: ")
    assert found_in(done.stdout, run) == told.found[group]
    assert drawn(tmp_path) == told.figures[group]
    assert digests(run) == before


@pytest.mark.parametrize("group", ["score", "trajectories", "privacy", "influence"])
@pytest.mark.parametrize("details", [(), ("--details",)])
def test_screen_and_tables_are_those_of_the_command(told, tmp_path, group, details):
    command, *options = COMPUTED[group]
    run = shutil.copytree(told.runs[group], tmp_path / "run")
    computed = memscope(command, run, *options, *details)
    assert computed.stdout
    assert stored(group, run, *details).stdout == computed.stdout
    shutil.rmtree(run / "outcomes")
    archived = stored(group, run, *details).stdout
    assert but_commands(archived) == but_commands(computed.stdout)
    assert (archived == computed.stdout) == bool(details)  # a screen suggests what needs no models


def but_commands(screen: str) -> list[str]:
    """The lines of a screen, but for the commands and what they are for."""
    lines = re.sub(r" \\\n\s+", " ", screen).splitlines()
    return [line for line in lines if "memscope " not in line and not line.endswith(":")]


@pytest.mark.parametrize("group", COMPUTED)
def test_every_screen_is_told_and_figures_go_into_the_run_alone(archives, alone, group):
    before = digests(alone[group])
    for options in ((), ("--details",), () if group == "score" else ("--plot",)):
        done = stored(group, alone[group], *options)
        assert done.exit_code == 0, error_of(done)
        assert len(done.stdout.splitlines()) > 3
    after = digests(alone[group])
    assert {name: after[name] for name in before} == before
    assert {Path(name).parent.name for name in after.keys() - before.keys()} <= {"figures"}
    assert len(after) > len(before) or group == "score"


def suggested(screen: str) -> list[list[str]]:
    """The commands of a screen, also those that go over several lines."""
    lines = re.sub(r" \\\n\s+", " ", screen)
    return [shlex.split(found)[1:] for found in re.findall(r"^(?:[^:\n]+: |  )(memscope .+)$", lines, re.MULTILINE)]


@pytest.mark.parametrize("group", COMPUTED)
def test_what_the_screen_of_an_archive_suggests_can_be_done_with_it(alone, group, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = suggested(stored(group, alone[group]).stdout)
    for words in found:
        assert "--stored" in words
        done = CliRunner().invoke(cli.memscope, words)
        assert done.exit_code == 0, (words, error_of(done))
    own = [words for words in found if words[:1] == [ASKED.get(group, COMPUTED[group])[0]]]
    assert own, "at least what the command draws or writes"


def test_commands_of_an_archive_keep_what_goes_with_stored_and_its_results():
    run = "my run"
    found = screen.of_archive(
        [
            screen.command("More models", "train-family", run, "--models", 40),
            screen.command("Of stronger influence", "influence", run, "--threshold", 0.6),
            screen.command("Figures", "influence", run, "--threshold", 0.3, "--plot"),
            screen.command("Next", "trajectories", run, "--plot"),
            screen.command("Others", "privacy", run, "--csv", "records.csv"),
        ],
        run,
        {"influence", "trajectories"},
        ["influence", "--among-training"],
    )
    assert [str(one) for one in found] == [
        "memscope influence 'my run' --among-training --stored --plot",
        "memscope trajectories 'my run' --stored --plot",
    ]


def test_torch_is_not_loaded_which_takes_seconds(archives):
    asked = [
        [*ASKED.get(group, (group,)), str(run), "--stored", "--json"]
        for group, run in archives.items()
    ]  # fmt: skip
    assert told_by_one_process(asked, {"torch", "matplotlib"}).count('"axis"') >= len(asked)


@pytest.mark.parametrize("group", COMPUTED)
def test_of_a_run_with_other_models_it_says_that_it_is_out_of_date(told, tmp_path, group):
    run = tmp_path / "run"
    shutil.copytree(told.runs[group], run, ignore=shutil.ignore_patterns("cache", "weights", "dynamics"))
    next((run / "outcomes" / "onehot" / "width-4").glob("*.h5")).unlink()
    done = stored(group, run, "--json")
    assert done.exit_code == 0, error_of(done)
    (line,) = done.stderr.splitlines()
    assert line.startswith("Out of date: there are other models now than these numbers rest on; memscope ")
    assert str(run) in line
    assert found_in(done.stdout, run) == told.found[group]


def test_a_warning_is_told_in_spite_of_quiet(archives):
    done = stored("score", archives["score"], "-q")
    assert (done.stdout, done.stderr.count("There are no models in")) == ("", 1)


@pytest.mark.parametrize("group", COMPUTED)
def test_missing_and_damaged_results_are_told_in_a_line_with_the_file_and_the_command(alone, group):
    run = alone[group]
    file = run / "results" / f"{group}.h5"
    command = COMPUTED[group][0]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    for found in ("is damaged", "has no results"):
        done = stored(group, run)
        assert isinstance(done.exception, RunError), error_of(done)
        assert (done.stdout, done.exception.exit_status) == ("", 1)
        said = str(done.exception)
        assert found in said
        assert str(file) in said
        assert f"memscope {command} {run}" in said
        file.unlink(missing_ok=True)


def test_what_is_no_run_and_results_of_another_plan_are_refused(archives, alone, tmp_path):
    assert "is not a run" in error_of(stored("score", tmp_path / "nowhere"))
    shutil.copy(archives["influence"] / "results" / "influence.h5", alone["score"] / "results")
    assert "plan digest" in error_of(stored("influence", alone["score"]))


@pytest.mark.parametrize(
    ("group", "options"),
    [
        ("score", ("--validate",)),
        ("trajectories", ("--epsilon", "0.2")),
        ("trajectories", ("--seed", "1")),
        ("resmem", ("--k", "5")),
        ("resmem", ("--workers", "1")),
        ("distill", ("--teacher", "8")),
        ("distill", ("--students", "2")),
        ("proxies", ("--on", "full")),
        ("memorability", ("--predictor", "resmem")),
        ("memorability", ("--size", "4")),
        ("predictor", ("--seeds", "1")),
        ("influence", ("--threshold", "0.5")),
        ("influence", ("--test", "1")),
        ("influence", ("--train", "1")),
        ("influence", ("--remove", "5")),
        ("influence", ("--peel", "5")),
        ("influence", ("--dry-run",)),
        ("privacy", ("--students",)),
        ("privacy", ("--teacher-data",)),
    ],
)
def test_what_would_compute_is_refused(archives, group, options):
    done = stored(group, archives[group], *options)
    assert done.exit_code == 2
    assert f"{options[0]} has no part in --stored, which computes nothing; leave one out." in done.stderr


@pytest.mark.parametrize(
    ("group", "options", "says"),
    [
        ("score", ("--csv-safe",), "add --csv FILE or --suspects FILE"),
        ("privacy", ("--csv-safe",), "add --csv FILE"),
        ("influence", ("--csv-safe",), "add --csv FILE"),
        ("influence", ("--size", "4"), "add --npz FILE"),
        ("influence", ("--npz", "pairs.npz", "--size", "3"), "they are of [2, 4]"),
    ],
)
def test_files_that_cannot_be_are_told_as_the_command_tells_them(archives, group, options, says):
    done = stored(group, archives[group], *options)
    assert isinstance(done.exception, OptionError)
    assert says in str(done.exception)


@pytest.mark.parametrize(
    ("group", "options"),
    [
        ("score", ("--csv",)),
        ("score", ("--csv-safe", "--suspects")),
        ("score", ("--npz",)),
        ("privacy", ("--csv",)),
        ("influence", ("--csv",)),
        ("influence", ("--size", "2", "--npz")),
        ("influence-training", ("--npz",)),
    ],
)
def test_files_of_what_is_stored_are_those_that_the_command_writes(told, archives, tmp_path, group, options):
    command, *given = COMPUTED[group]
    copy = shutil.copytree(told.runs[group], tmp_path / "run")
    for name, done in (
        ("computed", lambda file: memscope(command, copy, *given, *options, file)),
        ("stored", lambda file: stored(group, archives[group], *options, file)),
    ):
        result = done(tmp_path / name)
        assert result.exit_code == 0, error_of(result)
        assert f"{tmp_path / name}" in "".join(result.stdout.split())
    if "--npz" in options:
        one, other = (dict(np.load(tmp_path / name)) for name in ("computed", "stored"))
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind == "f") for name in one)
    else:
        assert (tmp_path / "computed").read_bytes() == (tmp_path / "stored").read_bytes()


def test_a_file_on_standard_output_has_it_for_itself(archives):
    done = stored("score", archives["score"], "--csv", "-", "--json")
    assert done.stdout.startswith("width,example")
    assert '"most_memorised"' in done.stderr


def lose_the_source(run: Path) -> None:
    opened = open_run(run)
    grow(opened, opened.plan.sizes, opened.plan.models, spec="npz:/nowhere/images.npz")


IMAGES = {"trajectories": "examples.png", "memorability": "four_corners.png", "influence": "carries.png"}


@pytest.mark.parametrize("group", COMPUTED)
def test_without_images_only_the_figures_that_show_some_are_left_out(told, alone, tmp_path, group):
    if group == "score":
        return
    lose_the_source(alone[group])
    done = stored(group, alone[group], "--plot", "--figures", tmp_path / "figures", "--json")
    assert done.exit_code == 0, error_of(done)
    lacking = {IMAGES[group]} if group in IMAGES else set()
    if group == "influence-training":
        lacking = {name for name in told.figures[group] if name.startswith("carries")}
    made = drawn(tmp_path / "figures")
    assert made.keys() == told.figures[group].keys() - lacking
    assert json.loads(done.stdout)["figures"] == [
        str(tmp_path / "figures" / Path(name).name) for name in json.loads(done.stdout)["figures"]
    ]
    assert len(json.loads(done.stdout)["figures"]) == len(made)
    said = [line for line in done.stderr.splitlines() if line.startswith("Left out: figures of images.")]
    assert len(said) == bool(lacking)
    assert all(str(alone[group] / "cache" / "images.npy") in line for line in said)


def test_images_beside_an_archive_are_drawn_if_they_are_those_of_the_run(told, alone, tmp_path):
    whole, run = told.runs["trajectories"], alone["trajectories"]
    lose_the_source(run)
    shutil.copytree(whole / "cache", run / "cache")
    before = digests(run)
    assert stored("trajectories", run, "--plot", "--figures", tmp_path / "same").exit_code == 0
    assert digests(run) == before
    shutil.copytree(whole, tmp_path / "whole", ignore=shutil.ignore_patterns("weights", "dynamics"))
    lose_the_source(tmp_path / "whole")  # its place stands in the captions
    command, *options = COMPUTED["trajectories"]
    computed = memscope(command, tmp_path / "whole", *options, "--plot", "--figures", tmp_path / "computed")
    assert computed.exit_code == 0, error_of(computed)
    assert drawn(tmp_path / "same") == drawn(tmp_path / "computed")
    assert "examples.png" in drawn(tmp_path / "same")
    content = bytearray((run / "cache" / "images.npy").read_bytes())
    content[-1] ^= 1
    (run / "cache" / "images.npy").write_bytes(content)
    done = stored("trajectories", run, "--plot", "--figures", tmp_path / "other")
    assert "Left out: figures of images." in done.stderr
    assert not (tmp_path / "other" / "examples.png").exists()


def test_figures_of_trajectories_need_scores_of_the_same_models(alone, tmp_path):
    run = alone["trajectories"]
    opened = open_run(run)
    arrays, ledger, summary = read_results(run, "score", opened.plan)
    write_results(run, opened.plan, "score", arrays, ledger[::-1], summary)
    done = stored("trajectories", run, "--plot", "--figures", tmp_path / "figures")
    assert isinstance(done.exception, RunError)
    assert f"{run}/results/score.h5 rests on other models than {run}/results/trajectories.h5" in str(done.exception)
    (run / "results" / "score.h5").unlink()
    done = stored("trajectories", run, "--plot", "--figures", tmp_path / "figures")
    assert "has no results of score yet" in str(done.exception)
    assert not (tmp_path / "figures").exists()
    assert stored("trajectories", run).exit_code == 0


def test_the_most_memorised_are_left_out_where_they_cannot_be_had(told, alone):
    run = alone["score"]
    (run / "examples.h5").unlink()
    done = stored("score", run, "--json")
    assert done.exit_code == 0, error_of(done)
    assert "Left out: the most memorised examples (" in done.stderr
    expected = {key: value for key, value in told.found["score"].items() if key != "most_memorised"}
    assert found_in(done.stdout, run) == expected


@pytest.mark.parametrize("group", ["score", "trajectories"])
def test_of_a_report_that_lacks_what_findings_are_held_against_the_tables_are_told(alone, group):
    run = alone[group]
    opened = open_run(run)
    arrays, ledger, summary = read_results(run, group, opened.plan)
    write_results(run, opened.plan, group, arrays, ledger, keys_of(read_report(run, group, summary)))
    done = stored(group, run)
    assert done.exit_code == 0, error_of(done)
    assert done.stdout == stored(group, run, "--details").stdout


def test_a_report_of_an_unknown_form_is_refused_in_a_line(alone):
    run = alone["score"]
    opened = open_run(run)
    arrays, ledger, _ = read_results(run, "score", opened.plan)
    write_results(run, opened.plan, "score", arrays, ledger, {"run": "x"})
    assert "has no report that this version can read" in error_of(stored("score", run))


def test_from_python_it_is_a_function_of_the_run_and_the_name_of_the_results(told, archives, tmp_path):
    said = []
    for group, run in archives.items():
        report = commands.stored_report(run, group, say=said.append)
        found = found_in(json.dumps(keys_of(report)), run)
        expected = dict(told.found[group])
        if group == "score":
            assert len(found.pop("most_memorised")) == 10
            del expected["most_memorised"]
        assert found == expected
    assert len(said) == len(archives)
    report = commands.stored_report(archives["privacy"], "privacy", plot=tmp_path)
    assert {Path(name).name for name in report.figures} == told.figures["privacy"].keys()
    with pytest.raises(OptionError, match="there are no results of 'scores'; they are of score, trajectories"):
        commands.stored_report(archives["score"], "scores")


def test_who_asks_an_archive_to_compute_is_told_of_the_option(archives):
    for group in ("score", "trajectories", "privacy", "resmem"):
        assert "with --stored" in error_of(memscope(group, archives[group]))


def test_the_page_says_that_there_are_no_models_instead_of_more(archives, tmp_path):
    run = shutil.copytree(archives["score"], tmp_path / "run")
    commands.report(run)
    page = (run / "report.html").read_text()
    assert "There are no models in" in page
    assert "there are other models now" not in page
