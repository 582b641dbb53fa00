"""Which backend a new plan names, and what is said of it."""

from dataclasses import replace

import pytest
from torch import nn

from memscope.errors import OptionError
from memscope.families import open_family
from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import Recipe
from memscope.training.backends import backend_for
from memscope.training.backends.lanes import choice
from memscope.training.backends.lanes.choice import WIDEST, resolve_backend
from memscope.training.backends.lanes.description import describe
from memscope.training.backends.lanes.library import NoLibraryError

USUAL = {
    "asked": "auto", "trainer": "memscope", "family": "cnn", "axis": "width", "fixed": None, "sizes": (2, 4, 64),
    "precision": "float32", "device": "cpu",
}  # fmt: skip


@pytest.fixture
def resolve(monkeypatch):
    monkeypatch.setattr(choice, "library", lambda: None)
    said = []

    def resolved(**options):
        said.clear()
        return resolve_backend(**(USUAL | options), say=said.append)

    resolved.said = said
    return resolved


def test_narrow_families_are_trained_in_lanes_and_others_by_torch(resolve):
    assert resolve() == ("lanes", "float32")
    assert resolve(family="resnet20", sizes=(4, 8)) == ("lanes", "float32")
    assert resolve(family="resnet", axis="depth", fixed=8, sizes=(8, 14)) == ("lanes", "float32")
    assert resolve(family="resnet", axis="depth", fixed=64, sizes=(8, 14)) == ("torch", "float32")
    assert resolve(sizes=(64, 128)) == ("torch", "float32")
    assert resolve(family="timm/resnet18") == ("torch", "float32")
    assert resolve(family="mine:build") == ("torch", "float32")
    assert resolve(trainer="mine:train") == ("torch", "float32")
    assert resolve(device="cuda") == ("torch", "float32")
    assert resolve(precision="bfloat16") == ("torch", "bfloat16")
    assert resolve(asked="torch") == ("torch", "float32")
    assert resolve.said == []


def test_where_bfloat16_is_native_only_narrow_families_are(resolve, monkeypatch):
    monkeypatch.setattr(choice, "resolve_precision", lambda name, device: "bfloat16" if name == "auto" else name)
    assert resolve(precision="auto", sizes=(2, 4, 8)) == ("lanes", "float32")
    assert resolve(precision="auto", sizes=(2, 4, 16)) == ("torch", "bfloat16")
    assert resolve(precision="auto", sizes=(2, 4, 16), asked="lanes") == ("lanes", "float32")
    assert resolve(precision="float32", sizes=(2, 4, 16)) == ("lanes", "float32")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"family": "timm/resnet18"}, "lanes know the families cnn, resnet, mlp, not timm/resnet18"),
        ({"trainer": "mine:train"}, "the models are those of --trainer mine:train"),
        ({"device": "cuda"}, "lanes are a CPU's, and the device is cuda"),
        ({"precision": "bfloat16"}, "lanes compute in float32, and --precision bfloat16 was asked for"),
    ],
)
def test_lanes_that_cannot_be_had_are_refused_if_they_were_asked_for(resolve, options, reason):
    with pytest.raises(OptionError, match=f"--backend lanes cannot be had: {reason}; leave it out"):
        resolve(asked="lanes", **options)


def test_without_a_compiler_it_is_torch_and_one_line_says_what_is_lost(resolve, monkeypatch):
    def none():
        raise NoLibraryError("there is no C compiler")

    monkeypatch.setattr(choice, "library", none)
    assert resolve() == ("torch", "float32")
    assert len(resolve.said) == 1
    assert "up to 20 times as long: there is no C compiler" in resolve.said[0]
    with pytest.raises(OptionError, match="there is no C compiler"):
        resolve(asked="lanes")


def test_a_plan_says_what_trains_each_size():
    plan = Plan(
        DataChoice("x", "f" * 64), "cnn", "width", None, (2, 64), 20, 0.7, 0, "float32", Recipe(), 10, 0, "lanes"
    )
    assert backend_for(plan, 2, "cpu") == "lanes"
    assert backend_for(plan, WIDEST["cnn"] + 1, "cpu") == "one by one"
    assert backend_for(replace(plan, backend="torch"), 2, "cpu") == "one by one"
    assert backend_for(plan, 2, "cuda") == "vectorised"
    assert plan.digest != replace(plan, backend="torch").digest
    with pytest.raises(OptionError, match="the backend is 'gpu'; it must be one of torch, lanes"):
        replace(plan, backend="gpu")


@pytest.mark.parametrize("family", ["cnn", "mlp", "resnet8", "resnet20"])
def test_the_families_are_read_off_their_modules(family):
    model = open_family(family).build(3, (16, 16, 3), 5)
    found = describe(model)
    assert found is not None
    weights = [name for _, which, name in found.tensors() if which in (0, 2)]
    assert {name for name in dict(model.named_parameters()) if not name.endswith((".1.weight",))} >= set(
        weights
    ) - set()
    assert {name for _, _, name in found.tensors()} == {
        name for name in model.state_dict() if not name.endswith("num_batches_tracked")
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.append(nn.Identity()),
        lambda model: model.insert(0, nn.Dropout()),
        lambda model: setattr(model[0][1], "eps", 1e-3),
        lambda model: setattr(model[0][1], "momentum", 0.2),
        lambda model: model[0].__setitem__(0, nn.Conv2d(3, 3, 3, stride=2, padding=1)),
        lambda model: model[0].__setitem__(0, nn.Conv2d(3, 3, 3, stride=2, bias=False)),
        lambda model: model[0].__setitem__(0, nn.Conv2d(3, 3, 5, padding=2, bias=False)),
        lambda model: model[0].__setitem__(2, nn.GELU()),
        lambda model: model.__setitem__(-3, nn.AdaptiveAvgPool2d(2)),
    ],
)
def test_a_module_with_anything_else_in_it_is_not_known(change):
    model = open_family("cnn").build(3, (16, 16, 3), 5)
    change(model)
    assert describe(model) is None
