"""What residual memories do, compared with their models and by type of trajectory: the rows of `memscope resmem`."""

from collections.abc import Mapping, Sequence

import numpy as np

from memscope.analysis.memorisation import Counts
from memscope.analysis.statistics.correlation import correlation_over_blocks, rank_correlation
from memscope.analysis.statistics.groups import Blocks, means_by_group
from memscope.analysis.statistics.jackknife import StatisticOf, delete_one_block
from memscope.analysis.statistics.means import mean, spread
from memscope.analysis.trajectories import TYPES, raw_types
from memscope.counting.halves import sums_of
from memscope.counting.memories import COUNTED, LARGEST_NORM, Chosen, MemoryCounts
from memscope.counting.outcomes import count_size
from memscope.counting.type_errors import stacked
from memscope.reports.labels import LabelScores
from memscope.reports.resmem import (
    LabelResiduals,
    MemoryChange,
    ModelsOnAll,
    ModelsOnSubsets,
    ResidualPrediction,
    SizeMemory,
    SizeMemoryOnAll,
    TypeMemory,
    TypeMemoryAtSize,
)
from memscope.run import Run

MEASURES = ("residual", "flip_in", "flip_out", "gain_in", "gain_out", "score_change")
"""What is reported by type of trajectory"""


def size_memory(run: Run, size: int, chosen: Chosen, found: MemoryCounts) -> SizeMemory:
    """One size: its memory, accuracies and scores of base model and ResMem, and what the memory changes."""
    choice, there = chosen.choice, bool(found.blocks)
    return SizeMemory(
        size=size,
        models=len(found.models),
        blocks=len(found.blocks),
        diverged=found.diverged,
        k=choice.k,
        sigma=choice.sigma,
        temperature=choice.temperature,
        at_edge=tuple(chosen.edge),
        selection=chosen.selection,
        base=on_subsets(run, found, "base") if there else None,
        resmem=on_subsets(run, found, "resmem") if there else None,
        change=memory_change(run, found) if there else None,
    )


def on_subsets(run: Run, found: MemoryCounts, kind: str) -> ModelsOnSubsets:
    """The models on subsets; `kind`: `base`, without their memory, or `resmem`."""
    total, flipped = found.counts[kind].total(), run.examples.flipped
    return ModelsOnSubsets(
        mean_score=mean(total.score),
        mean_accuracy_in=mean(total.accuracy_in),
        mean_accuracy_out=mean(total.accuracy_out),
        test_accuracy=mean(found.test[kind]),
        test_accuracy_sd=spread(found.test[kind]),
        by_label=None
        if flipped is None
        else LabelScores(mean_score_flipped=mean(total.score[flipped]), mean_score_clean=mean(total.score[~flipped])),
    )


def memory_change(run: Run, found: MemoryCounts) -> MemoryChange:
    """What the memory changes in accuracies and scores, the residuals it holds, and the predictions it turns."""
    change = found.test["resmem"] - found.test["base"]
    block_of = found.models // run.plan.block

    def test_change(kept: Sequence[int]) -> float:
        return mean(change[np.isin(block_of, [found.blocks[position] for position in kept])])

    def difference(kept: Sequence[int]) -> float:
        return mean(found.counts["resmem"].only(kept).score - found.counts["base"].only(kept).score)

    def held_out(kept: Sequence[int]) -> float:
        return mean(found.counts["resmem"].only(kept).accuracy_out - found.counts["base"].only(kept).accuracy_out)

    blocks, flipped = len(found.blocks), run.examples.flipped
    residual, flip, harm = (found.counts[name].total() for name in ("residual", "flip", "harm"))
    return MemoryChange(
        test_change=mean(change),
        test_change_sd=spread(change),
        test_change_error=float(delete_one_block(test_change, blocks)),
        mean_change=difference(range(blocks)),
        mean_change_error=float(delete_one_block(difference, blocks)),
        mean_residual_in=LARGEST_NORM * mean(residual.accuracy_in),
        mean_residual_out=LARGEST_NORM * mean(residual.accuracy_out),
        by_label=None
        if flipped is None
        else LabelResiduals(
            mean_residual_flipped=LARGEST_NORM * mean(residual.accuracy_in[flipped]),
            mean_residual_clean=LARGEST_NORM * mean(residual.accuracy_in[~flipped]),
        ),
        flip_in=mean(flip.accuracy_in),
        flip_out=mean(flip.accuracy_out),
        harm_in=mean(harm.accuracy_in),
        harm_out=mean(harm.accuracy_out),
        mean_change_out_error=float(delete_one_block(held_out, blocks)),
    )


def size_memory_on_all(size: int, found: MemoryCounts) -> SizeMemoryOnAll:
    """The models of one size on all the data: only the test examples are held out."""

    def kind(name: str) -> ModelsOnAll:
        return ModelsOnAll(
            train_accuracy=mean(found.train[name]),
            test_accuracy=mean(found.test[name]),
            test_accuracy_sd=spread(found.test[name]),
        )

    change = found.test["resmem"] - found.test["base"]
    return SizeMemoryOnAll(
        size=size,
        models=len(found.models),
        diverged=found.diverged,
        base=kind("base"),
        resmem=kind("resmem"),
        test_change=mean(change),
        test_change_sd=spread(change),
    )


def memory_by_type(run: Run, counted: Mapping[int, MemoryCounts], epsilon: float) -> tuple[TypeMemory, ...] | None:
    """MEASURES by type of the one-hot trajectory; types and measures come from different blocks of models.

    None if there is only one size, and so no trajectories.
    """
    if len(counted) < 2 or not all(found.blocks for found in counted.values()):
        return None
    family = [count_size(run, size) for size in counted]
    group_blocks = set.intersection(*(set(counts.blocks) for counts in family))
    value_blocks = set.intersection(*(set(found.blocks) for found in counted.values()))

    of_family = [sums_of(counts.hard, counts.blocks) for counts in family]

    def types_of(blocks: Blocks) -> np.ndarray:
        return raw_types(*stacked([one(blocks) for one in of_family]), epsilon)

    def measured(blocks: Blocks) -> np.ndarray:
        """[measures, sizes, examples]"""
        return np.stack(
            [measures_of(*(found.of(name, blocks) for name in COUNTED)) for found in counted.values()], axis=1
        )

    found = means_by_group(types_of, measured, TYPES, group_blocks, value_blocks)
    return tuple(
        TypeMemory(
            type=name,
            examples=float(found.examples[row]),
            sizes=tuple(
                TypeMemoryAtSize(
                    size=size,
                    **{key: float(found.mean[row, at, column]) for at, key in enumerate(MEASURES)},
                    **{f"{key}_error": float(found.standard_error[row, at, column]) for at, key in enumerate(MEASURES)},
                )
                for column, size in enumerate(counted)
            ),
        )
        for row, name in enumerate(TYPES)
    )


def measures_of(base: Counts, resmem: Counts, residual: Counts, flip: Counts, harm: Counts) -> np.ndarray:
    """MEASURES [measures, examples] from counts."""
    return np.stack(
        [
            LARGEST_NORM * residual.accuracy_in,
            flip.accuracy_in,
            flip.accuracy_out,
            resmem.accuracy_in - base.accuracy_in,
            resmem.accuracy_out - base.accuracy_out,
            resmem.score - base.score,
        ]
    )


def predictions(counted: Mapping[int, MemoryCounts]) -> tuple[ResidualPrediction, ...]:
    """Rank correlation of the norm of the residual at each size with the score at every larger size."""
    pairs = []
    for size, small in counted.items():
        for larger, large in counted.items():
            if larger <= size:
                continue
            blocks = frozenset(small.blocks) & frozenset(large.blocks)
            if not blocks:
                continue
            places = [[at for at, block in enumerate(one.blocks) if block in blocks] for one in (small, large)]
            found = correlation_over_blocks(
                statistic_of(small.counts["residual"], large.counts["base"], *places), len(blocks)
            )
            pairs.append(
                ResidualPrediction(
                    size=size,
                    larger=larger,
                    blocks=len(blocks),
                    correlation=found.value,
                    standard_error=found.standard_error,
                    low=found.low,
                    high=found.high,
                )
            )
    return tuple(pairs)


def statistic_of(residual: Counts, base: Counts, residual_places: list[int], base_places: list[int]) -> StatisticOf:
    """The rank correlation as a function of the blocks that are kept."""

    def statistic(kept: Sequence[int]) -> float:
        norm = residual.only([residual_places[position] for position in kept]).accuracy_in
        return rank_correlation(norm, base.only([base_places[position] for position in kept]).score)

    return statistic


def prediction_arrays(sizes: list[int], pairs: Sequence[ResidualPrediction]) -> dict[str, np.ndarray]:
    """The correlations as arrays [size, larger_size]; NaN where the second size is not larger."""
    names = ("foretells", "foretells_low", "foretells_high")
    arrays = {name: np.full((len(sizes), len(sizes)), np.nan) for name in names}
    for pair in pairs:
        at = sizes.index(pair.size), sizes.index(pair.larger)
        for name, value in zip(names, (pair.correlation, pair.low, pair.high), strict=True):
            arrays[name][at] = value
    return arrays
