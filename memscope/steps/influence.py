"""`memscope influence`: which training examples carry which test examples at every size, beside chance."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from memscope.analysis.influential.at_size import AtSize, influence_at_size
from memscope.analysis.influential.compared import Measured, change_of
from memscope.analysis.influential.roles import FEWEST_AMONG_TRAINING, FEWEST_BLOCKS, Roles, roles_of
from memscope.counting.influence import UnitsFound, units_at, usable_blocks
from memscope.counting.influential_pairs import beside_row, columns_of, shown_example, size_row
from memscope.counting.needed import whole_blocks
from memscope.counting.outcomes import sizes_in_ledger
from memscope.errors import OptionError, RunError
from memscope.files.atomic import remove_abandoned
from memscope.files.places import at_home
from memscope.reports.influence import AMONG_TRAINING, RESULTS, Beside, InfluenceReport, SizeChange
from memscope.reports.keys import report_of, stored_keys
from memscope.run import Run, open_run
from memscope.steps.drawing import Drawing, write
from memscope.steps.exports import check_csv_safe
from memscope.steps.pair_exports import OF_PAIR, export_pairs
from memscope.store.ledger import state_for
from memscope.store.pairs_file import Pairs, read_pairs
from memscope.store.results import read_results, results_path, write_results
from memscope.work.carrying_out import Say, silent
from memscope.work.data_set import ensure_examples
from memscope.work.timing import spent_on

INFLUENCE, TRAINING = "influence", "influence-training"
"""Groups of results"""

WHO = ("pair_size", "train_example", "test_example")
"""What names a pair in the results"""

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """What decides which pairs there are."""

    threshold: float
    memorised: float
    all_classes: bool
    among_training: bool

    @property
    def fewest(self) -> int:
        """Whole blocks that it takes."""
        return FEWEST_AMONG_TRAINING if self.among_training else FEWEST_BLOCKS

    @property
    def group(self) -> str:
        return TRAINING if self.among_training else INFLUENCE

    def are_those_of(self, report: InfluenceReport) -> bool:
        """Whether a stored report was made with them."""
        ours = (self.threshold, self.memorised, self.all_classes)
        return ours == (report.threshold, report.memorised, report.all_classes)


def influence(
    path: str | os.PathLike[str],
    *,
    threshold: float = 0.15,
    memorised: float = 0.25,
    all_classes: bool = False,
    among_training: bool = False,
    test: int | None = None,
    train: int | None = None,
    size: int | None = None,
    csv_file: Path | None = None,
    csv_safe: bool = False,
    npz_file: Path | None = None,
    beside: Path | None = None,
    plot: Drawing | Path | None = None,
    say: Say = silent,
) -> InfluenceReport:
    """Find influential pairs, write `results/influence.h5` (`influence-training.h5` among training examples), and
    return what was found.

    Where something more is asked for (`test` or `train`, positions in the run, files, figures) and the stored pairs
    were made with the same settings of the same models, they are not searched again. `size` is that of `npz_file`, by
    default the largest, and of `test` and `train`, by default all. OptionError for what cannot be asked for, RunError
    for a run with too few models, DataError where `beside` is no file of pairs.
    """
    asked = Settings(threshold, memorised, all_classes, among_training)
    check_settings(asked)
    check_csv_safe(csv_safe, csv=csv_file)
    run = open_run(path)
    sizes = sizes_in_ledger(run)
    check_example(run, asked, test, train)
    if size is not None and size not in sizes:
        raise OptionError(f"--size is {size}, no {run.plan.axis} of {run.path} with models; it has {list(sizes)}")
    if size is not None and (test, train, npz_file) == (None,) * 3:
        raise OptionError("--size is that of --test, --train or --npz; pairs are found at every size: leave it out")
    published = None if beside is None else read_pairs(beside)
    if published is not None and among_training:
        raise OptionError("--beside is of pairs with test examples; leave --among-training out")
    remove_abandoned(run.path)
    ledger = state_for(run.path, run.plan, AMONG_TRAINING if among_training else RESULTS)
    more = (test, train, csv_file, npz_file, beside, plot) != (None,) * 6
    found = stored_pairs(run, asked, ledger) if more else None
    if found is None:
        found = search(run, asked, sizes, ledger, say)
    report, arrays = replace(found[0], run=str(path)), found[1]
    if test is not None or train is not None:
        roles = Roles(report.blocks_memorised, report.blocks_choosing, report.blocks_telling)
        shown = tuple(
            shown_example(one, units_of(run, report, one), roles, run.examples, all_classes, train=train, target=test)
            for one in (sizes if size is None else (size,))
        )
        report = replace(report, shown=shown)
    if published is not None and beside is not None:
        say(f"looking up the pairs of {beside}")
        report = replace(report, beside=tuple(beside_rows(run, report, arrays, at_home(beside), published)))
    written = export_pairs(run, arrays, size or sizes[-1], csv_file, csv_safe, npz_file, among_training)
    report = replace(report, written=written)
    if plot is not None:
        report = replace(report, figures=tuple(str(picture) for picture in draw_found(run, report, arrays, plot)))
    return report


def check_settings(asked: Settings) -> None:
    """OptionError for thresholds that are none."""
    for name, value in (("--threshold", asked.threshold), ("--memorised", asked.memorised)):
        if not 0 < value <= 1:
            raise OptionError(f"{name} is {value:g}; it must be above 0 and at most 1, a difference of two accuracies")


def check_example(run: Run, asked: Settings, test: int | None, train: int | None) -> None:
    """OptionError unless at most one example is asked for, and it is in the run."""
    if test is not None and train is not None:
        raise OptionError(
            "--test and --train ask for one example each; give one of them, and the other in another call"
        )
    if test is not None and asked.among_training:
        raise OptionError("--test is of a test example, and --among-training looks at none; give --train")
    for name, position, count in (
        ("test", test, len(run.examples.test_labels)),
        ("train", train, len(run.examples.labels)),
    ):
        if position is not None and not 0 <= position < count:
            raise OptionError(
                f"--{name} is {position}, expected the position of a {name} example in {run.path}, 0 to {count - 1:,}"
            )


def stored_pairs(run: Run, asked: Settings, ledger: str) -> tuple[InfluenceReport, Arrays] | None:
    """What is stored, if it was made with these settings of these models; None where not, or where it is damaged."""
    if not results_path(run.path, asked.group).is_file():
        return None
    try:
        arrays, then, summary = read_results(run.path, asked.group, run.plan)
    except RunError:
        return None
    report = report_of(InfluenceReport, summary)
    return (report, arrays) if then == ledger and asked.are_those_of(report) else None


@spent_on("scoring")
def search(run: Run, asked: Settings, sizes: Sequence[int], ledger: str, say: Say) -> tuple[InfluenceReport, Arrays]:
    """Find the pairs of every size, write the results, and return what is stored there."""
    blocks = usable_blocks(run, sizes)
    try:
        roles = roles_of(blocks, asked.fewest)
    except OptionError as error:
        raise RunError(
            f"{run.path}: {error}, of {run.plan.block} models each that did not diverge at any {run.plan.axis}; train "
            f"more with memscope train-family {run.path} --models {models_that_tell(run, sizes, blocks, asked.fewest)}"
        ) from error
    examples, rows = run.examples, []
    targets = examples.labels if asked.among_training else examples.test_labels
    measured: list[Measured] = []
    columns: list[dict[str, np.ndarray]] = []
    for size in sizes:
        say(f"looking for pairs at {run.plan.axis} {size}")
        found = units_at(run, size, blocks, asked.among_training)
        at_size = influence_at_size(
            found.units,
            roles,
            found.right_train,
            examples.labels,
            targets,
            threshold=asked.threshold,
            memorised=asked.memorised,
            all_classes=asked.all_classes,
            among_training=asked.among_training,
        )
        rows.append(size_row(size, found, roles, at_size))
        columns += columns_of(size, at_size)
        measured.append(Measured(found.units, found.right_train, at_size))
    steps = list(zip(range(len(sizes)), range(1, len(sizes)), strict=False))
    if len(sizes) > 2:
        steps.append((0, len(sizes) - 1))
    say("comparing sizes")
    changes = [
        change_of(
            measured[one],
            measured[other],
            roles,
            examples.labels,
            targets,
            threshold=asked.threshold,
            memorised=asked.memorised,
            all_classes=asked.all_classes,
        )
        for one, other in steps
    ]
    report = InfluenceReport(
        run=str(run.path),
        axis=run.plan.axis,
        data=run.plan.data.spec,
        family=run.plan.learner,
        fraction=run.plan.fraction,
        among="train" if asked.among_training else "test",
        threshold=asked.threshold,
        memorised=asked.memorised,
        all_classes=asked.all_classes,
        examples=len(examples.labels),
        targets=len(targets),
        blocks_memorised=roles.memorised,
        blocks_choosing=roles.choosing,
        blocks_telling=roles.telling,
        sizes=tuple(rows),
        changes=tuple(
            SizeChange(
                smaller=sizes[one],
                larger=sizes[other],
                change=each.number,
                influence=each.influence,
                pairs=each.pairs,
            )
            for (one, other), each in zip(steps, changes, strict=True)
        ),
        block=run.plan.block,
        trainer=run.plan.recipe.trainer,
    )
    arrays = arrays_of(sizes, columns, [one.found for one in measured])
    write_results(run.path, run.plan, asked.group, arrays, ledger, stored_keys(report))
    return report, arrays


def models_that_tell(run: Run, sizes: Sequence[int], usable: Sequence[int], fewest: int) -> int:
    """Models of each size that would be enough: those that are planned and missing, and so many more blocks."""
    planned = run.plan.models // run.plan.block
    to_come = planned - len(whole_blocks(run, sizes))
    return run.plan.block * (planned + max(0, fewest - len(usable) - to_come))


def arrays_of(sizes: Sequence[int], columns: Sequence[dict[str, np.ndarray]], found: Sequence[AtSize]) -> Arrays:
    """The arrays of the group, the pairs of all sizes one after another."""
    pairs = {
        name: np.concatenate([np.zeros(0), *(each[name] for each in columns)]).astype(kind)
        for names, kind in ((WHO, np.int64), (OF_PAIR, np.float32))
        for name in names
    }
    memorised = np.stack([one.memorised for one in found])
    return {
        "size": np.array(sizes),
        **pairs,
        "example": np.arange(memorised.shape[1]),
        "memorised": memorised.astype(np.uint8),
    }


def units_of(run: Run, report: InfluenceReport, size: int) -> UnitsFound:
    """The units of one size that a report rests on."""
    blocks = (*report.blocks_memorised, *report.blocks_choosing, *report.blocks_telling)
    return units_at(run, size, blocks, report.among == "train")


def beside_rows(run: Run, report: InfluenceReport, arrays: Arrays, file: Path, published: Pairs) -> Iterator[Beside]:
    """Published pairs beside the models of every size."""
    for row in report.sizes:
        here = arrays["pair_size"] == row.size
        listed = zip(arrays["train_example"][here].tolist(), arrays["test_example"][here].tolist(), strict=True)
        yield beside_row(row.size, units_of(run, report, row.size), run.examples, file, published, list(listed))


def draw_influence_figures(
    run_path: str | os.PathLike[str], plot: Drawing | Path, *, among_training: bool = False
) -> list[Path]:
    """Draw what is stored; the paths of the files. RunError where there is nothing."""
    run = open_run(run_path)
    values, _, summary = read_results(run.path, TRAINING if among_training else INFLUENCE, run.plan)
    return draw_found(run, report_of(InfluenceReport, summary), values, plot)


def draw_found(run: Run, report: InfluenceReport, values: Arrays, plot: Drawing | Path) -> list[Path]:
    from memscope.plots.influence.figures import figures  # loads matplotlib

    ensure_examples(run)
    return write(plot, figures(run, values, report))
