"""The tables of what fewer models would have said, each from the report of `memscope convergence`."""

import math

from memscope.findings.convergence import same_shares
from memscope.findings.numbers import fine
from memscope.findings.rates import percent_of
from memscope.reports.convergence import ConvergenceReport
from studies.markdown import table, three


def fewer(report: ConvergenceReport) -> str:
    """Errors and agreement by number of models, at the largest size."""
    return table(
        ["models", "error of the score", "foretold", "population estimate", "it says", "as good as models",
         "agreement of halves", "foretold", "of soft scores"],
        [
            [
                str(row.models),
                *map(three, (size.error.value, size.expected, size.population_error.value, size.population_sd)),
                "-" if math.isnan(size.as_good_as) else f"{size.as_good_as:.0f}",
                *map(fine, (size.agreement.value, size.expected_agreement, size.soft_agreement.value)),
            ]
            for row in report.rows
            for size in row.sizes[-1:]
        ],
    )  # fmt: skip


def gains(report: ConvergenceReport) -> str:
    """At every size, what the population estimate of twenty models is worth, beside saying the mean of all."""
    row = next(one for one in report.judged if one.models >= 20)
    return table(
        [report.axis, f"error of {row.models} models", "population estimate", "as good as models",
         "the mean score for all"],
        [
            [
                str(size.size),
                three(size.error.value),
                three(size.population_error.value),
                "-" if math.isnan(size.as_good_as) else f"{size.as_good_as:.0f}",
                three(size.spread),
            ]
            for size in row.sizes
        ],
    )  # fmt: skip


def fewer_types(report: ConvergenceReport) -> str:
    """Shares of the types by number of models: raw, and in the fitted population."""
    rows = [(row.models, row.types) for row in report.rows if row.types is not None]
    names = list(rows[-1][1].raw)
    return table(
        ["models", *names],
        [
            [
                str(models),
                *(
                    f"{percent_of(types.raw[name].value)} / {percent_of(types.if_all_flat[name])} / "
                    f"{percent_of(types.population[name].value)}"
                    for name in names
                ),
            ]
            for models, types in rows
        ],
    )


def same_types(report: ConvergenceReport) -> str:
    """How far two sets of as many models name the same types."""
    return table(
        ["models", "the same raw type", "by chance", "both call one", "the same", "by chance", "both tell one",
         "the same", "by chance"],
        [
            [
                str(row.models),
                percent_of(row.types.same_raw),
                percent_of(row.types.same_raw_by_chance),
                percent_of(row.types.both_called),
                *map(percent_of, same_shares(row.types, "called", report)),
                percent_of(row.types.both_told),
                *map(percent_of, same_shares(row.types, "told", report)),
            ]
            for row in report.rows
            if row.types is not None and row.sets > 1
        ],
    )  # fmt: skip
