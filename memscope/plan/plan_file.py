"""`plan.toml`: a plan as a file, replayable, with a digest and a checksum that a reader checks."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, get_args, get_type_hints

import tomli_w

from memscope.errors import NewerError, OptionError, RunError
from memscope.plan.plan import DataChoice, Plan, values_of
from memscope.plan.recipe import Recipe

VERSION = 1
"""Of plan.toml. A reader refuses a newer one."""

LARGEST_FILE = 2**20
"""Bytes of a plan.toml; a plan has some 700."""


def plan_to_toml(plan: Plan) -> bytes:
    """The content of `plan.toml`: what is not None and not a later field's default; full models if there are any."""
    values = values_of(plan, "Plan") | {
        "data": values_of(plan.data, "DataChoice"),
        "sizes": list(plan.sizes),
        "recipe": values_of(plan.recipe, "Recipe"),
    }
    if not plan.full_models:
        del values["full_models"]  # plans that have none can be read by the memscope that did not know them
    document = {"digest": plan.digest, **without_none(values)}
    document = {"memscope-plan": VERSION, "checksum": checksum_of(document), **document}
    note = "# The plan of a memscope run. Replay it with: memscope train-family NEW --plan THIS-FILE\n"
    return (note + tomli_w.dumps(document)).encode()


def checksum_of(document: dict[str, Any]) -> str:
    """SHA-256, in hex, over the values of a plan.toml; its digest leaves out what may grow, which can be wrong too."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null: a missing key stands for None."""
    return {
        key: without_none(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }


def read_plan(path: Path) -> Plan:
    """The plan in a `plan.toml`; RunError where it is missing, damaged, edited or of a newer version."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ValueError(f"it has over {LARGEST_FILE:,} bytes")
        text = content.decode()
    except FileNotFoundError:
        raise RunError(f"{path} does not exist; expected the plan of a run, made by memscope train-family") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is not a readable plan: {error}; restore it from a copy") from None
    return plan_from_toml(path, text)


def plan_text(run: Path) -> str:
    """The text of the `plan.toml` of a run that is being worked on; RunError where it has gone meanwhile.

    Asked before anything is written there: else directories would be made anew, with files that belong to no run.
    """
    try:
        return (run / "plan.toml").read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(
            f"{run} has gone while it was worked on: its plan.toml cannot be read ({error}); put it back and run the "
            "command again"
        ) from error


def plan_from_toml(path: Path, text: str) -> Plan:
    """The plan in the text of a `plan.toml` that is, or was, at `path`; RunError as in `read_plan`."""
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise RunError(f"{path} is not a readable plan: it is nested too deeply; restore it from a copy") from None
    except ValueError as error:  # numbers too long and dates that are none: plain ValueError from tomllib
        raise RunError(f"{path} is not a readable plan: {error}; restore it from a copy") from None
    version = document.pop("memscope-plan", None)
    if version != VERSION:
        if isinstance(version, int) and version > VERSION:
            raise NewerError(
                f"{path} has plan version {version}; this memscope reads up to {VERSION}; upgrade memscope"
            )
        raise RunError(f"{path} has no 'memscope-plan = {VERSION}'; expected a plan made by memscope train-family")
    checksum = document.pop("checksum", None)
    damaged = checksum is not None and checksum != checksum_of(document)  # plans from before it have none
    digest = document.pop("digest", None)
    plan = plan_from_document(path, document)
    if digest != plan.digest:
        raise RunError(
            f"{path} says digest {str(digest)[:12]} but its values give {plan.digest[:12]}: it was edited. "
            "Undo the edit, or make a new run with the new values"
        )
    if damaged:
        raise RunError(
            f"{path}: its values are not those of its checksum: it was edited or damaged. Undo the edit (sizes and "
            "models grow with memscope train-family); in a run, memscope status RUN --repair restores it"
        )
    return plan


def plan_from_document(path: Path, document: dict[str, Any]) -> Plan:
    """The plan that the values of a plan.toml describe; RunError naming the first value that does not fit."""
    try:
        data = DataChoice(**checked(document.pop("data"), DataChoice))
        recipe = Recipe(**checked(document.pop("recipe"), Recipe))
        values = checked(document | {"data": data, "recipe": recipe, "sizes": tuple(document["sizes"])}, Plan)
        return Plan(**{"fixed": None, **values})
    except (KeyError, TypeError, AttributeError, OptionError) as error:
        raise RunError(f"{path} is not a valid plan: {error}; restore it from a copy") from None


def checked(table: dict[str, Any], kind: type) -> dict[str, Any]:
    """The table, each of whose keys and types is that of a field of the dataclass `kind`; OptionError otherwise."""
    types = get_type_hints(kind)
    for key, value in table.items():
        if key not in types:
            raise OptionError(f"it has the unknown key {key!r}; known are {', '.join(sorted(types))}")
        if key == "sizes":
            fits = all(type(size) is int for size in value)
        else:
            allowed = get_args(types[key]) or (types[key],)
            fits = type(value) in allowed or (type(value) is int and float in allowed)
        if not fits:
            raise OptionError(f"its {key} is {value!r}, which is of the wrong type")
    return table
