"""Writes docs/cli.md from the commands' own --help. Run it when a help text changes; a test compares the two."""

from pathlib import Path

import click

from memscope.cli import COMMANDS, memscope

PAGE = Path(__file__).with_name("cli.md")


def reference() -> str:
    """The text of docs/cli.md."""
    parts = ["# The commands\n\nMade from `--help` by `docs/make_cli.py`; do not edit.\n"]
    # with the program's own settings: click keeps the first help option that it makes of a command
    parent = click.Context(memscope, info_name="memscope", **{**memscope.context_settings, "terminal_width": 100})
    parts.append(f"## memscope\n\n```\n{memscope.get_help(parent)}\n```\n")
    for name in COMMANDS:
        command = memscope.get_command(parent, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=parent, max_content_width=100, terminal_width=100)
        parts.append(f"## memscope {name}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(reference())
