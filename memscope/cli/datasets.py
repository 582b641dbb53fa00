"""`memscope datasets`: what --data takes: the bundled data sets, and every form in which others are given."""

import click

from memscope.cli.types import json_option
from memscope.reports.keys import keys_of

EPILOG = """
\b
Example:
  memscope datasets
"""


@click.command("datasets", epilog=EPILOG)
@json_option
def command(as_json: bool) -> None:
    """What --data takes: the bundled data sets, and every form in which others are given."""
    from memscope.steps.listings import datasets
    from memscope.tables.listings import show_datasets
    from memscope.tables.printing import print_json

    found = datasets()
    if as_json:
        print_json(keys_of(found))
    else:
        show_datasets(found)
