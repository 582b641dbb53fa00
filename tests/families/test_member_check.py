"""A family whose networks give no logits, in either mode, is refused in one line that says what to do."""

import random
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from memscope.errors import OptionError
from memscope.families import Family, check_member, check_members, open_family

SHAPE, CLASSES = (6, 5, 3), 4


class Network(nn.Module):
    """A linear classifier, and what it gives in place of its logits."""

    def __init__(self, give=lambda model, logits: logits):
        super().__init__()
        self.classifier = nn.Linear(6 * 5 * 3, CLASSES)
        self.give = give

    def forward(self, images):
        return self.give(self, self.classifier(images.flatten(1)))


class NeedsTargets(Network):
    def forward(self, images, targets=None):
        logits = super().forward(images)
        return nn.functional.cross_entropy(logits, targets) if self.training else logits


class Viewing(Network):
    def forward(self, images):
        return self.classifier(images.view(len(images), -1))


@dataclass
class Output:
    logits: torch.Tensor


def family(build, name="mine:build"):
    return Family(name, "width", None, build)


def gives(give):
    return family(lambda size, image_shape, num_classes: Network(give))


def in_training(other):
    return lambda model, logits: other(logits) if model.training else logits


def in_evaluation(other):
    return lambda model, logits: logits if model.training else other(logits)


KINDS = [
    (lambda y: (y, y), r"gives a tuple of 2, expected logits.*; return only the logits"),
    (lambda y: [y], r"gives a list of 1, expected logits"),
    (lambda y: {"out": y}, r"gives a dict, expected logits.*; return only the logits"),
    (Output, r"gives an Output, .*; return only the logits, its .logits"),
    (lambda y: None, r"gives None, expected logits"),
    (lambda y: y.detach().numpy(), r"gives a ndarray"),
    (lambda y: y.sum(), r"gives outputs \(\) for 2 images, expected .* here \(2, 4\)"),
    (lambda y: y[:, 0], r"gives outputs \(2,\)"),
    (lambda y: y[:, :3], r"gives outputs \(2, 3\)"),
    (lambda y: y.T, r"gives outputs \(4, 2\)"),
    (lambda y: y[..., None, None], r"gives outputs \(2, 4, 1, 1\)"),
    (lambda y: (10 * y).long(), r"gives int64, expected"),
    (lambda y: y > 0, r"gives bool, expected"),
    (lambda y: y.softmax(1), r"gives probabilities .*; leave out the softmax"),
    (lambda y: y * torch.nan, r"gives NaN or infinite outputs"),
    (lambda y: y / 0, r"gives NaN or infinite outputs"),
    (lambda y: y.no_such, r"cannot be run on 2 6x5x3 images \(AttributeError.*called with the images alone"),
    (lambda y: sys.exit("done"), r"cannot be run on 2 6x5x3 images \(SystemExit: done\)"),
]


@pytest.mark.parametrize(("other", "message"), KINDS)
@pytest.mark.parametrize(("mode", "when"), [("training", in_training), ("evaluation", in_evaluation)])
def test_what_is_no_logits_is_refused_in_the_mode_in_which_it_comes(mode, when, other, message):
    with pytest.raises(OptionError, match=message) as refused:
        check_member(gives(when(other)), 7, SHAPE, CLASSES)
    assert str(refused.value).startswith(f"the family mine:build at width 7 in {mode} mode ")
    assert "\n" not in str(refused.value)


def test_outputs_without_a_gradient_are_refused_in_training_alone():
    check_member(gives(in_evaluation(torch.Tensor.detach)), 7, SHAPE, CLASSES)
    with pytest.raises(OptionError, match=r"in training mode gives outputs without a gradient.*leave out detach"):
        check_member(gives(in_training(torch.Tensor.detach)), 7, SHAPE, CLASSES)
    in_place = in_training(lambda y: y.mul_(2).exp_().mul_(y))
    with pytest.raises(OptionError, match=r"in training mode gives logits whose gradient cannot be taken"):
        check_member(gives(in_place), 7, SHAPE, CLASSES)


def test_a_network_that_loses_the_dimension_of_a_single_image_is_refused():
    with pytest.raises(OptionError, match=r"in evaluation mode gives outputs \(4,\) for 1 image, .*\(1, 4\)"):
        check_member(gives(lambda model, logits: logits.squeeze()), 7, SHAPE, CLASSES)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda *sizes: NeedsTargets(), r"in training mode cannot be run .*called with the images alone"),
        (lambda *sizes: Viewing(), r"channels_last memory: use reshape or flatten in place of view"),
        (lambda *sizes: Network().double(), r"must have the same dtype.*float32"),
        (lambda *sizes: Network().bfloat16(), r"classifier.weight in bfloat16.*--precision bfloat16"),
        (lambda *sizes: Network().to("meta"), r"classifier.weight on the device meta, expected all on cpu"),
        (lambda *sizes: nn.Sequential(nn.Flatten(), nn.LazyLinear(4)), r"without a shape.*lazy layers"),
        (lambda *sizes: nn.Flatten(), r"no nn.Linear layer"),
        (lambda size, shape, k: size + "wide", r"cannot be built at width 7 for 6x5x3 images \(TypeError.*\(size, "),
        (lambda size, shape: Network(), r"\(TypeError.*positional arguments but 3"),
        (lambda *sizes: sys.exit(3), r"cannot be built at width 7 .*\(SystemExit: 3\)"),
    ],
)
def test_a_network_that_cannot_be_built_or_run_is_refused_with_the_reason(build, message):
    with pytest.raises(OptionError, match=message) as refused:
        check_member(family(build), 7, SHAPE, CLASSES)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "other",
    [
        lambda y: y,
        torch.Tensor.double,
        torch.Tensor.half,
        torch.Tensor.bfloat16,
        lambda y: y.log_softmax(1),  # whose softmax is that of the logits
        lambda y: y.sigmoid(),
        torch.zeros_like,
    ],
)
def test_logits_of_any_floating_type_and_scale_pass(other):
    check_member(gives(in_evaluation(other)), 7, SHAPE, CLASSES)
    if other is not torch.zeros_like:
        check_member(gives(in_training(other)), 7, SHAPE, CLASSES)


def test_a_network_that_is_the_same_each_time_is_refused():
    kept = Network()
    with pytest.raises(OptionError, match=r"gives the same weights each time.*build the network inside its function"):
        check_member(family(lambda *sizes: nn.Sequential(kept)), 7, SHAPE, CLASSES)
    kept.requires_grad_(False)  # a body that is not trained may well be shared
    check_member(family(lambda *sizes: nn.Sequential(kept, nn.Linear(CLASSES, CLASSES))), 7, SHAPE, CLASSES)


def test_a_sparse_output_is_refused():
    with pytest.raises(OptionError, match="gives a sparse_coo, expected logits"):
        check_member(gives(lambda model, logits: logits.to_sparse()), 7, SHAPE, CLASSES)


def test_every_size_of_an_own_family_is_tried_and_the_first_of_another():
    built = []

    def build(size, image_shape, num_classes):
        built.append(size)
        return Network()

    check_members(family(build), (2, 4, 8), SHAPE, CLASSES)
    check_members(family(build, "brought"), (16, 32), SHAPE, CLASSES)
    assert built == [2, 2, 4, 4, 8, 8, 16]  # an own family's twice, to see that each is a new one


@pytest.mark.parametrize("name", ["cnn", "mlp", "airbench", "resnet8", "timm/resnet18", "timm/vit_tiny_patch16_224"])
def test_families_of_memscope_and_timm_pass(name):
    check_member(open_family(name), 16, (28, 28, 1), 10)


def test_the_generators_are_as_they_were():
    def build(*sizes):
        torch.manual_seed(1)
        np.random.seed(1)  # noqa: NPY002
        random.seed(1)
        return nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(6 * 5 * 3, CLASSES))

    def states():
        return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002

    before = states()
    check_member(family(build), 7, SHAPE, CLASSES)
    assert states() == before
    with pytest.raises(OptionError):
        check_member(gives(in_training(lambda y: (y, torch.rand(3), random.random()))), 7, SHAPE, CLASSES)
    assert states() == before
