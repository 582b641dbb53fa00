"""`memscope memorability`: what people remember of the images of a run, beside what its models memorise."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from memscope.analysis.trajectories import check_options
from memscope.counting.compared_memorability import (
    People,
    beside_proxies,
    beside_sizes,
    by_types,
    classes_of,
    people_of,
)
from memscope.counting.needed import whole_blocks
from memscope.counting.outcomes import SizeCounts, sizes_in_ledger
from memscope.counting.population import count_and_sum
from memscope.errors import OptionError, RunError
from memscope.files.atomic import remove_abandoned
from memscope.reports.keys import report_of, stored_keys
from memscope.reports.memorability import RESULTS, Beside, MemorabilityReport, ProxyBeside
from memscope.reports.proxies import RESULTS as RESULTS_OF_PROXIES
from memscope.reports.ranged import Ranged
from memscope.run import Run, open_run
from memscope.steps.drawing import Drawing, write
from memscope.store.ledger import state_for
from memscope.store.results import read_results, results_path, write_results
from memscope.work.carrying_out import Say, silent
from memscope.work.data_set import ensure_examples
from memscope.work.memorability import Memorability, Source, memorability_of
from memscope.work.timing import spent_on


def memorability(
    path: str | os.PathLike[str],
    source: Source | None = None,
    *,
    size: int | None = None,
    epsilon: float = 0.2,
    device: str = "auto",
    plot: Drawing | Path | None = None,
    say: Say = silent,
) -> MemorabilityReport:
    """Hold memorability against the models of a run, write `results/memorability.h5`, and return what was found.

    Without a `source` it is that of the last time, or of the one predictor whose numbers the run has. `size` is that
    whose four corners are drawn, by default the largest. OptionError where there is no source, or for a size that the
    run has not; RunError without models.
    """
    check_options(epsilon)
    run = open_run(path)
    sizes = sizes_in_ledger(run)
    if size is not None and size not in sizes:
        raise OptionError(f"--size is {size}, no {run.plan.axis} of {run.path} with models; it has {list(sizes)}")
    known = memorability_of_last_time(run) if source in (None, Source()) else None
    if known is None:
        known = memorability_of(run, source or Source(), device, say)
    remove_abandoned(run.path)
    say("comparing with the scores")
    found = held_against(run, sizes, known, epsilon, size or sizes[-1])
    if plot is not None:
        found = replace(found, figures=tuple(str(picture) for picture in draw_memorability_figures(run.path, plot)))
    return found


def memorability_of_last_time(run: Run) -> Memorability | None:
    """What the stored comparison was made with, for who gives no source: also scores that came in a file."""
    if not results_path(run.path, "memorability").is_file():
        return None
    values, _, summary = read_results(run.path, "memorability", run.plan)
    stored = report_of(MemorabilityReport, summary)
    return Memorability(values["memorability"], stored.source, stored.licence, stored.caveats, stored.kind)


def draw_memorability_figures(run_path: str | os.PathLike[str], plot: Drawing | Path) -> list[Path]:
    """Draw the stored comparison; the paths of the files. RunError where there is none."""
    from memscope.plots.memorability.figures import figures  # loads matplotlib

    run = open_run(run_path)
    ensure_examples(run)
    values, _, summary = read_results(run.path, "memorability", run.plan)
    return write(plot, figures(run, values, report_of(MemorabilityReport, summary)))


@spent_on("scoring")
def held_against(
    run: Run, sizes: Sequence[int], known: Memorability, epsilon: float, corners_at: int
) -> MemorabilityReport:
    """Compare, write `results/memorability.h5`, and return what is stored there."""
    ledger = state_for(run.path, run.plan, RESULTS)
    blocks = whole_blocks(run, sizes)
    if not blocks:
        raise RunError(
            f"{run.path} has no block of {run.plan.block} models that every {run.plan.axis} has whole; train what is "
            f"missing with memscope train-family {run.path}"
        )
    counts, (sums,) = count_and_sum(run, sizes, [set(blocks)])
    examples = run.examples
    people = people_of(known.values, examples)
    proxies, moved_on = stored_proxies(run, people, sizes)
    found = MemorabilityReport(
        run=str(run.path),
        axis=run.plan.axis,
        epsilon=epsilon,
        data=run.plan.data.spec,
        family=run.plan.learner,
        fraction=run.plan.fraction,
        kind=known.kind,
        source=known.source,
        licence=known.licence,
        caveats=known.caveats,
        examples=len(examples.labels),
        known=int(np.isfinite(known.values).sum()),
        classes=classes_of(people),
        flipped=None if examples.flipped is None else int(examples.flipped.sum()),
        blocks=len(blocks),
        sizes=beside_sizes(people, sizes, blocks, counts, sums),
        by_type=by_types(people, blocks, counts, epsilon),
        proxies=proxies,
        proxies_out_of_date=moved_on,
        corners_at=corners_at,
        block=run.plan.block,
    )
    arrays = arrays_of(found, people, counts, blocks)
    write_results(run.path, run.plan, "memorability", arrays, ledger, stored_keys(found))
    return found


def stored_proxies(run: Run, people: People, sizes: Sequence[int]) -> tuple[tuple[ProxyBeside, ...], bool]:
    """Memorability beside the proxies that are there, and whether the run has moved on since they were measured."""
    if not results_path(run.path, "proxies").is_file():
        return (), False
    values, ledger, _ = read_results(run.path, "proxies", run.plan)
    at = {int(size): row for row, size in enumerate(values["size"])}
    found = np.full((len(values["proxy"]), len(sizes), len(people.memorability)), np.nan)
    ceilings = np.full((len(values["proxy"]), 2, len(sizes)), np.nan)
    for row, size in enumerate(sizes):
        if size in at:
            found[:, row] = values["value"][:, at[size]]
            for scope, name in enumerate(("ceiling", "within_ceiling")):
                if name in values:  # not of proxies that were measured by an older memscope
                    ceilings[:, scope, row] = values[name][:, at[size]]
    moved_on = ledger != state_for(run.path, run.plan, RESULTS_OF_PROXIES)
    return beside_proxies(people, [str(name) for name in values["proxy"]], found, ceilings, sizes), moved_on


def arrays_of(
    found: MemorabilityReport, people: People, counts: Sequence[SizeCounts], blocks: Sequence[int]
) -> dict[str, Any]:
    """The arrays of the group `memorability`."""
    arrays: dict[str, Any] = {
        "size": np.array([row.size for row in found.sizes]),
        "example": np.arange(found.examples),
        "memorability": people.memorability,
        "score": np.stack([one.hard_of(blocks).score for one in counts]).astype(np.float32),
    }
    for prefix in ("", "accuracy_out_"):
        rows: list[Beside] = [row.accuracy_out if prefix else row.score for row in found.sizes]
        for scope, each in (("", [row.overall for row in rows]), ("within_", [row.within for row in rows])):
            arrays |= columns(f"{prefix}{scope}spearman", each)
    if found.proxies:
        arrays["proxy"] = [one.name for one in found.proxies]
        for scope, part in (("", "overall"), ("within_", "within")):
            table = [[getattr(at, part).value for at in one.sizes] for one in found.proxies]
            arrays[f"proxy_{scope}spearman"] = np.array(table)
    return arrays


def columns(name: str, rows: Sequence[Ranged]) -> dict[str, np.ndarray]:
    return {
        name: np.array([row.value for row in rows]),
        f"{name}_low": np.array([row.low for row in rows]),
        f"{name}_high": np.array([row.high for row in rows]),
    }
