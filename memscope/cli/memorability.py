"""`memscope memorability`: what people remember, beside what models memorise."""

from pathlib import Path

import click

from memscope.cli.figures import draws, run_or_plot
from memscope.cli.memorability_train import trains
from memscope.cli.stored import tells_stored
from memscope.cli.types import NUMBER, WHOLE, Place, details_option, json_option, noted
from memscope.reports.keys import keys_of
from memscope.steps.drawing import Drawing

EPILOG = """
\b
Examples:
  memscope memorability runs/fashion --predictor resmem --plot     # pip install 'memscope-ml[memorability]'
  memscope memorability runs/photos --predictor vitmem --weights vitmem.safetensors
  memscope memorability runs/photos --scores measured.csv --details    # columns name,score or index,score
  memscope memorability runs/photos --train --plot      # networks that foretell by the image what is memorised
  memscope memorability runs/photos --train --target residual@4 --backbones plain,resnet18,resnet34 --with-label
"""


@click.command("memorability", epilog=EPILOG)
@run_or_plot
@click.option(
    "--predictor",
    type=click.Choice(["resmem", "vitmem"]),
    help="A network that predicts it; resmem: for noncommercial use only.",
)
@click.option("--weights", type=Place(dir_okay=False), metavar="FILE", help="The weights of vitmem.")
@click.option(
    "--scores", type=Place(dir_okay=False), metavar="FILE", help="A table of what people remembered, as LaMem's."
)
@click.option("--size", type=WHOLE, metavar="N", help="The width or depth whose corners are drawn.  [the largest]")
@click.option("--epsilon", type=NUMBER, default=0.2, show_default=True, help="A change of the score that counts.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True)
@draws
@tells_stored("memorability", instead={"train": "predictor"})
@trains
@details_option
@json_option
@noted("memorability")
def command(
    run: Path,
    predictor: str | None,
    weights: Path | None,
    scores: Path | None,
    size: int | None,
    epsilon: float,
    plot: Drawing | None,
    device: str,
    details: bool,
    as_json: bool,
) -> None:
    """What people remember of the images of RUN (memorability), beside what its models memorise.

    Memorability is people's, memorisation the models'. The predictor resmem (Needell & Bainbridge) has nothing to do
    with `memscope resmem`, the residual memory. Without a source it is that of the last time. Only the order of
    memorability counts: rank correlations with the score, with accuracy out and with the proxies that were measured,
    over all images and within classes.

    With --train, networks are fitted to what the models memorise instead, and asked about images that were held out;
    they are kept in RUN/predictors for `memscope memorability predict`.
    """
    from memscope.cli.progress import TrainingProgress
    from memscope.steps.memorability import memorability
    from memscope.tables.memorability import show
    from memscope.tables.printing import print_json
    from memscope.work.memorability import Source

    with TrainingProgress(quiet=as_json, doing="predicting", thing="image") as progress:
        found = memorability(
            run,
            Source(predictor=predictor, weights=weights, scores=scores),
            size=size,
            epsilon=epsilon,
            device=device,
            plot=plot,
            say=progress.say,
        )
    if as_json:
        print_json(keys_of(found))
    else:
        show(found, details)
