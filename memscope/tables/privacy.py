"""`memscope privacy` in print."""

from collections.abc import Sequence

from memscope.findings import privacy as findings
from memscope.findings.numbers import decimals, fine
from memscope.findings.privacy import NAMES, told_rates
from memscope.findings.rates import percent_of, points_ends, rate_in_words, share, signed_ends, with_ends
from memscope.reports.privacy import AttackFound, PrivacyReport, RateFound, SizePrivacy
from memscope.tables.printing import say, show_screen, table, tell


def show(report: PrivacyReport, details: bool = False) -> None:
    """One screen of findings; with `details` every attack, type and tail."""
    if not details:
        show_screen(findings.screen(report))
        return
    show_attacks(report)
    show_changes(report)
    show_types(report)
    show_calibration(report)
    show_students(report)
    for note in findings.notes(report):
        tell(note)


def show_attacks(report: PrivacyReport) -> None:
    """A table of all attacks for every size."""
    for row in report.sizes:
        table(f"Attacks on {row.models:,} models of {report.axis} {row.size}", *attacks(row.attacks))
    say(
        "Members: training examples of the attacked model; non-members: training examples held out of it. Found: share "
        "of a block's members beyond the threshold, which is chosen on other blocks' non-members; false: share "
        "of the block's own non-members beyond it, then of the blocks where that is lowest and highest. "
        "( ): 95 % interval over blocks."
    )
    lines = dict.fromkeys(
        f"{NAMES[found.attack]} at {rate_in_words(rate.asked)}, {report.axis} {row.size}: {rate.left_out}."
        for row in report.sizes
        for found in row.attacks
        for rate in found.rates
        if rate.left_out
    )
    for line in lines:
        say(f"Not told of {line}")


def attacks(found: Sequence[AttackFound]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows."""
    asked = sorted({rate.asked for one in found for rate in told_rates(one)})
    columns = ["attack", "area", "balanced accuracy"]
    for rate in asked:
        columns += [f"found at {rate_in_words(rate)}", "false"]
    rows = []
    for one in found:
        cells = [NAMES[one.attack], with_ends(one.area, 3), with_ends(one.balanced_accuracy, 3)]
        for rate in asked:
            there = findings.rate_of(one, rate)
            cells += [share(there.true_positive), realised(there)] if there else ["-", "-"]
        rows.append(cells)
    return columns, rows


def realised(found: RateFound) -> str:
    """.10%, blocks .07% to .14%"""
    ends = f"{percent_of(found.lowest_block)} to {percent_of(found.highest_block)}"
    return f"{percent_of(found.false_positive)}, blocks {ends}"


def show_changes(report: PrivacyReport) -> None:
    if report.changes:
        table(
            "LiRA at a larger size less at a smaller one, paired by blocks",
            ["from", "to", "at", "found", "area"],
            [
                [
                    str(one.smaller),
                    str(one.larger),
                    "-" if one.asked != one.asked else rate_in_words(one.asked),
                    points_ends(one.true_positive) if one.asked == one.asked else "-",
                    signed_ends(one.area),
                ]
                for one in report.changes
            ],
        )


def show_types(report: PrivacyReport) -> None:
    """What attacks find by type; the other half of the blocks named the types."""
    for row in report.sizes:
        if row.types:
            show_types_of(report.axis, row)
    if report.type_changes:
        last = report.sizes[-1]
        table(
            f"LiRA by type at {report.axis} {last.size} less at {report.axis} {report.sizes[0].size}, paired by blocks",
            ["type", f"found at {rate_in_words(last.type_rate)}"],
            [
                [one.type, points_ends(one.true_positive)]
                for one in report.type_changes
                if one.true_positive.value == one.true_positive.value
            ],
        )
    if any(row.types for row in report.sizes):
        say(
            f"Types (epsilon {report.epsilon:g}) are named by every other block, models of the others attacked with "
            "each other as references, halves swapped: half of the references of the tables above."
        )
        told = findings.of_memorised(report)
        if told:
            say(told)
    elif len(report.sizes) > 1:
        say("No rates by type: they need four whole blocks, and a rate that half of them can tell.")


def show_types_of(axis: str, row: SizePrivacy) -> None:
    """A row for each type: LiRA with its false positives, then what the other attacks find."""
    others = {attack: found for attack in NAMES if attack != "lira" and (found := row.types_of(attack))}
    rows = []
    for place, one in enumerate(row.types_of("lira")):
        if one.examples:
            cells = [one.type, decimals(one.examples, 0), share(one.true_positive), share(one.false_positive)]
            rows.append([*cells, *(share(each[place].true_positive) for each in others.values())])
    table(
        f"Found by type of trajectory at {axis} {row.size}, at {rate_in_words(row.type_rate)} false positives of all",
        ["type", "examples", "LiRA", "false", *(NAMES[attack] for attack in others)],
        rows,
    )


def show_calibration(report: PrivacyReport) -> None:
    table(
        "Where log-odds of held-out models lie in what LiRA believes: 5 % should be in the lowest twentieth, and in "
        "the highest",
        [report.axis, "side", "spread", "pairs", "below", "above"],
        [
            [
                str(row.size),
                "in" if one.member else "out",
                ("narrow", "middle", "wide")[one.third],
                f"{one.pairs:,}",
                percent_of(one.below),
                percent_of(one.above),
            ]
            for row in report.sizes
            for one in row.calibration
        ],
        left=3,
    )
    flagged = ", ".join(
        f"{report.axis} {row.size} {rate_in_words(row.flagged_at)}" for row in report.sizes if row.flagged_at > 0
    )
    if flagged:
        say(
            f"Single examples (--csv) are flagged by thresholds for so many false positives: {flagged}. Of one example "
            "no false-positive rate below one in as many models as were trained without it can be told."
        )


def show_students(report: PrivacyReport) -> None:
    for one in report.students or ():
        for who, found in (("students", one.students), ("one-hot models of the same blocks", one.onehot)):
            table(f"{report.axis} {one.size}, {one.setting}: {one.models:,} {who}", *attacks(found))
        told = f"found {points_ends(one.true_positive)}, " if one.asked == one.asked else ""
        say(f"Students less one-hot models, LiRA: {told}area {signed_ends(one.area)}.")
    if report.students:
        say(f"Of RMIA, {report.population:,} test examples are what is compared with. Area by guessing: {fine(0.5)}.")
