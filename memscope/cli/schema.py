"""`memscope schema`: the JSON schema of a command's `--json`."""

import click

from memscope.reports import REPORTS

EPILOG = """
\b
Examples:
  memscope schema score
  memscope schema score > score.schema.json
"""


@click.command("schema", epilog=EPILOG)
@click.argument("command_name", type=click.Choice(list(REPORTS)), metavar="COMMAND")
def command(command_name: str) -> None:
    """The JSON schema of what COMMAND prints with --json.

    train-family-dry-run is what train-family prints with --dry-run. The same keys are explained in docs/json.md;
    memscope.commands gives them as dataclasses.
    """
    from importlib.resources import files

    click.echo((files("memscope.reports") / "schemas" / f"{command_name}.json").read_text(encoding="utf-8").rstrip())
