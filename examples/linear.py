"""Why a residual memory helps a model that is too small, where everything can be written down: linear regression.

    python examples/linear.py [--figure linear.png] [--radius 0.5] [--repeats 10]

After the stylised problem of the ResMem paper (Yang et al. 2023, arXiv 2302.01576): y = <x, t> without noise, |t| = 1,
and a base model <x, b> that cannot be t, because |b| <= radius < 1. The memory adds to its prediction the residual of
the nearest training example. What follows is derived here, for x uniform in the unit ball of d dimensions, where the
covariance of x is I / (d + 2):

    base      The risk of any b is |t - b|^2 / (d + 2), and |t - b| >= 1 - radius. So no number of examples brings it
              below (1 - radius)^2 / (d + 2), to which it tends, as b tends to radius t.
    ResMem    It errs by <x - x', t - b>, x' being the nearest example. Far from the surface |x - x'|^d is the least of
              n uniform numbers, so that |x - x'|^2 is G(1 + 2/d) G(n + 1) / G(n + 1 + 2/d) in the mean, G being the
              gamma function, and 1/d of it lies in the direction of t - b. The risk declines as n^(-2/d), to 0.
    nearest   The label of the nearest example alone errs by <x - x', t>: its risk is 1 / |t - b|^2 times ResMem's.

So the memory takes away what the base model cannot learn, at the rate of nearest neighbours, which is slow where d is
large; and what the base model has learnt, neighbours need not tell. Were there noise in y, a memory of one neighbour
would repeat it, and the risk would end there.
"""

import argparse
from dataclasses import dataclass
from math import exp, lgamma
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray

from memscope import ResidualMemory

matplotlib.use("Agg")
from matplotlib import pyplot

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Risks:
    """Mean squared errors on new examples, over repeats: [repeats, numbers of examples]."""

    dimensions: int
    examples: NDArray[np.int64]
    base: Array
    resmem: Array
    nearest: Array


def uniform_in_ball(count: int, dimensions: int, random: np.random.Generator) -> Array:
    directions = random.normal(size=(count, dimensions))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions * random.random((count, 1)) ** (1 / dimensions)


def least_squares_in_ball(x: Array, y: Array, radius: float) -> Array:
    """The b [d] of |b| <= radius with the least mean of (y - <x, b>)^2: a ridge whose strength makes |b| fit."""
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    moment = vectors.T @ (x.T @ y) / len(x)

    def solution(strength: float) -> Array:
        return vectors @ (moment / (values + strength))

    low, high = 1e-12, 1e3  # |b| falls as the strength rises
    if np.linalg.norm(solution(low)) <= radius:
        return solution(low)
    while high > low * (1 + 1e-12):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if np.linalg.norm(solution(middle)) > radius else (low, middle)
    return solution(high)


def nearest_example(x: Array, asked: Array) -> NDArray[np.int64]:
    """Positions [n] in x of the nearest to each row asked for: the search of residual memories, without classes."""
    nothing = np.zeros((len(x), 1))
    return ResidualMemory(k=1, sigma=1.0).fit(x, nothing, np.zeros(len(x), dtype=int)).neighbours(asked)[0][:, 0]


def measure(dimensions: int, examples: NDArray[np.int64], radius: float, repeats: int, asked: int, seed: int) -> Risks:
    found = np.empty((3, repeats, len(examples)))
    for repeat in range(repeats):
        random = np.random.default_rng((seed, dimensions, repeat))
        target = random.normal(size=dimensions)
        target /= np.linalg.norm(target)
        everything, new = (uniform_in_ball(n, dimensions, random) for n in (int(examples.max()), asked))
        for column, count in enumerate(examples):
            x = everything[:count]
            y = x @ target
            base = least_squares_in_ball(x, y, radius)
            near = nearest_example(x, new)
            predictions = (new @ base, new @ base + (y - x @ base)[near], y[near])
            found[:, repeat, column] = [np.mean((new @ target - each) ** 2) for each in predictions]
    return Risks(dimensions, examples, *found)


def plateau(dimensions: int, radius: float) -> float:
    """What the base model's risk tends to, and is never below."""
    return (1 - radius) ** 2 / (dimensions + 2)


def decline(dimensions: int, examples: NDArray[np.int64], radius: float) -> Array:
    """ResMem's risk if b were radius t and the ball had no surface, near which neighbours are farther."""
    power = 2 / dimensions
    squared = [exp(lgamma(1 + power) + lgamma(n + 1) - lgamma(n + 1 + power)) for n in examples]
    return (1 - radius) ** 2 / dimensions * np.array(squared)


def slope(risks: Risks) -> tuple[float, float]:
    """Of the logarithm of ResMem's risk in that of n, over the larger half of n: mean over repeats, standard error."""
    half = slice(len(risks.examples) // 2, None)
    log = np.log(risks.resmem[:, half])
    slopes = np.polyfit(np.log(risks.examples[half]), log.T, 1)[0]
    return float(slopes.mean()), float(slopes.std(ddof=1) / len(slopes) ** 0.5)


def show(risks: Risks, radius: float) -> None:
    d = risks.dimensions
    mean, error = slope(risks)
    print(
        f"\nd = {d}: the base model's risk tends to {plateau(d, radius):.5f}. ResMem's declines as n to the power of "
        f"{mean:.3f} (standard error {error:.3f}) over the larger half of n; -2/d is {-2 / d:.3f}.\n"
    )
    print("| n | base model | over its limit | ResMem | over the formula | nearest label alone |")
    print("|---|---|---|---|---|---|")
    formula = decline(d, risks.examples, radius)
    for column, count in enumerate(risks.examples):
        means = [each[:, column].mean() for each in (risks.base, risks.resmem, risks.nearest)]
        spread = [each[:, column].std(ddof=1) / len(each) ** 0.5 for each in (risks.base, risks.resmem, risks.nearest)]
        base, resmem, nearest = (f"{one:.2e} +- {two:.0e}" for one, two in zip(means, spread, strict=True))
        limits = f"{means[0] / plateau(d, radius):.3f}", f"{means[1] / formula[column]:.2f}"
        print(f"| {count:,} | {base} | {limits[0]} | {resmem} | {limits[1]} | {nearest} |")


def draw(found: list[Risks], radius: float, file: Path) -> None:
    figure, panels = pyplot.subplots(
        1, len(found), figsize=(3.3 * len(found), 3.4), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, risks in zip(panels[0], found, strict=True):
        curves = (
            ("base model", risks.base, "#444444"),
            ("nearest label alone", risks.nearest, "#999999"),
            ("ResMem", risks.resmem, "#c03728"),
        )
        for name, values, colour in curves:
            low, middle, high = np.quantile(values, [0.05, 0.5, 0.95], axis=0)
            axes.fill_between(risks.examples, low, high, color=colour, alpha=0.2, linewidth=0)
            axes.plot(risks.examples, middle, "o-", color=colour, markersize=3, linewidth=1.2, label=name)
        limits = (
            np.full(len(risks.examples), plateau(risks.dimensions, radius)),
            decline(risks.dimensions, risks.examples, radius),
        )
        for name, values in zip(("derived", None), limits, strict=True):
            axes.plot(risks.examples, values, ":", color="black", linewidth=1, label=name)
        axes.set(xscale="log", yscale="log", xlabel="training examples n", title=f"d = {risks.dimensions}")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0, 0].set_ylabel("risk on new examples")
    handles, names = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle("A base model of restricted norm stays where it is; with its residuals it does not", fontsize=11)
    figure.savefig(file, dpi=150)
    pyplot.close(figure)


def main(arguments: list[str] | None = None) -> list[Risks]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dimensions", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--most", type=int, default=30_000, help="training examples at most")
    parser.add_argument("--radius", type=float, default=0.5, help="of the base model; the target has norm 1")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--asked", type=int, default=2_000, help="new examples in each repeat")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path, help="where the figure is written, .png or .pdf")
    given = parser.parse_args(arguments)
    examples = np.unique(np.geomspace(30, given.most, 8).astype(int))
    found = []
    for dimensions in given.dimensions:
        found.append(measure(dimensions, examples, given.radius, given.repeats, given.asked, given.seed))
        show(found[-1], given.radius)
    if given.figure:
        draw(found, given.radius, given.figure)
    return found


if __name__ == "__main__":
    main()
