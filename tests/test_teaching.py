import pytest

from memscope.errors import OptionError
from memscope.plan.teaching import Teaching, teaching_of


@pytest.mark.parametrize("temperature", [4, 0.5, 1e-05, 1 / 3, 1e22])
@pytest.mark.parametrize("soft_weight", [0, 0.9, 1e-07, 1])
@pytest.mark.parametrize("on", ["subset", "full"])
def test_a_setting_is_read_from_its_name_to_the_last_bit(temperature, soft_weight, on):
    teaching = Teaching(32, temperature, soft_weight, on)
    assert teaching_of(teaching.variant) == teaching


def test_names_are_as_short_as_can_be():
    assert Teaching(32).variant == "distilled/teacher-32-t4-w0.9"
    assert Teaching(16, 2.5, 1, "full").setting == "teacher-16-t2.5-w1-full"


@pytest.mark.parametrize(
    "variant",
    [
        "onehot",
        "full",
        "distilled/",
        "distilled/teacher-x-t4-w1",
        "distilled/teacher-4-tx-w1",
        "distilled/teacher-4-t4-w7",
    ],
)
def test_other_names_are_no_setting(variant):
    assert teaching_of(variant) is None


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"temperature": 0}, "temperature is 0; it must be a positive number"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"soft_weight": 1.1}, r"soft weight is 1.1; it must be in \[0, 1\]"),
        ({"soft_weight": -0.1}, "soft weight is -0.1"),
        ({"on": "test"}, "it must be one of subset, full"),
        ({"teacher": 0}, "teacher is 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(values, says):
    with pytest.raises(OptionError, match=says):
        Teaching(**({"teacher": 32} | values))
