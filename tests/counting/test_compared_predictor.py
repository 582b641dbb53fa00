"""What is claimed of predictors is asked of what it is about, and written as on screens."""

from dataclasses import replace
from math import nan

import pytest

from memscope.analysis.predictor_intervals import NOTHING
from memscope.counting.compared_predictor import difference, number, residual_ones_of_plains_size
from memscope.reports.predictor import BackboneFound, PredictorReport
from memscope.reports.ranged import UNKNOWN


def report_of(parameters: dict[str, int]) -> PredictorReport:
    numbers = dict.fromkeys(
        ("spearman", "within", "squared_error", "together", "on_fitted", "on_fitted_own", "lost", "lost_own"), UNKNOWN
    )
    backbones = tuple(
        BackboneFound(name=name, parameters=count, epochs=(1,), **numbers) for name, count in parameters.items()
    )
    whole = dict.fromkeys(("examples", "known", "fitted", "validating", "held_out", "copies", "classes", "seeds"), 1)
    texts = dict.fromkeys(("run", "axis", "data", "family", "target"), "")
    return PredictorReport(
        **texts,
        **whole,
        target_models=1,
        target_blocks=1,
        with_label=False,
        pretrained=None,
        flipped=None,
        epochs=1,
        backbones=backbones,
    )


def test_only_residual_networks_of_the_plain_ones_size_are_held_against_it():
    sizes = {"plain": 700, "resnet18": 690, "resnet34": 1330, "vgg11": 700, "wide_resnet50_2": 760, "resnext50": 780}
    assert residual_ones_of_plains_size(report_of(sizes)) == {"resnet18", "wide_resnet50_2"}
    assert residual_ones_of_plains_size(report_of({"resnet18": 690, "resnet34": 1330})) == set()


@pytest.mark.parametrize(("value", "told"), [(-0.001, ".00"), (0.124, ".12"), (-0.126, "-.13"), (1.0, "1.00")])
def test_numbers_are_written_as_on_screens(value, told):
    assert number(replace(NOTHING, value=value)) == told


def test_differences_have_a_sign_and_what_rounds_to_nothing_has_none():
    one = replace(NOTHING, value=0.12, low=-0.004, high=0.24)
    assert difference(one) == "+.12 (.00 to +.24)"
    assert difference(replace(one, low=nan, high=nan)) == "+.12"
