"""What students of a larger teacher forget."""

from memscope.findings import distill as findings
from memscope.findings.numbers import decimals, percent_with_error, points, signed
from memscope.findings.screen import Grid
from memscope.page import chart
from memscope.page.chart import Scale, Series, of_type, with_errors
from memscope.page.data import PageData
from memscope.page.html import table
from memscope.page.section import Figure, Headline, Section, of_screen
from memscope.page.sections.stored import is_old, report_in
from memscope.reports.distill import ChangeOfType, DistillationSetting, DistillReport


def section(data: PageData) -> Section | None:
    report: DistillReport | None = report_in(data, "distill")
    if report is None:
        return None
    drawn = []
    for place, setting in enumerate(report.settings):
        end = "" if len(report.settings) == 1 else f"-{place + 1}"
        drawn.append(changes(report, setting, end))
        if setting.by_type:
            drawn.append(types(report, setting, setting.by_type, end))
        drawn.append(scores(data, report, place, end))  # which is wide; the others stand beside each other
    title = "What distillation forgets"
    leads = [Headline(findings.change_of(report, one), drawn[0].id) for one in report.settings[:1]]
    return of_screen("distill", title, findings.screen(report), drawn, leads, out_of_date=is_old(data, "distill"))


def taught(report: DistillReport, setting: DistillationSetting) -> str:
    """Which students these are, where there are several kinds."""
    name = f"Taught by {report.axis} {setting.teacher}"
    return name if len(report.settings) == 1 else f"{name} ({setting.setting})"


def changes(report: DistillReport, setting: DistillationSetting, end: str) -> Figure:
    """The mean change of the score at each size of students."""
    rows = setting.students
    mean = with_errors([row.mean_change for row in rows], [row.mean_change_error for row in rows])
    series = [Series(name="all images", colour="first", mark="circle", **mean)]
    errors = [row.by_label_errors for row in rows if row.by_label_errors is not None]
    noisy = len(errors) == len(rows)
    if noisy:
        flipped = with_errors(
            [row.mean_change_flipped for row in rows], [one.mean_change_flipped_error for one in errors]
        )
        others = with_errors([row.mean_change_clean for row in rows], [one.mean_change_clean_error for one in errors])
        series += [
            Series(name="flipped labels", colour="flipped", mark="triangle", **flipped),
            Series(name="the others", colour="clean", mark="square", **others),
        ]
    columns = [report.axis, "score, labels", "score, students", "change"]
    columns += ["flipped labels", "the others"] if noisy else []
    cells = []
    for place, row in enumerate(rows):
        cells.append(
            [
                str(row.size),
                decimals(row.onehot.mean_score),
                decimals(row.distilled.mean_score),
                signed(row.mean_change, row.mean_change_error),
            ]
        )
        if noisy:
            cells[-1] += [
                signed(row.mean_change_flipped, errors[place].mean_change_flipped_error),
                signed(row.mean_change_clean, errors[place].mean_change_clean_error),
            ]
        cells[-1].append(points(row.test_change, row.test_change_error))
    most = min(rows, key=lambda row: row.mean_change)
    return Figure(
        id=f"distill-change{end}",
        title=f"{taught(report, setting)}: the mean score changes by "
        f"{signed(most.mean_change, most.mean_change_error)} at {report.axis} {most.size}.",
        about="Students less models of their size that were trained on the labels alone, on the same images. Bars: one "
        "standard error, by leaving out blocks of models.",
        chart=chart.lines(
            report.axis,
            [row.size for row in rows],
            Scale(label="change of the mean score", lines=((0.0, "no change"),)),
            series,
        ),
        table=table("Changes of the mean score", Grid([*columns, "test accuracy, points"], cells)),
    )


def scores(data: PageData, report: DistillReport, place: int, end: str) -> Figure:
    """Each image's score in the students against that in the others, as counts in squares."""
    setting, kept = report.settings[place], data.groups["distill"]
    sizes = [int(size) for size in kept["size"]]
    panels = {f"{report.axis} {row.size}": kept["histogram"][place, sizes.index(row.size)] for row in setting.students}
    most = max(setting.students, key=lambda row: row.inhibited)
    return Figure(
        id=f"distill-scores{end}",
        title=f"{taught(report, setting)}: {percent_with_error(most.inhibited, most.inhibited_error)} of the images "
        f"lose over {report.epsilon:g} at {report.axis} {most.size}; if nothing changed, noise alone would make it "
        f"{percent_with_error(most.inhibited_if_same, None)} at most.",
        about="Each square holds the images with about these two scores; below the diagonal students memorise less. "
        "A stronger colour: more images, by the logarithm of their number.",
        chart=chart.squares(
            kept["histogram_edge"].astype(float),
            panels,
            Scale(label="score, trained on labels alone"),
            Scale(label="score of the students"),
        ),
        table=table(
            f"Images whose score changes by more than {report.epsilon:g}",
            Grid(
                [report.axis, "lose", "noise alone, at most", "gain", "noise alone, at most"],
                [
                    [
                        str(row.size),
                        percent_with_error(row.inhibited, row.inhibited_error),
                        percent_with_error(row.inhibited_if_same, None),
                        percent_with_error(row.raised, row.raised_error),
                        percent_with_error(row.raised_if_same, None),
                    ]
                    for row in setting.students
                ],
            ),
        ),
    )


def types(report: DistillReport, setting: DistillationSetting, by_type: tuple[ChangeOfType, ...], end: str) -> Figure:
    """The change of the score by type of the trajectory of the models without a teacher."""
    there = [each for each in by_type if each.examples and each.changes]
    sizes = [row.size for row in setting.students]
    series = []
    for each in there:
        found = {change.size: change for change in each.changes}
        kept = [found.get(size) for size in sizes]
        series.append(
            of_type(
                each.type,
                values=[float("nan") if one is None else one.change for one in kept],
                low=[float("nan") if one is None else one.low for one in kept],
                high=[float("nan") if one is None else one.high for one in kept],
            )
        )
    return Figure(
        id=f"distill-types{end}",
        title=f"{taught(report, setting)}: the change of the score by type of trajectory.",
        about="Types and changes come from different blocks of models: otherwise noise that named a type would seem to "
        "be forgotten. Bars: 95 % intervals over blocks of models.",
        chart=chart.lines(report.axis, sizes, Scale(label="change of the score", lines=((0.0, "no change"),)), series),
        table=table(
            "Change of the score by type (and its 95 % interval)",
            Grid(
                ["type", "images", *(f"{report.axis} {size}" for size in sizes)],
                [[each.type, f"{each.examples:,.0f}", *(told(each, size) for size in sizes)] for each in there],
                left=1,
            ),
        ),
    )


def told(each: ChangeOfType, size: int) -> str:
    found = next((change for change in each.changes if change.size == size), None)
    if found is None:
        return "-"
    ends = "" if decimals(found.low) == "-" else f" ({signed(found.low)} to {signed(found.high)})"
    return f"{signed(found.change)}{ends}"
