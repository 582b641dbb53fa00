"""`memscope convergence` in print."""

import math

from memscope.analysis.trajectories import TYPES
from memscope.findings import convergence as findings
from memscope.findings.numbers import fine
from memscope.findings.rates import percent_of
from memscope.reports.convergence import ConvergenceReport, OverSets
from memscope.tables.printing import say, show_screen, table, tell


def show(report: ConvergenceReport, details: bool = False) -> None:
    """One screen of findings, or with `details` all that there is."""
    if not details:
        show_screen(findings.screen(report))
        return
    for at, size in enumerate(report.rows[-1].sizes):
        table(
            f"Scores at {report.axis} {size.size}, by number of models (in brackets: lowest and highest of the sets)",
            ["models", "sets", "error", "they say", "foretold", "population", "it says", "as models", "agreement",
             "foretold", "soft agreement"],
            [
                [
                    str(row.models),
                    str(row.sets),
                    ranged(row.sizes[at].error, 3),
                    fine(row.sizes[at].standard_error, 3),
                    fine(row.sizes[at].expected, 3),
                    ranged(row.sizes[at].population_error, 3),
                    fine(row.sizes[at].population_sd, 3),
                    "-" if math.isnan(row.sizes[at].as_good_as) else f"{row.sizes[at].as_good_as:.0f}",
                    ranged(row.sizes[at].agreement, 2),
                    fine(row.sizes[at].expected_agreement),
                    ranged(row.sizes[at].soft_agreement, 2),
                ]
                for row in report.rows
            ],
        )  # fmt: skip
        say(f"To say the mean score of every example would be off by {fine(size.spread, 3)}.")
    show_types(report)
    for note in findings.notes(report):
        tell(note)
    for picture in report.figures or ():
        say(f"Wrote {picture}.")


def show_types(report: ConvergenceReport) -> None:
    rows = [(row.models, row.types) for row in report.rows if row.types is not None]
    if not rows:
        return
    for field, title in (
        ("raw", f"Shares of types by the raw rule (epsilon {report.epsilon:g})"),
        ("population", "Shares of types in the population that is fitted to so many models"),
        ("called", "Shares of types called from each example's own models"),
    ):
        names = list(getattr(rows[-1][1], field))
        table(
            title,
            ["models", *names],
            [[str(models), *(shares(getattr(types, field)[name]) for name in names)] for models, types in rows],
        )
    table(
        "Shares that the raw rule would give if all were flat",
        ["models", *TYPES],
        [[str(models), *(percent_of(types.if_all_flat[name]) for name in TYPES)] for models, types in rows],
    )
    table(
        "The same type in two sets of models",
        ["models", "raw", "by chance", "both call one", "the same", "by chance", "both tell one", "the same",
         "by chance"],
        [
            [
                str(models),
                percent_of(types.same_raw),
                percent_of(types.same_raw_by_chance),
                percent_of(types.both_called),
                *map(percent_of, findings.same_shares(types, "called", report)),
                percent_of(types.both_told),
                *map(percent_of, findings.same_shares(types, "told", report)),
            ]
            for models, types in rows
        ],
    )  # fmt: skip
    say(
        "call: from the example's own models. tell: by the population estimate. The same, by chance: of the examples "
        f"of which both sets name a type, where they are at least {findings.FEWEST_SAME}."
    )


def ranged(found: OverSets, digits: int) -> str:
    """.162 (.158 to .166)"""
    if math.isnan(found.value) or found.lowest == found.highest:
        return fine(found.value, digits)
    return f"{fine(found.value, digits)} ({fine(found.lowest, digits)} to {fine(found.highest, digits)})"


def shares(found: OverSets) -> str:
    """45% (43% to 46%)"""
    if math.isnan(found.value) or found.lowest == found.highest:
        return percent_of(found.value)
    return f"{percent_of(found.value)} ({percent_of(found.lowest)} to {percent_of(found.highest)})"
