"""What `memscope resmem` found, on one screen: whether a memory of residuals helps, and where most."""

from memscope.analysis.statistics.clear import clear, clearest, known
from memscope.analysis.statistics.jackknife import FEWEST_BLOCKS
from memscope.findings.numbers import decimals, percent, points, signed
from memscope.findings.screen import Command, Grid, Remark, Screen, command
from memscope.findings.words import ERRORS, at_sizes, drawn, listed, not_measured
from memscope.reports.evidence import Estimate
from memscope.reports.resmem import MemoryChange, ModelsOnSubsets, ResmemReport, SizeMemory
from memscope.text import counted

Row = tuple[SizeMemory, ModelsOnSubsets, ModelsOnSubsets, MemoryChange]
"""A size that was measured: the models without and with their memory, and the change"""


def screen(report: ResmemReport) -> Screen:
    if report.failed:
        return not_measured("memories", report.run, report.axis, report.failed)
    rows = measured(report)
    if not rows:
        return Screen([WHAT, "All models diverged: nothing could be measured."])
    told = [WHAT, accuracy(report, rows), memorised(report, rows)]
    return Screen(told, grid(report, rows), notes(report, rows), commands(report, rows))


WHAT = (
    "A residual memory (ResMem) keeps what a model gets wrong on its own training images, and adds to each prediction "
    "what it got wrong on the images that look most alike to the model."
)


def measured(report: ResmemReport) -> list[Row]:
    return [
        (row, row.base, row.resmem, row.change)
        for row in report.sizes
        if row.base is not None and row.resmem is not None and row.change is not None
    ]


def accuracy(report: ResmemReport, rows: list[Row]) -> str:
    """Whether it is more accurate with the memory: on test images, and on training images that were held out."""
    tests = [(row.size, estimate(row, change.test_change, change.test_change_error)) for row, _, _, change in rows]
    held = [
        (row.size, estimate(row, resmem.mean_accuracy_out - base.mean_accuracy_out, change.mean_change_out_error))
        for row, base, resmem, change in rows
    ]
    if not any(known(one) for _, one in tests):
        size, best = max(tests, key=lambda each: abs(each[1].value))
        there = dict(held)[size]
        most = ", the most of all" if len(tests) > 1 else ""
        return (
            f"At {report.axis} {size} it changes the accuracy on test images by {points(best.value)} points{most}, and "
            f"on training images that were held out by {points(there.value)}. So few "
            "models do not tell how sure that is."
        )
    sentences = [on(report.axis, "test images", tests), on(report.axis, "training images that were held out", held)]
    return " ".join(filter(None, sentences))


def estimate(row: SizeMemory, value: float, error: float) -> Estimate:
    return Estimate(value=value, error=error, blocks=row.blocks)


def on(axis: str, what: str, changes: list[tuple[int, Estimate]]) -> str:
    """At which sizes the accuracy on some images clearly rises or falls, and where most.

    Nothing where no error is known, as of held-out images in results that an earlier memscope stored.
    """
    if not any(known(one) for _, one in changes):
        return ""
    told = []
    for verb, sign in (("raises the accuracy", 1), ("lowers the accuracy", -1)):
        found = clearest(changes, sign)
        if found:
            sizes, size, most = found
            where = f" at {axis} {size}" if len(sizes) > 1 else ""
            told.append(f"{verb} at {at_sizes(axis, sizes)} ({points(most.value, most.error)} points{where})")
    if not told:
        return f"On {what} it changes the accuracy nowhere clearly."
    unclear = [size for size, one in changes if not clear(one, len(changes))]
    rest = f"; what it does at {at_sizes(axis, unclear)} is not clear" if unclear else ""
    return f"On {what} it {listed(told)}{rest}."


def memorised(report: ResmemReport, rows: list[Row]) -> str:
    """Whether models with their memory memorise more or less than without."""
    axis, told = report.axis, []
    changes = [(row.size, estimate(row, change.mean_change, change.mean_change_error)) for row, _, _, change in rows]
    if not any(known(one) for _, one in changes):
        return ""
    for way, sign in (("more", 1), ("less", -1)):
        found = clearest(changes, sign)
        if found:
            sizes, size, most = found
            where = f" at {axis} {size}" if len(sizes) > 1 else ""
            told.append(f"{way} at {at_sizes(axis, sizes)} (mean score {signed(most.value, most.error)}{where})")
    if not told:
        return "With it, models memorise neither clearly more nor clearly less of their training images."
    return f"With it, models memorise {listed(told)}."


def grid(report: ResmemReport, rows: list[Row]) -> Grid:
    """A row for every size."""
    columns = [
        *(report.axis, "models", "test,\nwithout", "test,\nwith", "change,\npoints"),
        *("held\nout,\nwithout", "held\nout,\nwith", "change,\npoints", "score,\nchange"),
    ]
    return Grid(
        columns,
        [
            [
                str(row.size),
                str(row.models),
                percent(base.test_accuracy),
                percent(resmem.test_accuracy),
                points(change.test_change, change.test_change_error),
                percent(base.mean_accuracy_out),
                percent(resmem.mean_accuracy_out),
                points(resmem.mean_accuracy_out - base.mean_accuracy_out, change.mean_change_out_error),
                decimals(change.mean_change),
            ]
            for row, base, resmem, change in rows
        ],
    )


def notes(report: ResmemReport, rows: list[Row]) -> list[Remark]:
    """What changes how the table is to be read."""
    found = [
        Remark(f"Left out at {report.axis} {row.size}: {counted(row.diverged, 'model')} that diverged.", True)
        for row in report.sizes
        if row.diverged
    ]
    if report.reserved_block is not None:
        found.append(
            Remark(
                f"Left out: {counted(report.block, 'model')} of each {report.axis}, on which its options were chosen."
            )
        )
    if min(row.blocks for row, _, _, _ in rows) < FEWEST_BLOCKS:
        needed = report.block * (FEWEST_BLOCKS + (report.reserved_block is not None))
        found.append(Remark(f"No ± below {needed} models: it needs blocks of them to leave out."))
    else:
        found.append(Remark(ERRORS))
    edges = [row.size for row in report.sizes if row.at_edge]
    if edges:
        found.append(Remark(f"At {at_sizes(report.axis, edges)} a wider choice of options (--k, ...) may do better."))
    if report.figures:
        found.append(drawn(report.figures))
    return found


def commands(report: ResmemReport, rows: list[Row]) -> list[Command]:
    """What to do next."""
    found = []
    if min(row.blocks for row, _, _, _ in rows) < FEWEST_BLOCKS:
        needed = report.block * (FEWEST_BLOCKS + (report.reserved_block is not None))
        found.append(command("Models for errors", "train-family", report.run, "--models", needed))
    if report.full is None:
        found.append(command("Models on all the data, to compare too", "train-family", report.run, "--full", 2))
    if not report.figures:
        found.append(command("Figures", "resmem", report.run, "--plot"))
    return found
