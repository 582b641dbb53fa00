"""Digests of plans of every kind, as they have been since the first: another one would orphan every run there is."""

from dataclasses import dataclass, fields, replace

import pytest

import memscope.plan.plan_file
from memscope.errors import RunError
from memscope.plan.plan import ALWAYS, DataChoice, Plan
from memscope.plan.plan_file import plan_to_toml, read_plan
from memscope.plan.recipe import Recipe

BASE = Plan(
    data=DataChoice(spec="fashion-mnist-5k", fingerprint="f" * 64),
    family="cnn",
    axis="width",
    fixed=None,
    sizes=(2, 4),
    models=20,
    fraction=0.7,
    seed=0,
    precision="float32",
    recipe=Recipe(),
    unit=10,
)
OTHER_RECIPE = Recipe(
    "memscope", 7, 32, 0.2, 0.8, 1e-3, 0.1, schedule="cosine", label_smoothing=0.1, augment="crop+flip"
)
KINDS = {
    "cnn": {},
    "mlp": {"family": "mlp", "recipe": Recipe(learning_rate=0.4)},
    "resnet along width": {"family": "resnet", "fixed": 14, "recipe": Recipe(learning_rate=0.2)},
    "resnet along depth": {"family": "resnet", "axis": "depth", "fixed": 16, "sizes": (8, 14)},
    "timm": {"family": "timm/resnet18", "precision": "bfloat16", "unit": 1},
    "own family": {"family": "my.nets:build"},
    "own trainer": {"recipe": Recipe(trainer="my.training:train"), "unit": 5},
    "recorded": {"recipe": Recipe(trainer="record"), "unit": 1},
    "another recipe": {"recipe": OTHER_RECIPE},
    "halves": {"fraction": 0.5, "seed": 3},
    "three quarters": {"fraction": 0.75, "models": 24, "unit": 12},
    "other data": {"data": DataChoice("folder:/x", "e" * 64, 1000, 0.1, 3, 32)},
    "grown": {"sizes": (2, 4, 8), "models": 40, "full_models": 2},
    "recorded while training": {"dynamics": 20},
    "read by newer rules": {"data": DataChoice("folder:/x", "f" * 64, reading=2, test_share=0.2, split_seed=1)},
    "in lanes": {"backend": "lanes"},
    "derived": {"data": DataChoice("x", "f" * 64, changes="c" * 64, origin="/runs/a", origin_digest="d" * 64)},
    "with the steps of more examples": {"nominal_examples": 5000},
}
DIGESTS = {
    "cnn": "e1d4309ea62fda98d17899b6e6f0de5459225787afd6488177df26efcfffdd31",
    "mlp": "752459bb7651de605bc7b39c443e2ed4b9d1997b1dc14e891058cb726f26fa69",
    "resnet along width": "1caa8647d755e2a35291349a132c5b881eca9be56a1b600b52dbc62134a201cf",
    "resnet along depth": "2fb7b1505624bb0e5e2863ed9b52aef225add5b1f51f7e3fbfba6c299d2649a7",
    "timm": "4b4ffe0f3ef02cad02603afa781a39090adb3fbadd45b023a6437948e7526950",
    "own family": "204f7b465a13950618e65c7eb90abdb958e2df27768512145bfcd09122434e7c",
    "own trainer": "27abbe406a356d82f8723e50841d6da227bcba394e99709a2ea320ba3b3b6c18",
    "recorded": "c7ecb82b18cf34c0e5e7364b9c35eb65e3d905ca0f55671b9925758eb15c1e44",
    "another recipe": "3ac0bf53e38dda64d81deca14ac9919fa440b45c6d82473542604a93405d5dbb",
    "halves": "12d6aa31ac7c1140359ac19f11350e93920871e62c981e6071213beabc685ef3",
    "three quarters": "89db2d07f69d8b432ded80d828785127ad8645271188c7c4f2a412492a0d9379",
    "other data": "266933fb0ee10d86bb676c69778c9be4ee9235f84367efa445c586b2e43203c8",
    "grown": "e1d4309ea62fda98d17899b6e6f0de5459225787afd6488177df26efcfffdd31",
    "recorded while training": "e1d4309ea62fda98d17899b6e6f0de5459225787afd6488177df26efcfffdd31",
    "read by newer rules": "e1d4309ea62fda98d17899b6e6f0de5459225787afd6488177df26efcfffdd31",
    "derived": "e1d4309ea62fda98d17899b6e6f0de5459225787afd6488177df26efcfffdd31",
    "with the steps of more examples": "defb50b4cbed83ab3f45662bd539505a4616301a67c0eb4b2a4c908a2e8f11fc",
    "in lanes": "5fb312123ed41ac859d6c9d8d4ecdc8bc83194d5d81233f40f48816053a0d468",
}


def plan_of(kind: str) -> Plan:
    return replace(BASE, **KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_the_digest_of_a_plan_is_what_it_was(kind, tmp_path):
    plan = plan_of(kind)
    assert plan.digest == DIGESTS[kind]
    path = tmp_path / "plan.toml"
    path.write_bytes(plan_to_toml(plan))
    assert read_plan(path) == plan


@dataclass(frozen=True)
class LaterRecipe(Recipe):
    mixup: float = 0.0


@dataclass(frozen=True)
class LaterData(DataChoice):
    colours: int | None = None


@dataclass(frozen=True)
class LaterPlan(Plan):
    data: LaterData
    recipe: LaterRecipe
    pruning: str = "none"


def later(**given) -> Plan:
    """The first of the plans as a memscope with three more fields has it."""
    values = {field.name: getattr(BASE, field.name) for field in fields(Plan)}
    values["recipe"] = LaterRecipe(**({"mixup": given["mixup"]} if "mixup" in given else {}))
    values["data"] = LaterData("fashion-mnist-5k", "f" * 64, colours=given.get("colours"))
    return LaterPlan(**values, **({"pruning": given["pruning"]} if "pruning" in given else {}))


@pytest.fixture
def of_later(monkeypatch) -> None:
    """The memscope that has the three fields."""
    for kind in (LaterRecipe, LaterData, LaterPlan):
        monkeypatch.setattr(memscope.plan.plan_file, kind.__mro__[1].__name__, kind)


def test_the_first_fields_are_all_the_fields_that_the_digests_above_were_made_with():
    for kind in (Plan, DataChoice, Recipe):
        assert {field.name for field in fields(kind)} >= set(ALWAYS[kind.__name__])
    assert sum(map(len, ALWAYS.values())) == 12 + 6 + 10


def test_a_field_that_is_added_later_changes_no_plan_that_leaves_it_at_its_default(tmp_path, of_later):
    assert later().digest == DIGESTS["cnn"]
    assert plan_to_toml(later()) == plan_to_toml(plan_of("cnn"))
    path = tmp_path / "plan.toml"
    path.write_bytes(plan_to_toml(plan_of("cnn")))
    assert read_plan(path) == later()


@pytest.mark.parametrize("given", [{"mixup": 0.2}, {"pruning": "half"}])
def test_where_it_is_not_at_its_default_it_is_hashed_and_written(given, tmp_path, of_later):
    plan = later(**given)
    assert plan.digest != DIGESTS["cnn"]
    path = tmp_path / "plan.toml"
    path.write_bytes(plan_to_toml(plan))
    ((name, value),) = given.items()
    assert f"{name} = {value!r}".replace("'", '"') in path.read_text()
    assert read_plan(path) == plan


def test_a_later_field_of_the_data_is_written_and_the_fingerprint_stands_for_it_in_the_digest(tmp_path, of_later):
    plan = later(colours=2)
    assert plan.digest == DIGESTS["cnn"]
    path = tmp_path / "plan.toml"
    path.write_bytes(plan_to_toml(plan))
    assert "colours = 2" in path.read_text()
    assert read_plan(path) == plan


def test_a_memscope_that_does_not_know_a_field_refuses_a_plan_that_needs_it(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_bytes(plan_to_toml(later(pruning="half")))
    with pytest.raises(RunError, match="unknown key 'pruning'"):
        read_plan(path)
