"""`memscope distill`: students of a larger teacher, held against the models trained on labels alone."""

import sys
from pathlib import Path

import click

from memscope.cli.figures import draws, run_or_plot
from memscope.cli.stored import tells_stored
from memscope.cli.types import (
    NUMBER,
    WHOLE,
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
  memscope distill runs/fashion --teacher 32              # students of every smaller width
  memscope distill runs/fashion --teacher 32 --students 2,4,8 --temperature 2
  memscope distill runs/fashion --teacher 32 --teacher-on full    # the ablation that leaks held-out labels
  memscope distill runs/fashion --plot                    # compare and draw what there is, train nothing
"""


@click.command("distill", epilog=EPILOG)
@run_or_plot
@click.option("--teacher", type=WHOLE, metavar="N", help="Size of the teachers; without it nothing is trained.")
@click.option("--students", type=Sizes(), help="Sizes of the students.  [all smaller than the teacher]")
@click.option("--temperature", type=NUMBER, default=4.0, show_default=True, help="Softens both softmaxes.")
@click.option(
    "--soft-weight", type=NUMBER, default=0.9, show_default=True, help="Weight of the teacher's part of the loss."
)
@click.option(
    "--teacher-on",
    type=click.Choice(["subset", "full"]),
    default="subset",
    show_default=True,
    help="What the teacher was trained on: the student's own subset, or (ablation) all the data.",
)
@click.option("--epsilon", type=NUMBER, default=0.2, show_default=True, help="A change of the score that counts.")
@draws
@tells_stored("distill")
@work_options
@click.option("--no-weights", is_flag=True, help="Do not keep the students' weights.")
@details_option
@json_option
@noted("distill")
def command(
    run: Path,
    teacher: int | None,
    students: tuple[int, ...] | None,
    temperature: float,
    soft_weight: float,
    teacher_on: str,
    epsilon: float,
    plot: Drawing | None,
    device: str,
    engine: str,
    address: str | None,
    workers: int | None,
    no_weights: bool,
    details: bool,
    as_json: bool,
) -> None:
    """Train students of a larger teacher in RUN, and compare what they memorise.

    A student has the size, the subset, the batches and the initial weights of a model that was trained on the labels
    alone; its teacher is the family's larger model that was trained on the same subset. All settings that the run
    has are compared in one table.
    """
    load_for_workers(engine)
    from memscope.cli.progress import TrainingProgress
    from memscope.plan.teaching import Teaching
    from memscope.steps.distill import distill
    from memscope.tables.distill import show
    from memscope.tables.printing import print_json
    from memscope.work.carrying_out import WorkOptions

    teaching = None if teacher is None else Teaching(teacher, temperature, soft_weight, teacher_on)
    options = WorkOptions(device=device, engine=engine, address=address, workers=workers, keep_weights=not no_weights)
    with TrainingProgress(quiet=as_json) as progress:
        found = distill(
            run,
            teaching,
            students,
            options,
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
