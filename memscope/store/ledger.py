"""The ledger: one write-once file for every finished task. A file here *is* the record that the work is done.

`outcomes/<variant>/<axis>-<size>/<first>-<last>-r<replicate>.h5`, models numbered from 0. What is kept of a
model: its subset, its predicted class and log-odds for every training and test example, the course of its
loss, and how it was made. See docs/format.md.
"""

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memscope.files.atomic import write_atomically
from memscope.files.sealed import open_sealed, sealing
from memscope.plan.plan import Plan
from memscope.plan.recipe import RECORDED
from memscope.plan.teaching import Teaching, teaching_of
from memscope.reports.stored import Results
from memscope.store.format import (
    DAMAGE,
    OUTCOME,
    array_of,
    check_dimensions,
    check_encoding,
    check_stamp,
    damage,
    stamp_encoding,
    write_field,
)

NAME = re.compile(r"^(?P<first>\d+)-(?P<last>\d+)-r(?P<replicate>\d+)\.h5$")
ONEHOT = "onehot"
"""The variant trained on the labels themselves, each model on its own subset."""
FULL = "full"
"""The variant trained on all the training examples."""
REPLICATES = (0, 1)
"""Numbers of the models that one subset may have. A second model serves only to split training from subset noise."""
CODE = ("family_source", "trainer_source", "timm_version")
"""Kinds of code that make models but that no plan's digest covers."""


@dataclass(frozen=True, order=True)
class Task:
    """A unit of work: `count` models of one variant and size from number `first`. Plain data."""

    variant: str
    size: int
    first: int
    count: int
    replicate: int = 0

    @property
    def models(self) -> range:
        return range(self.first, self.first + self.count)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What is kept about the models of one task: m models, N training and M test examples."""

    in_subset: np.ndarray
    """bool [m, N]"""
    predicted_train: np.ndarray
    """int [m, N]"""
    predicted_test: np.ndarray
    """int [m, M]"""
    log_odds_train: np.ndarray
    """float16 [m, N], of the given label; NaN if they are not known"""
    log_odds_test: np.ndarray
    """float16 [m, M]"""
    epoch_loss: np.ndarray
    """float32 [m, epochs], the mean training loss of each epoch; NaN if it is not known"""
    own_accuracy: np.ndarray
    """float32 [m], the share of its own subset that each model fits"""
    diverged: np.ndarray
    """bool [m]: the loss became NaN or infinite; the predictions of such a model are never used"""
    seconds: np.ndarray
    """float32 [m], wall-clock time of training and evaluation"""
    made_by: dict[str, str]
    """Device, precision and versions, and of CODE what is known"""
    evaluation_seconds: np.ndarray | None = None
    """float32 [m], the part of `seconds` that is evaluation; None if not known"""
    teacher_seconds: np.ndarray | None = None
    """float32 [m], the part of `seconds` that went into the teacher's forward passes; None without a teacher"""


def task_name(task: Task) -> str:
    """The file name of a task, without its ending."""
    return f"{task.first:05d}-{task.first + task.count - 1:05d}-r{task.replicate}"


def size_directory(run: Path, kind: str, plan: Plan, variant: str, size: int) -> Path:
    """The directory of one variant and size under `kind`: `outcomes`, `weights`, `dynamics`,
    `failures`, `memories` or `proxies`.

    A residual memory also belongs to a choice of settings: under `memories` the variant is `VARIANT/CHOICE`. Under
    `proxies` it is `VARIANT/GROUP`.
    """
    return run / kind / variant / f"{plan.axis}-{size}"


def outcome_path(run: Path, plan: Plan, task: Task) -> Path:
    return size_directory(run, "outcomes", plan, task.variant, task.size) / f"{task_name(task)}.h5"


def task_at(plan: Plan, inside: Path) -> Task | None:
    """The task whose file is at VARIANT/AXIS-SIZE/NAME; None if the plan has no such task."""
    *variant, directory, name = inside.parts
    axis, _, size = directory.partition("-")
    found = NAME.match(Path(name).with_suffix(".h5").name)
    if not found or axis != plan.axis or not size.isdecimal() or int(size) not in plan.sizes:
        return None
    first, count = int(found["first"]), int(found["last"]) - int(found["first"]) + 1
    task = Task("/".join(variant), int(size), first, count, int(found["replicate"]))
    return task if count == unit_of(plan, task.variant) and first % count == 0 else None


def failure_path(run: Path, path: Path) -> Path:
    """The file that says why a task failed; `path` is where the task's own file would be."""
    _, *inside = path.relative_to(run).parts
    return run.joinpath("failures", *inside).with_suffix(".txt")


def unit_of(plan: Plan, variant: str) -> int:
    """How many models share a task and a file. Models on all the data, whose number is free, share none."""
    return 1 if variant == FULL else plan.unit


def all_tasks(plan: Plan, variant: str = ONEHOT) -> list[Task]:
    """Every task of the plan, large sizes first: they take longest, and a long task at the end leaves cores idle."""
    unit = unit_of(plan, variant)
    models = plan.full_models if variant == FULL else plan.models
    return [
        Task(variant, size, first, unit)
        for size in sorted(plan.sizes, reverse=True)
        for first in range(0, models, unit)
    ]


def finished_tasks(
    run: Path,
    plan: Plan,
    size: int,
    variant: str = ONEHOT,
    replicate: int = 0,
    kind: str = "outcomes",
    under: str = "",
) -> list[Task]:
    """The tasks of one size whose outcome, or other `kind` of HDF5 file, is there, in the order of their models.

    `under` is the choice or group of such files, if they have one.
    """
    directory = size_directory(run, kind, plan, f"{variant}/{under}" if under else variant, size)
    unit, tasks = unit_of(plan, variant), []
    for path in directory.glob("*.h5") if directory.is_dir() else ():
        found = NAME.match(path.name)
        if found and int(found["replicate"]) == replicate:
            first, last = int(found["first"]), int(found["last"])
            # a file with another unit cannot belong to this plan; counting it would count models twice
            if last - first + 1 == unit and first % unit == 0:
                tasks.append(Task(variant, size, first, unit, replicate))
    return sorted(tasks)


def missing_tasks(run: Path, plan: Plan, variant: str = ONEHOT) -> list[Task]:
    """The tasks of the plan that have no outcome yet, large sizes first."""
    finished = {task for size in plan.sizes for task in finished_tasks(run, plan, size, variant)}
    return [task for task in all_tasks(plan, variant) if task not in finished]


def distilled_variants(run: Path) -> tuple[str, ...]:
    """The variants of the students in the ledger."""
    return tuple(teaching.variant for teaching in distilled_settings(run))


def distilled_settings(run: Path) -> tuple[Teaching, ...]:
    """The settings of distillation for which the ledger has students, in the order of their variants."""
    found = sorted(f"distilled/{path.name}" for path in run.glob("outcomes/distilled/*") if path.is_dir())
    return tuple(teaching for variant in found if (teaching := teaching_of(variant)))


def ledger_state(run: Path, plan: Plan, *variants: str, replicates: Sequence[int] = (0,)) -> str:
    """SHA-256, in hex, over the names and lengths of the outcomes of all sizes: which models there are.

    Results keep it, so that a reader can tell when the ledger has moved on. Times are left out: they change in a copy.
    `replicates` are those that the results rest on.
    """
    paths = [
        outcome_path(run, plan, task)
        for variant in variants or (ONEHOT,)
        for size in plan.sizes
        for replicate in replicates
        for task in finished_tasks(run, plan, size, variant, replicate)
    ]
    listed = [f"{path.relative_to(run).as_posix()} {path.stat().st_size}" for path in paths]
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()


def state_for(run: Path, plan: Plan, results: Results) -> str:
    """The `ledger_state` of the models that a command's results rest on; where these are of derived runs, of none."""
    if results.derived:
        return hashlib.sha256(b"").hexdigest()
    variants = [ONEHOT, *([FULL] if results.full else [])]
    variants += [teaching.variant for teaching in distilled_settings(run)] if results.students else []
    return ledger_state(run, plan, *variants, replicates=REPLICATES if results.second_models else REPLICATES[:1])


def subset_digest(packed: np.ndarray) -> str:
    """SHA-256, in hex, of one model's bit-packed subset."""
    return hashlib.sha256(np.ascontiguousarray(packed).tobytes()).hexdigest()


def outcome_digest(outcome: Outcome) -> str:
    """SHA-256, in hex, over subsets, predictions and log-odds: outcomes with equal digests are of the same models."""
    digest = hashlib.sha256()
    for values in (
        np.packbits(outcome.in_subset, axis=1, bitorder="little"),
        outcome.predicted_train.astype(np.uint16),
        outcome.predicted_test.astype(np.uint16),
        outcome.log_odds_train,
        outcome.log_odds_test,
    ):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def write_outcome(run: Path, plan: Plan, task: Task, outcome: Outcome) -> Path:
    """Write one task's outcome to its file, whole or not at all, and return the path. Writing it twice is harmless."""
    path = outcome_path(run, plan, task)
    write_atomically(path, pack_outcome(plan, task, outcome))
    return path


def pack_outcome(plan: Plan, task: Task, outcome: Outcome) -> bytes:
    """The content of one task's file. Workers call this: compression takes ten times as long as writing the file."""
    num_classes = int(max(outcome.predicted_train.max(initial=0), outcome.predicted_test.max(initial=0))) + 1
    class_type = np.uint8 if num_classes <= 256 else np.uint16
    packed = np.packbits(outcome.in_subset, axis=1, bitorder="little")
    buffer = io.BytesIO()
    with sealing(buffer) as file:
        stamp_encoding(file, "memscope-outcome")
        file.attrs["plan_digest"] = plan.digest
        file.attrs["data_fingerprint"] = plan.data.fingerprint
        file.attrs["variant"] = task.variant
        file.attrs["axis"] = plan.axis
        file.attrs["size"] = task.size
        file.attrs["replicate"] = task.replicate
        file.attrs["num_examples"] = outcome.in_subset.shape[1]
        for key, value in outcome.made_by.items():
            file.attrs[key] = value
        columns: dict[str, np.ndarray | Sequence[str]] = {
            "model": np.arange(task.first, task.first + task.count, dtype=np.int32),
            "in_subset": packed,
            "subset_digest": [subset_digest(row) for row in packed],
            "predicted_train": outcome.predicted_train.astype(class_type),
            "predicted_test": outcome.predicted_test.astype(class_type),
            "log_odds_train": outcome.log_odds_train.astype(np.float16),
            "log_odds_test": outcome.log_odds_test.astype(np.float16),
            "epoch_loss": outcome.epoch_loss.astype(np.float32),
            "own_accuracy": outcome.own_accuracy.astype(np.float32),
            "diverged": outcome.diverged.astype(np.uint8),
            "seconds": outcome.seconds.astype(np.float32),
        }
        if outcome.evaluation_seconds is not None:
            columns["evaluation_seconds"] = outcome.evaluation_seconds.astype(np.float32)
        if outcome.teacher_seconds is not None:
            columns["teacher_seconds"] = outcome.teacher_seconds.astype(np.float32)
        for name, values in columns.items():
            write_field(file, name, values, OUTCOME[name])
    return buffer.getvalue()


def read_diverged(run: Path, plan: Plan, task: Task) -> np.ndarray:
    """Which models of a task diverged, bool [models], for who looks at nothing else of it; errors as `read_outcome`."""
    path = outcome_path(run, plan, task)
    try:
        with open_sealed(path) as file:
            check_encoding(file, "memscope-outcome", path)
            diverged = array_of(file["diverged"])
            if diverged.shape != (task.count,):
                raise ValueError(f"is of {diverged.shape} models, expected {task.count}")
    except DAMAGE as error:
        raise damage(run, path, error, f"memscope train-family {run}") from error
    return diverged.astype(bool)


def read_outcome(run: Path, plan: Plan, task: Task) -> Outcome:
    """One task's outcome from the ledger.

    FileError if the file is damaged or was made for another plan, data set or task; RunError if its version is newer
    than we can read.
    """
    path = outcome_path(run, plan, task)
    recorded = plan.recipe.trainer == RECORDED
    again = f"run.record of its {task.count} models" if recorded else f"memscope train-family {run}"
    try:
        with open_sealed(path) as file:
            check_encoding(file, "memscope-outcome", path)
            check_stamp(run, path, "plan digest", plan.digest, str(file.attrs["plan_digest"]), again)
            fingerprint = str(file.attrs["data_fingerprint"])
            check_stamp(run, path, "data fingerprint", plan.data.fingerprint, fingerprint, again)
            for name, expected in (
                ("variant", task.variant),
                ("axis", plan.axis),
                ("size", task.size),
                ("replicate", task.replicate),
                ("model", list(task.models)),
            ):
                found = array_of(file[name]).tolist() if name == "model" else file.attrs[name]
                check_stamp(run, path, name, str(expected), str(found), again)
            optional = ("evaluation_seconds", "teacher_seconds")
            # digests of subsets are for older readers; seals, and before them HDF5's checksums, cover the subsets
            values = {name: array_of(file[name]) for name in OUTCOME if name not in ("subset_digest", *optional)}
            parts = {name: array_of(file[name]) if name in file else None for name in optional}
            if teaching_of(task.variant) and parts["teacher_seconds"] is None:
                raise KeyError("teacher_seconds")
            num_examples = int(file.attrs["num_examples"])
            known = {name: array for name, array in parts.items() if array is not None}
            check_dimensions(values | known, OUTCOME)
            lengths = values["predicted_train"].shape[1], 8 * values["in_subset"].shape[1]
            if not lengths[1] - 8 < num_examples == lengths[0] <= lengths[1]:
                raise ValueError(f"is of {num_examples:,} examples, has predictions of {lengths[0]:,}")
            known_of = ("device", "precision", "torch_version", "memscope_version", "backend", *CODE)
            made_by = {key: str(file.attrs[key]) for key in known_of if key in file.attrs}
    except DAMAGE as error:
        raise damage(run, path, error, again) from error
    return Outcome(
        in_subset=np.unpackbits(values["in_subset"], axis=1, count=num_examples, bitorder="little").astype(bool),
        predicted_train=values["predicted_train"],
        predicted_test=values["predicted_test"],
        log_odds_train=values["log_odds_train"],
        log_odds_test=values["log_odds_test"],
        epoch_loss=values["epoch_loss"],
        own_accuracy=values["own_accuracy"],
        diverged=values["diverged"].astype(bool),
        seconds=values["seconds"],
        made_by=made_by,
        **parts,
    )
