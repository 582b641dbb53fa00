"""`memscope demo` in print: what the reader has just seen, in a few sentences."""

from memscope.steps.demo import Demonstration
from memscope.tables.distill import show_students
from memscope.tables.printing import headline, say
from memscope.tables.resmem import show_subsets
from memscope.tables.score import show_scores
from memscope.tables.trajectories import show_types


def show(shown: Demonstration) -> None:
    """All that the command prints."""
    show_scores(shown.scores)
    show_types(shown.types)
    show_subsets(shown.memories)
    show_students(shown.students)
    tell(shown)


def tell(shown: Demonstration) -> None:
    """What the reader has just seen, in a few sentences with numbers, and where the files are."""
    scores, types = shown.scores, shown.types
    rows, axis = scores.sizes, scores.axis
    first, last = rows[0], rows[-1]
    assert types.flipped_types is not None
    flipped, called = types.flipped_types.flipped.called, types.all_sizes.called
    headline("What you have just seen")
    first_flipped, last_flipped = first.flipped, last.flipped
    assert first_flipped is not None
    assert last_flipped is not None
    taught = sum(row.models for row in shown.students.settings[0].students)
    say(
        f"{sum(row.models for row in rows)} networks were trained ({taught} students and "
        f"{len(rows)} on all the data beside them), {last.models} at each {axis}, each on a random "
        f"{scores.fraction:.0%} of {scores.examples} images of which {scores.flipped} carry a wrong label. An "
        "example is memorised as far as a network gets it right only if it was trained on it."
    )
    say(
        f"From {axis} {first.size} to {last.size} the mean memorisation score goes from "
        f"{first.mean_score:.2f} to "
        f"{last.mean_score:.2f}: {first_flipped.mean_score_flipped:.2f} to "
        f"{last_flipped.mean_score_flipped:.2f} for the flipped "
        f"labels, {first_flipped.mean_score_clean:.2f} to {last_flipped.mean_score_clean:.2f} for the others, "
        "while test accuracy goes "
        f"from {first.test_accuracy:.1%} to {last.test_accuracy:.1%}."
    )
    say(
        f"Of the flipped labels {flipped['increasing']:.0%} are called increasing with "
        f"{axis}; of all examples "
        f"{called['increasing']:.0%} are called increasing, {called['decreasing']:.0%} decreasing, "
        f"{called['constant']:.0%} "
        f"constant, and {called['undetermined']:.0%} cannot be told apart with {last.models} models of each {axis}."
    )
    say(
        f"As a detector of the flipped labels the score at {axis} {last.size} has an area under the ROC curve of "
        f"{last_flipped.auc_score:.2f}, at {axis} {first.size} of {first_flipped.auc_score:.2f}: small "
        "networks cannot memorise. "
        f"{shown.suspects} lists the {shown.suspect_count} labels that the networks trained without them dispute."
    )
    memories = {row.size: row.change for row in shown.memories.sizes}
    small, large = memories[first.size], memories[last.size]
    assert small is not None
    assert large is not None
    predicted = next(pair for pair in shown.memories.foretells if (pair.size, pair.larger) == (first.size, last.size))
    say(
        f"A memory of its residuals (ResMem) changes the test accuracy of {axis} {first.size} by "
        f"{100 * small.test_change:+.1f} points, of {axis} {last.size} by {100 * large.test_change:+.1f} "
        f"(standard deviation over networks {100 * small.test_change_sd:.1f} and "
        f"{100 * large.test_change_sd:.1f}). The residual that an image has at {axis} {first.size} has a rank "
        f"correlation of {predicted.correlation:.2f} with its memorisation at {axis} {last.size}."
    )
    setting = shown.students.settings[0]
    most = min(setting.students, key=lambda row: row.mean_change_flipped)
    onehot, distilled = most.onehot, most.distilled
    assert onehot.by_label is not None
    assert distilled.by_label is not None
    say(
        f"Taught by {axis} {setting.teacher} on the same images, networks of {axis} {most.size} score "
        f"{onehot.by_label.mean_score_flipped:.2f} -> {distilled.by_label.mean_score_flipped:.2f} on the flipped "
        f"labels and {onehot.by_label.mean_score_clean:.2f} -> {distilled.by_label.mean_score_clean:.2f} on the "
        f"others; their test accuracy goes from {onehot.test_accuracy:.1%} to "
        f"{distilled.test_accuracy:.1%}."
    )
    say(f"Figures: {', '.join(str(figure) for figure in shown.figures)}")
    say(
        f"All results in one file: {shown.run / 'trajectories.h5'}; open the run in Python: "
        f"memscope.open_run({str(shown.run)!r})"
    )
