"""`memscope influence`: which training examples carry which test examples, and what happens without some."""

from pathlib import Path

import click

from memscope.cli.figures import draws, run_or_plot
from memscope.cli.output import check_outputs, told_beside
from memscope.cli.removal import removes
from memscope.cli.stored import tells_stored
from memscope.cli.types import NUMBER, WHOLE, OutputFile, Place, details_option, json_option, noted
from memscope.reports.keys import keys_of
from memscope.steps.drawing import Drawing

EPILOG = """
\b
Examples:
  memscope influence runs/fashion --plot
  memscope influence runs/fashion --test 17               # which training examples help or harm test example 17
  memscope influence runs/fashion --train 42 --size 16    # what training example 42 helps and harms at width 16
  memscope influence runs/fashion --among-training --csv pairs.csv
  memscope influence runs/cifar --beside cifar100_high_infl_pairs_infl0.15_mem0.25.npz
  memscope influence runs/fashion --remove 100 --dry-run  # what it takes to train models without the most memorised
  memscope influence runs/fashion --remove 100
  memscope influence runs/fashion --peel 100              # of the same models: do others take their place?
"""


@click.command("influence", epilog=EPILOG)
@run_or_plot
@click.option("--threshold", type=NUMBER, default=0.15, show_default=True, help="Influence that counts.")
@click.option(
    "--memorised",
    type=NUMBER,
    default=0.25,
    show_default=True,
    help="Memorisation from which on a training example is looked at.",
)
@click.option("--all-classes", is_flag=True, help="Pairs of different classes, too.")
@click.option("--among-training", is_flag=True, help="Pairs of two training examples instead.")
@click.option("--test", type=WHOLE, metavar="J", help="What helps and harms this test example (position in the run).")
@click.option("--train", type=WHOLE, metavar="I", help="What this training example helps and harms.")
@click.option(
    "--size",
    type=WHOLE,
    metavar="N",
    help="Width or depth of --test, --train, --npz; whose scores --remove, --peel take.  [the largest]",
)
@click.option("--csv", "csv_file", type=OutputFile(), metavar="FILE", help="Write a csv with a row for every pair.")
@click.option("--csv-safe", is_flag=True, help="Alter names in csv files so that no spreadsheet runs one as a formula.")
@click.option(
    "--npz", "npz_file", type=OutputFile(), metavar="FILE", help="Write the helpful pairs in Feldman & Zhang's form."
)
@click.option(
    "--beside",
    type=Place(dir_okay=False),
    metavar="FILE",
    help="Look up the pairs of a file in that form, as they publish.",
)
@draws
@tells_stored(
    "influence", also=("csv_file", "csv_safe", "npz_file", "size"), instead={"among_training": "influence-training"}
)
@removes
@details_option
@json_option
@noted("influence")
def command(
    run: Path,
    threshold: float,
    memorised: float,
    all_classes: bool,
    among_training: bool,
    test: int | None,
    train: int | None,
    size: int | None,
    csv_file: Path | None,
    csv_safe: bool,
    npz_file: Path | None,
    beside: Path | None,
    plot: Drawing | None,
    details: bool,
    as_json: bool,
) -> None:
    """Which training examples carry which test examples of RUN at every size, beside what chance would show.

    The influence of a training example on a test example is the accuracy on the latter of the models trained with the
    former, less that of the models trained without it (Feldman & Zhang 2020). Different blocks of models say which
    examples are memorised, which pairs have influence, and how much; pairs are listed where at most half of them are
    expected to be there by chance.

    With --remove N, models are trained without the N most memorised examples instead, without the N least, and without
    random ones, and compared; with --peel N, what is memorised of the other examples then is.
    """
    check_outputs({"--csv": csv_file, "--npz": npz_file})
    from memscope.cli.progress import TrainingProgress
    from memscope.steps.influence import influence
    from memscope.tables.influence import show
    from memscope.tables.printing import print_json

    with TrainingProgress(quiet=as_json, doing="searching") as progress:
        found = influence(
            run,
            threshold=threshold,
            memorised=memorised,
            all_classes=all_classes,
            among_training=among_training,
            test=test,
            train=train,
            size=size,
            csv_file=csv_file,
            csv_safe=csv_safe,
            npz_file=npz_file,
            beside=beside,
            plot=plot,
            say=progress.say,
        )
    with told_beside(csv_file, npz_file):
        if as_json:
            print_json(keys_of(found))
        else:
            show(found, details)
