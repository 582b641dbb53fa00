"""The scores of every attack on every model of a run, held out: a block is judged by the models of the others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.privacy.attacks import (
    Population,
    average_offline,
    average_probability,
    offline_lira,
    offline_slope,
    online_lira,
    rmia,
)
from memscope.analysis.privacy.calibration import Transforms, transforms
from memscope.analysis.privacy.references import leave_one_block_out
from memscope.analysis.privacy.shrinkage import believed, believed_alone

ATTACKS = {
    "lira": "online LiRA: log likelihood ratio of the log-odds, with the example and without it",
    "lira-offline": "offline LiRA: how high the log-odds are for models without the example",
    "rmia": "RMIA: the share of test examples beside which the probability has risen more",
    "rmia-offline": "offline RMIA, with models without the example alone",
    "loss": "a threshold on the loss, without references",
}
"""By name"""


INFINITE = 1e4
"""Log-odds from which on a probability is 1 or 0 but for rounding; the ledger has 60,000 for infinite ones"""


@dataclass(frozen=True, eq=False)
class Judged:
    """What every attack says of every model of a run."""

    scores: dict[str, NDArray[np.floating]]
    """[models, N] by attack; large: looks like a member"""
    ratio: NDArray[np.float32]
    """[models, N], the log likelihood ratio of online LiRA"""
    transforms: Transforms
    """Whether log-odds of held-out models are distributed as is believed"""


def judged(
    in_subset: NDArray[np.bool_],
    log_odds: NDArray[np.floating],
    block: NDArray[np.int64],
    population: NDArray[np.floating],
) -> Judged:
    """Score every model with every attack.

    `in_subset` bool [models, N], `log_odds` [models, N] of the given label, `block` int [models]; `population`
    [models, Z], the log-odds of test examples that no model was trained on, nor on a near-duplicate. Infinite log-odds
    are taken as the largest that are not. OptionError with fewer than two blocks, or one reference of a side.
    """
    phi = finite(log_odds)
    probability, of_population = sigmoid(phi), sigmoid(finite(population))
    # in float32 the ties at the top of RMIA's share, which the ratio breaks, would be ties again
    scores = {name: np.empty(phi.shape, dtype=np.float64 if "rmia" in name else np.float32) for name in ATTACKS}
    ratio, known = np.empty(phi.shape, dtype=np.float32), []
    probabilities = leave_one_block_out(in_subset, probability, block)
    for (number, here, references), (_, _, of_probability) in zip(
        leave_one_block_out(in_subset, phi, block), probabilities, strict=True
    ):
        inside, outside = believed(references)
        others = Population(of_population[here], np.delete(of_population, here, axis=0).mean(0))
        ratio[here] = online_lira(phi[here], inside, outside)
        scores["lira"][here] = on_one_scale(ratio[here])
        scores["lira-offline"][here] = offline_lira(phi[here], believed_alone(references.outside))
        scores["rmia"][here] = rmia(probability[here], average_probability(of_probability), others)
        offline = average_offline(of_probability, offline_slope(of_probability))
        scores["rmia-offline"][here] = rmia(probability[here], offline, others)
        scores["loss"][here] = phi[here]
        known.append(transforms(phi[here], in_subset[here], inside, outside, number))
    return Judged(scores, ratio, Transforms.all_of(known))


def on_one_scale(ratio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log likelihood ratios of a block's models, less their mean, over their standard deviation.

    Where examples leave hardly a trace, references of a few models believe in nearly nothing, and how little differs
    from block to block: a threshold of other blocks would be beyond all or none of this one. It takes no knowledge of
    members, but all models of the block and all examples.
    """
    spread = float(ratio.std())
    return (ratio - ratio.mean()) / (spread if spread > 0 else 1.0)


def finite(log_odds: NDArray[np.floating]) -> NDArray[np.float64]:
    """Infinite log-odds, as of a probability that was rounded to 1, are taken for the largest that are not.

    They say as much, and 60,000 in their place would decide every mean and variance.
    """
    return np.clip(log_odds.astype(np.float64), *ends_of(log_odds))


def ends_of(log_odds: NDArray[np.floating]) -> tuple[float, float]:
    """The smallest and the largest log-odds that are not infinite; -1 and 1 where all are."""
    genuine = log_odds[np.abs(log_odds) < INFINITE]
    return (float(genuine.min()), float(genuine.max())) if len(genuine) else (-1.0, 1.0)


def share_infinite(log_odds: NDArray[np.floating]) -> float:
    """The share of log-odds that are infinite, or as large as the ledger stores such."""
    return float((np.abs(log_odds) >= INFINITE).mean())


def sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-log_odds))
