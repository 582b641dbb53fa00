"""Decoding, filters and sorting, as the page does them in a browser, against the arrays that it was made of."""

import base64
import zlib

import numpy as np
import pytest

from tests.page.made_page import TYPES, columns_of, deflated, made, quantised

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def tab(chromium, report):
    """One page for the functions of this module, which change nothing of it."""
    context = chromium.new_context()
    tab = context.new_page()
    tab.goto(report.as_uri())
    tab.wait_for_selector("html[data-ready]")
    tab.evaluate("need([...DESCRIBED.keys()])")
    yield tab
    context.close()


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int32"])
def test_bytes_come_out_as_they_went_in(tab, kind):
    raw = np.random.default_rng(1).integers(0, 256, 4_000, dtype=np.uint8).tobytes()
    described = {"name": "x", "title": "x", "kind": kind, "per": "example", "low": None, "high": None, "missing": None}
    given = tab.evaluate(
        "async ([described, text]) => Array.from((await decoded(described, text)).codes)", [described, deflated(raw)]
    )
    np.testing.assert_array_equal(given, np.frombuffer(raw, f"<{np.dtype(kind).str[1:]}"))


def test_text_that_was_deflated_elsewhere_is_read(tab):
    packer = zlib.compressobj(1, wbits=-15)
    text = base64.b64encode(packer.compress("ä\n猫".encode()) + packer.flush()).decode()
    assert tab.evaluate("async (text) => new TextDecoder().decode(await inflated(bytesOf(text)))", text) == "ä\n猫"


def test_every_column_is_what_was_measured(tab, examples):
    for told, codes in columns_of(examples):
        name = told["name"]
        places = np.random.default_rng(2).choice(codes.size, 500, replace=False)
        given = tab.evaluate(
            "([name, places]) => places.map((place) => String(valueAt(COLUMNS.get(name), place)))",
            [name, places.tolist()],
        )
        given = np.array(given, dtype=float)
        wanted = {**examples.whole, **examples.measured}[name].ravel()[places].astype(float)
        if told["low"] is None:
            np.testing.assert_array_equal(given, np.where(wanted < 0, np.nan, wanted), err_msg=name)
        else:
            step = (told["high"] - told["low"]) / (254 if told["kind"] == "uint8" else 65_534)
            np.testing.assert_allclose(given, wanted, atol=0.51 * step, rtol=0, err_msg=name)


def test_a_constant_column_is_that_constant(tab):
    codes, low, high = quantised(np.array([0.3, np.nan, 0.3]), "uint8")
    told = {"name": "x", "title": "x", "kind": "uint8", "per": "example", "low": low, "high": high, "missing": None}
    given = tab.evaluate(
        "async ([told, text]) => decoded(told, text).then((made) => [0, 1, 2].map((i) => String(valueAt(made, i))))",
        [told, deflated(codes.tobytes())],
    )
    assert given == ["0.3", "NaN", "0.3"]


START = {"by": "called_type", "labels": [], "types": [], "size": -1, "low": None, "high": None}
NUMBERS = "{count: PAGE.count, sizes: PAGE.sizes.length, classes: PAGE.classes.length, types: PAGE.types.length}"


def found(tab, **view):
    """What the page's filters find, and their counts."""
    whole = {**START, "flipped": "", "suggested": "", "copies": "", **view}
    shown, counts = tab.evaluate(
        f"(view) => {{ const f = filtered(view, COLUMNS, {NUMBERS}); return [[...f.shown], [...f.counts]] }}", whole
    )
    return np.array(shown, dtype=int), dict(counts)


def rules(examples):
    """Each filter: the part of a view, and which examples pass it, computed from the arrays."""
    whole, measured = examples.whole, examples.measured
    flipped = whole["label"] != whole["true_label"]
    equal, near = whole["exact_group"] >= 0, whole["near_group"] >= 0
    other = whole["suggested_label"] != whole["label"]
    with np.errstate(invalid="ignore"):
        high = (measured["score"] >= 0.5) & (measured["score"] <= 0.9)
        low = measured["score"] <= 0.1
    return {
        "labels": ({"labels": [1, 4]}, np.isin(whole["label"], [1, 4])),
        "types": ({"types": [2]}, whole["called_type"] == 2),
        "raw types": ({"types": [1, 5], "by": "type"}, np.isin(whole["type"], [1, 5])),
        "population types": ({"types": [0], "by": "population_type"}, whole["population_type"] == 0),
        "flipped": ({"flipped": "yes"}, flipped),
        "not flipped": ({"flipped": "no"}, ~flipped),
        "another label at a size": ({"suggested": "other", "size": 1}, other[1]),
        "another label anywhere": ({"suggested": "other", "size": -1}, other.any(0)),
        "its own label": ({"suggested": "own", "size": 3}, ~other[3]),
        "a suggested label": ({"suggested": "7", "size": 0}, whole["suggested_label"][0] == 7),
        "a suggested label anywhere": ({"suggested": "7", "size": -1}, (whole["suggested_label"] == 7).any(0)),
        "score at a size": ({"low": 0.5, "high": 0.9, "size": 2}, high[2]),
        "score anywhere": ({"low": 0.5, "high": 0.9, "size": -1}, high.any(0)),
        "low score": ({"high": 0.1, "size": 0}, low[0]),
        "equal": ({"copies": "equal"}, equal),
        "near": ({"copies": "near"}, near),
        "some copy": ({"copies": "some"}, equal | near),
        "no copy": ({"copies": "none"}, ~equal & ~near),
    }


def test_each_filter_finds_what_it_says(tab, examples):
    for name, (view, passes) in rules(examples).items():
        shown, _ = found(tab, **view)
        np.testing.assert_array_equal(shown, np.flatnonzero(passes), err_msg=name)
        assert 0 < len(shown) < len(passes), name


def test_filters_combine_and_count_what_each_further_choice_would_leave(tab, examples):
    whole = examples.whole
    parts = rules(examples)
    for names in (("labels", "types", "score at a size"), ("flipped", "another label anywhere", "no copy"), ("types",)):
        view = {key: value for name in names for key, value in parts[name][0].items()}
        passes = {name: parts[name][1] for name in names}
        shown, counts = found(tab, **view)
        np.testing.assert_array_equal(shown, np.flatnonzero(np.logical_and.reduce(list(passes.values()))))

        def left(without, passes=passes):
            others = [passed for name, passed in passes.items() if name != without]
            return np.logical_and.reduce([np.ones(len(whole["label"]), bool), *others])

        labels = [int((left("labels") & (whole["label"] == label)).sum()) for label in range(10)]
        types = [int((left("types") & (whole["called_type"] == code)).sum()) for code in range(len(TYPES))]
        flips = [int((left("flipped") & (whole["label"] != whole["true_label"])).sum())]
        assert counts["label"] == labels
        assert counts["type"] == types
        assert counts["flipped"][:1] == flips
        if view.get("size") == -1:  # an example counts once, at however many sizes a label is suggested
            suggested = [
                int((left("another label anywhere") & (whole["suggested_label"] == label).any(0)).sum())
                for label in range(10)
            ]
            assert counts["suggested"][2:] == suggested


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize(("name", "row"), [("score", 2), ("score", 0), ("residual", 3), ("loss", 0)])
def test_sorting_orders_values_with_the_missing_last(tab, examples, name, row, up):
    values = np.atleast_2d(examples.measured[name])[row]
    some = np.sort(np.random.default_rng(3).choice(len(values), 300, replace=False))
    given = tab.evaluate(
        "([some, name, row, up]) => [...sorted(Uint32Array.from(some), COLUMNS.get(name), row, up, PAGE.count)]",
        [some.tolist(), name, row, up],
    )
    assert sorted(given) == some.tolist()
    codes = {told["name"]: np.atleast_2d(codes) for told, codes in columns_of(examples)}[name][row].astype(int)
    missing = np.isnan(values)
    wanted = some[np.lexsort((some, np.where(missing[some], 10**9, codes[some] if up else -codes[some])))]
    np.testing.assert_array_equal(given, wanted)
    there = values[given][~np.isnan(values[given])]
    step = (np.nanmax(values) - np.nanmin(values)) / 200
    assert (np.diff(there if up else -there) > -step).all()


def test_without_a_column_the_order_is_that_of_the_data(tab):
    assert tab.evaluate("[...sorted(Uint32Array.of(3, 5, 9), undefined, 0, true, 10)]") == [3, 5, 9]
    assert tab.evaluate("[...sorted(Uint32Array.of(3, 5, 9), undefined, 0, false, 10)]") == [9, 5, 3]


def test_a_score_on_the_border_is_in(tab):
    """Rounding to codes must not leave out the examples of a score of exactly a half."""
    values = np.array([-0.97, 0.5, 0.4999, 1.0])
    for kind in ("uint8", "uint16"):
        codes, low, high = quantised(values, kind)
        told = {"name": "x", "title": "x", "kind": kind, "per": "example", "low": low, "high": high, "missing": None}
        bounds = tab.evaluate(
            "async ([told, text]) => codesBetween(await decoded(told, text), 0.5, 1)", [told, deflated(codes.tobytes())]
        )
        assert bounds[0] <= codes[1] <= bounds[1]
        assert bounds[0] <= codes[3] <= bounds[1]
        assert not bounds[0] <= codes[0] <= bounds[1]


@pytest.mark.parametrize("size", [-1, 1])
def test_the_words_of_an_address_are_those_of_every_part_of_a_view(tab, size):
    view = {
        "labels": [1, 4],
        "by": "type",
        "types": [2, 3],
        "flipped": "yes",
        "suggested": "7",
        "copies": "near",
        "size": size,
        "low": -0.25,
        "high": 0.5,
        "sort": "residual",
        "at": 0,
        "up": True,
        "example": 17,
    }
    assert tab.evaluate("(view) => viewOf(wordsOf(view))", view) == view
    start = tab.evaluate("startView()")
    assert all(start[part] != value for part, value in view.items())
    assert tab.evaluate("String(wordsOf(startView()))") == ""


def test_numbers_are_told_for_people(tab):
    given = tab.evaluate("[0.123, -0.5, -0.001, NaN, 12.34, 1234.5, 1].map(told)")
    assert given == ["0.12", "−0.50", "0.00", "–", "12.3", "1235", "1.00"] or given[5] in ("1234", "1235")
    assert tab.evaluate("[7, 1234, 1234567].map(counted)") == ["7", "1,234", "1,234,567"]


def test_made_pages_are_made_alike():
    """What these tests compare with does not change from call to call."""
    one, other = made(50, [2, 4]), made(50, [2, 4])
    np.testing.assert_array_equal(one.images, other.images)
    assert len({image.tobytes() for image in one.images}) == 50
