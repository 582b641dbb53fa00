"""What `memscope convergence` found, on one screen: errors of the largest size, agreement, types by number of models.

Errors are told of the largest size: pooled over sizes they would be those of small ones, which memorise little, and
which an estimate that knows this gets right without telling any example from another.
"""

import math

from memscope.analysis.trajectories import TYPES
from memscope.findings.numbers import fine
from memscope.findings.rates import percent_of
from memscope.findings.screen import Command, Grid, Remark, Screen, command
from memscope.findings.words import drawn, more_models
from memscope.reports.convergence import ConvergenceReport, ModelsConvergence, SizeConvergence, TypesConvergence

LIKE = (0.8, 1.25)
"""Between these ratios an error is called what was expected, as in analysis/population/check.py"""
FEWEST_SAME = 20
"""Examples of which both sets must name a type for a share to be told"""


def screen(report: ConvergenceReport) -> Screen:
    told = [errors(report), types(report), same(report)]
    return Screen([each for each in told if each], grid(report), notes(report), commands(report))


def errors(report: ConvergenceReport) -> str:
    """How far scores of few models are off at the largest size, and what the population estimate gains."""
    rows = report.judged
    if not rows:
        if report.models < 3 * report.block:
            return f"How far fewer models are off cannot be told of {report.models}: two blocks must be left to judge."
        return "How far so many models are off cannot be told: two blocks must be left to judge."
    row = rows[min(1, len(rows) - 1)]  # two blocks, where they can be judged: fewer are seldom enough
    size = row.sizes[-1]
    told = f"At {report.axis} {size.size} scores of {row.models} models are off by {fine(size.error.value)} (rms)"
    how = held_against(size.error.value, size.expected)
    if how:
        told += f", {how} the standard errors of all {report.models} foretell ({fine(size.expected)})"
    told += f"; to say the mean score of every image would be off by {fine(size.spread)}"
    if not math.isnan(size.as_good_as):
        told += (
            f". The population estimate of the same models is off by {fine(size.population_error.value)}, as scores of "
            f"{size.as_good_as:.0f} would be"
        )
        how = held_against(size.population_error.value, size.population_sd)
        if how not in ("", "as"):
            told += f", {how} it says itself ({fine(size.population_sd)})"
    told += "."
    last = report.rows[-1].sizes[-1]
    if not math.isnan(last.agreement.value):
        told += f" Halves of all {report.models} agree by a rank correlation of {fine(last.agreement.value)}."
    return told


def held_against(error: float, foretold: float) -> str:
    """as, less than, more than; empty where nothing is foretold"""
    if not foretold > 0:
        return ""
    ratio = (error / foretold) ** 2
    return "as" if LIKE[0] <= ratio <= LIKE[1] else "less than" if ratio < 1 else "more than"


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
    if not any(map(math.isnan, (shares[0], shares[-1]))):
        told += f"; in the population that is fitted to so many, {percent_of(shares[0])} and {percent_of(shares[-1])}"
    moved = most_moved(report)
    if moved is not None and moved != name:
        few, many = before.population[moved].value, after.population[moved].value
        told += f". Of the population's shares that of {moved} moves most, from {percent_of(few)} to {percent_of(many)}"
    return f"{told}."


def most_moved(report: ConvergenceReport) -> str | None:
    """The type whose share in the population moves most from the fewest models to all; None where it is not known."""
    first, last = report.rows[0].types, report.rows[-1].types
    assert first is not None
    assert last is not None
    moves = {name: abs(last.population[name].value - first.population[name].value) for name in TYPES}
    known = {name: move for name, move in moves.items() if not math.isnan(move)}
    return max(known, key=lambda name: known[name]) if known else None


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
    if enough(found.both_told, report):
        told += (
            f"; of the {percent_of(found.both_told)} whose type both tell by the population estimate, for "
            f"{percent_of(found.same_told)}, {percent_of(found.same_told_by_chance)} by chance"
        )
    return f"{told}."


def enough(both: float, report: ConvergenceReport) -> bool:
    """Whether there are examples enough of which both sets name a type."""
    return not math.isnan(both) and both * report.looked_at >= FEWEST_SAME


def same_shares(types: TypesConvergence, how: str, report: ConvergenceReport) -> tuple[float, float]:
    """The share with the same type in both sets and that by chance, `how` is called or told; NaN where they are few."""
    if not enough(getattr(types, f"both_{how}"), report):
        return math.nan, math.nan
    return getattr(types, f"same_{how}"), getattr(types, f"same_{how}_by_chance")


def grid(report: ConvergenceReport) -> Grid:
    """A row for every number of models; errors and agreement at the largest size."""
    with_types = report.rows[-1].types is not None
    columns = [
        *("models", "error", "fore-\ntold", "popu-\nlation", "as\nmodels", "agree-\nment"),
        *(["same\nraw type", "by\nchance", "same,\ntold", "by\nchance"] if with_types else []),
    ]
    return Grid(columns, [cells(row, row.sizes[-1], report) for row in report.rows])


def cells(row: ModelsConvergence, size: SizeConvergence, report: ConvergenceReport) -> list[str]:
    found = [
        str(row.models),
        *(fine(value, 3) for value in (size.error.value, size.expected, size.population_error.value)),
        "-" if math.isnan(size.as_good_as) else f"{size.as_good_as:.0f}",
        fine(size.agreement.value),
    ]
    if row.types is not None:
        raw = row.types.same_raw, row.types.same_raw_by_chance
        found += [percent_of(share) for share in (*raw, *same_shares(row.types, "told", report))]
    return found


def notes(report: ConvergenceReport) -> list[Remark]:
    largest = report.rows[-1].sizes[-1].size
    found = [
        Remark(
            "Sets share no model. Errors: by the models outside the set; two halves judge each other. Foretold: by the "
            f"standard errors of all. Error to agreement: {report.axis} {largest}; --details has each."
        )
    ]
    if report.looked_at < report.examples:
        found.append(Remark(f"Of {report.looked_at:,} of the {report.examples:,} images, chosen at random."))
    if report.figures:
        found.append(drawn(report.figures))
    return found


def commands(report: ConvergenceReport) -> list[Command]:
    found = []
    if report.models < 3 * report.block:
        found.append(more_models(report.run, 4 * report.block, report.trainer, "Models that can judge"))
    if not report.figures:
        found.append(command("Figures", "convergence", report.run, "--plot"))
    return found
