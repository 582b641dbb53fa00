"""What `memscope influence RUN --peel N` found, on one screen: whether others take the place of the most memorised."""

from collections.abc import Sequence

from memscope.findings.numbers import decimals, fine, points, signed
from memscope.findings.removal import at_last, beside_matched, chosen_so, compared, unfinished, with_error
from memscope.findings.screen import Command, Grid, Remark, Screen, command
from memscope.reports.ranged import Ranged
from memscope.reports.removal import PeelReport, SizePeel
from memscope.text import counted

FEW = 20
"""Models of an arm below which the noise of one score is told"""


def screen(report: PeelReport) -> Screen:
    if report.missing or report.failed:
        return unfinished(report, "--peel")
    told = [in_their_place(report), beside_as_many_flips(report), by_score(report)]
    return Screen([each for each in told if each], grid(report), notes(report), commands(report))


def in_their_place(report: PeelReport) -> str:
    """Whether more of the remaining examples are memorised."""
    found = [(row.size, row.share) for row in report.sizes]
    gone = f"the {report.removed:,} most memorised of {report.examples:,} examples"
    share = f"of the examples that are left, the share with a score of {fine(report.threshold)} or more"
    clear = compared(
        found,
        report.axis,
        "others do not take their place: fewer are memorised",
        "others do take their place: more are memorised",
    )
    if clear:
        return f"When {gone} are gone, beside as many random ones of the same classes, {clear} ({share})."
    return (
        f"Whether others take the place of {gone} when those are gone, more than of as many random ones of the same "
        f"classes, cannot be told: {at_last(found, report.axis)} ({share})."
    )


def by_score(report: PeelReport) -> str:
    """The same of their mean score."""
    last = report.sizes[-1]
    told = (
        f"At {report.axis} {last.size} that is {points(last.most)[1:]} % beside {points(last.random)[1:]} % of "
        f"{last.remaining:,.0f} examples"
    )
    means = f"{fine(last.score_most, 3)} beside {fine(last.score_random, 3)}"
    return f"{told}; their mean score is {means}, {ends(last.score)}."


def beside_as_many_flips(report: PeelReport) -> str:
    """The same beside random sets with as many flipped labels: without those, other labels are easier to learn."""
    if "matched-1" not in {arm.name for arm in report.arms}:
        return ""
    found = [(row.size, row.share_matched) for row in report.sizes]
    return beside_matched(report, found, "fewer are memorised", "more are memorised")


def ends(one: Ranged) -> str:
    """+.012 (-.003 to .027)"""
    return f"{signed(one.value)} ({signed(one.low)} to {signed(one.high)})"


def grid(report: PeelReport) -> Grid:
    """A row for every size."""
    columns = [report.axis, "left", "none\ngone", "random\ngone", "most\ngone", "most -\nrandom"]
    return Grid(
        [*columns, "examples\nmore", "mean score:\nmost - random"],
        [cells(row) for row in report.sizes],
    )


def cells(row: SizePeel) -> list[str]:
    shares = [decimals(100 * share, 1) for share in (row.whole, row.random, row.most)]
    number = f"{row.number.value:+.1f} ±{row.number.error:.1f}"
    return [
        str(row.size),
        f"{row.remaining:,.0f}",
        *shares,
        with_error(row.share),
        number,
        signed(row.score.value, row.score.error),
    ]


def notes(report: PeelReport) -> list[Remark]:
    found = [
        Remark(
            "Percent memorised of the examples that are left in both arms, differences in points, ±: standard error; "
            f"intervals of 95 % by Student's t over {report.sets} random sets, for sets and models together."
        ),
        Remark(chosen_so(report)),
    ]
    errors = [row.error for row in report.sizes]
    if report.models < FEW:
        found.append(
            Remark(
                f"One score of {report.models} models has a standard error of {fine(max(errors))}: many reach the "
                "threshold by chance, as many in either arm where examples are as hard; the mean score is free of "
                "that. More models tell more."
            )
        )
    lost = sum(row.diverged for row in report.sizes)
    if lost:
        found.append(Remark(f"{counted(lost, 'model')} diverged and {'are' if lost != 1 else 'is'} left out.", True))
    return found


def commands(report: PeelReport) -> Sequence[Command]:
    asked = ["influence", report.run, "--peel", report.removed, *report.options]
    return [
        command("More models tell more", *asked, "--arm-models", 2 * report.models),
        command("What models do without them", "influence", report.run, "--remove", report.removed, *report.options),
    ]
