"""`memscope trajectories`: the type of every example's trajectory over size."""

from pathlib import Path
from typing import Any

import click

from memscope.cli.types import json_option, noted, plot_option

EPILOG = """
\b
Examples:
  memscope trajectories runs/fashion --plot               # pictures into runs/fashion/figures
  memscope trajectories runs/fashion --plot paper/figures --epsilon 0.25
"""


@click.command("trajectories", epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option("--epsilon", type=float, default=0.2, show_default=True, help="A change of the score that counts.")
@click.option(
    "--confidence",
    type=float,
    default=0.8,
    show_default=True,
    help="Posterior probability from which a type is called.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides the posterior draws.")
@plot_option
@json_option
@noted("trajectories")
def command(run: Path | None, epsilon: float, confidence: float, seed: int, plot: str | None, as_json: bool) -> None:
    """The type of every example's trajectory over the sizes of RUN, and the shares of the types.

    A type is called where most posterior draws of the trajectory agree on it, else it is undetermined.
    """
    from memscope.steps.trajectories import trajectories
    from memscope.tables.printing import print_json, say

    if run is None and plot:
        run, plot = Path(plot), ""  # `--plot RUN`: the value that --plot may have has swallowed the run
    if run is None:
        raise click.UsageError("Missing argument 'RUN': a directory made by memscope train-family.")
    summary = trajectories(run, epsilon=epsilon, confidence=confidence, seed=seed)
    pictures: list[Path] = []
    if plot is not None:
        from memscope.steps.figures import draw_figures

        pictures = draw_figures(run, Path(plot) if plot else run / "figures")
        summary["figures"] = [str(picture) for picture in pictures]
    if as_json:
        print_json(summary)
        return
    show(summary)
    for picture in pictures:
        say(f"Wrote {picture}.")


def show(summary: dict[str, Any]) -> None:
    from memscope.tables.printing import decimals, percent, say, table

    epsilon = summary["epsilon"]
    grids = [("all sizes", summary["all_sizes"])]
    interpolating = summary["interpolating_sizes"]
    if interpolating and interpolating["sizes"] != summary["all_sizes"]["sizes"]:
        grids.append(("interpolating sizes", interpolating))
    for label, shares in grids:
        sizes = ", ".join(map(str, shares["sizes"]))
        population = ["population", "called by it"] if label == "all sizes" else []
        table(
            f"Types of trajectory over {label}: {summary['axis']} {sizes} (epsilon {epsilon:g})",
            ["type", "raw rule", "if all were flat", "called", "if all were flat", *population],
            [
                [
                    name,
                    percent_with_error(shares["raw"].get(name), shares["raw_error"].get(name)),
                    percent(shares["if_all_flat"].get(name)) if name in shares["if_all_flat"] else "-",
                    percent_with_error(shares["called"][name], shares["called_error"][name]),
                    percent(shares["if_all_flat_called"][name]),
                    *(population_cells(summary["population"], name) if population else []),
                ]
                for name in shares["called"]
            ],
        )
        if shares["undefined"]:
            say(f"{shares['undefined']} examples are undefined: a size has no model with, or none without them.")
    say(
        "if all were flat: what the column before would say of trajectories without any change, at "
        "these numbers of models. "
        f"called: with at least {summary['confidence']:.0%} of the posterior. Compare shares only on "
        "equal sizes and models."
    )
    say(
        "population: shares in the population that empirical Bayes fits to all examples, the noise taken out; called "
        "by it: with as much of its posterior. All else is of the raw scores."
    )
    known = any(error is not None for error in summary["all_sizes"]["raw_error"].values())
    errors = (
        "±: by leaving out half of the blocks of models; of the population one block, or group of them, at a time."
        if known
        else "No ±: shares need four blocks of models."
    )
    say(f"{errors} Shares by the raw rule are those at this number of models: more models, less noise, other shares.")
    if len(set(summary["models"])) > 1:
        counts = ", ".join(map(str, summary["models"]))
        say(f"Warning: sizes have different numbers of models ({counts}), so their noise differs too.")
    if interpolating is None:
        say("Fewer than two sizes interpolate, so there is no table over interpolating sizes.")
    table(
        "Where the change comes from (means over the examples of each raw type)",
        ["type", "examples", "rise", "from acc. in", "from acc. out", "fall", "from acc. in", "from acc. out"],
        [
            [row["type"], str(row["raw"])]
            + [
                decimals(row[key])
                for key in ("rise", "rise_from_in", "rise_from_out", "fall", "fall_from_in", "fall_from_out")
            ]
            for row in summary["by_type"]
            if row["raw"]
        ],
    )
    names = list(summary["all_sizes"]["raw"])
    say(
        "from acc. in, from acc. out: the parts of the change. A rise from acc. out means that "
        "models without the example "
        "get it right less often, a fall that they get it right more often. A negative fall: the score never falls."
    )
    table(
        "Raw shares against epsilon",
        ["epsilon", *names],
        [[f"{row['epsilon']:g}", *(percent(share) for share in row["shares"])] for row in summary["by_epsilon"]],
    )
    if summary["flipped_types"]:
        table(
            "Called types of flipped and of clean labels",
            ["label", *summary["all_sizes"]["called"]],
            [
                [kind, *(percent(share) for share in found["called"].values())]
                for kind, found in summary["flipped_types"].items()
            ],
        )


def population_cells(population: dict[str, Any], name: str) -> list[str]:
    from memscope.tables.printing import percent

    share = population["shares"].get(name)
    return [
        "-" if share is None else percent_with_error(share, population["shares_error"].get(name)),
        percent(population["called"][name]),
    ]


def percent_with_error(value: float | None, error: float | None) -> str:
    from memscope.tables.printing import percent

    if value is None:
        return "-"
    return percent(value) if error is None else f"{percent(value)} ±{percent(error)}"
