"""Proxies measured on the weights of a run: what the formulas give by hand, once, whatever happens in between."""

import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from memscope.analysis.proxies.catalogue import GROUPS
from memscope.analysis.proxies.curvature import curvature_words, gradient_changes
from memscope.analysis.proxies.depth import prediction_depth
from memscope.analysis.proxies.layer_features import layer_features
from memscope.errors import RunError
from memscope.families import open_family
from memscope.files.atomic import write_atomically
from memscope.run import open_run
from memscope.steps.train_family import train_family
from memscope.store.dynamics import dynamics_path, pack_dynamics, read_checkpoints, read_dynamics
from memscope.store.ledger import FULL, Task, outcome_digest, read_outcome, write_outcome
from memscope.store.proxies import proxy_path, read_proxies
from memscope.streams import stream
from memscope.training.backends.lanes.library import kinds_of_processor
from memscope.work import proxy_task
from memscope.work.carrying_out import Done, WorkOptions, silent, unseen
from memscope.work.measuring_proxies import measurable, measure
from memscope.work.repair import repair

INLINE = WorkOptions(device="cpu", engine="inline")
TWO = WorkOptions(device="cpu", workers=2)
KINDS = [
    pytest.param("cnn", marks=pytest.mark.skipif(not kinds_of_processor(), reason="no vectors")),
    "mlp",
]
"""The first is trained in lanes, the second by torch."""

pytestmark = pytest.mark.xdist_group("proxies")


class Asking(nn.Module):
    """A network that looks at a number of its input, which cannot be done for many examples' own gradients at once."""

    def __init__(self, size: int, pixels: int, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(pixels, size), nn.ReLU(), nn.Linear(size, classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images if images.sum().item() < 1e9 else images / 2)


def asking(size: int, image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    return Asking(size, image_shape[0] * image_shape[1], num_classes)


@pytest.fixture(scope="module")
def recorded(tiny_choices, tmp_path_factory):
    """By family, a run with ten recorded models of each width and one on all the data. Tests must not change it."""
    found: dict[str, Path] = {}

    def get(family: str) -> Path:
        if family not in found:
            path = tmp_path_factory.mktemp(family.replace(":", "-")) / "run"
            backend = {"cnn": "lanes"}.get(family, "torch")
            given = replace(tiny_choices, family=family, widths=(2, 4), models=10, full=1, dynamics=10, backend=backend)
            assert not train_family(path, given, INLINE).failed
            assert open_run(path).plan.backend == backend
            found[family] = path
        return found[family]

    return get


@pytest.fixture(scope="module")
def measured(recorded, tmp_path_factory):
    """By family, a copy of it with all proxies measured. Tests must not change it."""
    found: dict[str, Path] = {}

    def get(family: str) -> Path:
        if family not in found:
            path = tmp_path_factory.mktemp(family) / "run"
            shutil.copytree(recorded(family), path)
            done = measure_all(path)
            assert done.models == 2 * (10 + 1) * len(GROUPS)
            assert not done.failures
            found[family] = path
        return found[family]

    return get


def measure_all(path: Path, options: WorkOptions = INLINE, groups=tuple(GROUPS), on_end=unseen) -> Done:
    run = open_run(path)
    tasks = {size: measurable(run, size) + measurable(run, size, FULL) for size in run.plan.sizes}
    return measure(run, tasks, groups, options, "cpu", silent, on_end)


def files(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted((run / "proxies").rglob("*.h5"))}


def values_of(path: Path, task: Task, group: str) -> dict[str, np.ndarray]:
    run = open_run(path)
    digest = outcome_digest(read_outcome(path, run.plan, task))
    found = read_proxies(path, run.plan, task, group, digest)
    assert found.left_out is None
    return found.values


class ByHand:
    """One model of a run, with weights and images that this test loads itself; float64 unless it says otherwise."""

    def __init__(self, path: Path, task: Task, model: int) -> None:
        self.run, self.task, self.model = open_run(path), task, model
        examples = self.run.examples
        inside = np.ones(120, bool) if task.variant == FULL else self.run.subset(model)
        self.inside = np.flatnonzero(inside)
        self.labels = torch.from_numpy(examples.labels[self.inside])
        images = self.run.dataset().train_images[self.inside].astype(np.float64)
        pixels = (images - examples.channel_mean) / np.maximum(examples.channel_sd, 1)
        self.inputs = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        self.weights = read_checkpoints(self.run.path, self.run.plan, task, model)

    def network(self, epoch: int) -> nn.Module:
        plan = self.run.plan
        network = open_family(plan.family, axis=plan.axis, fixed=plan.fixed).build(self.task.size, (8, 8, 1), 4)
        network.load_state_dict({name: torch.tensor(value) for name, value in self.weights[epoch].items()})
        return network.double().eval()

    def gradient(self, network: nn.Module, position: int, of: str) -> list[np.ndarray]:
        """Of one example, by the input for its `logit` or `probability`, by all weights for its `loss`."""
        image = self.inputs[position : position + 1].clone().requires_grad_(True)
        logits, label = network(image)[0], int(self.labels[position])
        if of == "loss":
            return [g.numpy() for g in torch.autograd.grad(-logits.log_softmax(0)[label], list(network.parameters()))]
        value = logits[label] if of == "logit" else logits.softmax(0)[label]
        return [torch.autograd.grad(value, image)[0][0].numpy()]


ASKED = [(Task("onehot", 4, 0, 10), 3), (Task("onehot", 2, 0, 10), 9), (Task(FULL, 4, 0, 1), 0)]


@pytest.mark.parametrize("family", KINDS)
@pytest.mark.parametrize(("task", "model"), ASKED)
def test_values_are_those_of_the_checkpoints_by_hand(measured, family, task, model):
    one = ByHand(measured(family), task, model)

    def found(group: str, name: str) -> np.ndarray:
        row = values_of(measured(family), task, group)[name][model]
        outside = np.setdiff1d(np.arange(120), one.inside)
        assert np.isnan(row[outside]).all()
        assert len(outside) == (0 if task.variant == FULL else 36)
        return row[one.inside]

    first, everyone = one.network(1), range(len(one.inside))
    with torch.no_grad():
        errors = first(one.inputs).softmax(1).numpy() - np.eye(4)[one.labels.numpy()]
    assert found("el2n", "el2n") == pytest.approx(np.linalg.norm(errors, axis=1), rel=1e-4)
    assert found("el2n", "el2n-squared") == pytest.approx((errors**2).sum(1), rel=1e-4)

    norms = [np.sqrt(sum((g**2).sum() for g in one.gradient(first, at, "loss"))) for at in everyone]
    assert found("grand", "grand") == pytest.approx(np.array(norms), rel=1e-3, abs=1e-5)

    epochs = [one.network(epoch) for epoch in (1, 2, 3)]
    maps = {
        of: np.array([[one.gradient(network, at, of)[0].mean(0) for at in everyone] for network in epochs])
        for of in ("logit", "probability")
    }  # [epochs, n, H, W]
    vog = maps["logit"].std(axis=0).mean(axis=(1, 2))
    assert found("vog", "vog") == pytest.approx(vog, rel=1e-3, abs=1e-6)
    assert found("vog", "vog-probability") == pytest.approx(
        maps["probability"].std(axis=0).mean(axis=(1, 2)), rel=1e-3, abs=1e-6
    )
    assert found("vog", "vog-variance") == pytest.approx(
        maps["probability"].var(axis=0, ddof=1).mean(axis=(1, 2)), rel=1e-3, abs=1e-7
    )
    of_class = [vog[one.labels.numpy() == label] for label in one.labels.tolist()]
    by_class = np.array([(value - those.mean()) / those.std() for value, those in zip(vog, of_class, strict=True)])
    assert found("vog", "vog-by-class") == pytest.approx(by_class, rel=1e-2, abs=1e-3)


@pytest.mark.parametrize("family", KINDS)
@pytest.mark.parametrize(("task", "model"), ASKED)
def test_the_last_weights_have_the_curvature_and_the_depth_of_the_formulas(measured, family, task, model):
    one = ByHand(measured(family), task, model)
    found = values_of(measured(family), task, "curvature")
    words = curvature_words(stream("input curvature", one.run.plan.seed), 120, (1, 8, 8))[one.inside]
    network, inputs = one.network(3).float(), one.inputs.float()
    changes = gradient_changes(network, inputs, one.labels, words)
    expected = {
        "curvature": changes.mean(1),
        "curvature-squared": (changes**2).mean(1),
        "curvature-over-h": changes.mean(1) * 1000,
    }
    for name, values in expected.items():
        # pixels are rounded otherwise here, which the small differences of gradients feel
        ours = found[name][model][one.inside]
        size = np.abs(values).max()
        assert (np.abs(ours - values) < 0.02 * values + 1e-3 * size).mean() > 0.95, name

    with torch.no_grad():
        predictions = network(inputs).argmax(1).numpy()
    depth = prediction_depth(layer_features(network, inputs), one.labels.numpy(), predictions)
    ours = values_of(measured(family), task, "prediction-depth")["prediction-depth"][model][one.inside]
    assert (ours == depth).mean() > 0.95
    assert len(np.unique(ours)) > 1


def test_an_interrupted_measurement_goes_on_where_it_stopped(recorded, measured, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(recorded("mlp"), run)
    seen = []

    def stop(ended) -> None:
        seen.append(ended)
        if len(seen) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_all(run, on_end=stop)
    before = files(run)
    assert 5 <= len(before) < 20
    rest = measure_all(run)
    assert rest.models == sum(10 if name.endswith("00009-r0.h5") else 1 for name in files(run) if name not in before)
    assert files(run) == files(measured("mlp"))
    assert measure_all(run).models == 0


@pytest.mark.parametrize("family", KINDS)
def test_workers_and_shards_change_no_bit(recorded, measured, tmp_path, family):
    run = tmp_path / "run"
    shutil.copytree(recorded(family), run)
    for share in (1, 2):
        assert not measure_all(run, replace(TWO, shard=(share, 2))).failures
        assert len(files(run)) == 10 * share
    assert files(run) == files(measured(family))


@pytest.mark.parametrize("family", KINDS)
def test_how_many_examples_are_taken_at_a_time_changes_only_how_sums_are_rounded(
    recorded, measured, tmp_path, family, monkeypatch
):
    run, task = tmp_path / "run", Task("onehot", 4, 0, 10)
    shutil.copytree(recorded(family), run)
    monkeypatch.setattr(proxy_task, "MOST", 30)
    assert not measure(open_run(run), {4: [task]}, tuple(GROUPS), INLINE, "cpu", silent, unseen).failures
    for group, names in GROUPS.items():
        ours, theirs = (values_of(path, task, group) for path in (run, measured(family)))
        for name in names:
            near = np.isclose(ours[name], theirs[name], rtol=0.05, atol=1e-4, equal_nan=True)
            assert near.mean() > 0.99, name


def test_networks_that_cannot_give_a_proxy_are_left_out_with_the_reason(recorded, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)  # where the family is
    run = tmp_path / "run"
    shutil.copytree(recorded("test_measuring_proxies:asking"), run)
    assert not measure_all(run).failures
    for name in files(run):
        with h5py.File(run / name) as file:
            values = np.concatenate([file[field][()] for field in file if field != "model"])
            if file.attrs["group"] == "grand":
                assert file.attrs["left_out"].startswith("GraNd cannot be had of the network Asking: ")
                assert np.isnan(values).all()
            else:
                assert "left_out" not in file.attrs
                assert not np.isnan(values).all()


def test_one_checkpoint_has_no_variance_and_few_examples_have_no_neighbours(tiny_choices, tmp_path):
    run = tmp_path / "run"
    few = replace(tiny_choices, widths=(2,), models=10, dynamics=10, epochs=1, examples=40)
    assert not train_family(run, few, INLINE).failed
    assert not measure_all(run).failures
    reasons = {}
    for name in files(run):
        with h5py.File(run / name) as file:
            reasons[file.attrs["group"]] = file.attrs.get("left_out")
    assert "1 epoch" in reasons["vog"]
    assert "30 neighbours of each of 28 examples" in reasons["prediction-depth"]
    assert [group for group, reason in reasons.items() if reason is None] == ["curvature", "el2n", "grand"]


def test_a_lack_of_memory_is_a_failure_and_no_reason_to_leave_a_proxy_out(recorded, tmp_path, monkeypatch):
    run = tmp_path / "run"
    shutil.copytree(recorded("mlp"), run)

    def fails(*given):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(nn.Flatten, "forward", fails)
    done = measure_all(run, groups=["el2n"])
    assert len(done.failures) == 4
    assert "CUDA out of memory" in done.failures[0][1]
    assert not files(run)


def test_models_that_diverged_have_no_values(recorded, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(recorded("mlp"), run)
    plan, task = open_run(run).plan, Task("onehot", 4, 0, 10)
    lost = np.arange(10) == 2
    outcome, found = read_outcome(run, plan, task), read_dynamics(run, plan, task)
    write_outcome(run, plan, task, replace(outcome, diverged=lost))
    write_atomically(dynamics_path(run, plan, task), pack_dynamics(plan, task, replace(found, diverged=lost)))
    assert not measure_all(run, groups=["el2n", "grand"]).failures
    values = values_of(run, task, "grand")["grand"]
    assert np.isnan(values).all(1).tolist() == lost.tolist()


def test_dynamics_of_other_models_than_those_of_the_ledger_are_refused(recorded, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(recorded("mlp"), run)
    plan, task = open_run(run).plan, Task("onehot", 4, 0, 10)
    outcome = read_outcome(run, plan, task)
    write_outcome(run, plan, task, replace(outcome, predicted_train=(outcome.predicted_train + 1) % 4))
    done = measure_all(run, groups=["el2n"])
    assert [failed for failed, _ in done.failures] == [replace(task, variant="onehot/el2n")]
    assert "was recorded of other models than those of the ledger" in done.failures[0][1]


def test_a_damaged_file_is_moved_aside_and_made_again(measured, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(measured("mlp"), run)
    plan, task = open_run(run).plan, Task("onehot", 2, 0, 10)
    path = proxy_path(run, plan, task, "vog")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match="memscope proxies"):
        values_of(run, task, "vog")
    (moved,) = repair(run).moved
    assert moved.file == str(path)
    assert measure_all(run).models == 10
    assert files(run) == files(measured("mlp"))
