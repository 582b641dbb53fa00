"""`memscope status`: what is done, what is missing, what failed."""

from pathlib import Path

import click

from memscope.cli.types import details_option, json_option, run_argument
from memscope.reports.keys import keys_of

EPILOG = """
\b
Example:
  memscope status runs/fashion
  memscope status runs/fashion --repair
"""


@click.command("status", epilog=EPILOG)
@run_argument
@click.option("--timing", is_flag=True, help="Tell where the time of the run's commands went.")
@click.option("--repair", is_flag=True, help="Read every file; move what is damaged to RUN/damaged, to be made again.")
@details_option
@json_option
def command(run: Path, timing: bool, repair: bool, details: bool, as_json: bool) -> None:
    """What in RUN is done, missing, failed or out of date."""
    from memscope.steps.status import status
    from memscope.tables.printing import print_json
    from memscope.tables.status import show

    found = status(run, repair=repair, timing=timing)
    if as_json:
        print_json(keys_of(found))
    else:
        show(found, details)
