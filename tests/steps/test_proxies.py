"""`memscope proxies`: what it reports is what the files of the run say, and the score comes from other models."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from memscope.analysis.proxies.catalogue import PROXIES
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.errors import OptionError, RunError
from memscope.reports.keys import keys_of, report_of
from memscope.reports.proxies import ProxiesReport
from memscope.run import open_run
from memscope.steps.proxies import proxies
from memscope.steps.train_family import train_family
from memscope.store.dynamics import read_dynamics
from memscope.store.ledger import Task
from memscope.store.results import read_results
from memscope.work.carrying_out import WorkOptions

INLINE = WorkOptions(device="cpu", engine="inline")
CHEAP = ("mean-accuracy", "final-loss", "el2n", "accuracy-out")

pytestmark = pytest.mark.xdist_group("proxies of a run")


@pytest.fixture(scope="module")
def recorded(tiny_choices, tmp_path_factory):
    """Fifty models of two widths, ten recorded, and one on all the data. Tests must not change it."""
    path = tmp_path_factory.mktemp("recorded") / "run"
    given = replace(tiny_choices, widths=(2, 4), models=50, full=1, dynamics=10)
    assert not train_family(path, given, INLINE).failed
    return path


@pytest.fixture(scope="module")
def compared(recorded, tmp_path_factory):
    """A copy of it, and the report on it."""
    path = tmp_path_factory.mktemp("compared") / "run"
    shutil.copytree(recorded, path)
    return path, proxies(path, CHEAP, INLINE)


def outcomes(run, size, blocks):
    """in_subset and correct, bool [models, N], of the models of some blocks."""
    found = [outcome for task, outcome in run.outcomes(size) if task.first // run.plan.block in blocks]
    inside = np.concatenate([one.in_subset for one in found])
    return inside, np.concatenate([one.predicted_train for one in found]) == run.examples.labels


def accuracies(run, size, blocks):
    """Accuracy in and out [N], by plain sums."""
    inside, right = outcomes(run, size, blocks)
    return (right & inside).sum(0) / inside.sum(0), (right & ~inside).sum(0) / (~inside).sum(0)


def row_of(report, name, size):
    (one,) = (one for one in report.proxies if one.name == name)
    (row,) = (row for row in one.sizes if row.size == size)
    return row


def test_a_proxy_of_the_recorded_models_is_held_against_the_score_of_the_others(compared):
    path, report = compared
    run = open_run(path)
    assert (report.on, report.recorded, report.score_models, report.score_blocks) == ("subsets", 10, 40, 4)
    for size in (2, 4):
        into, out = accuracies(run, size, {1, 2, 3, 4})
        tasks = [Task("onehot", size, first, run.plan.unit) for first in range(0, 10, run.plan.unit)]
        found = [read_dynamics(path, run.plan, task) for task in tasks]
        inside = np.concatenate([one.in_subset for one in found])
        correct = np.concatenate([one.correct for one in found])
        mean = np.nanmean(np.where(inside[:, np.newaxis], correct, np.nan).mean(axis=1), axis=0)
        row = row_of(report, "mean-accuracy", size)
        assert row.spearman.value == pytest.approx(rank_correlation(mean, into - out), abs=1e-9)
        assert row.models == 10
        assert not row.half


def test_accuracy_out_and_the_score_come_from_halves_of_the_blocks_both_ways(compared):
    path, report = compared
    run = open_run(path)
    ways = []
    for score_blocks, others in (({1, 3}, {2, 4}), ({2, 4}, {1, 3})):
        into, out = accuracies(run, 4, score_blocks)
        ways.append(rank_correlation(accuracies(run, 4, others)[1], into - out))
    row = row_of(report, "accuracy-out", 4)
    assert row.half
    assert row.spearman.value == pytest.approx(np.mean(ways), abs=1e-9)


def test_models_on_all_the_data_leave_the_score_all_blocks(compared, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(compared[0], path)
    report = proxies(path, ("mean-accuracy",), INLINE, on="full")
    assert (report.on, report.recorded, report.score_blocks) == ("full", 1, 5)
    assert row_of(report, "mean-accuracy", 4).models == 1


def test_what_was_found_is_stored_with_the_values_of_every_example(compared):
    path, report = compared
    values, _, summary = read_results(path, "proxies", open_run(path).plan)
    assert [one.name for one in report.proxies] == list(CHEAP)
    assert keys_of(report_of(ProxiesReport, summary)) == keys_of(report)
    assert values["value"].shape == (4, 2, report.examples)
    assert values["spearman"][0, 1] == pytest.approx(row_of(report, "mean-accuracy", 4).spearman.value)
    assert {one.cost for one in report.proxies if one.name == "accuracy-out"} == {20}  # half at a time


def test_the_same_again_measures_nothing_and_finds_the_same(compared):
    path, report = compared
    before = {file: file.stat().st_mtime_ns for file in path.glob("proxies/**/*.h5")}
    assert before
    again = proxies(path, CHEAP, INLINE)
    assert keys_of(again) == keys_of(report)
    assert {file: file.stat().st_mtime_ns for file in path.glob("proxies/**/*.h5")} == before


def test_without_residual_memories_the_residual_is_left_out_with_the_command(compared, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(compared[0], path)
    report = proxies(path, ("final-loss", "residual"), INLINE)
    assert [one.name for one in report.proxies] == ["final-loss"]
    assert "memscope resmem" in report.left_out["residual"]


def test_names_that_there_are_not_are_refused_with_those_that_there_are(recorded):
    with pytest.raises(OptionError, match="no proxy forgeting; the proxies are mean-accuracy"):
        proxies(recorded, ("forgeting",), INLINE)
    assert "forgetting" in PROXIES


def test_a_run_without_dynamics_names_the_command_that_records(tiny_run):
    with pytest.raises(
        RunError, match=r"recorded models at 0 of its 3 widths.*record them with memscope train-family"
    ) as told:
        proxies(tiny_run, (), INLINE)
    assert str(told.value).endswith("--dynamics 10")


def test_where_every_block_is_recorded_none_is_left_for_the_score(tiny_choices, tmp_path):
    given = replace(tiny_choices, widths=(2,), models=10, dynamics=10)
    train_family(tmp_path / "run", given, INLINE)
    with pytest.raises(RunError, match=r"score must come from others than the proxies(.|\n)*--models 50"):
        proxies(tmp_path / "run", (), INLINE)


def test_one_width_has_no_trend(tiny_choices, tmp_path):
    given = replace(tiny_choices, widths=(2,), models=20, dynamics=10)
    train_family(tmp_path / "run", given, INLINE)
    report = proxies(tmp_path / "run", ("final-loss",), INLINE)
    assert report.proxies[0].trend is None
    assert report.proxies[0].across_sizes is None
    assert report.proxies[0].across_examples == "cannot be told"
    assert report.score_blocks == 1


def test_with_one_block_beside_the_recorded_one_what_is_of_the_scores_own_models_is_left_out(tiny_choices, tmp_path):
    given = replace(tiny_choices, widths=(2, 4), models=20, dynamics=10)
    train_family(tmp_path / "run", given, INLINE)
    report = proxies(tmp_path / "run", ("final-loss", "forgetting-0", "forgetting", "accuracy-out"), INLINE)
    assert [one.name for one in report.proxies] == ["forgetting", "forgetting-0", "final-loss"]
    assert "two blocks" in report.left_out["accuracy-out"]
    variant = report.proxies[1].spearman_with_lead
    assert len(variant) == 2
    assert all(value <= 1 for value in variant if not np.isnan(value))
    with pytest.raises(RunError, match=r"none of these proxies can be had.*accuracy-out: .*two blocks"):
        proxies(tmp_path / "run", ("accuracy-out",), INLINE)


def test_models_on_all_the_data_that_were_not_recorded_are_asked_for_with_both_options(tiny_run):
    with pytest.raises(RunError, match=r"recorded models on all the data at 0 of its 3 widths") as told:
        proxies(tiny_run, (), INLINE, on="full")
    assert str(told.value).endswith("--dynamics 10 --full 1")
