"""Do models that were trained in lanes do what torch's do? Accuracies and scores of both, on the demo's plan.

    python -m benchmarks.same_science FOLDER [--models 100] [--widths 1,2,4,8,16] [--students 2,4] [--teacher 16]

The two runs, FOLDER/torch and FOLDER/lanes, have the same subsets, initial weights and batches, so model by model the
difference is taken; its standard error is that of the mean of these differences, over models. A cell of the table is
lanes minus torch, the error, and in brackets how many errors the difference is: within 3 nearly always, if rounding is
its only cause. FOLDER is gone on with if it is there.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

from memscope import open_run
from memscope.plan.teaching import Teaching
from memscope.run import Run

MEASURES = ("accuracy in", "accuracy out", "test accuracy", "mean score", "score of flipped")


def train(path: Path, backend: str, options: argparse.Namespace) -> Run:
    memscope = str(Path(sys.executable).parent / "memscope")
    command = [memscope, "train-family", str(path), "--data", "fashion-mnist-5k", "--examples", "1000"]
    command += ["--label-noise", ".1", "--widths", options.widths, "--models", str(options.models)]
    subprocess.run([*command, "--backend", backend, "--precision", "float32"], check=True)
    if options.students:
        command = [memscope, "distill", str(path), "--teacher", str(options.teacher)]
        subprocess.run([*command, "--students", options.students], check=True)
    return open_run(path)


def of_models(run: Run, size: int, variant: str) -> np.ndarray:
    """MEASURES [models, 5] of the models of one size; NaN of those that diverged."""
    examples, rows = run.examples, []
    for _, outcome in run.outcomes(size, variant):
        train, test = outcome.predicted_train == examples.labels, outcome.predicted_test == examples.test_labels
        flipped = examples.flipped
        assert flipped is not None
        for correct, held, inside, bad in zip(train, test, outcome.in_subset, outcome.diverged, strict=True):
            within, without = correct[inside].mean(), correct[~inside].mean()
            of_flipped = correct[inside & flipped].mean() - correct[~inside & flipped].mean()
            row = np.array([within, without, held.mean(), within - without, of_flipped])
            rows.append(row * np.nan if bad else row)
    return np.array(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--widths", default="1,2,4,8,16")
    parser.add_argument("--students", default="2,4")
    parser.add_argument("--teacher", type=int, default=16)
    options = parser.parse_args()
    runs = [train(options.folder / backend, backend, options) for backend in ("torch", "lanes")]
    groups = [("", "onehot", size) for size in runs[0].plan.sizes]
    if options.students:
        variant = Teaching(teacher=options.teacher).variant
        groups += [("student ", variant, int(size)) for size in options.students.split(",")]
    print("| | torch: " + ", ".join(MEASURES) + " | " + " | ".join(MEASURES) + " |")
    print("|---|---|" + "---|" * len(MEASURES))
    for kind, variant, size in groups:
        torch_models, lane_models = (of_models(run, size, variant) for run in runs)
        change = lane_models - torch_models
        good = ~np.isnan(change).any(axis=1)
        change = change[good]
        mean, error = change.mean(axis=0), change.std(axis=0, ddof=1) / len(change) ** 0.5
        cells = [f"{m:+.4f} ± {e:.4f} ({m / e:+.1f})" if e else "same" for m, e in zip(mean, error, strict=True)]
        levels = ", ".join(f"{level:.3f}" for level in torch_models[good].mean(axis=0))
        print(f"| {kind}{size} ({good.sum()} of {len(good)}) | {levels} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
