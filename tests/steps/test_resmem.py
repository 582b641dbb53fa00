import multiprocessing
import shutil
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from memscope.analysis.memory_choice import MemoryGrid
from memscope.analysis.trajectories import TYPES, classify_trajectories
from memscope.errors import MemscopeError, OptionError, RunError
from memscope.families import features_and_logits
from memscope.reports.keys import keys_of
from memscope.run import open_run
from memscope.steps.resmem import MemoryOptions, resmem, spans
from memscope.steps.train_family import train_family
from memscope.store.ledger import Task, read_outcome, write_outcome
from memscope.store.weights import read_weights, weights_path
from memscope.training.material import open_material
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

pytestmark = pytest.mark.xdist_group("resmem")  # `measured` is made by one process

INLINE = WorkOptions(device="cpu", engine="inline")
TRIED = MemoryOptions(k=(1, 5, 20), sigma=(0.1, 1.0), temperature=(1.0, 4.0))
ONE = MemoryOptions(k=(5,), sigma=(0.5,), temperature=(2.0,))


@pytest.fixture
def run(full_run, tmp_path) -> Path:
    path = tmp_path / "run"
    shutil.copytree(full_run, path)
    return path


@pytest.fixture(scope="module")
def measured(full_run, tmp_path_factory) -> tuple[Path, dict]:
    """`full_run` with its memories measured, and the summary. Tests must not change it."""
    path = tmp_path_factory.mktemp("measured") / "run"
    shutil.copytree(full_run, path)
    found = resmem(path, TRIED, INLINE)
    assert not found.failed
    return path, keys_of(found)


def memories(run: Path) -> dict[str, np.ndarray]:
    found = {}
    for path in sorted((run / "memories").rglob("*.h5")):
        with h5py.File(path) as file:
            found |= {f"{path.relative_to(run)}:{name}": file[name][()] for name in file}
    return found


def assert_equal(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> None:
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        assert np.array_equal(ours[name], values, equal_nan=values.dtype.kind == "f"), name


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


class ByHand:
    """ResMem over one model's memory in a few lines of float64."""

    def __init__(self, run: Path, size: int, model: int, variant: str = "onehot") -> None:
        opened = open_run(run)
        material = open_material(opened.path, opened.plan, opened.examples, torch.device("cpu"))
        unit = 1 if variant == "full" else 10
        task = Task(variant, size, model // unit * unit, unit)
        network = material.trained(size, read_weights(opened.path, opened.plan, task)[model])
        pixels = (material.images.float() - material.mean) * material.scale
        with torch.no_grad():
            features, logits = features_and_logits(network, pixels.permute(0, 3, 1, 2))
        self.features, self.logits = features.double().numpy(), logits.double().numpy()
        self.labels = material.labels.numpy()
        self.inside = np.ones(120, dtype=bool) if variant == "full" else opened.subset(model)

    def memory(self, k: int, sigma: float, temperature: float, queries: np.ndarray):
        """Predicted class, positions and weights of the neighbours, of the queries."""
        held = np.flatnonzero(self.inside)
        said = softmax(self.logits / temperature)
        residual = np.eye(4)[self.labels] - said
        distance = np.sqrt(((self.features[queries, None] - self.features[None, held]) ** 2).sum(2))
        nearest = np.argsort(distance, axis=1, kind="stable")[:, :k]
        near = np.take_along_axis(distance, nearest, 1)
        weight = np.exp(-(near - near[:, :1]) / sigma)
        weight /= weight.sum(1, keepdims=True)
        predicted = (said[queries] + (weight[:, :, None] * residual[held[nearest]]).sum(1)).round(9).argmax(1)
        return predicted, held[nearest], weight


def rows_of(run: Path, size: int, name: str, variant: str = "onehot") -> np.ndarray:
    """One array of the memory files of a size, over all models."""
    paths = sorted((run / "memories" / variant).glob(f"k*/width-{size}/*.h5"))
    with_name = []
    for path in paths:
        with h5py.File(path) as file:
            with_name.append(file[name][()])
    return np.concatenate(with_name)


@pytest.mark.parametrize("size", [2, 4, 8])
def test_every_choice_of_the_grid_has_the_accuracy_on_held_out_examples_that_it_has_by_hand(measured, size):
    run, summary = measured
    (path,) = (run / "memories" / "onehot").glob(f"grid-*/width-{size}/*.h5")
    with h5py.File(path) as file:
        found, base = file["accuracy"][()], file["base_accuracy"][()]
    expected = np.zeros((10, 3, 2, 2))
    for model in range(10):
        one = ByHand(run, size, model)
        queries = np.flatnonzero(~one.inside)
        assert base[model] == pytest.approx((one.logits[queries].argmax(1) == one.labels[queries]).mean())
        for at in np.ndindex(3, 2, 2):
            choice = TRIED.k[at[0]], TRIED.sigma[at[1]], TRIED.temperature[at[2]]
            expected[(model, *at)] = (one.memory(*choice, queries)[0] == one.labels[queries]).mean()
    assert np.abs(found - expected).max() < 1e-9
    row = next(row for row in summary["sizes"] if row["size"] == size)
    at = np.unravel_index(expected.mean(0).round(9).argmax(), (3, 2, 2))
    assert (row["k"], row["sigma"], row["temperature"]) == (
        TRIED.k[at[0]],
        TRIED.sigma[at[1]],
        TRIED.temperature[at[2]],
    )
    assert row["selection"]["queries"] == 10 * 36
    assert row["selection"]["accuracy"] == pytest.approx(expected.mean(0).max())


def test_scores_come_from_the_other_blocks_and_are_those_by_hand(measured):
    run, summary = measured
    opened = open_run(run)
    found = opened.results("resmem")
    for at, row in enumerate(summary["sizes"]):
        choice = row["k"], row["sigma"], row["temperature"]
        right, base, norms, retrieved, weights, insides = [], [], [], [], [], []
        for model in range(10, 20):
            one = ByHand(run, row["size"], model)
            predicted, near, weight = one.memory(*choice, np.arange(160))
            right.append(predicted == one.labels)
            base.append(one.logits.argmax(1) == one.labels)
            norms.append(np.linalg.norm(np.eye(4)[one.labels[:120]] - softmax(one.logits[:120]), axis=1))
            insides.append(one.inside)
            asking = np.flatnonzero(~one.inside)
            retrieved.append(np.bincount(near[asking].ravel(), minlength=120))
            weights.append(np.bincount(near[asking].ravel(), weight[asking].ravel(), minlength=120))
        right, base, norms, inside = map(np.array, (right, base, norms, insides))
        assert row["models"] == 10
        assert row["resmem"]["test_accuracy"] == pytest.approx(right[:, 120:].mean())
        assert row["base"]["test_accuracy"] == pytest.approx(base[:, 120:].mean())
        change = (right[:, 120:].mean(1) - base[:, 120:].mean(1)).astype(float)
        assert row["test_change"] == pytest.approx(change.mean(), abs=1e-12)
        assert row["test_change_sd"] == pytest.approx(change.std(ddof=1))
        for name, correct in (("", right[:, :120]), ("base_", base[:, :120])):
            p_in = (correct & inside).sum(0) / inside.sum(0)
            p_out = (correct & ~inside).sum(0) / (~inside).sum(0)
            assert found[f"{name}accuracy_in"][at] == pytest.approx(p_in, abs=1e-6)
            assert found[f"{name}score"][at] == pytest.approx(p_in - p_out, abs=1e-6)
        flips = ~base[:, :120] & right[:, :120]
        assert found["flip_out"][at] == pytest.approx((flips & ~inside).sum(0) / (~inside).sum(0), abs=1e-6)
        harms = base[:, :120] & ~right[:, :120]
        assert found["harm_in"][at] == pytest.approx((harms & inside).sum(0) / inside.sum(0), abs=1e-6)
        assert found["residual_in"][at] == pytest.approx((norms * inside).sum(0) / inside.sum(0), rel=2e-3, abs=1e-5)
        assert found["residual_out"][at] == pytest.approx(
            (norms * ~inside).sum(0) / (~inside).sum(0), rel=2e-3, abs=1e-5
        )
        assert found["retrieved"][at] == pytest.approx(np.sum(retrieved, 0) / inside.sum(0), rel=1e-5)
        assert found["weight"][at] == pytest.approx(np.sum(weights, 0) / inside.sum(0), rel=1e-4, abs=1e-5)
        assert np.sum(retrieved) == 10 * 36 * row["k"]


def test_the_weight_on_an_example_is_split_by_the_label_of_those_who_put_it(measured):
    run, summary = measured
    found = open_run(run).results("resmem")
    labels = open_run(run).examples.labels
    row = summary["sizes"][0]
    split = np.zeros((120, 4))
    for model in range(10, 20):
        one = ByHand(run, row["size"], model)
        asking = np.flatnonzero(~one.inside)
        _, near, weight = one.memory(row["k"], row["sigma"], row["temperature"], asking)
        np.add.at(split, (near, labels[asking][:, None]), weight)
    used = split.sum(1) > 0
    own = split[np.arange(120), labels][used] / split.sum(1)[used]
    assert found["weight_own_class"][0][used] == pytest.approx(own, abs=1e-5)
    clear = used & (np.sort(split, 1)[:, -1] > np.sort(split, 1)[:, -2] + 1e-4)
    assert np.array_equal(found["weight_class"][0][clear], split.argmax(1)[clear])
    assert (found["weight_class"][0][~used] == -1).all()


def test_models_on_all_the_data_have_train_and_test_accuracy_by_hand(measured):
    run, summary = measured
    assert [row["size"] for row in summary["full"]] == [2, 4, 8]
    for row, choice in zip(summary["full"], summary["sizes"], strict=True):
        found = []
        for model in range(2):
            one = ByHand(run, row["size"], model, "full")
            predicted = one.memory(choice["k"], choice["sigma"], choice["temperature"], np.arange(160))[0]
            found.append([predicted == one.labels, one.logits.argmax(1) == one.labels])
        right = np.array(found)
        assert row["models"] == 2
        for kind, which in (("resmem", 0), ("base", 1)):
            assert row[kind]["train_accuracy"] == pytest.approx(right[:, which, :120].mean())
            assert row[kind]["test_accuracy"] == pytest.approx(right[:, which, 120:].mean())
        change = right[:, 0, 120:].mean(1) - right[:, 1, 120:].mean(1)
        assert row["test_change_sd"] == pytest.approx(change.std(ddof=1))


def test_types_come_from_other_blocks_than_what_is_measured_by_them(measured):
    run, summary = measured
    opened = open_run(run)
    # block 0 has no memories that count, so types can only come from it, and measures only from block 1
    scores = []
    for size in (2, 4, 8):
        outcome = read_outcome(run, opened.plan, Task("onehot", size, 0, 10))
        correct, inside = outcome.predicted_train == opened.examples.labels, outcome.in_subset
        scores.append((correct & inside).sum(0) / inside.sum(0) - (correct & ~inside).sum(0) / (~inside).sum(0))
    types = classify_trajectories(scores, 0.2)
    found = opened.results("resmem")
    gain = found["accuracy_out"] - found["base_accuracy_out"]
    for row, name in zip(summary["by_type"], TYPES, strict=True):
        members = types == name
        assert row["examples"] == members.sum()
        for at, each in enumerate(row["sizes"]):
            if members.any():
                assert each["residual"] == pytest.approx(found["residual_in"][at][members].mean(), rel=1e-4)
                assert each["gain_out"] == pytest.approx(gain[at][members].mean(), abs=1e-6)
            assert each["residual_error"] is None


def test_the_residual_is_held_against_the_scores_of_every_larger_size(measured):
    run, summary = measured
    found = open_run(run).results("resmem")
    assert [(pair["size"], pair["larger"]) for pair in summary["foretells"]] == [(2, 4), (2, 8), (4, 8)]
    sizes = [2, 4, 8]

    def ranks(values):
        values = np.round(values.astype(float), 6)
        return np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])

    for pair in summary["foretells"]:
        residual = found["residual_in"][sizes.index(pair["size"])]
        score = found["base_score"][sizes.index(pair["larger"])]
        assert pair["correlation"] == pytest.approx(np.corrcoef(ranks(residual), ranks(score))[0, 1], abs=2e-3)
        assert pair["low"] is None  # one block: nothing to leave out


@pytest.mark.parametrize("workers", [1, 2])
def test_memories_are_bit_identical_for_any_number_of_workers(measured, run, workers):
    resmem(run, TRIED, WorkOptions(device="cpu", workers=workers))
    assert_equal(memories(run), memories(measured[0]))


def test_sigkill_loses_nothing_and_it_goes_on(measured, run):
    server = multiprocessing.get_context("forkserver")
    for _ in range(5):  # again if it had ended before it was killed
        process = server.Process(target=resmem, args=(run, TRIED, INLINE))
        process.start()
        deadline = time.monotonic() + 60
        while not (before := set(run.glob("memories/**/[0-9]*.h5"))):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
        process.join()
        assert before <= set(run.glob("memories/**/[0-9]*.h5"))
        summary = keys_of(resmem(run, TRIED, INLINE))
        if summary["measured"]:
            break
        shutil.rmtree(run / "memories")
    else:
        pytest.fail("it had ended whenever it was killed")
    assert_equal(memories(run), memories(measured[0]))
    assert summary | {"measured": 0} == measured[1] | {"run": str(run), "measured": 0}
    assert not list(run.rglob(".*.tmp"))


def test_what_is_measured_is_not_measured_again(measured, run):
    first, again = resmem(run, TRIED, INLINE), resmem(run, TRIED, INLINE)
    assert (first.measured, again.measured) == (3 * (10 + 10 + 2), 0)


def test_one_value_each_reserves_no_block(run):
    summary = keys_of(resmem(run, ONE, INLINE))
    assert summary["reserved_block"] is None
    assert [row["models"] for row in summary["sizes"]] == [20, 20, 20]
    assert all(row["selection"] is None for row in summary["sizes"])
    assert all(pair["low"] is None for pair in summary["foretells"])  # two blocks, of which an error would be none
    assert np.isnan(open_run(run).results("resmem")["grid_accuracy"]).all()


def test_without_models_on_all_the_data_that_part_is_left_out(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    summary = keys_of(resmem(tmp_path / "run", ONE, INLINE))
    assert summary["full"] is None


def test_models_that_diverged_are_left_out(run):
    opened = open_run(run)
    task = Task("onehot", 4, 10, 10)
    write_outcome(run, opened.plan, task, replace(read_outcome(run, opened.plan, task), diverged=np.arange(10) == 2))
    row = resmem(run, TRIED, INLINE).sizes[1]
    assert (row.models, row.diverged) == (9, 1)


def test_a_run_of_one_block_says_what_to_do(tiny_choices, tmp_path):
    train_family(tmp_path / "run", replace(tiny_choices, models=10), INLINE)
    with pytest.raises(RunError, match=r"there is no block but block 0; train more with .* --models 20, or give one"):
        resmem(tmp_path / "run", TRIED, INLINE)
    summary = keys_of(resmem(tmp_path / "run", ONE, INLINE))
    assert summary["by_type"][0]["sizes"][0]["residual"] is None  # types and measures need two blocks


def test_without_weights_the_models_and_the_command_are_told_and_the_command_does_it(run, measured):
    opened = open_run(run)
    for first in (0, 10):
        weights_path(run, opened.plan, Task("onehot", 4, first, 10)).unlink()
    weights_path(run, opened.plan, Task("full", 8, 1, 1)).unlink()
    with pytest.raises(
        RunError,
        match=r"of 21 models.*: width 4, models 0 to 19; width 8 on all the data, models 1\. .* --missing-weights",
    ):
        resmem(run, TRIED, INLINE)
    trained = train_family(run, Choices(), INLINE, missing_weights=True)
    assert trained.trained == 21
    resmem(run, TRIED, INLINE)
    assert_equal(memories(run), memories(measured[0]))


def test_numbers_are_told_as_spans():
    assert spans([0, 1, 2, 5, 7, 8]) == "0 to 2, 5, 7 to 8"


def test_a_memory_of_an_outcome_that_has_changed_is_refused_with_the_remedy(run):
    resmem(run, ONE, INLINE)
    opened = open_run(run)
    task = Task("onehot", 4, 10, 10)
    outcome = read_outcome(run, opened.plan, task)
    write_outcome(run, opened.plan, task, replace(outcome, predicted_test=(outcome.predicted_test + 1) % 4))
    with pytest.raises(RunError, match=r"has outcome digest .*--repair moves it aside, and memscope resmem"):
        resmem(run, ONE, INLINE)


def test_a_damaged_memory_is_named_with_the_remedy(run):
    resmem(run, ONE, INLINE)
    path = next((run / "memories" / "onehot").rglob("width-4/00010*.h5"))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(RunError, match=r"is damaged.*--repair moves it aside, and memscope resmem"):
        resmem(run, ONE, INLINE)
    path.unlink()
    assert resmem(run, ONE, INLINE).measured == 10


@pytest.mark.parametrize(
    ("tried", "says"),
    [
        (MemoryOptions(k=(0,)), "k"),
        (MemoryOptions(k=(5, 3)), "increase"),
        (MemoryOptions(k=(85,)), "k is 85; a subset of .* has only 84 examples"),
        (MemoryOptions(sigma=(0.0,)), "sigma"),
        (MemoryOptions(sigma=(-1.0, 1.0)), "sigma"),
        (MemoryOptions(temperature=(float("nan"),)), "temperature"),
        (MemoryOptions(normalise="max"), "normalise"),
        (MemoryOptions(metric="manhattan"), "metric"),
    ],
)
def test_a_memory_that_cannot_be_is_refused_before_anything_is_measured(run, tried, says):
    with pytest.raises(OptionError, match=says) as error:
        resmem(run, tried, INLINE)
    assert isinstance(error.value, MemscopeError)
    assert isinstance(error.value, ValueError)
    assert not (run / "memories").exists()


def test_the_default_grid_has_no_k_that_a_subset_is_too_small_for(run):
    summary = keys_of(resmem(run, None, INLINE))
    assert summary["grid"]["k"] == [1, 3, 10, 30]
    assert MemoryGrid().k[-1] == 100


def test_a_users_own_training_is_referred_to_the_library(tiny_npz, tmp_path):
    choices = Choices(data=f"npz:{tiny_npz}", trainer="record", models=10, widths=(1, 2))
    train_family(tmp_path / "run", choices, INLINE)
    with pytest.raises(OptionError, match=r"--trainer record.*memscope\.ResidualMemory"):
        resmem(tmp_path / "run", ONE, INLINE)
