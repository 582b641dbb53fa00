"""`memscope trajectories --plot`: the figures of a run, drawn from its results."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from memscope.analysis.trajectories import TYPES
from memscope.errors import RunError
from memscope.plots.accuracy import draw_accuracy
from memscope.plots.examples import ExampleRow, draw_examples, most_certain
from memscope.plots.histogram import draw_histogram
from memscope.plots.setting import Setting
from memscope.plots.shares import draw_shares
from memscope.plots.style import png
from memscope.plots.trajectories import draw_trajectories
from memscope.run import Run, open_run
from memscope.steps.score import score
from memscope.steps.train_family import ensure_examples
from memscope.store.atomic import write_atomically
from memscope.store.results import read_results, results_path


def draw_figures(run_path: str | os.PathLike[str], directory: Path) -> list[Path]:
    """Draw the figures of a run into a directory, as PNG files; their paths, in reading order.

    The trajectories must have been classified; scores are computed first where they are missing or come from
    other models than the trajectories. RunError where results are missing or a file cannot be written.
    """
    run = open_run(run_path)
    ensure_examples(run)
    drawn = []
    for name, figure in figures(run):
        path = directory / f"{name}.png"
        write_atomically(path, png(figure))
        drawn.append(path)
    return drawn


def figures(run: Run) -> Iterator[tuple[str, Figure]]:
    """Each figure with its name, drawn when it is asked for, so that one is in memory at a time."""
    found, ledger, types = read_results(run.path, "trajectories", run.plan)
    scored, scores_summary = scores_of(run, ledger)
    examples = run.examples
    scores = scored["score"]
    setting = Setting(
        data=run.plan.data.spec,
        family=run.plan.learner,
        axis=run.plan.axis,
        sizes=found["size"],
        models=tuple(types["models"]),
        fraction=run.plan.fraction,
        examples=len(examples.labels),
        flipped=None if examples.flipped is None else int(examples.flipped.sum()),
        epsilon=types["epsilon"],
        confidence=types["confidence"],
    )
    yield "trajectories", draw_trajectories(setting, scores, found["called_type"])
    yield "shares", draw_shares(setting, types["all_sizes"], types["flipped_types"])
    yield "histogram", draw_histogram(setting, scores, examples.flipped)
    yield "accuracy", draw_accuracy(setting, scores_summary["sizes"])
    yield "examples", draw_examples(setting, example_rows(run, found, scores))


def scores_of(run: Run, ledger: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and summary of `score` from the same ledger as the trajectories."""
    if results_path(run.path, "score").is_file():
        values, used, summary = read_results(run.path, "score", run.plan)
        if used == ledger:
            return values, summary
    score(run.path)
    values, used, summary = read_results(run.path, "score", run.plan)
    if used != ledger:
        raise RunError(
            f"{run.path}: the ledger has moved on since its trajectories were classified; "
            f"run memscope trajectories {run.path} again"
        )
    return values, summary


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
