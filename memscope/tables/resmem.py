"""`memscope resmem` in print."""

import math

from memscope.findings import resmem as findings
from memscope.findings.numbers import decimals, percent, points, with_error
from memscope.reports.resmem import ResmemReport
from memscope.tables.printing import say, show_screen, table, warning


def show(report: ResmemReport, details: bool = False) -> None:
    """One screen of findings.

    With `details` all that there is: choice, accuracies, ResMem's own scores, the memory by type, what it predicts.
    """
    if not details:
        show_screen(findings.screen(report))
        return
    if report.failed:
        task = report.failed[0]
        warning(f"Failed twice: size {task.size}, models {task.first} to {task.first + task.count - 1}: {task.reason}")
        warning(f"The tracebacks are in {report.run}/failures; run the command again to retry.")
        return
    show_choice(report)
    show_full(report)
    show_subsets(report)
    show_types(report)
    show_predictions(report)
    for picture in report.figures or ():
        say(f"Wrote {picture}.")


def show_choice(report: ResmemReport) -> None:
    """The memory of each size, and what it was chosen from."""
    axis, grid = report.axis, report.grid
    table(
        f"Residual memory at each {axis} ({report.family} on {report.data}; features {report.normalise}, "
        f"{report.metric})",
        [axis, "k", "sigma", "temperature", "accuracy held out", "base model"],
        [
            [str(row.size), str(row.k), f"{row.sigma:g}", f"{row.temperature:g}"]
            + ([percent(row.selection.accuracy), percent(row.selection.base_accuracy)] if row.selection else ["-", "-"])
            for row in report.sizes
        ],
    )
    if report.reserved_block is None:
        say("One value each was given: nothing was chosen, and all blocks of models are scored.")
        return
    values = {"k": grid.k, "sigma": grid.sigma, "temperature": grid.temperature}
    tried = "; ".join(f"{name} {', '.join(f'{value:g}' for value in values[name])}" for name in values)
    say(
        f"Chosen from {tried} on block {report.reserved_block} of the models, on the training examples outside "
        "their subsets; that block is left out of what follows. The accuracy is the best of the grid, and so a little "
        "too good."
    )
    edges = [f"{axis} {row.size}: {', '.join(row.at_edge)}" for row in report.sizes if row.at_edge]
    if edges:
        say(f"At the edge of what was tried ({'; '.join(edges)}): a wider grid might do better.")


def show_full(report: ResmemReport) -> None:
    """The models on all the data."""
    if report.full is None:
        say(
            f"No models on all the data: memscope train-family {report.run} --full 2, then this command again, "
            "would add their test and train accuracy."
        )
        return
    table(
        "Models on all the data, without and with their memory",
        [report.axis, "models", "train base", "ResMem", "test base", "ResMem", "change"],
        [
            [
                str(row.size),
                str(row.models),
                percent(row.base.train_accuracy),
                percent(row.resmem.train_accuracy),
                percent(row.base.test_accuracy),
                percent(row.resmem.test_accuracy),
                points(row.test_change, row.test_change_sd),
            ]
            for row in report.full
        ],
    )
    say("±: standard deviation over models. In train accuracy an example is among its own neighbours.")


def show_subsets(report: ResmemReport) -> None:
    """The models on subsets: accuracies and scores, then what the memory holds and turns."""
    axis, noisy = report.axis, report.flipped is not None
    accuracies, turned = [], []
    for row in report.sizes:
        base, resmem, change = row.base, row.resmem, row.change
        if base is None or resmem is None or change is None:
            continue
        accuracies.append(
            [
                str(row.size),
                str(row.models),
                decimals(base.mean_score),
                decimals(resmem.mean_score),
                with_error(change.mean_change, change.mean_change_error),
                decimals(base.mean_accuracy_in),
                decimals(resmem.mean_accuracy_in),
                decimals(base.mean_accuracy_out),
                decimals(resmem.mean_accuracy_out),
                percent(base.test_accuracy),
                percent(resmem.test_accuracy),
                points(change.test_change, change.test_change_sd),
            ]
        )
        cells = [
            str(row.size),
            decimals(change.mean_residual_in),
            decimals(change.mean_residual_out),
            percent(change.flip_in),
            percent(change.flip_out),
            percent(change.harm_in),
            percent(change.harm_out),
        ]
        if noisy:
            labels = change.by_label
            cells += (
                [decimals(labels.mean_residual_flipped), decimals(labels.mean_residual_clean)] if labels else ["-", "-"]
            )
        turned.append(cells)
    table(
        "Models on subsets, without and with the memory of their own subset",
        [
            *(axis, "models", "score base", "ResMem", "change", "acc. in base", "ResMem", "acc. out base", "ResMem"),
            *("test base", "ResMem", "change"),
        ],
        accuracies,
    )
    say(
        "Scores, here and below, are raw ones. "
        "ResMem's score is its own: with the memory of a subset it is a learning algorithm too. Change of the score: ± "
        "standard error by leaving out blocks of models; of the test accuracy, in points: ± standard deviation over "
        "models."
    )
    for row in report.sizes:
        if row.diverged:
            warning(f"Left out at {axis} {row.size}: {row.diverged} models that diverged.")
    table(
        "What the memory holds and turns",
        [axis, "residual in", "out", "wrong to right in", "out", "right to wrong in", "out"]
        + (["residual, flipped labels", "others"] if noisy else []),
        turned,
    )
    say(
        "in, out: over models trained with the example and over those trained without it. The norm of the residual "
        "is at temperature 1, so that sizes can be compared: near 0 where a model fits what it was trained on."
    )


def show_types(report: ResmemReport) -> None:
    """A table of types by sizes for each of the main measures; all of them are in the JSON."""
    if report.by_type is None:
        return
    kinds = [kind for kind in report.by_type if kind.examples > 0]
    told = [each for kind in kinds for each in kind.sizes if not math.isnan(each.residual)]
    if not told:
        say("No comparison by type of trajectory: types and measures need different blocks of models.")
        return
    for name, title in (
        ("residual", "Norm of the residual of examples trained on"),
        ("flip_out", "Share turned from wrong to right, held out"),
        ("gain_out", "Gain in accuracy out"),
        ("score_change", "Change of the score"),
    ):
        table(
            f"{title}, by type of the models' trajectory (raw rule, epsilon {report.epsilon:g})",
            ["type", "examples", *(f"{report.axis} {each.size}" for each in kinds[0].sizes)],
            [
                [kind.type, decimals(kind.examples, 0)]
                + [with_error(getattr(each, name), getattr(each, f"{name}_error")) for each in kind.sizes]
                for kind in kinds
            ],
        )
    say(
        "Types come from one half of the blocks of models, measures from the other, halves swapped. "
        + ("Standard errors need two blocks of models in each half." if math.isnan(told[0].residual_error) else "")
    )


def show_predictions(report: ResmemReport) -> None:
    """Whether residuals predict what larger models memorise."""
    axis, pairs = report.axis, report.foretells
    if not pairs:
        return
    table(
        "Does the residual at one size predict what larger models memorise? (rank correlation with their score)",
        [f"residual at {axis}", f"score at {axis}", "correlation", "95 % interval"],
        [
            [
                str(pair.size),
                str(pair.larger),
                decimals(pair.correlation),
                "-" if math.isnan(pair.low) else f"{decimals(pair.low)} to {decimals(pair.high)}",
            ]
            for pair in pairs
        ],
    )
    blocks = min(pair.blocks for pair in pairs)
    say(
        f"Intervals by leaving out blocks of models ({blocks} blocks)."
        if blocks > 2
        else f"Intervals need three blocks of models beside the reserved one; there are {blocks}."
    )
