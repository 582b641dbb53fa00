"""`memscope privacy`: how well attacks tell the training examples of models from others."""

from pathlib import Path

import click

from memscope.cli.figures import draws, run_or_plot
from memscope.cli.output import check_outputs, told_beside
from memscope.cli.stored import tells_stored
from memscope.cli.types import NUMBER, OutputFile, details_option, json_option, noted
from memscope.reports.keys import keys_of
from memscope.steps.drawing import Drawing

EPILOG = """
\b
Examples:
  memscope privacy runs/fashion --plot
  memscope privacy runs/fashion --csv records.csv         # what is found of every example at every size
  memscope privacy runs/fashion --students                # distilled models beside the others
"""


@click.command("privacy", epilog=EPILOG)
@run_or_plot
@click.option("--students", is_flag=True, help="Distilled models too, attacked for their own subsets.")
@click.option("--teacher-data", is_flag=True, help="What students give away of their teacher's data: what it needs.")
@click.option(
    "--epsilon", type=NUMBER, default=0.2, show_default=True, help="A change of the score that counts, for the types."
)
@click.option(
    "--csv", "csv_file", type=OutputFile(), metavar="FILE", help="Write a csv with a row for every size and example."
)
@click.option("--csv-safe", is_flag=True, help="Alter names in csv files so that no spreadsheet runs one as a formula.")
@draws
@tells_stored("privacy", also=("csv_file", "csv_safe"))
@details_option
@json_option
@noted("privacy")
def command(
    run: Path,
    students: bool,
    teacher_data: bool,
    epsilon: float,
    csv_file: Path | None,
    csv_safe: bool,
    plot: Drawing | None,
    details: bool,
    as_json: bool,
) -> None:
    """How well attacks tell the training examples of RUN's models from others, at every size.

    Membership inference by online and offline LiRA (Carlini et al. 2022), by RMIA (Zarifzadeh et al. 2024), and by a
    threshold on the loss, from the log-odds that RUN keeps. The models of a block are attacked with those of the other
    blocks as references. Members are the examples that a model was trained on, non-members the training examples that
    were held out of it.
    """
    check_outputs({"--csv": csv_file})
    from memscope.cli.progress import TrainingProgress
    from memscope.steps.privacy import privacy
    from memscope.tables.printing import print_json
    from memscope.tables.privacy import show

    with TrainingProgress(quiet=as_json, doing="attacking") as progress:
        found = privacy(
            run,
            epsilon=epsilon,
            students=students,
            teacher_data=teacher_data,
            csv_file=csv_file,
            csv_safe=csv_safe,
            plot=plot,
            say=progress.say,
        )
    with told_beside(csv_file):
        if as_json:
            print_json(keys_of(found))
        else:
            show(found, details)
