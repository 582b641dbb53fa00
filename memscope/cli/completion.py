"""`memscope completion`: the line that makes a shell complete memscope's commands, options, runs, families and data."""

import os

import click

from memscope.cli.completing import SHELLS

EPILOG = """
\b
Put the line for your shell into its file, and open a new one:
  bash  ~/.bashrc                   eval "$(_MEMSCOPE_COMPLETE=bash_source memscope)"
  zsh   ~/.zshrc                    eval "$(_MEMSCOPE_COMPLETE=zsh_source memscope)"
  fish  ~/.config/fish/config.fish  _MEMSCOPE_COMPLETE=fish_source memscope | source

\b
Examples:
  memscope completion
  memscope completion zsh >> ~/.zshrc
"""


@click.command("completion", epilog=EPILOG)
@click.argument("shell", type=click.Choice(list(SHELLS)), required=False)
def command(shell: str | None) -> None:
    """Print the line that completes commands, options, runs, families and data sets in SHELL.

    SHELL is that of $SHELL if it is not given.
    """
    found = shell or os.path.basename(os.environ.get("SHELL", ""))
    if found not in SHELLS:
        raise click.UsageError(f"$SHELL is {found or 'not set'}; name one of {', '.join(SHELLS)}.")
    file, line = SHELLS[found]
    click.echo(line)
    click.echo(f"Put this line into {file}, and open a new shell.", err=True)
