"""How precise are scores from few models? Squared error over their number: raw, soft, linear, population.

    python -m benchmarks.precision RUN... [--models 10,20,40] [--figure precision.png]

Of each run, the models that have an outcome at every size are taken, in whole blocks. Sets of K models, one after the
other, give estimates; the raw scores of all the other models judge them, and their own noise, known from how their
blocks differ, is taken out. `linear` is the population estimate with a single component; `soft` the difference of
mean probabilities, which estimates another quantity and is judged here as an estimate of the raw score. The error of
the raw score falls as 1 / K, so K times the ratio of errors is the number of models that it needs to be as precise.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import memscope
from memscope.analysis.population import prior as population_prior
from memscope.analysis.population.check import Half, block_noise, one_way
from memscope.analysis.population.estimate import Population, population
from memscope.plots.common.look import SCREEN
from memscope.plots.common.style import GREY, INDIGO, INK, OLIVE, WINE, page, place, plain_text, png

Floats = np.ndarray
LOOKS = {
    "raw": (GREY, "o", "-"),
    "soft": (OLIVE, "s", ":"),
    "linear": (WINE, "^", "--"),
    "population": (INDIGO, "D", "-"),
}


@dataclass(frozen=True)
class Outcomes:
    """What the models of a run did, in whole blocks: [models, examples] and [sizes, models, examples]."""

    name: str
    sizes: tuple[int, ...]
    block: int
    in_subset: np.ndarray
    correct: np.ndarray
    probability: np.ndarray

    @property
    def models(self) -> int:
        return len(self.in_subset)

    def of(self, models: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.in_subset[models], self.correct[:, models], self.probability[:, models]


def read(path: str) -> Outcomes:
    """The outcomes of all sizes that have any; only blocks of which no model is missing or diverged at any size."""
    run = memscope.open_run(path)
    found: dict[int, dict[int, tuple[np.ndarray, ...]]] = {}
    for size in run.plan.sizes:
        for task, outcome in run.outcomes(size):
            odds = np.clip(outcome.log_odds_train.astype(np.float32), -80, 80)
            rows = zip(
                outcome.in_subset,
                outcome.predicted_train == run.examples.labels,
                1 / (1 + np.exp(-odds)),
                strict=True,
            )
            good = {
                model: row for model, row, lost in zip(task.models, rows, outcome.diverged, strict=True) if not lost
            }
            found.setdefault(size, {}).update(good)
    sizes = tuple(found)
    b = run.plan.block
    shared = set.intersection(*(set(models) for models in found.values()))
    whole = [k for k in sorted(shared) if all(k - k % b + j in shared for j in range(b))]
    return Outcomes(
        Path(path).name,
        sizes,
        b,
        np.stack([found[sizes[0]][k][0] for k in whole]),
        np.stack([[found[size][k][1] for k in whole] for size in sizes]),
        np.stack([[found[size][k][2] for k in whole] for size in sizes]),
    )


def differences(in_subset: np.ndarray, values: np.ndarray) -> Floats:
    """Means [sizes, examples] of values [sizes, models, examples] over models with an example less those without."""
    inside = np.where(in_subset, values, 0).sum(axis=1, dtype=np.float64) / in_subset.sum(axis=0)
    return inside - np.where(in_subset, 0, values).sum(axis=1, dtype=np.float64) / (~in_subset).sum(axis=0)


def linear(*given: np.ndarray) -> Population:
    """`population` with one component."""
    several = population_prior.MOST_COMPONENTS
    population_prior.MOST_COMPONENTS = 1
    try:
        return population(*given)
    finally:
        population_prior.MOST_COMPONENTS = several


def both(found: Population) -> tuple[Floats, Floats]:
    return found.score, found.score_sd


def judged(outcomes: Outcomes, models: int) -> dict[str, list[Floats]]:
    """By estimate, what `one_way` measures, averaged over the sets of so many models."""
    estimates: dict[str, Callable[..., tuple[Floats, Floats]]] = {
        "soft": lambda mask, _, soft: (differences(mask, soft), np.ones((len(soft), soft.shape[2]))),
        "linear": lambda *given: both(linear(*given)),
        "population": lambda *given: both(population(*given)),
    }
    everyone = np.arange(outcomes.models)
    found: dict[str, list[list[Floats]]] = {name: [] for name in estimates}
    for first in range(0, outcomes.models - models + 1, models):
        here = slice(first, first + models)
        others = np.delete(everyone, here)
        raw = differences(*outcomes.of(everyone[here])[:2])
        by_block = np.stack(
            [differences(*outcomes.of(rows)[:2]) for rows in others.reshape(-1, outcomes.block)]
        )  # every block has equally many models with an example: the mean of their scores is the score
        there = Half(raw, raw, by_block.mean(axis=0), block_noise(by_block))
        for name, estimate in estimates.items():
            score, sd = estimate(*outcomes.of(everyone[here]))
            found[name].append(list(one_way(Half(score, sd, raw, np.zeros(raw.shape)), there)))
    return {name: [np.mean([each[part] for each in sets], axis=0) for part in range(7)] for name, sets in found.items()}


def table(outcomes: Outcomes, numbers: list[int]) -> dict[str, list[float]]:
    """Print what was measured of one run; the mean squared errors by estimate, a value for every number of models."""
    flat = outcomes.in_subset.shape[1]
    print(f"\n{outcomes.name}: {flat:,} examples, sizes {list(outcomes.sizes)}, {outcomes.models} models a size")
    print("squared errors are means over sizes; ratios to raw: mean over sizes (worst size); c by size; c by thirds\n")
    print("| models | raw | soft | linear | population | soft / raw | linear / raw | population / raw ", end="")
    print("| raw needs | rank agreement raw, population | c, linear | c, population | c by thirds of sd |")
    print("|---" * 13 + "|")
    errors: dict[str, list[float]] = {name: [] for name in LOOKS}
    for models in numbers:
        found = judged(outcomes, models)
        raw = found["population"][1]
        for name in LOOKS:
            errors[name].append(float((raw if name == "raw" else found[name][0]).mean()))
        ratios = {name: found[name][0] / raw for name in found}
        line = [str(models), *(f"{errors[name][-1]:.5f}" for name in LOOKS)]
        line += [f"{ratio.mean():.2f} ({ratio.max():.2f})" for ratio in ratios.values()]
        line.append(f"{models * errors['raw'][-1] / errors['population'][-1]:.0f}")
        line.append(f"{found['population'][4].mean():.3f}, {found['population'][3].mean():.3f}")
        for name in ("linear", "population"):
            line.append(" ".join(f"{c:.2f}" for c in found[name][0] / found[name][2]))
        thirds = found["population"][5].sum(axis=0) / found["population"][6].sum(axis=0)
        line.append(" ".join(f"{c:.2f}" for c in thirds))
        print("| " + " | ".join(line) + " |", flush=True)
    return errors


def draw(runs: list[Outcomes], numbers: list[list[int]], errors: list[dict[str, list[float]]]) -> Figure:
    """Squared error over the number of models, both on logarithmic axes: a panel for every run."""
    wide, tall, between, under, above = 3.6, 3.2, 0.9, 0.5, 0.3
    width = 2 * SCREEN.margin + 0.6 + len(runs) * wide + (len(runs) - 1) * between
    gains = []
    for run, ks, error in zip(runs, numbers, errors, strict=True):
        gained = {k: k * raw / ours for k, raw, ours in zip(ks, error["raw"], error["population"], strict=True)}
        if 20 in gained:
            gains.append(f"{run.name}: 20 models are as precise as {gained[20]:.0f} of raw scores")
    figure, bottom = page(
        max(width, 6.0),
        above + tall + under,
        "Squared error of the score from few models",
        "; ".join(gains) + ".",
        "Mean over sizes and examples; judged by the raw scores of the other models, their noise taken out.",
    )
    for number, (run, ks, error) in enumerate(zip(runs, numbers, errors, strict=True)):
        axes = place(figure, SCREEN.margin + 0.6 + number * (wide + between), bottom + under, wide, tall)
        axes.set_xscale("log")
        axes.set_yscale("log")
        for name, (colour, marker, style) in LOOKS.items():
            axes.plot(ks, error[name], color=colour, marker=marker, linestyle=style, label=name)
        axes.set_xticks(ks, [str(k) for k in ks])
        axes.minorticks_off()
        low, high = (f(np.array(list(error.values()))) for f in (np.min, np.max))
        ticks = [t for power in range(-6, 0) for t in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)]
        ticks = [t for t in ticks if low / 2.5 <= t <= high * 2.5]
        axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
        axes.set_xlabel("models a size", size=SCREEN.small, color=INK)
        axes.set_ylabel("squared error", size=SCREEN.small, color=INK)
        axes.set_title(run.name, size=SCREEN.small, color=INK, loc="left")
        axes.legend(frameon=False, fontsize=SCREEN.small)
    return plain_text(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--models", default="10,20,40", help="numbers of models, whole blocks of the run")
    parser.add_argument("--figure", help="a PNG file to write")
    options = parser.parse_args()
    asked = [int(number) for number in options.models.split(",")]
    runs = [read(path) for path in options.runs]
    numbers, errors = [], []
    for run in runs:
        # two blocks at least must be left to judge: their differences are the noise
        fitting = [k for k in asked if k % run.block == 0 and k + 2 * run.block <= run.models]
        if not fitting:
            parser.error(f"{run.name} has {run.models} models at all its sizes, too few for any of {asked}")
        numbers.append(fitting)
        errors.append(table(run, fitting))
    if options.figure:
        Path(options.figure).write_bytes(png(draw(runs, numbers, errors)))


if __name__ == "__main__":
    main()
