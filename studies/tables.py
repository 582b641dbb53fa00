"""The tables of a study's page, in Markdown, each from one stored report."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from memscope.analysis.statistics.clear import clear
from memscope.findings.numbers import fine
from memscope.findings.rates import percent_of, points_ends, rate_in_words, share, signed_ends, with_ends
from memscope.reports.influence import InfluenceReport, PairsFound
from memscope.reports.privacy import PrivacyReport
from memscope.reports.proxies import ProxiesReport
from memscope.reports.score import ScoreReport
from memscope.reports.trajectories import TrajectoriesReport
from studies.fewer_models import fewer, fewer_types, gains, same_types
from studies.looked import READERS, VERDICTS, Looked
from studies.markdown import FEWEST, bounded, counted_share, plus_minus, table, three
from studies.memories import by_images, foretold, memories
from studies.students import inhibited, students
from studies.unflipped import unflipped_dips


def scores(report: ScoreReport) -> str:
    """A row for each size."""
    return table(
        [report.axis, "models", "mean score", "accuracy in", "accuracy out", "test accuracy", "below .1, population",
         "above .9", "fits its subset", "agreement of halves"],
        [
            [
                str(row.size),
                str(row.models),
                plus_minus(row.mean_score, row.mean_score_error),
                plus_minus(row.mean_accuracy_in, row.mean_accuracy_in_error),
                plus_minus(row.mean_accuracy_out, row.mean_accuracy_out_error),
                three(row.test_accuracy),
                percent_of(row.population.share_low),
                percent_of(row.population.share_high),
                percent_of(row.own_accuracy) + (", interpolates" if row.interpolates else ""),
                fine(row.agreement, 2),
            ]
            for row in report.sizes
        ],
    )  # fmt: skip


def steps(report: ScoreReport) -> str:
    """How the mean score changes from each size to the next, paired by blocks, and both accuracies."""
    assert report.evidence is not None
    rows, mean = report.sizes, report.evidence.mean
    changes = [
        *((one, *ends, len(mean.steps)) for one, ends in zip(mean.steps, pairwise(rows), strict=True)),
        (mean.whole, rows[0], rows[-1], 1),
    ]
    return table(
        ["from", "to", "mean score", "error", "clear", "accuracy in", "accuracy out"],
        [
            [
                str(smaller.size),
                str(larger.size),
                f"{one.value:+.3f}",
                three(one.error),
                "yes" if clear(one, among) else "no",
                f"{larger.mean_accuracy_in - smaller.mean_accuracy_in:+.3f}",
                f"{larger.mean_accuracy_out - smaller.mean_accuracy_out:+.3f}",
            ]
            for one, smaller, larger, among in changes
        ],
    )


def types(report: TrajectoriesReport) -> str:
    """Shares over all sizes, and over those that interpolate."""
    every, some, people = report.all_sizes, report.interpolating_sizes, report.population
    columns = ["type", "raw", "if all were flat", "population", "it may be"]
    if some is not None:
        columns += [f"raw, {report.axis} {some.sizes[0]} to {some.sizes[-1]} alone", "if all were flat there"]
    rows = []
    for name in every.raw:
        row = [
            name,
            f"{percent_of(every.raw[name])} ±{percent_of(every.raw_error[name])}",
            percent_of(every.if_all_flat[name]),
            percent_of(people.shares[name]),
            f"{percent_of(people.shares_low[name])} to {percent_of(people.shares_high[name])}",
        ]
        if some is not None:
            row += [f"{percent_of(some.raw[name])} ±{percent_of(some.raw_error[name])}"]
            row += [percent_of(some.if_all_flat[name])]
        rows.append(row)
    return table(columns, rows)


def epsilons(report: TrajectoriesReport) -> str:
    names = list(report.all_sizes.raw)
    rows = [[fine(row.epsilon, 2), *map(percent_of, row.shares)] for row in report.by_epsilon]
    return table(["epsilon", *names], rows)


def parts(report: TrajectoriesReport) -> str:
    """Where the largest rise and fall come from."""
    return table(
        ["type, raw", "examples", "rise", "from accuracy in", "from accuracy out", "fall", "from accuracy in",
         "from accuracy out"],
        [
            [row.type, str(row.raw), *map(three, (row.rise, row.rise_from_in, row.rise_from_out)),
             *map(three, (row.fall, row.fall_from_in, row.fall_from_out))]
            for row in report.by_type
            if row.raw
        ],
    )  # fmt: skip


def flipped(report: TrajectoriesReport) -> str:
    """Types of flipped and of clean labels, raw."""
    assert report.flipped_types is not None
    both = {"flipped": report.flipped_types.flipped, "clean": report.flipped_types.clean}
    names = list(report.all_sizes.raw)
    return table(
        ["label", *names], [[key, *(percent_of(one.raw[name]) for name in names)] for key, one in both.items()]
    )


def attacks(report: PrivacyReport) -> str:
    """A row for each size: LiRA and the loss, at the smallest rate that all sizes tell."""
    told = [{rate.asked for rate in row.attacks[0].rates if rate.left_out is None} for row in report.sizes]
    asked = min(set.intersection(*told))
    at = f"at {rate_in_words(asked)} false positives"
    rows = []
    for row in report.sizes:
        by_name = {one.attack: one for one in row.attacks}
        found = {
            name: next((rate for rate in by_name[name].rates if rate.asked == asked and rate.left_out is None), None)
            for name in ("lira", "rmia", "loss")
        }
        cells = ["-" if rate is None else share(rate.true_positive) for rate in found.values()]
        rows.append([str(row.size), with_ends(by_name["lira"].area, 3), *cells])
    return table([report.axis, "LiRA: area", f"LiRA {at}", "RMIA", "loss"], rows)


def attacked_types(report: PrivacyReport) -> str:
    """LiRA by type at the largest size, and how much more than at the smallest."""
    row = report.sizes[-1]
    change = {one.type: one.true_positive for one in report.type_changes}
    return table(
        [
            "type, raw",
            "examples",
            f"found at {rate_in_words(row.type_rate)}",
            f"less {report.axis} {report.sizes[0].size}",
        ],
        [
            [
                one.type,
                f"{one.examples:,.0f}",
                share(one.true_positive),
                points_ends(change[one.type]) if change else "-",
            ]
            for one in row.types_of("lira")
            if one.examples >= FEWEST
        ],
    )


def pairs(report: InfluenceReport) -> str:
    """Helpful pairs by size, beside what chance and classes would show."""
    return table(
        [report.axis, "memorised", "pairs", "by chance", "by class", "false", "influence, measured anew"],
        [[str(row.size), f"{row.memorised:,}", *pairs_found(row.helpful)] for row in report.sizes],
    )


def pairs_found(found: PairsFound) -> list[str]:
    return [
        f"{found.pairs:,}",
        fine(found.by_chance, 1),
        fine(found.by_class, 1),
        percent_of(found.false_share),
        with_ends(found.measured_anew),
    ]


def pair_changes(report: InfluenceReport) -> str:
    return table(
        ["from", "to", "pairs beyond those by class", "influence of pairs that both show"],
        [[str(one.smaller), str(one.larger), f"{one.change.value:+.0f} ({one.change.low:.0f} to {one.change.high:.0f})",
          signed_ends(one.influence)] for one in report.changes],
    )  # fmt: skip


def followers(report: ProxiesReport) -> str:
    """A row for each proxy that leads: does it follow across examples, and across sizes?"""
    rows = []
    for one in report.proxies:
        if one.variant_of is not None:
            continue
        last = one.sizes[-1]
        trend = ["-", "-"]
        if one.trend is not None:
            trend = [bounded(one.trend.slopes), bounded(one.trend.slopes_beyond_level)]
        rows.append([one.title, bounded(last.spearman), one.across_examples, *trend, one.across_sizes or "-"])
    size = f"{report.axis} {report.sizes[-1].size}"
    columns = ["proxy", f"rank correlation, {size}", "across examples", "slopes", "beyond its level", "across sizes"]
    return table(columns, rows)


def dips(report: ProxiesReport) -> str:
    """Hartigan's dip of the score by size."""
    rows = [
        [
            str(row.size),
            fine(row.bimodality.dip, 4),
            fine(row.bimodality.if_unimodal, 4),
            fine(row.bimodality.p_value, 4),
        ]
        for row in report.sizes
        if row.bimodality is not None
    ]
    return table([report.axis, "dip", "exceeded by one in twenty unimodal ones", "p"], rows)


def marks(report: TrajectoriesReport) -> str:
    """Flipped labels, near-duplicates and disputed labels by raw type."""
    kinds = [("flipped", "flipped")] if report.marks[0].flipped is not None else []
    kinds += [("near_duplicates", "with a near-duplicate"), ("disputed", "disputed")]
    return table(
        ["type, raw", "examples", *(title for _, title in kinds)],
        [
            [row.type, f"{row.examples:,}", *(counted_share(getattr(row, name), row.examples) for name, _ in kinds)]
            for row in report.marks
            if row.examples >= FEWEST
        ],
    )


def readings(found: Looked) -> str:
    """What two readers said of the labels of the most memorised images and of others."""
    return table(
        ["images", "reader", *VERDICTS],
        [
            [f"{count} {name}", reader[-1], *(str(found.counts(group, reader)[verdict]) for verdict in VERDICTS)]
            for group, name, count in (("most", "most memorised", found.most), ("random", "others", found.random))
            for reader in READERS
        ],
    )


TABLES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "scores": ("score", scores),
    "steps": ("score", steps),
    "types": ("trajectories", types),
    "epsilons": ("trajectories", epsilons),
    "parts": ("trajectories", parts),
    "flipped": ("trajectories", flipped),
    "marks": ("trajectories", marks),
    "attacks": ("privacy", attacks),
    "attacked_types": ("privacy", attacked_types),
    "pairs": ("influence", pairs),
    "pair_changes": ("influence", pair_changes),
    "memories": ("resmem", memories),
    "foretold": ("resmem", foretold),
    "memories_by_images": ("resmem_of_fewer", by_images),
    "students": ("distill", students),
    "inhibited": ("distill", inhibited),
    "followers": ("proxies", followers),
    "dips": ("proxies", dips),
    "unflipped_dips": ("unflipped", unflipped_dips),
    "fewer": ("convergence", fewer),
    "gains": ("convergence", gains),
    "fewer_types": ("convergence", fewer_types),
    "same_types": ("convergence", same_types),
    "readings": ("looked", readings),
}
"""By the name that a page has for it: the group of results, and what makes the table"""
