"""`memscope trajectories` in print."""

import math

from memscope.analysis.statistics.intervals import jeffreys_limits
from memscope.findings import trajectories as findings
from memscope.findings.numbers import decimals, percent, percent_with_error
from memscope.findings.screen import Remark
from memscope.reports.trajectories import PopulationTypes, TrajectoriesReport, TypeShares
from memscope.tables.printing import say, show_screen, table, tell


def show(report: TrajectoriesReport, details: bool = False) -> None:
    """One screen of findings, or with `details` all that there is."""
    if not details:
        show_screen(findings.screen(report))
        return
    show_types(report)
    for picture in report.figures or ():
        say(f"Wrote {picture}.")


def show_types(report: TrajectoriesReport) -> None:
    """Shares of the types, where the change comes from, how the shares depend on epsilon and on the label."""
    show_shares(report)
    for note in notes(report):
        tell(note)
    table(
        "Where the change comes from (means over the examples of each raw type)",
        ["type", "examples", "rise", "from acc. in", "from acc. out", "fall", "from acc. in", "from acc. out"],
        [
            [
                row.type,
                str(row.raw),
                decimals(row.rise),
                decimals(row.rise_from_in),
                decimals(row.rise_from_out),
                decimals(row.fall),
                decimals(row.fall_from_in),
                decimals(row.fall_from_out),
            ]
            for row in report.by_type
            if row.raw
        ],
    )
    say(
        "from acc. in, from acc. out: the parts of the change. A rise from acc. out means that "
        "models without the example "
        "get it right less often, a fall that they get it right more often. A negative fall: the score never falls."
    )
    show_marks(report)
    table(
        "Raw shares against epsilon",
        ["epsilon", *report.all_sizes.raw],
        [[f"{row.epsilon:g}", *(percent(share) for share in row.shares)] for row in report.by_epsilon],
    )
    if report.flipped_types:
        table(
            "Called types of flipped and of clean labels",
            ["label", *report.all_sizes.called],
            [
                [kind, *(percent(share) for share in found.called.values())]
                for kind, found in (("flipped", report.flipped_types.flipped), ("clean", report.flipped_types.clean))
            ],
        )


def show_marks(report: TrajectoriesReport) -> None:
    """Which of the examples of each type are flipped, repeated or disputed."""
    if not report.marks:
        return
    kinds = [("flipped", "flipped labels")] if report.marks[0].flipped is not None else []
    kinds += [("near_duplicates", "near-duplicates"), ("disputed", "disputed labels")]
    table(
        "What the examples of each raw type have (95 % intervals over examples)",
        ["type", "examples", *(title for _, title in kinds)],
        [
            [row.type, f"{row.examples:,}", *(marked(getattr(row, name), row.examples) for name, _ in kinds)]
            for row in report.marks
            if row.examples
        ],
    )
    say(
        "near-duplicates: with an identical or nearly identical image among the training examples. disputed: models of "
        f"{report.axis} {report.disputed_at} that were trained without the example most often see another class; a "
        "score that rises is partly that."
    )


def marked(count: int, examples: int) -> str:
    """12.0% (10.1% to 14.2%)"""
    low, high = (float(end) for end in jeffreys_limits(count, examples))
    return f"{percent(count / examples)} ({percent(low)} to {percent(high)})"


def show_shares(report: TrajectoriesReport) -> None:
    """A table over all sizes, and one over those that interpolate if they are others."""
    grids = [("all sizes", report.all_sizes)]
    interpolating = report.interpolating_sizes
    if interpolating and interpolating.sizes != report.all_sizes.sizes:
        grids.append(("interpolating sizes", interpolating))
    for label, shares in grids:
        sizes = ", ".join(map(str, shares.sizes))
        population = report.population if label == "all sizes" else None
        table(
            f"Types of trajectory over {label}: {report.axis} {sizes} (epsilon {report.epsilon:g})",
            ["type", "raw rule", "if all were flat", "called", "if all were flat"]
            + (["population", "called by it"] if population else []),
            [row_of(name, shares, population) for name in shares.called],
        )
        if shares.undefined:
            say(f"{shares.undefined} examples are undefined: a size has no model with, or none without them.")


def row_of(name: str, shares: TypeShares, population: PopulationTypes | None) -> list[str]:
    """The shares of one type; undetermined has a place among the called ones only."""
    cells = [
        name,
        percent_with_error(shares.raw.get(name), shares.raw_error.get(name)),
        percent(shares.if_all_flat.get(name)),
        percent_with_error(shares.called[name], shares.called_error[name]),
        percent(shares.if_all_flat_called[name]),
    ]
    if population:
        cells.append(percent_with_error(population.shares.get(name), population.shares_error.get(name)))
        cells.append(percent(population.called[name]))
    return cells


def notes(report: TrajectoriesReport) -> list[Remark]:
    """What a reader of the shares must know beside them."""
    texts = [
        "if all were flat: what the column before would say of trajectories without any change, at "
        "these numbers of models. "
        f"called: with at least {report.confidence:.0%} of the posterior. Compare shares only on "
        "equal sizes and models.",
        "population: shares in the population that empirical Bayes fits to all examples, the noise taken out; called "
        "by it: with as much of its posterior. All other columns are from the raw scores.",
    ]
    errors = (
        "No ±: shares need four blocks of models."
        if all(math.isnan(error) for error in report.all_sizes.raw_error.values())
        else "±: by leaving out half of the blocks of models; of the population one block, or group of them, at a time."
    )
    texts.append(
        f"{errors} Shares by the raw rule are those at this number of models: more models, less noise, other shares."
    )
    lines = [Remark(text) for text in texts]
    if len(set(report.models)) > 1:
        counts = ", ".join(map(str, report.models))
        lines.append(
            Remark(f"Warning: sizes have different numbers of models ({counts}), so their noise differs too.", True)
        )
    if report.interpolating_sizes is None:
        lines.append(Remark("Fewer than two sizes interpolate, so there is no table over interpolating sizes."))
    return lines
