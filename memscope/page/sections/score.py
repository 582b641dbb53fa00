"""How much is memorised, at each size: the scores' distributions, their means, and the accuracies behind them."""

import numpy as np

from memscope.findings import score as findings
from memscope.findings.numbers import decimals, percent, percent_with_error, with_error
from memscope.findings.screen import Grid, Screen, command
from memscope.page import chart
from memscope.page.chart import Scale, Series, with_errors
from memscope.page.data import PageData
from memscope.page.html import table
from memscope.page.section import Figure, Headline, Section, of_screen
from memscope.page.sections.stored import is_old, report_in
from memscope.reports.score import ScoreReport

EDGES = np.arange(-15.5, 16) / 15
"""Edges of the bins, from -1.03 to 1.03. 0 and 1, where scores pile up, are mid-bin; .1 and .9 are edges."""
LOW, HIGH = 0.1, 0.9


def section(data: PageData) -> Section | None:
    report: ScoreReport | None = report_in(data, "score")
    if report is None:
        return None
    drawn = [distributions(data, report), accuracies(report), means(report)]
    leads = headlines(report)
    return of_screen("score", "What is memorised", screen(report), drawn, leads, out_of_date=is_old(data, "score"))


def headlines(report: ScoreReport) -> list[Headline]:
    evidence = report.evidence
    labels = [findings.flips(report), findings.look_at(report, evidence) if evidence else ""]
    amount = findings.memorised(report, evidence) if evidence else screen(report).findings[0]
    most = f"sort=score&at={report.sizes[-1].size}"
    disputed = f"suggested=other&size={evidence.disputed.size}" if evidence and evidence.disputed.labels else ""
    return [Headline(amount, "scores", most), Headline(" ".join(filter(None, labels)), "means", disputed)]


def screen(report: ScoreReport) -> Screen:
    """What `memscope score` tells; less of reports that were stored before what it rests on was."""
    if report.evidence is not None:
        return findings.screen(report)
    last = report.sizes[-1]
    told = f"The mean score is {with_error(last.mean_score, last.mean_score_error)} at {report.axis} {last.size}."
    return Screen(
        [told, findings.flips(report)],
        notes=findings.warnings(report),
        commands=[command("How many examples are clearly memorised, and how sure that is", "score", report.run)],
    )


def distributions(data: PageData, report: ScoreReport) -> Figure:
    """A histogram of the raw scores for each size; flipped labels and others each as shares of their own number."""
    scores, flipped = data.groups["score"]["score"], data.run.examples.flipped
    groups = [("all images", np.ones(scores.shape[1], dtype=bool), "clean", "filled")]
    if flipped is not None and flipped.any():
        groups = [
            (f"the {int((~flipped).sum()):,} labels that were not flipped", ~flipped, "clean", "filled"),
            (f"the {int(flipped.sum()):,} flipped labels", flipped, "flipped", "line"),
        ]
    panels = {
        row.size: [
            Series(name=name, colour=colour, mark=mark, values=bin_shares(scores[place][which]))
            for name, which, colour, mark in groups
        ]
        for place, row in enumerate(report.sizes)
    }
    ends = [f"{percent(row.share_high)} at {report.axis} {row.size}" for row in (report.sizes[0], report.sizes[-1])]
    if len(report.sizes) == 1:
        del ends[0]
    return Figure(
        id="scores",
        print=True,
        title=f"Scores of single images: those above {HIGH:g}, as measured, are {' and '.join(ends)}.",
        about="Near 0: equally often right with and without the image; near 1: right only when trained on it. The "
        "vertical axis has a square-root scale, so that small humps are seen. Steps are as measured, with their noise; "
        "the table has the shares in the fitted population too, without it.",
        chart=chart.histograms(
            report.axis,
            EDGES.tolist(),
            panels,
            Scale(label="memorisation score", lines=((LOW, ""), (HIGH, ""))),
            Scale(label="share of them", form="percent", low=0.0),
        ),
        table=table(
            f"Shares of scores below {LOW:g} and above {HIGH:g}",
            Grid(
                [
                    report.axis,
                    f"below {LOW:g}",
                    f"above {HIGH:g}",
                    f"below {LOW:g}, population",
                    f"above {HIGH:g}, population",
                ],
                [
                    [
                        str(row.size),
                        percent_with_error(row.share_low, row.share_low_error),
                        percent_with_error(row.share_high, row.share_high_error),
                        percent(row.population.share_low),
                        percent(row.population.share_high),
                    ]
                    for row in report.sizes
                ],
            ),
        ),
    )


def bin_shares(scores: np.ndarray) -> list[float]:
    """Share of the defined scores in every bin; those on an edge, which float32 moves a little, count above it."""
    known = scores[~np.isnan(scores)].astype(np.float64)
    counts = np.histogram(np.clip(known + 1e-6, EDGES[0], EDGES[-1]), EDGES)[0]
    return [round(float(share), 6) for share in counts / max(1, len(known))]


def accuracies(report: ScoreReport) -> Figure:
    """Accuracy of models that were trained with an image, without it, and on test images."""
    rows, sizes = report.sizes, [row.size for row in report.sizes]
    seen = with_errors([row.mean_accuracy_in for row in rows], [row.mean_accuracy_in_error for row in rows])
    unseen = with_errors([row.mean_accuracy_out for row in rows], [row.mean_accuracy_out_error for row in rows])
    first, last = rows[0], rows[-1]
    of_last = f"{percent(last.mean_accuracy_in)} and {percent(last.mean_accuracy_out)} at {report.axis} {last.size}"
    of_first = (
        f"{percent(first.mean_accuracy_in)} and {percent(first.mean_accuracy_out)} at {report.axis} {first.size}, "
    )
    return Figure(
        id="accuracies",
        title=f"Right on images they were trained with, and on images they were not: "
        f"{of_first if first is not last else ''}{of_last}.",
        about="The distance between the two is the mean score. Bars: one standard error, by leaving out blocks of "
        "models.",
        chart=chart.lines(
            report.axis,
            sizes,
            Scale(label="right", form="percent"),
            [
                Series(name="trained with the image", colour="first", mark="circle", **seen),
                Series(name="trained without it", colour="second", mark="square", **unseen),
                Series(
                    name="on test images",
                    colour="third",
                    mark="times",
                    dashed=True,
                    values=[row.test_accuracy for row in rows],
                ),
            ],
        ),
        table=table(
            "Accuracies; of test images the standard deviation over models stands in brackets",
            Grid(
                [report.axis, "models", "with the image", "without it", "test images"],
                [
                    [
                        str(row.size),
                        str(row.models),
                        percent_with_error(row.mean_accuracy_in, row.mean_accuracy_in_error),
                        percent_with_error(row.mean_accuracy_out, row.mean_accuracy_out_error),
                        f"{percent(row.test_accuracy)} ({percent(row.test_accuracy_sd)})",
                    ]
                    for row in rows
                ],
            ),
        ),
    )


def means(report: ScoreReport) -> Figure:
    """The mean score, and that of flipped labels and of the others."""
    rows, sizes = report.sizes, [row.size for row in report.sizes]
    whole = with_errors([row.mean_score for row in rows], [row.mean_score_error for row in rows])
    series = [Series(name="all images", colour="first", mark="circle", **whole)]
    by_label = [row.flipped for row in rows if row.flipped is not None]
    noisy = len(by_label) == len(rows)
    if noisy:
        series += [
            Series(
                name="flipped labels",
                colour="flipped",
                mark="triangle",
                values=[one.mean_score_flipped for one in by_label],
            ),
            Series(name="the others", colour="clean", mark="square", values=[one.mean_score_clean for one in by_label]),
        ]
    columns = [report.axis, "mean score", "population", "soft score"]
    columns += ["flipped labels", "the others", "flipped higher"] if noisy else []
    cells = []
    for place, row in enumerate(rows):
        cells.append(
            [
                str(row.size),
                with_error(row.mean_score, row.mean_score_error),
                decimals(row.population.mean_score),
                decimals(row.mean_soft_score),
            ]
        )
        if noisy:
            one = by_label[place]
            cells[-1] += [
                decimals(one.mean_score_flipped),
                decimals(one.mean_score_clean),
                percent_with_error(one.auc_score, one.auc_score_error),
            ]
    ends = " to ".join(
        f"{decimals(row.mean_score)} at {report.axis} {row.size}" for row in (rows[0], rows[-1])[len(rows) == 1 :]
    )
    return Figure(
        id="means",
        title=f"Mean score: {ends}.",
        about="Bars: one standard error, by leaving out blocks of models.",
        chart=chart.lines(report.axis, sizes, Scale(label="mean score", low=0.0), series),
        table=table("Mean scores", Grid(columns, cells)),
    )
