"""The population estimate in a run's results, its validation on halves, and models added until scores are precise."""

import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import memscope
from memscope.analysis.population.estimate import population
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.counting.standard_errors import SizeErrors, Until, errors_so_far, models_for, models_until, reached
from memscope.errors import OptionError, RunError
from memscope.reports.keys import keys_of, report_of
from memscope.reports.score import Validation
from memscope.run import open_run
from memscope.steps.score import score
from memscope.steps.status import status
from memscope.steps.train_family import plan_ahead, train_family
from memscope.steps.trajectories import trajectories
from memscope.steps.validation import halvings, validation
from memscope.store.ledger import Task, finished_tasks, read_outcome, write_outcome
from memscope.tables import printing
from memscope.tables.score import show_validation
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices
from memscope.work.timing import timed

INLINE = WorkOptions(device="cpu", engine="inline")
SIZES = (2, 4, 8)


@pytest.fixture
def run(tiny_run, tmp_path) -> Path:
    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    return path


@pytest.fixture
def fifty(forty_run, made_once, tmp_path) -> Path:
    """Five blocks."""

    def make(path: Path) -> None:
        shutil.copytree(forty_run, path)
        train_family(path, Choices(models=50), INLINE)

    path = tmp_path / "run"
    shutil.copytree(made_once("fifty", make), path)
    return path


def arrays_of(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """in_subset [models, N], correct and probability [sizes, models, N], read from the ledger."""
    opened = open_run(path)
    inside, correct, probability = [], [], []
    for size in SIZES:
        found = [outcome for _, outcome in opened.outcomes(size)]
        inside.append(np.concatenate([one.in_subset for one in found]))
        correct.append(np.concatenate([one.predicted_train for one in found]) == opened.examples.labels)
        odds = np.concatenate([one.log_odds_train for one in found]).astype(np.float32)
        probability.append(1 / (1 + np.exp(-odds)))
    assert all(np.array_equal(one, inside[0]) for one in inside)
    return inside[0], np.stack(correct), np.stack(probability)


def test_the_results_hold_the_estimate_that_the_function_gives_on_the_ledgers_arrays(run):
    score(run)
    trajectories(run)
    expected = population(*arrays_of(run))
    found, types = open_run(run).results("score"), open_run(run).results("trajectories")
    for name in ("score", "score_sd", "accuracy_in", "accuracy_out"):
        assert found[f"population_{name}"] == pytest.approx(getattr(expected, name), abs=1e-4, nan_ok=True)
    assert types["population_probability"] == pytest.approx(expected.type_probabilities, abs=0.02, nan_ok=True)
    # the raw scores stand beside it as they were
    inside, correct, _ = arrays_of(run)
    raw = np.stack([memscope.memorisation(inside, one).score for one in correct])
    assert found["score"] == pytest.approx(raw, abs=1e-6)


def test_models_that_diverged_have_no_part_in_the_estimate(run):
    opened = open_run(run)
    for size in SIZES:
        task = Task("onehot", size, 0, 10)
        outcome = read_outcome(run, opened.plan, task)
        spoilt = np.where(np.arange(10)[:, None] == 4, 0, outcome.predicted_train)
        changed = replace(outcome, diverged=np.arange(10) == 4, predicted_train=spoilt)
        write_outcome(run, opened.plan, task, changed)
    score(run)
    inside, correct, probability = arrays_of(run)
    kept = np.arange(20) != 4
    expected = population(inside[kept], correct[:, kept], probability[:, kept])
    found = open_run(run).results("score")["population_score"]
    assert np.abs(found - expected.score).max() < 0.05  # blocks are told apart here and there by other means


def test_models_without_probabilities_are_estimated_from_counts_alone(tiny_npz, tmp_path):
    choices = Choices(data=f"npz:{tiny_npz}", trainer="record", models=20, widths=(1, 2))
    opened = open_run(train_family(tmp_path / "run", choices, INLINE).run)
    random = np.random.default_rng(0)
    labels = np.concatenate([opened.examples.labels, opened.examples.test_labels])
    for size in (1, 2):
        for model in range(20):
            wrong = random.random(160) < 0.3
            opened.record(size, model, np.where(wrong, (labels + 1) % 4, labels))
    row = keys_of(score(tmp_path / "run"))["sizes"][0]
    assert row["population"]["mean_score"] == pytest.approx(row["mean_score"], abs=0.02)
    assert row["seconds"] is None


def test_validation_needs_four_blocks_and_says_how_to_get_them(run):
    with pytest.raises(RunError, match=r"has 2 blocks of models .* two in each half; train more with .* --models 40"):
        validation(open_run(run))


def test_validation_compares_halves_of_the_blocks_with_each_other_in_all_three_ways(forty_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(forty_run, run)
    with timed(run, "score") as clock:
        rows = keys_of(validation(open_run(run)))["validation"]
    assert clock.seconds["scoring"] > clock.seconds["rest"]
    inside, correct, _ = arrays_of(run)
    first_halves = [np.isin(np.arange(40) // 10, pair) for pair in ([0, 1], [0, 2], [0, 3])]
    for row, right in zip(rows, correct, strict=True):
        expected = []
        for first in first_halves:
            raw = [memscope.memorisation(inside[half], right[half]).score for half in (first, ~first)]
            noise = []
            for half in (first, ~first):
                blocks = np.flatnonzero(half).reshape(2, 10)
                scores = [memscope.memorisation(inside[block], right[block]).score for block in blocks]
                noise.append(np.var(scores, axis=0, ddof=1) / 2)
            expected.append(((raw[0] - raw[1]) ** 2).mean() - np.mean(noise))
        assert row["raw_squared_error"] == pytest.approx(np.mean(expected), abs=1e-6)
        assert (row["models"], row["models_other_half"]) == (20, 20)
        assert row["ratio"] == pytest.approx(row["squared_error"] / row["raw_squared_error"])
        assert row["helps"] == (row["ratio"] < 1)


def test_halves_of_an_odd_number_of_blocks_are_told_apart_and_each_loses_its_own_noise(fifty):
    run = fifty
    rows = keys_of(validation(open_run(run)))["validation"]
    inside, correct, _ = arrays_of(run)
    for row, right in zip(rows, correct, strict=True):
        assert (row["models"], row["models_other_half"]) == (20, 30)
        of_block = [memscope.memorisation(inside[b : b + 10], right[b : b + 10]).score for b in range(0, 50, 10)]
        expected = []
        for halves in halvings(list(range(5))):
            assert sorted(map(len, halves)) == [2, 3]
            scores = [np.stack([of_block[block] for block in half]) for half in halves]
            squared = (scores[0].mean(axis=0) - scores[1].mean(axis=0)) ** 2
            # as much noise as the half has that is predicted: once that of two blocks, once that of three
            noise = [each.var(axis=0, ddof=1) / len(each) for each in scores]
            expected.append(squared.mean() - np.mean(noise))
        assert row["raw_squared_error"] == pytest.approx(np.mean(expected), abs=1e-6)
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    assert all(f"`{key}`" in page for key in rows[0])


@pytest.mark.parametrize(
    ("halves", "says"), [((20, 20), "(20 of each width)"), ((20, 30), "(20 and 30 of each width)")]
)
def test_the_models_of_each_half_are_named_once_where_they_are_as_many(halves, says, monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(printing, "console", Console(file=shown, width=200))
    numbers = ("squared_error", "raw_squared_error", "ratio", "agreement", "raw_agreement", "calibration")
    row = {"size": 2, "models": halves[0], "models_other_half": halves[1], "helps": True, "calibrated": True}
    row |= dict.fromkeys((*numbers, "calibration_spread"), 0.5)
    show_validation(report_of(Validation, {"validation": [row], "calibration_thirds": [1.0, 1.0, 1.0]}), "width")
    assert f"Each half of the models {says} predicts the raw scores of the other" in shown.getvalue()


def test_halves_of_many_blocks_are_drawn_apart_and_of_equal_size():
    ways = halvings(list(range(3, 13)))
    assert len(ways) == 3
    assert len({tuple(first) for first, _ in ways}) == 3
    for first, second in ways:
        assert len(first) == len(second) == 5
        assert sorted(first + second) == list(range(3, 13))
    assert ways == halvings(list(range(3, 13)))


def test_models_are_added_in_blocks_at_all_sizes_until_the_error_is_reached(run):
    before = {one.size: one.error for one in errors_so_far(open_run(run), population=False)}
    target = 0.8 * max(before.values())
    said = []
    trained = train_family(run, Choices(), INLINE, until=Until(error=target), say=said.append)
    plan = open_run(trained.run).plan
    found = errors_so_far(open_run(run), population=False)
    assert max(one.error for one in found) <= target
    assert {len(finished_tasks(run, plan, size)) for size in SIZES} == {plan.models // 10}
    assert plan.models > 20
    # with a block less it did not hold
    fewer = [memscope.memorisation(arrays_of(run)[0][:-10], right[:-10]).standard_error for right in arrays_of(run)[1]]
    assert max(np.sqrt((one**2).mean()) for one in fewer) > target
    assert any(f"until {target:g}" in line for line in said)
    # and once it holds nothing more is trained
    assert train_family(run, Choices(), INLINE, until=Until(error=target)).trained == 0


def test_agreement_is_not_reached_before_there_are_two_halves_to_agree(tiny_choices, run, tmp_path):
    one_block = open_run(train_family(tmp_path / "one", replace(tiny_choices, models=10), INLINE).run)
    assert not reached(errors_so_far(one_block, population=False), Until(agreement=1e-6))
    found = errors_so_far(open_run(run), population=True)
    inside, correct, _ = arrays_of(run)
    for one, right in zip(found, correct, strict=True):
        halves = [memscope.memorisation(inside[half], right[half]).score for half in (slice(10), slice(10, 20))]
        assert one.agreement == pytest.approx(rank_correlation(*halves))
        assert 0 < one.error_population < one.error
    worst = min(one.agreement for one in found)
    assert not reached(found, Until(agreement=max(worst + 0.01, 0.01)))
    assert reached(found, Until(error_population=0.9, error=0.9))


@pytest.mark.parametrize("values", [{"error": 0}, {"error": 1.5}, {"agreement": 1}, {"error_population": -0.1}])
def test_limits_that_cannot_be_are_refused(values):
    with pytest.raises(OptionError, match=r"it must lie between 0 and 1"):
        Until(**values)


def test_models_for_an_error_grow_with_its_square_in_whole_blocks(run):
    plan = open_run(run).plan
    assert models_for(20, 0.1, 0.05, plan) == 80
    assert models_for(20, 0.1, 0.0999, plan) == 30
    assert models_for(20, 0.1, 0.2, plan) == 10


def test_a_block_that_is_not_whole_or_has_diverged_models_has_no_part_in_the_validation(fifty):
    run, plan = fifty, open_run(fifty).plan
    expected = keys_of(validation(open_run(run)))["validation"]
    task = Task("onehot", SIZES[1], 40, 10)
    outcome = read_outcome(run, plan, task)
    write_outcome(run, plan, task, replace(outcome, diverged=np.arange(10) == 3))
    found = keys_of(validation(open_run(run)))["validation"]
    assert [row["models"] for row in found] == [20] * 3
    assert all(row["ratio"] is not None for row in found)
    assert found != expected
    write_outcome(run, plan, Task("onehot", SIZES[1], 30, 10), replace(outcome, diverged=np.ones(10, dtype=bool)))
    with pytest.raises(RunError, match="has 3 blocks of models that are whole"):
        validation(open_run(run))


def test_the_agreement_of_halves_of_more_models_follows_by_spearman_and_brown(run):
    plan = open_run(run).plan
    found = SizeErrors(2, 20, 0.1, 0.5, None, 1.0)
    assert found.agreement_with(40) == pytest.approx(2 / 3)
    assert found.agreement_with(20) == 0.5
    assert models_until([found], Until(agreement=2 / 3), plan) == 40
    assert models_until([found], Until(agreement=2 / 3, error=0.025), plan) == 320
    assert models_until([found], Until(agreement=0.4), plan) == 20
    # one that is not above 0 predicts nothing
    below = SizeErrors(2, 40, 0.1, -0.2, None, 1.0)
    assert np.isnan(below.agreement_with(240))
    assert below.error_with(160) == pytest.approx(0.05)
    assert models_until([found, below], Until(agreement=0.5), plan) is None
    assert models_until([SizeErrors(2, 20, 0.0, 0.5, None, 1.0)], Until(error=0.1), plan) == 20


def test_a_dry_run_forecasts_from_the_models_that_are_there(run, tiny_choices, tmp_path):
    target = 0.5 * errors_so_far(open_run(run), population=False)[0].error
    before = sorted(run.rglob("*"))
    ahead = plan_ahead(run, Choices(models=80), INLINE, until=Until(error=target))
    assert sorted(run.rglob("*")) == before
    inside, correct, _ = arrays_of(run)
    errors = []
    for each, right in zip(ahead.sizes, correct, strict=True):
        errors.append(np.sqrt((memscope.memorisation(inside, right).standard_error ** 2).mean()))
        assert each.pilot.rms_standard_error == pytest.approx(errors[-1])
        assert each.pilot.expected_rms_standard_error == pytest.approx(errors[-1] / 2)
        halves = [memscope.memorisation(inside[half], right[half]).score for half in (slice(10), slice(10, 20))]
        agreement = rank_correlation(*halves)
        assert each.pilot.agreement == pytest.approx(agreement)
    assert ahead.models_until == max(80, *(models_for(20, error, target, open_run(run).plan) for error in errors))
    missing = ahead.models_until - 20
    found = errors_so_far(open_run(run), population=False)
    assert ahead.seconds_until == pytest.approx(missing * sum(one.seconds for one in found))
    # nothing is predicted from nothing, nor an agreement of halves from one block
    assert plan_ahead(tmp_path / "new", tiny_choices, INLINE, until=Until(error=0.1)).models_until is None
    one_block = open_run(train_family(tmp_path / "one", replace(tiny_choices, models=10), INLINE).run).path
    assert plan_ahead(one_block, Choices(), INLINE, until=Until(agreement=0.5)).models_until is None
    assert plan_ahead(one_block, Choices(), INLINE, until=Until(error=0.05)).models_until > 10


def test_status_tells_the_precision_so_far_and_what_more_would_take(run):
    assert status(run).score_precision is None
    found = keys_of(score(run))
    rows = status(run).score_precision
    errors = open_run(run).results("score")["standard_error"]
    for row, of_size, error in zip(rows, found["sizes"], errors, strict=True):
        assert row.rms_standard_error == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
        for each in row.forecast:
            assert each.models >= 20 * (row.rms_standard_error / each.error) ** 2 - 1e-6
            assert each.seconds == pytest.approx((max(each.models - 20, 0)) * of_size["seconds"])


def test_subsets_trained_twice_differ_by_training_noise_and_split_the_variance(run):
    before = keys_of(score(run))["sizes"]
    assert all(row["noise"] is None for row in before)
    trained = train_family(run, Choices(), INLINE, replicates=2)
    assert trained.trained == 3 * 10
    opened = open_run(run)
    for size in SIZES:
        first, second = (read_outcome(run, opened.plan, Task("onehot", size, 0, 10, replicate)) for replicate in (0, 1))
        assert np.array_equal(first.in_subset, second.in_subset)
        assert (first.predicted_train != second.predicted_train).any()
    after = keys_of(score(run))["sizes"]
    for row, old in zip(after, before, strict=True):
        assert row["mean_score"] == old["mean_score"]  # second models have no part in the scores
        assert row["noise"]["subsets"] == 10
        assert 0 < row["noise"]["training"] <= 1.2 * row["noise"]["variance"]
    assert train_family(run, Choices(), INLINE, replicates=2).trained == 0
