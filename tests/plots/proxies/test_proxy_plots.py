"""The figures of `memscope proxies` show the numbers of its report, whatever is not known, and can be read."""

from dataclasses import replace
from math import inf, log2, nan

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from memscope.analysis.proxies.catalogue import ALL
from memscope.analysis.trajectories import TYPES
from memscope.plots.common.look import LOOKS, drawn_for
from memscope.plots.common.style import TYPE_STYLES
from memscope.plots.proxies.figures import figures
from memscope.plots.proxies.overview import draw_proxies
from memscope.plots.proxies.shown import leading
from memscope.plots.proxies.trajectories import draw_proxy_trajectories, with_trajectories
from memscope.reports.proxies import (
    Bounded,
    ProxiesReport,
    ProxyAtSize,
    ProxyFound,
    ProxyTrend,
    SameSigns,
    SameTypes,
    SizeNoise,
)

UNKNOWN = Bounded(value=nan)
LEVEL = "only as its level foretells"
ACROSS_EXAMPLES = ("follows", "follows", "follows", "does not follow", "goes against", "cannot be told")
ACROSS_SIZES = ("follows", LEVEL, LEVEL, "does not follow", "goes against", "cannot be told")
GRIDS = [(2, 4), (10, 11, 12, 64, 65), tuple(2**k for k in range(12))]
LEADING = tuple(proxy for proxy in ALL if proxy.variant_of is None)
LONG = "the $largest_eigenvalue$ of the Hessian of the loss over the last epochs, " * 3


def bounded(value, reach=0.04, errors=True):
    return Bounded(value=value, low=value - reach, high=value + reach) if errors else Bounded(value=value)


def a_noise(size, k, ceiling=True):
    return SizeNoise(
        size=size,
        reliability=bounded(0.6 + 0.01 * k),
        measurable=ceiling,
        pearson_ceiling=0.85,
        spearman_ceiling=0.78 + 0.011 * k if ceiling else nan,
    )


def at_size(size, value, errors=True, half=False):
    return ProxyAtSize(
        size=size,
        models=4,
        examples=1000,
        spearman=bounded(value, errors=errors),
        pearson=UNKNOWN,
        cosine=UNKNOWN,
        top_spearman=UNKNOWN,
        top_pearson=UNKNOWN,
        top_cosine=UNKNOWN,
        spearman_of_ceiling=nan,
        pearson_of_ceiling=nan,
        half=half,
    )


def a_trend(p, sizes, sign, errors=True):
    nothing, signs = (
        SameTypes(agreement=nan, chance=nan, kappa=nan),
        SameSigns(examples=nan, proxy=nan, score=nan, size_means=nan),
    )
    scale = 10.0 ** (p % 7 - 3)
    moves = np.linspace(0, 1, len(sizes))
    curves = {"constant": 0 * moves, "increasing": moves, "decreasing": -moves}
    curves |= {"cap-shaped": moves * (1 - moves) * 3, "u-shaped": moves * (moves - 1) * 3}
    by_type = {
        name: tuple(
            bounded(scale * (2 + t / 5 + sign * curve[k] + 0.01 * p), 0.07 * scale, errors) for k in range(len(sizes))
        )
        for t, name in enumerate(TYPES)
        for curve in [curves.get(name, 0.3 * np.sin(5 * moves))]
    }
    return ProxyTrend(
        increasing=sign > 0,
        slopes=bounded(0.55 - 0.037 * p, 0.08, errors),
        slopes_of_level=bounded(0.21 - 0.013 * p, errors=errors),
        slopes_beyond_level=UNKNOWN,
        ceiling=0.63,
        slopes_of_ceiling=UNKNOWN,
        types=nothing,
        types_if_additive=nothing,
        types_if_other=nothing,
        types_of_halves=nothing,
        types_of_population=None,
        rising=signs,
        falling=signs,
        shares={},
        by_type=by_type,
    )


def a_proxy(p, sizes, errors=True, catalogue=LEADING):
    proxy = catalogue[p % len(catalogue)]
    more = len(sizes) > 1
    return ProxyFound(
        name=f"{proxy.name}-{p}",
        title=proxy.title,
        source=proxy.source,
        sign=proxy.sign,
        variant_of=None,
        cost=1.0,
        sizes=tuple(
            at_size(size, proxy.sign * (0.72 - 0.083 * (p * 5 % 11) - 0.017 * k), errors)
            for k, size in enumerate(sizes)
        ),
        trend=a_trend(p, sizes, proxy.sign, errors) if more else None,
        across_examples=ACROSS_EXAMPLES[p % 6] if errors else "cannot be told",
        across_sizes=None if not more else ACROSS_SIZES[p % 6] if errors else "cannot be told",
        verdict="",
    )


def a_report(sizes=(2, 4, 8), proxies=5, errors=True, axis="width", catalogue=LEADING, **changes):
    moves = np.linspace(0, 0.5, len(sizes))
    score = {"increasing": moves, "decreasing": 0.5 - moves, "cap-shaped": moves * (0.5 - moves) * 4}
    report = ProxiesReport(
        run="run",
        axis=axis,
        epsilon=0.2,
        examples=1000,
        flipped=None,
        recorded=4,
        on="subsets",
        score_models=40,
        score_blocks=4,
        sizes=tuple(a_noise(size, k) for k, size in enumerate(sizes)),
        score_by_type={name: tuple(score.get(name, 0 * moves + 0.1 * t)) for t, name in enumerate(TYPES)},
        examples_by_type={name: 300 - 40 * t for t, name in enumerate(TYPES)},
        proxies=tuple(a_proxy(p, sizes, errors, catalogue) for p in range(proxies)),
    )
    return replace(report, **changes)


def with_proxy(report, at, **changes):
    """The report, with one of its proxies changed."""
    kept = report.proxies
    return replace(report, proxies=(*kept[:at], replace(kept[at], **changes), *kept[at + 1 :]))


def columns(axes):
    """Of each label: points [n, 2], and ends of the error bars [n, 2] or None."""
    found = {}
    for container in axes.containers:
        assert isinstance(container, ErrorbarContainer)
        bars = container[2]
        ends = np.array([path.vertices[:, 0] for path in bars[0].get_paths()]) if bars else None
        found[container.get_label()] = (container[0].get_xydata(), ends)
    return found


def lines(axes):
    """Points [n, 2] of each label that is not of an error bar."""
    return {line.get_label(): np.array(line.get_xydata()) for line in axes.get_lines()}


def words(figure, assert_readable):
    return " ".join(assert_readable(figure)).replace("\u00a0", " ").replace("\n", " ")


# proxies.png


def test_correlations_stand_in_the_row_of_their_proxy_with_intervals_and_ceilings_the_expected_way_right(
    assert_readable,
):
    report = a_report(proxies=9)
    figure = draw_proxies(report)
    assert_readable(figure)
    rows = leading(report)
    means = [proxy.sign * np.mean([row.spearman.value for row in proxy.sizes]) for proxy in rows]
    assert means == sorted(means, reverse=True)
    assert {proxy.sign for proxy in rows} == {1, -1}
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == [proxy.title for proxy in rows]
    for k, noise in enumerate(report.sizes):
        points, ends = columns(left)[f"width {noise.size}"]
        values = np.array([proxy.sign * proxy.sizes[k].spearman.value for proxy in rows])
        assert points[:, 0] == pytest.approx(values)
        assert np.floor(points[:, 1]).tolist() == list(range(9))  # each in its own row
        assert ends == pytest.approx(np.stack([values - 0.04, values + 0.04], axis=1))
        assert lines(left)[f"ceiling, width {noise.size}"][:, 0] == pytest.approx(noise.spearman_ceiling)
    first, last = (columns(left)[f"width {size}"][0][:, 1] for size in (2, 8))
    assert (first < last).all()  # the axis goes down
    assert left.get_ylim() == right.get_ylim() == (9, 0)
    points, ends = columns(right)["slopes"]
    slopes = np.array([proxy.trend.slopes.value for proxy in rows])
    assert points[:, 0] == pytest.approx(slopes)
    assert ends == pytest.approx(np.stack([slopes - 0.08, slopes + 0.08], axis=1))
    assert lines(right)["level"][:, 0] == pytest.approx([proxy.trend.slopes_of_level.value for proxy in rows])
    assert lines(right)["ceiling"][:, 0] == pytest.approx(0.63)
    for axes in (left, right):
        assert axes.get_xlim()[0] < min(end for _, ends in columns(left).values() for end in ends.ravel())
        assert axes.get_xlim()[1] > 1


def test_the_verdicts_of_the_report_stand_beside_the_rows_and_in_the_title(assert_readable):
    report = a_report(proxies=12)
    figure = draw_proxies(report)
    text = words(figure, assert_readable)
    assert "4 of 12 proxies" not in text
    assert "6 of 12 proxies follow memorisation across examples (of 2 it cannot be told); " in text
    assert "2 of 12 proxies follow it across widths (of 2 it cannot be told)" in text
    assert "Across widths: 2 follow, 4 only as their level foretells, 2 do not follow, 2 go against, 2 cannot" in text
    assert "Those that follow across widths: mean accuracy over epochs; final loss." in text
    rows = leading(report)
    for axes, key in zip(figure.axes, ("across_examples", "across_sizes"), strict=True):
        said = [each.get_text() for each in axes.texts]
        assert said == [getattr(proxy, key).replace(LEVEL, "only its level") for proxy in rows]
        bold = [each.get_fontweight() == "bold" for each in axes.texts]
        assert bold == [getattr(proxy, key) == "follows" for proxy in rows]


def test_the_title_says_of_no_proxy_what_cannot_be_told(assert_readable):
    text = words(draw_proxies(a_report(errors=False)), assert_readable)
    assert "Whether 5 proxies follow memorisation across examples cannot be told; whether 5 proxies" in text
    assert "No intervals: they need four blocks of the score's models." in text
    assert "95 %" not in text
    one = a_report(proxies=1)
    assert "Mean accuracy over epochs, held against memorisation: follows across examples, follows across widths" in (
        words(draw_proxies(one), assert_readable)
    )
    said = "Across examples: follows (Spearman 0.69 to 0.72; at 3 of 3 sizes)."
    assert said in words(draw_proxies(with_proxy(one, 0, verdict=said)), assert_readable)


def test_the_caption_tells_the_models_of_the_proxies_from_those_of_the_score(assert_readable):
    text = words(draw_proxies(a_report()), assert_readable)
    assert "recorded on 4 models of each width, trained on random subsets of the training data" in text
    assert "the score is from 40 other models of each width in 4 blocks" in text
    assert "95 % intervals over the score's blocks of models and the proxy's models together" in text
    text = words(draw_proxies(a_report(axis="depth", on="full", recorded=1)), assert_readable)
    assert "recorded on 1 model of each depth, trained on all the training data" in text


def test_a_row_of_which_nothing_is_known_says_so(assert_readable):
    report = a_report()
    nothing = tuple(replace(row, spearman=UNKNOWN) for row in report.proxies[0].sizes)
    report = with_proxy(report, 0, sizes=nothing, trend=None, across_examples="cannot be told", across_sizes=None)
    report = with_proxy(report, 1, trend=replace(report.proxies[1].trend, slopes=UNKNOWN))
    report = with_proxy(report, 2, sizes=(replace(report.proxies[2].sizes[0], spearman=UNKNOWN),))
    figure = draw_proxies(report)
    text = words(figure, assert_readable)
    rows = [proxy.title for proxy in leading(report)]
    assert set(rows[-2:]) == {report.proxies[0].title, report.proxies[2].title}  # what is not known comes last
    unknown = (
        [at for at, title in enumerate(rows) if title in (report.proxies[0].title, report.proxies[2].title)],
        [at for at, title in enumerate(rows) if title in (report.proxies[0].title, report.proxies[1].title)],
    )
    for axes, at in zip(figure.axes, unknown, strict=True):
        said = [each for each in axes.texts if each.get_text() == "not known"]
        assert [each.get_position()[1] - 0.5 for each in said] == at
    for label, points in lines(figure.axes[1]).items():
        if label == "ceiling":
            assert np.flatnonzero(np.isnan(points[:, 0])).tolist() == unknown[1]
    assert "of 4 proxies follow it across widths" in text  # one has no verdict


def test_there_is_no_ceiling_where_none_is_measurable_or_the_score_is_of_half_of_the_blocks(assert_readable):
    report = a_report()
    report = replace(report, sizes=(a_noise(2, 0, ceiling=False), *report.sizes[1:]))
    half = tuple(replace(row, half=True) for row in report.proxies[3].sizes)
    report = with_proxy(report, 3, sizes=half)
    figure = draw_proxies(report)
    text = words(figure, assert_readable)
    at = [proxy.name for proxy in leading(report)].index(report.proxies[3].name)
    drawn = lines(figure.axes[0])
    assert np.isnan(drawn["ceiling, width 2"][:, 0]).all()
    assert np.flatnonzero(np.isnan(drawn["ceiling, width 4"][:, 0])).tolist() == [at]
    assert "None is measurable at width 2. Nor is there one for what is held against half" in text
    assert f"from the other half: {report.proxies[3].title}." in text


def test_intervals_end_at_1_and_variants_are_not_shown(assert_readable):
    report = a_report()
    wide = replace(report.proxies[0].trend, slopes=Bounded(value=0.2, low=-3.0, high=2.0))
    report = with_proxy(with_proxy(report, 0, trend=wide), 4, variant_of=report.proxies[1].name)
    figure = draw_proxies(report)
    assert_readable(figure)
    assert len(leading(report)) == len(columns(figure.axes[1])["slopes"][0]) == 4
    ends = columns(figure.axes[1])["slopes"][1]
    assert (ends.min(), ends.max()) == (-1, 1)
    low, high = figure.axes[1].get_xlim()
    assert -1.2 < low < -1 < 1 < high < 1.2


@pytest.mark.parametrize("style", list(LOOKS))
@pytest.mark.parametrize("proxies", [1, 25])
@pytest.mark.parametrize("sizes", [(8,), *GRIDS])
def test_both_figures_are_readable_for_any_proxies_and_sizes(sizes, proxies, style, assert_readable):
    report = a_report(sizes, proxies, axis="depth" if len(sizes) == 5 else "width", catalogue=ALL)
    report = with_proxy(report, 0, title=LONG)
    with drawn_for(style):
        drawn = dict(figures(report))
        assert list(drawn) == ["proxies", "proxies-trajectories"][: 1 + (len(sizes) > 1)]
        for figure in drawn.values():
            assert_readable(figure)
            assert figure.get_figwidth() == pytest.approx(3.3) if style == "paper" else 6 < figure.get_figwidth() < 14
    beside = style != "paper" and len(sizes) > 1
    assert len({axes.get_position().y0 for axes in drawn["proxies"].axes}) == (1 if beside else len(drawn))


@pytest.mark.parametrize("style", list(LOOKS))
def test_a_report_in_which_nothing_is_known_is_readable(style, assert_readable):
    report = a_report(errors=False)
    nothing = dict.fromkeys(TYPES, (UNKNOWN,) * 3)
    for at, proxy in enumerate(report.proxies):
        rows = tuple(replace(row, spearman=UNKNOWN) for row in proxy.sizes)
        trend = replace(proxy.trend, slopes=UNKNOWN, slopes_of_level=UNKNOWN, ceiling=nan, by_type=nothing)
        report = with_proxy(report, at, sizes=rows, trend=trend)
    report = replace(report, sizes=tuple(a_noise(row.size, 0, ceiling=False) for row in report.sizes))
    with drawn_for(style):
        drawn = dict(figures(report))
        assert list(drawn) == ["proxies"]
        assert words(drawn["proxies"], assert_readable).count("not known") == 10
    assert list(figures(replace(report, proxies=()))) == []


# proxies-trajectories.png


def test_means_of_each_type_run_over_the_sizes_in_a_panel_of_their_own_scale(assert_readable):
    report = a_report(proxies=4)
    figure = draw_proxy_trajectories(report)
    texts = assert_readable(figure)
    score, *others = figure.axes
    for name in TYPES:
        drawn = lines(score)[name]
        assert drawn == pytest.approx(np.stack([[1, 2, 3], report.score_by_type[name]], axis=1))
    for proxy, axes in zip(leading(report), others, strict=True):
        assert axes.get_title("left").replace("\n", " ") == proxy.title
        means = lines(axes)
        bands = {band.get_label(): band for band in axes.collections}
        for name in TYPES:
            rows = proxy.trend.by_type[name]
            assert means[name] == pytest.approx(np.stack([[1, 2, 3], [row.value for row in rows]], axis=1))
            corners = bands[f"{name}, interval"].get_paths()[0].vertices
            for k, row in enumerate(rows):
                ends = corners[np.isclose(corners[:, 0], k + 1), 1]
                assert (ends.min(), ends.max()) == pytest.approx((row.low, row.high))
            line = {line.get_label(): line for line in axes.get_lines()}[name]
            assert (line.get_color(), line.get_marker(), line.get_linestyle()) == TYPE_STYLES[name]
        low, high = axes.get_ylim()
        assert (low > high) == (proxy.sign < 0)  # up is more memorised
        every = [end for rows in proxy.trend.by_type.values() for row in rows for end in (row.low, row.high)]
        assert min(low, high) < min(every) <= max(every) < max(low, high)
        note = proxy.across_sizes.replace(LEVEL, "only its level")
        assert note + ("; axis turned" if proxy.sign < 0 else "") in [each.get_text() for each in axes.texts]
    assert "increasing (260)" in texts
    text = " ".join(texts)
    assert "Memorisation and its proxies over width: 1 of 4 proxies follows it across widths" in text


def test_rare_types_and_proxies_without_a_trend_are_left_out_and_named(assert_readable):
    report = a_report()
    report = replace(report, examples_by_type=report.examples_by_type | {"irregular": 19, "u-shaped": 20})
    figure = draw_proxy_trajectories(with_proxy(report, 1, trend=None, across_sizes=None))
    text = words(figure, assert_readable)
    assert "irregular" not in lines(figure.axes[1])
    assert "u-shaped" in lines(figure.axes[1])
    assert "Types with fewer than 20 examples are left out: irregular (19)." in text
    assert f"No trajectories are known of: {report.proxies[1].title}." in text
    assert len(figure.axes) == 5
    rare = replace(report, examples_by_type=dict.fromkeys(TYPES, 19))
    assert [name for name, _ in figures(rare)] == ["proxies"]


def test_of_many_proxies_those_that_correlate_most_are_drawn_but_all_are_counted(assert_readable):
    report = a_report(proxies=15)
    figure = draw_proxy_trajectories(report)
    text = words(figure, assert_readable)
    assert len(figure.axes) == 12
    shown = [axes.get_title("left").replace("\n", " ") for axes in figure.axes[1:]]
    first = sorted(leading(report), key=lambda proxy: proxy.across_sizes != "follows")
    assert shown == [proxy.title for proxy in first[:11]]
    assert shown[0] == next(proxy.title for proxy in leading(report) if proxy.across_sizes == "follows")
    assert "Of 15 proxies those that follow, and of the others those that correlate most across examples." in text
    assert "3 of 15 proxies follow it across widths (of 2 it cannot be told)" in text


def test_what_is_not_known_or_infinite_leaves_a_gap(assert_readable):
    report = a_report(errors=False)
    trend = report.proxies[0].trend
    rows = trend.by_type["constant"]
    gaps = (Bounded(value=inf), rows[1], UNKNOWN)
    lost = dict.fromkeys(TYPES, (UNKNOWN,) * 3)
    report = with_proxy(report, 0, trend=replace(trend, by_type=lost | {"constant": gaps}))
    report = replace(report, score_by_type=dict.fromkeys(TYPES, (nan, nan, nan)))
    figure = draw_proxy_trajectories(report)
    text = words(figure, assert_readable)
    assert "not known" in text
    assert "No intervals: they need four blocks of the score's models." in text
    drawn = lines(figure.axes[1])["constant"]
    assert np.isnan(drawn[:, 1]).tolist() == [True, False, True]
    assert drawn[1] == pytest.approx([log2(4), rows[1].value])
    assert with_trajectories(report)
    assert not figure.axes[1].collections


@pytest.mark.parametrize("style", list(LOOKS))
@pytest.mark.parametrize(("level", "change"), [(0.0, 0.0), (1234.5, 1e-9), (1e-7, 1e-7), (-3e9, 1e9), (1e5, 300.0)])
def test_a_scale_of_any_numbers_has_ticks_that_tell_them_apart(level, change, style, assert_readable):
    report = a_report(proxies=3)
    for at, proxy in enumerate(report.proxies):
        rows = tuple(Bounded(value=level + k * change) for k in range(3))
        report = with_proxy(report, at, trend=replace(proxy.trend, by_type=dict.fromkeys(TYPES, rows)))
    with drawn_for(style):
        figure = draw_proxy_trajectories(report)
        assert_readable(figure)
    for axes in figure.axes:
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert 2 <= len(labels) == len(set(labels)) <= 6
        assert len({len(label.partition(".")[2]) for label in labels if "e" not in label}) <= 1
        low, high = sorted(axes.get_ylim())
        assert all(low <= tick <= high for tick in axes.get_yticks())
