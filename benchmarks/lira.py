"""Which estimator of LiRA's means and variances finds most, of how many reference models?

    OMP_NUM_THREADS=1 python -m benchmarks.lira [--run RUN] [--examples 4000] [--blocks 11] [--references 10,20,40,100]

Every estimator gives online LiRA's score from the same references: as many blocks as are asked for, next after the one
that is attacked.

    fixed          the reference implementation's fixed variance: one number over all examples and models, of the side
                   with the example for both sides, about medians; the spread between examples is in it
    per example    mean and variance of each example
    pooled         its means, and one variance within examples for each side
    variances      its means, and variances shrunk towards what all examples say
    ours           means shrunk as well: what memscope privacy takes

Made-up populations have heavy tails: Student's t with 4 degrees of freedom about every example's mean, with a variance
of its own; what membership adds is exponential (`many`), or as large for one example in five and nothing for the others
(`few`). A star: better than ours, a dagger: worse, by a 95 % interval over blocks, paired.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.privacy.attacks import online_lira
from memscope.analysis.privacy.rates import Beyond, Targets, area_change, beyond, block_areas, rate_change
from memscope.analysis.privacy.references import References, leave_one_block_out
from memscope.analysis.privacy.scores import finite, on_one_scale
from memscope.analysis.privacy.shrinkage import Believed, believed, shrunk_variances
from memscope.counting.outcomes import count_size, sizes_in_ledger
from memscope.counting.privacy import material_of, usable_blocks
from memscope.plan.subsets import block_subsets
from memscope.reports.ranged import Ranged
from memscope.run import open_run

FRACTION = 0.7
ASKED = (0.001, 0.01)
OURS = "ours"

Floats = NDArray[np.float64]
Known = tuple[References, NDArray[np.bool_], Floats]
"""References, and the subsets and log-odds [models, N] that they are from"""
Pair = tuple[Believed, Believed]


def normal(middle: Floats, variance: Floats | float) -> Believed:
    return Believed(middle, np.broadcast_to(variance, middle.shape), np.full(middle.shape, np.inf))


def fixed(known: Known) -> Pair:
    _, inside, phi = known
    medians = [np.nanmedian(np.where(side, phi, np.nan), axis=0) for side in (inside, ~inside)]
    variance = float(phi[inside].var())
    return normal(medians[0], variance), normal(medians[1], variance)


def per_example(known: Known) -> Pair:
    sides = known[0].inside, known[0].outside
    one, other = (normal(side.mean, np.maximum(side.variance, 1e-6)) for side in sides)
    return one, other


def pooled(known: Known) -> Pair:
    sides = known[0].inside, known[0].outside
    one, other = (normal(side.mean, float(((side.n - 1) * side.variance).sum() / (side.n - 1).sum())) for side in sides)
    return one, other


def variances(known: Known) -> Pair:
    sides = known[0].inside, known[0].outside
    one, other = (Believed(side.mean, *shrunk_variances(side)) for side in sides)
    return one, other


ESTIMATORS: dict[str, Callable[[Known], Pair]] = {
    "fixed": fixed,
    "per example": per_example,
    "pooled": pooled,
    "variances": variances,
    OURS: lambda known: believed(known[0]),
}


def scores(inside: NDArray[np.bool_], phi: Floats, block: NDArray[np.int64], number: int) -> dict[str, Targets]:
    """Of every estimator, from so many blocks as references."""
    numbers = np.unique(block)
    found = {name: np.empty(phi.shape, dtype=np.float32) for name in ESTIMATORS}
    for place, one in enumerate(numbers):
        others = [numbers[(place + 1 + next_one) % len(numbers)] for next_one in range(number)]
        here, there = block == one, np.isin(block, others)
        both = here | there
        for judged, _, references in leave_one_block_out(inside[both], phi[both], block[both]):
            if judged == one:
                known = references, inside[there], phi[there]
                for name, estimate in ESTIMATORS.items():
                    found[name][here] = on_one_scale(online_lira(phi[here], *estimate(known)).astype(np.float32))
    return {name: Targets(each, inside, block) for name, each in found.items()}


def made_up(kind: str, examples: int, blocks: int) -> tuple[NDArray[np.bool_], Floats, NDArray[np.int64]]:
    random = np.random.default_rng(0)
    inside = np.concatenate([block_subsets(examples, block, FRACTION, 0) for block in range(blocks)])
    effect = random.exponential(2, examples)
    if kind == "few":
        effect[random.random(examples) > 0.2] = 0
    spread = np.sqrt(6 / random.chisquare(6, examples))
    noise = spread * random.standard_t(4, inside.shape) + 0.3 * random.normal(size=(len(inside), 1))
    return inside, random.normal(1, 1.5, examples) + inside * effect + noise, np.repeat(np.arange(blocks), 10)


def marked(value: float, change: Ranged) -> str:
    sign = "*" if change.low > 0 else "†" if change.high < 0 else ""
    return f"{value:.3f}{sign}".removeprefix("0")


def row(
    name: str, number: int, found: dict[str, Targets], show: Callable[[str], None]
) -> dict[str, tuple[Floats, list[Beyond]]]:
    measured = {
        one: (block_areas(targets), [beyond(targets, asked) for asked in ASKED]) for one, targets in found.items()
    }
    area, rates = measured[OURS]
    cells = []
    for each, there in measured.values():
        told = [marked(float(each.mean()), area_change(area, each))]
        for ours, rate in zip(rates, there, strict=True):
            true = float(rate.held_out[:, 0].sum() / rate.held_out[:, 1].sum())
            told.append(marked(true, rate_change(ours, rate)) if rate.tellable else "-")
        cells.append(" ".join(told))
    show(f"| {name} | {number} | {' | '.join(cells)} |")
    return measured


def populations(
    run: str | None, examples: int, blocks: int
) -> Iterable[tuple[str, tuple[NDArray[np.bool_], Floats, NDArray[np.int64]]]]:
    for kind in ("many", "few"):
        yield f"made up, {kind}", made_up(kind, examples, blocks)
    if run is not None:
        opened = open_run(run)
        sizes = sizes_in_ledger(opened)
        usable = usable_blocks(opened, [count_size(opened, size) for size in sizes])
        for size in sizes:
            found = material_of(opened, size, usable)
            yield f"{opened.plan.axis} {size}", (found.in_subset, finite(found.log_odds), found.block)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", help="a run whose outcomes are attacked as well")
    parser.add_argument("--examples", type=int, default=4000)
    parser.add_argument("--blocks", type=int, default=11)
    parser.add_argument("--references", default="10,20,40,100")
    given = parser.parse_args(arguments)
    print(f"| area, found at .1 %, at 1 % | references | {' | '.join(ESTIMATORS)} |")
    print(f"|---|---|{'---|' * len(ESTIMATORS)}")
    for name, (inside, phi, block) in populations(given.run, given.examples, given.blocks):
        size = len(block) // len(np.unique(block))
        for number in (int(one) // size for one in given.references.split(",")):
            if 0 < number < len(np.unique(block)):
                row(name, number * size, scores(inside, phi, block, number), print)


if __name__ == "__main__":
    main()
