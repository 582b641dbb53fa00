"""What `memscope demo` has shown, on one screen: a few sentences with numbers, one table, and where the files are."""

from memscope.analysis.statistics.clear import clear
from memscope.findings import score
from memscope.findings.numbers import percent, percent_with_error, signed
from memscope.findings.screen import Remark, Screen, command
from memscope.findings.trajectories import surely_there
from memscope.findings.words import drawn, listed
from memscope.reports.demo import Demonstration
from memscope.reports.evidence import Estimate
from memscope.reports.score import ScoreReport
from memscope.reports.trajectories import TrajectoriesReport


def screen(shown: Demonstration) -> Screen:
    evidence = shown.scores.evidence
    assert evidence is not None
    files = [
        Remark(f"Open {shown.page} in a browser: findings, figures and every image."),
        drawn([str(figure) for figure in shown.figures]),
        Remark(f"{shown.suspects} lists the {shown.suspect_count} labels that networks trained without them dispute."),
        Remark(f"All results: {shown.run / 'trajectories.h5'}, or memscope.open_run({str(shown.run)!r}) in Python."),
    ]
    return Screen(sentences(shown), score.grid(shown.scores, evidence), files, [command("Next", "score", shown.run)])


def sentences(shown: Demonstration) -> list[str]:
    """What the reader has just seen: how it was made, three findings, and what else there is to look at."""
    scores = shown.scores
    rows, axis = scores.sizes, scores.axis
    taught = sum(row.models for row in shown.students.settings[0].students)
    return [
        f"{sum(row.models for row in rows)} networks were trained ({taught} students and {len(rows)} on all the data "
        f"beside them), {rows[-1].models} at each {axis}, each on a random {scores.fraction:.0%} of "
        f"{scores.examples:,} images of which {scores.flipped} carry a wrong label. An image is memorised as far as "
        "networks get it right only if they were trained on it.",
        f"1. {of_size(scores)} {of_types(shown.types)}",
        f"2. {of_labels(shown)}",
        f"3. {of_students(shown)}",
        besides(shown),
    ]


def of_size(scores: ScoreReport) -> str:
    """How the mean score changes with size, and for whom."""
    axis, first, last = scores.axis, scores.sizes[0], scores.sizes[-1]
    assert scores.evidence is not None
    assert first.flipped is not None
    assert last.flipped is not None
    whole = scores.evidence.mean.whole
    told = "Larger networks memorise more: the" if clear(whole) and whole.value > 0 else "The"
    return (
        f"{told} mean score goes from {first.mean_score:.2f} at {axis} {first.size} to {last.mean_score:.2f} at {axis} "
        f"{last.size} ({signed(whole.value, whole.error)}), for the flipped labels from "
        f"{first.flipped.mean_score_flipped:.2f} to {last.flipped.mean_score_flipped:.2f}, for the others from "
        f"{first.flipped.mean_score_clean:.2f} to {last.flipped.mean_score_clean:.2f}. Test accuracy goes from "
        f"{first.test_accuracy:.1%} to {last.test_accuracy:.1%}."
    )


def of_labels(shown: Demonstration) -> str:
    """How well memorisation, and networks that have not seen an image, find its wrong label."""
    axis, first, last = shown.scores.axis, shown.scores.sizes[0], shown.scores.sizes[-1]
    assert first.flipped is not None
    assert last.flipped is not None
    over = Estimate(value=last.flipped.auc_score - 0.5, error=last.flipped.auc_score_error, blocks=last.blocks)
    told = "The score finds wrong labels: at" if clear(over) and over.value > 0 else "At"
    return (
        f"{told} {axis} {last.size} a flipped label has a higher score than another in "
        f"{percent_with_error(last.flipped.auc_score, last.flipped.auc_score_error)} of all pairs (by chance: 50%; at "
        f"{axis} {first.size}, which cannot memorise: {percent(first.flipped.auc_score)}). Of the first "
        f"{shown.suspects_looked_at} suspects, labels that networks trained without them dispute, "
        f"{shown.suspects_flipped} were flipped."
    )


def of_students(shown: Demonstration) -> str:
    """Whether students of a larger network memorise less."""
    setting, axis = shown.students.settings[0], shown.scores.axis
    most = min(setting.students, key=lambda row: row.mean_change_flipped)
    onehot, distilled = most.onehot, most.distilled
    assert onehot.by_label is not None
    assert distilled.by_label is not None
    change = Estimate(value=most.mean_change, error=most.mean_change_error, blocks=most.blocks)
    less = clear(change) and change.value < 0
    told = "Students of a larger network memorise less" if less else "Of students of a larger network"
    return (
        f"{told}: taught by {axis} {setting.teacher} on the same images, networks of {axis} {most.size} score "
        f"{distilled.by_label.mean_score_flipped:.2f} in place of {onehot.by_label.mean_score_flipped:.2f} on the "
        f"flipped labels and {distilled.by_label.mean_score_clean:.2f} in place of "
        f"{onehot.by_label.mean_score_clean:.2f} on the others ({signed(change.value, change.error)} in the mean). "
        f"Their test accuracy goes from {onehot.test_accuracy:.1%} to {distilled.test_accuracy:.1%}."
    )


def of_types(types: TrajectoriesReport) -> str:
    """What trajectories there are: in the fitted population where it is told, else as far as they can be called."""
    if types.population_check.passed:
        undecided = types.population.called["undetermined"]
        return (
            f"In the population that is fitted to the images, {listed(surely_there(types))}; for {percent(undecided)} "
            "of the images the type cannot be told."
        )
    called = types.all_sizes.called
    return (
        f"The score of {called['increasing']:.0%} of the images can be called increasing with {types.axis}; "
        f"{max(types.models)} models of each {types.axis} cannot tell for {called['undetermined']:.0%}."
    )


def besides(shown: Demonstration) -> str:
    """What residual memories tell."""
    axis, first, last = shown.scores.axis, shown.scores.sizes[0], shown.scores.sizes[-1]
    memories = {row.size: row.change for row in shown.memories.sizes}
    small, large = memories[first.size], memories[last.size]
    assert small is not None
    assert large is not None
    predicted = next(pair for pair in shown.memories.foretells if (pair.size, pair.larger) == (first.size, last.size))
    return (
        f"Besides, a memory of its residuals (ResMem) changes the test accuracy of {axis} {first.size} by "
        f"{100 * small.test_change:+.1f} points, of {axis} {last.size} by {100 * large.test_change:+.1f} (standard "
        f"deviation over networks {100 * small.test_change_sd:.1f} and {100 * large.test_change_sd:.1f}); the residual "
        f"of an image at {axis} {first.size} has a rank correlation of {predicted.correlation:.2f} with its score at "
        f"{axis} {last.size}."
    )
