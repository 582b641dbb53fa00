"""`memscope trajectories`: the type of every example's trajectory over size."""

from pathlib import Path

import click

from memscope.cli.figures import draws, run_or_plot
from memscope.cli.stored import tells_stored
from memscope.cli.types import NUMBER, WHOLE, details_option, json_option, noted
from memscope.reports.keys import keys_of
from memscope.steps.drawing import Drawing

EPILOG = """
\b
Examples:
  memscope trajectories runs/fashion --plot               # pictures into runs/fashion/figures
  memscope trajectories runs/fashion --plot --figures paper --figure-format pdf --style paper
  memscope trajectories runs/fashion --epsilon 0.25 --json
  memscope trajectories published/fashion --stored --plot # of a run without its models; nothing is computed
"""


@click.command("trajectories", epilog=EPILOG)
@run_or_plot
@click.option("--epsilon", type=NUMBER, default=0.2, show_default=True, help="A change of the score that counts.")
@click.option(
    "--confidence",
    type=NUMBER,
    default=0.8,
    show_default=True,
    help="Posterior probability from which a type is called.",
)
@click.option("--seed", type=WHOLE, default=0, show_default=True, help="Seed of the posterior draws.")
@draws
@tells_stored("trajectories")
@details_option
@json_option
@noted("trajectories")
def command(
    run: Path, epsilon: float, confidence: float, seed: int, plot: Drawing | None, details: bool, as_json: bool
) -> None:
    """The type of every example's trajectory over the sizes of RUN, and the shares of the types.

    A type is called if most posterior draws of the trajectory agree on it; otherwise it is undetermined.
    """
    from memscope.steps.trajectories import trajectories
    from memscope.tables.printing import print_json
    from memscope.tables.trajectories import show

    found = trajectories(run, epsilon=epsilon, confidence=confidence, seed=seed, plot=plot)
    if as_json:
        print_json(keys_of(found))
    else:
        show(found, details)
