"""Fitting predictors: what is missing of some backbones and seeds, by any engine, and one file for each backbone."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from memscope.analysis.example_split import Split
from memscope.errors import DataError
from memscope.files.atomic import write_atomically
from memscope.predictors.backbones import Backbone
from memscope.predictors.fits import fit_path, fits_directory, read_fit
from memscope.predictors.fitting import FitRecipe, Fitted
from memscope.predictors.kept import Kept, kept_path, read_kept
from memscope.predictors.pretrained import digest_of
from memscope.run import Run
from memscope.store.ledger import Task
from memscope.text import counted
from memscope.work.carrying_out import Done, OnEnd, Say, Work, WorkOptions, carry_out, data_to_send, workers_of
from memscope.work.predictor_task import FittingJob, open_fitting
from memscope.work.timing import spent_on

RULES = 1
"""Raised where the same settings give other weights than before"""


@dataclass(frozen=True, eq=False)
class ToFit:
    """All that decides what is fitted."""

    target: str
    halves: np.ndarray
    """float64 [2, N]"""
    split: Split
    recipe: FitRecipe
    with_label: bool
    pretrained: Path | None


def settings_of(run: Run, asked: ToFit, backbone: Backbone) -> str:
    """SHA-256, in hex, over all that decides the weights of one backbone, whatever the number of seeds."""
    told = {
        "rules": RULES,
        "plan": run.plan.digest,
        "data": run.plan.data.fingerprint,
        "precision": run.plan.precision,
        "halves": hashlib.sha256(asked.halves.tobytes()).hexdigest(),
        "split": asked.split.digest,
        "recipe": asdict(asked.recipe),
        "with_label": asked.with_label,
        "backbone": asdict(backbone),
        "timm": timm_version() if backbone.width is None else None,
        "pretrained": digest_of(asked.pretrained) if backbone.pretrained and asked.pretrained else None,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def timm_version() -> str:
    from memscope.torchvision_import import mend_torchvision

    mend_torchvision()
    import timm

    return str(timm.__version__)


@dataclass(frozen=True, eq=False)
class FittedBackbone:
    """A backbone with the fits of all its seeds."""

    backbone: Backbone
    settings: str
    file: Path
    """Where they are kept together"""
    fits: list[Fitted]

    @property
    def parameters(self) -> int:
        """Of its body; running means are none."""
        return sum(
            values.size
            for name, values in self.fits[0].weights.items()
            if name.startswith("body.") and not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
        )


def fit_missing(
    run: Run,
    asked: ToFit,
    backbones: Sequence[Backbone],
    seeds: int,
    options: WorkOptions,
    device: str,
    say: Say,
    on_end: OnEnd,
) -> tuple[list[FittedBackbone], Done]:
    """The fits of every backbone, those that are there already as they are; with failures no backbone is given."""
    settings = {one.name: settings_of(run, asked, one) for one in backbones}
    files = {one.name: kept_file(run, asked, one, settings[one.name]) for one in backbones}
    there = {one.name: kept_fits(files[one.name], settings[one.name], say) for one in backbones}
    # the slowest backbone first: a long fit at the end leaves cores idle
    missing = [
        Task(one.name, 0, seed, 1)
        for one in reversed(backbones)
        for seed in range(seeds)
        if seed not in there[one.name] and not fit_path(run.path, settings[one.name], one.name, seed).is_file()
    ]
    done = Done()
    if missing:
        workers = min(workers_of(options, device), len(missing))
        say(f"fitting {counted(len(missing), 'predictor')} with {counted(workers, 'worker')}")
        job = FittingJob(
            str(run.path.absolute()),
            run.plan,
            device,
            settings,
            tuple(backbones),
            asked.recipe,
            asked.halves,
            asked.split.fitted,
            asked.split.validating,
            asked.with_label,
            None if asked.pretrained is None else str(asked.pretrained.absolute()),
            data_to_send(run, options),
        )

        def path_of(task: Task) -> Path:
            return fit_path(run.path, settings[task.variant], task.variant, task.first)

        def write(task: Task, content: bytes) -> None:
            write_atomically(path_of(task), content)

        with spent_on("memories"):
            work = Work(partial(open_fitting, job), path_of, write, its_fit)
            done = carry_out(run, work, [(task,) for task in missing], options, device, on_end)
    if done.failures:
        return [], done
    again = f"memscope memorability {run.path} --train"
    return [
        FittedBackbone(
            one,
            settings[one.name],
            files[one.name],
            [
                there[one.name].get(seed) or read_fit(run.path, settings[one.name], one.name, seed, again)
                for seed in range(seeds)
            ],
        )
        for one in backbones
    ], done


def its_fit(task: Task) -> str:
    return f"{task.variant}, seed {task.first}"


def kept_file(run: Run, asked: ToFit, backbone: Backbone, settings: str) -> Path:
    """Where the predictor of a backbone and these settings is, or is to be."""
    before = kept_path(run.path, backbone.name, asked.target, asked.with_label)
    if kept_seeds(before, settings) and read_kept(before).description.target == asked.target:
        return before
    return kept_path(run.path, backbone.name, asked.target, asked.with_label, settings)


def kept_fits(path: Path, settings: str, say: Say) -> dict[int, Fitted]:
    """The fits that are in a backbone's file, if it is of these settings."""
    if not path.is_file():
        return {}
    try:
        kept = read_kept(path)
    except DataError as error:
        say(f"Warning: {error}; it is made again")
        return {}
    return fits_of(kept) if kept.description.settings == settings else {}


def kept_seeds(path: Path, settings: str) -> int:
    """How many seeds of these settings a backbone's file has."""
    if not path.is_file():
        return 0
    try:
        found = read_kept(path).description
    except DataError:
        return 0
    return found.seeds if found.settings == settings else 0


def fits_of(kept: Kept) -> dict[int, Fitted]:
    """By seed; their courses are not kept."""
    none = np.zeros((0, 2))
    return {
        seed: Fitted(weights, kept.said[seed], none, kept.description.epochs[seed])
        for seed, weights in enumerate(kept.weights)
    }


def forget_fits(run: Run, fitted: Sequence[FittedBackbone]) -> None:
    """Remove the files of single fits that are kept in their backbones' by now."""
    for one in fitted:
        with suppress(OSError):
            shutil.rmtree(fits_directory(run.path, one.settings))
    with suppress(OSError):
        fits_directory(run.path, "x").parent.rmdir()
