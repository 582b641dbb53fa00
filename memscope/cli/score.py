"""`memscope score`: memorisation of every example at every size."""

from pathlib import Path

import click

from memscope.cli.output import check_outputs, told_beside
from memscope.cli.stored import tells_stored
from memscope.cli.types import OutputFile, details_option, json_option, noted, run_argument
from memscope.reports.keys import keys_of

EPILOG = """
\b
Examples:
  memscope score runs/fashion
  memscope score runs/fashion --suspects suspects.csv     # labels to look at, most suspect first
  memscope score runs/fashion --npz scores.npz --json
  memscope score runs/fashion --csv - | head              # - is standard output
"""


@click.command("score", epilog=EPILOG)
@run_argument
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="How many of the most memorised examples to list.",
)
@click.option(
    "--suspects",
    type=OutputFile(),
    metavar="FILE",
    help="Write a csv of labels to look at, most suspect first; - is standard output.",
)
@click.option(
    "--csv", "csv_file", type=OutputFile(), metavar="FILE", help="Write a csv with a row for every size and example."
)
@click.option("--csv-safe", is_flag=True, help="Alter names in csv files so that no spreadsheet runs one as a formula.")
@click.option("--npz", "npz_file", type=OutputFile(), metavar="FILE", help="Write arrays [size, example].")
@click.option("--validate", is_flag=True, help="Check the population estimate on halves of the models (4 blocks).")
@tells_stored("score", also=("top", "suspects", "csv_file", "csv_safe", "npz_file"))
@details_option
@json_option
@noted("score")
def command(
    run: Path,
    top: int,
    suspects: Path | None,
    csv_file: Path | None,
    csv_safe: bool,
    npz_file: Path | None,
    validate: bool,
    details: bool,
    as_json: bool,
) -> None:
    """Memorisation of every example of RUN at every size, with standard errors.

    The score of an example is the accuracy on it of the models trained with it minus that of the models
    trained without it (Feldman 2020); the soft score takes the probability of its label in place of 0 or 1.
    """
    from memscope.steps.score import score

    check_outputs({"--suspects": suspects, "--csv": csv_file, "--npz": npz_file})
    found = score(
        run,
        top=top,
        validate=validate,
        suspects=suspects,
        csv_file=csv_file,
        csv_safe=csv_safe,
        npz_file=npz_file,
    )
    with told_beside(suspects, csv_file, npz_file):
        from memscope.tables.printing import print_json
        from memscope.tables.score import show

        if as_json:
            print_json(keys_of(found))
        else:
            show(found, details)
