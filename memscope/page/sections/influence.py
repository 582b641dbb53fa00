"""What training images carry: pairs beside chance, at each size, and each image with what it carries."""

import math
from dataclasses import replace

from memscope.findings import influence as findings
from memscope.findings.numbers import decimals, percent
from memscope.findings.screen import Grid
from memscope.page import chart
from memscope.page.chart import Scale, Series
from memscope.page.data import PageData
from memscope.page.html import NOTHING, Html, joined, link, listing, paragraph, table, tag, text
from memscope.page.pairs import CARRIERS, Carrier, Pairs, Picture
from memscope.page.section import Figure, Headline, Section, of_screen
from memscope.page.sections.stored import is_old, report_in
from memscope.reports.influence import InfluenceReport, PairsFound
from memscope.text import printable

TEST, AMONG_TRAINING = "influence", "influence-training"
"""The groups of results"""
TITLES = {TEST: "What single images carry", AMONG_TRAINING: "What single images carry among training images"}
OPEN = 8
"""Training images whose row is there without being asked for"""


def section(data: PageData) -> Section | None:
    return of_group(data, TEST)


def among_training(data: PageData) -> Section | None:
    """Of `influence --among-training`, whose second images are training images."""
    return of_group(data, AMONG_TRAINING)


def of_group(data: PageData, group: str) -> Section | None:
    report: InfluenceReport | None = report_in(data, group)
    if report is None:
        return None
    drawn = [found(report, group)]
    if report.changes:
        drawn.append(beyond_class(report, group))
    screen = findings.screen(report)
    pairs = next((each for each in data.pairs if each.group == group), None)
    told = of_screen(group, TITLES[group], screen, drawn, out_of_date=is_old(data, group))
    lead = screen.findings[0] if screen.findings else ""
    helpful = pairs is not None and pairs.size is not None and pairs.size in data.sizes
    images = f"sort={group.replace(TEST, 'carries')}&at={pairs.size}" if pairs and helpful else ""
    leads = (Headline(lead, drawn[0].id, images),) if lead else ()
    first = group == TEST or TEST not in data.reports  # pairs among training images lead only where there are no others
    return replace(
        told,
        more=joined([NOTHING if pairs is None else shown(data, report, pairs), told.more]),
        headlines=leads if first else (),
        spare=told.spare[1:] if first else (*leads, *told.spare[1:]),
    )


def found(report: InfluenceReport, group: str) -> Figure:
    """Helpful pairs beside those by chance and by class, with a table of harmful ones too."""
    rows = [row.helpful for row in report.sizes]
    sizes = [row.size for row in report.sizes]
    ends = [f"{one.pairs:,} at {report.axis} {size}" for one, size in zip(rows, sizes, strict=True)]
    spread = [0.0 if math.isnan(one.by_chance_sd) else 2 * one.by_chance_sd for one in rows]
    return Figure(
        id=f"{group}-pairs",
        title=f"Helpful pairs: {' to '.join(ends if len(ends) == 1 else [ends[0], ends[-1]])}.",
        about="By chance: how many there would be if no image had influence; bars: two standard deviations. By class: "
        "if all memorised images of a class had the same influence. The vertical axis has a "
        "logarithmic scale.",
        chart=chart.lines(
            report.axis,
            sizes,
            Scale(label="pairs", form="count", low=0.0),
            [
                Series(name="found", colour="first", mark="circle", values=[float(one.pairs) for one in rows]),
                Series(name="by class", colour="third", mark="square", dashed=True, values=[r.by_class for r in rows]),
                Series(
                    name="by chance",
                    colour="faint",
                    mark="diamond",
                    dashed=True,
                    values=[one.by_chance for one in rows],
                    low=[max(0.0, one.by_chance - more) for one, more in zip(rows, spread, strict=True)],
                    high=[one.by_chance + more for one, more in zip(rows, spread, strict=True)],
                ),
            ],
        ),
        table=joined(
            [
                table(f"{way.capitalize()} pairs at each {report.axis}", numbers(report, way))
                for way in ("helpful", "harmful")
            ]
        ),
    )


def numbers(report: InfluenceReport, way: str) -> Grid:
    columns = [
        *(report.axis, "memorised images", "pairs found", "by chance", "by class", "false share", "listed"),
        "influence, measured anew",
    ]
    return Grid(columns, [cells(row.size, row.memorised, getattr(row, way)) for row in report.sizes])


def cells(size: int, memorised: int, one: PairsFound) -> list[str]:
    spread = "" if math.isnan(one.by_chance_sd) else f" ±{findings.number(one.by_chance_sd)}"
    return [
        *(str(size), f"{memorised:,}", f"{one.pairs:,}", f"{findings.number(one.by_chance)}{spread}"),
        *(findings.number(one.by_class), percent(one.false_share), "yes" if one.listed else "no"),
        findings.with_ends(one.measured_anew),
    ]


def beyond_class(report: InfluenceReport, group: str) -> Figure:
    """Pairs beyond those by class, by which sizes are compared; the interval of the whole change at the last size."""
    rows, axis = report.sizes, report.axis
    beyond = [row.helpful.pairs - row.helpful.by_class for row in rows]
    first, last = rows[0].size, rows[-1].size
    whole = report.changes[-1]
    unknown = [math.nan] * (len(rows) - 1)
    return Figure(
        id=f"{group}-beyond",
        title=f"Helpful pairs beyond those by class: from {axis} {first} to {axis} {last} "
        f"{findings.signed_number(whole)}.",
        about=f"By these sizes are compared. In brackets, and as a bar at {axis} {last}: 95 % interval of the change, "
        "over training images. Noisier models show more pairs of the same influence, too.",
        chart=chart.lines(
            axis,
            [row.size for row in rows],
            Scale(label="pairs beyond those by class", lines=((0.0, ""),)),
            [
                Series(
                    name="found, less those by class",
                    colour="first",
                    mark="circle",
                    values=beyond,
                    low=[*unknown, beyond[0] + whole.change.low],
                    high=[*unknown, beyond[0] + whole.change.high],
                )
            ],
        ),
        table=table(
            "How the number of helpful pairs beyond those by class changes, with 95 % intervals",
            Grid(
                [f"from {axis}", f"to {axis}", "change"],
                [[str(one.smaller), str(one.larger), findings.signed_number(one)] for one in report.changes],
            ),
        ),
    )


def shown(data: PageData, report: InfluenceReport, pairs: Pairs) -> Html:
    """Rows of a training image and what it carries; the first are open. It says where no pair is helpful."""
    other = "training images" if pairs.part == "train" else "test images"
    if pairs.size is None:
        return paragraph("No helpful pairs are listed: which images carry others is not shown.")
    at = f"{report.axis} {pairs.size}"
    largest = "" if pairs.size == report.sizes[-1].size else f", the largest {report.axis} with pairs that are listed"
    row = next(row for row in report.sizes if row.size == pairs.size)
    some = f"{len(pairs.carriers):,} of the {pairs.carrying:,}" if pairs.carrying > CARRIERS else f"{pairs.carrying:,}"
    about = (
        f"{some} training images that carry others at {at}{largest}, those that carry most first. Under each image "
        "that is carried: its influence ± standard error, in models that had no part in the choice of pairs or in "
        "their order. "
        f"Of these pairs {percent(row.helpful.false_share)} are expected to be there by chance or by class."
    )
    rest = f"An image of the gallery, opened, tells all that it carries, at every {report.axis}" + (
        f"; the page holds {pairs.rows.shape[1]:,} of {pairs.listed:,} pairs." if partial(pairs) else "."
    )
    rows = [carrier(data, report, one, other) for one in pairs.carriers]
    more = (
        tag("details", tag("summary", text(f"{len(rows) - OPEN} more")), listing(rows[OPEN:], class_="carriers"))
        if len(rows) > OPEN
        else NOTHING
    )
    return tag(
        "div",
        tag("h3", text(f"Each image with what it carries, at {at}")),
        paragraph(f"{about} {rest}", class_="quiet"),
        listing(rows[:OPEN], class_="carriers"),
        more,
        class_="carried",
    )


def partial(pairs: Pairs) -> bool:
    return pairs.rows.shape[1] < pairs.listed


def carrier(data: PageData, report: InfluenceReport, one: Carrier, other: str) -> Html:
    """One training image, and the first of what it carries."""
    name = class_name(data, one.own.label)
    words = [tag("span", text(name)), tag("span", text(f"memorised {decimals(one.memorised, 2)}"), class_="quiet")]
    if one.flipped_from is not None:
        words.insert(1, tag("span", text(f"true: {class_name(data, one.flipped_from)}"), class_="flag"))
    own = tag(
        "a", image(data, one.own, "training image"), *words, href=f"#gallery?example={one.own.example}", class_="own"
    )
    carries = [
        joined(
            [
                image(data, each, other[:-1]),
                tag("span", text(told_influence(each))),
                tag("span", text(class_name(data, each.label)), class_="quiet") if report.all_classes else NOTHING,
            ],
            "",
        )
        for each in one.carries
    ]
    left = one.count - len(carries)
    if left:
        more = link(f"#gallery?example={one.own.example}", f"{left:,} more")
        carries.append(tag("span", more, class_="left"))
    return joined([own, listing(carries, class_="borne", aria_label=f"{other} that it carries")], "")


def told_influence(one: Picture) -> str:
    """0.31 ±0.08; a dash where the models that tell it do not know."""
    if math.isnan(one.influence):
        return "\u2013"
    error = "" if math.isnan(one.standard_error) else f" ±{decimals(one.standard_error, 2)}"
    return decimals(one.influence, 2).replace("-", "\u2212") + error


def image(data: PageData, one: Picture, kind: str) -> Html:
    small = data.run.examples.image_shape[1] <= 40
    name = f"{kind} {one.example}: {class_name(data, one.label)}"
    return Html(
        f'<img src="{text(one.data)}" alt="{text(name)}" title="{text(name)}" loading="lazy" '
        f'class="picture{" pixels" if small else ""}">'
    )


def class_name(data: PageData, label: int) -> str:
    return printable(data.run.examples.class_names[label])
