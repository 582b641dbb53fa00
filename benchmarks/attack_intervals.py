"""How often do the 95 % intervals of memscope privacy hold the truth?

    OMP_NUM_THREADS=1 python -m benchmarks.attack_intervals [--runs 200] [--examples 1500] [--blocks 4,10]

Blocks share references and most of the non-members that thresholds are chosen on, so that intervals over blocks need a
trial. Each run draws subsets and log-odds of the same examples anew and attacks them with online LiRA. The truth is the
mean over the runs, but for changes.

    normal     normal log-odds, members higher by 1
    tails      a variance of its own for every example, Student's t with 4 degrees of freedom, an offset that all
               examples share in a model, and members higher by an exponential amount
    found      true positives by the jackknife; `spread`: by the spread of the blocks' own rates in its place
    type       of one example in ten, that members are higher by 1.5 more
    change     of what is found, and of areas, between two runs on the same subsets: the truth is 0
    together   what rises in memorisation with what rises in vulnerability, where neither rises: the truth is 0
    false      the realised false-positive rate, mean over the runs, by the one that was asked for

In brackets: how often the truth is below the interval, and above it.
"""

import argparse
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.privacy.attacks import online_lira
from memscope.analysis.privacy.groups import rates_by_group
from memscope.analysis.privacy.halves import attacked_half, changes_together, halves_of
from memscope.analysis.privacy.rates import (
    Targets,
    area_change,
    balanced_accuracy,
    beyond,
    block_areas,
    false_positives,
    logits_of,
    on_logit,
    over_blocks,
    rate_change,
    true_positives,
)
from memscope.analysis.privacy.references import leave_one_block_out
from memscope.analysis.privacy.scores import on_one_scale
from memscope.analysis.privacy.shrinkage import believed
from memscope.plan.subsets import block_subsets
from memscope.reports.ranged import Ranged

FRACTION = 0.7
ASKED = (0.001, 0.01)
WORLDS = ("normal", "tails")
COLUMNS = (
    "area",
    "balanced accuracy",
    "change of area",
    *(f"{what} at {100 * asked:g} %" for asked in ASKED for what in ("found", "spread", "type", "change")),
    "together",
)
FALSE = tuple(f"false at {100 * asked:g} %" for asked in ASKED)
POPULATION = 20
"""Test examples, with which RMIA compares: it is not looked at"""
Found = dict[str, Ranged]


def world(
    kind: str, examples: int, blocks: int, seed: int, draw: int = 0
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Subsets, log-odds, blocks, and which examples are of the type; another draw has the same subsets."""
    random = np.random.default_rng(0)
    inside = np.concatenate([block_subsets(examples, block, FRACTION, seed) for block in range(blocks)])
    middle, special = random.normal(1, 1.5, examples), np.arange(examples) % 10 == 0
    effect = random.exponential(1, examples) if kind == "tails" else np.ones(examples)
    spread = np.sqrt(6 / random.chisquare(6, examples))
    noise_of = np.random.default_rng([seed, draw])
    noise = noise_of.normal(size=inside.shape)
    if kind == "tails":
        noise = spread * noise_of.standard_t(4, inside.shape) + 0.3 * noise_of.normal(size=(len(inside), 1))
    log_odds = middle + inside * (effect + 1.5 * special) + noise
    return inside, log_odds, np.repeat(np.arange(blocks), 10), special


def lira(inside: NDArray[np.bool_], phi: NDArray[np.float64], block: NDArray[np.int64]) -> Targets:
    scores = np.empty(phi.shape, dtype=np.float32)
    for _, here, references in leave_one_block_out(inside, phi, block):
        scores[here] = on_one_scale(online_lira(phi[here], *believed(references)).astype(np.float32))
    return Targets(scores, inside, block)


def attacked(kind: str, examples: int, blocks: int, seed: int) -> Found:
    inside, phi, block, special = world(kind, examples, blocks, seed)
    _, other, _, _ = world(kind, examples, blocks, seed, draw=1)
    targets, again = (lira(inside, each, block) for each in (phi, other))
    areas = [block_areas(each) for each in (targets, again)]
    found = {
        "area": over_blocks(areas[0]),
        "balanced accuracy": balanced_accuracy(targets),
        "change of area": area_change(*areas),
    }
    halves = halves_of(range(blocks))
    assert halves is not None
    population = np.zeros((len(phi), POPULATION))
    both, later = ([attacked_half(inside, each, block, population, half) for half in halves] for each in (phi, other))
    names = np.where(special, "special", "other")
    for asked in ASKED:
        at = f"at {100 * asked:g} %"
        counts, of_other = beyond(targets, asked), beyond(again, asked)
        if counts.tellable:
            shares = counts.held_out[:, 0] / counts.held_out[:, 1]
            spread = float(np.std(logits_of(counts.held_out), ddof=1)) / math.sqrt(blocks)
            found |= {
                f"found {at}": true_positives(counts),
                f"spread {at}": on_logit(counts.held_out.sum(0), spread, len(shares)),
                f"false {at}": Ranged(value=float(false_positives(counts).mean()) / asked),
            }
        if counts.tellable and of_other.tellable:
            found[f"change {at}"] = rate_change(counts, of_other)
        by_type = rates_by_group([half.targets("lira") for half in both], [names, names], ["special"], asked)
        if by_type is not None:
            found[f"type {at}"] = by_type[0].true_positive
    right = [each > 2 for each in (phi, other)]

    def change(some: Sequence[int]) -> NDArray[np.float64]:
        """Of the score: how much more often models are right with the example, at the one size and at the other."""
        here = np.isin(block, some)
        scores = [
            (each[here] & inside[here]).sum(0) / inside[here].sum(0)
            - (each[here] & ~inside[here]).sum(0) / (~inside[here]).sum(0)
            for each in right
        ]
        return np.asarray(scores[1] - scores[0])

    found["together"] = changes_together(
        change, *([half.apart() for half in each] for each in (both, later))
    ).correlation
    return found


def cell(intervals: Sequence[Ranged], truth: float | None) -> str:
    """94 % (2, 4): how often the truth is held, and how often it is below, and above."""
    if not intervals:
        return "-"
    right = float(np.mean([one.value for one in intervals])) if truth is None else truth
    below = np.mean([one.low > right for one in intervals])
    above = np.mean([one.high < right for one in intervals])
    return f"{100 * (1 - below - above):.0f} ({100 * below:.0f}, {100 * above:.0f})"


def ratio(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f}" if values else "-"


def truth_of(column: str) -> float | None:
    """None: the mean over the runs."""
    return 0.0 if column.startswith(("together", "change")) else None


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--examples", type=int, default=1500)
    parser.add_argument("--blocks", default="4,10")
    given = parser.parse_args(arguments)
    print(f"| % of {given.runs} runs | blocks | {' | '.join((*COLUMNS, *FALSE))} |")
    print(f"|---|---|{'---|' * len((*COLUMNS, *FALSE))}")
    for kind in WORLDS:
        for blocks in map(int, given.blocks.split(",")):
            found = [attacked(kind, given.examples, blocks, seed) for seed in range(given.runs)]
            cells = [cell([one[name] for one in found if name in one], truth_of(name)) for name in COLUMNS]
            cells += [ratio([one[name].value for one in found if name in one]) for name in FALSE]
            print(f"| {kind} | {blocks} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
