"""`memscope memorability predict`: how much models would memorise of images that nobody trained on."""

from pathlib import Path

import click

from memscope.cli.output import check_outputs, told_beside
from memscope.cli.types import WHOLE, OutputFile, Place, Spec, json_option
from memscope.reports.keys import keys_of

EPILOG = """
\b
Examples:
  memscope memorability runs/photos --train                # keeps predictors in runs/photos/predictors
  memscope memorability predict runs/photos/predictors/resnet18-score@32-7d1f0c2e.safetensors --data folder:new
  memscope memorability predict MODEL.safetensors --data folder:new --csv expected.csv
"""


@click.command("memorability predict", epilog=EPILOG)
@click.argument("model", type=Place(dir_okay=False), metavar="MODEL")
@click.option("--data", type=Spec(), required=True, help="The images, as train-family takes them.")
@click.option("--examples", type=WHOLE, metavar="N", help="Only so many training images, the same of each class.")
@click.option(
    "--image-size",
    type=WHOLE,
    metavar="N",
    help="Side of pictures of a folder, if not the predictor's.",
)
@click.option("--csv", "csv_file", type=OutputFile(), metavar="FILE", help="Write a csv with a row for every image.")
@click.option("--csv-safe", is_flag=True, help="Alter names in csv files so that no spreadsheet runs one as a formula.")
@click.option("--top", type=WHOLE, default=10, show_default=True, help="Images shown of either end.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True)
@json_option
def command(
    model: Path,
    data: str,
    examples: int | None,
    image_size: int | None,
    csv_file: Path | None,
    csv_safe: bool,
    top: int,
    device: str,
    as_json: bool,
) -> None:
    """What models would memorise of images that nobody trained on, by the predictor in MODEL.

    MODEL is a file that `memscope memorability RUN --train` kept. Images of other sizes are brought to that of the
    predictor's. What it says is in the units of what it was fitted to (a memorisation score, the norm of a residual, or
    the numbers of a table), and for an image with a typical label, unless it was trained --with-label. Images that it
    was fitted to are marked.
    """
    check_outputs({"--csv": csv_file})
    from memscope.cli.progress import TrainingProgress
    from memscope.steps.predict import predict_memorisation
    from memscope.tables.prediction import show
    from memscope.tables.printing import print_json

    with TrainingProgress(quiet=as_json, doing="predicting") as progress:
        found = predict_memorisation(
            model,
            data,
            examples=examples,
            image_size=image_size,
            csv_file=csv_file,
            csv_safe=csv_safe,
            top=top,
            device=device,
            say=progress.say,
        )
    with told_beside(csv_file):
        if as_json:
            print_json(keys_of(found))
        else:
            show(found)
