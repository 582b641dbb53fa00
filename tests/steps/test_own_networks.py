"""A family of the user's own that has changed since the run was made is refused before any task is done."""

import importlib
import sys
from dataclasses import replace

import pytest

from memscope.errors import OptionError
from memscope.plan.teaching import Teaching
from memscope.run import open_run
from memscope.steps.distill import distill
from memscope.steps.train_family import plan_ahead, train_family
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

INLINE = WorkOptions(device="cpu", engine="inline")
GOOD = """
from torch import nn
def build(size, image_shape, num_classes):
    height, width, channels = image_shape
    return nn.Sequential(nn.Flatten(), nn.Linear(height * width * channels, size), nn.Linear(size, num_classes))
"""
PAIR = "\n".join(
    [
        "from torch import nn",
        "class Pair(nn.Linear):",
        "    def forward(self, images):",
        "        logits = super().forward(images.flatten(1))",
        "        return (logits, logits) if self.training else logits",
        "def build(size, image_shape, num_classes):",
        "    height, width, channels = image_shape",
        "    return Pair(height * width * channels, num_classes)",
    ]
)


@pytest.fixture
def edit(tmp_path, monkeypatch):
    """Writes the module `edited_networks` anew."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(source):
        (tmp_path / "edited_networks.py").write_text(source)
        sys.modules.pop("edited_networks", None)
        importlib.invalidate_caches()

    yield write
    sys.modules.pop("edited_networks", None)


def test_a_new_run_is_not_made(edit, tiny_choices, tmp_path):
    edit(PAIR)
    with pytest.raises(OptionError, match="in training mode gives a tuple of 2"):
        train_family(tmp_path / "run", replace(tiny_choices, family="edited_networks:build"), INLINE)
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_gone_on_with_is_checked_where_models_are_missing(edit, tiny_choices, tmp_path):
    run = tmp_path / "run"
    edit(GOOD)
    choices = replace(tiny_choices, family="edited_networks:build", widths=(2, 4), models=10, epochs=1)
    assert not train_family(run, choices, INLINE).failed
    edit(PAIR)
    assert train_family(run, Choices(), INLINE).already == 20  # nothing is missing
    for further in (Choices(widths=(8,)), Choices(models=20)):
        with pytest.raises(OptionError, match=r"at width [28] in training mode gives a tuple of 2"):
            plan_ahead(run, further, INLINE)
        with pytest.raises(OptionError, match=r"at width [28] in training mode gives a tuple of 2"):
            train_family(run, further, INLINE)
    assert open_run(run).plan.sizes == (2, 4)  # a size that cannot be is not planned
    with pytest.raises(OptionError, match="in training mode gives a tuple of 2"):
        distill(run, Teaching(4), options=INLINE)
