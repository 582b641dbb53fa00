"""`memscope privacy` on recorded runs whose log-odds have a known distribution: what is to be found, or nothing."""

import csv
import json
import math
import shutil
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from click.testing import CliRunner

from memscope.analysis.privacy.scores import ATTACKS
from memscope.analysis.trajectories import TYPES
from memscope.cli import memscope
from memscope.errors import OptionError, RunError
from memscope.findings.privacy import screen
from memscope.plan.teaching import Teaching
from memscope.reports.keys import keys_of, report_of
from memscope.reports.privacy import FIELDS, PrivacyReport
from memscope.run import open_run
from memscope.steps.distill import distill
from memscope.steps.privacy import privacy
from memscope.store.ledger import finished_tasks, outcome_path
from memscope.store.results import read_results
from memscope.work.carrying_out import WorkOptions
from tests.counting.recorded_privacy import TRAIN, recorded

NORMAL = NormalDist()
DOCS = Path(__file__).parents[2] / "docs"
EFFECT = 2.5


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """At width 4 members are higher by 2.5 deviations, for every other example; at width 2 none is. Six blocks."""
    effect = np.where(np.arange(TRAIN) % 2 == 0, EFFECT, 0.0)
    return recorded(tmp_path_factory.mktemp("planted") / "run", {2: 0.0, 4: effect}, models=60)


@pytest.fixture(scope="module")
def found(planted):
    return privacy(planted.path)


def of(row, attack, asked=None):
    one = next(each for each in row.attacks if each.attack == attack)
    return one if asked is None else next(rate for rate in one.rates if rate.asked == asked)


def test_what_is_planted_is_found_and_nothing_else(found):
    small, large = found.sizes
    assert (small.models, small.blocks, small.left_out) == (60, 6, 0)
    assert small.members + small.non_members == 60 * TRAIN
    assert small.members == 60 * round(0.7 * TRAIN)
    for attack in ATTACKS:
        assert of(small, attack).area.value == pytest.approx(0.5, abs=0.02)
        assert of(small, attack, 0.01).true_positive.value == pytest.approx(0.01, abs=0.004)
        assert of(small, attack, 0.01).false_positive == pytest.approx(0.01, abs=0.004)
        assert of(large, attack).area.low > 0.5
    # the ratio is normal about -+ d^2 / 2 with deviation d where there is an effect, and about 0 elsewhere
    area = (NORMAL.cdf(EFFECT / math.sqrt(2)) + 2 * NORMAL.cdf(EFFECT / 2) + 0.5) / 4
    assert of(large, "lira").area.value == pytest.approx(area, abs=0.015)
    true = NORMAL.cdf(EFFECT - NORMAL.inv_cdf(0.98)) / 2  # all false positives are of that half
    assert of(large, "lira", 0.01).true_positive.value == pytest.approx(true, abs=0.05)
    change = found.changes[-1]
    assert (change.smaller, change.larger) == (2, 4)
    assert change.true_positive.low > 0.15
    assert change.area.low > 0.2


def test_a_rate_that_too_few_make_is_left_out_with_the_reason_and_ten_percent_is_told(found):
    for row in found.sizes:
        for attack in ATTACKS:
            smallest = of(row, attack, 0.001)
            assert math.isnan(smallest.true_positive.value) == (smallest.left_out is not None)
            if smallest.left_out:
                assert "10 of 10 examples are needed" in smallest.left_out
                assert of(row, attack, 0.1).left_out is None


def test_the_screen_says_what_was_planted(found):
    told = " ".join(screen(found).findings)
    assert "Width 4 is more vulnerable than width 2" in told
    assert "A threshold on the loss finds" in told
    assert "rises in vulnerability: rank correlation" in told


def test_types_that_have_the_effect_are_found_most(found):
    rows = {one.type: one for one in found.sizes[-1].types_of("lira")}
    assert rows["increasing"].true_positive.value > rows["constant"].true_positive.value
    assert rows["all"].examples == TRAIN
    assert sum(one.examples for name, one in rows.items() if name != "all") == TRAIN
    assert {one.attack for row in found.sizes for one in row.types} == set(ATTACKS)
    (rate,) = {row.type_rate for row in found.sizes}  # one for both sizes
    assert rate in (0.01, 0.1)
    changes = {one.type: one.true_positive for one in found.type_changes}
    assert changes["increasing"].low > 0.2
    assert list(changes) == [*TYPES, "all"]
    by_rmia = {one.type: one for one in found.sizes[-1].types_of("rmia")}
    assert by_rmia["increasing"].true_positive.low > by_rmia["constant"].true_positive.high


def test_every_example_has_its_record(planted, found, tmp_path):
    values, _, summary = read_results(planted.path, "privacy", planted.plan)
    assert report_of(PrivacyReport, summary).sizes == found.sizes or str(report_of(PrivacyReport, summary)) == str(
        found
    )
    effect = values["ratio_in"][1] - values["ratio_out"][1]
    assert np.median(effect[::2]) > 2
    assert abs(np.median(effect[1::2])) < 0.5
    up = (values["log_odds_in"] - values["log_odds_out"])[1]
    assert up[::2].mean() == pytest.approx(EFFECT, abs=0.1)
    assert up[1::2].mean() == pytest.approx(0, abs=0.1)
    assert (values["n_in"] == 42).all()
    assert (values["n_out"] == 18).all()
    share_in, share_out = values["flagged_in"].sum(1) / (42 * TRAIN), values["flagged_out"].sum(1) / (18 * TRAIN)
    for place, row in enumerate(found.sizes):
        rate = of(row, "lira", row.flagged_at)
        assert share_in[place] == pytest.approx(rate.true_positive.value)
        assert share_out[place] == pytest.approx(rate.false_positive)
        assert rate.lowest_block <= rate.false_positive <= rate.highest_block
    for point, (one, other) in zip(values["false_positive_rate"], pairwise(values["curve_median"][1, 0]), strict=False):
        assert math.isnan(one) == (math.floor(point * 0.3 * TRAIN + 1e-9) < 10)
        assert math.isnan(one) or one <= other
    file = tmp_path / "records.csv"
    again = privacy(planted.path, csv_file=file)
    assert again.written == (f"{file}: a row for every size and example",)
    rows = list(csv.DictReader(file.open()))
    assert len(rows) == 2 * TRAIN
    row = rows[TRAIN + 6]
    assert float(row["flagged_at"]) == values["flagged_at"][1] == found.sizes[1].flagged_at
    assert (row["width"], row["example"], row["raw_type"]) == ("4", "6", values["raw_type"][6])
    for name in ("score", "ratio_in", "flagged_in", "flagged_out_high"):
        assert float(row[name]) == pytest.approx(float(values[name][1, 6]))


def test_what_is_stored_serves_a_file_and_is_found_anew_with_another_epsilon(planted, found, tmp_path, monkeypatch):
    monkeypatch.setattr("memscope.steps.privacy.attack", lambda *_: pytest.fail("attacked again"))
    privacy(planted.path, csv_file=tmp_path / "x.csv")
    with pytest.raises(pytest.fail.Exception):
        privacy(planted.path, csv_file=tmp_path / "x.csv", epsilon=0.3)


def test_where_nothing_is_memorised_nothing_is_said_to_be_found(tmp_path):
    run = recorded(tmp_path / "run", {2: 0.0, 4: 0.0}, seed=3)
    report = privacy(run.path)
    told = " ".join(screen(report).findings)
    assert "it cannot be told whether LiRA tells training examples from others" in told
    assert told.count("cannot be told") == 3
    assert "found most" not in told
    assert "more vulnerable than width 2:" not in told


@pytest.mark.parametrize(("models", "says"), [(20, "so few blocks"), (10, "")])
def test_two_blocks_have_no_interval_and_one_is_too_few(tmp_path, models, says):
    run = recorded(tmp_path / "run", {2: 1.0, 4: 2.0}, models=models)
    if models == 10:
        with pytest.raises(RunError, match=r"1 whole block.*needs at least 2.*--models 20"):
            privacy(run.path)
        return
    report = privacy(run.path)
    assert all(math.isnan(one.area.low) for row in report.sizes for one in row.attacks)
    assert report.memorised is None
    assert all(row.types == () for row in report.sizes)
    shown = CliRunner().invoke(memscope, ["privacy", str(run.path), "--details"])
    assert shown.exit_code == 0
    assert "need four whole blocks" in shown.stdout
    assert says in " ".join(screen(report).findings)
    assert "--models 40" in str(screen(report).commands[0])


def test_a_run_without_log_odds_is_refused_in_a_line(tmp_path):
    run = recorded(tmp_path / "run", {2: 0.0}, models=20, odds=False)
    with pytest.raises(RunError, match="have no log-odds, from which membership is inferred"):
        privacy(run.path)


def test_models_of_one_size_have_no_trajectories_and_no_changes(tmp_path):
    run = recorded(tmp_path / "run", {2: 2.0})
    report = privacy(run.path)
    assert (report.changes, report.memorised, report.sizes[0].types) == ((), None, ())
    assert "At width 2 LiRA finds" in screen(report).findings[0]


def test_students_are_attacked_beside_the_models_of_the_same_subsets(forty_run, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(forty_run, path)
    with pytest.raises(RunError, match="has no distilled models"):
        privacy(path, students=True)
    with pytest.raises(OptionError, match="students that are trained on other examples"):
        privacy(path, teacher_data=True)
    distill(path, Teaching(8), [2], WorkOptions(device="cpu", engine="inline"))
    report = privacy(path, students=True)
    (one,) = report.students
    assert (one.size, one.models, one.blocks, one.teacher_on) == (2, 40, 4, "subset")
    alone = next(row for row in report.sizes if row.size == 2)
    assert str(one.onehot) == str(alone.attacks)  # of the same blocks
    areas = [next(each for each in some if each.attack == "lira").area.value for some in (one.onehot, one.students)]
    assert one.area.value == pytest.approx(areas[1] - areas[0])
    assert report_of(PrivacyReport, read_results(path, "privacy", open_run(path).plan)[2]).students is not None
    shown = CliRunner().invoke(memscope, ["privacy", str(path), "--students", "--details"])
    assert one.setting in shown.stdout
    printed = json.loads(CliRunner().invoke(memscope, ["privacy", str(path), "--json"]).stdout)
    assert "students" not in printed
    assert "students_left_out" not in printed
    plan = open_run(path).plan
    distill(path, Teaching(8), [4], WorkOptions(device="cpu", engine="inline"))
    for task in finished_tasks(path, plan, 4, Teaching(8).variant)[1:]:
        outcome_path(path, plan, task).unlink()
    few = privacy(path, students=True)
    assert [row.size for row in few.students] == [2]
    assert few.students_left_out == (f"{one.setting}, width 4: 1 whole block beside one-hot models",)
    assert f"Students not attacked, too few: {few.students_left_out[0]}." in str(screen(few).notes)
    for task in finished_tasks(path, plan, 2, Teaching(8).variant)[1:]:
        outcome_path(path, plan, task).unlink()
    with pytest.raises(RunError, match="no 2 whole blocks of 10 students of any size"):
        privacy(path, students=True)


def test_without_test_examples_to_compare_with_rmia_is_told_to_be_the_ratio_alone(tmp_path, monkeypatch):
    run = recorded(tmp_path / "run", {2: 1.0, 4: 2.0})
    for module in ("memscope.counting.privacy", "memscope.steps.privacy"):
        monkeypatch.setattr(f"{module}.population_of", lambda run: np.zeros(len(run.examples.test_labels), dtype=bool))
    report = privacy(run.path)
    assert report.population == 0
    assert "RMIA has nothing to compare with" in str(screen(report).notes)
    assert all(of(row, "rmia").area.low > 0.5 for row in report.sizes)


def test_neither_word_of_comfort_is_said(planted, found):
    """On screens, in --details, in the help, in what is stored, and where the documentation tells of membership."""
    shown = [
        CliRunner().invoke(memscope, ["privacy", *rest]).stdout
        for rest in (["--help"], ["--details", str(planted.path)])
    ]
    assert "Attacks on 60 models" in shown[1]
    told = [*shown, str(screen(found)), str(FIELDS), str(keys_of(found))]
    for name in ("science", "results"):
        text = (DOCS / f"{name}.md").read_text()
        told.append(text.split("\n## Membership inference\n")[1].split("\n## ")[0])
    for text in told:
        assert "protect" not in text.lower()
        assert "safe" not in text.lower().replace("--csv-safe", "")
