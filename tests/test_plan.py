from dataclasses import replace
from pathlib import Path

import pytest

from memscope.errors import OptionError, RunError
from memscope.plan.plan import DataChoice, Plan, ledger_unit
from memscope.plan.plan_file import plan_to_toml, read_plan
from memscope.plan.recipe import Recipe

PLAN = Plan(
    data=DataChoice(spec='npz:/a "b"\\c é.npz', fingerprint="f" * 64, examples=100, label_noise=0.1),
    family="cnn",
    axis="width",
    fixed=None,
    sizes=(2, 4),
    models=20,
    fraction=0.7,
    seed=3,
    precision="float32",
    recipe=Recipe(),
    unit=5,
)


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "plan.toml"
    path.write_bytes(content)
    return path


def test_a_plan_survives_its_file(tmp_path):
    assert read_plan(write(tmp_path, plan_to_toml(PLAN))) == PLAN


@pytest.mark.parametrize(
    "change",
    [
        {"family": "mlp"},
        {"fraction": 0.5},
        {"seed": 4},
        {"precision": "bfloat16"},
        {"fixed": 16},
        {"unit": 10},  # files of another unit would overlap with those that are there
        {"recipe": Recipe(learning_rate=0.2)},
        {"recipe": Recipe(augment="flip")},
        {"data": replace(PLAN.data, fingerprint="e" * 64)},
    ],
)
def test_what_decides_the_numbers_is_in_the_digest(change):
    assert replace(PLAN, **change).digest != PLAN.digest


@pytest.mark.parametrize(
    "change", [{"sizes": (2, 4, 8)}, {"models": 40}, {"data": replace(PLAN.data, spec="npz:elsewhere")}]
)
def test_growth_and_paths_are_not_in_the_digest(change):
    assert replace(PLAN, **change).digest == PLAN.digest


def test_growing_rounds_up_to_whole_blocks_and_never_shrinks():
    assert PLAN.grown(models=21).models == 30
    assert PLAN.grown(models=10) == PLAN
    assert PLAN.grown(sizes=(3,)).sizes == (2, 3, 4)
    assert PLAN.grown(dynamics=1).dynamics == PLAN.block
    assert PLAN.grown(dynamics=1).grown(models=40) == replace(PLAN, models=40, dynamics=PLAN.block)
    assert PLAN.grown(dynamics=1).grown(dynamics=0).dynamics == PLAN.block


@pytest.mark.parametrize("dynamics", [-10, 5, 30])
def test_what_is_recorded_is_whole_blocks_of_the_models_that_there_are(dynamics):
    with pytest.raises(OptionError, match="whole blocks of 10, 0 to 20"):
        replace(PLAN, dynamics=dynamics)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"seed = 3", b"seed = 4", "it was edited"),
        (b"memscope-plan = 1", b"memscope-plan = 2", "upgrade memscope"),
        (b"memscope-plan = 1", b"x = 1", "expected a plan made by memscope"),
        (b"seed = 3", b"seed = 3\ncolour = 1", "unknown key 'colour'"),
        (b'family = "cnn"', b"", "not a valid plan"),
        (b"epochs = 20", b'epochs = "many"', "not a valid plan"),
        (b"seed = 3", b"seed = ", "not a readable plan"),
        (b"unit = 5", b"unit = 0", "not a valid plan"),
        (b"unit = 5", b"unit = -5", "not a valid plan"),
        (b"unit = 5", b"unit = 10", "it was edited"),
        (b"epochs = 20", b"epochs = 1" + b"0" * 400, "it must be 1 to 1,000,000"),
        (b"label_noise = 0.1", b"label_noise = nan", "the label noise is nan"),
        (b"seed = 3", b"seed = " + b"9" * 5000, "not a readable plan"),
        (b"seed = 3", b"seed = 1979-99-99", "not a readable plan"),
        (b"seed = 3", b"seed = " + b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b'family = "cnn"', b'family = "a\\nb"\n"\\u001b[31m" = 1', r"unknown key '\\x1b\[31m'"),
        (b"models = 20", b"models = 20.0", "its models is 20.0, which is of the wrong type"),
        (b"label_noise = 0.1", b'label_noise = "x"', "its label_noise is 'x'"),
    ],
)
def test_a_plan_that_cannot_be_used_is_refused_in_one_line(tmp_path, old, new, says):
    content = plan_to_toml(PLAN)
    assert old in content
    path = write(tmp_path, content.replace(old, new))
    with pytest.raises(RunError, match=says) as refused:
        read_plan(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("sizes", [(), (0, 2), (4, 2), (2, 2)])
def test_sizes_must_increase(sizes):
    with pytest.raises(OptionError, match="positive and increasing"):
        replace(PLAN, sizes=sizes)


def test_the_unit_divides_the_block_and_keeps_a_task_short():
    assert ledger_unit(0.7, 1) == 10
    assert ledger_unit(0.7, 20_000) == 5
    assert ledger_unit(0.75, 40_000) == 3  # blocks of 12
    assert ledger_unit(0.7, 10**9) == 1


def test_a_models_subset_is_its_row_of_the_balanced_design():
    from memscope.plan.subsets import balanced_subsets

    expected = balanced_subsets(100, 20, 0.7, seed=3)
    for model in (13, 2, 19, 0):
        assert (PLAN.subset(100, model) == expected[model]).all()
