"""What `memscope trajectories` found, on one screen.

Where its check passes (PopulationCheck), the fitted population leads: its shares of types, between what they may be,
and how many images it tells the type of. Else types as measured do, beside what flat trajectories would give; they are
findings only as far as they exceed that. Types of flipped labels are as called from the models alone in either case: a
pooled posterior says little of a subgroup.
"""

import math

from memscope.analysis.beyond_flat import beyond_flat
from memscope.analysis.statistics.clear import clear, known
from memscope.analysis.statistics.jackknife import FEWEST_FOR_HALVES
from memscope.findings.numbers import decimals, percent, percent_with_error, signed
from memscope.findings.screen import Command, Grid, Remark, Screen, command
from memscope.findings.words import ERRORS, drawn, listed, more_models
from memscope.reports.evidence import TrajectoriesEvidence
from memscope.reports.trajectories import TrajectoriesReport
from memscope.text import counted

MEANINGS = {
    "increasing": "rises with {axis}",
    "decreasing": "falls with {axis}",
    "cap-shaped": "rises and then falls",
    "u-shaped": "falls and then rises",
}
"""Of the types that change in a way that can be told"""
LEAST = 0.005
"""Share of the population that a type has at least, to be named"""


def screen(report: TrajectoriesReport) -> Screen:
    evidence = report.evidence
    assert evidence is not None  # reports that were stored before it was have none, and are not told
    if report.population_check.passed:
        told = [by_population(report), the_mean(report, evidence), of_flipped(report)]
        return Screen(told, population_grid(report), notes(report, evidence), commands(report, evidence))
    told = [the_mean(report, evidence), certain(report, evidence), by_rule(report, evidence)]
    return Screen(told, grid(report), notes(report, evidence), commands(report, evidence))


def by_population(report: TrajectoriesReport) -> str:
    """The types that are there in the fitted population, and of how many images the type can be told."""
    found = report.population
    return (
        f"In the population that is fitted to these images, {listed(surely_there(report))}. The type of "
        f"{percent(1 - found.called['undetermined'])} of the images can be told with at least {report.confidence:.0%} "
        f"certainty; to call all of them {found.commonest} would be right for {percent(found.commonest_right)}."
    )


def surely_there(report: TrajectoriesReport) -> list[str]:
    """The types that the fitted population has, with their shares, the commonest first."""
    found, axis = report.population, report.axis
    there = sorted(
        (name for name in found.shares if found.shares_low[name] >= LEAST), key=lambda name: -found.shares[name]
    )
    parts = []
    for name in there:
        between = f"{percent(found.shares_low[name])} to {percent(found.shares_high[name])}"
        meaning = f": the score {MEANINGS[name].format(axis=axis)}" if name in MEANINGS else ""
        parts.append(f"{percent(found.shares[name])} are {name} ({between}{meaning})")
    return parts


def of_flipped(report: TrajectoriesReport) -> str:
    """How often flipped labels, and others, are called increasing from their own models."""
    if not report.flipped_types:
        return ""
    kinds = report.flipped_types
    flipped, others = (percent(each.called["increasing"]) for each in (kinds.flipped, kinds.clean))
    return f"Of the flipped labels {flipped} are called increasing by their own models alone, of the others {others}."


def population_grid(report: TrajectoriesReport) -> Grid:
    """A row for every type: the fitted population, beside what was measured and what flat trajectories would give."""
    shares, found = report.all_sizes, report.population
    columns = ["type", "in the\npopulation", "at least", "at most", "told", "as\nmeasured", "if all\nwere flat"]
    rows = [
        [
            name,
            percent(found.shares.get(name)),
            percent(found.shares_low.get(name)),
            percent(found.shares_high.get(name)),
            percent(found.called[name]),
            percent_with_error(shares.raw.get(name), shares.raw_error.get(name)),
            percent(shares.if_all_flat.get(name)),
        ]
        for name in shares.called
    ]
    return Grid(columns, rows, left=1)


def the_mean(report: TrajectoriesReport, evidence: TrajectoriesEvidence) -> str:
    """Whether the mean score rises or falls, and where it clearly turns."""
    axis, sizes, mean = report.axis, report.all_sizes.sizes, evidence.mean
    whose = f"The mean memorisation score of {counted(evidence.examples, 'image')}"
    ends = f"from {decimals(mean.mean[0])} at {axis} {sizes[0]} to {decimals(mean.mean[-1])} at {axis} {sizes[-1]}"
    change = signed(mean.whole.value, mean.whole.error)
    if not known(mean.whole):
        if not mean.whole.blocks:
            return f"{whose} goes {ends}; sizes have different blocks of models, so the error is not known."
        return f"{whose} goes {ends}; so few models do not tell whether that is a change."
    if not clear(mean.whole):
        told = f"{whose} goes {ends}: noise alone may make such a difference ({change})."
    else:
        told = f"{whose} {'rises' if mean.whole.value > 0 else 'falls'} {ends} ({change})."
    for verb, sign in (("rises", 1), ("falls", -1)):
        turns = [
            f"from {axis} {sizes[place]} to {sizes[place + 1]} ({signed(step.value, step.error)})"
            for place, step in enumerate(mean.steps)
            if clear(step, len(mean.steps)) and step.value * sign > 0
        ]
        if turns and not (clear(mean.whole) and mean.whole.value * sign > 0):  # the other way is told above
            told += f" It {verb} {listed(turns)}."
    return told


def certain(report: TrajectoriesReport, evidence: TrajectoriesEvidence) -> str:
    """The types that are called more often than they would be of flat trajectories, and what cannot be told."""
    shares, axis = report.all_sizes, report.axis
    beyond = beyond_flat(shares.called, shares.if_all_flat_called, shares.called_error, evidence.blocks)
    if math.isnan(shares.called["undetermined"]):
        return f"No image has models that were trained with it, and without it, at every {axis}."
    sure = [name for name in MEANINGS if name in beyond]
    certainty = f"with at least {report.confidence:.0%} certainty"
    if all(math.isnan(shares.called_error.get(name, math.nan)) for name in MEANINGS):
        top = max(("increasing", "decreasing"), key=lambda name: shares.called[name] - shares.if_all_flat_called[name])
        told = (
            f"{percent(shares.called[top])} of the images can be called {top} {certainty}; if no score changed with "
            f"{axis}, {percent(shares.if_all_flat_called[top])} would be. So few models do not tell how sure that is."
        )
    elif not sure:
        told = f"No type of change can be called {certainty} clearly more often than if no score changed with {axis}."
    else:
        parts = [
            f"{percent_with_error(shares.called[name], shares.called_error[name])} of the images are {name} (the score "
            f"{MEANINGS[name].format(axis=axis)}; if no score changed, {percent(shares.if_all_flat_called[name])} "
            "would be)"
            for name in sure
        ]
        told = f"{certainty.capitalize()}, and beyond what noise would show, {listed(parts)}."
    if not shares.called["undetermined"]:
        return told
    return f"{told} For {percent(shares.called['undetermined'])} of the images these models cannot tell the type."


def by_rule(report: TrajectoriesReport, evidence: TrajectoriesEvidence) -> str:
    """The excess of rising or falling trajectories as measured, and flipped labels."""
    shares, told = report.all_sizes, []
    beyond = beyond_flat(shares.raw, shares.if_all_flat, shares.raw_error, evidence.blocks)
    for name in ("increasing", "decreasing"):
        if name in beyond:
            excess = beyond[name]
            told.append(f"{100 * excess.value:.1f} ±{100 * excess.error:.1f} points more images are {name}")
    text = f"As measured, {listed(told)} than if no score changed." if told else ""
    return f"{text} {of_flipped(report)}".strip()


def grid(report: TrajectoriesReport) -> Grid:
    """A row for every type: what was found, beside what flat trajectories would give."""
    shares = report.all_sizes
    columns = ["type", "as\nmeasured", "if all\nwere flat", "excess", "called", "if all\nwere flat"]
    rows = []
    for name in shares.called:
        raw, flat = shares.raw.get(name), shares.if_all_flat.get(name)
        rows.append(
            [
                name,
                percent_with_error(raw, shares.raw_error.get(name)),
                percent(flat),
                "-" if raw is None or flat is None else signed(100 * (raw - flat), None, 1),
                percent_with_error(shares.called[name], shares.called_error.get(name)),
                percent(shares.if_all_flat_called[name]),
            ]
        )
    return Grid(columns, rows, left=1)


def notes(report: TrajectoriesReport, evidence: TrajectoriesEvidence) -> list[Remark]:
    """What changes how the table is to be read."""
    axis, few, many, found = report.axis, min(report.models), max(report.models), []
    if few != many:
        found.append(Remark(f"Warning: sizes have {few} to {many} models, so their noise differs too.", True))
    if evidence.blocks < FEWEST_FOR_HALVES:
        found.append(Remark(f"Shares have no ± below {FEWEST_FOR_HALVES * evidence.block} models of each {axis}."))
    else:
        found.append(Remark(ERRORS))
    check = report.population_check
    if check.passed:
        found.append(
            Remark(
                "At least, at most: with a threshold 15 % lower or higher too, and two errors beyond. Told: the images "
                "that have the type with that certainty."
            )
        )
    elif check.reason:
        found.append(Remark(f"The fitted population does not lead: {check.reason}."))
    found.append(
        Remark(
            f"As measured: changes above {report.epsilon:g} count. Noise makes any type of flat scores: only an excess "
            "is change, and not always of that shape."
        )
    )
    undefined = report.all_sizes.undefined
    if undefined:
        found.append(Remark(f"Left out: {counted(undefined, 'image')} without a score at some {axis}."))
    if report.figures:
        found.append(drawn(report.figures))
    return found


def commands(report: TrajectoriesReport, evidence: TrajectoriesEvidence) -> list[Command]:
    """How many models would tell more, and where to look."""
    found = []
    there = max(report.models)
    if report.all_sizes.called["undetermined"] > 0 or evidence.blocks < FEWEST_FOR_HALVES:
        more = report.population_check.models_that_would_tell or 2 * there
        models = max(more, FEWEST_FOR_HALVES * evidence.block)
        if models > there:
            found.append(more_models(report.run, models, evidence.trainer, "More models"))
    if not report.figures:
        found.append(command("Figures", "trajectories", report.run, "--plot"))
    return found
