"""`memscope convergence`: what fewer of a run's models would have said."""

from pathlib import Path

import click

from memscope.cli.figures import draws, run_or_plot
from memscope.cli.stored import tells_stored
from memscope.cli.types import NUMBER, WHOLE, Sizes, details_option, json_option, noted
from memscope.reports.keys import keys_of
from memscope.steps.drawing import Drawing

EPILOG = """
\b
Examples:
  memscope convergence runs/fashion --plot                # are 200 models enough? what would 20 have said?
  memscope convergence runs/fashion --models 10,20,40 --details
"""


@click.command("convergence", epilog=EPILOG)
@run_or_plot
@click.option(
    "--models",
    type=Sizes(),
    metavar="N,N,...",
    help="Numbers of models of each size to look at, in whole blocks.  [1, 2, 5, 10 ... blocks, half]",
)
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
@tells_stored("convergence")
@details_option
@json_option
@noted("convergence")
def command(
    run: Path,
    models: tuple[int, ...] | None,
    epsilon: float,
    confidence: float,
    seed: int,
    plot: Drawing | None,
    details: bool,
    as_json: bool,
) -> None:
    """What fewer of the models of RUN would have said: are there enough of them?

    Sets of 10, 20, 50 ... models that share none are scored alone. The error of their scores, and of their population
    estimate, is measured by all other models, and set beside what standard errors foretell. Of types of trajectories:
    how their shares move with the number of models, and how far two sets name the same, beside chance.
    """
    from memscope.cli.progress import TrainingProgress
    from memscope.steps.convergence import convergence
    from memscope.tables.convergence import show
    from memscope.tables.printing import print_json

    with TrainingProgress(quiet=as_json, doing="scoring", thing="set") as progress:
        found = convergence(run, models, epsilon, confidence, seed, plot=plot, say=progress.say)
    if as_json:
        print_json(keys_of(found))
    else:
        show(found, details)
