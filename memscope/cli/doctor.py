"""`memscope doctor`: what is installed, what this machine has, and how fast it trains."""

import click

from memscope.cli.types import json_option
from memscope.reports.keys import keys_of

EPILOG = """
\b
Examples:
  memscope doctor
  memscope doctor --no-speed --json
"""


@click.command("doctor", epilog=EPILOG)
@click.option("--no-speed", is_flag=True, help="Do not measure how fast this machine trains, which takes seconds.")
@json_option
def command(no_speed: bool, as_json: bool) -> None:
    """Versions, devices, cores, what trains fast here, and what is missing.

    Measures for a few seconds how fast a small network trains, by each backend that there is.
    """
    from memscope.cli.progress import TrainingProgress
    from memscope.steps.doctor import doctor
    from memscope.tables.doctor import show
    from memscope.tables.printing import print_json

    with TrainingProgress(quiet=as_json, doing="looking at this machine") as progress:
        found = doctor(speed=not no_speed, say=progress.say)
    if as_json:
        print_json(keys_of(found))
    else:
        show(found)
