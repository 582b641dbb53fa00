"""What `memscope datasets` and `memscope families` list is what there is."""

import pytest
from click.testing import CliRunner

from memscope.cli import memscope
from memscope.datasets import FORMS, LOADERS
from memscope.datasets.torchvision_sets import EMNIST, OTHERS, SAME_FILES
from memscope.errors import OptionError
from memscope.families import open_family
from memscope.families.registry import REGISTER
from memscope.families.timm_networks import KINDS
from memscope.steps.listings import datasets, families
from memscope.training.backends.lanes.choice import WIDEST


def test_every_form_of_data_is_listed_once():
    found = datasets()
    assert [each.form for each in (*found.bundled, *found.forms)] == list(FORMS)
    assert {each.form.partition(":")[0] for each in found.forms} == set(LOADERS)
    (torchvision,) = [each for each in found.forms if each.names]
    assert len(torchvision.names) == len(SAME_FILES) + len(EMNIST) + len(OTHERS)


def test_every_bundled_set_can_be_loaded():
    from memscope.datasets import load_dataset

    for each in datasets().bundled:
        assert len(load_dataset(each.form).train_labels) == 5000


def test_every_family_is_listed_and_opens_with_a_size_of_those_it_is_said_to_have():
    listed = families().families
    names = [each.family.split()[0] for each in listed]
    assert {name.rstrip("0123456789") for name in names if "/" not in name and ":" not in name} == set(REGISTER)
    assert len([name for name in names if name.startswith("timm/")]) == len(KINDS)
    sizes = {"timm/resnet18": 2, "timm/vit_tiny_patch16_224": 16, "timm/mobilenetv3_small_100": 100}
    for name in names:
        if name == "resnet":
            assert open_family(name, axis="depth", fixed=16).fault(14) is None
        elif ":" not in name:
            family = open_family(name)
            size = sizes.get(name, 1)
            assert family.fault(size) is None
            if name in ("timm/resnet18", "timm/vit_tiny_patch16_224"):
                assert family.fault(size // 2) is not None or family.fault(size + 1) is not None
    with pytest.raises(OptionError):
        open_family("resnets")


def test_the_families_that_lanes_train_are_said_to_be():
    said = {each.family.split()[0].rstrip("0123456789") for each in families().families if each.lanes}
    assert said == set(WIDEST)


@pytest.mark.parametrize("command", ["datasets", "families"])
def test_a_listing_stands_in_eighty_columns(command, monkeypatch):
    from rich.console import Console

    from memscope.tables import printing

    monkeypatch.setattr(printing, "console", Console(width=80, highlight=False))
    lines = CliRunner().invoke(memscope, [command]).stdout.splitlines()
    assert 8 < len(lines) <= 40
    assert max(map(len, lines)) <= 80
    if command == "families":
        assert len(lines) == len(families().families) + 3  # a line each
