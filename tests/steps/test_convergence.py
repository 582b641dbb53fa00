"""`memscope convergence` on recorded runs whose models' accuracies are known: what fewer of them say, and how wrong."""

import json
import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from click.testing import CliRunner

import memscope as package
from memscope.analysis.trajectories import TYPES
from memscope.cli import memscope
from memscope.errors import OptionError, RunError
from memscope.reports.convergence import FIELDS
from memscope.reports.keys import keys_of
from memscope.run import open_run
from memscope.steps.convergence import convergence
from memscope.steps.trajectories import trajectories
from memscope.store.ledger import outcome_path, write_outcome
from memscope.store.results import read_results
from tests.counting.recorded_privacy import TRAIN, middles, recorded

SIZES = (2, 4, 8)
EFFECTS = {2: 0.0, 4: np.where(np.arange(TRAIN) % 4 == 0, 1.0, 0.2), 8: np.where(np.arange(TRAIN) % 4 == 0, 2.5, 0.2)}
MODELS = 60


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("converging") / "run", EFFECTS, models=MODELS)


@pytest.fixture(scope="module")
def found(run):
    return convergence(run.path)


@pytest.fixture(scope="module")
def truth():
    """Scores [sizes, examples]: a model is right where its log-odds are above 0."""
    right = np.vectorize(NormalDist().cdf)
    middle = middles()[:TRAIN]
    return np.stack([right(middle + EFFECTS[size]) - right(middle) for size in SIZES])


@pytest.fixture(scope="module")
def outcomes(run):
    """Masks [models, examples]; correct and probability [sizes, models, examples]."""
    mask = np.stack([run.subset(model) for model in range(MODELS)])
    correct, soft = np.zeros((2, len(SIZES), MODELS, TRAIN))
    for at, size in enumerate(SIZES):
        for task, outcome in run.outcomes(size):
            correct[at, task.models] = outcome.predicted_train == run.examples.labels
            soft[at, task.models] = 1 / (1 + np.exp(-outcome.log_odds_train.astype(np.float64)))
    return mask, correct.astype(bool), soft


def test_the_numbers_of_models_and_the_sets_are_those_that_there_are(found):
    assert [(row.models, row.sets) for row in found.rows] == [(10, 5), (20, 3), (30, 2), (50, 1), (60, 1)]
    assert (found.models, found.looked_at, found.block) == (60, TRAIN, 10)


def test_errors_are_those_from_the_truth(found, truth, outcomes):
    mask, correct, soft = outcomes
    for row in found.rows[:3]:
        squares, ours = [], []
        for first in range(0, row.sets * row.models, row.models):
            here = slice(first, first + row.models)
            scores = [package.memorisation(mask[here], right[here]).score for right in correct]
            squares.append(((scores - truth) ** 2).mean(axis=1))
            estimate = package.population(mask[here], correct[:, here], soft[:, here])
            ours.append(((estimate.score - truth) ** 2).mean(axis=1))
        for size, raw, pooled in zip(row.sizes, np.mean(squares, axis=0), np.mean(ours, axis=0), strict=True):
            # two halves judge each other, by the same differences: of 400 examples their error is 7 %
            assert size.error.value == pytest.approx(math.sqrt(raw), rel=0.2 if row.models == 30 else 0.12)
            assert size.population_error.value == pytest.approx(math.sqrt(pooled), abs=0.02)
            assert size.expected == pytest.approx(size.standard_error, rel=0.1)
            ratio = (size.error.value / size.population_error.value) ** 2
            assert size.as_good_as == pytest.approx(row.models * ratio)
    for size, true in zip(found.rows[0].sizes, truth, strict=True):
        assert size.spread == pytest.approx(true.std(), abs=0.02)
        assert size.as_good_as > 20 if size.size > 2 else True  # these are of two kinds, and learnt from each other


def test_half_of_the_models_and_more_cannot_be_judged_by_one_block(found):
    assert not math.isnan(found.rows[2].sizes[0].error.value)
    assert [math.isnan(row.sizes[0].error.value) for row in found.rows[3:]] == [True, True]
    assert [row.models for row in found.judged] == [10, 20, 30]


def test_all_models_have_the_types_that_trajectories_has(run, found):
    shares = trajectories(run.path)
    last = found.rows[-1].types
    for name in TYPES:
        assert last.raw[name].value == pytest.approx(shares.all_sizes.raw[name])
        assert last.called[name].value == pytest.approx(shares.all_sizes.called[name])
        assert last.if_all_flat[name] == pytest.approx(shares.all_sizes.if_all_flat[name])
        # of probabilities that the sums keep in float16
        assert last.population[name].value == pytest.approx(shares.population.shares[name], abs=0.01)
    assert math.isnan(last.same_raw)
    half = found.rows[2].types
    assert 0 <= half.same_raw_by_chance < half.same_raw <= 1
    assert half.same_told > half.same_told_by_chance


def test_what_is_stored_is_what_was_found(run, found):
    values, _, _ = read_results(run.path, "convergence", run.plan)
    assert values.keys() == FIELDS.keys()
    assert values["models"].tolist() == [10, 20, 30, 50, 60]
    assert values["error"][1, 2] == pytest.approx(found.rows[1].sizes[2].error.value)
    assert values["raw_share"][0] == pytest.approx([found.rows[0].types.raw[name].value for name in TYPES])
    told = CliRunner().invoke(memscope, ["convergence", str(run.path), "--stored", "--json"])
    assert json.loads(told.stdout)["rows"][2]["models"] == 30


def test_the_same_again_is_the_same(run, found):
    assert json.dumps(keys_of(convergence(run.path))) == json.dumps(keys_of(found))


def test_numbers_that_are_asked_for_are_looked_at_beside_all(run):
    rows = convergence(run.path, (30, 20)).rows
    assert [row.models for row in rows] == [20, 30, 60]
    for models in ((15,), (0,), (70,), (20, 25)):
        with pytest.raises(OptionError, match=r"--models has .*, expected whole blocks of 10, from 10 to 60"):
            convergence(run.path, models)


def test_one_size_has_no_types_and_models_without_log_odds_no_soft_scores(tmp_path):
    run = recorded(tmp_path / "run", {2: 1.0}, models=40, odds=False)
    found = convergence(run.path)
    assert all(row.types is None for row in found.rows)
    assert all(math.isnan(row.sizes[0].soft_agreement.value) for row in found.rows)
    assert not math.isnan(found.rows[1].sizes[0].agreement.value)
    shown = CliRunner().invoke(memscope, ["convergence", str(run.path), "--details"])
    assert shown.exit_code == 0, shown.output
    assert "Shares of types" not in shown.stdout


def test_a_block_that_is_not_whole_at_every_size_is_left_out_and_one_alone_is_refused(tmp_path):
    run = recorded(tmp_path / "run", {2: 0.5, 4: 1.0}, models=30)
    task, _ = next(one for one in run.outcomes(4) if one[0].first >= 10)
    outcome_path(run.path, run.plan, task).unlink()
    assert [row.models for row in convergence(run.path).rows] == [10, 20]
    for task, _ in list(open_run(run.path).outcomes(4)):
        if task.first >= 10:
            outcome_path(run.path, run.plan, task).unlink()
    with pytest.raises(
        RunError, match=r"1 block of 10 models that every width has whole, without one that diverged.*--models 40"
    ):
        convergence(run.path)


def test_models_that_diverged_take_their_block_out(tmp_path):
    run = recorded(tmp_path / "run", {2: 0.5, 4: 1.0}, models=30)
    for task, outcome in run.outcomes(4):
        if 10 <= task.first < 20:
            write_outcome(run.path, run.plan, task, replace(outcome, diverged=np.ones(len(task.models), dtype=bool)))
    assert [row.models for row in convergence(run.path).rows] == [10, 20]


def test_models_that_are_always_right_are_never_off(tmp_path):
    run = recorded(tmp_path / "run", {2: 0.0, 4: 0.0}, models=40)
    labels = np.append(run.examples.labels, run.examples.test_labels)
    for size in (2, 4):
        for path in (run.path / "outcomes" / "onehot" / f"width-{size}").glob("*"):
            path.unlink()
        for model in range(40):
            run.record(size, model, labels, np.full(len(labels), 5.0))
    found = convergence(run.path)
    assert [row.sizes[-1].error.value for row in found.judged] == [0.0, 0.0]
    assert found.rows[-1].types.raw["constant"].value == 1.0
    shown = CliRunner().invoke(memscope, ["convergence", str(run.path)])
    assert shown.exit_code == 0, shown.output
    assert "At width 4 scores of 20 models are off by .00 (rms)" in " ".join(shown.stdout.split())


def test_of_many_examples_a_sample_is_looked_at(run, monkeypatch):
    monkeypatch.setattr("memscope.analysis.population.sums.FIT_EXAMPLES", 300)
    report = convergence(run.path, (20,))
    assert (report.looked_at, report.examples) == (300, TRAIN)
    shown = CliRunner().invoke(memscope, ["convergence", str(run.path), "--models", "20"])
    assert "Of 300 of the 400 images, chosen at random." in " ".join(shown.stdout.split())


def test_numbers_that_are_too_many_to_be_judged_are_not_said_to_lack_models(run):
    shown = CliRunner().invoke(memscope, ["convergence", str(run.path), "--models", "50"])
    told = " ".join(shown.stdout.split())
    assert "How far so many models are off cannot be told: two blocks must be left to judge." in told
    assert "train-family" not in told


def test_figures_are_drawn_where_there_is_something_to_draw(run, found, tmp_path):
    report = convergence(run.path, plot=tmp_path)
    assert [name.rpartition("/")[2] for name in report.figures] == ["convergence.png", "convergence-types.png"]
    few = recorded(tmp_path / "few", {2: 0.5, 4: 1.0}, models=20)
    assert [name.rpartition("/")[2] for name in convergence(few.path, plot=tmp_path).figures] == [
        "convergence-types.png"
    ]
    shown = CliRunner().invoke(memscope, ["convergence", str(few.path)])
    assert "How far fewer models are off cannot be told of 20" in " ".join(shown.stdout.split())
    assert "--models 40" in shown.stdout
