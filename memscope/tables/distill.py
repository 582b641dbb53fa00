"""`memscope distill` in print."""

import math

from memscope.findings import distill as findings
from memscope.findings.numbers import decimals, percent, percent_with_error, signed, with_error
from memscope.reports.distill import DistillationSetting, DistillReport
from memscope.tables.printing import say, show_screen, table
from memscope.tables.train_family import show_lost
from memscope.text import counted


def show(report: DistillReport, details: bool = False) -> None:
    """One screen of findings.

    With `details` all that there is: all settings in one table, whose scores change, then the change by type of each.
    """
    if not details:
        show_screen(findings.screen(report))
        return
    say(f"{counted(report.trained or 0, 'student')} trained, {report.already} were there.")
    show_lost(report.diverged or (), report.failed or (), report.axis, report.run)
    if report.settings:
        show_students(report)
        for setting in report.settings:
            show_time(setting, report.axis, report.augment)
        show_changed(report)
        for setting in report.settings:
            show_types(setting, report.axis, report.epsilon)
    for picture in report.figures or ():
        say(f"Wrote {picture}.")


def show_students(report: DistillReport) -> None:
    """Students beside one-hot models, all settings in one table."""
    axis = report.axis
    table(
        f"Distilled beside one-hot models, paired per subset ({report.family} on {report.data})",
        [
            *("setting", axis, "pairs", "score one-hot", "distilled", "change", "acc. in", "acc. out"),
            *("test one-hot", "distilled", "change", "time"),
        ],
        [
            [
                setting.setting,
                str(row.size),
                str(row.models),
                decimals(row.onehot.mean_score),
                decimals(row.distilled.mean_score),
                with_error(row.mean_change, row.mean_change_error),
                signed(row.mean_change_in),
                signed(row.mean_change_out),
                decimals(row.onehot.test_accuracy),
                decimals(row.distilled.test_accuracy),
                with_error(row.test_change, row.test_change_error),
                f"x{row.time_ratio:.2f}",
            ]
            for setting in report.settings
            for row in setting.students
        ],
    )
    say(
        "Scores, here and below, are raw ones. acc. in, acc. out: the change of each, of which the change of the score "
        "is the difference. ±: standard error by leaving out blocks of models; none below three blocks."
    )


def show_changed(report: DistillReport) -> None:
    """Whose memorisation is inhibited and whose is raised."""
    axis = report.axis
    epsilon = report.epsilon
    noisy = report.flipped is not None
    table(
        f"Examples whose score changes by more than {epsilon:g}",
        ["setting", axis, "inhibited", "if none were", "raised", "if none were"]
        + (["change, flipped labels", "change, others"] if noisy else []),
        [
            [
                setting.setting,
                str(row.size),
                percent_with_error(row.inhibited, row.inhibited_error),
                percent(row.inhibited_if_same),
                percent_with_error(row.raised, row.raised_error),
                percent(row.raised_if_same),
            ]
            + (
                [
                    with_error(row.mean_change_flipped, errors.mean_change_flipped_error if errors else None),
                    with_error(row.mean_change_clean, errors.mean_change_clean_error if errors else None),
                ]
                if noisy
                else []
            )
            for setting in report.settings
            for row in setting.students
            for errors in [row.by_label_errors]
        ],
    )
    say(
        "if none were: what noise alone would show at these numbers of models (an upper bound). ± of shares: by "
        "leaving out half of the blocks; none below four."
    )


def show_time(setting: DistillationSetting, axis: str, augment: str) -> None:
    """What teaching costs over training on the labels alone, and why."""
    rows = setting.students
    costs = ", ".join(f"x{row.time_ratio:.2f} at {axis} {row.size}" for row in rows)
    shares = ", ".join(percent(row.teacher_seconds / row.seconds) for row in rows)
    how = (
        "once per teacher, shared by its students of all sizes" if augment == "none" else "once per batch, as augmented"
    )
    say(
        f"time, {setting.setting}: of the median student over the median one-hot model {costs}. The teacher's "
        f"forward passes, {how}, are {shares} of a student's time; what is beyond that is the loss of both, and how "
        "busy the machine was at either time."
    )


def show_types(setting: DistillationSetting, axis: str, epsilon: float) -> None:
    """The change by type of the one-hot trajectory, and the types of the students' own."""
    if setting.by_type:
        sizes = [change.size for change in setting.by_type[0].changes]
        known = any(not math.isnan(change.change) for row in setting.by_type for change in row.changes)
        if known:
            table(
                f"Change of the score by type of the one-hot trajectory, {setting.setting} (epsilon {epsilon:g})",
                ["type", "examples", *(f"{axis} {size}" for size in sizes)],
                [
                    [row.type, decimals(row.examples, 0)]
                    + [
                        decimals(each.change)
                        + ("" if math.isnan(each.low) else f" [{decimals(each.low)}, {decimals(each.high)}]")
                        for each in row.changes
                    ]
                    for row in setting.by_type
                    if row.examples
                ],
            )
            intervals = any(not math.isnan(change.low) for row in setting.by_type for change in row.changes)
            say(
                "Types come from one half of the blocks of models, changes from the other, halves swapped. "
                + ("[ ]: 95 % interval over blocks." if intervals else "Intervals need two blocks in each half.")
            )
        else:
            say(
                f"{setting.setting}: no change by type: types and changes need different blocks of models, "
                "and there is one block."
            )
    shares = setting.trajectories
    if shares:
        sizes_text = ", ".join(map(str, shares.sizes))
        rows = (
            ("onehot", shares.raw_onehot, shares.raw_onehot_error),
            ("distilled", shares.raw_distilled, shares.raw_distilled_error),
        )
        table(
            f"Types of trajectory over {axis} {sizes_text}, raw rule",
            ["models", *shares.raw_onehot],
            [
                [kind, *(percent_with_error(found[name], errors[name]) for name in found)]
                for kind, found, errors in rows
            ],
        )
