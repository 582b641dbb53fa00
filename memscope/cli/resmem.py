"""`memscope resmem`: the residual memory of every trained model."""

import sys
from pathlib import Path
from typing import Any

import click

from memscope.cli.types import (
    Numbers,
    Sizes,
    json_option,
    load_for_workers,
    noted,
    plot_option,
    run_argument,
    work_options,
)

EPILOG = """
\b
Examples:
  memscope train-family runs/fashion --full 2             # models on all the data, for the first table
  memscope resmem runs/fashion --plot
  memscope resmem runs/fashion --k 5,10,20 --sigma 0.5,1,2 --temperature 1
  memscope resmem runs/fashion --k 10 --sigma 1 --temperature 1    # nothing to choose: no block is reserved
"""


@click.command("resmem", epilog=EPILOG)
@run_argument
@click.option("--k", type=Sizes(), help="Numbers of neighbours to try.  [1,3,10,30,100]")
@click.option(
    "--sigma", type=Numbers(), help="Scales of the weights to try, in units of the features.  [0.1,0.3,1,3,10,30]"
)
@click.option("--temperature", type=Numbers(), help="Temperatures of the softmax to try.  [0.5,1,2,4,8,16]")
@click.option(
    "--normalise",
    type=click.Choice(["none", "unit", "standard"]),
    default="none",
    show_default=True,
    help="Of the features: to length one, or each to mean 0 and standard deviation 1.",
)
@click.option(
    "--metric",
    type=click.Choice(["euclidean", "squared-euclidean", "cosine"]),
    default="euclidean",
    show_default=True,
    help="Distance between features.",
)
@click.option(
    "--index",
    type=click.Choice(["exact", "faiss"]),
    default="exact",
    show_default=True,
    help="Search for neighbours; faiss (an extra) where the training set is too large for an exact one.",
)
@click.option("--epsilon", type=float, default=0.2, show_default=True, help="A change of the score that counts.")
@plot_option
@work_options
@json_option
@noted("resmem")
def command(
    run: Path,
    k: tuple[int, ...] | None,
    sigma: tuple[float, ...] | None,
    temperature: tuple[float, ...] | None,
    normalise: str,
    metric: str,
    index: str,
    epsilon: float,
    plot: str | None,
    device: str,
    engine: str,
    address: str | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """What a memory of each model's residuals adds to it in RUN, and what it holds (ResMem).

    ResMem adds to a model's probabilities the residuals of the nearest training examples. k, sigma and temperature
    are chosen on one block of models, on examples that they were not trained on; the other models, each with a
    memory of its own subset, give ResMem's own memorisation scores.
    """
    load_for_workers(engine, "memscope.work.memory_task")
    from memscope.cli.printing import print_json, say
    from memscope.cli.progress import TrainingProgress
    from memscope.steps.resmem import MemoryOptions, resmem
    from memscope.work.carrying_out import Where

    with TrainingProgress(quiet=as_json, doing="measuring") as progress:
        summary, done = resmem(
            run,
            MemoryOptions(k, sigma, temperature, normalise, metric, index),
            Where(device=device, engine=engine, address=address, workers=workers),
            epsilon=epsilon,
            say=progress.say,
            on_end=progress.ended,
        )
    if summary is None:
        task, reason = done.failures[0]
        say(f"Failed twice: size {task.size}, models {task.first} to {task.first + task.count - 1}: {reason}")
        say(f"The tracebacks are in {run}/failures; run the command again to retry.")
        sys.exit(1)
    pictures: list[Path] = []
    if plot is not None:
        from memscope.steps.figures import draw_resmem_figures

        pictures = draw_resmem_figures(run, Path(plot) if plot else run / "figures")
        summary["figures"] = [str(picture) for picture in pictures]
    if as_json:
        print_json(summary | {"measured": done.models})
        return
    show(summary)
    for picture in pictures:
        say(f"Wrote {picture}.")


def show(summary: dict[str, Any]) -> None:
    """The choice, accuracies, ResMem's own scores, the memory by type, and what it foretells."""
    show_choice(summary)
    show_full(summary)
    show_subsets(summary)
    show_types(summary)
    show_foretold(summary)


def show_choice(summary: dict[str, Any]) -> None:
    from memscope.cli.printing import percent, say, table

    axis, grid = summary["axis"], summary["grid"]
    table(
        f"Residual memory at each {axis} ({summary['family']} on {summary['data']}; features {summary['normalise']}, "
        f"{summary['metric']})",
        [axis, "k", "sigma", "temperature", "accuracy held out", "base model"],
        [
            [str(row["size"]), str(row["k"]), f"{row['sigma']:g}", f"{row['temperature']:g}"]
            + (
                [percent(row["selection"]["accuracy"]), percent(row["selection"]["base_accuracy"])]
                if row["selection"]
                else ["-", "-"]
            )
            for row in summary["sizes"]
        ],
    )
    if summary["reserved_block"] is None:
        say("One value each was given: nothing was chosen, and all blocks of models are scored.")
        return
    tried = "; ".join(f"{name} {', '.join(f'{value:g}' for value in values)}" for name, values in grid.items())
    say(
        f"Chosen from {tried} on block {summary['reserved_block']} of the models, on the training examples outside "
        "their subsets; that block is left out of what follows. The accuracy is the best of the grid, and so a little "
        "too good."
    )
    edges = [f"{axis} {row['size']}: {', '.join(row['at_edge'])}" for row in summary["sizes"] if row["at_edge"]]
    if edges:
        say(f"At the edge of what was tried ({'; '.join(edges)}): a wider grid might do better.")


def show_full(summary: dict[str, Any]) -> None:
    from memscope.cli.printing import percent, say, table

    axis = summary["axis"]
    if summary["full"] is None:
        say(
            f"No models on all the data: memscope train-family {summary['run']} --full 2, then this command again, "
            "would add their test and train accuracy."
        )
        return
    table(
        "Models on all the data, without and with their memory",
        [axis, "models", "train base", "ResMem", "test base", "ResMem", "change"],
        [
            [
                str(row["size"]),
                str(row["models"]),
                percent(row["base"]["train_accuracy"]),
                percent(row["resmem"]["train_accuracy"]),
                percent(row["base"]["test_accuracy"]),
                percent(row["resmem"]["test_accuracy"]),
                points(row["test_change"], row["test_change_sd"]),
            ]
            for row in summary["full"]
        ],
    )
    say("±: standard deviation over models. In train accuracy an example is among its own neighbours.")


def points(value: float | None, spread: float | None) -> str:
    """A difference of shares in percentage points."""
    if value is None:
        return "-"
    return f"{100 * value:+.1f}" + ("" if spread is None else f" ±{100 * spread:.1f}")


def show_subsets(summary: dict[str, Any]) -> None:
    from memscope.cli.printing import decimals, percent, say, table, with_error

    axis = summary["axis"]
    noisy = summary["flipped"] is not None
    rows = [row for row in summary["sizes"] if row["base"]]
    table(
        "Models on subsets, without and with the memory of their own subset",
        [
            *(axis, "models", "score base", "ResMem", "change", "acc. in base", "ResMem", "acc. out base", "ResMem"),
            *("test base", "ResMem", "change"),
        ],
        [
            [
                str(row["size"]),
                str(row["models"]),
                decimals(row["base"]["mean_score"]),
                decimals(row["resmem"]["mean_score"]),
                with_error(row["mean_change"], row["mean_change_error"]),
                decimals(row["base"]["mean_accuracy_in"]),
                decimals(row["resmem"]["mean_accuracy_in"]),
                decimals(row["base"]["mean_accuracy_out"]),
                decimals(row["resmem"]["mean_accuracy_out"]),
                percent(row["base"]["test_accuracy"]),
                percent(row["resmem"]["test_accuracy"]),
                points(row["test_change"], row["test_change_sd"]),
            ]
            for row in rows
        ],
    )
    say(
        "Scores, here and below, are raw ones. "
        "ResMem's score is its own: with the memory of a subset it is a learning algorithm too. Change of the score: ± "
        "standard error by leaving out blocks of models; of the test accuracy, in points: ± standard deviation over "
        "models."
    )
    for row in summary["sizes"]:
        if row["diverged"]:
            say(f"Left out at {axis} {row['size']}: {row['diverged']} models that diverged.")
    table(
        "What the memory holds and turns",
        [axis, "residual in", "out", "wrong to right in", "out", "right to wrong in", "out"]
        + (["residual, flipped labels", "others"] if noisy else []),
        [
            [
                str(row["size"]),
                decimals(row["mean_residual_in"]),
                decimals(row["mean_residual_out"]),
                percent(row["flip_in"]),
                percent(row["flip_out"]),
                percent(row["harm_in"]),
                percent(row["harm_out"]),
            ]
            + ([decimals(row["mean_residual_flipped"]), decimals(row["mean_residual_clean"])] if noisy else [])
            for row in rows
        ],
    )
    say(
        "in, out: over models trained with the example and over those trained without it. The norm of the residual "
        "is at temperature 1, so that sizes can be compared: near 0 where a model fits what it was trained on."
    )


def show_types(summary: dict[str, Any]) -> None:
    """A table of types by sizes for each of the main measures; all of them are in the JSON."""
    from memscope.cli.printing import decimals, say, table, with_error

    axis, kinds = summary["axis"], summary["by_type"]
    if kinds is None:
        return
    kinds = [kind for kind in kinds if kind["examples"]]
    told = [each for kind in kinds for each in kind["sizes"] if each["residual"] is not None]
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
            f"{title}, by type of the models' trajectory (raw rule, epsilon {summary['epsilon']:g})",
            ["type", "examples", *(f"{axis} {each['size']}" for each in kinds[0]["sizes"])],
            [
                [kind["type"], decimals(kind["examples"], 0)]
                + [with_error(each[name], each[f"{name}_error"]) for each in kind["sizes"]]
                for kind in kinds
            ],
        )
    say(
        "Types come from one half of the blocks of models, measures from the other, halves swapped. "
        + ("" if told[0]["residual_error"] is not None else "Standard errors need two blocks of models in each half.")
    )


def show_foretold(summary: dict[str, Any]) -> None:
    from memscope.cli.printing import decimals, say, table

    axis, pairs = summary["axis"], summary["foretells"]
    if not pairs:
        return
    table(
        "Does the residual at one size foretell what larger models memorise? (rank correlation with their score)",
        [f"residual at {axis}", f"score at {axis}", "correlation", "95 % interval"],
        [
            [
                str(pair["size"]),
                str(pair["larger"]),
                decimals(pair["correlation"]),
                "-" if pair["low"] is None else f"{decimals(pair['low'])} to {decimals(pair['high'])}",
            ]
            for pair in pairs
        ],
    )
    blocks = min(pair["blocks"] for pair in pairs)
    say(
        f"Intervals by leaving out blocks of models ({blocks} blocks)."
        if blocks > 2
        else f"Intervals need three blocks of models beside the reserved one; there are {blocks}."
    )
