"""The figures of `memscope trajectories`, from its results, those of `memscope score`, and the images of the run."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from memscope.analysis.trajectories import TYPES
from memscope.plots.common.setting import Setting
from memscope.plots.trajectories.accuracy import draw_accuracy
from memscope.plots.trajectories.contact_sheet import ExampleRow, draw_examples, most_certain
from memscope.plots.trajectories.histogram import draw_histogram
from memscope.plots.trajectories.shares import draw_shares
from memscope.plots.trajectories.trajectories import draw_trajectories
from memscope.reports.score import ScoreReport
from memscope.reports.trajectories import TrajectoriesReport
from memscope.run import Run


def figures(
    run: Run,
    found: Mapping[str, np.ndarray],
    report: TrajectoriesReport,
    scores: np.ndarray,
    score_report: ScoreReport,
    images: bool = True,
) -> Iterator[tuple[str, Figure]]:
    """Each figure with its name, in reading order. One is drawn at a time, so that only one is in memory.

    `found` are the arrays of `report`; `scores` [sizes, examples] and `score_report` are of the same models. Without
    `images`, those that show some are left out.
    """
    examples = run.examples
    setting = Setting(
        data=run.plan.data.spec,
        family=run.plan.learner,
        axis=run.plan.axis,
        sizes=found["size"],
        models=report.models,
        fraction=run.plan.fraction,
        examples=len(examples.labels),
        flipped=None if examples.flipped is None else int(examples.flipped.sum()),
        epsilon=report.epsilon,
        confidence=report.confidence,
        blocks=-(-max(report.models) // run.plan.block),
    )
    defined = np.isfinite(scores).all(axis=0)
    everything = scores[:, defined].mean(axis=1) if defined.any() else np.full(len(scores), np.nan)
    leading = report.population if report.population_check.passed else None
    yield "trajectories", draw_trajectories(setting, everything, report.all_sizes, report.by_type, leading)
    yield "shares", draw_shares(setting, report.all_sizes, report.flipped_types, leading)
    ends = (
        np.array([getattr(row.population, share) for row in score_report.sizes], dtype=np.float64)
        for share in ("share_low", "share_high")
    )
    yield "histogram", draw_histogram(setting, scores, examples.flipped, *ends)
    yield "accuracy", draw_accuracy(setting, score_report.sizes)
    if not images:
        return
    rows = example_rows(run, found, scores, leading is not None)
    yield "examples", draw_examples(setting, rows, examples.class_names, leading is not None)


def example_rows(
    run: Run, found: Mapping[str, np.ndarray], scores: np.ndarray, by_population: bool
) -> list[ExampleRow]:
    """The examples to show, for each type that is called; where none is, for each that has any by the raw rule.

    Called by the population estimate, or each from its own models.
    """
    examples, images = run.examples, run.dataset().train_images
    names, flipped = examples.class_names, examples.flipped
    types = found["population_type" if by_population else "called_type"]
    probability = found["population_probability" if by_population else "probability"]
    called = [name for name in TYPES if (types == name).any()]
    rows = []
    for name in called or TYPES:
        chosen = most_certain(name, types, found["raw_type"], probability)
        if not len(chosen):
            continue
        true_labels: list[str | None] = [None] * len(chosen)
        if flipped is not None and examples.true_labels is not None:
            true_labels = [names[examples.true_labels[one]] if flipped[one] else None for one in chosen]
        rows.append(
            ExampleRow(
                type=name,
                called=int((types == name).sum()),
                raw=int((found["raw_type"] == name).sum()),
                names=tuple(f"#{one}" if examples.names is None else Path(examples.names[one]).stem for one in chosen),
                images=np.asarray(images[chosen]),
                labels=tuple(names[examples.labels[one]] for one in chosen),
                true_labels=tuple(true_labels),
                scores=scores[:, chosen],
            )
        )
    return rows
