"""Reports to keys and back: nothing is lost, what is not defined is null, and stored reports of before can be read."""

import json
import math
from dataclasses import dataclass, field

import pytest

from memscope.reports.keys import keys_of, left_out, merged, no_key, report_of, stored_keys


@dataclass(frozen=True, kw_only=True)
class Inner:
    value: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Beside:
    auc: float
    best: int


@dataclass(frozen=True, kw_only=True)
class Outer:
    size: int
    mean: float
    warning: str | None
    rows: tuple[Inner, ...]
    inner: Inner | None = None
    by_kind: dict[str, tuple[float, ...]] = field(default_factory=dict)
    beside: Beside | None = merged()
    listed: tuple[int, ...] | None = left_out()


FULL = Outer(
    size=2,
    mean=0.5,
    warning="no",
    rows=(Inner(value=1.0, names=("a", "b")), Inner(value=2.0)),
    inner=Inner(value=3.0),
    by_kind={"x": (1.0, 2.0)},
    beside=Beside(auc=0.75, best=4),
    listed=(1, 2),
)


def test_a_report_comes_back_from_its_json():
    text = json.dumps(keys_of(FULL), allow_nan=False)
    assert report_of(Outer, json.loads(text)) == FULL
    assert json.loads(text)["auc"] == 0.75  # beside the others
    assert json.loads(text)["rows"][0] == {"value": 1.0, "names": ["a", "b"]}


def test_what_is_not_defined_is_null_and_comes_back_as_nan():
    keys = keys_of(Outer(size=1, mean=math.nan, warning=None, rows=(Inner(value=math.inf),)))
    assert keys == {
        "size": 1,
        "mean": None,
        "warning": None,
        "rows": [{"value": None, "names": []}],
        "inner": None,
        "by_kind": {},
    }
    found = report_of(Outer, keys)
    assert math.isnan(found.mean)
    assert math.isnan(found.rows[0].value)
    assert (found.inner, found.beside, found.listed) == (None, None, None)


def test_keys_of_other_versions():
    keys = keys_of(FULL)
    del keys["by_kind"], keys["inner"], keys["rows"][0]["names"]
    found = report_of(Outer, keys | {"of_a_later_version": 1})
    assert (found.by_kind, found.inner, found.rows[0].names) == ({}, None, ())
    del keys["mean"]
    with pytest.raises(KeyError, match="Outer without mean"):
        report_of(Outer, keys)
    with pytest.raises(KeyError, match="Beside without best"):
        report_of(Outer, {key: value for key, value in keys_of(FULL).items() if key != "best"})


@dataclass(frozen=True, kw_only=True)
class ForPrint:
    size: int
    axis: str = no_key()


@dataclass(frozen=True, kw_only=True)
class WithThose:
    rows: tuple[ForPrint, ...]
    beside: ForPrint | None = merged()
    evidence: ForPrint | None = no_key(default=None)


def test_what_is_for_print_only_is_no_key():
    assert keys_of(ForPrint(size=2, axis="width")) == {"size": 2}


def test_what_is_for_print_only_is_stored_wherever_it_stands():
    one = ForPrint(size=2, axis="width")
    report = WithThose(rows=(one,), beside=one, evidence=one)
    assert keys_of(report) == {"rows": [{"size": 2}], "size": 2}
    assert report_of(WithThose, json.loads(json.dumps(stored_keys(report)))) == report
