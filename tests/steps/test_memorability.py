"""`memscope memorability`: what it reports is what the files of the run say; a source is given once."""

import shutil

import numpy as np
import pytest

from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.within import within_correlation
from memscope.errors import OptionError, RunError
from memscope.findings.memorability import screen
from memscope.reports.keys import keys_of, report_of
from memscope.reports.memorability import MemorabilityReport
from memscope.run import open_run
from memscope.steps.memorability import draw_memorability_figures, memorability
from memscope.steps.status import status
from memscope.store.results import read_results
from memscope.work.memorability import Source


def table(path, values):
    path.write_text("index,score\n" + "".join(f"{index},{value}\n" for index, value in values))
    return path


@pytest.fixture
def run(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    return tmp_path / "run"


def scores_of(run, values, name="people.csv"):
    return table(run.parent / name, zip(open_run(run).examples.index, values, strict=True))


def measured(run, size):
    """The score and accuracy out [N], by plain sums over the ledger."""
    opened = open_run(run)
    found = [outcome for _, outcome in opened.outcomes(size)]
    inside = np.concatenate([one.in_subset for one in found])
    right = np.concatenate([one.predicted_train for one in found]) == opened.examples.labels
    out = (right & ~inside).sum(0) / (~inside).sum(0)
    return (right & inside).sum(0) / inside.sum(0) - out, out


def test_correlations_are_those_of_the_ledger_over_all_and_within_classes(run):
    values = np.random.default_rng(0).random(120)
    found = memorability(run, Source(scores=scores_of(run, values)))
    classes = open_run(run).examples.true_labels  # what the images show, where labels were flipped
    assert [row.size for row in found.sizes] == [2, 4, 8]
    for row in found.sizes:
        for beside, other in zip((row.score, row.accuracy_out), measured(run, row.size), strict=True):
            assert beside.overall.value == pytest.approx(rank_correlation(values, other))
            assert beside.within.value == pytest.approx(within_correlation(values, other, classes))
            assert beside.overall.low <= beside.overall.value <= beside.overall.high
        assert (row.models, row.examples) == (20, 120)
    assert (found.kind, found.source, found.known, found.classes) == ("scores", "people.csv", 120, 4)
    assert found.corners_at == 8
    assert sum(one.examples for one in found.by_type) == 120


def test_images_of_no_score_are_left_out_and_counted(run):
    values = np.random.default_rng(0).random(120)
    half = table(run.parent / "half.csv", list(zip(open_run(run).examples.index, values, strict=True))[:60])
    found = memorability(run, Source(scores=half), size=4)
    assert (found.known, found.corners_at) == (60, 4)
    score, _ = measured(run, 4)
    assert found.sizes[1].examples == 60
    assert found.sizes[1].score.overall.value == pytest.approx(rank_correlation(values[:60], score[:60]))


def test_what_was_found_is_stored_with_memorability_and_score_of_every_example(run):
    values = np.random.default_rng(0).random(120)
    found = memorability(run, Source(scores=scores_of(run, values)))
    arrays, _, summary = read_results(run, "memorability", open_run(run).plan)
    assert keys_of(report_of(MemorabilityReport, summary)) == keys_of(found)
    assert arrays["memorability"] == pytest.approx(values)
    assert arrays["score"][1] == pytest.approx(measured(run, 4)[0])
    assert arrays["spearman"].tolist() == [row.score.overall.value for row in found.sizes]
    assert arrays["accuracy_out_within_spearman_low"].tolist() == pytest.approx(
        [row.accuracy_out.within.low for row in found.sizes], nan_ok=True
    )
    assert open_run(run).results("memorability")["example"].tolist() == list(range(120))


def test_without_a_source_it_is_that_of_the_last_time_though_the_file_has_gone(run):
    file = scores_of(run, np.random.default_rng(0).random(120))
    first = memorability(run, Source(scores=file))
    file.unlink()
    assert keys_of(memorability(run)) == keys_of(first)
    assert status(run).results["memorability"] == "current"
    assert "memorability" not in status(run).not_yet


def test_without_any_source_the_ways_to_one_are_named_and_nothing_is_written(run):
    assert "--scores" in status(run).not_yet["memorability"]
    with pytest.raises(OptionError, match=r"--predictor resmem .* --predictor vitmem --weights FILE, or --scores FILE"):
        memorability(run)
    assert not (run / "results" / "memorability.h5").exists()


def test_a_size_that_there_is_not_is_refused_with_those_that_there_are(run):
    with pytest.raises(OptionError, match=r"--size is 3, no width of .* it has \[2, 4, 8\]"):
        memorability(run, Source(scores=scores_of(run, range(120))), size=3)


def test_a_run_without_a_whole_block_says_what_trains_one(run):
    for size, block in ((4, 0), (8, 1)):
        for file in (run / "outcomes" / "onehot" / f"width-{size}").glob("*.h5"):
            if int(file.name[:5]) // 10 == block:
                file.unlink()
    with pytest.raises(RunError, match=r"no block of 10 models that every width has whole; .*train-family"):
        memorability(run, Source(scores=scores_of(run, range(120))))


def test_figures_are_drawn_from_what_is_stored(run, tmp_path):
    found = memorability(run, Source(scores=scores_of(run, range(120))), plot=tmp_path / "figures")
    names = ["memorability.png", "memorability-score.png", "four_corners.png"]
    assert [picture.rsplit("/", 1)[1] for picture in found.figures] == names
    assert [path.name for path in draw_memorability_figures(run, tmp_path / "again")] == names


def test_values_that_are_all_the_same_are_no_error(run):
    found = memorability(run, Source(scores=scores_of(run, [1] * 120)), plot=run / "figures")
    assert np.isnan(found.sizes[0].score.overall.value)
    assert np.isnan(found.sizes[0].score.overall.low)


@pytest.mark.parametrize("known", [1, 2, 3, 5, 19])
def test_few_known_images_have_few_answers(run, known):
    few = table(run.parent / "few.csv", list(zip(open_run(run).examples.index, range(120), strict=True))[:known])
    found = memorability(run, Source(scores=few), plot=run / "figures")
    assert found.known == known
    assert len(found.figures) == (2 if known < 3 else 3)
    assert all(np.isnan(row.score.overall.error) for row in found.sizes)
    assert "cannot be held against the scores" in screen(found).findings[0]
