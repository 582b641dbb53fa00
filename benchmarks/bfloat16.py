"""What does bfloat16 change in the scores against float32, next to what another seed changes?

    python -m benchmarks.bfloat16 DIRECTORY [--family cnn] [--widths 2,4,8,16] [--models 40] [--examples 1000]

Trains three runs in DIRECTORY (an interrupted one goes on): float32, bfloat16 with the same seed, and float32 with
another seed, which draws other subsets, orders and initial weights. Of each pair the table has the root of the mean
square of the difference of the scores, what their standard errors lead to expect of it, and the correlation of their
ranks. A processor without bfloat16 of its own computes it too, more slowly than float32.
"""

import argparse
from pathlib import Path

import numpy as np

from memscope.analysis.statistics.correlation import rank_correlation
from memscope.reports.keys import keys_of
from memscope.run import Run, open_run
from memscope.steps.score import score
from memscope.steps.train_family import train_family
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

RUNS = {"float32": ("float32", 0), "bfloat16": ("bfloat16", 0), "another seed": ("float32", 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--family", default="cnn")
    parser.add_argument("--widths", default="2,4,8,16")
    parser.add_argument("--models", type=int, default=40)
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    widths = tuple(map(int, options.widths.split(",")))
    runs: dict[str, Run] = {}
    for name, (precision, seed) in RUNS.items():
        choices = Choices(
            data="fashion-mnist-5k", examples=options.examples, label_noise=0.1, family=options.family, widths=widths,
            models=options.models, epochs=options.epochs, precision=precision, seed=seed,
        )  # fmt: skip
        where = WorkOptions(device="cpu", keep_weights=False)
        runs[name] = open_run(train_family(options.directory / name.replace(" ", "-"), choices, where, say=print).run)
    rows = {name: {row["size"]: row for row in keys_of(score(run.path))["sizes"]} for name, run in runs.items()}
    print(f"{options.family}, {options.models} models of {options.examples} images, {options.epochs} epochs")
    told = [f"{name}: {', '.join(RUNS)}" for name in ("test accuracy", "mean score", "of flipped labels")]
    apart = [f"{name}: difference, expected, rank correlation" for name in ("bfloat16", "another seed")]
    print(f"| width | {' | '.join(told + apart)} |\n|---|---|---|---|---|---|")
    for width in widths:
        cells = [" ".join(f"{rows[name][width][key]:.3f}" for name in RUNS) for key in KEYS]
        scores = [run.scores(size=width) for run in runs.values()]
        cells += [compared(scores[0], other) for other in scores[1:]]
        print(f"| {width} | {' | '.join(cells)} |")


KEYS = ("test_accuracy", "mean_score", "mean_score_flipped")


def compared(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> str:
    """Of the scores of two runs: root mean square of the difference, what is expected of it, rank correlation."""
    apart = np.sqrt(np.mean((one["score"] - other["score"]) ** 2))
    expected = np.sqrt(np.mean(one["standard_error"] ** 2 + other["standard_error"] ** 2))
    return f"{apart:.3f} {expected:.3f} {rank_correlation(one['score'], other['score']):.2f}"


if __name__ == "__main__":
    main()
