"""What `memscope influence RUN --remove N` and `--peel N` are asked for, and the sets of examples that follow from it.

Which examples are removed follows from the scores of RUN, and from the pairs that `memscope influence` lists; both must
be of all its models when the choice is made, as it stays.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.removal import FEWEST_SETS, choose_removal, filled
from memscope.analysis.statistics.crossed import units_of
from memscope.errors import OptionError, RunError
from memscope.reports.influence import InfluenceReport
from memscope.reports.keys import report_of
from memscope.reports.results import RESULTS
from memscope.run import Run
from memscope.store.ledger import missing_tasks, state_for
from memscope.store.listed_pairs import Listed, ListedPairs, pairs_by_size
from memscope.store.results import read_results, results_path
from memscope.streams import permutation, stream

ALL, MOST, LEAST, PAIRS = "all", "most", "least", "pairs"
RANDOM, MATCHED = "random", "matched"


MOST_SETS = 1000
LAST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Removing:
    """What is asked for; None: the default."""

    count: int
    """Examples that are removed"""
    size: int | None = None
    """Whose scores say which are memorised; by default the largest"""
    sets: int | None = None
    """Random sets; by default five, or as many as there are"""
    models: int | None = None
    """Of each size and arm, in whole blocks; by default one block, or as many as there are"""
    seed: int | None = None
    """Of the random sets and of all models; by default the run's and one"""


def check_removing(run: Run, asked: Removing) -> None:
    """OptionError for what cannot be asked for, whatever the scores are."""
    if asked.count < 1:
        raise OptionError(f"{asked.count} examples are to be removed; it must be at least 1")
    if asked.sets is not None and asked.sets < FEWEST_SETS:
        raise OptionError(f"--sets is {asked.sets}; random sets must be at least {FEWEST_SETS} to compare with")
    if asked.sets is not None and asked.sets > MOST_SETS:
        raise OptionError(f"--sets is {asked.sets:,}; random sets may be at most {MOST_SETS:,}, each an arm to train")
    if asked.models is not None and asked.models < 1:
        raise OptionError(f"--arm-models is {asked.models}; it must be at least 1")
    if asked.seed is not None and not 0 <= asked.seed <= LAST_SEED:
        raise OptionError(f"--arm-seed is {asked.seed}; it must be 0 to {LAST_SEED}")
    if asked.seed == run.plan.seed:
        raise OptionError(
            f"--arm-seed is {asked.seed}, the seed of {run.path}, so that models would be those by which examples were "
            "chosen; take another"
        )


def seed_of(run: Run, asked: Removing) -> int:
    """Of the models and the random sets."""
    seed = run.plan.seed + 1 if asked.seed is None else asked.seed
    if seed > LAST_SEED:
        raise OptionError(f"--arm-seed would be {seed}; it must be at most {LAST_SEED}; give another")
    return seed


def chosen_sets(
    run: Run,
    scores: NDArray[np.float64],
    count: int,
    sets: int,
    seed: int,
    pairs: ListedPairs | None,
    kept: dict[str, NDArray[np.bool_]],
) -> dict[str, NDArray[np.bool_]]:
    """By the name of every arm what it is trained without, bool [N]; what is `kept` of before stays."""
    labels, flipped, units = run.examples.labels, run.examples.flipped, units_of(run.examples.near_group)
    if MOST in kept:
        scores = scores.copy()
        scores[kept[MOST]] = 2.0  # above all scores: they were the most memorised when they were chosen
    found = choose_removal(scores, labels, units, count, sets=sets, seed=seed)
    arms = {ALL: np.zeros(len(labels), dtype=bool), MOST: found.most, LEAST: found.least}
    if pairs is not None and len(pairs.train):
        arms[PAIRS] = set_of_pairs(pairs, labels, units, found.most, seed)
    arms |= {f"{RANDOM}-{number}": one for number, one in enumerate(found.random, 1)}
    if flipped is not None and flipped.any():
        matched = choose_removal(scores, labels, units, count, flipped=flipped, sets=sets, seed=seed).random
        arms |= {f"{MATCHED}-{number}": one for number, one in enumerate(matched, 1)}
    return {name: kept.get(name, removed) for name, removed in arms.items()}


def set_of_pairs(
    pairs: ListedPairs, labels: NDArray[np.int64], units: NDArray[np.int64], most: NDArray[np.bool_], seed: int
) -> NDArray[np.bool_]:
    """bool [N]: training examples of pairs, the strongest first, as many of each class as `most` has; where a class has
    too few, random others of it."""
    classes, unit = (np.unique(values, return_inverse=True)[1] for values in (labels, units))
    strongest = unit[pairs.train[np.argsort(-pairs.chosen_by, kind="stable")]]
    # one after the other, each unit once
    order = np.array(list(dict.fromkeys([*strongest, *permutation(stream("removal fill", seed), int(unit.max()) + 1)])))
    found = filled(order, unit, classes, np.bincount(classes[most], minlength=int(classes.max()) + 1))
    if found is None:
        raise OptionError(
            f"no whole groups of copies of the examples of pairs make up {int(most.sum())}; take another number"
        )
    return found


def check_scores(run: Run) -> None:
    """RunError unless the scores rest on all the models that are planned: what is chosen by them stays."""
    missing = sum(task.count for task in missing_tasks(run.path, run.plan))
    if missing:
        raise RunError(
            f"{run.path} lacks {missing:,} of its planned models, and what is removed is chosen once, by the scores of "
            f"all; train them first: memscope train-family {run.path}"
        )
    if read_results(run.path, "score", run.plan)[1] != state_for(run.path, run.plan, RESULTS["score"]):
        raise RunError(
            f"the scores of {run.path} are of fewer models than there are, and what is removed is chosen once, by the "
            f"scores of all; run memscope score {run.path}"
        )


def listed_pairs(run: Run) -> Listed:
    """The helpful pairs that are listed now; of no size where `memscope influence` has not been run."""
    path = results_path(run.path, "influence")
    if not path.is_file():
        return Listed()
    values, _, summary = read_results(run.path, "influence", run.plan)
    try:
        by_size = pairs_by_size(values, len(run.examples.labels), len(run.examples.test_labels))
        report = report_of(InfluenceReport, summary)
    except (KeyError, ValueError) as error:
        raise RunError(f"{path}: {error.args[0]}; make it again with memscope influence {run.path}") from error
    return Listed(report.threshold, report.memorised, report.all_classes, by_size)


def check_pairs(run: Run) -> None:
    """RunError where pairs are known, but not of all the models that are there: they are fixed with the choice."""
    if not results_path(run.path, "influence").is_file():
        return
    if read_results(run.path, "influence", run.plan)[1] != state_for(run.path, run.plan, RESULTS["influence"]):
        raise RunError(
            f"the pairs of {run.path} are not of the models that there are now, and they are fixed when it is chosen "
            f"what is removed; run memscope influence {run.path}"
        )
