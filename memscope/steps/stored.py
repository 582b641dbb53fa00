"""`--stored`: what a command has found before, from its file in `results/`, without the models that it rests on.

Archived runs have plan.toml, examples.h5 and results, and no ledger, which is large. Nothing is computed, and nothing
is written into the run but figures: not even a cache of images.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from memscope.analysis.carriers import size_shown
from memscope.errors import MemscopeError, OptionError, RunError
from memscope.reports.influence import InfluenceReport
from memscope.reports.results import RESULTS, made_by
from memscope.reports.score import ScoreReport
from memscope.run import Run, open_run
from memscope.steps.drawing import Drawing, write
from memscope.steps.exports import check_csv_safe, most_memorised, with_exports
from memscope.steps.pair_exports import export_pairs
from memscope.steps.privacy_export import export_records
from memscope.store.examples import image_cache
from memscope.store.results import read_results, results_path
from memscope.store.stored_reports import as_told_now, is_archive, is_current, read_report, why_old
from memscope.work.carrying_out import Say, silent
from memscope.work.data_set import with_images

SHOW_IMAGES = ("trajectories", "memorability", "influence", "influence-training")
"""Groups of results with a figure of images"""
PAIRS = ("influence", "influence-training")


@dataclass(frozen=True, eq=False)
class Stored:
    """What a command keeps in a run."""

    run: Run
    group: str
    """Of its results, as in `results/GROUP.h5`"""
    report: Any
    arrays: dict[str, np.ndarray]
    ledger: str
    """State of the models that it rests on"""
    warnings: tuple[str, ...] = ()
    archived: bool = False
    """Whether the run has no models"""

    def but(self, warning: str) -> "Stored":
        return replace(self, warnings=(*self.warnings, warning))


@dataclass(frozen=True)
class Exports:
    """What can be made of stored arrays, as `score`, `influence` and `privacy` make it."""

    top: int = 10
    suspects: Path | None = None
    csv_file: Path | None = None
    csv_safe: bool = False
    npz_file: Path | None = None
    size: int | None = None
    """Of the pairs in `npz_file`; None: the largest"""


def stored_report(
    path: str | os.PathLike[str], group: str, *, plot: Drawing | Path | None = None, say: Say = silent
) -> Any:
    """The report that a command has stored in a run, also in one without its models; nothing is computed.

    `group` is the name of its file in `results`: `score`, `trajectories`, `influence-training`, ... `plot` says where
    figures go, if any are wanted. `say` is told where there are other models now than the report rests on, and what had
    to be left out. RunError where nothing is stored, or it is damaged.
    """
    found = read_stored(path, group, Exports(), plot=plot, say=say)
    for line in found.warnings:
        say(line)
    return found.report


def read_stored(
    path: str | os.PathLike[str],
    group: str,
    exports: Exports,
    *,
    plot: Drawing | Path | None = None,
    say: Say = silent,
) -> Stored:
    """What is stored, with the files and figures that are asked for; `say` is told what takes a while."""
    if group not in RESULTS:
        raise OptionError(f"there are no results of {group!r}; they are of {', '.join(RESULTS)}")
    run = open_run(path)
    arrays, ledger, summary = read_results(run.path, group, run.plan)
    report = as_told_now(read_report(run.path, group, summary), str(path), run.plan)
    found = Stored(run, group, report, arrays, ledger, archived=is_archive(run.path, run.plan))
    if not is_current(run.path, run.plan, group, ledger):
        found = found.but(why_old(run.path, run.plan, group))
    found = exported(found, exports)
    return found if plot is None else with_figures(found, plot, say)


def exported(found: Stored, asked: Exports) -> Stored:
    """With the files that are asked for and, of `score`, the list of the most memorised, which is not stored."""
    run, report, arrays = found.run, found.report, found.arrays
    files = {"csv": asked.csv_file} | ({"suspects": asked.suspects} if found.group == "score" else {})
    check_csv_safe(asked.csv_safe, **files)
    if found.group == "score":
        try:
            report = replace(report, most_memorised=most_memorised(run, asked.top))
        except (RunError, KeyError) as error:  # examples.h5 is gone, or an older memscope stored less
            found = found.but(f"Left out: the most memorised examples ({error}).")
        report = with_exports(run, report, asked.suspects, asked.csv_file, asked.csv_safe, asked.npz_file)
    elif found.group == "privacy" and asked.csv_file is not None:
        report = replace(report, written=(export_records(run, arrays, asked.csv_file, asked.csv_safe),))
    elif found.group in PAIRS:
        size, among_training = size_of_pairs(report, asked), report.among == "train"
        written = export_pairs(run, arrays, size, asked.csv_file, asked.csv_safe, asked.npz_file, among_training)
        report = replace(report, written=written)
    return replace(found, report=report)


def size_of_pairs(report: InfluenceReport, asked: Exports) -> int:
    """The size whose pairs `--npz` has; OptionError for one that there is not, or without `--npz`."""
    sizes = [row.size for row in report.sizes]
    if asked.size is None:
        return sizes[-1]
    if asked.npz_file is None:
        raise OptionError("--size is, with --stored, that of --npz alone; add --npz FILE, or leave --size out")
    if asked.size not in sizes:
        raise OptionError(f"--size is {asked.size}, no {report.axis} of the stored pairs; they are of {sizes}")
    return asked.size


def with_figures(found: Stored, plot: Drawing | Path, say: Say) -> Stored:
    """With the figures of the command; those of images are left out where there are none."""
    run, images = found.run, shows_images(found)
    if images:
        try:
            run = with_images(run, say)
        except MemscopeError as error:
            images = False
            found = found.but(
                f"Left out: figures of images. {image_cache(run.path)}, which the whole run has, is not there or not "
                f"whole, and the source cannot be read: {error}"
            )
    paths = write(plot, figures(replace(found, run=run), images))
    return replace(found, report=replace(found.report, figures=tuple(map(str, paths))))


def shows_images(found: Stored) -> bool:
    """Whether one of the figures does: pairs are only shown where some are listed."""
    listed = found.group not in PAIRS or size_shown(found.arrays) is not None
    return found.group in SHOW_IMAGES and listed


def figures(found: Stored, images: bool) -> Iterator[tuple[str, Any]]:
    """The figures of the command, each with its name; without `images`, those that show none."""
    run, arrays, report = found.run, found.arrays, found.report
    match found.group:  # each loads matplotlib
        case "trajectories":
            from memscope.plots.trajectories.figures import figures as of_trajectories

            scores, score_report = scores_beside(found)
            return of_trajectories(run, arrays, report, scores, score_report, images)
        case "influence" | "influence-training":
            from memscope.plots.influence.figures import figures as of_influence

            return of_influence(run, arrays, report, images)
        case "memorability":
            from memscope.plots.memorability.figures import figures as of_memorability

            return of_memorability(run, arrays, report, images)
        case "predictor":
            from memscope.plots.predictor.figures import figures as of_predictor

            return of_predictor(report, arrays)
        case "privacy":
            from memscope.plots.privacy.figures import figures as of_privacy

            return of_privacy(run, arrays, report)
        case "convergence":
            from memscope.plots.convergence.figures import figures as of_convergence

            return of_convergence(report)
        case "distill":
            from memscope.plots.distill.figures import figures as of_distill

            return of_distill(arrays, report)
        case "resmem":
            from memscope.plots.resmem.figures import figures as of_resmem

            return of_resmem(report)
        case "proxies":
            from memscope.plots.proxies.figures import figures as of_proxies

            return of_proxies(report)
    raise OptionError(f"results of {found.group} have no figures; leave the plot out")


def scores_beside(found: Stored) -> tuple[np.ndarray, ScoreReport]:
    """The stored scores, which figures of trajectories show too; RunError unless they are of the same models."""
    run = found.run
    arrays, ledger, summary = read_results(run.path, "score", run.plan)
    if ledger != found.ledger:
        raise RunError(
            f"{results_path(run.path, 'score')} rests on other models than {results_path(run.path, found.group)}, and "
            f"the figures show both; {made_by(found.group, str(run.path))} --plot computes them of the same"
        )
    return arrays["score"], read_report(run.path, "score", summary)
