"""What `memscope convergence` found, on one screen: errors, agreement and types by number of models."""

import math

from memscope.analysis.trajectories import TYPES
from memscope.findings.numbers import fine
from memscope.findings.rates import percent_of
from memscope.findings.screen import Command, Grid, Remark, Screen, command
from memscope.findings.words import drawn, more_models
from memscope.reports.convergence import ConvergenceReport, ModelsConvergence

LIKE = (0.8, 1.25)
"""Between these ratios an error is called what was expected"""


def screen(report: ConvergenceReport) -> Screen:
    told = [errors(report), types(report), same(report)]
    return Screen([each for each in told if each], grid(report), notes(report), commands(report))


def errors(report: ConvergenceReport) -> str:
    """How far scores of few models are off, and what the population estimate gains."""
    rows = report.judged
    if not rows:
        return (
            f"The errors of fewer models cannot be judged: of {report.models} models too few are left; at least "
            f"{3 * report.block} would."
        )
    row = rows[min(1, len(rows) - 1)]  # two blocks, where they can be judged: fewer are seldom enough
    error, expected = row.error_over_sizes("error"), row.error_over_sizes("expected")
    ratio = error / expected
    beside = "as" if LIKE[0] <= ratio <= LIKE[1] else "less than" if ratio < LIKE[0] else "more than"
    told = (
        f"Scores of {row.models} models of each {report.axis} are off by {fine(error)} (root mean square), {beside} "
        f"the standard errors of all {report.models} let expect ({fine(expected)})"
    )
    if not math.isnan(row.as_good_as):
        ours = row.error_over_sizes("population_error")
        told += f"; the population estimate of the same by {fine(ours)}, as scores of {row.as_good_as:.0f} would be"
    told += "."
    last = report.rows[-1]
    agreement = last.mean_over_sizes("agreement")
    if not math.isnan(agreement):
        told += (
            f" Halves of all {last.models} agree by a rank correlation of {fine(agreement)}, over the mean of the "
            f"{report.axis}s."
        )
    return told


def types(report: ConvergenceReport) -> str:
    """The type whose raw share hangs most on the number of models, and what the population estimate says of it."""
    first, last = report.rows[0], report.rows[-1]
    if first.types is None or last.types is None or first is last:
        return ""
    before, after = first.types, last.types
    name = max(TYPES, key=lambda each: abs(after.raw[each].value - before.raw[each].value))
    told = (
        f"By the raw rule {percent_of(before.raw[name].value)} of the trajectories are {name} with {first.models} "
        f"models and {percent_of(after.raw[name].value)} with {last.models}"
    )
    shares = [row.types.population[name].value for row in report.rows if row.types is not None]
    known = [share for share in shares if not math.isnan(share)]
    if known:
        told += f"; in the population that is fitted to so few or so many, {percent_of(min(known))} to "
        told += percent_of(max(known))
    return f"{told}."


def same(report: ConvergenceReport) -> str:
    """How far halves of the models, or the largest sets of which there are two, name the same types."""
    rows = [row for row in report.rows if row.types is not None and not math.isnan(row.types.same_raw)]
    if not rows:
        return ""
    row = rows[-1]
    found = row.types
    assert found is not None
    told = (
        f"Two sets of {row.models} models name the same raw type for {percent_of(found.same_raw)} of the images, "
        f"{percent_of(found.same_raw_by_chance)} by chance"
    )
    if not math.isnan(found.same_told):
        told += (
            f"; of the {percent_of(found.both_told)} whose type both tell by the population estimate, for "
            f"{percent_of(found.same_told)} ({percent_of(found.same_told_by_chance)} by chance)"
        )
    return f"{told}."


def grid(report: ConvergenceReport) -> Grid:
    """A row for every number of models; errors and agreement over all sizes."""
    columns = [
        *("models", "sets", "error", "expec-\nted", "popu-\nlation", "agree-\nment", "expec-\nted"),
        *(["same\nraw type", "by\nchance", "same,\ntold"] if report.rows[-1].types is not None else []),
    ]
    return Grid(columns, [cells(row) for row in report.rows])


def cells(row: ModelsConvergence) -> list[str]:
    found = [
        str(row.models),
        str(row.sets),
        *(fine(row.error_over_sizes(name), 3) for name in ("error", "expected", "population_error")),
        *(fine(row.mean_over_sizes(name)) for name in ("agreement", "expected_agreement")),
    ]
    if row.types is not None:
        same = row.types.same_raw, row.types.same_raw_by_chance, row.types.same_told
        found += [percent_of(share) for share in same]
    return found


def notes(report: ConvergenceReport) -> list[Remark]:
    found = [
        Remark(
            "Sets share no model. Errors: by the models that are not in the set; expected: standard errors of all, by "
            "the square root, and agreement by Spearman and Brown. Over all "
            f"{report.axis}s; --details has each."
        )
    ]
    if report.looked_at < report.examples:
        found.append(Remark(f"Of {report.looked_at:,} of the {report.examples:,} images, chosen at random."))
    if report.figures:
        found.append(drawn(report.figures))
    return found


def commands(report: ConvergenceReport) -> list[Command]:
    found = []
    if not report.judged:
        found.append(more_models(report.run, 4 * report.block, report.trainer, "Models that can judge"))
    if not report.figures:
        found.append(command("Figures", "convergence", report.run, "--plot"))
    return found
