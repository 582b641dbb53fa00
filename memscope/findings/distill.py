"""What `memscope distill` found, on one screen: whether students of a larger teacher memorise less."""

from memscope.analysis.statistics.clear import clearest, known
from memscope.analysis.statistics.jackknife import FEWEST_BLOCKS
from memscope.findings.numbers import decimals, percent, percent_with_error, points, signed
from memscope.findings.screen import Command, Grid, Remark, Screen, command
from memscope.findings.words import ERRORS, at_sizes, drawn, listed
from memscope.plan.teaching import Teaching
from memscope.reports.distill import DistillationSetting, DistillReport, SizeOfStudents
from memscope.reports.evidence import Estimate
from memscope.text import counted

TOLD = 2
"""Settings that have a paragraph of their own"""
ROWS = 14
"""Of the table at most, so that the screen holds it"""


def screen(report: DistillReport) -> Screen:
    lost = losses(report)
    if not report.settings:
        return Screen(["No student could be trained."], notes=lost, more=False)
    told = [what_was_done(report), *(change_of(report, setting) for setting in report.settings[:TOLD])]
    shown = fitting(report)
    return Screen(told, grid(report, shown), [*lost, *notes(report, shown)], commands(report))


def what_was_done(report: DistillReport) -> str:
    were = "was" if report.trained == 1 else "were"
    trained = f" {counted(report.trained, 'student')} {were} trained now." if report.trained else ""
    return (
        "A student learns from the outputs of a larger teacher. It is held against the model of its size, its training "
        f"images and its start that was trained on the labels alone.{trained}"
    )


def change_of(report: DistillReport, setting: DistillationSetting) -> str:
    """Whether the students of a setting memorise less, and what that does to their accuracy."""
    axis, rows = report.axis, setting.students
    full = ", on all the data" if setting.teacher_on == "full" else ""
    who = (
        f"Taught by {axis} {setting.teacher}{full} (temperature {setting.temperature:g}, weight of the teacher "
        f"{setting.soft_weight:g}), students"
    )
    changes = [Estimate(value=row.mean_change, error=row.mean_change_error, blocks=row.blocks) for row in rows]
    if not any(map(known, changes)):
        row = min(rows, key=lambda row: row.mean_change)
        return (
            f"{who} of {axis} {row.size} have a mean memorisation score of {decimals(row.distilled.mean_score)}, the "
            "others of "
            f"{decimals(row.onehot.mean_score)}. So few models do not tell how sure that is."
        )
    told = []
    for way, sign in (("less", -1), ("more", 1)):
        found = clearest(list(zip(rows, changes, strict=True)), sign)
        if found:
            there, row, most = found
            at = at_sizes(axis, [each.size for each in there])
            where = f" at {axis} {row.size}" if len(there) > 1 else ""
            told.append(
                f"memorise {way} at {at}: the mean score goes from {decimals(row.onehot.mean_score)} to "
                f"{decimals(row.distilled.mean_score)}{where} ({signed(most.value, most.error)}"
                f"{by_label(row)})"
            )
    if not told:
        return f"{who} memorise neither clearly less nor clearly more."
    return f"{who} {listed(told)}. {test(axis, rows)}"


def by_label(row: SizeOfStudents) -> str:
    errors = row.by_label_errors
    if errors is None:
        return ""
    return (
        f"; flipped labels {signed(row.mean_change_flipped, errors.mean_change_flipped_error)}, "
        f"others {signed(row.mean_change_clean, errors.mean_change_clean_error)}"
    )


def test(axis: str, rows: tuple[SizeOfStudents, ...]) -> str:
    """What happens to the accuracy on test images."""
    changes = [(row, Estimate(value=row.test_change, error=row.test_change_error, blocks=row.blocks)) for row in rows]
    told = []
    for way, sign in (("rises", 1), ("falls", -1)):
        found = clearest(changes, sign)
        if found:
            there, row, most = found
            at = at_sizes(axis, [each.size for each in there])
            where = f" at {axis} {row.size}" if len(there) > 1 else ""
            told.append(f"{way} at {at} ({points(most.value, most.error)} points{where})")
    return f"Their test accuracy {listed(told)}." if told else "Their test accuracy does not clearly change."


def fitting(report: DistillReport) -> list[DistillationSetting]:
    """As many settings as the table has room for, at least one."""
    shown: list[DistillationSetting] = []
    room = ROWS
    for setting in report.settings:
        room -= len(setting.students) + 1
        if room < 0 and shown:
            break
        shown.append(setting)
    return shown


def grid(report: DistillReport, shown: list[DistillationSetting]) -> Grid:
    """A row for every setting and size of students."""
    columns = [
        *(report.axis, "pairs", "score,\nlabels", "score,\nstudents", "change"),
        *(f"lose over\n{report.epsilon:g}", "noise\nalone", "test, change\nin points"),
    ]
    rows: list[list[str] | str] = []
    for setting in shown:
        if len(report.settings) > 1:
            rows.append(setting.setting)
        rows += [
            [
                str(row.size),
                str(row.models),
                decimals(row.onehot.mean_score),
                decimals(row.distilled.mean_score),
                signed(row.mean_change, row.mean_change_error),
                percent_with_error(row.inhibited, row.inhibited_error),
                percent(row.inhibited_if_same),
                points(row.test_change, row.test_change_error),
            ]
            for row in setting.students
        ]
    return Grid(columns, rows)


def losses(report: DistillReport) -> list[Remark]:
    """Models that diverged and tasks that failed."""
    found = []
    if report.diverged:
        found.append(f"Diverged: {counted(len(report.diverged), 'student')}, left out of the scores.")
    if report.failed:
        task = report.failed[0]
        tasks = counted(len(report.failed), "task")
        found.append(f"Failed twice: {tasks}, the first of {report.axis} {task.size}: {task.reason}")
        found.append(f"The tracebacks are in {report.run}/failures; run the command again to retry.")
    return [Remark(text, True) for text in found]


def notes(report: DistillReport, shown: list[DistillationSetting]) -> list[Remark]:
    """What changes how the table is to be read."""
    found = []
    left = len(report.settings) - min(len(shown), TOLD)
    if left:
        found.append(Remark(f"{counted(left, 'setting')} more: see --details."))
    if fewest(report) < FEWEST_BLOCKS:
        found.append(Remark(f"No ± below {FEWEST_BLOCKS * report.block} pairs: it needs blocks to leave out."))
    else:
        found.append(Remark(ERRORS))
    found.append(Remark("Noise alone: what share would lose as much if nothing changed, at most."))
    if report.figures:
        found.append(drawn(report.figures))
    return found


def asked(setting: DistillationSetting) -> list[object]:
    """The options that train more students of a setting."""
    words: list[object] = ["--teacher", setting.teacher]
    usual = Teaching(teacher=setting.teacher)
    if setting.temperature != usual.temperature:
        words += ["--temperature", f"{setting.temperature:g}"]
    if setting.soft_weight != usual.soft_weight:
        words += ["--soft-weight", f"{setting.soft_weight:g}"]
    return [*words, "--teacher-on", setting.teacher_on] if setting.teacher_on != usual.on else words


def fewest(report: DistillReport) -> int:
    return min(row.blocks for setting in report.settings for row in setting.students)


def commands(report: DistillReport) -> list[Command]:
    """What to do next."""
    found = []
    if fewest(report) < FEWEST_BLOCKS:
        models = FEWEST_BLOCKS * report.block
        found.append(command("Models for errors", "train-family", report.run, "--models", models))
        for setting in report.settings[:1]:
            found.append(command("and then", "distill", report.run, *asked(setting)))
    if not report.figures:
        found.append(command("Figures", "distill", report.run, "--plot"))
    return found
