"""`memscope resmem`: the residual memory of every trained model."""

import sys
from pathlib import Path

import click

from memscope.cli.figures import draws, run_or_plot
from memscope.cli.stored import tells_stored
from memscope.cli.types import (
    NUMBER,
    Numbers,
    Sizes,
    details_option,
    json_option,
    load_for_workers,
    noted,
    work_options,
)
from memscope.reports.keys import keys_of
from memscope.steps.drawing import Drawing

EPILOG = """
\b
Examples:
  memscope train-family runs/fashion --full 2             # models on all the data, for the first table
  memscope resmem runs/fashion --plot
  memscope resmem runs/fashion --k 5,10,20 --sigma 0.5,1,2 --temperature 1
  memscope resmem runs/fashion --k 10 --sigma 1 --temperature 1    # nothing to choose: no block is reserved
"""


@click.command("resmem", epilog=EPILOG)
@run_or_plot
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
    help="Scale the features: `unit` to length 1, `standard` each to mean 0 and standard deviation 1.",
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
@click.option("--epsilon", type=NUMBER, default=0.2, show_default=True, help="A change of the score that counts.")
@draws
@tells_stored("resmem")
@work_options
@details_option
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
    plot: Drawing | None,
    device: str,
    engine: str,
    address: str | None,
    workers: int | None,
    details: bool,
    as_json: bool,
) -> None:
    """What residual memories (ResMem) add to the models of RUN, and what they hold.

    ResMem adds the residuals of the nearest training examples to a model's probabilities. k, sigma and temperature
    are chosen on one block of models, by the accuracy on examples outside their subsets. The other models, each with
    a memory of its own subset, give ResMem's own memorisation scores.
    """
    load_for_workers(engine, "memscope.work.memory_task")
    from memscope.cli.progress import TrainingProgress
    from memscope.steps.resmem import MemoryOptions, resmem
    from memscope.tables.printing import print_json
    from memscope.tables.resmem import show
    from memscope.work.carrying_out import WorkOptions

    with TrainingProgress(quiet=as_json, doing="measuring") as progress:
        found = resmem(
            run,
            MemoryOptions(k, sigma, temperature, normalise, metric, index),
            WorkOptions(device=device, engine=engine, address=address, workers=workers),
            epsilon=epsilon,
            plot=plot,
            say=progress.say,
            on_end=progress.ended,
        )
    if as_json:
        print_json(keys_of(found))
    else:
        show(found, details)
    if found.failed:
        sys.exit(1)
