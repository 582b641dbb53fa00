"""A proxy of memorisation against the score, across the examples of one size.

In come what the proxy gives to each example by model, NaN where the model has no part in it, and the counts of the
score by block of other models. Out come correlations with intervals over both sets of models, and how well the proxy
finds flipped labels. What is the most that noise lets a proxy reach is in statistics/ceilings.py.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.memorisation import Counts
from memscope.analysis.statistics.correlation import cosine, linear_correlation, rank_correlation
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.statistics.jackknife import FEWEST_BLOCKS, Kept, jackknife_error
from memscope.analysis.statistics.roc import area_under_roc
from memscope.analysis.statistics.ties import ordinal
from memscope.analysis.statistics.two_sets import NONE, Interval, check_apart, intervals, mean_of_models, model_groups
from memscope.errors import OptionError
from memscope.streams import permutation, stream

TOP = 0.1
"""The share of the examples that counts as the most memorised ones."""


@dataclass(frozen=True)
class Correlations:
    """Of a proxy with the score, over some examples."""

    spearman: Interval
    pearson: Interval
    cosine: Interval
    """Near 1 for any two positive numbers; it flatters, and is given because others give it"""


@dataclass(frozen=True)
class SizeAgreement:
    """A proxy and the score, at one size."""

    overall: Correlations
    """Over all the examples"""
    top: Correlations
    """Over the TOP of the examples by the score: chosen on every other block of the score, correlated with the score
    of the other blocks, and the other way round; means of both. NaN below two blocks"""
    examples: int
    """That have both"""
    blocks: int
    """Of the score"""
    models: int
    """Of the proxy"""


def agreement_at_size(
    values: ArrayLike, model_blocks: ArrayLike, counts: Counts, score_blocks: ArrayLike
) -> SizeAgreement:
    """How the proxy goes with the score, across examples.

    `values` float [models, examples], NaN where a model says nothing of an example; `model_blocks` int [models], the
    block of each; `counts` [blocks, examples] of the score, `score_blocks` [blocks] their numbers. The proxy of an
    example is the mean over its models. Raises OptionError for shapes that do not fit, and where a block is among both.
    """
    proxy, blocks_of_models, blocks_of_score = checked(values, model_blocks, counts, score_blocks)
    chance = permutation(stream("top of the score", proxy.shape[1]), proxy.shape[1])

    def statistic(blocks: Kept, models: Kept) -> Floats:
        mean = mean_of_models(proxy, models)
        overall = three_correlations(mean, counts.only(blocks).score)
        halves = halved(blocks)
        if not all(halves):
            return np.concatenate([overall, np.full(3, np.nan)])
        scores = [counts.only(half).score for half in halves]
        tops = [highest(score, TOP, chance) for score in scores]
        top = [
            three_correlations(mean[chosen], score[chosen]) for chosen, score in zip(tops, scores[::-1], strict=True)
        ]
        return np.concatenate([overall, np.mean(top, axis=0)])

    found = intervals(statistic, len(blocks_of_score), blocks_of_models)
    known = ~np.isnan(mean_of_models(proxy, list(range(len(proxy)))) + counts.total().score)
    return SizeAgreement(
        overall=Correlations(*found[:3]),
        top=Correlations(*found[3:]),
        examples=int(known.sum()),
        blocks=len(blocks_of_score),
        models=len(proxy),
    )


def crossed_agreement(
    values: ArrayLike, model_blocks: ArrayLike, counts: Counts, score_blocks: ArrayLike
) -> SizeAgreement:
    """`agreement_at_size` of a proxy that was measured on the score's own models, such as accuracy out.

    The proxy is taken from every other block and the score from the rest, then the other way round; the correlations
    are means of both, so that no model is in both, and are those with the score of half of the blocks: so must the
    ceiling be that they are held against. Each block in turn is left out of whichever side it is on. With 40 models,
    four blocks, that leaves an interval where two sets of blocks would leave none; it takes in all models, so
    `model_error` is NaN. The top is left undefined. Raises OptionError for shapes that do not fit, fewer than two
    blocks, and for models of other blocks than the score's.
    """
    proxy, of_models, of_score = checked(values, model_blocks, counts, score_blocks, apart=False)
    strangers = sorted(set(of_models.tolist()) - set(of_score.tolist()))
    if strangers or len(of_score) < 2:
        raise OptionError(
            f"models of blocks {strangers or of_models.tolist()} and a score of blocks {of_score.tolist()}, expected "
            "the score's own models, of two blocks or more: others can be compared with the score of all its blocks"
        )

    def statistic(kept: Kept, models: Kept) -> Floats:
        found = []
        halves = halved(kept)
        for chosen, others in (halves, halves[::-1]):
            theirs = np.flatnonzero(np.isin(of_models, of_score[others])).tolist()
            found.append(three_correlations(mean_of_models(proxy, theirs), counts.only(chosen).score))
        return np.mean(found, axis=0)

    known = ~np.isnan(mean_of_models(proxy, list(range(len(proxy)))) + counts.total().score)
    return SizeAgreement(
        overall=Correlations(*intervals(statistic, len(of_score), np.array([-1]))),
        top=Correlations(NONE, NONE, NONE),
        examples=int(known.sum()),
        blocks=len(of_score),
        models=len(proxy),
    )


def three_correlations(proxy: Floats, score: Floats) -> Floats:
    """Spearman's and Pearson's correlation and the cosine [3] of two arrays [examples]."""
    return np.array([rank_correlation(ordinal(proxy), score), linear_correlation(proxy, score), cosine(proxy, score)])


def halved(blocks: Kept) -> tuple[Kept, Kept]:
    """Every other block, by its position among all: whichever block is left out, the others keep their halves."""
    return [block for block in blocks if block % 2 == 0], [block for block in blocks if block % 2]


def highest(score: Floats, share: float, chance: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of the share of the examples with the highest scores; among equal ones, in an order of chance."""
    known = chance[~np.isnan(score[chance])]
    order = known[np.argsort(-np.round(score[known], 9), kind="stable")]
    return order[: ceil(share * len(known))]


@dataclass(frozen=True)
class FlippedLabels:
    """How well a proxy finds the labels that were flipped; nothing of the score is in it."""

    area: float
    """Under the ROC curve"""
    area_error: float
    """By leaving out each model of the proxy (each block of them, of four or more); NaN below three"""
    precision: float
    """The share of flipped labels among as many examples, the most suspicious ones, as there are flipped labels. Where
    the last places are shared by examples that tie, its mean over all orders of these"""
    flipped: int
    """Flipped labels of which the proxy says something"""


def flipped_labels(values: ArrayLike, model_blocks: ArrayLike, flipped: ArrayLike, sign: int) -> FlippedLabels:
    """How well the proxy finds flipped labels, bool [examples]; larger values are suspicious if `sign` is 1, smaller
    ones if it is -1. The other arguments are those of `agreement_at_size`."""
    proxy, marks = np.asarray(values, dtype=np.float64), np.asarray(flipped)
    numbers = np.asarray(model_blocks, dtype=np.int64)

    def suspicion(models: Kept) -> Floats:
        return sign * ordinal(mean_of_models(proxy, models))

    models = list(range(len(proxy)))
    groups = model_groups(numbers)
    without = [area_under_roc(suspicion([m for m in models if m not in out]), marks) for out in groups]
    everything = suspicion(models)
    known = ~np.isnan(everything)
    return FlippedLabels(
        area=area_under_roc(everything, marks),
        area_error=float(jackknife_error(without)) if len(groups) >= FEWEST_BLOCKS else float("nan"),
        precision=precision_at_number(everything[known], marks[known]),
        flipped=int(marks[known].sum()),
    )


def precision_at_number(suspicion: Floats, marked: NDArray[np.bool_]) -> float:
    """The share of marked examples among the most suspicious ones, as many as are marked; NaN where none is."""
    number = int(marked.sum())
    if number == 0:
        return float("nan")
    last = np.sort(suspicion)[-number]
    above, level = suspicion > last, suspicion == last
    return float(((above & marked).sum() + (number - above.sum()) * marked[level].mean()) / number)


def checked(
    values: ArrayLike, model_blocks: ArrayLike, counts: Counts, score_blocks: ArrayLike, apart: bool = True
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """The values of a proxy, the blocks of its models and those of the score, as arrays that fit together; unless
    `apart` is false, no block may be among both."""
    proxy = np.asarray(values, dtype=np.float64)
    of_models, of_score = (np.asarray(blocks, dtype=np.int64) for blocks in (model_blocks, score_blocks))
    if proxy.shape[1:] != counts.n_in.shape[1:] or of_models.shape != proxy.shape[:1]:
        raise OptionError(
            f"values {proxy.shape} of models of blocks {of_models.shape} and counts {counts.n_in.shape}, expected "
            "[models, ...] and [models], and [blocks, ...] of the same sizes and examples"
        )
    if of_score.shape != counts.n_in.shape[:1]:
        raise OptionError(f"{len(of_score)} numbers of blocks for counts of {len(counts.n_in)}, expected one for each")
    if apart:
        check_apart(of_models, of_score)
    return proxy, of_models, of_score
