"""What all studies say, side by side: the table at the head of docs/results.md."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from memscope.findings.convergence import same_shares
from memscope.findings.numbers import fine
from memscope.findings.rates import percent_of, rate_in_words
from studies.markdown import table, three

Reports = Mapping[str, Any]
FOLLOWS = "follows"


def listed(values: Sequence[str]) -> str:
    return ", ".join(values)


def images(reports: Reports) -> str:
    score = reports["score"]
    flipped = f"{score.flipped:,} flipped" if score.flipped else "none flipped"
    return f"{score.examples:,}, {flipped}"


def sizes(reports: Reports) -> str:
    score = reports["score"]
    return f"{score.axis}s {listed([str(row.size) for row in score.sizes])}"


def models(reports: Reports) -> str:
    found = sorted({row.models for row in reports["score"].sizes})
    return listed([str(one) for one in found])


def test_accuracy(reports: Reports) -> str:
    return listed([three(row.test_accuracy) for row in reports["score"].sizes])


def accuracy_in(reports: Reports) -> str:
    return listed([three(row.mean_accuracy_in) for row in reports["score"].sizes])


def mean_score(reports: Reports) -> str:
    return listed([three(row.mean_score) for row in reports["score"].sizes])


def highest(reports: Reports) -> str:
    return listed([percent_of(row.population.share_high) for row in reports["score"].sizes])


def dip(reports: Reports) -> str:
    row = reports["proxies"].sizes[-1].bimodality
    return "-" if row is None else f"{fine(row.dip, 4)}, p {fine(row.p_value, 4)}"


def population(reports: Reports) -> str:
    people = reports["trajectories"].population
    there = sorted(people.shares, key=lambda name: -people.shares[name])
    return listed([f"{percent_of(people.shares[name])} {name}" for name in there if people.shares[name] >= 0.005])


def interpolating(reports: Reports) -> str:
    some = reports["trajectories"].interpolating_sizes
    if some is None:
        return "fewer than two interpolate"
    parts = [
        f"{percent_of(some.raw[name])} {name} ({percent_of(some.if_all_flat[name])})"
        for name in ("increasing", "decreasing", "cap-shaped")
    ]
    return f"{some.sizes[0]} to {some.sizes[-1]}: {listed(parts)}"


def looked(reports: Reports) -> str:
    found = reports["looked"]
    return f"{found.most_doubted} of {found.most}, of others {found.random_doubted} of {found.random}"


def few_models(reports: Reports) -> str:
    row = next((one for one in reports["convergence"].judged if one.models >= 20), None)
    if row is None:
        return "-"
    size = row.sizes[-1]
    gain = "" if math.isnan(size.as_good_as) else f" (as {size.as_good_as:.0f} models)"
    return f"of {row.models}: {three(size.error.value)}, {three(size.population_error.value)}{gain}"


def halves(reports: Reports) -> str:
    report = reports["convergence"]
    row = next((one for one in reversed(report.rows) if one.sets > 1 and one.types is not None), None)
    if row is None:
        return "-"
    types = row.types
    told, by_chance = map(percent_of, same_shares(types, "told", report))
    raw = f"{percent_of(types.same_raw)} ({percent_of(types.same_raw_by_chance)})"
    return f"{raw}; of {percent_of(types.both_told)} {told} ({by_chance})"


def proxies(reports: Reports) -> str:
    found = [one for one in reports["proxies"].proxies if one.variant_of is None]
    across = sum(one.across_examples == FOLLOWS for one in found)
    over = sum(one.across_sizes == FOLLOWS for one in found)
    return f"{across} and {over} of {len(found)}"


def memories(reports: Reports) -> str:
    rows = [row.change for row in reports["resmem"].sizes if row.change is not None]
    return listed([f"{100 * row.test_change:+.1f} ±{100 * row.test_change_error:.1f}" for row in rows])


def foretells(reports: Reports) -> str:
    pairs = reports["resmem"].foretells
    first = min(one.size for one in pairs)
    found = max((one for one in pairs if one.size == first), key=lambda one: one.larger)
    return f"{fine(found.correlation)} ({fine(found.low)} to {fine(found.high)}), {found.size} to {found.larger}"


def pairs(reports: Reports) -> str:
    report = reports["influence"]
    told = [f"{row.helpful.pairs:,} ({percent_of(row.helpful.false_share)})" for row in report.sizes]
    return f"from {fine(report.threshold, 2)}: {listed(told)}"


def attacks(reports: Reports) -> str:
    """At the smallest rate that every size tells."""
    found = []
    for row in reports["privacy"].sizes:
        lira = next(one for one in row.attacks if one.attack == "lira")
        found.append({rate.asked: rate for rate in lira.rates if rate.left_out is None})
    every = set.intersection(*map(set, found))
    if not every:
        return "-"
    asked = min(every)
    return f"at {rate_in_words(asked)}: {listed([percent_of(rates[asked].true_positive.value) for rates in found])}"


ROWS: Sequence[tuple[str, str, Callable[[Reports], str]]] = (
    ("training images", "score", images),
    ("sizes", "score", sizes),
    ("models of each", "score", models),
    ("test accuracy", "score", test_accuracy),
    ("accuracy in", "score", accuracy_in),
    ("**mean score**", "score", mean_score),
    ("scores above `.9`, population", "score", highest),
    ("dip of the scores at the largest size", "proxies", dip),
    ("**types**, population", "trajectories", population),
    ("raw, of interpolating sizes alone (if all were flat)", "trajectories", interpolating),
    ("most memorised whose label both readings doubt", "looked", looked),
    ("error of few models at the largest size: raw, population estimate", "convergence", few_models),
    ("two halves: the same raw type (by chance); where both tell one", "convergence", halves),
    ("**proxies** that follow across images, and across sizes", "proxies", proxies),
    ("**residual memory**: change of test accuracy, points", "resmem", memories),
    ("residual of the smallest size with the score of the largest", "resmem", foretells),
    ("**pairs** beyond a threshold of influence (false)", "influence", pairs),
    ("**LiRA** finds, at so many false positives", "privacy", attacks),
)
"""Question, the group of results that answers it, and how"""


def overview(studies: Mapping[str, Reports], titles: Mapping[str, str]) -> str:
    """A column for each study, a row for each question; lists go over the sizes."""
    rows = [
        [question, *(answer(reports) if group in reports else "-" for reports in studies.values())]
        for question, group, answer in ROWS
    ]
    return table(["", *(f"[{titles[name]}](studies/{name}.md)" for name in studies)], rows)
