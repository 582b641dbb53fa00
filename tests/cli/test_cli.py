import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from memscope.cli import COMMANDS, main

pytestmark = pytest.mark.xdist_group("command line")  # `copy` and `compared` are made by one process


def memscope(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A command, as the program runs it, but in this process, which has loaded what takes seconds to load."""
    command = ["memscope", *map(str, arguments)]
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", command)
        patched.setattr(sys, "path", list(sys.path))
        patched.chdir(cwd or Path.cwd())
        for name, stream in zip(("stdout", "stderr"), streams, strict=True):
            patched.setattr(sys, name, stream)
        with pytest.raises(SystemExit) as ended:
            main()
    for stream in streams:
        stream.flush()
    out, error = (stream.buffer.getvalue().decode() for stream in streams)
    return subprocess.CompletedProcess(command, ended.value.code, out, error)


def test_the_program_is_also_a_module():
    done = subprocess.run([sys.executable, "-m", "memscope", "status", "nowhere"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "is not a run" in done.stderr


def told_by_one_process(commands: list[list[str]], heavy: set[str]) -> str:
    """What commands print one after the other, none of which loads what is heavy."""
    script = (
        "import sys, memscope.cli\n"
        f"for command in {commands!r}:\n"
        "    sys.argv = ['memscope', *command]\n"
        "    try:\n        memscope.cli.main()\n"
        "    except SystemExit as ended:\n        assert not ended.code, command\n"
        f"    loaded = {heavy!r} & set(sys.modules)\n"
        "    assert not loaded, (command, loaded)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_loads_neither_torch_nor_numpy_nor_rich():
    heavy = {"torch", "numpy", "rich", "h5py", "matplotlib", "timm", "PIL"}
    shown = told_by_one_process([["--help"], *([name, "--help"] for name in COMMANDS)], heavy)
    assert shown.count("Usage:") == 1 + len(COMMANDS)


def test_commands_that_only_count_do_without_torch_which_takes_seconds_to_load(copy):
    run = str(copy)
    commands = [["score", run], ["score", run, "--npz", os.devnull], ["trajectories", run]]
    shown = told_by_one_process([*commands, ["trajectories", run, "--plot"], ["status", run]], {"torch"})
    assert shown.count("--details prints all tables.") == 5  # each of them did its work


def test_what_is_no_run_names_the_runs_in_it_and_those_with_a_name_much_like_it(copy):
    assert f"it holds {copy}" in memscope("score", copy.parent).stderr
    assert f"did you mean {copy} ?" in memscope("score", f"{copy}s").stderr
    assert "did you mean" not in memscope("score", copy.parent / "quite another").stderr


def test_every_command_shows_an_example_in_its_help():
    for name in COMMANDS:
        assert f"  memscope {name}" in memscope(name, "--help").stdout, name


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("train-family", "new"), 2, "a new run needs its data"),
        (("train-family", "new", "--data", "nothing:here"), 2, "nothing:here"),
        (("train-family", "new", "--data", "npz:missing.npz"), 1, "missing.npz"),
        (("train-family", "new", "--data", "idx:nowhere"), 1, "nowhere"),
        (("train-family", "new", "--data", "DATA", "--fraction", "1"), 2, "fraction is 1.0"),
        (("train-family", "new", "--data", "DATA", "--widths", "4,2"), 2, "positive and increasing"),
        (("train-family", "new", "--data", "DATA", "--widths", "a"), 2, "whole numbers with commas"),
        (
            ("train-family", "new", "--data", "DATA", "--widths", "4", "--depths", "2", "--width", "3"),
            2,
            "along one of them",
        ),
        (("train-family", "new", "--data", "DATA", "--workers", "0"), 2, "--workers is 0"),
        (("train-family", "new", "--data", "DATA", "--device", "cuda"), 2, "not available here"),
        (("train-family", "new", "--data", "DATA", "--modles", "3"), 2, "--models"),
        (("train-family", "new", "--data", "DATA", "--examples", "100000"), 2, "100000"),
        (("train-family", "new", "--data", "DATA", "--label-noise", "10%"), 2, "'10%' is not a number; write 0.1"),
        (("train-family", "new", "--data", "DATA", "--fraction", "most"), 2, "'most' is not a number, such as 0.1"),
        (("train-family", "new", "--data", "DATA", "--models", "1.5"), 2, "'1.5' is not a whole number, such as 4"),
        (("train-family", "new", "--data", "DATA", "--epochs", "0"), 2, "the number of epochs is 0; it must be 1 to"),
        (("train-family", "new", "--data", "DATA", "--trainer", "no.such:thing"), 2, "no.such:thing"),
        (("train-family", "RUN", "--seed", "9"), 2, "made with --seed 0, now asked for 9"),
        (("train-family", "new", "--plan", "RUN/plan.toml", "--data", "npz:missing.npz"), 1, "missing.npz"),
        (("train-family", "FILE", "--data", "DATA"), 1, "is not a run"),
        (("score", "nowhere"), 1, "is not a run: it does not exist"),
        (("score", "."), 1, "is not a run"),
        (("score",), 2, "Missing argument 'RUN'"),
        (("score", "RUN", "--csv-safe"), 2, "add --csv FILE or --suspects FILE"),
        (("trajectories",), 2, "Missing argument 'RUN'"),
        (("trajectories", "RUN", "--epsilon", "-1"), 2, "epsilon is -1"),
        (("trajectories", "RUN", "--confidence", "2"), 2, "confidence is 2"),
        (("status", "FILE"), 1, "it is a file"),
        (("demo", "RUN"), 2, "now asked for"),
        (("demo", "RUN", "--fresh"), 1, "not a demo's run"),
        (("scores", "RUN"), 2, "no command 'scores'; did you mean score ?"),
        (("trian-family", "RUN"), 2, "did you mean train-family ?"),
        (("nothing-like-it",), 2, "the commands are train-family, score"),
        (("train-family", "new", "--data", "fashion"), 2, "did you mean fashion-mnist-5k ?"),
        (("train-family", "new", "--data", "fashion-mnist"), 2, "did you mean fashion-mnist-5k ?"),
        (("train-family", "new", "--data", "FashionMNIST-5k"), 2, "the forms are fashion-mnist-5k"),
        (("train-family", "RUN", "--full", "-1"), 2, "--full is -1"),
        (("train-family", "new", "--data", "DATA", "--trainer", "record", "--full", "1"), 2, "leave one out"),
        (("train-family", "RUN", "--missing-weights", "--no-weights"), 2, "leave one out"),
        (("resmem", "nowhere"), 1, "is not a run"),
        (("resmem", "RUN", "--k", "0"), 2, "k"),
        (("resmem", "RUN", "--k", "100"), 2, "a subset of"),
        (("resmem", "RUN", "--sigma", "0,1"), 2, "sigma"),
        (("resmem", "RUN", "--sigma", "one"), 2, "numbers with commas"),
        (("resmem", "RUN", "--temperature", "nan"), 2, "temperature"),
        (("resmem", "RUN", "--epsilon", "0"), 2, "epsilon is 0"),
        (("resmem", "RUN", "--workers", "0"), 2, "--workers is 0"),
        (("report", "nowhere"), 1, "is not a run: it does not exist"),
        (("report", "RUN"), 1, "has no results to show yet; make some with memscope score"),
        (("report", "RUN", "--out"), 2, "--out"),
        (("proxies", "RUN"), 1, "record them with memscope train-family"),
        (("proxies", "RUN", "--proxies", "forgeting"), 2, "'forgeting' is not one of mean-accuracy"),
        (("memorability", "RUN"), 2, "has no memorability yet; take --predictor resmem"),
        (("memorability", "RUN", "--scores", "missing.csv"), 1, "missing.csv"),
        (("memorability", "RUN", "--scores", "FILE"), 1, "name,score"),
        (("memorability", "RUN", "--predictor", "vitmem"), 2, "--weights"),
        (("memorability", "RUN", "--weights", "FILE"), 2, "--weights is for --predictor vitmem alone"),
        (("memorability", "RUN", "--predictor", "resmem", "--scores", "FILE"), 2, "expected one source"),
        (("memorability", "RUN", "--size", "3"), 2, "--size is 3, no width of"),
        (("memorability", "RUN", "--epsilon", "0"), 2, "epsilon is 0"),
        (("memorability", "RUN", "--scores", "FILE", "--style", "talk"), 2, "add --plot"),
        (("memorability", "RUN", "--target", "score@2"), 2, "--target says what --train fits, and how; add --train"),
        (("memorability", "RUN", "--with-label"), 2, "add --train"),
        (("memorability", "RUN", "--train", "--scores", "FILE"), 2, "--scores has no part in --train"),
        (("memorability", "RUN", "--train", "--epsilon", ".1"), 2, "--epsilon has no part in --train"),
        (("memorability", "RUN", "--train", "--target", "score@3"), 2, "no models of width 3"),
        (("memorability", "RUN", "--train", "--target", "residual@2"), 1, "memscope resmem"),
        (("memorability", "RUN", "--train", "--target", "FILE"), 1, "name,score"),
        (("memorability", "RUN", "--train", "--backbones", "plain,"), 2, "not names with commas between"),
        (("memorability", "RUN", "--train", "--backbones", "resnet"), 2, "no backbone 'resnet'"),
        (("memorability", "RUN", "--train", "--seeds", "0"), 2, "--seeds is 0"),
        (("memorability", "RUN", "--train", "--workers", "0"), 2, "--workers is 0"),
        (("memorability", "RUN", "--train", "--evaluate-on", "RUN"), 2, "same plan"),
        (("memorability", "RUN", "--train", "--style", "talk"), 2, "add --plot"),
        (("memorability", "predict"), 2, "Missing argument 'MODEL'"),
        (("memorability", "predict", "FILE"), 2, "--data"),
        (("memorability", "predict", "FILE", "--data", "DATA"), 1, "expected a predictor"),
        (("memorability", "predict", "nowhere", "--data", "DATA"), 1, "found nothing"),
        (("memorability", "predict", "FILE", "--data", "DATA", "--csv-safe"), 2, "add --csv FILE"),
        (("influence", "nowhere"), 1, "is not a run"),
        (("influence", "RUN"), 1, "influence needs 4 whole blocks of models"),
        (("influence", "RUN", "--test", "1", "--train", "1"), 2, "give one of them"),
        (("influence", "RUN", "--test", "40"), 2, "--test is 40, expected the position of a test example"),
        (("influence", "RUN", "--train", "x"), 2, "'x' is not a whole number"),
        (("influence", "RUN", "--among-training", "--test", "1"), 2, "give --train"),
        (("influence", "RUN", "--size", "3"), 2, "--size is 3, no width of"),
        (("influence", "RUN", "--threshold", "15%"), 2, "write 0.15"),
        (("influence", "RUN", "--threshold", "0"), 2, "--threshold is 0"),
        (("influence", "RUN", "--memorised", "2"), 2, "--memorised is 2"),
        (("influence", "RUN", "--csv-safe"), 2, "add --csv FILE"),
        (("influence", "RUN", "--csv", "-", "--npz", "-"), 2, "cannot both be on standard output"),
        (("influence", "RUN", "--beside", "FILE"), 1, "found empty, expected a NumPy .npz archive of tr_idx"),
        (("influence", "RUN", "--beside", "missing.npz"), 1, "missing.npz"),
        (("influence", "RUN", "--style", "talk"), 2, "add --plot"),
        (("influence", "RUN", "--remove", "5"), 1, "has no results of score yet; run memscope score"),
        (("influence", "RUN", "--peel", "5", "--dry-run"), 1, "has no results of score yet; run memscope score"),
        (("influence", "RUN", "--remove", "0"), 2, "0 examples are to be removed; it must be at least 1"),
        (("influence", "RUN", "--peel", "many"), 2, "'many' is not a whole number"),
        (("influence", "RUN", "--remove", "5", "--peel", "5"), 2, "ask one, and then the other"),
        (("influence", "RUN", "--remove", "5", "--sets", "4"), 2, "--sets is 4; random sets must be at least 5"),
        (("influence", "RUN", "--remove", "5", "--arm-models", "0"), 2, "--arm-models is 0"),
        (("influence", "RUN", "--remove", "5", "--arm-seed", "0"), 2, "take another"),
        (("influence", "RUN", "--remove", "5", "--arm-seed=-1", "--dry-run"), 2, "--arm-seed is -1; it must be 0 to"),
        (("influence", "RUN", "--peel", "5", "--arm-seed", str(2**63)), 2, "it must be 0 to 9223372036854775807"),
        (("influence", "RUN", "--remove", "5", "--sets", "1001"), 2, "random sets may be at most 1,000"),
        (("influence", "RUN", "--peel", "3", "--memorised", "nan", "--dry-run"), 2, "--memorised is nan; it must be"),
        (("influence", "RUN", "--peel", "3", "--memorised", "7", "--dry-run"), 2, "--memorised is 7.0; it must be"),
        (("influence", "RUN", "--peel", "5", "--memorised", "2"), 2, "--memorised is 2.0; it must be a score above 0"),
        (("influence", "RUN", "--remove", "5", "--memorised", ".3"), 2, "--memorised has no part in --remove"),
        (("influence", "RUN", "--remove", "5", "--csv", "FILE"), 2, "--csv has no part in --remove and --peel"),
        (("influence", "RUN", "--peel", "5", "--plot"), 2, "--plot has no part in --remove and --peel"),
        (("influence", "RUN", "--remove", "5", "--workers", "0"), 2, "--workers is 0"),
        (("influence", "RUN", "--remove", "5", "--shard", "3/2"), 2, "--shard is 3/2"),
        (("influence", "RUN", "--arm-models", "10"), 2, "add --remove or --peel"),
        (("influence", "RUN", "--dry-run"), 2, "add --remove or --peel"),
        (("convergence", "nowhere"), 1, "is not a run"),
        (("convergence", "RUN", "--models", "15"), 2, "expected whole blocks of 10, from 10 to 20"),
        (("convergence", "RUN", "--models", "many"), 2, "whole numbers with commas between"),
        (("convergence", "RUN", "--epsilon", "0"), 2, "epsilon is 0"),
        (("convergence", "RUN", "--confidence", "2"), 2, "confidence is 2"),
        (("convergence", "RUN", "--style", "talk"), 2, "add --plot"),
        (("privacy", "nowhere"), 1, "is not a run"),
        (("privacy", "RUN", "--students"), 1, "has no distilled models; train some with memscope distill"),
        (("privacy", "RUN", "--teacher-data"), 2, "students that are trained on other examples"),
        (("privacy", "RUN", "--csv-safe"), 2, "add --csv FILE"),
        (("privacy", "RUN", "--style", "talk"), 2, "add --plot"),
        (("privacy", "RUN", "--epsilon", "0"), 2, "epsilon is 0"),
        (("distill", "RUN"), 1, "has no distilled models; train some with memscope distill"),
        (("distill", "RUN", "--teacher", "9"), 2, "--teacher is 9, no width of"),
        (("distill", "RUN", "--teacher", "2"), 2, "the smallest width"),
        (("distill", "RUN", "--teacher", "4", "--students", "8"), 2, "a teacher is larger than its students"),
        (("distill", "RUN", "--teacher", "8", "--temperature", "0"), 2, "the temperature is 0"),
        (("distill", "RUN", "--teacher", "8", "--soft-weight", "2"), 2, "the soft weight is 2"),
        (("distill", "RUN", "--teacher", "8", "--teacher-on", "full"), 1, "--full 1"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_its_status_and_changes_nothing(
    tiny_run, tiny_npz, tmp_path, arguments, status, says
):
    (tmp_path / "file").write_text("")
    names = {"RUN": str(tiny_run), "RUN/plan.toml": f"{tiny_run}/plan.toml", "DATA": f"npz:{tiny_npz}", "FILE": "file"}
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*") if path.is_file()}
    done = memscope(*(names.get(each, each) for each in arguments), cwd=tmp_path)
    assert done.returncode == status, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    error = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(error) == 1, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*") if path.is_file()} == before


@pytest.fixture(scope="module")
def copy(tiny_run, tmp_path_factory) -> Path:
    import shutil

    path = tmp_path_factory.mktemp("copies") / "run"
    shutil.copytree(tiny_run, path)
    return path


def test_score_prints_a_line_for_every_size_and_the_same_numbers_as_json(copy):
    shown = memscope("score", copy, "--details")
    found = json.loads(memscope("score", copy, "--json").stdout)
    assert shown.returncode == 0, shown.stderr
    for row in found["sizes"]:
        (line,) = [line for line in shown.stdout.splitlines() if line.startswith(f"{row['size']} ")]
        for key in ("mean_score", "mean_accuracy_in", "test_accuracy", "auc_score"):
            assert f"{row[key]:.3f}" in line
    assert found["flipped"] == 12
    assert len(found["most_memorised"]) == 10


def test_every_key_of_the_json_is_documented(copy):
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    few = ("--k", "1,5", "--sigma", "1", "--temperature", "1", "--engine", "inline")
    memscope("train-family", copy, "--full", "1", "--engine", "inline", "--device", "cpu")
    for command, *options in (
        ("resmem", *few),
        ("distill", "--teacher", "8", "--engine", "inline"),
        ("score",),
        ("trajectories",),
        ("report",),
        ("status",),
    ):
        done = memscope(command, copy, *options, "--json")
        assert done.returncode == 0, done.stderr
        for key in keys_of(json.loads(done.stdout)):
            assert f"`{key}`" in page, f"{command} --json gives {key}"


def keys_of(value: object) -> set[str]:
    """Names of keys, leaving out those that are data: types of trajectory and sizes."""
    from memscope.analysis.trajectories import TYPES

    if isinstance(value, dict):
        inner = set().union(*(keys_of(each) for each in value.values())) if value else set()
        return inner | {key for key in value if key not in (*TYPES, "undetermined", "flipped", "clean")}
    if isinstance(value, list):
        return set().union(*(keys_of(each) for each in value)) if value else set()
    return set()


def test_the_exports_hold_the_scores(copy, tmp_path):
    import csv

    from memscope import open_run

    done = memscope(
        "score", copy, "--csv", tmp_path / "a.csv", "--npz", tmp_path / "a.npz", "--suspects", tmp_path / "suspects.csv"
    )
    assert done.returncode == 0, done.stderr
    run = open_run(copy)
    expected = np.stack([run.scores(size)["score"] for size in (2, 4, 8)])
    with np.load(tmp_path / "a.npz") as stored:
        assert stored["sizes"].tolist() == [2, 4, 8]
        assert np.array_equal(stored["score"], expected)
        for name in ("standard_error", "accuracy_in", "accuracy_out", "n_in", "n_out"):
            assert stored[name].shape == (3, 120)
        assert np.array_equal(stored["labels"], run.examples.labels)
    with open(tmp_path / "a.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 120
    assert np.allclose([float(row["score"]) for row in rows], expected.ravel())
    with open(tmp_path / "suspects.csv") as file:
        suspects = list(csv.DictReader(file))
    best = int(np.argmax(run.results("score")["test_accuracy"]))
    probability = run.results("score")["probability_out"][best]
    told = [float(row["probability_out"]) for row in suspects]
    assert told == sorted(told)
    assert told == pytest.approx([probability[int(row["example"])] for row in suspects], abs=1e-6)
    assert all(row["suggested_label"] != row["given_label"] for row in suspects)
    for row in suspects:
        assert int(row["index"]) == run.examples.index[int(row["example"])]
        assert float(row["interval_low"]) <= float(row["score"]) <= float(row["interval_high"])


def test_trajectories_writes_the_figures_where_it_is_told(copy, tmp_path):
    done = memscope("trajectories", copy, "--plot", tmp_path / "figures")
    assert done.returncode == 0, done.stderr
    written = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert written == ["accuracy.png", "examples.png", "histogram.png", "shares.png", "trajectories.png"]
    assert (copy / "trajectories.h5").is_file()
    again = memscope("trajectories", "--plot", copy)
    assert again.returncode == 0, again.stderr
    assert (copy / "figures" / "shares.png").is_file()


def test_status_counts_what_is_there_and_says_when_results_are_out_of_date(copy):
    memscope("score", copy)
    found = json.loads(memscope("status", copy, "--json").stdout)
    assert [(row["models"], row["missing"]) for row in found["sizes"]] == [(20, 0)] * 3
    assert found["results"]["score"] == "current"
    grown = memscope("train-family", copy, "--models", "30", "--engine", "inline", "--json", "--device", "cpu")
    assert json.loads(grown.stdout)["trained"] == 30
    found = json.loads(memscope("status", copy, "--json").stdout)
    assert found["results"]["score"] == "out of date"
    assert "memscope score" in memscope("status", copy).stdout


def test_a_plan_replays_with_another_seed(tiny_run, tmp_path):
    done = memscope(
        *("train-family", tmp_path / "again", "--plan", tiny_run / "plan.toml", "--seed", "1", "--models", "10"),
        *("--widths", "2,3", "--engine", "inline", "--device", "cpu"),
    )
    assert done.returncode == 0, done.stderr
    from memscope import open_run

    old, new = open_run(tiny_run).plan, open_run(tmp_path / "again").plan
    assert (new.seed, new.models, new.sizes) == (1, 10, (2, 3))
    assert (new.recipe, new.data, new.family) == (old.recipe, old.data, old.family)


def test_a_failed_task_gives_exit_status_one_and_says_where_the_traceback_is(tiny_npz, tmp_path):
    (tmp_path / "mine.py").write_text("def train(data, subset, seeds, size):\n    raise ValueError('no convergence')\n")
    done = memscope(
        *("train-family", "run", "--data", f"npz:{tiny_npz}", "--trainer", "mine:train", "--models", "10"),
        *("--widths", "2", "--device", "cpu"),
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "ValueError: no convergence" in done.stdout
    assert "run/failures" in done.stdout


def test_ctrl_c_keeps_what_is_finished_and_ends_with_130(tiny_npz, tmp_path):
    import signal
    import time

    (tmp_path / "mine.py").write_text(
        "import time, numpy\n"
        "def train(data, subset, seeds, size):\n"
        "    time.sleep(60 if size == 2 else 0)\n"
        "    return numpy.zeros(160, dtype=int), None\n"
    )
    command = [sys.executable, "-m", "memscope", "train-family", "run", "--data", f"npz:{tiny_npz}"]
    command += ["--trainer", "mine:train", "--models", "10", "--widths", "2,3", "--device", "cpu", "--verbose"]

    def listen() -> None:  # a shell's background jobs ignore Ctrl-C, and what they start inherits that
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=listen)
    assert process.stderr is not None
    assert any("done: size 3 models 0 to 9" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    _, error = process.communicate()
    assert time.monotonic() - start < 30  # and not after the minute that a model sleeps
    assert process.returncode == 130
    assert "What was finished is kept (10 models by this call)" in error
    assert "Traceback" not in error
    assert list(tmp_path.glob("run/outcomes/**/[0-9]*.h5"))


def test_figures_are_drawn_when_the_image_cache_was_deleted(copy, tmp_path):
    (copy / "cache" / "images.npy").unlink()
    done = memscope("trajectories", copy, "--plot", tmp_path / "figures")
    assert done.returncode == 0, done.stderr
    assert (copy / "cache" / "images.npy").is_file()


def test_a_table_that_is_too_wide_for_the_terminal_is_turned_and_no_number_cut(capsys, monkeypatch):
    from rich.console import Console

    from memscope.tables import printing

    for width, turned in ((200, False), (60, True)):
        monkeypatch.setattr(printing, "console", Console(width=width))
        columns = ["width", *(f"column {n}" for n in range(9))]
        printing.table("Title", columns, [[str(2**n), *["0.12345"] * 9] for n in range(3)])
        shown = capsys.readouterr().out
        assert shown.count("0.12345") == 27
        assert "…" not in shown
        assert max(map(len, shown.splitlines())) <= width
        assert ("\ncolumn 4 " in shown) == turned


@pytest.fixture(scope="module")
def compared(full_run, tmp_path_factory) -> Path:
    import shutil

    path = tmp_path_factory.mktemp("compared") / "run"
    shutil.copytree(full_run, path)
    return path


def test_resmem_tells_its_choice_accuracies_types_and_what_it_predicts(compared, tmp_path):
    options = ("--k", "1,5", "--sigma", "0.5,1", "--temperature", "1", "--engine", "inline", "--device", "cpu")
    done = memscope("resmem", compared, *options, "--plot", tmp_path / "figures", "--details")
    assert done.returncode == 0, done.stderr
    found = json.loads(memscope("resmem", compared, *options, "--json").stdout)
    assert found["measured"] == 0
    assert "Chosen from k 1, 5; sigma 0.5, 1; temperature 1 on block 0" in done.stdout
    for row in found["sizes"]:
        accuracy = f"{row['resmem']['test_accuracy']:.1%}"
        assert any(line.startswith(f"{row['size']} ") and accuracy in line for line in done.stdout.splitlines())
    assert f"{found['foretells'][1]['correlation']:.3f}" in done.stdout
    for name in ("resmem", "resmem-types", "resmem-foretells"):
        assert (tmp_path / "figures" / f"{name}.png").stat().st_size > 10_000


def test_resmem_without_models_on_all_the_data_says_so_in_one_line(tiny_run, tmp_path):
    import shutil

    shutil.copytree(tiny_run, tmp_path / "run")
    done = memscope("resmem", tmp_path / "run", "--k", "5", "--sigma", "1", "--temperature", "1", "--details")
    assert done.returncode == 0, done.stderr
    assert "No models on all the data" in done.stdout


def test_distill_compares_all_settings_in_one_table_and_draws_them(compared, tmp_path):
    options = ("--engine", "inline", "--device", "cpu")
    for temperature in ("4", "1"):
        done = memscope("distill", compared, "--teacher", "8", "--temperature", temperature, *options, "--details")
        assert done.returncode == 0, done.stderr
        assert "40 students trained, 0 were there." in done.stdout
    done = memscope("distill", compared, "--plot", tmp_path / "figures", "--details")
    assert done.returncode == 0, done.stderr
    assert "0 students trained" in done.stdout
    found = json.loads(memscope("distill", compared, "--json").stdout)
    assert [setting["temperature"] for setting in found["settings"]] == [1, 4]
    for setting in found["settings"]:
        for row in setting["students"]:
            size = str(row["size"])
            (line, *_) = [
                line
                for line in done.stdout.splitlines()
                if line.startswith(f"{setting['setting']} ") and line.rsplit(setting["setting"])[1].split()[0] == size
            ]
            assert f"{row['distilled']['mean_score']:.3f}" in line
    assert len(list((tmp_path / "figures").glob("distillation*.png"))) >= 3
    status = json.loads(memscope("status", compared, "--json").stdout)
    assert status["results"]["distill"] == "current"
    assert {row["variant"] for row in status["variants"]} == {
        "full",
        "distilled/teacher-8-t1-w0.9",
        "distilled/teacher-8-t4-w0.9",
    }
