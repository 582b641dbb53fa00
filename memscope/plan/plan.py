"""`Plan`: all that decides the numbers of a run.

A plan's digest covers everything that an outcome depends on. Sizes and numbers of models can grow, so they are not in
it. Nor is the place of the data: its fingerprint counts, and the path is only a hint.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from memscope.datasets.reading import FIRST_RULES
from memscope.errors import OptionError
from memscope.plan.backends import BACKENDS, TORCH
from memscope.plan.recipe import OWN_LOOP, PRECISIONS, RECORDED, RULES, Recipe
from memscope.plan.subsets import block_size, block_subsets, fraction_of

LARGEST_MODELS = 1_000_000
"""Of one size; a slip of the keyboard should not plan for years."""
LARGEST_NOMINAL = 1_000_000_000

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

GROWS = ("dynamics",)
"""Later fields of Plan that may grow, and so are never hashed: no outcome depends on them."""


@dataclass(frozen=True)
class DataChoice:
    """Which examples: what `load_dataset` was asked for, and the fingerprint of what it gave."""

    spec: str
    fingerprint: str
    examples: int | None = None
    label_noise: float = 0.0
    data_seed: int = 0
    image_size: int | None = None
    reading: int = FIRST_RULES
    """The rules of reading, see docs/format.md; plans of before name none"""
    test_share: float | None = None
    """Share of each class that was held out as test set; None where the data have a test set"""
    split_seed: int = 0
    """Of what is held out"""
    skip_unreadable: bool = False
    changes: str | None = None
    """SHA-256, in hex, of the run's file of what was then changed in the examples; None where nothing was"""
    origin: str | None = None
    """Where the run was whose data were changed: a hint"""
    origin_digest: str | None = None
    """Of its plan"""

    def __post_init__(self) -> None:
        if not 0 <= self.label_noise < 1:
            raise OptionError(f"the label noise is {self.label_noise}; it must be a fraction from 0 to below 1")
        if self.test_share is not None and not 0 < self.test_share < 1:
            raise OptionError(f"the test share is {self.test_share}; it must be a fraction between 0 and 1")


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
    backend: str = TORCH
    """What trains models on a CPU, one of BACKENDS"""
    dynamics: int = 0
    """How many models of each size are recorded while they are trained, whole blocks from the first on; if there are
    any, so are those on all the data"""
    nominal_examples: int | None = None
    """Training examples by which steps are counted, of a derived run with as many steps as the one that it is from;
    None where those of the data count"""

    def __post_init__(self) -> None:
        fraction_of(self.fraction)
        if self.axis not in AXES:
            raise OptionError(f"the axis is {self.axis!r}; it must be one of {', '.join(AXES)}")
        check_increasing(self.sizes, self.axis)
        if self.models < 1:
            raise OptionError(f"the number of models is {self.models}; it must be at least 1")
        if self.precision not in PRECISIONS:
            raise OptionError(f"the precision is {self.precision!r}; it must be one of {', '.join(PRECISIONS)}")
        if self.backend not in BACKENDS:
            raise OptionError(f"the backend is {self.backend!r}; it must be one of {', '.join(BACKENDS)}")
        if not 0 <= self.full_models <= LARGEST_MODELS:
            raise OptionError(f"the number of full models is {self.full_models}; it must be 0 to {LARGEST_MODELS:,}")
        if self.models > LARGEST_MODELS:
            raise OptionError(f"the number of models is {self.models}; it must be at most {LARGEST_MODELS:,}")
        if self.unit < 1 or self.models % self.block or self.block % self.unit:
            raise OptionError(
                f"{self.models} models in units of {self.unit} are not whole blocks of {self.block}; "
                "round the models up to whole blocks and take a unit that divides the block"
            )
        if self.nominal_examples is not None and not 1 <= self.nominal_examples <= LARGEST_NOMINAL:
            raise OptionError(
                f"the number of examples that steps are counted by is {self.nominal_examples}; it must be 1 to "
                f"{LARGEST_NOMINAL:,}"
            )
        if not 0 <= self.dynamics <= self.models or self.dynamics % self.block:
            raise OptionError(
                f"the number of models whose dynamics are recorded is {self.dynamics}; it must be whole blocks of "
                f"{self.block}, 0 to {self.models}"
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
            **{name: value for name, value in values_of(self, "Plan").items() if name not in (*ALWAYS["Plan"], *GROWS)},
        }
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()

    def nominal_size(self, num_examples: int, full: bool = False) -> int:
        """The examples by which the steps of a model are counted, of so many training examples.

        Those of a subset, whatever its own remainder; models on all the data (`full`) get as many epochs, so more
        steps.
        """
        count = self.nominal_examples or num_examples
        return count if full else round(count * self.fraction)

    def subset(self, num_examples: int, model: int) -> np.ndarray:
        """bool [num_examples]: the training examples that a model sees, the same at every size."""
        block, member = divmod(model, self.block)
        return latest_block(num_examples, block, self.fraction, self.seed)[member]

    def grown(self, sizes: tuple[int, ...] = (), models: int = 0, full_models: int = 0, dynamics: int = 0) -> "Plan":
        """The same plan with further sizes and at least so many models, on subsets, on all the data, recorded."""
        return replace(
            self,
            sizes=tuple(sorted({*self.sizes, *sizes})),
            models=max(self.models, self.whole_blocks(models)),
            full_models=max(self.full_models, full_models),
            dynamics=max(self.dynamics, self.whole_blocks(dynamics)),
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

    That is seconds to a minute on one core, so that little is lost when a worker is killed, and a task's overhead is
    negligible. It depends on the plan only, never on workers or engine, so that files of different calls never overlap.
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
