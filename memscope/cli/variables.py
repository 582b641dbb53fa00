"""Environment variables that stand for options: MEMSCOPE_SCORE_TOP for `memscope score --top`."""

import click


def with_variables(name: str, command: click.Command) -> click.Command:
    """The command, each of its options with a variable that is called as the option is.

    click's own `auto_envvar_prefix` would call them as our parameters are: MEMSCOPE_SCORE_CSV_FILE for `--csv`.
    """
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            long = max(parameter.opts, key=len).removeprefix("--")
            parameter.envvar = f"MEMSCOPE_{name}_{long}".replace("-", "_").replace(" ", "_").upper()
    return command
