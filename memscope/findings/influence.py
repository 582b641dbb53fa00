"""What `memscope influence` found, on one screen: which single training examples carry which test examples.

Pairs are told of beside how many chance would show, and how many a class as a whole; they are listed where at most half
of them are expected to be there so. Sizes are compared by what is beyond the class.
"""

import math
from collections.abc import Sequence

from memscope.findings.numbers import fine, percent
from memscope.findings.screen import Command, Grid, Remark, Screen, command
from memscope.findings.words import drawn, more_models, short
from memscope.reports.influence import Carrier, InfluenceReport, PairsFound, ShownExample, SizeChange
from memscope.reports.ranged import Ranged
from memscope.text import counted

THRESHOLD, MEMORISED = 0.15, 0.25
"""What the command takes if it is not given others"""
BY_CHANCE = 0.05
"""Probability from which on a number of pairs is one that chance shows"""
ON_SCREEN = 5
"""Examples of either direction on the screen; --details has all"""
LONGEST_NAME = 24
"""Letters of a file's name in the table"""


def screen(report: InfluenceReport) -> Screen:
    if report.shown:
        one = report.shown[-1]
        told = [example(report, one), at_largest(report)]
        return Screen([*told, of_beside(report)], example_grid(report, one, ON_SCREEN), notes(report), commands(report))
    told = [f"{at_largest(report)} {anew(report)}".strip(), of_sizes(report), of_beside(report)]
    return Screen(told, grid(report), notes(report), commands(report))


def second(report: InfluenceReport) -> str:
    """What the second examples of pairs are called."""
    return "test example" if report.among == "test" else "other training example"


def pairs_of(report: InfluenceReport) -> str:
    of_class = "" if report.all_classes else " of its class"
    other = "a test example" if report.among == "test" else "another training example"
    return f"of a memorised training example and {other}{of_class}"


def at_largest(report: InfluenceReport) -> str:
    """The helpful pairs of the largest size, or why none are listed."""
    row = report.sizes[-1]
    found, where = row.helpful, f"At {report.axis} {row.size},"
    if not row.memorised:
        return f"{where} no training example is memorised ({fine(report.memorised)} or more), so there are no pairs."
    has = "has" if found.pairs < 2 else "have"
    reach = f"{pairs_of(report)} {has} an influence of {fine(report.threshold)} or more"
    start = f"{where} {counted(found.pairs, 'pair') if found.pairs else 'no pair'} {reach}"
    instead = f"{number(found.by_chance)} by chance, {number(found.by_class)} if all of a class had the same"
    if found.listed:
        return (
            f"{start}, where there would be {instead}: {counted(found.train_examples, 'training example')} "
            f"{'carries' if found.train_examples == 1 else 'carry'} {counted(found.test_examples, second(report))}."
        )
    return f"{start}, {too_few(found)} ({instead}); none are listed."


def too_few(found: PairsFound) -> str:
    """Why pairs are not listed."""
    if not found.pairs or found.pairs <= found.by_chance or found.chance > BY_CHANCE:
        return "no more than chance would show"
    if found.pairs <= found.by_class:
        return "no more than classes as a whole would show"
    return "of which chance or classes as a whole would show more than half"


def anew(report: InfluenceReport) -> str:
    """What models say that had no part in choosing."""
    found = report.sizes[-1].helpful
    if not found.listed or math.isnan(found.measured_anew.value):
        return ""
    return (
        f"Models that had no part in choosing these pairs measure a mean influence of {with_ends(found.measured_anew)}."
    )


def of_sizes(report: InfluenceReport) -> str:
    """Whether a larger size leans on more or fewer single examples: from the smallest to the largest.

    More pairs pass a threshold where models are noisier, too; so it is told only where influence goes that way as well.
    """
    if not report.changes:
        return ""
    whole = report.changes[-1]  # from the first size to the last, also where there are two
    larger, smaller = f"{report.axis} {whole.larger}", f"{report.axis} {whole.smaller}"
    told = f"{signed_number(whole)} pairs beyond those by class"
    if not math.isnan(whole.influence.value):
        told += f"; mean influence of {counted(whole.pairs, 'pair')} of both together {signed(whole.influence)}"
    clear, again = is_clear(whole.change), is_clear(whole.influence)
    if clear and again and whole.change.value * whole.influence.value > 0:
        way = "more" if whole.change.value > 0 else "fewer"
        return f"{larger.capitalize()} leans on {way} single examples than {smaller}: {told}."
    why = f"; {without_influence(report)}" if clear and not again else ""
    return f"Whether {larger} leans on more or on fewer single examples than {smaller} cannot be told: {told}{why}."


def without_influence(report: InfluenceReport) -> str:
    """Why another number of pairs alone does not tell."""
    reason = "where models are noisier more pairs pass a threshold, too"
    if report.among == "train":
        return f"{reason}, and among training examples the influence of both sizes is not compared"
    if math.isnan(report.changes[-1].influence.value):
        return f"{reason}, and none of both sizes together are listed, whose influence would tell"
    return reason


def signed(found: Ranged) -> str:
    """+.12 (+.08 to +.16)"""
    ends = "" if math.isnan(found.low) else f" ({signed_fine(found.low)} to {signed_fine(found.high)})"
    return f"{signed_fine(found.value)}{ends}"


def signed_fine(value: float) -> str:
    return f"{'+' if value > 0 else ''}{fine(value)}"


def is_clear(found: Ranged) -> bool:
    """Whether an interval leaves 0 out."""
    return found.low > 0 or found.high < 0


def signed_number(change: SizeChange) -> str:
    """+900 (+800 to +1,000)"""
    value, low, high = change.change.value, change.change.low, change.change.high
    told = f"{round(value):+,}"
    return told if math.isnan(low) else f"{told} ({round(low):+,} to {round(high):+,})"


def of_beside(report: InfluenceReport) -> str:
    """What became of published pairs, at the largest size."""
    if not report.beside:
        return ""
    row = report.beside[-1]
    start = f"Of {counted(row.pairs, 'pair')} of {short(row.file)}, {row.known:,} are of examples of this run"
    if not row.known:
        return f"{start}."
    agreement = "" if math.isnan(row.spearman) else f", rank correlation with the published {fine(row.spearman)}"
    return (
        f"{start}: mean influence {with_ends(row.influence)} in all models of {report.axis} {row.size}, of random "
        f"pairs {with_ends(row.random)}{agreement}; {row.among_found:,} are among the listed."
    )


def example(report: InfluenceReport, one: ShownExample) -> str:
    """Who was asked for, and how often models are right on it."""
    name = f" ({short(one.name, LONGEST_NAME)})" if one.name else ""
    kind, without = ("Test", "") if one.part == "test" else ("Training", " that were trained without it")
    other = "training example" if one.part == "test" else second(report)
    looked = f"{counted(one.looked_at, other)}{'' if report.all_classes else ' of its class'}"
    return (
        f"{kind} example {one.example}{name}, {short(one.label)}: {percent(one.accuracy)} of the models of "
        f"{report.axis} {one.size}{without} are right on it. Below are, of {looked}, those "
        f"{'with the most influence on it' if one.part == 'test' else 'on which it has the most influence'}."
    )


def example_grid(report: InfluenceReport, one: ShownExample, most: int) -> Grid:
    """Helpful and harmful examples with their influence in the models that chose them, and in others."""
    named = any(each.name for each in (*one.helpful, *one.harmful))
    columns = [
        *(["name"] if named else []),
        "example",
        "class",
        "chosen\nby",
        "measured\nanew",
        "mem.",
        "as much\nby chance",
    ]
    left = 1 if named else 0
    rows: list[list[str] | str] = []
    for title, some in (("Helpful", one.helpful), ("Harmful", one.harmful)):
        rows.append(title if some else f"{title}: none")
        rows += [carrier_row(each, named) for each in some[:most]]
    return Grid(columns, rows, left)


def carrier_row(one: Carrier, named: bool) -> list[str]:
    error = "" if math.isnan(one.standard_error) else f" ±{fine(one.standard_error)}"
    name = [short(one.name or "", LONGEST_NAME)] if named else []
    return [
        *name,
        str(one.example),
        short(one.label, 12),
        fine(one.chosen_by),
        f"{fine(one.influence)}{error}",
        fine(one.memorised),
        number(one.by_chance),
    ]


def grid(report: InfluenceReport) -> Grid:
    """A row for every size: helpful pairs, beside those that there would be anyway."""
    heads = ["pairs", "by\nchance", "by\nclass", "false\nshare", "train", report.among, "measured\nanew"]
    if report.among == "train":
        heads[5] = "second"
    return Grid([report.axis, *heads], [[str(row.size), *cells_of(row.helpful)] for row in report.sizes])


def cells_of(found: PairsFound) -> list[str]:
    """Of pairs in one direction."""
    return [
        f"{found.pairs:,}",
        number(found.by_chance),
        number(found.by_class),
        fine(found.false_share),
        f"{found.train_examples:,}",
        f"{found.test_examples:,}" if found.listed else "-",
        with_ends(found.measured_anew),
    ]


def number(expected: float) -> str:
    """An expected number of pairs: .02, 3.1, 1,234"""
    if math.isnan(expected) or expected < 0.995:
        return "<.01" if 0 < expected < 0.01 else fine(expected)
    return f"{expected:.1f}" if expected < 99.95 else f"{expected:,.0f}"


def with_ends(found: Ranged) -> str:
    """.21 (.19 to .23)"""
    ends = "" if math.isnan(found.low) else f" ({fine(found.low)} to {fine(found.high)})"
    return f"{fine(found.value)}{ends}"


def notes(report: InfluenceReport) -> list[Remark]:
    found = []
    left_out = [row for row in report.sizes if row.left_out]
    if left_out:
        models = counted(sum(row.left_out for row in left_out), "model")
        found.append(
            Remark(
                f"Left out: {models} of blocks that are not whole at every {report.axis} or hold diverged ones.", True
            )
        )
    odd = [row for row in report.beside or () if row.known and row.same_class < row.known]
    if odd:
        found.append(
            Remark(
                f"Of the {odd[-1].known:,} pairs of this run's examples {odd[-1].same_class:,} are of one class here: "
                "the file may count examples in another order than this data set.",
                odd[-1].same_class < 0.9 * odd[-1].known,
            )
        )
    found.append(
        Remark(
            "False is a pair without any influence, or with that of its whole class (by class), not one whose "
            f"influence is a little below {fine(report.threshold)}."
        )
    )
    if any(row.helpful.listed for row in report.sizes) or report.shown:
        found.append(Remark("Different blocks of models say what is memorised, choose pairs, and measure them anew."))
    found += [Remark(f"Wrote {line}.") for line in report.written or ()]
    if report.figures:
        found.append(drawn(report.figures))
    return found


def commands(report: InfluenceReport) -> Sequence[Command]:
    found, again = [], options(report, report.threshold)
    if not report.sizes[-1].helpful.listed:
        blocks = len(report.blocks_memorised) + len(report.blocks_choosing) + len(report.blocks_telling)
        models = 2 * blocks * report.block
        found.append(more_models(report.run, models, report.trainer, "More models"))
        stronger = 2 * report.threshold
        if stronger <= 1 and report.sizes[-1].helpful.pairs:
            words = ["influence", report.run, *options(report, stronger)]
            found.append(command("Of stronger influence chance shows less", *words))
    elif report.among == "test" and not report.shown:
        found.append(
            command(
                "What carries a test example", "influence", report.run, *again, "--test", min(17, report.targets - 1)
            )
        )
    if not report.figures:
        shown: list[object] = []
        if report.shown:
            shown = [f"--{report.shown[0].part}", report.shown[0].example]
            shown += ["--size", report.shown[0].size] if len(report.shown) < len(report.sizes) else []
        found.append(command("Figures", "influence", report.run, *again, *shown, "--plot"))
    return found


def options(report: InfluenceReport, threshold: float) -> list[str]:
    """What the command was given, with another threshold."""
    given = ["--among-training"] if report.among == "train" else []
    given += ["--threshold", f"{threshold:g}"] if threshold != THRESHOLD else []
    given += ["--memorised", f"{report.memorised:g}"] if report.memorised != MEMORISED else []
    return [*given, *(["--all-classes"] if report.all_classes else [])]
