"""What `memscope proxies` found, on one screen: which proxies follow the score across examples, and which across sizes.

The words are those of each proxy's verdict (analysis/proxy_verdict.py), which is held against its nulls; where few
models cannot tell, that is what is said.
"""

import math

from memscope.analysis.proxy_verdict import FOLLOWS, LEVEL, UNKNOWN
from memscope.analysis.statistics.jackknife import FEWEST_BLOCKS
from memscope.analysis.statistics.two_sets import FEWEST_OF_THE_SCORE
from memscope.findings.numbers import decimals, fine, percent
from memscope.findings.screen import Command, Grid, Remark, Screen, command
from memscope.findings.words import drawn, not_measured
from memscope.reports.proxies import Bounded, ProxiesReport, ProxyAtSize, ProxyFound
from memscope.text import counted


def screen(report: ProxiesReport) -> Screen:
    if report.failed:
        return not_measured("proxies", report.run, report.axis, report.failed)
    told = [what(report), across_examples(report), across_sizes(report), of_flipped(report)]
    return Screen(told, grid(report), notes(report), commands(report))


def what(report: ProxiesReport) -> str:
    where = "on all the data" if report.on == "full" else "on subsets"
    return (
        f"{len(leading(report))} proxies of the memorisation score, from {counted(report.recorded, 'model')} of each "
        f"{report.axis} that were recorded while they were trained {where}, held against the score of "
        f"{report.score_models} other models."
    )


def leading(report: ProxiesReport) -> list[ProxyFound]:
    """Proxies without the variants of others that are there."""
    names = {one.name for one in report.proxies}
    return [one for one in report.proxies if one.variant_of not in names]


def across_examples(report: ProxiesReport) -> str:
    """How many follow the score across the examples of a size, and which most closely."""
    rows = leading(report)
    if not rows:
        return "None of them could be had."
    if all(one.across_examples == UNKNOWN for one in rows):
        return f"{too_little(report)} which follow it across images."
    follow = [one for one in rows if one.across_examples == FOLLOWS]
    if not follow:
        return "Across images none of them clearly follows the score."
    tell = [place for place, noise in enumerate(report.sizes) if noise.measurable]
    best = max(follow, key=lambda one: mean_correlation(one, tell))
    low, high = ends([abs(best.sizes[place].spearman.value) for place in tell])
    between = f"rank correlations of {low} to {high}" if low != high else f"rank correlation {low}"
    where = (
        f"at the {report.axis}s where noise leaves enough"
        if len(tell) < len(report.sizes)
        else f"at all {report.axis}s"
    )
    return f"Across images {len(follow)} of {len(rows)} follow it, most closely {best.title} ({between} {where})."


def across_sizes(report: ProxiesReport) -> str:
    """How many follow what happens to the score over the sizes, and which way they go of images whose score changes."""
    rows = [one for one in leading(report) if one.across_sizes is not None]
    told = follow_sizes(report)
    return told if all(one.across_sizes == UNKNOWN for one in rows) else f"{told}{signs(rows)}"


def follow_sizes(report: ProxiesReport) -> str:
    """How many follow what happens to the score over the sizes."""
    rows = [one for one in leading(report) if one.across_sizes is not None]
    if not rows:
        return ""
    if all(one.across_sizes == UNKNOWN for one in rows):
        return f"{too_little(report)} which follow its change with {report.axis}."
    follow = [one for one in rows if one.across_sizes == FOLLOWS]
    level = [one for one in rows if one.across_sizes == LEVEL]
    told = f"Across {report.axis}s {len(follow)} of {len(rows)} follow it"
    if follow:
        best = max(follow, key=slope)
        assert best.trend is not None
        trend = best.trend
        told += (
            f", most closely {best.title} (slopes of images correlate by {decimals(trend.slopes.value, 2)}, of at most "
            f"{decimals(trend.ceiling, 2)}; by its level alone {decimals(trend.slopes_of_level.value, 2)})"
        )
    if level:
        told += f"; {len(level)} more only as any one number per image would that has their level"
    unknown = sum(one.across_sizes == UNKNOWN for one in rows)
    return f"{told}{f'; of {unknown} it cannot be told' if unknown else ''}."


def signs(rows: list[ProxyFound]) -> str:
    """Whether the proxies go the way of the images whose score rises, and of those whose score falls."""
    trends = [one.trend for one in rows if one.trend is not None]
    told = []
    for name, found in (("rises", [each.rising for each in trends]), ("falls", [each.falling for each in trends])):
        shares = sorted(each.proxy for each in found if not math.isnan(each.proxy))
        if shares:
            told.append(
                f"whose score {name}, half of the proxies go with {percent(shares[len(shares) // 2])} at most, the "
                f"score of other models with {percent(found[0].score)}"
            )
    return f" Of the images {'; of those '.join(told)}." if told else ""


def too_little(report: ProxiesReport) -> str:
    if report.score_blocks < FEWEST_OF_THE_SCORE:
        return "So few models of the score do not tell"
    return "The score is too noisy to tell"


def of_flipped(report: ProxiesReport) -> str:
    """Which finds flipped labels best, at the last size."""
    rows = [one for one in leading(report) if not math.isnan(one.sizes[-1].auc_flipped)]
    if not report.flipped or not rows:
        return ""
    best = max(rows, key=lambda one: one.sizes[-1].auc_flipped)
    last = best.sizes[-1]
    return (
        f"Flipped labels are found best by {best.title} (at {report.axis} {last.size} it ranks a flipped label above "
        f"another in {percent(last.auc_flipped)} of all pairs), in this one comparison of {len(rows)}."
    )


def mean_correlation(one: ProxyFound, places: list[int]) -> float:
    """With the score at the sizes at these places, turned so that what is expected is positive."""
    found = [one.sizes[place].spearman.value * one.sign for place in places]
    values = [value for value in found if not math.isnan(value)]
    return sum(values) / len(values) if values else -math.inf


def slope(one: ProxyFound) -> float:
    return -math.inf if one.trend is None or math.isnan(one.trend.slopes.value) else one.trend.slopes.value


def ends(values: list[float]) -> tuple[str, str]:
    known = [value for value in values if not math.isnan(value)]
    return decimals(min(known), 2), decimals(max(known), 2)


def grid(report: ProxiesReport) -> Grid | None:
    """A row for every leading proxy: at the largest size, and over the sizes."""
    rows = leading(report)
    if not rows:
        return None
    last = report.sizes[-1]
    columns = ["proxy", f"rank corr., {report.axis} {last.size}\n{at_most(last.spearman_ceiling)}".strip()]
    many = len(report.sizes) > 1
    if many:
        ceilings = [one.trend.ceiling for one in rows if one.trend is not None]
        columns += [f"slopes\n{at_most(ceilings[0] if ceilings else math.nan)}".strip(), "level\nalone"]
    if report.flipped:
        columns.append("AUC of\nflips")
    columns.append("cost")
    cells = []
    for one in rows:
        here: ProxyAtSize = one.sizes[-1]
        row = [one.name, with_ends(here.spearman, one.sign)]
        if many:
            trend = one.trend
            row += ["-", "-"] if trend is None else [with_ends(trend.slopes), fine(trend.slopes_of_level.value)]
        if report.flipped:
            row.append(fine(here.auc_flipped))
        row.append(f"{one.cost:,.0f}" if one.cost >= 10 else f"{one.cost:.2g}")
        cells.append(row)
    return Grid(columns, cells, left=1)


def with_ends(found: Bounded, sign: int = 1) -> str:
    """.62 (.55 to .68), turned by the sign"""
    low, high = sorted((sign * found.low, sign * found.high))
    ends = "" if math.isnan(found.low) else f" ({fine(low)} to {fine(high)})"
    return f"{fine(sign * found.value)}{ends}"


def at_most(ceiling: float) -> str:
    return "" if math.isnan(ceiling) else f"(at most {fine(ceiling)})"


def notes(report: ProxiesReport) -> list[Remark]:
    found = []
    if report.score_blocks < FEWEST_OF_THE_SCORE:
        found.append(
            Remark(
                f"No intervals and no verdicts: the score is from {counted(report.score_blocks, 'block')} of models "
                f"beside those recorded, of at least {FEWEST_OF_THE_SCORE}.",
                True,
            )
        )
    else:
        found.append(
            Remark(
                "In brackets: 95 % intervals over models. At most: what noise in the score leaves. Positive: the way "
                "that is expected. Cost: models trained."
            )
        )
    if report.recorded < FEWEST_BLOCKS:
        found.append(
            Remark(
                f"Only {counted(report.recorded, 'model')} recorded: intervals are over the score's models alone, and "
                "too narrow."
            )
        )
    if len(report.sizes) > 1:
        found.append(
            Remark(
                "Slopes: correlation of what each image's proxy and score do over log size; level alone: of any proxy "
                "that says one number of each image."
            )
        )
    if report.left_out:
        name, reason = next(iter(report.left_out.items()))
        more = f", and {len(report.left_out) - 1} more" if len(report.left_out) > 1 else ""
        found.append(Remark(f"Left out: {name}{more}: {reason.removesuffix('; leave this proxy out')}."))
    if report.figures:
        found.append(drawn(report.figures))
    return found


def commands(report: ProxiesReport) -> list[Command]:
    """How many models would tell, and where to look."""
    found = []
    if report.score_blocks < FEWEST_OF_THE_SCORE:
        lacking = FEWEST_OF_THE_SCORE - report.score_blocks
        there = report.score_models + (report.recorded if report.on == "subsets" else 0)
        models = there + lacking * report.block
        found.append(command("More models", "train-family", report.run, "--models", models))
    if not report.figures and report.proxies:
        found.append(command("Figures", "proxies", report.run, "--plot"))
    return found
