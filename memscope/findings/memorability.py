"""What `memscope memorability` found, on one screen: does what people remember go with what models memorise?

Called clear is what lies beyond its interval for all sizes together; beside it stands what images that have nothing to
do with each other would show by chance.
"""

import math
from collections.abc import Sequence

from memscope.analysis.statistics.clear import apart
from memscope.analysis.statistics.crossed import FEWEST_UNITS
from memscope.analysis.statistics.two_sets import FEWEST_OF_THE_SCORE
from memscope.findings.numbers import fine
from memscope.findings.screen import Command, Grid, Remark, Screen, command
from memscope.findings.words import at_sizes, drawn, short
from memscope.reports.memorability import Beside, MemorabilityReport, SizeBeside, TypeBeside
from memscope.reports.ranged import Ranged
from memscope.text import counted

FEWEST_OF_A_TYPE = 20
"""Examples of a type, below which nothing is said of it"""


def screen(report: MemorabilityReport) -> Screen:
    told = [relation(report), of_accuracy_out(report), of_types(report), of_proxies(report)]
    return Screen(told, grid(report), notes(report), commands(report))


def clear(found: Ranged, among: int, null: float = 0.0) -> bool:
    return apart(found.value - null, found.error, found.degrees, among)


def clear_sizes(report: MemorabilityReport, measure: str, scope: str) -> list[tuple[SizeBeside, Ranged]]:
    """The sizes at which a correlation is clear among all sizes, with it."""
    rows = [(row, ranged_of(row, measure, scope)) for row in report.sizes]
    return [(row, found) for row, found in rows if clear(found, len(rows))]


def ranged_of(row: SizeBeside, measure: str, scope: str) -> Ranged:
    of: Beside = getattr(row, measure)
    found: Ranged = getattr(of, scope)
    return found


def relation(report: MemorabilityReport) -> str:
    """Whether memorability goes with the score, at which sizes, and whether beyond classes."""
    who = f"What people remember ({short(report.source)})"
    if all(math.isnan(row.score.overall.error) for row in report.sizes):
        return (
            f"{who} cannot be held against the scores: {counted(report.known, 'image')} of known memorability, of at "
            f"least {FEWEST_UNITS} that differ."
        )
    overall, within = (clear_sizes(report, "score", scope) for scope in ("overall", "within"))
    beyond = " or within classes" if report.classes > 1 else ""
    if not overall and not within:
        values = [ranged_of(row, "score", "overall").value for row in report.sizes]
        return (
            f"{who} does not clearly go with what these models memorise at {any_size(report)}, over all images"
            f"{beyond}: rank correlations of {span(values)} over {report.known:,} images, where noise alone would show "
            f"up to {by_chance(report)} at one {report.axis}."
        )
    if not overall:
        return (
            f"{who} goes with what these models memorise only within classes: {sentence_of(report, within)} "
            f"{noise_alone(report)}"
        )
    told = f"{who} goes with what these models memorise: {sentence_of(report, overall)}"
    if report.classes > 1:
        told += f" {beyond_classes(report, overall, within)}"
    return f"{told} {noise_alone(report)}"


def sentence_of(report: MemorabilityReport, there: Sequence[tuple[SizeBeside, Ranged]]) -> str:
    """Which way it goes at which sizes, and where most."""
    told = []
    for sign, way in ((1, "more"), (-1, "less")):
        some = [(row, found) for row, found in there if found.value * sign > 0]
        if some:
            row, most = max(some, key=lambda each: abs(each[1].value))
            where = at_sizes(report.axis, [each.size for each, _ in some])
            told.append(
                f"images that they remember better are memorised {way} at {where} (rank correlation "
                f"{with_ends(most)}{f' at {report.axis} {row.size}' if len(some) > 1 else ''})"
            )
    return f"{'; '.join(told)}."


def beyond_classes(
    report: MemorabilityReport,
    overall: Sequence[tuple[SizeBeside, Ranged]],
    within: Sequence[tuple[SizeBeside, Ranged]],
) -> str:
    """Whether the same is clear within classes."""
    same = [
        (row, found)
        for row, found in within
        if any(row is other and found.value * beside.value > 0 for other, beside in overall)
    ]
    if not same:
        return "Within classes that is not clear: it may be how the classes differ."
    row, most = max(same, key=lambda each: abs(each[1].value))
    where = "" if len(same) == len(overall) else f" at {at_sizes(report.axis, [each.size for each, _ in same])}"
    at = f" at {report.axis} {row.size}" if len(same) > 1 else ""
    return f"So it does within classes{where} ({with_ends(most)}{at})."


def of_accuracy_out(report: MemorabilityReport) -> str:
    """Whether models that were trained without them get the images right that people remember."""
    there = clear_sizes(report, "accuracy_out", "overall")
    if not there:
        return "With accuracy out, of models that were trained without the image, no relation is clear."
    told = []
    for sign, way in ((1, "more"), (-1, "less")):
        some = [(row, found) for row, found in there if found.value * sign > 0]
        if some:
            row, most = max(some, key=lambda each: abs(each[1].value))
            at = f" at {report.axis} {row.size}" if len(some) > 1 else ""
            where = at_sizes(report.axis, [each.size for each, _ in some])
            told.append(f"{way} often right at {where} ({with_ends(most)}{at})")
    return f"On images that people remember better, models that were trained without them are {'; '.join(told)}."


def of_types(report: MemorabilityReport) -> str:
    """The types of trajectories that people remember better, or less well, than others."""
    rows = [one for one in report.by_type if one.examples >= FEWEST_OF_A_TYPE]
    there = [one for one in rows if clear(one.overall, len(rows), 0.5)]
    if not rows:
        return ""
    if not there:
        return f"No type of trajectory is clearly remembered better or less well ({counted(len(rows), 'type')})."
    return f"By type of trajectory: {'; '.join(map(standing, there))}; the 50th by chance."


def standing(one: TypeBeside) -> str:
    value, low, high = (f"{100 * each:.0f}" for each in (one.overall.value, one.overall.low, one.overall.high))
    return f"{one.type} images are on average at percentile {value} of memorability ({low} to {high})"


def of_proxies(report: MemorabilityReport) -> str:
    """How many correlations with proxies are beyond their intervals, how many would be by chance, and the largest."""
    told = [
        (one, at.size, at.overall) for one in report.proxies for at in one.sizes if not math.isnan(at.overall.error)
    ]
    if not told:
        return ""
    beyond = [found for _, _, found in told if clear(found, 1)]
    sizes = f" at {len(report.sizes)} {report.axis}s" if len(report.sizes) > 1 else ""
    proxies = f"{len(report.proxies)} {'proxies' if len(report.proxies) > 1 else 'proxy'} of the score{sizes}"
    start = (
        f"Of {len(told)} correlations of memorability with {proxies}, the intervals of {len(beyond)} leave 0 out, "
        f"where chance alone would bring {0.05 * len(told):.1f}"
    )
    sure = [each for each in told if clear(each[2], len(told))]
    if not sure:
        return f"{start}; none is beyond what the largest of so many would be by chance."
    one, size, found = max(sure, key=lambda each: abs(each[2].value))
    return f"{start}; the largest is with {one.title} at {report.axis} {size} ({with_ends(found)})."


def by_chance(report: MemorabilityReport) -> str:
    """±.06: what 95 % of images whose numbers have nothing to do with each other stay within."""
    examples = min(row.examples for row in report.sizes)
    return f"±{fine(1.96 / math.sqrt(max(examples - 1, 1)))}"


def noise_alone(report: MemorabilityReport) -> str:
    return f"Noise alone would show up to {by_chance(report)} at one {report.axis}."


def any_size(report: MemorabilityReport) -> str:
    return f"any {report.axis}" if len(report.sizes) > 1 else f"{report.axis} {report.sizes[0].size}"


def grid(report: MemorabilityReport) -> Grid:
    """A row for every size: with the score, over all and within classes, and with accuracy out."""
    columns = [report.axis, "with the score,\nall images", "with the score,\nin classes", "with accuracy\nout, all"]
    ceilings = [row.score.ceiling for row in report.sizes]
    most = not all(map(math.isnan, ceilings))
    rows = []
    for row in report.sizes:
        found = [row.score.overall, row.score.within, row.accuracy_out.overall]
        rows.append([str(row.size), *map(with_ends, found), *([fine(row.score.ceiling)] if most else [])])
    return Grid([*columns, *(["at\nmost"] if most else [])], rows)


def with_ends(found: Ranged) -> str:
    """-.09 (-.16 to -.02)"""
    ends = "" if math.isnan(found.low) else f" ({fine(found.low)} to {fine(found.high)})"
    return f"{fine(found.value)}{ends}"


def span(values: Sequence[float]) -> str:
    """-.09 to .02"""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return "-"
    low, high = fine(min(known)), fine(max(known))
    return low if low == high else f"{low} to {high}"


def notes(report: MemorabilityReport) -> list[Remark]:
    found = []
    if report.licence:
        found.append(Remark(report.licence, True))
    if report.caveats:
        found.append(Remark(" ".join(report.caveats), True))
    if report.blocks < FEWEST_OF_THE_SCORE:
        found.append(
            Remark(
                f"Intervals are over images alone, not models: {counted(report.blocks, 'block')} of at least "
                f"{FEWEST_OF_THE_SCORE}.",
                True,
            )
        )
    else:
        found.append(Remark("In brackets: 95 % intervals, over images and models together."))
    if report.flipped:
        found.append(Remark(f"{report.flipped:,} labels were flipped, which no image shows: they blur all of this."))
    same = [row.size for row in report.sizes if turned(row)]
    if same:
        found.append(
            Remark(
                f"At {at_sizes(report.axis, same)} models fit all they were trained on: score and accuracy out are one "
                "number with the sign turned."
            )
        )
    if not all(math.isnan(row.score.ceiling) for row in report.sizes):
        found.append(Remark("At most: what noise in the score leaves, over all images."))
    if report.proxies_out_of_date:
        found.append(Remark(f"The proxies are of other models: memscope proxies {report.run} measures them again."))
    if report.figures:
        found.append(drawn(report.figures))
    return found


def turned(row: SizeBeside) -> bool:
    """Whether the two correlations are one with the sign turned."""
    one, other = row.score.overall.value, row.accuracy_out.overall.value
    return not math.isnan(row.score.overall.error) and abs(one + other) < 1e-9 and abs(one) > 0


def commands(report: MemorabilityReport) -> list[Command]:
    found = []
    if report.blocks < FEWEST_OF_THE_SCORE:
        models = FEWEST_OF_THE_SCORE * report.block
        found.append(command("More models", "train-family", report.run, "--models", models))
    if not report.figures:
        found.append(command("Figures", "memorability", report.run, "--plot"))
    return found
