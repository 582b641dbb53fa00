"""`memscope families`: what --family takes: the families of networks, their sizes, and what each is for."""

import click

from memscope.cli.types import json_option
from memscope.reports.keys import keys_of

EPILOG = """
\b
Example:
  memscope families
"""


@click.command("families", epilog=EPILOG)
@json_option
def command(as_json: bool) -> None:
    """What --family takes: the families of networks, their sizes, and what each is for."""
    from memscope.steps.listings import families
    from memscope.tables.listings import show_families
    from memscope.tables.printing import print_json

    found = families()
    if as_json:
        print_json(keys_of(found))
    else:
        show_families(found)
