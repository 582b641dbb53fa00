"""`memscope demo`: the main job on bundled real images, told in a few sentences."""

from pathlib import Path

import click

from memscope.cli.types import RunPlace, details_option, load_for_workers, noted

EPILOG = """
\b
Examples:
  memscope demo
  memscope demo /tmp/demo --fresh
"""


@click.command("demo", epilog=EPILOG)
@click.argument("run", type=RunPlace(), default=Path("runs/demo"), metavar="[RUN]")
@click.option("--fresh", is_flag=True, help="Start over; else a finished demo is shown again.")
@details_option
@noted("demo")
def command(run: Path, fresh: bool, details: bool) -> None:
    """Everything, on a bundled real data set, in about a minute on two cores.

    Trains 40 small convolutional networks at each of four widths on random subsets of 1,000 Fashion-MNIST
    images, a tenth of them with a flipped label, scores the images, classifies their trajectories, gives every
    network a memory of its residuals, distils the largest into the others, draws the figures, and writes the report.
    RUN is runs/demo if not given.
    """
    load_for_workers("processes")
    from memscope.cli.progress import TrainingProgress
    from memscope.steps.demo import demo
    from memscope.tables.demo import show

    with TrainingProgress() as progress:
        shown = demo(run, fresh, say=progress.say, on_end=progress.ended)
    show(shown, details)
