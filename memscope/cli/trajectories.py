"""`memscope trajectories`: the type of every example's trajectory over size."""

from pathlib import Path

import click

from memscope.cli.types import Place, json_option, noted, plot_option
from memscope.reports.keys import keys_of

EPILOG = """
\b
Examples:
  memscope trajectories runs/fashion --plot               # pictures into runs/fashion/figures
  memscope trajectories runs/fashion --plot paper/figures --epsilon 0.25
"""


@click.command("trajectories", epilog=EPILOG)
@click.argument("run", type=Place(), required=False)
@click.option("--epsilon", type=float, default=0.2, show_default=True, help="A change of the score that counts.")
@click.option(
    "--confidence",
    type=float,
    default=0.8,
    show_default=True,
    help="Posterior probability from which a type is called.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the posterior draws.")
@plot_option
@json_option
@noted("trajectories")
def command(run: Path | None, epsilon: float, confidence: float, seed: int, plot: str | None, as_json: bool) -> None:
    """The type of every example's trajectory over the sizes of RUN, and the shares of the types.

    A type is called if most posterior draws of the trajectory agree on it; otherwise it is undetermined.
    """
    from memscope.steps.trajectories import trajectories
    from memscope.tables.printing import print_json
    from memscope.tables.trajectories import show

    if run is None and plot:
        run, plot = Path(plot), ""  # `--plot RUN`: the value that --plot may have has swallowed the run
    if run is None:
        raise click.UsageError("Missing argument 'RUN': a directory made by memscope train-family.")
    pictures = None if plot is None else Path(plot) if plot else run / "figures"
    found = trajectories(run, epsilon=epsilon, confidence=confidence, seed=seed, plot=pictures)
    if as_json:
        print_json(keys_of(found))
    else:
        show(found)
