"""Kinds of option values that several commands take."""

from pathlib import Path
from typing import Any

import click


class Sizes(click.ParamType):
    """Widths or depths: whole numbers with commas between."""

    name = "N,N,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not whole numbers with commas between, as in 2,4,8", param, ctx)


run_argument = click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON (keys: docs/format.md) instead of tables."
)
