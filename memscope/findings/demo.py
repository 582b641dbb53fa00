"""What `memscope demo` has shown, on one screen: a few sentences with numbers, one table, and where the files are."""

from memscope.findings import score
from memscope.findings.screen import Remark, Screen, command
from memscope.findings.words import drawn
from memscope.steps.demo import Demonstration


def screen(shown: Demonstration) -> Screen:
    evidence = shown.scores.evidence
    assert evidence is not None
    files = [
        drawn([str(figure) for figure in shown.figures]),
        Remark(f"{shown.suspects} lists the {shown.suspect_count} labels that networks trained without them dispute."),
        Remark(f"All results: {shown.run / 'trajectories.h5'}, or memscope.open_run({str(shown.run)!r}) in Python."),
    ]
    return Screen(sentences(shown), score.grid(shown.scores, evidence), files, [command("Next", "score", shown.run)])


def sentences(shown: Demonstration) -> list[str]:
    """What the reader has just seen."""
    scores, types = shown.scores, shown.types
    rows, axis = scores.sizes, scores.axis
    first, last = rows[0], rows[-1]
    assert types.flipped_types is not None
    flipped, called = types.flipped_types.flipped.called, types.all_sizes.called
    first_flipped, last_flipped = first.flipped, last.flipped
    assert first_flipped is not None
    assert last_flipped is not None
    taught = sum(row.models for row in shown.students.settings[0].students)
    memories = {row.size: row.change for row in shown.memories.sizes}
    small, large = memories[first.size], memories[last.size]
    assert small is not None
    assert large is not None
    predicted = next(pair for pair in shown.memories.foretells if (pair.size, pair.larger) == (first.size, last.size))
    setting = shown.students.settings[0]
    most = min(setting.students, key=lambda row: row.mean_change_flipped)
    onehot, distilled = most.onehot, most.distilled
    assert onehot.by_label is not None
    assert distilled.by_label is not None
    return [
        f"{sum(row.models for row in rows)} networks were trained ({taught} students and {len(rows)} on all the data "
        f"beside them), {last.models} at each {axis}, each on a random {scores.fraction:.0%} of {scores.examples:,} "
        f"images of which {scores.flipped} carry a wrong label. An image is memorised as far as networks get it right "
        "only if they were trained on it.",
        f"From {axis} {first.size} to {last.size} the mean memorisation score goes from {first.mean_score:.2f} to "
        f"{last.mean_score:.2f}: {first_flipped.mean_score_flipped:.2f} to {last_flipped.mean_score_flipped:.2f} for "
        f"the flipped labels, {first_flipped.mean_score_clean:.2f} to {last_flipped.mean_score_clean:.2f} for the "
        f"others, while test accuracy goes from {first.test_accuracy:.1%} to {last.test_accuracy:.1%}.",
        f"The score of {flipped['increasing']:.0%} of the flipped labels can be called increasing with {axis}. Of all "
        f"images {called['increasing']:.0%} can, {called['decreasing']:.0%} are called decreasing, "
        f"{called['constant']:.0%} constant, and {called['undetermined']:.0%} cannot be told with {last.models} models "
        f"of each {axis}.",
        f"At {axis} {last.size} a flipped label has a higher score than another in {last_flipped.auc_score:.0%} of all "
        f"pairs, at {axis} {first.size} in {first_flipped.auc_score:.0%} (by chance: 50%): small networks cannot "
        "memorise.",
        f"A memory of its residuals (ResMem) changes the test accuracy of {axis} {first.size} by "
        f"{100 * small.test_change:+.1f} points, of {axis} {last.size} by {100 * large.test_change:+.1f} (standard "
        f"deviation over networks {100 * small.test_change_sd:.1f} and {100 * large.test_change_sd:.1f}). The residual "
        f"of an image at {axis} {first.size} has a rank correlation of {predicted.correlation:.2f} with its "
        f"memorisation at {axis} {last.size}.",
        f"Taught by {axis} {setting.teacher} on the same images, networks of {axis} {most.size} score "
        f"{distilled.by_label.mean_score_flipped:.2f} in place of {onehot.by_label.mean_score_flipped:.2f} on the "
        f"flipped labels and {distilled.by_label.mean_score_clean:.2f} in place of "
        f"{onehot.by_label.mean_score_clean:.2f} on the others; their test accuracy goes from "
        f"{onehot.test_accuracy:.1%} to {distilled.test_accuracy:.1%}.",
    ]
