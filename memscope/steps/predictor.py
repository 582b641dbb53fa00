"""`memscope memorability RUN --train`: predictors of what models memorise, fitted to images and held against others."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from memscope.analysis.example_split import Split, split_examples
from memscope.analysis.predictor_agreement import Images, predictor_agreement
from memscope.analysis.statistics.crossed import units_of
from memscope.counting.compared_predictor import with_agreement
from memscope.counting.elsewhere import Elsewhere, images_elsewhere, other_run
from memscope.counting.outcomes import sizes_in_ledger
from memscope.counting.predictor_targets import (
    FEWEST,
    TargetFound,
    asked_for,
    check_target,
    known_examples,
    target_of,
)
from memscope.errors import RunError
from memscope.files.atomic import remove_abandoned, write_atomically
from memscope.predictors.backbones import PLAIN, SMALL, check_names, chosen_backbones, is_resnet
from memscope.predictors.fitting import FitRecipe
from memscope.predictors.kept import VERSION, Description, HeldOut, Kept, image_numbers, pack_kept
from memscope.predictors.pretrained import check_pretrained
from memscope.predictors.training import Training, check_training
from memscope.reports.keys import report_of, stored_keys
from memscope.reports.predictor import RESULTS, FailedFit, PredictorReport
from memscope.reports.target import kind_of
from memscope.run import Run, open_run
from memscope.steps.drawing import Drawing, write
from memscope.store.ledger import state_for
from memscope.store.results import read_results, write_results
from memscope.training.device import resolve_device
from memscope.version import __version__
from memscope.work.carrying_out import OnEnd, Say, WorkOptions, check_work_options, silent, unseen
from memscope.work.data_set import ensure_examples, say_what_changed
from memscope.work.fitting_predictors import (
    FittedBackbone,
    ToFit,
    fit_missing,
    forget_fits,
    kept_seeds,
)
from memscope.work.timing import spent_on


def train_predictor(
    path: str | os.PathLike[str],
    training: Training | None = None,
    options: WorkOptions | None = None,
    *,
    plot: Drawing | Path | None = None,
    say: Say = silent,
    on_end: OnEnd = unseen,
) -> PredictorReport:
    """Fit predictors to a run's images, keep them in `RUN/predictors`, write `results/predictor.h5`, and return what
    was found.

    If fits failed, nothing is written, and the report says which. OptionError for what cannot be asked for, RunError
    where what the target rests on is not there.
    """
    asked, options = training or Training(), options or WorkOptions()
    check_training(asked)
    check_work_options(options)
    device = resolve_device(options.device)
    run = open_run(path)
    target_asked = asked_for(asked.target or f"score@{sizes_in_ledger(run)[-1]}")
    check_target(run, target_asked)
    check_names(asked.backbones, asked.pretrained)
    other = None if asked.evaluate_on is None else other_run(run, target_asked, asked.evaluate_on)
    remove_abandoned(run.path)
    ensure_examples(run, say=say)
    say_what_changed(run, say)
    examples = run.examples
    backbones = chosen_backbones(asked.backbones, examples.image_shape, asked.pretrained is not None)
    check_pretrained(backbones, examples.image_shape, asked.pretrained)
    ledger = state_for(run.path, run.plan, RESULTS)
    found = target_of(run, target_asked)
    units = units_of(examples.near_group)
    split = split_examples(examples.labels, units, run.plan.data.fingerprint)
    elsewhere = None
    if other is not None:
        say(f"looking for images of {other.path} that are fitted to")
        elsewhere = images_elsewhere(run, other, target_asked, asked.with_label, split)
    to_fit = ToFit(
        found.asked.name,
        found.target.halves(),
        split,
        FitRecipe(epochs=asked.epochs, augment=augmentation(run)),
        asked.with_label,
        asked.pretrained,
    )
    report = report_of_nothing(run, asked, found, split, to_fit.halves)
    if min(report.fitted, report.validating, report.held_out) < FEWEST:
        raise RunError(
            f"of {found.asked.name}, {report.fitted} images to fit to, {report.validating} to validate on and "
            f"{report.held_out} to hold out are known, expected at least {FEWEST} of each; give a target of more images"
        )
    fitted, done = fit_missing(run, to_fit, backbones, asked.seeds, options, device, say, on_end)
    if done.failures:
        failed = tuple(FailedFit(backbone=task.variant, seed=task.first, reason=why) for task, why in done.failures)
        return replace(report, failed=failed)
    say("comparing with the target")
    report = held_against(run, found, split, units, fitted, elsewhere, report, device, ledger)
    forget_fits(run, fitted)
    if plot is not None:
        report = replace(report, figures=tuple(str(picture) for picture in draw_predictor_figures(run.path, plot)))
    return report


def draw_predictor_figures(run_path: str | os.PathLike[str], plot: Drawing | Path) -> list[Path]:
    """Draw what is stored; the paths of the files. RunError where there is nothing."""
    from memscope.plots.predictor.figures import figures  # loads matplotlib

    run = open_run(run_path)
    values, _, summary = read_results(run.path, "predictor", run.plan)
    return write(plot, figures(report_of(PredictorReport, summary), values))


def augmentation(run: Run) -> str:
    """Images are shifted while a predictor is fitted; mirrored where the run's own models saw them mirrored."""
    return "flip-crop" if "flip" in run.plan.recipe.augment else "crop"


@spent_on("scoring")
def held_against(
    run: Run,
    found: TargetFound,
    split: Split,
    units: np.ndarray,
    fitted: list[FittedBackbone],
    elsewhere: Elsewhere | None,
    report: PredictorReport,
    device: str,
    ledger: str,
) -> PredictorReport:
    """Compare, keep the predictors, write the results, and return what is stored there."""
    examples = run.examples
    said = {one.backbone.name: np.stack([fit.said for fit in one.fits]).astype(np.float64) for one in fitted}
    known = known_images(run, split)
    kept = {one.backbone.name: kept_of(run, report, one, split, known) for one in fitted}
    names = list(said)
    files = {one.backbone.name: one.file for one in fitted}
    there = None
    if elsewhere is not None:
        there = elsewhere.asked_of({files[name]: kept[name] for name in names}, device)
        with_target = ~np.isnan(there.target.halves()).any(axis=0)
        report = replace(
            report,
            elsewhere=str(elsewhere.run.path),
            elsewhere_images=int(with_target.sum()),
            elsewhere_known=elsewhere.known,
            elsewhere_ceiling=elsewhere.found.ceiling,
        )
    first = PLAIN if PLAIN in names else names[0]
    agreement = predictor_agreement(Images(said, found.target, examples.shown_classes, units), split, first, there)
    report = with_agreement(
        report,
        agreement,
        {one.backbone.name: one.parameters for one in fitted},
        {name: kept[name].description.epochs for name in names},
        files,
    )
    for row in report.backbones:
        if kept_seeds(files[row.name], kept[row.name].description.settings) <= report.seeds:
            described = replace(
                kept[row.name].description,
                spearman=HeldOut(value=row.spearman.value, low=row.spearman.low, high=row.spearman.high),
                within=HeldOut(value=row.within.value, low=row.within.low, high=row.within.high),
                ceiling=report.ceiling,
            )
            write_atomically(files[row.name], pack_kept(replace(kept[row.name], description=described)))
    arrays = arrays_of(report, found, split, said)
    write_results(run.path, run.plan, "predictor", arrays, ledger, stored_keys(report))
    return report


def known_images(run: Run, split: Split) -> np.ndarray:
    """Numbers of the images that predictors are fitted to or stopped by, int64 [n], sorted."""
    images = run.dataset().train_images
    return np.sort(image_numbers(images[np.concatenate([split.fitted, split.validating])]))


def kept_of(run: Run, report: PredictorReport, one: FittedBackbone, split: Split, known: np.ndarray) -> Kept:
    """What is kept of a backbone; without the numbers on held-out images."""
    examples, plan = run.examples, run.plan
    return Kept(
        Description(
            version=VERSION,
            settings=one.settings,
            backbone=one.backbone,
            target=report.target,
            kind=kind_of(report.target, report.target_blocks > 0),
            axis=plan.axis,
            seeds=len(one.fits),
            image_shape=examples.image_shape,
            class_names=tuple(examples.class_names),
            with_label=report.with_label,
            channel_mean=tuple(map(float, examples.channel_mean)),
            channel_sd=tuple(map(float, examples.channel_sd)),
            precision=plan.precision,
            data=plan.data.spec,
            data_fingerprint=plan.data.fingerprint,
            plan_digest=plan.digest,
            split=split.digest,
            fitted=report.fitted,
            epochs=tuple(fit.epoch for fit in one.fits),
            written_by=f"memscope {__version__}",
        ),
        [fit.weights for fit in one.fits],
        np.stack([fit.said for fit in one.fits]),
        known,
    )


def report_of_nothing(
    run: Run, asked: Training, found: TargetFound, split: Split, halves: np.ndarray
) -> PredictorReport:
    """What is known before anything is fitted."""
    examples = run.examples
    count = len(examples.labels)
    return PredictorReport(
        run=str(run.path),
        axis=run.plan.axis,
        data=run.plan.data.spec,
        family=run.plan.learner,
        target=found.asked.name,
        target_models=found.models,
        target_blocks=found.target.blocks,
        with_label=asked.with_label,
        pretrained=None if asked.pretrained is None else asked.pretrained.name,
        examples=count,
        known=known_examples(halves, np.arange(count)),
        fitted=known_examples(halves, split.fitted),
        validating=known_examples(halves, split.validating),
        held_out=known_examples(halves, split.held_out),
        copies=int((examples.near_group >= 0).sum()),
        classes=len(examples.class_names),
        flipped=None if examples.flipped is None else int(examples.flipped.sum()),
        seeds=asked.seeds,
        epochs=asked.epochs,
        ceiling=found.ceiling,
        within_ceiling=found.within_ceiling,
        remarks=remarks(run, asked),
    )


def remarks(run: Run, asked: Training) -> tuple[str, ...]:
    """What was done to images, and what the numbers cannot say."""
    found = []
    height, width, _ = run.examples.image_shape
    residual = [name for name in asked.backbones if is_resnet(name)]
    if residual and asked.pretrained is None and min(height, width) < SMALL:
        found.append(
            f"For images of {height} x {width} pixels a ResNet has a 3x3 stem of stride 1 without pooling, and a "
            "quarter of timm's channels."
        )
    if asked.pretrained is not None:
        plain = "; plain began from scratch" if PLAIN in asked.backbones else ""
        found.append(
            f"Networks of timm began with the weights in {asked.pretrained.name}, on images that were scaled up to the "
            f"side they were made for{plain}."
        )
    if not asked.with_label:
        wrong = " The flipped labels here cannot be seen." if run.examples.true_labels is not None else ""
        found.append(f"Predictors saw the images alone: no image shows that its label is wrong (--with-label).{wrong}")
    return tuple(found)


def arrays_of(
    report: PredictorReport, found: TargetFound, split: Split, said: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """The arrays of the group `predictor`."""
    part = np.zeros(report.examples, dtype=np.uint8)
    part[split.validating], part[split.held_out] = 1, 2
    even, odd = found.target.halves()
    arrays: dict[str, Any] = {
        "backbone": list(said),
        "example": np.arange(report.examples),
        "seed": np.arange(report.seeds),
        "part": part,
        "target": found.target.everything(),
        "target_even": even,
        "target_odd": odd,
        "predicted": np.stack(list(said.values())).astype(np.float32),
    }
    for name, rows in (
        ("spearman", [row.spearman for row in report.backbones]),
        ("within_spearman", [row.within for row in report.backbones]),
    ):
        arrays[name] = np.array([row.value for row in rows])
        arrays[f"{name}_low"] = np.array([row.low for row in rows])
        arrays[f"{name}_high"] = np.array([row.high for row in rows])
    return arrays
