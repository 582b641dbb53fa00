"""`--plot` of `memscope trajectories`, `distill` and `resmem`: the figures of a run, drawn from its results."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from memscope.analysis.trajectories import TYPES
from memscope.errors import RunError
from memscope.files.atomic import write_atomically
from memscope.plots.accuracy import draw_accuracy
from memscope.plots.common.setting import Setting
from memscope.plots.common.style import Figure, png
from memscope.plots.contact_sheet import ExampleRow, draw_examples, most_certain
from memscope.plots.histogram import draw_histogram
from memscope.plots.residual_memory import draw_residual_memory, measured
from memscope.plots.residual_memory_predicts import draw_residual_memory_predicts
from memscope.plots.residual_memory_types import draw_residual_memory_types, known_types
from memscope.plots.shares import draw_shares
from memscope.plots.student_scores import draw_distillation_scores
from memscope.plots.student_types import draw_distillation_types, has_changes
from memscope.plots.students import draw_distillation
from memscope.plots.trajectories import draw_trajectories
from memscope.reports.distill import DistillReport, SizeOfStudents
from memscope.reports.keys import report_of
from memscope.reports.resmem import ResmemReport
from memscope.reports.score import ScoreReport
from memscope.reports.trajectories import TrajectoriesReport
from memscope.run import Run, open_run
from memscope.steps.score import score_of
from memscope.store.results import read_results, results_path
from memscope.work.data_set import ensure_examples
from memscope.work.timing import spent_on


def draw_figures(run_path: str | os.PathLike[str], directory: Path) -> list[Path]:
    """Draw the figures of a run into a directory, as PNG files; their paths, in reading order.

    The trajectories must have been classified; scores are computed first where they are missing or come from
    other models than the trajectories. RunError where results are missing or a file cannot be written.
    """
    run = open_run(run_path)
    ensure_examples(run)
    return write_figures(directory, figures(run))


def draw_distill_figures(run_path: str | os.PathLike[str], directory: Path) -> list[Path]:
    """Draw the comparison of students with one-hot models into a directory, as PNG files; their paths.

    RunError where `memscope distill` has not written its results.
    """
    run = open_run(run_path)
    values, _, summary = read_results(run.path, "distill", run.plan)
    return write_figures(directory, distill_figures(values, report_of(DistillReport, summary)))


def draw_resmem_figures(run_path: str | os.PathLike[str], directory: Path) -> list[Path]:
    """Draw the comparison of residual memories with their base models likewise."""
    run = open_run(run_path)
    _, _, summary = read_results(run.path, "resmem", run.plan)
    return write_figures(directory, resmem_figures(report_of(ResmemReport, summary)))


@spent_on("drawing")
def write_figures(directory: Path, drawn: Iterable[tuple[str, Figure]]) -> list[Path]:
    """Write each figure under its name, in turn; the paths."""
    paths = []
    for name, figure in drawn:
        paths.append(directory / f"{name}.png")
        write_atomically(paths[-1], png(figure))
    return paths


def figures(run: Run) -> Iterator[tuple[str, Figure]]:
    """Each figure with its name, drawn when it is asked for, so that one is in memory at a time."""
    found, ledger, summary = read_results(run.path, "trajectories", run.plan)
    types = report_of(TrajectoriesReport, summary)
    scored, scores_found = scores_of(run, ledger)
    examples = run.examples
    scores = scored["score"]
    setting = Setting(
        data=run.plan.data.spec,
        family=run.plan.learner,
        axis=run.plan.axis,
        sizes=found["size"],
        models=types.models,
        fraction=run.plan.fraction,
        examples=len(examples.labels),
        flipped=None if examples.flipped is None else int(examples.flipped.sum()),
        epsilon=types.epsilon,
        confidence=types.confidence,
    )
    yield "trajectories", draw_trajectories(setting, scores, found["called_type"])
    yield "shares", draw_shares(setting, types.all_sizes, types.flipped_types)
    ends = (
        np.array([getattr(row.population, share) for row in scores_found.sizes], dtype=np.float64)
        for share in ("share_low", "share_high")
    )
    yield "histogram", draw_histogram(setting, scores, examples.flipped, *ends)
    yield "accuracy", draw_accuracy(setting, scores_found.sizes)
    yield "examples", draw_examples(setting, example_rows(run, found, scores))


def distill_figures(values: Mapping[str, np.ndarray], report: DistillReport) -> Iterator[tuple[str, Figure]]:
    """All settings beside each other, then scores and types of each; file names tell several settings apart."""
    settings = report.settings
    every = [row for one in settings for row in one.students]
    yield "distillation", draw_distillation(of_students(report, every), settings)
    sizes, names = values["size"].tolist(), values["setting"].tolist()
    for one in settings:
        setting = of_students(report, one.students)
        suffix = f"-{one.setting}" if len(settings) > 1 else ""
        columns = [sizes.index(row.size) for row in one.students]
        counts = values["histogram"][names.index(one.setting), columns]
        scores = draw_distillation_scores(setting, one, counts, values["histogram_edge"])
        yield f"distillation-scores{suffix}", scores
        if has_changes(one):
            yield f"distillation-types{suffix}", draw_distillation_types(setting, one)


def of_students(report: DistillReport, rows: Sequence[SizeOfStudents]) -> Setting:
    """What captions say of students of these sizes."""
    return Setting(
        data=report.data,
        family=report.family,
        axis=report.axis,
        sizes=np.array(sorted({row.size for row in rows})),
        models=tuple(row.models for row in rows),
        fraction=report.fraction,
        examples=report.examples,
        flipped=report.flipped,
        epsilon=report.epsilon,
        confidence=np.nan,  # types are those of the raw rule
    )


def resmem_figures(report: ResmemReport) -> Iterator[tuple[str, Figure]]:
    """The overview, then what can be drawn of types and of predictions."""
    rows, full = report.sizes, report.full or ()
    setting = of_memories(report)
    if measured(rows):
        yield "resmem", draw_residual_memory(of_memories(report, [row.size for row in full]), rows, full)
    if report.by_type and known_types(report.by_type):
        yield "resmem-types", draw_residual_memory_types(setting, report.by_type)
    if not all(np.isnan(pair.correlation) for pair in report.foretells):
        yield "resmem-foretells", draw_residual_memory_predicts(setting, report.foretells)


def of_memories(report: ResmemReport, others: Sequence[int] = ()) -> Setting:
    """What captions say of the models on subsets; `others` are further sizes to show."""
    return Setting(
        data=report.data,
        family=report.family,
        axis=report.axis,
        sizes=np.array(sorted({*(row.size for row in report.sizes), *others})),
        models=tuple(row.models for row in report.sizes),
        fraction=report.fraction,
        examples=report.examples,
        flipped=report.flipped,
        epsilon=report.epsilon,
        confidence=np.nan,  # types are those of the raw rule
    )


def scores_of(run: Run, ledger: str) -> tuple[dict[str, np.ndarray], ScoreReport]:
    """Arrays and report of `score` from the same ledger as the trajectories."""
    if results_path(run.path, "score").is_file():
        values, used, summary = read_results(run.path, "score", run.plan)
        if used == ledger:
            return values, report_of(ScoreReport, summary)
    score_of(run.path)
    values, used, summary = read_results(run.path, "score", run.plan)
    if used != ledger:
        raise RunError(
            f"{run.path}: the ledger has moved on since its trajectories were classified; "
            f"run memscope trajectories {run.path} again"
        )
    return values, report_of(ScoreReport, summary)


def example_rows(run: Run, found: dict[str, np.ndarray], scores: np.ndarray) -> list[ExampleRow]:
    """The examples to show of each type that has any."""
    examples, images = run.examples, run.dataset().train_images
    names, flipped = examples.class_names, examples.flipped
    rows = []
    for name in TYPES:
        chosen = most_certain(name, found["called_type"], found["raw_type"], found["probability"])
        if not len(chosen):
            continue
        true_labels: list[str | None] = [None] * len(chosen)
        if flipped is not None and examples.true_labels is not None:
            true_labels = [names[examples.true_labels[one]] if flipped[one] else None for one in chosen]
        rows.append(
            ExampleRow(
                type=name,
                called=int((found["called_type"] == name).sum()),
                raw=int((found["raw_type"] == name).sum()),
                positions=chosen,
                images=np.asarray(images[chosen]),
                labels=tuple(names[examples.labels[one]] for one in chosen),
                true_labels=tuple(true_labels),
                scores=scores[:, chosen],
            )
        )
    return rows
