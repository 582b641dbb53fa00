"""The plan of a new run: what was chosen, with what only the data, the family and the machine can say."""

from dataclasses import replace

from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.reading import NEWEST_RULES
from memscope.errors import OptionError
from memscope.families import check_members, check_sizes, open_family
from memscope.plan.plan import DataChoice, Plan, ledger_unit
from memscope.plan.recipe import OWN_LOOP, RECORDED
from memscope.plan.subsets import block_size, fraction_of
from memscope.training.backends.lanes.choice import resolve_backend
from memscope.work.carrying_out import Say, silent
from memscope.work.options import Choices, absolute, check_dynamics, check_replayed, recipe_of, sizes_of


def new_plan(choices: Choices, dataset: ImageDataset, device: str, say: Say = silent) -> Plan:
    """The plan of a new run from choices with defaults; OptionError for what does not fit the data."""
    axis, sizes = sizes_of(choices)
    assert sizes is not None
    assert choices.data is not None
    assert choices.family is not None
    assert choices.models is not None
    assert choices.fraction is not None
    recipe = recipe_of(choices)
    if recipe.trainer == OWN_LOOP:
        family = open_family(choices.family, axis=axis, fixed=choices.width)
        check_sizes(family, sizes)
        check_members(family, sizes, dataset.image_shape, dataset.num_classes)
        if choices.learning_rate is None:
            recipe = replace(recipe, learning_rate=family.learning_rate)
    check_replayed(choices, dataset.fingerprint)
    num_examples = len(dataset.train_labels)
    block = block_size(choices.fraction)
    if num_examples < block:
        raise OptionError(f"{num_examples} training examples are fewer than a block of {block} subsets needs; use more")
    nominal = round(num_examples * choices.fraction)
    smallest = int(num_examples * fraction_of(choices.fraction))
    if smallest < 2:
        raise OptionError(f"subsets of {smallest} of {num_examples} examples cannot be trained on; use more examples")
    if choices.batch_size is None:
        recipe = replace(recipe, batch_size=min(recipe.batch_size, smallest))
    elif choices.batch_size > smallest:
        raise OptionError(
            f"--batch-size is {choices.batch_size}; a subset has only {smallest} examples; use a smaller one"
        )
    backend, precision = resolve_backend(
        choices.backend or "auto",
        recipe.trainer,
        choices.family,
        axis,
        choices.width,
        sizes,
        choices.precision or "auto",
        device,
        say,
    )
    models = -(-choices.models // block) * block
    check_dynamics(choices.dynamics or 0, models, axis)
    return Plan(
        data=DataChoice(
            spec=absolute(choices.data),
            fingerprint=dataset.fingerprint,
            examples=choices.examples,
            label_noise=choices.label_noise or 0.0,
            data_seed=choices.data_seed or 0,
            image_size=choices.image_size,
            reading=choices.reading or NEWEST_RULES,
            test_share=dataset.test_share,
            split_seed=choices.split_seed or 0,
            skip_unreadable=choices.skip_unreadable or False,
        ),
        family=choices.family,
        axis=axis,
        fixed=choices.width,
        sizes=sizes,
        models=models,
        fraction=choices.fraction,
        seed=choices.seed or 0,
        precision=precision,
        recipe=recipe,
        backend=backend,
        unit=1
        if recipe.trainer == RECORDED
        else ledger_unit(choices.fraction, recipe.steps(nominal) * recipe.batch_size),
        full_models=choices.full or 0,
        dynamics=-(-(choices.dynamics or 0) // block) * block,
    )
