"""`memscope influence RUN --remove N` and `--peel N` in print."""

from memscope.findings import peel, removal, removal_forecast
from memscope.findings.numbers import decimals, points, signed
from memscope.findings.screen import Screen
from memscope.reports.ranged import Ranged
from memscope.reports.removal import ArmsForecast, PeelReport, RemovalReport
from memscope.tables.printing import say, show_screen, table, tell


def show_forecast(report: ArmsForecast) -> None:
    show_screen(removal_forecast.screen(report))


def show_removal(report: RemovalReport, details: bool = False) -> None:
    """What the command prints: one screen, or with `details` all tables."""
    screen = removal.screen(report)
    if not details or not report.sizes:
        show_screen(screen)
        return
    findings(screen)
    show_arms(report)
    for row in report.sizes:
        carried = any(one.examples for one in row.influenced)
        columns = ["arm", "accuracy", *["of what most carries", "of what pairs carry"] * carried]
        table(
            f"Test accuracy at {report.axis} {row.size}",
            columns,
            [
                [one.arm, decimals(one.accuracy, 4)]
                + [decimals(one.influenced, 4), decimals(one.influenced_by_pairs, 4)] * carried
                for one in row.arms
            ],
        )
    table(
        "Differences of test accuracy, in points",
        ["arm", "beside", report.axis, "difference", "standard error", "low", "high"],
        [
            [one.arm, one.beside, str(row.size), *ranged(one.accuracy)]
            for row in report.sizes
            for one in row.differences
        ],
        2,
    )
    if any(row.influenced for row in report.sizes):
        table(
            "The same on the test examples that removed ones carry, and what their influence leads one to expect",
            ["arm", "beside", report.axis, "examples", "difference", "standard error", "low", "high", "expected"],
            [
                [one.arm, one.beside, str(row.size), f"{one.examples:,}", *ranged(one.accuracy), points(one.expected)]
                for row in report.sizes
                for one in row.influenced
            ],
            2,
        )
    for note in screen.notes:
        tell(note)


def show_peel(report: PeelReport, details: bool = False) -> None:
    """What the command prints: one screen, or with `details` all tables."""
    screen = peel.screen(report)
    if not details or not report.sizes:
        show_screen(screen)
        return
    findings(screen)
    show_arms(report)
    table(
        f"Share of the remaining examples whose score reaches {report.threshold:g}, in percent",
        [
            report.axis,
            "left",
            "nothing gone",
            "random gone",
            "most gone",
            "difference",
            "standard error",
            "low",
            "high",
        ],
        [
            [
                str(row.size),
                f"{row.remaining:,.1f}",
                *(decimals(100 * share, 2) for share in (row.whole, row.random, row.most)),
                *ranged(row.share),
            ]
            for row in report.sizes
        ],
    )
    table(
        "Their mean score",
        [report.axis, "random gone", "most gone", "difference", "standard error", "low", "high", "error of one score"],
        [
            [
                str(row.size),
                decimals(row.score_random, 4),
                decimals(row.score_most, 4),
                *(signed(value, digits=4) for value in ends(row.score)),
                decimals(row.error, 3),
            ]
            for row in report.sizes
        ],
    )
    for note in screen.notes:
        tell(note)


def findings(screen: Screen) -> None:
    for told in screen.findings:
        if told:
            say(told)


def show_arms(report: RemovalReport | PeelReport) -> None:
    """What each arm is trained without, and where it is."""
    flips = any(arm.flipped is not None for arm in report.arms)
    pairs = any(arm.of_pairs is not None for arm in report.arms)
    columns = ["arm", "run", "removed", "of the most memorised"]
    table(
        "Arms, and what each is trained without",
        [*columns, *["flipped"] * flips, *["of pairs"] * pairs],
        [
            [arm.name, arm.run, f"{arm.removed:,}", f"{arm.shared:.1%}"]
            + [f"{arm.flipped or 0:,}"] * flips
            + [f"{arm.of_pairs or 0:,}"] * pairs
            for arm in report.arms
        ],
        2,
    )


def ranged(one: Ranged) -> list[str]:
    return [points(value) for value in ends(one)]


def ends(one: Ranged) -> tuple[float, float, float, float]:
    return one.value, one.error, one.low, one.high
