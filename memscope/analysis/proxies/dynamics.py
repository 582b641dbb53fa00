"""Proxies from the dynamics of one model: what it said of each example after each of its E epochs.

`correct` bool [E, N] and `log_odds` [E, N], log p_y - log sum_{y' != y} p_y' of the given label y, come in; float64 [N]
go out. Probability and loss follow from the log-odds alone, whatever the number of classes: p = sigmoid(log_odds), and
the cross-entropy -log p = softplus(-log_odds).

Epochs are counted from 1, and each was recorded when it was over, on images without augmentation. Authors who record
during training see augmented images, and models that change within an epoch.

`proxies_of_dynamics` gives all of them by their names in the catalogue.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CARTOGRAPHY = 1000.0
"""Forgetting events of an example that was never learnt, in the code of Swayamdipta et al. 2020."""


def proxies_of_dynamics(correct: Bools, log_odds: NDArray[np.floating]) -> dict[str, Floats]:
    """Every proxy [N] that needs nothing but dynamics [E, N], by its name in the catalogue.

    NaN where the log-odds of any epoch are NaN: there the model diverged, or the caller says that it was not trained
    on the example.
    """
    found = {
        "mean-accuracy": mean_accuracy(correct),
        "mean-confidence": mean_confidence(log_odds),
        "variability": variability(log_odds),
        "forgetting": forgetting_events(correct, never_learnt=len(correct)),
        "forgetting-0": forgetting_events(correct, never_learnt=0),
        "forgetting-1000": forgetting_events(correct, never_learnt=CARTOGRAPHY),
        "forgetting-infinity": forgetting_events(correct, never_learnt=np.inf),
        "learning-time": learning_time(correct),
        "first-right": first_right(correct),
        "cumulative-loss": cumulative_loss(log_odds),
        "final-loss": final_loss(log_odds),
        "final-margin": final_margin(log_odds),
    }
    undefined = np.isnan(log_odds).any(axis=0)
    return {name: np.where(undefined, np.nan, values) for name, values in found.items()}


def probabilities(log_odds: NDArray[np.floating]) -> Floats:
    """p = 1 / (1 + exp(-log_odds)), without overflow: exp is only taken of what is not positive."""
    odds = log_odds.astype(np.float64)
    small = np.exp(-np.abs(odds))
    return np.where(odds >= 0, 1 / (1 + small), small / (1 + small))


def losses(log_odds: NDArray[np.floating]) -> Floats:
    """-log p = softplus(-log_odds) = max(-log_odds, 0) + log(1 + exp(-|log_odds|)): exact in both tails."""
    odds = log_odds.astype(np.float64)
    return np.maximum(-odds, 0) + np.log1p(np.exp(-np.abs(odds)))


def mean_accuracy(correct: Bools) -> Floats:
    """The share of epochs after which the example was right.

    Source: Jiang et al. 2021, 'Characterizing structural regularities of labeled data in overparameterized models',
    arXiv 2002.03206, where it is called the cumulative binary training loss. Swayamdipta et al. 2020, arXiv 2009.10795,
    call the number of such epochs correctness.
    """
    return correct.mean(axis=0, dtype=np.float64)


def mean_confidence(log_odds: NDArray[np.floating]) -> Floats:
    """The mean over epochs of the probability p of the label.

    Source: cprox of Jiang et al. 2021, arXiv 2002.03206; the confidence of Swayamdipta et al. 2020, 'Dataset
    cartography: mapping and diagnosing datasets with training dynamics', arXiv 2009.10795.
    """
    return probabilities(log_odds).mean(axis=0)


def variability(log_odds: NDArray[np.floating]) -> Floats:
    """The standard deviation over epochs of the probability p of the label, with E in the denominator.

    Source: Swayamdipta et al. 2020, arXiv 2009.10795; their code, too, takes the population's.
    """
    return probabilities(log_odds).std(axis=0)


def forgetting_events(correct: Bools, never_learnt: float) -> Floats:
    """How often the example was right after one epoch and wrong after the next; `never_learnt` if it never was right.

    Source: Toneva et al. 2019, 'An empirical study of example forgetting during deep neural network learning', arXiv
    1812.05159. There an example that is never learnt is said to be forgotten infinitely often ("forgetting-infinity");
    their code counts it as E, the number of epochs ("forgetting", the default). The code of Swayamdipta et al. 2020 has
    1000 ("forgetting-1000"). What only counts transitions, as nn_example_difficulty does, gives 0 ("forgetting-0"), as
    if what is never learnt were easy.
    """
    events = (correct[:-1] & ~correct[1:]).sum(axis=0)
    return np.where(correct.any(axis=0), events.astype(np.float64), never_learnt)


def learning_time(correct: Bools) -> Floats:
    """The first epoch, from 1, from which on the example is always right; E + 1 where it is wrong after the last.

    It is the last epoch after which the example was wrong, and 1. Source: Toneva et al. 2019, arXiv 1812.05159, whose
    code has that last epoch itself (0 where none); so has nn_example_difficulty. Baldock et al. 2021, arXiv 2106.09647,
    ask whether the final prediction was reached for good, right or wrong; for training examples that end right this is
    the same.
    """
    epochs = len(correct)
    since = (~correct[::-1]).argmax(axis=0)  # epochs at the end without an error
    return np.where(correct.all(axis=0), 1.0, (epochs + 1.0) - since)


def first_right(correct: Bools) -> Floats:
    """The first epoch, from 1, after which the example is right; E + 1 where none.

    A variant of the learning time. Source: Toneva et al. 2019, arXiv 1812.05159, whose code counts from 0 and has no
    number where there is none.
    """
    return np.where(correct.any(axis=0), correct.argmax(axis=0) + 1.0, len(correct) + 1.0)


def cumulative_loss(log_odds: NDArray[np.floating]) -> Floats:
    """The sum over epochs of the cross-entropy, in nats.

    Source: Ravikumar et al. 2025, 'Towards memorization estimation: fast, formal and free', there cumulative sample
    loss, summed over the training epochs.
    """
    return losses(log_odds).sum(axis=0)


def final_loss(log_odds: NDArray[np.floating]) -> Floats:
    """The cross-entropy after the last epoch, in nats."""
    return losses(log_odds[-1])


def final_margin(log_odds: NDArray[np.floating]) -> Floats:
    """The log-odds after the last epoch: log p_y - log sum_{y' != y} p_y', in nats.

    Source: Carlini et al. 2022, arXiv 2112.03570, who call it phi. Others mean by margin the difference to the largest
    other logit (Pleiss et al. 2020, arXiv 2001.10528) or, in nn_example_difficulty, probability. Log-odds are at most
    the first of these, and at least it less log(C - 1) for C classes.
    """
    return log_odds[-1].astype(np.float64)
