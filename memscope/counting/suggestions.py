"""Suggested labels: the most frequent prediction for an example by models that were not trained on it."""

from collections.abc import Mapping, Sequence

import numpy as np

from memscope.reports.evidence import Disputed
from memscope.run import Run
from memscope.store.ledger import Outcome, Task

VOTES_AT_A_TIME = 2**28
"""Bytes of votes [examples, classes] held at once; more examples than fit are counted in several passes."""


class Votes:
    """How many models of one size predict each class of each example that they were not trained on."""

    def __init__(self, run: Run, first: int = 0) -> None:
        """Votes for as many examples, from `first` on, as are counted at once."""
        examples, classes = len(run.examples.labels), len(run.examples.class_names)
        last = min(examples, first + max(1, VOTES_AT_A_TIME // (2 * classes)))
        self.here = slice(first, last)
        self.votes = np.zeros((last - first, classes), dtype=np.uint16)

    def add(self, task: Task, outcome: Outcome, good: np.ndarray) -> None:
        """Count the predictions of the good models, bool [models]."""
        for model in np.flatnonzero(good):
            out = np.flatnonzero(~outcome.in_subset[model, self.here])
            self.votes[out, outcome.predicted_train[model, self.here][out]] += 1  # one vote per example: no index twice


def suggested_labels(run: Run, size: int, votes: Votes) -> tuple[np.ndarray, np.ndarray]:
    """For each example the most frequent prediction of the models trained without it, and its share.

    int64 [N] and float64 [N]; -1 and NaN where every model saw the example; of equally frequent classes the lowest.
    `votes` are those for the first examples, counted while the ledger was read for other things; the remaining
    examples take passes of their own.
    """
    num_examples = len(run.examples.labels)
    labels, shares = np.full(num_examples, -1), np.full(num_examples, np.nan)
    while True:
        counted = votes.votes
        total = counted.sum(1, dtype=np.int64)
        known = total > 0
        labels[votes.here] = np.where(known, counted.argmax(1), -1)
        shares[votes.here] = np.where(known, counted.max(1) / np.maximum(total, 1), np.nan)
        if votes.here.stop == num_examples:
            return labels, shares
        votes = Votes(run, votes.here.stop)
        for task, outcome in run.outcomes(size):
            votes.add(task, outcome, ~outcome.diverged)


def disputed_by(run: Run, size: int) -> np.ndarray:
    """bool [N]: whether the models of one size that were not trained on an example most often predict another label."""
    votes = Votes(run)
    for task, outcome in run.outcomes(size):
        votes.add(task, outcome, ~outcome.diverged)
    suggested, _ = suggested_labels(run, size, votes)
    return (suggested >= 0) & (suggested != run.examples.labels)


COLUMNS = ("suggested_label", "suggested_share", "accuracy_out", "score", "probability_out")


def suspects(labels: np.ndarray, found: Mapping[str, np.ndarray]) -> np.ndarray:
    """Positions of the examples for which held-out models agree on another label, most suspect first.

    `found` are arrays [N] of one size: `suggested_label`, `suggested_share`, `accuracy_out`, `score` and
    `probability_out`. The first have the lowest probability of the given label, in the mean over the models that did
    not see the example: of 40 such models few give the same, while many tie in what they predict. Ties, and all where a
    trainer gave no probabilities, go by the lead of the suggested label over the given one, then by the score.
    """
    suggested = found["suggested_label"]
    candidates = np.flatnonzero((suggested >= 0) & (suggested != labels))
    share, out, score, probability = (
        found[name][candidates] for name in ("suggested_share", "accuracy_out", "score", "probability_out")
    )
    return candidates[np.lexsort((candidates, -score, out - share, np.nan_to_num(probability)))]


def disputed(
    run: Run, sizes: Sequence[int], test_accuracy: Sequence[float], columns: Mapping[str, Sequence[np.ndarray]]
) -> Disputed:
    """How many labels the held-out models dispute, at the size that is best on the test examples.

    `columns` has the arrays of `suspects` by name and size.
    """
    best = int(np.argmax(test_accuracy))
    examples = run.examples
    order = suspects(examples.labels, {name: columns[name][best] for name in COLUMNS})
    first = None if examples.flipped is None else order[: int(examples.flipped.sum())]
    return Disputed(
        size=sizes[best],
        labels=len(order),
        first=None if first is None else len(first),
        first_flipped=None if first is None or examples.flipped is None else int(examples.flipped[first].sum()),
    )
