"""`memscope influence` in print."""

import math

from memscope.findings import influence as findings
from memscope.findings.influence import cells_of, number, signed, signed_number, with_ends
from memscope.findings.numbers import fine
from memscope.findings.words import listed
from memscope.reports.influence import InfluenceReport
from memscope.tables.printing import say, show_screen, table, tell


def show(report: InfluenceReport, details: bool = False) -> None:
    """One screen of findings; with `details` both directions, changes, all that was asked for."""
    if not details:
        show_screen(findings.screen(report))
        return
    show_pairs(report)
    show_changes(report)
    show_example(report)
    show_beside(report)
    for note in findings.notes(report):
        tell(note)


def show_pairs(report: InfluenceReport) -> None:
    """Helpful and harmful pairs of every size, and which models said what of them."""
    for title, direction in (
        (f"Helpful pairs: influence of {fine(report.threshold)} or more", "helpful"),
        (f"Harmful pairs: influence of -{fine(report.threshold)} or less", "harmful"),
    ):
        rows = []
        for row in report.sizes:
            found = getattr(row, direction)
            pairs, by_chance, *others = cells_of(found)
            spread = "" if math.isnan(found.by_chance_sd) else f" ±{number(found.by_chance_sd)}"
            rows.append(
                [
                    str(row.size),
                    f"{row.models:,}",
                    f"{row.memorised:,}",
                    pairs,
                    f"{by_chance}{spread}",
                    *others[:2],
                    fine(found.chance, 3),
                    "yes" if found.listed else "no",
                    *others[2:],
                ]
            )
        columns = [
            report.axis,
            "models",
            "memorised",
            "pairs",
            "by chance",
            "by class",
            "false share",
            "p",
            "listed",
            "train",
            "second" if report.among == "train" else "test",
            "measured anew",
        ]
        table(title, columns, rows)
    among = "training examples again" if report.among == "train" else f"{report.targets:,} test examples"
    say(
        f"Pairs of {report.examples:,} training examples and {among}, by blocks of models: chosen by "
        f"{listed(report.blocks_choosing)}, measured anew by {listed(report.blocks_telling)}; memorised "
        f"({fine(report.memorised)} or more) by {listed(report.blocks_memorised)}. ±: of 20 "
        "permutations; p: of so many by chance; measured anew: 95 % interval over these models."
    )


def show_changes(report: InfluenceReport) -> None:
    if report.changes:
        table(
            "Helpful pairs from one size to another, with 95 % intervals: their number beyond those by class (over "
            "training examples), and the mean influence of pairs of both together, measured anew (over models)",
            ["from", "to", "number", "pairs of both", "influence"],
            [
                [str(one.smaller), str(one.larger), signed_number(one), f"{one.pairs:,}", signed(one.influence)]
                for one in report.changes
            ],
        )


def show_example(report: InfluenceReport) -> None:
    for one in report.shown or ():
        say(findings.example(report, one))
        shown = findings.example_grid(report, one, len(one.helpful) + len(one.harmful))
        columns = [" ".join(heading.split("\n")) for heading in shown.columns]
        rows = [[row, *[""] * (len(columns) - 1)] if isinstance(row, str) else list(row) for row in shown.rows]
        table(f"Influence at {report.axis} {one.size}", columns, rows)


def show_beside(report: InfluenceReport) -> None:
    if report.beside:
        table(
            f"The {report.beside[0].pairs:,} pairs of {report.beside[0].file} in all models of this run",
            [
                report.axis,
                "known",
                "of one class",
                "mean influence",
                "of random pairs",
                "rank correlation",
                "listed here",
            ],
            [
                [
                    str(row.size),
                    f"{row.known:,}",
                    f"{row.same_class:,}",
                    with_ends(row.influence),
                    with_ends(row.random),
                    fine(row.spearman),
                    f"{row.among_found:,}",
                ]
                for row in report.beside
            ],
        )
