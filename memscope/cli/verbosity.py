"""`-q` and `-v`, which every command has."""

import logging
import sys

import click

from memscope.tables.verbosity import LEVEL

LOGGER = "memscope"
"""What the library notes of its work goes to the logger of this name; `-v` shows it."""


def with_verbosity(command: click.Command) -> click.Command:
    """The command with the two options, before its `--help`."""
    if not any(parameter.name == "quiet" for parameter in command.params):
        command.params += [
            option("--quiet", "-q", -1, "Tell of warnings and errors only."),
            option("--verbose", "-v", 1, "Tell what is done, and show the traceback of what fails."),
        ]
    return command


def option(name: str, short: str, level: int, text: str) -> click.Option:
    def chosen(context: click.Context, _: click.Parameter, given: bool) -> None:
        if not given:
            return
        if LEVEL.get():
            raise click.UsageError("--quiet and --verbose exclude each other; give one of them.")
        token = LEVEL.set(level)
        # of the whole call: when the command has failed, its own context has been closed
        context.find_root().call_on_close(lambda: LEVEL.reset(token))
        if level > 0:
            show_notes(context.find_root())

    return click.Option([short, name], is_flag=True, expose_value=False, callback=chosen, help=text)


def show_notes(context: click.Context) -> None:
    """Write what is noted to standard error, until the context is closed."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(relativeCreated)7.0f ms  %(message)s"))
    logger = logging.getLogger(LOGGER)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)

    def end() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)

    context.call_on_close(end)
