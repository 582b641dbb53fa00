"""`Plan`: all that decides the numbers of a run, and its file `plan.toml`.

A plan's digest covers everything that an outcome depends on. Sizes and numbers of models can grow, so they are
outside it; so is where the data lies: its fingerprint counts, the path is a hint.
"""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import tomli_w

from memscope.errors import NewerError, OptionError, RunError
from memscope.plan.recipe import OWN_LOOP, PRECISIONS, RECORDED, RULES, Recipe
from memscope.plan.subsets import block_size, block_subsets, fraction_of

VERSION = 1
"""Of plan.toml. A reader refuses a newer one."""

LARGEST_MODELS = 1_000_000
"""Of one size; a slip of the keyboard should not plan for years."""

LARGEST_FILE = 2**20
"""Bytes of a plan.toml; a plan has some 700."""

AXES = ("width", "depth")

ALWAYS = {
    "Plan": (
        *("data", "family", "axis", "fixed", "sizes", "models", "fraction", "seed", "precision", "recipe", "unit"),
        "full_models",
    ),
    "DataChoice": ("spec", "fingerprint", "examples", "label_noise", "data_seed", "image_size"),
    "Recipe": (
        *("trainer", "epochs", "batch_size", "learning_rate", "momentum", "weight_decay", "warmup", "schedule"),
        *("label_smoothing", "augment"),
    ),
}
"""The fields of the first plans. Their digests are those of runs that exist, so this list never changes: a field that
is added later has a default that never changes, and is hashed and written only where it is not at it. What later
fields of DataChoice decide is in the data's fingerprint."""


@dataclass(frozen=True)
class DataChoice:
    """Which examples: what `load_dataset` was asked for, and the fingerprint of what it gave."""

    spec: str
    fingerprint: str
    examples: int | None = None
    label_noise: float = 0.0
    data_seed: int = 0
    image_size: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.label_noise < 1:
            raise OptionError(f"the label noise is {self.label_noise}; it must be a fraction from 0 to below 1")


@dataclass(frozen=True)
class Plan:
    """One family of classifiers on random subsets of one data set."""

    data: DataChoice
    family: str
    axis: str
    fixed: int | None
    """The fixed one of width and depth, where the family's name does not fix it"""
    sizes: tuple[int, ...]
    models: int
    """Models of each size, whole blocks"""
    fraction: float
    seed: int
    precision: str
    recipe: Recipe
    unit: int
    """How many models of one size share a task and a file; a divisor of the block"""
    full_models: int = 0
    """Models of each size trained on all the data"""

    def __post_init__(self) -> None:
        fraction_of(self.fraction)
        if self.axis not in AXES:
            raise OptionError(f"the axis is {self.axis!r}; it must be one of {', '.join(AXES)}")
        check_increasing(self.sizes, self.axis)
        if self.models < 1:
            raise OptionError(f"the number of models is {self.models}; it must be at least 1")
        if self.precision not in PRECISIONS:
            raise OptionError(f"the precision is {self.precision!r}; it must be one of {', '.join(PRECISIONS)}")
        if not 0 <= self.full_models <= LARGEST_MODELS:
            raise OptionError(f"the number of full models is {self.full_models}; it must be 0 to {LARGEST_MODELS:,}")
        if self.models > LARGEST_MODELS:
            raise OptionError(f"the number of models is {self.models}; it must be at most {LARGEST_MODELS:,}")
        if self.unit < 1 or self.models % self.block or self.block % self.unit:
            raise OptionError(
                f"{self.models} models in units of {self.unit} are not whole blocks of {self.block}; "
                "round the models up to whole blocks and take a unit that divides the block"
            )

    @property
    def block(self) -> int:
        """Models in a block of the balanced design."""
        return block_size(self.fraction)

    @property
    def learner(self) -> str:
        """What is trained, for people: the family, or the user's own training."""
        trainer = self.recipe.trainer
        return self.family if trainer == OWN_LOOP else "models trained elsewhere" if trainer == RECORDED else trainer

    @property
    def digest(self) -> str:
        """SHA-256, in hex, over what the outcomes depend on."""
        decides = {
            "data": self.data.fingerprint,
            "family": self.family,
            "axis": self.axis,
            "fixed": self.fixed,
            "fraction": str(fraction_of(self.fraction)),
            "recipe": values_of(self.recipe, "Recipe"),
            "rules": RULES,
            "unit": self.unit,
            "precision": self.precision,
            "seed": self.seed,
            **{name: value for name, value in values_of(self, "Plan").items() if name not in ALWAYS["Plan"]},
        }
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()

    def subset(self, num_examples: int, model: int) -> np.ndarray:
        """bool [num_examples]: the training examples that a model sees, the same at every size."""
        block, member = divmod(model, self.block)
        return latest_block(num_examples, block, self.fraction, self.seed)[member]

    def grown(self, sizes: tuple[int, ...] = (), models: int = 0, full_models: int = 0) -> "Plan":
        """The same plan with further sizes and at least so many models."""
        return replace(
            self,
            sizes=tuple(sorted({*self.sizes, *sizes})),
            models=max(self.models, self.whole_blocks(models)),
            full_models=max(self.full_models, full_models),
        )

    def whole_blocks(self, models: int) -> int:
        """`models` rounded up to whole blocks."""
        return -(-models // self.block) * self.block


@lru_cache(maxsize=1)
def latest_block(num_examples: int, block: int, fraction: float, seed: int) -> np.ndarray:
    """`block_subsets`, the last one kept: models are asked for one after another."""
    return block_subsets(num_examples, block, fraction, seed)


def check_increasing(sizes: tuple[int, ...], axis: str) -> None:
    """OptionError unless the sizes are positive and strictly increasing."""
    given = ",".join(map(str, sizes))
    if not sizes or sizes[0] < 1 or any(b <= a for a, b in pairwise(sizes)):
        raise OptionError(
            f"the {axis}s are {given or 'none'}; they must be positive and increasing, as in --{axis}s 2,4,8"
        )


def ledger_unit(fraction: float, images_per_model: int) -> int:
    """Models in a task: the largest divisor of the block with which a task trains at most 150,000 images.

    That is seconds to a minute on one core, so that a kill costs little and a task's overhead nothing. It
    depends on the plan only, never on workers or engine, so that files of different calls never overlap.
    """
    block = block_size(fraction)
    divisors = [count for count in range(1, block + 1) if block % count == 0]
    return max(count for count in divisors if count == 1 or count * images_per_model <= 150_000)


def values_of(part: Any, kind: str) -> dict[str, Any]:
    """What a plan, its data or its recipe (`kind` in ALWAYS) is hashed and written by: see ALWAYS."""
    values = asdict(part)
    for field in fields(part):
        if field.name not in ALWAYS[kind] and values[field.name] == field.default:
            del values[field.name]
    return values


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

    Asked before anything is written there: directories would be made anew, and hold what belongs to no run.
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
