"""The values of proxies, from all the files that a run has of them, as numbers by model and example."""

import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from memscope.analysis.proxies.catalogue import GROUPS, PROXIES
from memscope.counting.proxies import proxy_values
from memscope.errors import RunError
from memscope.files.atomic import write_atomically
from memscope.run import open_run
from memscope.steps.resmem import MemoryOptions, resmem
from memscope.steps.train_family import train_family
from memscope.store.dynamics import dynamics_path, pack_dynamics, read_dynamics
from memscope.store.ledger import FULL, Task, outcome_digest, read_outcome, write_outcome
from memscope.store.proxies import MeasuredProxies, pack_proxies, proxy_path
from memscope.work.carrying_out import WorkOptions, silent, unseen
from memscope.work.measuring_proxies import measurable, measure

INLINE = WorkOptions(device="cpu", engine="inline")
ONE = MemoryOptions(k=(5,), sigma=(0.5,), temperature=(2.0,))
OF_DYNAMICS = [name for name, proxy in PROXIES.items() if proxy.needs == "dynamics"]
MEASURED = [name for names in GROUPS.values() for name in names]

pytestmark = pytest.mark.xdist_group("proxies")


@pytest.fixture(scope="module")
def whole(tiny_choices, tmp_path_factory) -> Path:
    """A run with two blocks of recorded models, one on all the data, proxies and memories. Tests must not change it."""
    path = tmp_path_factory.mktemp("whole") / "run"
    assert not train_family(path, replace(tiny_choices, full=1, dynamics=20), INLINE).failed
    run = open_run(path)
    tasks = {size: measurable(run, size) + measurable(run, size, FULL) for size in run.plan.sizes}
    assert not measure(run, tasks, tuple(GROUPS), INLINE, "cpu", silent, unseen).failures
    assert not resmem(path, ONE, INLINE).failed
    return path


@pytest.fixture
def run(whole, tmp_path) -> Path:
    shutil.copytree(whole, tmp_path / "run")
    return tmp_path / "run"


def test_every_proxy_has_a_number_for_each_model_and_example_that_it_was_trained_on(whole):
    run = open_run(whole)
    found, left_out = proxy_values(run, 4, "onehot", list(PROXIES), ledger_blocks=[1])
    assert list(found) == list(PROXIES)
    assert not left_out
    inside = np.stack([run.subset(model) for model in range(20)])
    for name, one in found.items():
        if name == "accuracy-out":
            assert one.models.tolist() == list(range(10, 20))
            assert np.array_equal(np.isnan(one.values), inside[10:])
            continue
        assert one.values.dtype == np.float64
        assert one.models.tolist() == list(range(20))
        assert one.blocks.tolist() == [0] * 10 + [1] * 10
        assert np.array_equal(np.isnan(one.values), ~inside), name


def test_models_on_all_the_data_are_of_no_block_and_know_every_example(whole):
    found, left_out = proxy_values(open_run(whole), 4, FULL, [*OF_DYNAMICS, *MEASURED])
    assert not left_out
    for one in found.values():
        assert one.values.shape == (1, 120)
        assert not np.isnan(one.values).any()
        assert (one.models.tolist(), one.blocks.tolist()) == ([0], [-1])


def test_dynamics_become_what_they_say_by_hand(whole):
    run = open_run(whole)
    names = ["learning-time", "final-margin", "cumulative-loss", "forgetting"]
    found, _ = proxy_values(run, 2, "onehot", names)
    with h5py.File(whole / "dynamics/onehot/width-2/00010-00019-r0.h5") as file:
        odds = file["log_odds"][()][4].astype(np.float64)
        right = np.unpackbits(file["correct"][()][4], axis=-1, count=120, bitorder="little")
    inside = run.subset(14)
    assert list(found) == names
    assert np.array_equal(found["final-margin"].values[14][inside], odds[2][inside])
    loss = np.log1p(np.exp(-odds)).sum(0)
    assert found["cumulative-loss"].values[14][inside] == pytest.approx(loss[inside])
    for example in np.flatnonzero(inside):
        a, b, c = right[:, example]
        learnt = 1 if a and b and c else 2 if b and c else 3 if c else 4
        events = 3 if not a + b + c else int(a and not b) + int(b and not c)
        assert found["learning-time"].values[14, example] == learnt
        assert found["forgetting"].values[14, example] == events


def test_what_was_measured_is_read_as_it_is_in_its_file(whole):
    found, _ = proxy_values(open_run(whole), 8, "onehot", ["vog-by-class", "prediction-depth"])
    for name, one in found.items():
        group = "vog" if name.startswith("vog") else name
        for block in (0, 1):
            with h5py.File(next((whole / f"proxies/onehot/{group}/width-8").glob(f"000{block}0-*.h5"))) as file:
                values = file[name.replace("-", "_")][()]
            assert np.array_equal(one.values[10 * block : 10 * block + 10], values, equal_nan=True)


def test_accuracy_out_is_that_of_the_blocks_that_the_caller_names(whole):
    run = open_run(whole)
    found, _ = proxy_values(run, 4, "onehot", ["accuracy-out"], ledger_blocks=[1])
    outcome = read_outcome(whole, run.plan, Task("onehot", 4, 10, 10))
    right, out = outcome.predicted_train == run.examples.labels, ~outcome.in_subset
    expected = np.where(out, right, 0).sum(0) / out.sum(0)
    assert np.nanmean(found["accuracy-out"].values, axis=0) == pytest.approx(expected)
    assert found["accuracy-out"].blocks.tolist() == [1] * 10
    for blocks in ((), [7]):
        found, left_out = proxy_values(run, 4, "onehot", ["accuracy-out"], ledger_blocks=blocks)
        assert not found
        assert left_out == {"accuracy-out": "it needs a block of models that were not trained on the example"}


def test_residuals_are_those_of_the_next_smaller_size_that_has_memories(run):
    opened = open_run(run)

    def expected(size: int) -> np.ndarray:
        files = sorted((run / "memories/onehot").glob(f"k*/width-{size}/*.h5"))
        norms = np.concatenate([h5py.File(path)["residual"][()] for path in files]).astype(np.float64)
        return np.where(np.stack([opened.subset(model) for model in range(20)]), norms, np.nan)

    found, _ = proxy_values(opened, 8, "onehot", ["residual"])
    assert np.array_equal(found["residual"].values, expected(4), equal_nan=True)
    assert found["residual"].blocks.tolist() == [0] * 10 + [1] * 10
    shutil.rmtree(next((run / "memories/onehot").glob("k*/width-4")))
    found, _ = proxy_values(opened, 8, "onehot", ["residual"])
    assert np.array_equal(found["residual"].values, expected(2), equal_nan=True)
    found, left_out = proxy_values(opened, 2, "onehot", ["residual"])
    assert not found
    assert f"memscope resmem {run}" in left_out["residual"]


def test_models_that_diverged_are_left_out(run):
    opened, task, lost = open_run(run), Task("onehot", 4, 10, 10), np.arange(10) == 3
    outcome, recorded = read_outcome(run, opened.plan, task), read_dynamics(run, opened.plan, task)
    outcome = replace(outcome, diverged=lost)
    write_outcome(run, opened.plan, task, outcome)
    packed = pack_dynamics(opened.plan, task, replace(recorded, diverged=lost))
    write_atomically(dynamics_path(run, opened.plan, task), packed)
    found, _ = proxy_values(opened, 4, "onehot", ["final-loss", "el2n"])
    for one in found.values():
        assert one.models.tolist() == [model for model in range(20) if model != 13]
        assert one.values.shape == (19, 120)


def test_what_is_not_there_is_left_out_with_the_command_that_makes_it(run, tiny_run):
    names = ["final-loss", "grand", "vog", "el2n"]
    _, left_out = proxy_values(open_run(tiny_run), 4, "onehot", names)
    assert list(left_out) == names
    assert all(f"memscope train-family {tiny_run} --dynamics 10" in reason for reason in left_out.values())
    _, left_out = proxy_values(open_run(tiny_run), 4, FULL, ["final-loss"])
    assert left_out["final-loss"].endswith(f"memscope train-family {tiny_run} --dynamics 10 --full 1")

    shutil.rmtree(run / "proxies/onehot/grand")
    opened, task = open_run(run), Task("onehot", 4, 0, 10)
    for first in (0, 10):
        task = Task("onehot", 4, first, 10)
        digest = outcome_digest(read_outcome(run, opened.plan, task))
        unknown = {name: np.full((10, 120), np.nan) for name in GROUPS["vog"]}
        content = pack_proxies(opened.plan, task, "vog", MeasuredProxies(unknown, "no gradients"), digest)
        write_atomically(proxy_path(run, opened.plan, task, "vog"), content)
    found, left_out = proxy_values(opened, 4, "onehot", names)
    assert list(found) == ["final-loss", "el2n"]
    assert left_out == {"grand": f"it is not measured yet: memscope proxies {run}", "vog": "no gradients"}


def test_proxies_of_another_outcome_are_refused(run):
    plan, task = open_run(run).plan, Task("onehot", 4, 0, 10)
    outcome = read_outcome(run, plan, task)
    turned = outcome.predicted_train.copy()
    turned[0, 0] = (turned[0, 0] + 1) % 4
    write_outcome(run, plan, task, replace(outcome, predicted_train=turned))
    with pytest.raises(RunError, match=f"memscope proxies {run} makes it again"):
        proxy_values(open_run(run), 4, "onehot", ["el2n"])
