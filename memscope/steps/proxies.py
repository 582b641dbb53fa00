"""`memscope proxies`: cheaper stand-ins for memorisation, measured and held against it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from memscope.analysis.proxies.catalogue import GROUPS, PROXIES
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.ties import ordinal
from memscope.analysis.statistics.two_sets import FEWEST_OF_THE_SCORE, mean_of_models
from memscope.analysis.trajectories import check_options
from memscope.counting.compared_proxies import (
    compare,
    is_crossed,
    memorised,
    noise_at_sizes,
    rank_ceilings,
    score_by_type,
)
from memscope.counting.needed import recorded_blocks, whole_blocks
from memscope.counting.outcomes import sizes_in_ledger
from memscope.counting.population import count_and_sum
from memscope.counting.proxies import ProxyValues, held_out_correctness, proxy_values
from memscope.errors import OptionError, RunError
from memscope.files.atomic import remove_abandoned
from memscope.plan.recipe import OWN_LOOP
from memscope.reports.keys import report_of, stored_keys
from memscope.reports.proxies import RESULTS, ProxiesReport, ProxyFound
from memscope.run import Run, open_run
from memscope.steps.drawing import Drawing, write
from memscope.store.ledger import FULL, ONEHOT, Task, state_for
from memscope.store.results import read_results, write_results
from memscope.training.device import resolve_device
from memscope.work.carrying_out import OnEnd, Say, WorkOptions, check_work_options, silent, unseen
from memscope.work.data_set import ensure_examples, say_what_changed
from memscope.work.lost import failed_tasks
from memscope.work.measuring_proxies import measurable, measure
from memscope.work.timing import spent_on


@dataclass(frozen=True)
class Recorded:
    """The models that proxies are measured on, and those that the score is from."""

    variant: str
    tasks: dict[int, list[Task]]
    """By size"""
    blocks: tuple[int, ...]
    """Blocks of the score's models, which every size has"""


def proxies(
    path: str | os.PathLike[str],
    names: Sequence[str] = (),
    options: WorkOptions | None = None,
    *,
    on: str = "auto",
    epsilon: float = 0.2,
    plot: Drawing | Path | None = None,
    say: Say = silent,
    on_end: OnEnd = unseen,
) -> ProxiesReport:
    """Measure the proxies of these names, or all, write `results/proxies.h5`, and return what was found.

    `on` is which recorded models they are measured on: `subsets`, `full` for those on all the data, or `auto`: the
    latter where the others would leave the score fewer than four blocks. If tasks failed, nothing is written, and the
    report says which. OptionError for names that there are not, RunError where nothing was recorded.
    """
    options = options or WorkOptions()
    check_work_options(options)
    check_options(epsilon)
    chosen = chosen_names(names)
    device = resolve_device(options.device)
    run = open_run(path)
    if run.plan.recipe.trainer != OWN_LOOP:
        raise OptionError(
            f"{run.path} was made with --trainer {run.plan.recipe.trainer}, whose training memscope does not see: it "
            "has no dynamics and no weights; proxies need a run that train-family trains itself"
        )
    recorded = recorded_models(run, on)
    remove_abandoned(run.path)
    ensure_examples(run, say=say)
    say_what_changed(run, say)
    ledger = state_for(run.path, run.plan, RESULTS)
    groups = [group for group, members in GROUPS.items() if set(members) & set(chosen)]
    done = measure(run, recorded.tasks, groups, options, device, say, on_end)
    found = report_of_nothing(run, recorded, epsilon)
    if done.failures:
        return replace(found, failed=failed_tasks(done.failures))
    say("comparing with the scores")
    found, values, ceilings = held_against(run, recorded, chosen, found, epsilon)
    write_results(run.path, run.plan, "proxies", arrays_of(found, values, ceilings), ledger, stored_keys(found))
    if plot is not None:
        found = replace(found, figures=tuple(str(picture) for picture in draw_proxy_figures(run.path, plot)))
    return found


def draw_proxy_figures(run_path: str | os.PathLike[str], plot: Drawing | Path) -> list[Path]:
    """Draw the stored comparison; the paths of the files. RunError where there is none."""
    from memscope.plots.proxies.figures import figures  # loads matplotlib

    run = open_run(run_path)
    _, _, summary = read_results(run.path, "proxies", run.plan)
    return write(plot, figures(report_of(ProxiesReport, summary)))


def chosen_names(names: Sequence[str]) -> list[str]:
    """The names, in the order of the catalogue; OptionError for one that is not there."""
    strange = [name for name in names if name not in PROXIES]
    if strange:
        raise OptionError(f"there is no proxy {', '.join(strange)}; the proxies are {', '.join(PROXIES)}")
    return [name for name in PROXIES if name in names or not names]


def recorded_models(run: Run, on: str) -> Recorded:
    """Which recorded models are measured; RunError, with the command that records some, where there are none."""
    sizes = sizes_in_ledger(run)
    found = {variant: {size: measurable(run, size, variant) for size in sizes} for variant in (ONEHOT, FULL)}
    there = {variant for variant, tasks in found.items() if all(tasks.values())}
    record = f"memscope train-family {run.path} --dynamics {run.plan.block}"
    wanted = {"subsets": ONEHOT, "full": FULL}.get(on)
    if not there or (wanted is not None and wanted not in there):
        which = [wanted] if wanted is not None else [ONEHOT, FULL]
        some = [size for size in sizes if any(found[variant][size] for variant in which)]
        what = {ONEHOT: "recorded models on subsets", FULL: "recorded models on all the data"}.get(
            wanted or "", "recorded models"
        )
        more = f" --full {max(1, run.plan.full_models)}" if wanted == FULL else ""
        raise RunError(
            f"{run.path} has {what} at {len(some)} of its {len(sizes)} {run.plan.axis}s, and proxies need them at "
            f"every {run.plan.axis}; record them with {record}{more}"
        )
    every, taken = whole_blocks(run, sizes), recorded_blocks(run, sizes)
    left = [block for block in every if block not in taken]
    enough = ONEHOT in there and len(left) >= FEWEST_OF_THE_SCORE
    variant = wanted or (ONEHOT if enough or FULL not in there else FULL)
    blocks = every if variant == FULL else left
    if not blocks:
        raise RunError(
            f"all blocks of models of {run.path} are recorded, and the score must come from others than the proxies; "
            f"train more with memscope train-family {run.path} --models "
            f"{run.plan.models + FEWEST_OF_THE_SCORE * run.plan.block}"
        )
    return Recorded(variant, found[variant], tuple(blocks))


def report_of_nothing(run: Run, recorded: Recorded, epsilon: float) -> ProxiesReport:
    flipped = run.examples.flipped
    return ProxiesReport(
        run=str(run.path),
        axis=run.plan.axis,
        epsilon=epsilon,
        examples=len(run.examples.labels),
        flipped=None if flipped is None else int(flipped.sum()),
        recorded=min(sum(task.count for task in tasks) for tasks in recorded.tasks.values()),
        on="full" if recorded.variant == FULL else "subsets",
        score_models=len(recorded.blocks) * run.plan.block,
        score_blocks=len(recorded.blocks),
        block=run.plan.block,
    )


@spent_on("scoring")
def held_against(
    run: Run, recorded: Recorded, names: Sequence[str], found: ProxiesReport, epsilon: float
) -> tuple[ProxiesReport, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The report; the mean of every proxy over its models, [sizes, examples]; and its `rank_ceilings`."""
    sizes, blocks = list(recorded.tasks), recorded.blocks
    counts, (sums,) = count_and_sum(run, sizes, [set(blocks)])
    score = memorised(sizes, blocks, counts, sums, epsilon)
    by_size: dict[int, dict[str, ProxyValues]] = {}
    left_out: dict[str, str] = {}
    for size in sizes:
        by_size[size], reasons = proxy_values(run, size, recorded.variant, names, ledger_blocks=blocks)
        if "residual" in by_size[size]:
            residual = of_blocks(by_size[size].pop("residual"), blocks)
            if len(residual.models):
                by_size[size]["residual"] = residual
        left_out |= reasons
    rows, means, ceilings = [], {}, {}
    for name in names:
        there = [size for size in sizes if name in by_size[size]]
        if not there or (name != "residual" and len(there) < len(sizes)):
            left_out.setdefault(name, f"it is not there at every {run.plan.axis}")
            continue
        if name == "residual":  # of a smaller size, of which the smallest has none
            left_out.pop(name, None)
        values = [by_size[size].get(name, nothing(run)) for size in sizes]
        if len(blocks) < 2 and any(is_crossed(one, score) for one in values):
            left_out[name] = "it is of the score's own models, which must be of two blocks to be split"
            continue
        trend_of = None
        if name == "accuracy-out" and recorded.variant == ONEHOT:
            own = {task.first // run.plan.block for tasks in recorded.tasks.values() for task in tasks}
            held_out = [held_out_correctness(run, size, own) for size in sizes]
            trend_of = [one for one in held_out if one is not None]
            if len(trend_of) < len(sizes):
                trend_of = None
        cost = cost_of(run, name, found)
        rows.append(compare(PROXIES[name], values, score, run.examples.flipped, epsilon, cost, trend_of))
        ceilings[name] = rank_ceilings(values, run.examples.shown_classes)
        means[name] = np.stack([mean_of_models(one.values, list(range(len(one.values)))) for one in values])
    if not rows:
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise RunError(f"none of these proxies can be had of {run.path}: {why}")
    rows = [with_lead(one, means) for one in rows]
    scores, examples = score_by_type(score, epsilon) if len(sizes) > 1 else ({}, {})
    return (
        replace(
            found,
            sizes=noise_at_sizes(score),
            score_by_type=scores,
            examples_by_type=examples,
            proxies=tuple(rows),
            left_out=left_out,
        ),
        means,
        ceilings,
    )


def of_blocks(found: ProxyValues, blocks: Sequence[int]) -> ProxyValues:
    """What models of these blocks say."""
    kept = np.isin(found.blocks, blocks)
    return ProxyValues(found.values[kept], found.models[kept], found.blocks[kept])


def nothing(run: Run) -> ProxyValues:
    """A proxy that says nothing of any example."""
    nobody = np.array([-1])
    return ProxyValues(np.full((1, len(run.examples.labels)), nan), nobody, nobody)


def with_lead(one: ProxyFound, means: Mapping[str, np.ndarray]) -> ProxyFound:
    """A variant with its rank correlation, at every size, with the proxy that leads."""
    if one.variant_of is None or one.variant_of not in means:
        return one
    pairs = zip(means[one.name], means[one.variant_of], strict=True)
    return replace(one, spearman_with_lead=tuple(rank_correlation(ordinal(a), ordinal(b)) for a, b in pairs))


def cost_of(run: Run, name: str, found: ProxiesReport) -> float:
    """In trainings of one model of each size: those that were recorded, as far as they are needed."""
    if PROXIES[name].needs in ("ledger", "memories"):  # from half of the score's models at a time
        return found.score_models / 2
    early = name in GROUPS["el2n"] + GROUPS["grand"]
    return found.recorded / run.plan.recipe.epochs if early else float(found.recorded)


def arrays_of(
    found: ProxiesReport, means: Mapping[str, np.ndarray], ceilings: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """The arrays of the group `proxies`."""
    rows = found.proxies
    columns: dict[str, Any] = {
        "size": np.array([one.size for one in found.sizes]),
        "example": np.arange(found.examples),
        "proxy": [one.name for one in rows],
        "value": np.stack([means[one.name] for one in rows]).astype(np.float32),
        "ceiling": np.stack([ceilings[one.name][0] for one in rows]),
        "within_ceiling": np.stack([ceilings[one.name][1] for one in rows]),
    }
    for name, part in (("spearman", "value"), ("spearman_low", "low"), ("spearman_high", "high")):
        columns[name] = np.array([[getattr(size.spearman, part) for size in one.sizes] for one in rows])
    columns["pearson"] = np.array([[size.pearson.value for size in one.sizes] for one in rows])
    for name, part in (("slopes", "value"), ("slopes_low", "low"), ("slopes_high", "high")):
        columns[name] = np.array([slope(one, part) for one in rows])
    return columns


def slope(one: ProxyFound, part: str) -> float:
    return nan if one.trend is None else float(getattr(one.trend.slopes, part))
