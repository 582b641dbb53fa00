"""What LiRA finds of distilled models beside one-hot models of the same blocks: a figure of each setting."""

from collections.abc import Sequence

from memscope.findings.privacy import attack_of, rate_of, told_rates
from memscope.findings.rates import points_ends, rate_in_words, share, signed_ends, with_ends
from memscope.findings.screen import Grid
from memscope.findings.words import short
from memscope.page import chart
from memscope.page.chart import Scale
from memscope.page.html import table
from memscope.page.section import Figure
from memscope.reports.privacy import AttackFound, PrivacyReport, StudentsFound
from memscope.reports.ranged import Ranged


def figures_of_students(report: PrivacyReport) -> list[Figure]:
    """None where no students were attacked."""
    settings: dict[str, list[StudentsFound]] = {}
    for row in report.students or ():
        settings.setdefault(row.setting, []).append(row)
    found = []
    for place, rows in enumerate(settings.values()):
        end = "" if len(settings) == 1 else f"-{place + 1}"
        asked = rate_of_all(rows)
        found.append(areas(report, rows, end) if asked is None else rates(report, rows, asked, end))
    return found


def rate_of_all(rows: Sequence[StudentsFound]) -> float | None:
    """The smallest false-positive rate that is told of both kinds at every size, so that sizes compare; or None."""
    told = [{rate.asked for rate in told_rates(lira(kind))} for row in rows for kind in (row.students, row.onehot)]
    return min(set.intersection(*told), default=None)


def lira(attacks: Sequence[AttackFound]) -> AttackFound:
    return attack_of(attacks, "lira")


def rates(report: PrivacyReport, rows: Sequence[StudentsFound], asked: float, end: str) -> Figure:
    """True-positive rates over the sizes; the table has the areas too."""
    students, onehot = ([true_positive(kind, asked) for kind in kinds] for kinds in both(rows))
    at, last = f"at {rate_in_words(asked)} false positives", rows[-1]
    cells = []
    for place, row in enumerate(rows):
        cells.append([str(row.size), f"{row.models:,}", share(students[place]), share(onehot[place])])
        cells[-1].append(points_ends(row.true_positive) if row.asked == asked else "-")  # else it is at another rate
        cells[-1] += cells_of_areas(row)
    columns = [f"students {at}", f"one-hot {at}", "difference", "students, area", "one-hot, area", "difference"]
    return figure(
        report,
        rows,
        f"LiRA finds {share(students[-1])} of the training examples of students ({short(last.setting)}) and "
        f"{share(onehot[-1])} of those of one-hot models {at}, at {report.axis} {last.size}.",
        Scale(label="true-positive rate of LiRA", form="percent", low=0.0, lines=((asked, ""),)),
        (students, onehot),
        Grid([report.axis, "models", *columns], cells),
        end,
    )


def areas(report: PrivacyReport, rows: Sequence[StudentsFound], end: str) -> Figure:
    """Areas under ROC curves over the sizes, where there is no rate to tell."""
    students, onehot = ([lira(kind).area for kind in kinds] for kinds in both(rows))
    last = rows[-1]
    cells = [[str(row.size), f"{row.models:,}", *cells_of_areas(row)] for row in rows]
    return figure(
        report,
        rows,
        f"The area under LiRA's ROC curve is {with_ends(students[-1])} of students ({short(last.setting)}) and "
        f"{with_ends(onehot[-1])} of one-hot models, at {report.axis} {last.size}.",
        Scale(label="area under LiRA's ROC curve", lines=((0.5, ""),)),
        (students, onehot),
        Grid([report.axis, "models", "students, area", "one-hot, area", "difference"], cells),
        end,
    )


def both(rows: Sequence[StudentsFound]) -> tuple[list[Sequence[AttackFound]], list[Sequence[AttackFound]]]:
    """What attacks find of the students, and of the one-hot models, by size."""
    return [row.students for row in rows], [row.onehot for row in rows]


def true_positive(attacks: Sequence[AttackFound], asked: float) -> Ranged:
    """LiRA's at a rate that is told."""
    found = rate_of(lira(attacks), asked)
    assert found is not None
    return found.true_positive


def cells_of_areas(row: StudentsFound) -> list[str]:
    return [with_ends(lira(row.students).area), with_ends(lira(row.onehot).area), signed_ends(row.area)]


def figure(
    report: PrivacyReport,
    rows: Sequence[StudentsFound],
    title: str,
    up: Scale,
    found: tuple[Sequence[Ranged], Sequence[Ranged]],
    grid: Grid,
    end: str,
) -> Figure:
    series = [
        chart.ranged("students", "second", "triangle", found[0]),
        chart.ranged("one-hot models", "first", "circle", found[1]),
    ]
    return Figure(
        id=f"privacy-students{end}",
        title=title,
        about="Each is attacked for the examples that it was trained on itself, by references of its own kind. "
        "The one-hot models are of the same blocks. Bars: 95 % intervals over blocks. Dashed: what guessing gives.",
        chart=chart.lines(report.axis, [row.size for row in rows], up, series),
        table=table("What LiRA finds of students and of one-hot models, with 95 % intervals", grid),
    )
