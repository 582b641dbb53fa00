"""What residual memories do, against their models and the trajectories: what `memscope resmem` reports and stores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memscope.analysis.memorisation import Counts, memorisation_from_counts
from memscope.analysis.memory_choice import MemoryChoice, MemoryGrid
from memscope.analysis.statistics.correlation import correlation_over_blocks, rank_correlation
from memscope.analysis.statistics.groups import Blocks, means_by_group
from memscope.analysis.statistics.jackknife import StatisticOf, delete_one_block
from memscope.analysis.statistics.means import mean
from memscope.analysis.trajectories import TYPES, raw_types
from memscope.counting.memories import COUNTED, LARGEST_NORM, MemoryCounts, count_memories
from memscope.counting.outcomes import count_size
from memscope.counting.type_errors import stacked
from memscope.reports.keys import number
from memscope.run import Run
from memscope.store.ledger import FULL, ONEHOT, Task, ledger_state
from memscope.store.results import write_results
from memscope.work.timing import spent_on

MEASURES = ("residual", "flip_in", "flip_out", "gain_in", "gain_out", "score_change")
"""What is told by type of trajectory"""


@dataclass(frozen=True, eq=False)
class Chosen:
    """The memory of one size, and how it was chosen."""

    choice: MemoryChoice
    edge: list[str]
    """Those of k, sigma and temperature that lie at the edge of the grid"""
    selection: dict[str, Any] | None
    """Models, queries and accuracies of the reserved block; None where nothing was to be chosen"""
    grid_accuracy: np.ndarray | None
    """float64 [k, sigma, temperature]"""


@spent_on("scoring")
def compare_memories(
    run: Run,
    grid: MemoryGrid,
    reserved: int | None,
    chosen: dict[int, Chosen],
    tasks: dict[int, list[Task]],
    epsilon: float,
) -> dict[str, Any]:
    """Compare, write `results/resmem.h5`, and give what the command prints."""
    ledger = ledger_state(run.path, run.plan, ONEHOT, FULL)
    sizes = list(chosen)
    on_subsets = {
        size: count_memories(run, chosen[size].choice, [task for task in tasks[size] if task.variant == ONEHOT])
        for size in sizes
    }
    on_all = {
        size: count_memories(run, chosen[size].choice, full)
        for size in sizes
        if (full := [task for task in tasks[size] if task.variant == FULL])
    }
    pairs = foretold(on_subsets)
    summary: dict[str, Any] = {
        "run": str(run.path),
        "axis": run.plan.axis,
        "fraction": run.plan.fraction,
        "data": run.plan.data.spec,
        "family": run.plan.learner,
        "examples": len(run.examples.labels),
        "flipped": None if run.examples.flipped is None else int(run.examples.flipped.sum()),
        "epsilon": epsilon,
        "normalise": grid.normalise,
        "metric": grid.metric,
        "index": grid.index,
        "reserved_block": reserved,
        "grid": {"k": list(grid.k), "sigma": list(grid.sigma), "temperature": list(grid.temperature)},
        "sizes": [size_row(run, size, chosen[size], on_subsets[size]) for size in sizes],
        "full": [full_row(size, found) for size, found in on_all.items()] or None,
        "by_type": by_type(run, on_subsets, epsilon),
        "foretells": pairs,
    }
    values = stored(run, grid, chosen, on_subsets) | foretold_arrays(sizes, pairs)
    write_results(run.path, run.plan, "resmem", values, ledger, summary)
    return summary


def size_row(run: Run, size: int, chosen: Chosen, found: MemoryCounts) -> dict[str, Any]:
    """One size: its memory, accuracies and scores of base model and ResMem, and what the memory turns."""
    choice = chosen.choice
    row: dict[str, Any] = {
        "size": size,
        "models": len(found.models),
        "blocks": len(found.blocks),
        "diverged": found.diverged,
        "k": choice.k,
        "sigma": choice.sigma,
        "temperature": choice.temperature,
        "at_edge": chosen.edge,
        "selection": chosen.selection,
    }
    if not found.blocks:
        return row | {"base": None, "resmem": None}
    flipped = run.examples.flipped
    for kind in ("base", "resmem"):
        total = found.counts[kind].total()
        row[kind] = {
            "mean_score": number(mean(total.score)),
            "mean_accuracy_in": number(mean(total.accuracy_in)),
            "mean_accuracy_out": number(mean(total.accuracy_out)),
            "test_accuracy": number(found.test[kind].mean()),
            "test_accuracy_sd": spread(found.test[kind]),
        }
        if flipped is not None:
            row[kind]["mean_score_flipped"] = number(mean(total.score[flipped]))
            row[kind]["mean_score_clean"] = number(mean(total.score[~flipped]))
    change = found.test["resmem"] - found.test["base"]
    block_of = found.models // run.plan.block
    row["test_change"], row["test_change_sd"] = number(change.mean()), spread(change)
    row["test_change_error"] = number(
        delete_one_block(
            lambda kept: change[np.isin(block_of, [found.blocks[position] for position in kept])].mean(),
            len(found.blocks),
        )
    )

    def difference(kept: Sequence[int]) -> float:
        return mean(found.counts["resmem"].only(kept).score - found.counts["base"].only(kept).score)

    row["mean_change"] = number(difference(range(len(found.blocks))))
    row["mean_change_error"] = number(delete_one_block(difference, len(found.blocks)))
    residual = found.counts["residual"].total()
    row["mean_residual_in"] = number(LARGEST_NORM * mean(residual.accuracy_in))
    row["mean_residual_out"] = number(LARGEST_NORM * mean(residual.accuracy_out))
    if flipped is not None:
        row["mean_residual_flipped"] = number(LARGEST_NORM * mean(residual.accuracy_in[flipped]))
        row["mean_residual_clean"] = number(LARGEST_NORM * mean(residual.accuracy_in[~flipped]))
    for name in ("flip", "harm"):
        total = found.counts[name].total()
        row[f"{name}_in"], row[f"{name}_out"] = number(mean(total.accuracy_in)), number(mean(total.accuracy_out))
    return row


def spread(values: np.ndarray) -> float | None:
    """Standard deviation over models; None below two."""
    return number(np.std(values, ddof=1)) if len(values) > 1 else None


def full_row(size: int, found: MemoryCounts) -> dict[str, Any]:
    """The models of one size on all the data: nobody is held out but the test examples."""
    row: dict[str, Any] = {"size": size, "models": len(found.models), "diverged": found.diverged}
    for kind in ("base", "resmem"):
        row[kind] = {
            "train_accuracy": number(mean(found.train[kind])),
            "test_accuracy": number(mean(found.test[kind])),
            "test_accuracy_sd": spread(found.test[kind]),
        }
    change = found.test["resmem"] - found.test["base"]
    return row | {"test_change": number(mean(change)), "test_change_sd": spread(change)}


def by_type(run: Run, on_subsets: dict[int, MemoryCounts], epsilon: float) -> list[dict[str, Any]] | None:
    """MEASURES by type of the one-hot trajectory, types from other blocks of models than what is measured.

    None where there is one size only, and so no trajectories.
    """
    if len(on_subsets) < 2 or not all(found.blocks for found in on_subsets.values()):
        return None
    family = [count_size(run, size) for size in on_subsets]
    group_blocks = set.intersection(*(set(counts.blocks) for counts in family))
    value_blocks = set.intersection(*(set(found.blocks) for found in on_subsets.values()))

    def types_of(blocks: Blocks) -> np.ndarray:
        return raw_types(*stacked([counts.hard_of(blocks) for counts in family]), epsilon)

    def measured(blocks: Blocks) -> np.ndarray:
        """[measures, sizes, examples]"""
        return np.stack(
            [measures_of(*(found.of(name, blocks) for name in COUNTED)) for found in on_subsets.values()], axis=1
        )

    found = means_by_group(types_of, measured, TYPES, group_blocks, value_blocks)
    return [
        {
            "type": name,
            "examples": number(found.examples[row]),
            "sizes": [
                {"size": size}
                | {key: number(found.mean[row, at, column]) for at, key in enumerate(MEASURES)}
                | {f"{key}_error": number(found.standard_error[row, at, column]) for at, key in enumerate(MEASURES)}
                for column, size in enumerate(on_subsets)
            ],
        }
        for row, name in enumerate(TYPES)
    ]


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


def foretold(on_subsets: dict[int, MemoryCounts]) -> list[dict[str, Any]]:
    """Rank correlation of the norm of the residual at each size with the score at every larger size."""
    pairs = []
    for size, small in on_subsets.items():
        for larger, large in on_subsets.items():
            if larger <= size:
                continue
            blocks = frozenset(small.blocks) & frozenset(large.blocks)
            if not blocks:
                continue
            places = [[at for at, block in enumerate(one.blocks) if block in blocks] for one in (small, large)]
            correlation = correlation_over_blocks(
                statistic_of(small.counts["residual"], large.counts["base"], *places), len(blocks)
            )
            pairs.append(
                {
                    "size": size,
                    "larger": larger,
                    "blocks": len(blocks),
                    "correlation": number(correlation.value),
                    "standard_error": number(correlation.standard_error),
                    "low": number(correlation.low),
                    "high": number(correlation.high),
                }
            )
    return pairs


def statistic_of(residual: Counts, base: Counts, residual_places: list[int], base_places: list[int]) -> StatisticOf:
    """The rank correlation, by which of the blocks are kept."""

    def statistic(kept: Sequence[int]) -> float:
        norm = residual.only([residual_places[position] for position in kept]).accuracy_in
        return rank_correlation(norm, base.only([base_places[position] for position in kept]).score)

    return statistic


def foretold_arrays(sizes: list[int], pairs: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """The correlations as arrays [size, larger_size], NaN where the second is not larger."""
    names = {"foretells": "correlation", "foretells_low": "low", "foretells_high": "high"}
    arrays = {name: np.full((len(sizes), len(sizes)), np.nan) for name in names}
    for pair in pairs:
        at = sizes.index(pair["size"]), sizes.index(pair["larger"])
        for name, key in names.items():
            arrays[name][at] = np.nan if pair[key] is None else pair[key]
    return arrays


def stored(
    run: Run, grid: MemoryGrid, chosen: dict[int, Chosen], on_subsets: dict[int, MemoryCounts]
) -> dict[str, Any]:
    """The arrays of the group `resmem`."""
    rows: dict[str, list[Any]] = {}
    for found in on_subsets.values():
        for name, values in example_columns(run, found).items():
            rows.setdefault(name, []).append(values)
    choices = [one.choice for one in chosen.values()]
    shape = (len(grid.k), len(grid.sigma), len(grid.temperature))
    tried = [np.full(shape, np.nan) if one.grid_accuracy is None else one.grid_accuracy for one in chosen.values()]
    found_all = list(on_subsets.values())
    return {name: np.stack(values) for name, values in rows.items()} | {
        "size": np.array(list(chosen)),
        "example": np.arange(len(run.examples.labels)),
        "k": np.array([one.k for one in choices]),
        "sigma": np.array([one.sigma for one in choices]),
        "temperature": np.array([one.temperature for one in choices]),
        "models_used": np.array([len(found.models) for found in found_all]),
        "test_accuracy": np.array([mean(found.test["resmem"]) for found in found_all]),
        "base_test_accuracy": np.array([mean(found.test["base"]) for found in found_all]),
        "grid_k": np.array(grid.k),
        "grid_sigma": np.array(grid.sigma),
        "grid_temperature": np.array(grid.temperature),
        "grid_accuracy": np.stack(tried),
    }


def example_columns(run: Run, found: MemoryCounts) -> dict[str, np.ndarray]:
    """What is stored of one size, arrays [examples]; NaN where no model was left."""
    num_examples = len(run.examples.labels)
    unknown = np.full(num_examples, np.nan, dtype=np.float32)
    total = {name: counts.total() for name, counts in found.counts.items()}
    columns: dict[str, np.ndarray] = {}
    for prefix, kind in (("", "resmem"), ("base_", "base")):
        columns |= {
            f"{prefix}score": total[kind].score if total else unknown,
            f"{prefix}accuracy_in": total[kind].accuracy_in if total else unknown,
            f"{prefix}accuracy_out": total[kind].accuracy_out if total else unknown,
        }
    columns["standard_error"] = memorisation_from_counts(total["resmem"]).standard_error if total else unknown
    for side in ("in", "out"):
        columns[f"residual_{side}"] = (
            LARGEST_NORM * getattr(total["residual"], f"accuracy_{side}") if total else unknown
        )
        for name in ("flip", "harm"):
            columns[f"{name}_{side}"] = getattr(total[name], f"accuracy_{side}") if total else unknown
    holders = total["base"].n_in if total else np.zeros(num_examples)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns["retrieved"] = found.retrieved / holders
        columns["weight"] = found.weight / holders
    by_class = found.class_weight
    own, share, which = unknown, unknown, np.full(num_examples, -1, dtype=np.int32)
    if by_class is not None:
        whole = by_class.sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):  # never retrieved: NaN
            own = by_class[np.arange(num_examples), run.examples.labels] / whole
            share = by_class.max(1) / whole
        which = np.where(whole > 0, by_class.argmax(1), -1).astype(np.int32)
    columns |= {"weight_own_class": own, "weight_class_share": share}
    return {name: np.asarray(values, dtype=np.float32) for name, values in columns.items()} | {"weight_class": which}
