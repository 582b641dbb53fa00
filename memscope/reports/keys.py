"""From a report to the keys of `--json`, and back.

A field is a key, a nested report an object, a tuple an array. What is not defined is NaN in a report and null in JSON,
which has no NaN. A field that is added later gets a default, so that stored reports of before can be read.
"""

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from typing import Any, TypeVar

MERGED, LEFT_OUT, NO_KEY = "merged", "left_out", "no key"
Report = TypeVar("Report")


def merged() -> Any:
    """A field for a nested report, or None, whose keys stand beside the others."""
    return field(default=None, metadata={MERGED: True})


def left_out() -> Any:
    """A field whose key is there only where it is not None."""
    return field(default=None, metadata={LEFT_OUT: True})


def no_key(**default: Any) -> Any:
    """A field for those who tell of a report: it is no key of `--json`, but stored; perhaps with a `default`."""
    return field(metadata={NO_KEY: True}, **default)


def keys_of(report: Any, stored: bool = False) -> dict[str, Any]:
    """The report as what `json.dumps` takes; with `stored` also the fields that are no keys."""
    found: dict[str, Any] = {}
    for each in fields(report):
        value = getattr(report, each.name)
        if each.metadata.get(NO_KEY) and not stored:
            continue
        if each.metadata.get(MERGED):
            found |= {} if value is None else keys_of(value, stored)
        elif value is not None or not each.metadata.get(LEFT_OUT):
            found[each.name] = plain(value, stored)
    return found


def stored_keys(report: Any) -> dict[str, Any]:
    """The report as results keep it: the keys of `--json`, and what its findings rest on, so that another command can
    tell of them in the same words."""
    return keys_of(report, stored=True)


def plain(value: Any, stored: bool = False) -> Any:
    """The value for JSON: null stands for what is not defined."""
    if is_dataclass(value):
        return keys_of(value, stored)
    if isinstance(value, Mapping):
        return {str(key): plain(each, stored) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each, stored) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def report_of(kind: type[Report], keys: Mapping[str, Any]) -> Report:
    """The report that was stored as these keys; KeyError where one is missing that has no default.

    Keys that this version does not know are left aside.
    """
    hints = typing.get_type_hints(kind)
    found: dict[str, Any] = {}
    for each in fields(kind):  # type: ignore[arg-type]  # a dataclass, which no annotation can say
        if each.metadata.get(MERGED):
            inner = typing.get_args(hints[each.name])[0]
            if any(one.name in keys for one in fields(inner)):
                found[each.name] = report_of(inner, keys)
        elif each.name in keys:
            found[each.name] = value_of(hints[each.name], keys[each.name])
        elif each.default is MISSING and each.default_factory is MISSING:
            raise KeyError(f"{kind.__name__} without {each.name}")
    return kind(**found)


def value_of(kind: Any, value: Any) -> Any:
    """A value of JSON as the type that a field has."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return value_of(next(one for one in inner if one is not types.NoneType), value)
    if kind is float:
        return math.nan if value is None else float(value)
    if origin is tuple:
        return tuple(value_of(inner[0], each) for each in value)
    if origin is dict:
        return {key: value_of(inner[1], each) for key, each in value.items()}
    return report_of(kind, value) if is_dataclass(kind) else value  # type: ignore[arg-type]  # a class, not an instance
