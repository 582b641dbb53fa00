"""What is attacked is what the ledger's files say, of whole blocks alone."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from memscope.analysis.privacy.scores import ATTACKS, judged
from memscope.analysis.statistics.roc import area_under_roc
from memscope.counting.outcomes import count_size
from memscope.counting.privacy import Material, material_of, population_of, usable_blocks, without_log_odds
from memscope.counting.privacy_audit import ASKED, audit_of
from memscope.errors import RunError
from memscope.plan.subsets import block_subsets
from memscope.run import open_run
from memscope.store.ledger import Task, outcome_path, read_outcome, write_outcome
from tests.counting.recorded_privacy import recorded


@pytest.fixture
def run(forty_run, tmp_path):
    shutil.copytree(forty_run, tmp_path / "run")
    return open_run(tmp_path / "run")


def blocks_of(run, *sizes):
    return usable_blocks(run, [count_size(run, size) for size in sizes])


def test_models_of_whole_blocks_are_read_as_they_are_in_the_files(run):
    assert blocks_of(run, 2, 4, 8) == [0, 1, 2, 3]
    found = material_of(run, 4, [1, 3])
    assert (found.left_out, found.block.tolist()) == (20, [1] * 10 + [3] * 10)
    for place, first in enumerate((10, 30)):
        outcome = read_outcome(run.path, run.plan, Task("onehot", 4, first, 10))
        here = slice(10 * place, 10 * place + 10)
        assert np.array_equal(found.in_subset[here], [run.subset(first + one) for one in range(10)])
        assert np.array_equal(found.log_odds[here], outcome.log_odds_train)
        assert np.array_equal(found.population[here], outcome.log_odds_test[:, population_of(run)])


def test_a_block_that_is_not_whole_or_has_a_diverged_model_is_used_at_no_size(run):
    outcome_path(run.path, run.plan, Task("onehot", 2, 0, 10)).unlink()
    task = Task("onehot", 8, 20, 10)
    outcome = read_outcome(run.path, run.plan, task)
    write_outcome(run.path, run.plan, task, replace(outcome, diverged=np.arange(10) == 4))
    assert blocks_of(run, 2, 4, 8) == [1, 3]
    assert blocks_of(run, 4) == [0, 1, 2, 3]


def test_test_examples_with_a_duplicate_in_training_are_no_population(run):
    examples = run.examples
    near, exact = np.full(40, -1), np.full(40, -1)
    near[3], near[4], exact[5] = 7, 8, 2  # group 8 has no training example
    trained = [np.full(120, -1), np.full(120, -1)]
    trained[0][0], trained[1][1] = 7, 2
    run.__dict__["examples"] = replace(
        examples, near_group=trained[0], exact_group=trained[1], test_near_group=near, test_exact_group=exact
    )
    assert np.flatnonzero(~population_of(run)).tolist() == [3, 5]


def test_models_without_log_odds_are_refused_in_a_line(tmp_path):
    run = recorded(tmp_path / "run", {2: 0.0}, models=20, odds=False)
    assert without_log_odds(run, [Task("onehot", 2, 3, 1)])
    with pytest.raises(RunError, match=r"model 0 of width 2 have no log-odds.*run\.record"):
        material_of(run, 2, [0, 1])


def test_what_is_kept_of_every_example_is_what_its_models_show():
    """Against loops over models, with thresholds written out."""
    random = np.random.default_rng(0)
    member = np.concatenate([block_subsets(300, block, 0.7, 0) for block in range(4)])
    odds = (random.normal(size=300) + 2 * member + random.normal(size=member.shape)).astype(np.float16)
    block = np.repeat(np.arange(4), 10)
    population = random.normal(size=(40, 50)).astype(np.float16)
    audit = audit_of(Material(member, odds, population, block, 0))
    found = judged(member, odds, block, population)
    assert audit.flagged_at == 0.01
    scores = found.scores["lira"]
    columns = audit.columns
    for example in range(0, 300, 7):
        inside = member[:, example]
        for side, chosen in (("in", inside), ("out", ~inside)):
            flagged = 0
            for model in np.flatnonzero(chosen):
                others = block != block[model]
                false = np.sort(scores[others][~member[others]])
                flagged += scores[model, example] > false[-int(0.01 * (len(false) + 1))]
            assert columns[f"flagged_{side}"][example] == flagged
            assert columns[f"n_{side}"][example] == chosen.sum()
            assert columns[f"log_odds_{side}"][example] == pytest.approx(
                odds[chosen, example].mean(dtype=float), abs=1e-5
            )
            assert columns[f"ratio_{side}"][example] == pytest.approx(found.ratio[chosen, example].mean(), rel=1e-4)
            low, high = (columns[f"flagged_{side}_{end}"][example] for end in ("low", "high"))
            assert low <= flagged / chosen.sum() <= high


def test_what_is_kept_of_every_block_is_what_its_models_show():
    """Areas and rates of blocks against loops, NaN where the smallest rate is not told; and the transform's tails."""
    random = np.random.default_rng(0)
    member = np.concatenate([block_subsets(300, block, 0.7, 0) for block in range(4)])
    odds = (random.normal(size=300) + 2 * member + random.normal(size=member.shape)).astype(np.float16)
    block = np.repeat(np.arange(4), 10)
    audit = audit_of(Material(member, odds, random.normal(size=(40, 50)).astype(np.float16), block, 0))
    scores = odds.astype(np.float32)  # of the threshold on the loss
    at = list(ATTACKS).index("loss")
    area, true, false = (audit.by_block[f"block_{name}"] for name in ("area", "true_positive", "false_positive"))
    assert area.shape == (5, 4)
    assert true.shape == false.shape == (5, len(ASKED), 4)
    for number in range(4):
        here = np.flatnonzero(block == number)
        each = [area_under_roc(scores[model], member[model]) for model in here]
        assert area[at, number] == pytest.approx(np.mean(each))
        for place, asked in enumerate(ASKED):
            others = np.sort(scores[block != number][~member[block != number]])
            cut = others[-max(1, int(asked * (len(others) + 1)))]
            if asked == 0.001:
                assert np.isnan([true[at, place, number], false[at, place, number]]).all()
                continue
            assert true[at, place, number] == pytest.approx((scores[here][member[here]] > cut).mean())
            assert false[at, place, number] == pytest.approx((scores[here][~member[here]] > cut).mean())
    counts = audit.transforms
    assert counts.shape == (2, 3, 20)
    for one in audit.calibration:
        of_it = counts[0 if one.member else 1, one.third]
        assert of_it.sum() == one.pairs > 1000
        assert of_it[[0, -1]] / one.pairs == pytest.approx([one.below, one.above], abs=1e-3)
