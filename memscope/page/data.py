"""`gather`: all that `report.html` shows of a run, from its results, its examples and their images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from memscope.analysis.carriers import carried, size_shown
from memscope.counting.suggestions import COLUMNS as SUGGESTING
from memscope.counting.suggestions import suspects
from memscope.errors import RunError
from memscope.page.columns import Column, squeezed
from memscope.page.example_columns import TYPE_NAMES, columns_of, sizes_of
from memscope.page.gallery import Gallery, Groups
from memscope.page.pairs import GROUPS, Pairs, all_pairs
from memscope.page.sheets import Tiling, sheets_of
from memscope.page.shown import EXTREME, Shown, shown_of
from memscope.reports.results import RESULTS
from memscope.run import Run
from memscope.store.examples import open_images
from memscope.store.results import read_results, results_path
from memscope.store.stored_reports import is_current, read_report
from memscope.text import printable
from memscope.work.carrying_out import Say, silent
from memscope.work.data_set import ensure_examples

if TYPE_CHECKING:
    from memscope.page.neighbours import Neighbours

CURRENT, OUT_OF_DATE, MISSING = "current", "out of date", "missing"
"""States of results; what is damaged has a sentence instead"""
ROOM = 14_100_000
"""Bytes of columns, names and sheets, about: base64 makes 18.8 MB of them, which leaves 1.2 of a page's 20 for the
rest. Columns of 50,000 examples at eight sizes take 5, three of them without proxies and neighbours"""


@dataclass(frozen=True, eq=False)
class PageData:
    """Everything the page shows."""

    run: Run
    reports: Mapping[str, Any]
    """What is stored of each command, by its name: `score` -> ScoreReport, ..."""
    groups: Groups
    """The arrays of the same results, by the names of docs/format.md"""
    states: Mapping[str, str]
    """Of every command that has results: `current`, `out of date`, `missing`, or what is wrong with the file"""
    not_yet: Mapping[str, str]
    """By command that would fail now: why"""
    sizes: tuple[int, ...]
    """The sizes of columns that have a row for each"""
    shown: np.ndarray
    """int64 [n], positions in the run of the gallery's examples"""
    sample: Shown
    """How they were chosen"""
    columns: tuple[Column, ...]
    sheets: tuple[bytes, ...]
    tiling: Tiling
    names: tuple[str, ...]
    """The shown examples' files, in letters that can be shown on a line; none where the source has no files"""
    class_names: tuple[str, ...]
    """Likewise"""
    neighbours: "Neighbours | None" = field(default=None)
    """Where the column of neighbours is from; None where there is none"""
    pairs: tuple[Pairs, ...] = ()
    """What training images carry, by group of results; of those that list none nothing"""

    @property
    def out_of_date(self) -> tuple[str, ...]:
        """The results that rest on fewer models than there are."""
        return tuple(name for name, state in self.states.items() if state == OUT_OF_DATE)

    @property
    def sampled(self) -> bool:
        """Whether the gallery leaves out some examples."""
        return self.sample.sampled

    def head(self) -> dict[str, Any]:
        """What the page's script reads first: the object `data` of docs/format.md."""
        tiling = self.tiling
        return {
            "version": 1,
            "run": printable(self.run.path.resolve().name),
            "axis": self.run.plan.axis,
            "sizes": list(self.sizes),
            "count": len(self.shown),
            "total": len(self.run.examples.labels),
            "sampled": self.sampled,
            "drawn": self.sample.drawn,
            "extremes": list(self.sample.extremes),
            "image": {"height": tiling.height, "width": tiling.width},
            "tiling": {
                "columns": tiling.columns,
                "perSheet": tiling.per_sheet,
                "sheets": tiling.sheets,
                "type": tiling.type,
            },
            "classes": list(self.class_names),
            "types": list(TYPE_NAMES),
            "proxies": [str(name) for name in self.groups.get("proxies", {}).get("proxy", ())],
            "names": bool(self.names),
            "neighbours": None
            if self.neighbours is None
            else {name: getattr(self.neighbours, name) for name in ("size", "model", "variant", "held")},
            "pairs": [pairs.described() for pairs in self.pairs],
            "columns": [column.described() for column in self.columns],
        }


def found_neighbours(run: Run, shown: np.ndarray, normalise: str, metric: str, say: Say) -> "Neighbours | None":
    """As `neighbours_of` of neighbours.py; a run without weights needs no torch, which takes seconds to load."""
    if not any((run.path / "weights").rglob("*.safetensors")):
        say("no neighbours are shown, because no model has kept its weights")
        return None
    from memscope.page.neighbours import neighbours_of

    return neighbours_of(run, shown, normalise, metric, say)


def gather(
    run: Run,
    say: Say = silent,
    not_yet: Mapping[str, str] | None = None,
    find: Callable[[Run, np.ndarray, str, str, Say], "Neighbours | None"] = found_neighbours,
) -> PageData:
    """All that the page shows. RunError where there are no results yet, or the images are missing.

    Results that are damaged are told, and left out. `not_yet` says why commands cannot be run now, `find` gives the
    neighbours of examples in the space of the residual memories.
    """
    reports, groups, states = results_of(run, say)
    if not groups:
        raise RunError(
            f"{run.path} has no results to show yet; make some with memscope score {run.path}, and what else memscope "
            f"status {run.path} recommends"
        )
    ensure_examples(run, say=say)
    examples = run.examples
    total = len(examples.labels)
    sizes = sizes_of(run, groups)
    sample = shown_of(total, extremes_of(run, groups))
    how = reports.get("resmem")
    normalise, metric = (how.normalise, how.metric) if how else ("none", "euclidean")
    neighbours = find(run, sample.positions, normalise, metric, say)
    gallery = Gallery(run, sample.positions, sizes, groups)
    columns = columns_of(gallery, None if neighbours is None else neighbours.positions)
    names = () if examples.names is None else tuple(printable(examples.names[each]) for each in sample.positions)
    say("making the thumbnails")
    pairs = all_pairs(run, groups, sample.positions)
    taken = sum(each.bytes for each in pairs)
    taken += sum(len(column.packed) for column in columns) + len(squeezed("\n".join(names).encode()))
    sheets, tiling = sheets_of(open_images(run.path, examples)[:total], sample.positions, ROOM - taken)
    return PageData(
        run=run,
        reports=reports,
        groups=groups,
        states=states,
        not_yet=not_yet or {},
        sizes=sizes,
        shown=sample.positions,
        sample=sample,
        columns=columns,
        sheets=sheets,
        tiling=tiling,
        names=names,
        class_names=tuple(map(printable, examples.class_names)),
        neighbours=neighbours,
        pairs=pairs,
    )


def results_of(run: Run, say: Say) -> tuple[dict[str, Any], dict[str, dict[str, np.ndarray]], dict[str, str]]:
    """The stored reports, their arrays, and the state of each."""
    reports: dict[str, Any] = {}
    groups: dict[str, dict[str, np.ndarray]] = {}
    states: dict[str, str] = {}
    for name in RESULTS:
        if not results_path(run.path, name).is_file():
            states[name] = MISSING
            continue
        try:
            values, ledger, summary = read_results(run.path, name, run.plan)
            reports[name] = read_report(run.path, name, summary)
            groups[name] = values
            states[name] = CURRENT if is_current(run.path, run.plan, name, ledger) else OUT_OF_DATE
        except RunError as error:
            states[name] = str(error)
            say(f"left out: {error}")
    return reports, groups, states


def extremes_of(run: Run, groups: Groups) -> dict[str, np.ndarray]:
    """What examples are looked for first, however many there are: arrays [N] whose largest values are shown."""
    return {**(extreme_scores(run, groups) if "score" in groups else {}), **most_carrying(run, groups)}


def most_carrying(run: Run, groups: Groups) -> dict[str, np.ndarray]:
    """What training examples carry, at the largest size with pairs that are listed."""
    found = {}
    for group in GROUPS:
        size = size_shown(groups[group]) if group in groups else None
        if size is not None:
            what = "other training images" if group == "influence-training" else "test images"
            carry = carried(groups[group], size, len(run.examples.labels))
            found[f"the {EXTREME:,} that carry most of {what} at {run.plan.axis} {size}"] = carry
    return found


def extreme_scores(run: Run, groups: Groups) -> dict[str, np.ndarray]:
    found = groups["score"]
    score, size = found["score"].astype(np.float64), int(found["size"][-1])
    best = int(np.argmax(found["test_accuracy"]))
    order = suspects(run.examples.labels, {name: found[name][best] for name in SUGGESTING})
    disputed = np.full(score.shape[1], np.nan)
    disputed[order] = -np.arange(len(order))
    extremes = {f"the {EXTREME:,} highest scores at {run.plan.axis} {size}": score[-1]}
    if len(score) > 1:
        extremes[f"the {EXTREME:,} largest rises of the score"] = score[-1] - score[0]
        extremes[f"the {EXTREME:,} largest falls of the score"] = score[0] - score[-1]
    extremes[f"the {EXTREME:,} most disputed labels"] = disputed
    if "distill" in groups:
        change = groups["distill"]["score"][0] - groups["distill"]["onehot_score"][0]
        with np.errstate(all="ignore"):
            extremes[f"the {EXTREME:,} largest effects of distillation"] = np.abs(np.nan_to_num(change)).max(0)
    return extremes
