"""What models were while they were trained: two write-once files for every task that is recorded.

`dynamics/<variant>/<axis>-<size>/<first>-<last>-r<replicate>.h5`, named like the outcome of the same models, says what
they made of every training example after every epoch. The `.safetensors` beside it holds checkpoints: weights after
some of the epochs. It is in place before the first, which is the record that both are there.
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from memscope.errors import RunError
from memscope.files.sealed import open_sealed, sealing
from memscope.plan.plan import Plan
from memscope.store.format import (
    DAMAGE,
    DYNAMICS,
    array_of,
    check_dimensions,
    check_encoding,
    check_stamp,
    damage,
    stamp_encoding,
    write_field,
)
from memscope.store.ledger import FULL, ONEHOT, Outcome, Task, all_tasks, finished_tasks, size_directory, task_name
from memscope.store.weights import Weights, content_digest, opened, stamps

TURNED = 0.01
"""Share of the predictions of an outcome that dynamics may contradict."""

SPACED = 8
"""Epochs, evenly spaced up to the last one, after which weights are kept, beside the first."""


@dataclass(frozen=True, eq=False)
class Dynamics:
    """What is kept of the training of the models of one task: m models, N training examples, by epoch from the first.

    Nothing is known of a model from the epoch on in which it diverged: NaN and false.
    """

    in_subset: np.ndarray
    """bool [m, N]"""
    correct: np.ndarray
    """bool [m, epochs, N]"""
    log_odds: np.ndarray
    """float16 [m, epochs, N], of the given label, in evaluation mode and without augmentation"""
    diverged: np.ndarray
    """bool [m]"""
    seconds: np.ndarray | None = None
    """float32 [m], the time that recording took; None if not known"""


def checkpoint_epochs(epochs: int) -> tuple[int, ...]:
    """The epochs, from 1, after which weights are kept: the first and eight evenly spaced ones, of few epochs all."""
    return tuple(sorted({1, *(-(-part * epochs // SPACED) for part in range(1, SPACED + 1))}))


def is_recorded(plan: Plan, task: Task) -> bool:
    """Whether the plan says that models of a task are recorded: neither students nor second models are."""
    first_ones = task.variant == ONEHOT and task.first < plan.dynamics
    return task.replicate == 0 and (first_ones or (task.variant == FULL and plan.dynamics > 0))


def recorded_tasks(plan: Plan) -> list[Task]:
    """Every task of the plan whose models are recorded."""
    return [task for task in (*all_tasks(plan), *all_tasks(plan, FULL)) if is_recorded(plan, task)]


def dynamics_path(run: Path, plan: Plan, task: Task) -> Path:
    return size_directory(run, "dynamics", plan, task.variant, task.size) / f"{task_name(task)}.h5"


def checkpoints_path(run: Path, plan: Plan, task: Task) -> Path:
    return dynamics_path(run, plan, task).with_suffix(".safetensors")


def finished_dynamics(run: Path, plan: Plan, size: int, variant: str = ONEHOT) -> list[Task]:
    """The tasks of one size whose dynamics are there, in the order of their models."""
    return finished_tasks(run, plan, size, variant, kind="dynamics")


def lacking_dynamics(run: Path, plan: Plan, task: Task) -> Path | None:
    """The file that a task that is recorded still lacks, the record itself if it lacks both; None if it has both."""
    files = dynamics_path(run, plan, task), checkpoints_path(run, plan, task)
    return next((file for file in files if not file.is_file()), None)


def made_by(run: Path, plan: Plan) -> str:
    """The command that makes dynamics which are missing or damaged."""
    return f"memscope train-family {run}" + ("" if plan.dynamics else f" --dynamics {plan.block}")


def pack_dynamics(plan: Plan, task: Task, found: Dynamics) -> bytes:
    """The content of a task's file of dynamics. Workers call this, as they pack outcomes."""
    buffer = io.BytesIO()
    with sealing(buffer) as file:
        stamp_encoding(file, "memscope-dynamics")
        file.attrs["plan_digest"] = plan.digest
        file.attrs["data_fingerprint"] = plan.data.fingerprint
        file.attrs["variant"] = task.variant
        file.attrs["axis"] = plan.axis
        file.attrs["size"] = task.size
        file.attrs["replicate"] = task.replicate
        file.attrs["num_examples"] = found.in_subset.shape[1]
        columns: dict[str, np.ndarray] = {
            "model": np.array(task.models, dtype=np.int32),
            "in_subset": np.packbits(found.in_subset, axis=1, bitorder="little"),
            "correct": np.packbits(found.correct, axis=2, bitorder="little"),
            "log_odds": found.log_odds.astype(np.float16),
            "diverged": found.diverged.astype(np.uint8),
        }
        if found.seconds is not None:
            columns["seconds"] = found.seconds.astype(np.float32)
        for name, values in columns.items():
            write_field(file, name, values, DYNAMICS[name])
    return buffer.getvalue()


def read_dynamics(run: Path, plan: Plan, task: Task) -> Dynamics:
    """The dynamics of one task.

    RunError if there are none; FileError if the file is damaged or was made for another plan, data set or task.
    """
    path, again = dynamics_path(run, plan, task), made_by(run, plan)
    if not path.is_file():
        raise RunError(f"{path} does not exist; expected the dynamics of recorded models; {again} makes it")
    try:
        with open_sealed(path) as file:
            check_encoding(file, "memscope-dynamics", path)
            for name, expected in stamps_of(plan, task).items():
                found = array_of(file[name]).tolist() if name == "model" else file.attrs[name]
                check_stamp(run, path, name.replace("_", " "), str(expected), str(found), again)
            values = {name: array_of(file[name]) for name in DYNAMICS if name != "seconds"}
            seconds = array_of(file["seconds"]) if "seconds" in file else None
            check_dimensions(values | ({} if seconds is None else {"seconds": seconds}), DYNAMICS)
            num_examples = int(file.attrs["num_examples"])
            _, epochs, examples = values["log_odds"].shape
            packed = 8 * values["in_subset"].shape[1]
            if not packed - 8 < num_examples == examples <= packed:
                raise ValueError(f"is of {num_examples:,} examples, has log-odds of {examples:,}")
            if epochs != plan.recipe.epochs:
                raise ValueError(f"has {epochs:,} epochs, expected {plan.recipe.epochs:,}")
            unpacked = {
                name: np.unpackbits(values[name], axis=-1, count=num_examples, bitorder="little").astype(bool)
                for name in ("in_subset", "correct")
            }
    except DAMAGE as error:
        raise damage(run, path, error, again) from error
    return Dynamics(**unpacked, log_odds=values["log_odds"], diverged=values["diverged"].astype(bool), seconds=seconds)


def read_dynamics_of(run: Path, plan: Plan, task: Task, outcome: Outcome, labels: np.ndarray) -> Dynamics:
    """The dynamics of the models of an outcome, for `labels` int [N]; RunError where they are those of others.

    What a model has right after its last epoch is what its outcome says. A GPU's rounding may turn a few predictions.
    """
    found = read_dynamics(run, plan, task)
    good = ~outcome.diverged
    right = outcome.predicted_train == labels
    turned = float((found.correct[good, -1] != right[good]).mean()) if good.any() else 0.0
    same = np.array_equal(found.in_subset, outcome.in_subset) and np.array_equal(found.diverged, outcome.diverged)
    if not same or turned > TURNED:
        raise RunError(
            f"{dynamics_path(run, plan, task)} was recorded of other models than those of the ledger: {turned:.1%} of "
            f"the last epoch's predictions differ, expected at most {TURNED:.0%}, and the same subsets; delete the "
            f"file and run {made_by(run, plan)}"
        )
    return found


def stamps_of(plan: Plan, task: Task) -> dict[str, object]:
    """What is written into a file of dynamics so that it is not taken for that of other models."""
    models = {"axis": plan.axis, "model": list(task.models)}
    return {**stamps(plan, task), "data_fingerprint": plan.data.fingerprint, **models}


def pack_checkpoints(plan: Plan, task: Task, found: dict[int, dict[int, Weights]]) -> bytes:
    """The content of a task's file of checkpoints, from weights by model and epoch: `<model>/<epoch>/<parameter>`.

    Every model has a checksum of its own, so that one can be read without the others.
    """
    by_model = {
        f"{model:05d}": {
            f"{model:05d}/{epoch:05d}/{name}": values
            for epoch, weights in by_epoch.items()
            for name, values in weights.items()
        }
        for model, by_epoch in found.items()
    }
    sums = {model: content_digest(tensors) for model, tensors in by_model.items()}
    stamp = json.dumps({"kind": "checkpoints", **stamps(plan, task), "sha256": sums})
    tensors = {name: values for one in by_model.values() for name, values in one.items()}
    return safetensors.numpy.save(tensors, metadata={"memscope": stamp})


def read_checkpoints(run: Path, plan: Plan, task: Task, model: int) -> dict[int, Weights]:
    """The weights of one model of a task by epoch, from 1: `checkpoint_epochs`, of a diverged one those before that.

    RunError if they are missing; FileError if they are damaged or not the task's own.
    """
    path, again = checkpoints_path(run, plan, task), made_by(run, plan)
    if not path.is_file():
        raise RunError(f"{path} does not exist; expected the checkpoints of recorded models; {again} makes it")
    try:
        with opened(path) as file:
            stamp = json.loads((file.metadata() or {})["memscope"])
            theirs = [name for name in file.keys() if int(name.partition("/")[0]) == model]  # noqa: SIM118
            tensors = {name: file.get_tensor(name) for name in theirs}
        if stamp["sha256"][f"{model:05d}"] != content_digest(tensors):
            raise ValueError(f"the content of model {model} is not what its checksum says")
        by_epoch: dict[int, Weights] = {}
        for name, values in tensors.items():
            _, epoch, parameter = name.split("/", 2)
            by_epoch.setdefault(int(epoch), {})[parameter] = values
    except (safetensors.SafetensorError, *DAMAGE) as error:
        raise damage(run, path, error, again) from error
    for name, expected in {"kind": "checkpoints", **stamps(plan, task)}.items():
        check_stamp(run, path, name.replace("_", " "), str(expected), str(stamp.get(name)), again)
    return dict(sorted(by_epoch.items()))


def check_checkpoints(run: Path, plan: Plan, task: Task) -> dict[int, dict[int, Weights]]:
    """All the checkpoints of a task, by model, read to the last byte; the errors of `read_checkpoints`."""
    return {model: read_checkpoints(run, plan, task, model) for model in task.models}
