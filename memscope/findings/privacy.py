"""What `memscope privacy` found, on one screen: how many training examples attacks find, and at which sizes.

Attacks are measured: what none of these finds, another may. A rate that too few non-members make is not told, and sizes
or kinds of models are set apart only where a paired interval leaves 0 out.
"""

import math
from collections.abc import Sequence

from memscope.analysis.privacy.rates import FEWEST_BLOCKS
from memscope.analysis.trajectories import EPSILON
from memscope.counting.privacy_types import ALL, found_most
from memscope.findings.numbers import fine
from memscope.findings.rates import is_clear, percent_of, points_ends, rate_in_words, share, signed_ends, with_ends
from memscope.findings.screen import Command, Grid, Remark, Screen, command
from memscope.findings.words import drawn, more_models, short
from memscope.reports.privacy import AttackFound, PrivacyChange, PrivacyReport, RateFound, SizePrivacy, StudentsFound
from memscope.text import counted

SHOWN = ("lira", "rmia", "loss")
"""Attacks that have columns"""
NAMES = {
    "lira": "LiRA",
    "lira-offline": "LiRA, offline",
    "rmia": "RMIA",
    "rmia-offline": "RMIA, offline",
    "loss": "loss",
}
RATES_SHOWN = 2
EXPECTED, OFF = 0.05, 2.0
"""Of the transforms in either tail, and by how much a share is off that is told of"""
SETTINGS = 3
"""Of students that the screen tells of"""


def screen(report: PrivacyReport) -> Screen:
    told = [f"{at_largest(report)} {of_sizes(report)}".strip(), f"{of_types(report)} {of_memorised(report)}".strip()]
    return Screen([*told, of_students(report)], grid(report), notes(report), commands(report))


def attack_of(row: SizePrivacy | Sequence[AttackFound], name: str) -> AttackFound:
    attacks = row.attacks if isinstance(row, SizePrivacy) else row
    return next(one for one in attacks if one.attack == name)


def told_rates(found: AttackFound) -> list[RateFound]:
    return [rate for rate in found.rates if rate.left_out is None]


def rate_of(found: AttackFound, asked: float) -> RateFound | None:
    return next((rate for rate in told_rates(found) if rate.asked == asked), None)


def at_largest(report: PrivacyReport) -> str:
    """What LiRA finds at the largest size beside the threshold on the loss."""
    row = report.sizes[-1]
    lira, where = attack_of(row, "lira"), f"At {report.axis} {row.size}"
    rates = told_rates(lira)
    if not rates:
        return (
            f"{where} too few non-members are beyond any threshold for a rate to be told; the area under LiRA's ROC "
            f"curve is {with_ends(lira.area)}, where guessing gives .5."
        )
    rate = rates[0]
    found = f"{share(rate.true_positive)} of a model's training examples at {rate_in_words(rate.asked)} false positives"
    if math.isnan(rate.true_positive.low):
        start = f"{where} LiRA finds {found}; so few blocks of models do not tell how sure that is."
    elif rate.true_positive.low > max(rate.asked, rate.false_positive):
        start = f"{where} LiRA finds {found}."
    elif lira.area.low > 0.5:
        start = (
            f"{where} LiRA tells members from others (area {with_ends(lira.area)}), but finds not clearly more than "
            f"others at {rate_in_words(rate.asked)} false positives: {share(rate.true_positive)}."
        )
    else:
        return (
            f"{where} it cannot be told whether LiRA tells training examples from others (area "
            f"{with_ends(lira.area)}): it finds {found}."
        )
    loss = rate_of(attack_of(row, "loss"), rate.asked)
    return f"{start} A threshold on the loss finds {share(loss.true_positive)}." if loss else start


def of_sizes(report: PrivacyReport) -> str:
    """Whether larger sizes are more vulnerable: from the first to the last."""
    if not report.changes:
        return ""
    whole = report.changes[-1]
    change, what = (whole.true_positive, f"{rate_in_words(whole.asked)} false positives")
    if math.isnan(change.value):
        change, what = whole.area, "area"
    sizes = f"{report.axis.capitalize()} {whole.larger}"
    if not is_clear(change):
        return (
            f"Whether {report.axis} {whole.larger} is more vulnerable than {report.axis} {whole.smaller} cannot be "
            f"told: {change_in_words(whole)}."
        )
    way = "more" if change.value > 0 else "less"
    return f"{sizes} is {way} vulnerable than {report.axis} {whole.smaller}: {change_in_words(whole)}{at(what)}."


def at(what: str) -> str:
    return "" if what == "area" else f" at {what}"


def change_in_words(change: PrivacyChange) -> str:
    """+3.1 points (2.0 to 4.2), or of the area where no rate is told"""
    if math.isnan(change.true_positive.value):
        return f"area {signed_ends(change.area)}"
    return points_ends(change.true_positive)


def of_types(report: PrivacyReport) -> str:
    """Which type of trajectory is found most, where one stands out."""
    row = report.sizes[-1]
    types = row.types_of("lira")
    found = found_most(types)
    if found is None:
        return ""
    most, clear = found
    everything = next(one for one in types if one.type == ALL)
    how = "are found most" if clear else "are found more than all are"
    return (
        f"Of the types of trajectory, {most.type} examples {how}: {share(most.true_positive)} of them, where "
        f"{percent_of(everything.true_positive.value)} of all are, at the same threshold for "
        f"{rate_in_words(row.type_rate)} false positives."
    )


def of_memorised(report: PrivacyReport) -> str:
    """Whether vulnerability rises where memorisation rises."""
    found = report.memorised
    if found is None:
        return ""
    first, last = report.sizes[0].size, report.sizes[-1].size
    told = (
        f"rank correlation {with_ends(found.correlation)} from {report.axis} {first} to {last}, "
        f"{fine(found.by_chance)} either way by chance"
    )
    value = found.correlation
    if not is_clear(value) or abs(value.value) <= found.by_chance:
        return f"Whether what rises in memorisation rises in vulnerability cannot be told: {told}."
    if value.value > 0:
        return f"What rises in memorisation rises in vulnerability: {told}."
    return f"What rises in memorisation falls in vulnerability: {told}."


def of_students(report: PrivacyReport) -> str:
    """Whether students are more or less vulnerable than one-hot models, at the largest size of each setting."""
    told = []
    settings = dict.fromkeys(one.setting for one in report.students or ())
    for setting in list(settings)[:SETTINGS]:
        row = [one for one in report.students or () if one.setting == setting][-1]
        change = row.area if math.isnan(row.true_positive.value) else row.true_positive
        numbers = student_numbers(row)
        who = f"students of {report.axis} {row.size} ({short(setting)})"
        if not is_clear(change):
            told.append(f"Whether {who} are more or less vulnerable than one-hot models cannot be told: {numbers}.")
            continue
        way = "more" if change.value > 0 else "less"
        told.append(f"{who[0].upper()}{who[1:]} are {way} vulnerable than one-hot models: {numbers}.")
    return " ".join(told)


def student_numbers(row: StudentsFound) -> str:
    """LiRA at the smallest rate that both tell, students against others, and the paired difference."""
    if math.isnan(row.asked):
        return f"area {signed_ends(row.area)}"
    one, other = (rate_of(attack_of(attacks, "lira"), row.asked) for attacks in (row.students, row.onehot))
    beside = (
        ""
        if one is None or other is None
        else (
            f"{percent_of(one.true_positive.value)} against {percent_of(other.true_positive.value)} at "
            f"{rate_in_words(row.asked)} false positives, "
        )
    )
    return f"{beside}{points_ends(row.true_positive)}"


def grid(report: PrivacyReport) -> Grid:
    """A row for every size; of three attacks the area and the rates at two false-positive rates."""
    asked = shown_rates(report)
    columns = [report.axis, "models"]
    for name in SHOWN:
        columns += [f"{NAMES[name]}\narea", *(f"\n{rate_in_words(one)}" for one in asked)]
    rows = []
    for row in report.sizes:
        cells = [str(row.size), f"{row.models:,}"]
        for name in SHOWN:
            found = attack_of(row, name)
            cells.append(fine(found.area.value, 3))
            for one in asked:
                rate = rate_of(found, one)
                cells.append(percent_of(rate.true_positive.value) if rate else "-")
        rows.append(cells)
    return Grid(columns, rows)


def shown_rates(report: PrivacyReport) -> list[float]:
    """The smallest two false-positive rates at which something is told."""
    rates = [rate for row in report.sizes for found in row.attacks for rate in found.rates]
    told = sorted({rate.asked for rate in rates if rate.left_out is None})
    return told[:RATES_SHOWN] or sorted({rate.asked for rate in rates})[:RATES_SHOWN]


def notes(report: PrivacyReport) -> list[Remark]:
    found = []
    left_out = sum(row.left_out for row in report.sizes)
    if left_out:
        found.append(
            Remark(
                f"Left out: {counted(left_out, 'model')} of blocks that are not whole at every {report.axis} or hold "
                "diverged ones.",
                True,
            )
        )
    infinite = max(row.infinite for row in report.sizes)
    if infinite:
        found.append(
            Remark(
                f"Up to {percent_of(infinite)} of the log-odds of a size are infinite, as of probabilities that were "
                "rounded to 1, and count as the largest that are not; computed from logits they would tell more.",
                True,
            )
        )
    off = miscalibrated(report)
    if off:
        found.append(Remark(off, True))
    found.append(
        Remark(
            "Shares of training examples that are found at so many false positives among held-out training examples; "
            "thresholds are of other blocks of models. ( ): 95 % interval over blocks. What these attacks do not find "
            "others may."
        )
    )
    if not report.population:
        found.append(
            Remark(
                "No test example is without a copy or near-copy in training, so that RMIA has nothing to compare with: "
                "it is the ratio of probabilities alone.",
                True,
            )
        )
    elif report.flipped:
        found.append(
            Remark(
                f"RMIA compares with {report.population:,} test examples, whose labels are clean; of the training "
                f"labels {report.flipped:,} are flipped."
            )
        )
    if any(row.teacher_on == "full" for row in report.students or ()):
        found.append(Remark("Teachers on all the data have seen what was held out of their students."))
    if report.students_left_out:
        found.append(Remark(f"Students not attacked, too few: {'; '.join(report.students_left_out)}.", True))
    rows = report.sizes
    if not any(math.isfinite(row.flagged_at) for row in rows):
        found.append(Remark("No single example is flagged: no false-positive rate is told."))
    elif report.written:
        found.append(
            Remark(
                "Of a single example no false-positive rate below one in as many models as were trained without it can "
                "be told; its flags have Jeffreys intervals."
            )
        )
    found += [Remark(f"Wrote {line}.") for line in report.written or ()]
    if report.figures:
        found.append(drawn(report.figures))
    return found


def miscalibrated(report: PrivacyReport) -> str:
    """The share of a tail that is furthest from what it should be, where it is off by more than twofold."""
    worst = [
        (abs(math.log(max(value, 1e-4) / EXPECTED)), value, tail, row.size, one.member)
        for row in report.sizes
        for one in row.calibration
        for tail, value in (("lowest", one.below), ("highest", one.above))
        if not math.isnan(value)
    ]
    if not worst or max(worst)[0] <= math.log(OFF):
        return ""
    _, value, tail, size, member = max(worst)
    return (
        f"Log-odds are not distributed as LiRA believes: at {report.axis} {size}, of {'' if member else 'non-'}members "
        f"in one third of the examples, {percent_of(value)} in place of 5% lie in the {tail} twentieth of what is "
        "believed (--details)."
    )


def commands(report: PrivacyReport) -> list[Command]:
    found = []
    row = report.sizes[-1]
    if row.blocks < FEWEST_BLOCKS:
        found.append(more_models(report.run, FEWEST_BLOCKS * report.block, report.trainer, "For intervals"))
    again = ["privacy", report.run, *(["--students"] if report.students else [])]
    again += ["--epsilon", f"{report.epsilon:g}"] if report.epsilon != EPSILON else []
    if not report.written:
        found.append(command("Every example", *again, "--csv", "records.csv"))
    if not report.figures:
        found.append(command("Figures", *again, "--plot"))
    return found
