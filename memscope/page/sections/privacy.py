"""Which training examples attacks find: ROC curves at the largest size; rates by size, by type, and of students."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from memscope.findings import privacy as findings
from memscope.findings.privacy import NAMES, attack_of, rate_of
from memscope.findings.rates import percent_of, rate_in_words, share, with_ends
from memscope.findings.screen import Grid
from memscope.page import chart
from memscope.page.chart import Scale, Series
from memscope.page.data import PageData
from memscope.page.html import table
from memscope.page.section import Figure, Headline, Section, of_screen
from memscope.page.sections.stored import is_old, report_in
from memscope.page.sections.students import figures_of_students
from memscope.reports.privacy import PrivacyReport, TypeFound
from memscope.reports.ranged import Ranged

LOOKS = {"lira": ("first", "circle"), "rmia": ("second", "square"), "loss": ("third", "diamond")}
"""Colour and mark of each attack that is drawn"""
RATES = (0.001, 0.01, 0.1)
"""At which the table of the ROC curves has them"""
UNTOLD = Ranged(value=math.nan)


def section(data: PageData) -> Section | None:
    report: PrivacyReport | None = report_in(data, "privacy")
    if report is None:
        return None
    drawn = []
    curves = curves_of(data.groups.get("privacy", {}))
    if curves:
        drawn.append(roc(report, data.groups["privacy"], curves))
    asked = findings.shown_rates(report)
    told = [rate for rate in asked if any(rate_of(attack_of(row, "lira"), rate) for row in report.sizes)]
    if told:
        drawn.append(by_size(report, told[0]))
    types = [one for one in report.sizes[-1].types_of("lira") if not math.isnan(one.true_positive.value)]
    if types:
        drawn.append(by_type(report, types))
    drawn += figures_of_students(report)
    shown_at = next((one.id for one in drawn if one.id == "privacy-sizes"), drawn[0].id if drawn else "privacy")
    words = " ".join(filter(None, (findings.at_largest(report), findings.of_sizes(report))))
    leads = [Headline(words, shown_at)]
    title = "Whether attacks find training examples"
    screen = findings.screen(report)
    return of_screen("privacy", title, screen, drawn, leads, out_of_date=is_old(data, "privacy"))


Curves = Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]


def curves_of(group: Mapping[str, np.ndarray]) -> Curves:
    """Low end, median and high end of the curves of each attack at the largest size, where two points are told."""
    names = [str(name) for name in group.get("attack", ())]
    found = {}
    for name in LOOKS:
        if name in names:
            of_it = [
                group[f"curve_{one}"][-1][names.index(name)].astype(np.float64) for one in ("low", "median", "high")
            ]
            if np.isfinite(of_it).all(0).sum() > 1:
                found[name] = (of_it[0], of_it[1], of_it[2])
    return found


def roc(report: PrivacyReport, group: Mapping[str, np.ndarray], curves: Curves) -> Figure:
    """Curves of three attacks at the largest size."""
    false = np.asarray(group["false_positive_rate"], dtype=np.float64)
    row, at = report.sizes[-1], f"{report.axis} {report.sizes[-1].size}"
    points = {asked: int(np.argmin(abs(np.log(false / asked)))) for asked in RATES}
    known = [asked for asked, place in points.items() if any(np.isfinite(one[1][place]) for one in curves.values())]
    series = [
        Series(
            name=NAMES[name],
            colour=LOOKS[name][0],
            mark=LOOKS[name][1],
            dashed=name == "rmia",
            values=median.tolist(),
            low=low.tolist(),
            high=high.tolist(),
        )
        for name, (low, median, high) in curves.items()
    ]
    return Figure(
        id="privacy-roc",
        title=f"ROC curves of attacks at {at}: area under LiRA's {with_ends(attack_of(row, 'lira').area)}, where "
        "guessing gives .5.",
        about="Across: the share of a model's held-out examples that are taken for members; up: that of its training "
        "examples. Both axes are logarithmic. Lines: the median of the models, each with thresholds of its own; bands: "
        "the middle 90 %. A curve ends at its mark, where fewer than ten of a model's held-out examples would be "
        "beyond the threshold.",
        chart=chart.roc("true-positive rate", false.tolist(), series),
        table=table(
            "True-positive rates, median of the models and the middle 90 % of them",
            Grid(
                ["attack", "area", *(f"at {rate_in_words(asked)} false positives" for asked in known)],
                [
                    [
                        NAMES[name],
                        with_ends(attack_of(row, name).area, 3),
                        *(between(*(float(each[points[asked]]) for each in found)) for asked in known),
                    ]
                    for name, found in curves.items()
                ],
                left=1,
            ),
        ),
    )


def between(low: float, median: float, high: float) -> str:
    """24% (20% to 28%)"""
    return "-" if math.isnan(median) else f"{percent_of(median)} ({percent_of(low)} to {percent_of(high)})"


def by_size(report: PrivacyReport, asked: float) -> Figure:
    """True-positive rates of three attacks over the sizes."""
    series = [
        chart.ranged(NAMES[name], *LOOKS[name], rates(report, name, asked))
        for name in LOOKS
        if told_at(report, name, asked)
    ]
    rate = rate_in_words(asked)
    known = [(row, one) for row in report.sizes if (one := rate_of(attack_of(row, "lira"), asked))]
    row, largest = known[-1]
    every = [rate for rate in findings.shown_rates(report) if any(told_at(report, name, rate) for name in LOOKS)]
    return Figure(
        id="privacy-sizes",
        title=f"Training examples that are found at {rate} false positives: by LiRA {share(largest.true_positive)} at "
        f"{report.axis} {row.size}.",
        about="The share of a model's training examples beyond a threshold that is chosen on other blocks of models. "
        "Bars: 95 % intervals over blocks. The dashed line: what guessing gives.",
        chart=chart.lines(
            report.axis,
            [one.size for one in report.sizes],
            Scale(label="true-positive rate", form="percent", low=0.0, lines=((asked, ""),)),
            series,
        ),
        table=table(
            "True-positive rates, with 95 % intervals",
            Grid(
                [report.axis, *(f"{NAMES[name]} at {rate_in_words(one)}" for name in LOOKS for one in every)],
                [
                    [
                        str(one.size),
                        *(share(rates(report, name, each)[place]) for name in LOOKS for each in every),
                    ]
                    for place, one in enumerate(report.sizes)
                ],
            ),
        ),
    )


def rates(report: PrivacyReport, attack: str, asked: float) -> list[Ranged]:
    """By size; NaN where nothing is told."""
    found = [rate_of(attack_of(row, attack), asked) for row in report.sizes]
    return [UNTOLD if one is None else one.true_positive for one in found]


def told_at(report: PrivacyReport, attack: str, asked: float) -> bool:
    return any(not math.isnan(one.value) for one in rates(report, attack, asked))


def by_type(report: PrivacyReport, types: Sequence[TypeFound]) -> Figure:
    """What LiRA finds of the examples of each type at the largest size, at one threshold."""
    row = report.sizes[-1]
    series = [
        chart.ranged("members", "first", "circle", [one.true_positive for one in types], bare=True),
        chart.ranged("non-members", "second", "ring", [one.false_positive for one in types], bare=True),
    ]
    rate = rate_in_words(row.type_rate)
    return Figure(
        id="privacy-types",
        title=f"What LiRA finds of each type of trajectory at {report.axis} {row.size}, at one threshold.",
        about=f"The threshold is that for {rate} false positives among all examples. Types are told by other blocks "
        "of models than those that are attacked. Bars: 95 % intervals over blocks.",
        chart=chart.rows(
            [one.type for one in types], Scale(label="taken for members", form="percent", low=0.0), series
        ),
        table=table(
            "Shares taken for members, with 95 % intervals",
            Grid(
                ["type, raw", "examples", "members", "non-members"],
                [
                    [one.type, f"{one.examples:,.0f}", share(one.true_positive), share(one.false_positive)]
                    for one in types
                ],
                left=1,
            ),
        ),
    )
