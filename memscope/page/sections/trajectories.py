"""How memorisation changes with size: mean trajectories of the types, their shares, and where changes come from."""

import math

from memscope.findings import trajectories as findings
from memscope.findings.numbers import decimals, percent, percent_with_error
from memscope.findings.screen import Grid, Screen, command
from memscope.page import chart
from memscope.page.chart import Scale, Series, of_type, with_errors
from memscope.page.data import PageData
from memscope.page.html import Html, joined, table
from memscope.page.section import Figure, Headline, Section, of_screen
from memscope.page.sections.stored import is_old, report_in
from memscope.reports.trajectories import RawTypeChange, TrajectoriesReport, TypeShares


def section(data: PageData) -> Section | None:
    report: TrajectoriesReport | None = report_in(data, "trajectories")
    if report is None:
        return None
    drawn = [trajectories(report), shares(report), changes(report)]
    told, title = screen(report), "How it changes with size"
    return of_screen("trajectories", title, told, drawn, headlines(report), out_of_date=is_old(data, "trajectories"))


def headlines(report: TrajectoriesReport) -> list[Headline]:
    """The types, and what the mean does, in as far as they can be told."""
    if report.evidence is None:
        return [Headline(told, "shares") for told in screen(report).findings[:1]]
    lead = (
        findings.by_population(report) if report.population_check.passed else findings.certain(report, report.evidence)
    )
    return [Headline(f"{findings.the_mean(report, report.evidence)} {lead}", "shares")]


def screen(report: TrajectoriesReport) -> Screen:
    """What `memscope trajectories` tells; less of reports that were stored before what it rests on was."""
    if report.evidence is not None:
        return findings.screen(report)
    told = [findings.by_population(report)] if report.population_check.passed else []
    return Screen(
        [*told, findings.of_flipped(report)],
        commands=[command("How sure that is, and what noise alone would show", "trajectories", report.run)],
    )


def trajectories(report: TrajectoriesReport) -> Figure:
    """The mean score of each type over the sizes, on models that did not name the types where there are such."""
    elsewhere = any(row.score_elsewhere for row in report.by_type)
    there = [(row, mean_of(row, elsewhere)) for row in report.by_type if row.raw]
    series = [
        of_type(row.type, values=mean, low=row.low_elsewhere, high=row.high_elsewhere)
        for row, mean in there
        if mean is not None
    ]
    sizes = report.all_sizes.sizes
    how = (
        "A type is named on half of the models and its mean taken over the others, so what was only noise is flat "
        "here. Bars: 95 % intervals over blocks of models."
        if elsewhere
        else "The same models name the type and give the mean: noise has the shape of its name, too."
    )
    return Figure(
        id="trajectories-by-type",
        print=True,
        title=f"Mean score of the images of each type, over {report.axis}.",
        about=f"Types as measured, changes above {report.epsilon:g} counting. {how} Choose a type to see its images "
        "below.",
        chart=chart.lines(report.axis, sizes, Scale(label="mean score"), series),
        table=table(
            "Mean score by type",
            Grid(
                ["type", "images", *(f"{report.axis} {size}" for size in sizes)],
                [
                    [row.type, f"{row.raw:,}", *(between(row, mean, place, elsewhere) for place in range(len(sizes)))]
                    for row, mean in there
                ],
                left=1,
            ),
        ),
    )


def mean_of(row: RawTypeChange, elsewhere: bool) -> tuple[float, ...] | None:
    return row.score_elsewhere if elsewhere else row.mean_score


def between(row: RawTypeChange, mean: tuple[float, ...] | None, place: int, elsewhere: bool) -> str:
    """A mean and its interval."""
    if mean is None:
        return "-"
    if not elsewhere or row.low_elsewhere is None or row.high_elsewhere is None:
        return decimals(mean[place])
    return f"{decimals(mean[place])} ({decimals(row.low_elsewhere[place])} to {decimals(row.high_elsewhere[place])})"


def shares(report: TrajectoriesReport) -> Figure:
    """How many images are of each type: measured, from noise alone, and in the fitted population where it leads."""
    found, population = report.all_sizes, report.population
    leads = report.population_check.passed
    names = [
        name for name in found.called if not leads or name in population.shares
    ]  # it does not call any undetermined
    raw, flat = of(found.raw, names), of(found.if_all_flat, names)
    errors = of(found.raw_error, names)
    series = [
        Series(name="as measured", colour="first", mark="circle", bare=True, **with_errors(raw, errors)),
        Series(name="if all were flat", colour="faint", mark="bar", bare=True, values=flat),
    ]
    if leads:
        low, high = of(population.shares_low, names), of(population.shares_high, names)
        series.insert(
            0,
            Series(
                name="in the population",
                colour="second",
                mark="diamond",
                bare=True,
                values=of(population.shares, names),
                low=low,
                high=high,
            ),
        )
    else:
        called, called_errors = of(found.called, names), of(found.called_error, names)
        series.append(
            Series(name="called", colour="second", mark="square", bare=True, **with_errors(called, called_errors))
        )
    return Figure(
        id="shares",
        title="How many images are of each type, and how many would be if no score changed.",
        about="Only what exceeds the share of flat trajectories is change. Bars: one standard error"
        + (", of the population from the least to the most that a share may be." if leads else "."),
        chart=chart.rows(names, Scale(label="share of the images", form="percent", low=0.0), series),
        table=share_tables(report),
    )


def of(shares: dict[str, float], names: list[str]) -> list[float]:
    return [shares.get(name, math.nan) for name in names]


def share_tables(report: TrajectoriesReport) -> Html:
    """The shares; over the sizes that interpolate alone; of labels; and how they move with the threshold."""
    axis, every = report.axis, report.all_sizes
    population = findings.population_grid(report) if report.population_check.passed else None
    tables = [table("Shares of the types", population or findings.grid(report))]
    some = report.interpolating_sizes
    if some is not None and some.sizes != every.sizes:
        listed = ", ".join(map(str, some.sizes))
        tables.append(table(f"Over the {axis}s whose models fit their own images alone: {listed}", plain_grid(some)))
    if report.flipped_types is not None:
        kinds = report.flipped_types
        tables.append(
            table(
                "Called types of flipped labels and of the others",
                Grid(
                    ["type", "flipped labels", "others"],
                    [
                        [name, percent(kinds.flipped.called[name]), percent(kinds.clean.called[name])]
                        for name in every.called
                    ],
                    left=1,
                ),
            )
        )
    tables.append(
        table(
            "Shares as measured, by what change counts",
            Grid(
                ["change", *every.raw], [[f"{row.epsilon:g}", *map(percent, row.shares)] for row in report.by_epsilon]
            ),
        )
    )
    return joined(tables)


def plain_grid(shares: TypeShares) -> Grid:
    return Grid(
        ["type", "as measured", "if all were flat", "called", "if all were flat"],
        [
            [
                name,
                percent_with_error(shares.raw.get(name), shares.raw_error.get(name)),
                percent(shares.if_all_flat.get(name)),
                percent_with_error(shares.called[name], shares.called_error.get(name)),
                percent(shares.if_all_flat_called[name]),
            ]
            for name in shares.called
        ],
        left=1,
    )


def changes(report: TrajectoriesReport) -> Figure:
    """Whether scores change because models fit what they saw, or because they get right what they did not see."""
    there = [row for row in report.by_type if row.raw]
    panels = {
        title: [
            Series(
                name="from models trained with the image", colour="first", mark="filled", values=[a for a, _ in parts]
            ),
            Series(
                name="from models trained without it", colour="second", mark="striped", values=[b for _, b in parts]
            ),
        ]
        for title, parts in (
            ("largest rise", [(row.rise_from_in, row.rise_from_out) for row in there]),
            ("largest fall", [(row.fall_from_in, row.fall_from_out) for row in there]),
        )
    }
    return Figure(
        id="changes",
        title="What the changes come from.",
        about="A score rises where models trained with the image get it right more often, or models trained without it "
        "less often; and falls the other way round. Means over the images of each type as measured.",
        chart=chart.bars([row.type for row in there], Scale(label="change of the score"), panels),
        table=table(
            "Where the change comes from (a negative fall: the score never falls)",
            Grid(
                ["type", "images", "rise", "from with", "from without", "fall", "from with", "from without"],
                [
                    [
                        row.type,
                        f"{row.raw:,}",
                        decimals(row.rise),
                        decimals(row.rise_from_in),
                        decimals(row.rise_from_out),
                        decimals(row.fall),
                        decimals(row.fall_from_in),
                        decimals(row.fall_from_out),
                    ]
                    for row in there
                ],
                left=1,
            ),
        ),
    )
