"""What students of larger teachers memorise, by setting of distillation."""

from memscope.findings.numbers import fine
from memscope.reports.distill import DistillationSetting, DistillReport
from studies.markdown import FEWEST, plus_minus, table, three


def setting_cells(setting: DistillationSetting) -> list[str]:
    on = "its own subset" if setting.teacher_on == "subset" else "all the data"
    return [on, f"{setting.temperature:g}", fine(setting.soft_weight, 1)]


def students(report: DistillReport) -> str:
    """A row for each setting and size: students less the models of labels alone, paired."""
    rows = []
    for setting in report.settings:
        for row in setting.students:
            cells = [
                str(row.size),
                *setting_cells(setting),
                three(row.onehot.test_accuracy),
                plus_minus(row.test_change, row.test_change_error),
                three(row.onehot.mean_score),
                plus_minus(row.mean_change, row.mean_change_error),
            ]
            if row.by_label_errors is not None:
                cells += [
                    plus_minus(row.mean_change_flipped, row.by_label_errors.mean_change_flipped_error),
                    plus_minus(row.mean_change_clean, row.by_label_errors.mean_change_clean_error),
                ]
            cells += [
                plus_minus(row.mean_change_in, row.mean_change_in_error),
                plus_minus(row.mean_change_out, row.mean_change_out_error),
            ]
            rows.append((row.size, cells))
    noisy = any(row.by_label_errors is not None for setting in report.settings for row in setting.students)
    by_label = ["of flipped labels", "of others"] if noisy else []
    return table(
        [report.axis, "teacher trained on", "temperature", "soft weight", "test accuracy", "change", "score", "change",
         *by_label, "accuracy in", "accuracy out"],
        [cells for _, cells in sorted(rows, key=lambda one: one[0])],
    )  # fmt: skip


def inhibited(report: DistillReport) -> str:
    """The change of the score by type of the one-hot trajectory, at each size and setting."""
    rows = []
    for setting in report.settings:
        for one in setting.by_type or ():
            if one.examples < FEWEST:
                continue
            for change in one.changes:
                told = f"{fine(change.change, 3)} ({fine(change.low, 3)} to {fine(change.high, 3)})"
                kept = [one.type, f"{one.examples:,.0f}", str(change.size), *setting_cells(setting)]
                rows.append((change.size, [*kept, three(change.onehot), told]))
    return table(
        ["type", "examples", report.axis, "teacher trained on", "temperature", "soft weight", "score", "change"],
        [cells for _, cells in sorted(rows, key=lambda one: one[0])],
    )
