"""The figure of predictors shows the numbers of its report, and can be read in every style."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from memscope.plots.common.look import LOOKS, drawn_for
from memscope.plots.predictor.figures import figures
from memscope.plots.predictor.held_out import draw_held_out, tenths
from memscope.reports.ranged import Ranged
from tests.findings.made import predictor_report

LONG = "vit_base_patch16_clip_quickgelu_224.with_a_$long$_tag_that_goes_on"


def arrays(backbones=2, seeds=4, count=300, unknown=0):
    random = np.random.default_rng(0)
    target = random.random((2, count))
    target[:, :unknown] = nan
    return {
        "part": np.arange(count) % 3,
        "target_even": target[0],
        "target_odd": target[1],
        "predicted": random.normal(0.3, 0.1, (backbones, seeds, count)).astype(np.float32),
    }


@pytest.mark.parametrize("style", LOOKS)
@pytest.mark.parametrize("names", [("plain", "resnet18"), ("resnet18",), ("plain", LONG, "resnet34", "resnet50")])
def test_every_text_is_on_the_page_and_covers_no_other(assert_readable, style, names):
    with drawn_for(style):
        figure = draw_held_out(predictor_report(names=names), arrays(len(names)))
        assert_readable(figure)


def test_marks_are_the_reports_numbers_and_lines_their_intervals():
    report = predictor_report()
    figure = draw_held_out(report, arrays())
    left, right = figure.axes
    marks = {round(float(line.get_xdata()[0]), 6) for line in left.lines if line.get_marker() not in ("None", "")}
    for one in report.backbones:
        for found in (one.spearman, one.within, one.on_fitted_own, one.elsewhere):
            assert round(found.value, 6) in marks
    spans = {tuple(np.round(line.get_xdata(), 6)) for line in left.lines if len(line.get_xdata()) == 2}
    assert (round(report.backbones[0].spearman.low, 6), round(report.backbones[0].spearman.high, 6)) in spans
    images = right.lines[0]
    assert len(images.get_xdata()) == 4 * 100  # every seed says something of each image that was held out


@pytest.mark.parametrize(
    ("target", "blocks", "words"),
    [
        ("score@16", 4, "memorisation score at width 16"),
        ("residual@4", 4, "norm of the residual at width 4"),
        ("my-own.csv", 0, "numbers of my-own.csv"),
        ("score@16", 0, "numbers of score@16"),
    ],
)
@pytest.mark.parametrize("style", LOOKS)
def test_the_target_is_called_what_it_is(assert_readable, style, target, blocks, words):
    report = replace(predictor_report(), target=target, target_blocks=blocks, target_models=10 * blocks)
    with drawn_for(style):
        texts = assert_readable(draw_held_out(report, arrays()))
    assert words in texts  # beside the axis
    told = " ".join(texts)
    assert (f"How far an image alone foretells the {words}: rank correlation" in told) == (style != "paper")
    if style == "screen":  # the others have no subtitle
        assert ("one half of the models" in told) == (blocks > 0)


def test_what_is_not_known_is_left_out():
    unknown = Ranged(value=nan)
    report = replace(predictor_report(elsewhere=None), ceiling=nan, class_mean=unknown, over=())
    report = replace(report, backbones=tuple(replace(one, within=unknown) for one in report.backbones))
    figure = draw_held_out(report, arrays(unknown=30))
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "the other run" not in names
    assert "the class alone" not in names
    assert "the most that noise allows" not in names
    assert list(figures(replace(report, backbones=()), arrays())) == []


def test_tenths_are_means_in_the_order_of_the_predictions():
    said, target = np.arange(100.0)[::-1], np.arange(100.0)[::-1] ** 2
    middle, mean = tenths(said, target)
    assert middle == pytest.approx(np.arange(100).reshape(10, 10).mean(axis=1))
    assert mean == pytest.approx((np.arange(100.0) ** 2).reshape(10, 10).mean(axis=1))
