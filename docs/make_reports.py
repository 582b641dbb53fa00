"""Makes docs/json.md and memscope/reports/schemas/: run it after a report has changed. Needs pydantic.

python docs/make_reports.py
"""

import ast
import dataclasses
import importlib
import inspect
import json
import textwrap
import types
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path

from pydantic import Field, create_model

from memscope.reports import REPORTS
from memscope.reports.keys import LEFT_OUT, MERGED, NO_KEY

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "memscope" / "reports" / "schemas"
HEAD = """# The keys of `--json`

Made by `docs/make_reports.py` from `memscope/reports/`; do not edit. `memscope schema COMMAND` prints the same as a
JSON schema, and `memscope.commands` has functions that give these reports as dataclasses of the same names. What is not
defined is `null` (NaN in Python). Keys that end in `_error` are jackknife standard errors over blocks of models
([science.md](science.md)): of means, areas and correlations `null` below three blocks, of shares below four.
"""


def report(command: str) -> type:
    module, name = REPORTS[command].split(":")
    return getattr(importlib.import_module(module), name)


def keyed(kind: type) -> list[dataclasses.Field]:
    """The fields of a report that are keys."""
    return [each for each in fields(kind) if not each.metadata.get(NO_KEY)]


def descriptions(kind: type) -> dict[str, str]:
    """The docstrings of a dataclass's fields, each on one line."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            found[field.target.id] = " ".join(text.value.value.split())
    return found


def without_none(kind: typing.Any) -> typing.Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next(one for one in typing.get_args(kind) if one is not types.NoneType)
    return kind


def inner(kind: typing.Any) -> type | None:
    """The dataclass in an annotation, if there is one."""
    if is_dataclass(kind):
        return kind
    return next((found for one in typing.get_args(kind) if (found := inner(one))), None)


def model_of(kind: type) -> type:
    """A pydantic model of what `keys_of` makes of a report."""
    hints, said = typing.get_type_hints(kind), descriptions(kind)
    found: dict[str, typing.Any] = {}
    for each in keyed(kind):
        if each.metadata.get(MERGED):
            beside = model_of(without_none(hints[each.name]))
            for name, field in beside.model_fields.items():
                found[name] = (field.annotation, Field(default=None, description=field.description))
        else:
            default = None if each.metadata.get(LEFT_OUT) else ...
            wanted = without_none(hints[each.name]) if each.metadata.get(LEFT_OUT) else hints[each.name]
            found[each.name] = (modelled(wanted), Field(default=default, description=said[each.name]))
    return create_model(kind.__name__, __doc__=kind.__doc__, **found)


def modelled(kind: typing.Any) -> typing.Any:
    """An annotation with models in place of dataclasses; a float may be null."""
    if is_dataclass(kind):
        return model_of(kind)
    if kind is float:
        return float | None
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return list[modelled(args[0])]
    if origin is dict:
        return dict[str, modelled(args[1])]
    if origin in (typing.Union, types.UnionType):
        return typing.Optional[modelled(without_none(kind))]  # noqa: UP045  # of a type that is made here
    return kind


def schema(command: str) -> str:
    found = model_of(report(command)).model_json_schema(mode="serialization")
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | without_defaults(found)
    return json.dumps(found, indent=1) + "\n"


def without_defaults(found: typing.Any) -> typing.Any:
    """A schema without the null that stands for a key that is not there."""
    if isinstance(found, dict):
        return {key: without_defaults(value) for key, value in found.items() if (key, value) != ("default", None)}
    return [without_defaults(each) for each in found] if isinstance(found, list) else found


def type_in_words(kind: typing.Any, may_lack: bool) -> str:
    plain = without_none(kind)
    null = " or null" if plain is float or (plain is not kind and not may_lack) else ""
    names = {float: "number", int: "integer", str: "text", bool: "true or false"}
    if typing.get_origin(plain) is tuple:
        return f"list of {type_in_words(typing.get_args(plain)[0], False)}{null}"
    if typing.get_origin(plain) is dict:
        return f"object of {type_in_words(typing.get_args(plain)[1], False)}{null}"
    return (f"[{plain.__name__}](#{plain.__name__.lower()})" if is_dataclass(plain) else names[plain]) + null


def rows(kind: type, beside: str = "") -> list[str]:
    hints, said, found = typing.get_type_hints(kind), descriptions(kind), []
    for each in keyed(kind):
        if each.metadata.get(MERGED):
            merged = without_none(hints[each.name])
            found += rows(merged, merged.__doc__.partition(";")[2].strip().rstrip("."))
        else:
            may_lack = bool(each.metadata.get(LEFT_OUT))
            when = f" ({beside})" if beside else ""
            found.append(f"| `{each.name}` | {type_in_words(hints[each.name], may_lack)} | {said[each.name]}{when} |")
    return found


def nested(kind: type, seen: list[type], beside: bool = False) -> list[type]:
    """The dataclasses in a report, itself first, each once; not those whose keys stand `beside` the others."""
    if kind not in seen:
        if not beside:
            seen.append(kind)
        hints = typing.get_type_hints(kind)
        for each in keyed(kind):
            if found := inner(hints[each.name]):
                nested(found, seen, bool(each.metadata.get(MERGED)))
    return seen


def page() -> str:
    parts: list[str] = [HEAD]
    seen: list[type] = []
    for command in REPORTS:
        parts.append(f"## {command}\n")
        known = len(seen)
        for kind in nested(report(command), seen)[known:]:
            text = " ".join(kind.__doc__.split())
            parts.append(f"### {kind.__name__}\n\n{text}\n\n| key | is | what |\n|---|---|---|")
            parts.append("\n".join(rows(kind)) + "\n")
    return "\n".join(parts).rstrip() + "\n"


def main() -> None:
    SCHEMAS.mkdir(exist_ok=True)
    for command in REPORTS:
        (SCHEMAS / f"{command}.json").write_text(schema(command))
    (ROOT / "docs" / "json.md").write_text(page())


if __name__ == "__main__":
    main()
