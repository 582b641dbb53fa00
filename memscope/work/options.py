"""What a user may choose about a plan, and how choices are made from a saved plan or compared with one."""

import os
import shlex
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from memscope.datasets.reading import NEWEST_RULES
from memscope.errors import OptionError, RunError
from memscope.families import check_sizes, open_family
from memscope.files.places import at_home, mended_spec, split_spec
from memscope.plan.plan import Plan, check_increasing
from memscope.plan.recipe import OWN_LOOP, RECIPE_FIELDS, RECORDED, Recipe
from memscope.plan.subsets import fraction_of
from memscope.store.changes import changes_path
from memscope.training.user_trainer import load_trainer


@dataclass(frozen=True)
class Choices:
    """Options of train-family that decide the plan; None for those that the user did not give."""

    data: str | None = None
    examples: int | None = None
    label_noise: float | None = None
    data_seed: int | None = None
    image_size: int | None = None
    test_share: float | None = None
    split_seed: int | None = None
    skip_unreadable: bool | None = None
    reading: int | None = None
    """The rules of reading: no option, but what a replayed plan says of its own data"""
    family: str | None = None
    widths: tuple[int, ...] | None = None
    depths: tuple[int, ...] | None = None
    width: int | None = None
    """The fixed width when the sizes are depths"""
    models: int | None = None
    full: int | None = None
    """Models of each size on all the data"""
    dynamics: int | None = None
    """Models of each size that are recorded while they are trained"""
    fraction: float | None = None
    seed: int | None = None
    precision: str | None = None
    backend: str | None = None
    trainer: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    schedule: str | None = None
    label_smoothing: float | None = None
    augment: str | None = None
    replayed: Plan | None = None
    """The plan that `--plan` named: what has no option of its own is taken from it"""
    origin: str | os.PathLike[str] | None = None
    """The run whose data are changed for this one, `--from`"""
    changes: str | os.PathLike[str] | None = None
    """The file of what is changed in them; with a replayed plan the one beside it"""
    equal_steps: bool | None = None
    """Whether models of a derived run take as many steps as those of the run that it is from"""
    replayed_data: str | None = None
    """The fingerprint that the data must have, where the replayed plan says which they are and no `--data` does"""


DEFAULTS = Choices(
    label_noise=0.0,
    data_seed=0,
    split_seed=0,
    skip_unreadable=False,
    reading=NEWEST_RULES,
    family="cnn",
    widths=(2, 4, 8, 16, 32),
    models=40,
    fraction=0.7,
    seed=0,
    precision="auto",
    backend="auto",
)
"""The defaults of a new run, beside those of the recipe (recipe.py). There is no default data set."""


DERIVED = ("origin", "changes", "equal_steps")
"""Choices of a derived run, compared with a saved plan in deriving.py."""

GROWS = ("data", "widths", "depths", "models", "full", "dynamics", "replayed", "replayed_data", *DERIVED)
"""Choices that may differ from a saved plan's: what they add to it is trained; who loads the data compares them."""

DATA_CHOICES = (
    *("data", "examples", "label_noise", "data_seed", "image_size", "test_share", "split_seed", "skip_unreadable"),
    "reading",
)
"""The choices of which examples there are."""


def option_name(field: str) -> str:
    return "--" + field.replace("_", "-")


def sizes_of(choices: Choices) -> tuple[str, tuple[int, ...] | None]:
    """The axis and the sizes that were asked for; OptionError if both axes were."""
    if choices.widths and choices.depths:
        raise OptionError("--widths and --depths were both given; a family's sizes run along one of them")
    if choices.depths:
        own = choices.family is not None and ":" in choices.family  # has one size, and no width beside it
        if choices.width is None and not own:
            raise OptionError("--depths needs the one width of all sizes; add --width 16, say")
        check_increasing(choices.depths, "depth")
        return "depth", choices.depths
    if choices.width is not None:
        raise OptionError("--width is the one width of a family of --depths; for sizes along width use --widths")
    if choices.widths is not None:
        check_increasing(choices.widths, "width")
    return "width", choices.widths


def check_choices(choices: Choices) -> None:
    """OptionError for a choice that is impossible whatever the data; called before any data are read."""
    axis, sizes = sizes_of(choices)
    if choices.fraction is not None:
        fraction_of(choices.fraction)
    if choices.models is not None and choices.models < 1:
        raise OptionError(f"--models is {choices.models}; it must be at least 1")
    if choices.full is not None and choices.full < 0:
        raise OptionError(f"--full is {choices.full}; it must be the number of models on all the data, at least 0")
    if choices.full and choices.trainer == RECORDED:
        raise OptionError("--full trains models on all the data, and --trainer record trains none; leave one out")
    if choices.examples is not None and choices.examples < 1:
        raise OptionError(f"--examples is {choices.examples}; it must be at least 1")
    if choices.label_noise is not None and not 0 <= choices.label_noise < 1:
        raise OptionError(f"--label-noise is {choices.label_noise}; it must be a share in [0, 1), such as 0.1")
    if choices.test_share is not None and not 0 < choices.test_share < 1:
        raise OptionError(f"--test-share is {choices.test_share}; it must be a share between 0 and 1, such as 0.2")
    if choices.dynamics is not None and choices.dynamics < 0:
        raise OptionError(f"--dynamics is {choices.dynamics}; it must be a number of models of each size, at least 0")
    recipe = recipe_of(choices)
    if choices.dynamics and recipe.trainer != OWN_LOOP:
        raise OptionError(
            f"--dynamics records models after every epoch of memscope's own training, and --trainer {recipe.trainer} "
            "lets nobody look in between; leave it out, or give --dynamics 0"
        )
    if recipe.trainer not in (OWN_LOOP, RECORDED):
        load_trainer(recipe.trainer)  # better now than in every task
    if recipe.trainer == OWN_LOOP and choices.family is not None and sizes is not None:
        check_sizes(open_family(choices.family, axis=axis, fixed=choices.width), sizes)
    elif recipe.trainer == OWN_LOOP and choices.family is not None and ":" in choices.family:
        open_family(choices.family)


def check_dynamics(dynamics: int, models: int, axis: str) -> None:
    """OptionError where more models of a size are to be recorded than there are."""
    if dynamics > models:
        raise OptionError(
            f"--dynamics is {dynamics}, and there are {models} models of each {axis} to record; take fewer, or add "
            f"--models {dynamics}"
        )


def recipe_of(choices: Choices) -> Recipe:
    given = {name: getattr(choices, name, None) for name in RECIPE_FIELDS}
    base = choices.replayed.recipe if choices.replayed else Recipe()
    return replace(base, **{name: value for name, value in given.items() if value is not None})


def absolute(spec: str) -> str:
    """A data set's place, written so that it can be found from another working directory."""
    before, place = split_spec(spec)
    return f"{before}:{at_home(place).absolute()}" if place else spec


def new_place(plan: Plan, choices: Choices) -> str | None:
    """Where the user says that the data of a run are, if it is not where its plan says."""
    given = None if choices.data is None else absolute(choices.data)
    return None if given in (plan.data.spec, mended_spec(plan.data.spec)) else given


def choices_from_plan(plan: Plan, given: Choices, beside: Path | None = None) -> Choices:
    """The choices of a plan, each replaced by the one that the user gave, if any.

    A derived run's file of changes is in the directory `beside` the plan.
    """
    saved = choices_of(plan)
    if plan.data.changes is not None and beside is not None:
        saved = replace(saved, changes=changes_path(beside))
    if given.widths or given.depths:
        saved = replace(saved, widths=None, depths=None, width=None if given.widths else saved.width)
    if given.data is not None and absolute(given.data) != saved.data:
        saved = replace(saved, test_share=None, reading=None)  # of other data they say nothing
    chosen = {name: value for name, value in vars(given).items() if value is not None}
    made = replace(saved, **chosen, replayed=plan)
    same = given.data is None and all(getattr(made, name) == getattr(saved, name) for name in DATA_CHOICES)
    return replace(made, replayed_data=plan.data.fingerprint if same else None)


def check_replayed(choices: Choices, fingerprint: str) -> None:
    """RunError if a replayed plan's data are no longer what they were. A user may name any data, these too."""
    expected = choices.replayed_data
    if expected is not None and expected != fingerprint:
        raise RunError(
            f"{choices.data} has changed since the plan was made (data fingerprint {fingerprint[:12]}, expected "
            f"{expected[:12]}): it is not the same data; put the original back, or take the data as they are now: "
            f"--data {shlex.quote(choices.data or '')}"
        )


def with_defaults(choices: Choices) -> Choices:
    """The choices with the defaults of a new run in place of what was not given."""
    if choices.data is None:
        raise OptionError(
            "a new run needs its data; add --data fashion-mnist-5k (bundled), or folder:DIR, say (all: docs/own.md)"
        )
    sizes_of(choices)  # before a default can hide that both axes were given
    chosen = replace(choices, **{name: value for name, value in default_items() if getattr(choices, name) is None})
    if choices.depths:
        chosen = replace(chosen, widths=None)
    elif choices.widths is None and choices.family is not None and ("/" in choices.family or ":" in choices.family):
        raise OptionError(f"the family {choices.family} has no default sizes; give them with --widths")
    return chosen


def default_items() -> list[tuple[str, Any]]:
    return [
        (field.name, getattr(DEFAULTS, field.name))
        for field in fields(Choices)
        if getattr(DEFAULTS, field.name) is not None
    ]


def choices_of(plan: Plan) -> Choices:
    """The choices that would make this plan again."""
    values = {name: getattr(plan.recipe, name) for name in RECIPE_FIELDS if name in Choices.__dataclass_fields__}
    along_width = plan.axis == "width"
    return Choices(
        data=mended_spec(plan.data.spec),
        examples=plan.data.examples,
        label_noise=plan.data.label_noise,
        data_seed=plan.data.data_seed,
        image_size=plan.data.image_size,
        test_share=plan.data.test_share,
        split_seed=plan.data.split_seed,
        skip_unreadable=plan.data.skip_unreadable,
        reading=plan.data.reading,
        family=plan.family,
        widths=plan.sizes if along_width else None,
        depths=None if along_width else plan.sizes,
        width=plan.fixed,
        models=plan.models,
        full=plan.full_models,
        dynamics=plan.dynamics,
        fraction=plan.fraction,
        seed=plan.seed,
        precision=plan.precision,
        backend=plan.backend,
        **values,
    )


def with_saved_axis(plan: Plan, choices: Choices) -> Choices:
    """The choices, with a saved plan's family and, for further depths, its fixed width if none was given."""
    width = plan.fixed if choices.depths and choices.width is None else choices.width
    return replace(choices, family=choices.family or plan.family, width=width)


LEAVE_OUT = "leave the option out to go on with this run, or make a new run"


def check_against(plan: Plan, choices: Choices, path: str, remedy: str = LEAVE_OUT) -> None:
    """OptionError naming the first choice that disagrees with a saved plan; sizes and models may grow.

    `remedy` says what to do then. If `--data` names another place, whoever loads it compares it with the fingerprint.
    """
    saved = choices_of(plan)
    axis, sizes = sizes_of(choices)
    if sizes is not None and axis != plan.axis:
        raise OptionError(
            f"{path} has sizes along {plan.axis}; --{axis}s asks for the other axis; make a new run for it"
        )
    for field in fields(Choices):
        given, kept = getattr(choices, field.name), getattr(saved, field.name)
        if given is None or field.name in GROWS:
            continue
        if field.name in ("precision", "backend") and given == "auto":
            continue
        if field.name == "fraction" and fraction_of(given) == fraction_of(kept):
            continue
        if given != kept:
            raise OptionError(
                f"{path} was made with {option_name(field.name)} "
                f"{'(not set)' if kept is None else kept}, now asked for "
                f"{given}; {remedy}"
            )
