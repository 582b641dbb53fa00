"""What `memscope influence RUN --remove N` found, on one screen: what models do without the most memorised examples.

Arms are held against random sets: a difference is called one where its interval, for all sizes together, leaves out 0.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from memscope.analysis.statistics.clear import apart
from memscope.findings.numbers import decimals, fine, points
from memscope.findings.removal_forecast import arms_in_words
from memscope.findings.screen import Command, Grid, Remark, Screen, command
from memscope.findings.words import at_sizes
from memscope.plan.recipe import OWN_LOOP, RECORDED
from memscope.reports.ranged import Ranged
from memscope.reports.removal import InfluencedDifference, PeelReport, RemovalReport
from memscope.text import counted

MUCH = 0.3
"""Share of a random set that is among the most memorised too, from which on it is told: the difference shrinks by it"""
MOST_OVERLAP = 0.5
"""Such a share of a set matched on flips beyond which no difference from it is told: most of its flipped examples are
those that are memorised, and the difference is less than half the effect"""


def screen(report: RemovalReport) -> Screen:
    if report.missing or report.failed:
        return unfinished(report, "--remove")
    told = [without_most(report), without_others(report), carried(report)]
    return Screen(told, grid(report), notes(report), commands(report))


def unfinished(report: RemovalReport | PeelReport, option: str) -> Screen:
    """Where models failed, or are for others to train."""
    are = "are" if report.missing != 1 else "is"
    found = f"Nothing was compared: {counted(report.missing, 'model')} of the arms {are} missing."
    if report.failed:
        task = report.failed[0]
        more = f" and {counted(len(report.failed) - 1, 'more task')}" if len(report.failed) > 1 else ""
        models = f"{report.axis} {task.size}, models {task.first} to {task.first + task.count - 1}{more}"
        return Screen(
            [found],
            notes=[
                Remark(f"Failed twice: {models} of {report.failed_in}: {task.reason}", True),
                Remark(f"The tracebacks are in {report.failed_in}/failures; run the command again to retry.", True),
            ],
            more=False,
        )
    if report.trainer == RECORDED:
        how = "Each arm is a run that is ready to record models; put them in with run.record, then call this again."
    else:
        how = "When the other shards have trained theirs, run the command again without --shard."
    return Screen([found], notes=[Remark(how, True)], commands=[again(report, option)], more=False)


def again(report: RemovalReport | PeelReport, option: str, *more: object) -> Command:
    return command("Then", "influence", report.run, option, report.removed, *report.options, *more)


def found_of(report: RemovalReport, arm: str, beside: str) -> list[tuple[int, Ranged]]:
    """A difference by size; empty where there is no such arm."""
    return [
        (row.size, one.accuracy)
        for row in report.sizes
        for one in row.differences
        if (one.arm, one.beside) == (arm, beside)
    ]


def in_points(one: Ranged) -> str:
    """-2.3 points (-3.1 to -1.5)"""
    ends = "" if math.isnan(one.low) else f" ({points(one.low)} to {points(one.high)})"
    return f"{points(one.value)} points{ends}"


def compared(found: Sequence[tuple[int, Ranged]], axis: str, fewer: str, more: str) -> str:
    """Where a difference is clear, in which direction, and how large it is at most; empty where it is clear nowhere."""
    told = []
    for sign, word in ((-1, fewer), (1, more)):
        here = [
            (size, one)
            for size, one in found
            if one.value * sign > 0 and apart(one.value, one.error, one.degrees, len(found))
        ]
        if here:
            size, most = max(here, key=lambda each: abs(each[1].value))
            where = f"{axis} {size}" if len(here) == 1 else at_sizes(axis, [size for size, _ in here])
            at = "" if len(here) == 1 else f" at {axis} {size}"
            told.append(f"{word} at {where}: {in_points(most)}{at}")
    return "; ".join(told)


def at_last(found: Sequence[tuple[int, Ranged]], axis: str) -> str:
    size, last = found[-1]
    return f"{in_points(last)} at {axis} {size}"


def without_most(report: RemovalReport) -> str:
    """Whether the most memorised are worth more than random examples, and than others with as many flips."""
    found = found_of(report, "most", "random")
    gone = f"the {report.removed:,} most memorised of {report.examples:,} examples"
    clear = compared(found, report.axis, "models are right less often", "models are right more often")
    told = (
        f"Without {gone}, beside as many random ones of the same classes, {clear}."
        if clear
        else f"Whether models do worse without {gone} than without as many random ones of the same classes cannot be "
        f"told: {at_last(found, report.axis)}."
    )
    matched = found_of(report, "most", "matched")
    if not matched:
        return told
    return f"{told} {beside_matched(report, matched, 'less often', 'more often')}"


def beside_matched(
    report: RemovalReport | PeelReport, found: Sequence[tuple[int, Ranged]], fewer: str, more: str
) -> str:
    """The comparison with random sets of as many flips; that there is none where nearly all flips are in both sets."""
    both = overlap(report, "matched")
    if both > MOST_OVERLAP:
        return (
            f"{flips(report)}; of random ones with as many {both:.0%} are among the most memorised too, so that too "
            "few flipped examples are left for a comparison with those."
        )
    clear = compared(found, report.axis, fewer, more)
    said = clear or f"that cannot be told: {at_last(found, report.axis)}"
    return f"{flips(report)}; beside random ones with as many, of which {both:.0%} are the same examples, {said}."


def flips(report: RemovalReport | PeelReport) -> str:
    """How many labels of the most memorised are flipped, and of random examples."""
    there = {
        kind: [arm.flipped or 0 for arm in report.arms if arm.name.startswith(kind)] for kind in ("most", "random")
    }
    random = sum(there["random"]) / max(len(there["random"]), 1)
    return f"Of their labels {there['most'][0]:,} are flipped, of the random ones' {random:,.0f}"


def without_others(report: RemovalReport) -> str:
    """The least memorised, and the training examples of pairs, beside random ones."""
    told = []
    for arm, words in (("least", "the least memorised"), ("pairs", "training examples of helpful pairs")):
        found = found_of(report, arm, "random")
        if found:
            clear = compared(found, report.axis, "models are right less often", "models are right more often")
            said = f"{clear}" if clear else f"no difference is clear: {at_last(found, report.axis)}"
            told.append(f"Without {words} {said}.")
    return " ".join(told)


def carried(report: RemovalReport) -> str:
    """The test examples that the removed ones carry: how much less often they are right, beside what was expected."""
    if all(row.listed is None for row in report.sizes):
        return (
            "Which test examples they carry is not known: memscope influence had not been run when they were chosen, "
            f"and a choice stays. Run it, and then this with another --arm-seed, or delete {place_of(report)} before."
        )
    told = []
    for arm, words in (("most", "the most memorised"), ("pairs", "those of `pairs`")):
        found = best_carried(report, arm)
        if found is not None:
            size, one = found
            told.append(
                f"{counted(one.examples, 'test example')} that {words} carry at {report.axis} {size}: "
                f"{in_points(one.accuracy)} without them, where their influence would lead one to expect "
                f"{points(one.expected)}."
            )
    return " ".join(told) or "No listed pair has its training example among those that were removed."


def place_of(report: RemovalReport) -> Path:
    """The directory of the choice."""
    return Path(report.arms[0].run).parent


def best_carried(report: RemovalReport, arm: str) -> tuple[int, InfluencedDifference] | None:
    """The size at which an arm's removed examples carry most test examples, and how these do; None where none do."""
    found = [
        (row.size, one)
        for row in report.sizes
        for one in row.influenced
        if (one.arm, one.beside) == (arm, "random") and one.examples
    ]
    return max(found, key=lambda each: each[1].examples, default=None)


def grid(report: RemovalReport) -> Grid:
    """A row for every size: accuracy in percent, and differences in points beside random sets."""
    arms = {arm.name for arm in report.arms}
    columns = [report.axis, "none\ngone", "random\ngone", "most -\nrandom", "least -\nrandom"]
    pairs = "pairs" in arms
    matched = "matched-1" in arms and overlap(report, "matched") <= MOST_OVERLAP
    influenced = best_carried(report, "most") is not None
    columns += ["pairs -\nrandom"] * pairs + ["most -\nmatched"] * matched + ["carried:\nmost - rnd"] * influenced
    rows = []
    for row in report.sizes:
        accuracy = {one.arm: one.accuracy for one in row.arms}
        found = {(one.arm, one.beside): one.accuracy for one in row.differences}
        there = {(one.arm, one.beside): one.accuracy for one in row.influenced}
        random = [value for name, value in accuracy.items() if name.startswith("random")]
        cells = [str(row.size), decimals(100 * accuracy["all"], 1), decimals(100 * sum(random) / len(random), 1)]
        wanted = [("most", "random"), ("least", "random")]
        wanted += [("pairs", "random")] * pairs + [("most", "matched")] * matched
        cells += [with_error(found.get(each)) for each in wanted]
        rows.append([*cells, *[with_error(there.get(("most", "random")))] * influenced])
    return Grid(columns, rows)


def with_error(one: Ranged | None) -> str:
    return "-" if one is None else points(one.value, one.error)


def notes(report: RemovalReport) -> list[Remark]:
    found = [
        Remark(
            "Test accuracy in percent, differences in points, ±: standard error; intervals of 95 % by Student's t over "
            f"{report.sets} random sets, for sets and models together."
        ),
        Remark(chosen_so(report)),
    ]
    found += [Remark(text, warns) for text, warns in (dilution(report, "random"), dilution(report, "matched")) if text]
    pairs = [arm for arm in report.arms if arm.name == "pairs"]
    if pairs:
        arm = pairs[0]
        found.append(
            Remark(
                f"Of the {arm.removed:,} examples of `pairs` {arm.of_pairs or 0:,} are of listed pairs, the others "
                "random ones of their classes."
            )
        )
    elif any(row.listed is not None for row in report.sizes):
        here = next((row.listed for row in report.sizes if row.size == report.by_size), None)
        why = "none were searched" if here is None else "none were listed"
        found.append(Remark(f"No arm `pairs`: {why} at {report.axis} {report.by_size}."))
    if not math.isnan(report.pairs_threshold):
        classes = ", of all classes" if report.pairs_all_classes else ""
        found.append(
            Remark(
                f"Pairs are those that memscope influence listed when sets were chosen: influence of "
                f"{fine(report.pairs_threshold)} or more, memorisation of {fine(report.pairs_memorised)}{classes}."
            )
        )
    lost = sum(one.diverged for row in report.sizes for one in row.arms)
    if lost:
        found.append(Remark(f"{counted(lost, 'model')} diverged and {'are' if lost != 1 else 'is'} left out.", True))
    return found


def chosen_so(report: RemovalReport | PeelReport) -> str:
    """How examples were chosen, and by which models it is told."""
    steps = (
        "Models of all arms take as many steps, and share none of their draws with those that examples were chosen by."
        if report.trainer == OWN_LOOP
        else "How long your own training takes in each arm is up to it."
    )
    return (
        f"Chosen by the scores at {report.axis} {report.by_size}; copies of an image go together. {len(report.arms)} "
        f"arms ({arms_in_words(report.arms)}) of {report.models} models of each {report.axis}. {steps}"
    )


def overlap(report: RemovalReport | PeelReport, kind: str) -> float:
    """The share of the random sets of a kind that is among the most memorised too, on average; 0 without such sets."""
    shared = [arm.shared for arm in report.arms if arm.name.startswith(f"{kind}-")]
    return sum(shared) / len(shared) if shared else 0.0


def dilution(report: RemovalReport, kind: str) -> tuple[str, bool]:
    """How much of the random sets is among the most memorised, where it is much; and whether that warns."""
    mean = overlap(report, kind)
    if mean < MUCH or (kind == "matched" and mean > MOST_OVERLAP):  # then no difference from it is told
        return "", False
    return (
        f"On average {mean:.0%} of a {kind} set is among the most memorised too, so that a difference from it is "
        "smaller than one from others.",
        True,
    )


def commands(report: RemovalReport) -> list[Command]:
    asked = ["influence", report.run, "--remove", report.removed, *report.options]
    found = [command("More models tell smaller differences", *asked, "--arm-models", 2 * report.models)]
    if all(row.listed is None for row in report.sizes):
        found.append(command("Which test examples they carry", "influence", report.run))
    peel = ["influence", report.run, "--peel", report.removed, *report.options]
    return [*found, command("Whether others take their place", *peel)]
