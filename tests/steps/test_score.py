import csv
import shutil
from collections.abc import Collection
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

import memscope
from memscope.analysis.trajectories import TYPES
from memscope.errors import MemscopeError, OptionError, RunError
from memscope.reports.keys import keys_of
from memscope.run import open_run
from memscope.steps.exports import export_suspects
from memscope.steps.score import fit_warnings, score
from memscope.steps.train_family import train_family
from memscope.steps.trajectories import trajectories
from memscope.store.ledger import outcome_path
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

pytestmark = pytest.mark.xdist_group("score")  # `scored` is made by one process

INLINE = WorkOptions(device="cpu", engine="inline")


@pytest.fixture(scope="module")
def scored(tiny_run, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("scored") / "run"
    shutil.copytree(tiny_run, path)
    score(path)
    trajectories(path)
    return path


def ledger_of(run: Path, width: int) -> dict[str, np.ndarray]:
    """All models of a width as plain arrays, read with h5py alone as docs/format.md tells it."""
    columns: dict[str, list[np.ndarray]] = {}
    for path in sorted((run / "outcomes" / "onehot" / f"width-{width}").glob("*.h5")):
        with h5py.File(path) as file:
            for name in ("in_subset", "predicted_train", "predicted_test", "log_odds_train"):
                columns.setdefault(name, []).append(file[name][()])
    found = {name: np.concatenate(arrays) for name, arrays in columns.items()}
    found["in_subset"] = np.unpackbits(found["in_subset"], axis=1, bitorder="little")[:, :120].astype(bool)
    return found


def labels_of(run: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with h5py.File(run / "examples.h5") as file:
        group = file["examples"]
        return group["label"][()], group["true_label"][()], group["test_label"][()]


@pytest.mark.parametrize("width", [2, 4, 8])
def test_scores_are_those_of_the_ledger_read_by_hand(scored, width):
    ledger, (labels, _, _) = ledger_of(scored, width), labels_of(scored)
    mask, correct = ledger["in_subset"], ledger["predicted_train"] == labels
    found = open_run(scored).scores(size=width)
    for example in range(120):
        inside, outside = correct[mask[:, example], example], correct[~mask[:, example], example]
        assert (len(inside), len(outside)) == (14, 6)
        assert found["accuracy_in"][example] == pytest.approx(inside.mean())
        assert found["accuracy_out"][example] == pytest.approx(outside.mean())
        assert found["score"][example] == pytest.approx(inside.mean() - outside.mean(), abs=1e-6)
        error = np.sqrt(inside.var() / 13 + outside.var() / 5)
        assert found["standard_error"][example] == pytest.approx(error, abs=1e-6)
        probability = 1 / (1 + np.exp(-ledger["log_odds_train"][:, example].astype(float)))
        soft = probability[mask[:, example]].mean() - probability[~mask[:, example]].mean()
        assert found["soft_score"][example] == pytest.approx(soft, abs=1e-5)


def test_the_suggested_label_is_the_most_frequent_held_out_prediction(scored):
    ledger = ledger_of(scored, 8)
    found = open_run(scored).scores(size=8)
    for example in range(120):
        votes = np.bincount(ledger["predicted_train"][~ledger["in_subset"][:, example], example], minlength=4)
        assert found["suggested_label"][example] == votes.argmax()
        assert found["suggested_share"][example] == pytest.approx(votes.max() / 6)


@pytest.mark.parametrize("probabilities", [True, False])
def test_suspects_go_by_the_probability_of_their_label_and_without_it_by_the_lead_then_the_score(
    tmp_path, probabilities
):
    known = np.array([[0.1, 0.4, 0.2, 0.2, 0.1]])
    found = {
        "size": np.array([4]),
        "test_accuracy": np.array([0.5]),
        "suggested_label": np.array([[1, 1, 1, 1, 0]]),  # the last agrees with its label
        "suggested_share": np.array([[0.5, 0.75, 0.5, 0.5, 1.0]]),
        "accuracy_out": np.array([[0.25, 0.25, 0.25, 0.25, 1.0]]),
        "score": np.array([[0.1, 0.2, 0.3, 0.4, 0.5]]),
        "probability_out": known if probabilities else np.full_like(known, np.nan),
        **dict.fromkeys(("standard_error", "interval_low", "interval_high"), np.zeros((1, 5))),
    }
    examples = SimpleNamespace(
        labels=np.zeros(5, dtype=int), index=np.arange(5), names=None, class_names=("shirt", "coat")
    )
    run = SimpleNamespace(results=lambda step: found, examples=examples)
    assert export_suspects(run, tmp_path / "suspects.csv") == (4, 4)
    with open(tmp_path / "suspects.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["example"]) for row in rows] == ([0, 3, 2, 1] if probabilities else [1, 3, 2, 0])
    assert rows[1]["probability_out"] == ("0.2" if probabilities else "")


def test_counting_votes_in_passes_over_the_examples_changes_nothing(scored, monkeypatch):
    expected = open_run(scored).scores(size=8)
    monkeypatch.setattr("memscope.counting.suggestions.VOTES_AT_A_TIME", 2 * 4 * 7)
    score(scored)
    found = open_run(scored).scores(size=8)
    for name in ("suggested_label", "suggested_share"):
        assert np.array_equal(found[name], expected[name])


def test_the_table_is_made_of_the_same_numbers(scored):
    summary = keys_of(score(scored))
    labels, true_labels, test_labels = labels_of(scored)
    for row in summary["sizes"]:
        ledger = ledger_of(scored, row["size"])
        correct = ledger["predicted_train"] == labels
        own = [correct[model, ledger["in_subset"][model]].mean() for model in range(20)]
        assert row["own_accuracy"] == pytest.approx(np.median(own))
        assert row["interpolates"] == (np.median(own) >= 0.99)
        assert row["test_accuracy"] == pytest.approx((ledger["predicted_test"] == test_labels).mean())
        scores = open_run(scored).scores(row["size"])["score"]
        flipped = labels != true_labels
        pairs = scores[flipped][:, None] - scores[~flipped][None]
        assert row["auc_score"] == pytest.approx(((pairs > 1e-6) + 0.5 * (abs(pairs) <= 1e-6)).mean())
        assert row["mean_score_error"] is None  # two blocks leave one degree of freedom, which is no error
        assert row["share_low_error"] is None
    assert summary["flipped"] == 12


def test_trajectories_are_those_of_the_scores(scored):
    run = open_run(scored)
    scores = run.results("score")["score"]
    found = run.results("trajectories")
    assert list(found["raw_type"]) == list(memscope.classify_trajectories(scores))
    assert list(found["type"]) == list(TYPES)
    assert np.allclose(found["probability"].sum(1), 1, atol=1e-6)
    best = found["probability"].argmax(1)
    for example in range(120):
        sure = found["probability"][example, best[example]] >= 0.8 - 1e-9
        assert found["called_type"][example] == (TYPES[best[example]] if sure else "undetermined")
    assert np.allclose(found["rise"], found["rise_from_in"] + found["rise_from_out"], atol=1e-6)


def test_shares_are_given_with_undetermined_apart_and_add_up(scored):
    shares = keys_of(trajectories(scored))["all_sizes"]
    for kind in ("raw", "if_all_flat", "called"):
        assert sum(shares[kind].values()) == pytest.approx(1)
    assert set(shares["called"]) == {*TYPES, "undetermined"}
    assert set(shares["raw"]) == set(TYPES)


def test_one_size_has_scores_and_no_trajectory(tiny_choices, tmp_path):
    train_family(tmp_path / "run", replace(tiny_choices, widths=(4,), models=10), INLINE)
    assert len(keys_of(score(tmp_path / "run"))["sizes"]) == 1
    with pytest.raises(RunError, match="a trajectory needs two; add sizes with"):
        trajectories(tmp_path / "run")


def test_an_incomplete_run_is_scored_with_what_is_there(tiny_run, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    for file in (path / "outcomes/onehot/width-8").glob("*.h5"):
        file.unlink()
    (path / "outcomes/onehot/width-4/00010-00019-r0.h5").unlink()
    assert [row["models"] for row in keys_of(score(path))["sizes"]] == [20, 10]


def test_scores_from_a_damaged_outcome_are_refused_and_the_old_ones_stay(scored, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(scored, path)
    run = open_run(path)
    before = (path / "results/score.h5").read_bytes()
    task = next(run.outcomes(4))[0]
    file = outcome_path(path, run.plan, task)
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(RunError, match="is damaged"):
        score(path)
    assert (path / "results/score.h5").read_bytes() == before


def test_models_trained_elsewhere_are_recorded_and_scored(tiny_npz, tmp_path):
    path = tmp_path / "run"
    choices = Choices(data=f"npz:{tiny_npz}", trainer="record", models=10, widths=(1, 2), fraction=0.5)
    assert train_family(path, choices, INLINE).trained == 0
    run = memscope.open_run(path)
    data = run.dataset()
    labels = np.concatenate([data.train_labels, data.test_labels])
    masks = []
    for size in (1, 2):
        for model in range(10):
            seen = run.subset(model)
            predictions = labels.copy()
            predictions[:120][~seen] = (predictions[:120][~seen] + 1) % 4  # right on what it saw and nowhere else
            run.record(size=size, model=model, predictions=predictions)
            masks.append(seen)
    assert (np.sum(masks, axis=0) == 10).all()
    summary = keys_of(score(path))
    assert (run.scores(size=2)["score"] == 1).all()
    assert summary["sizes"][0]["test_accuracy"] == 1
    assert keys_of(trajectories(path))["all_sizes"]["raw"]["constant"] == 1


def test_a_recorded_model_is_replaced_only_when_that_is_asked_for(tiny_npz, tmp_path):
    choices = Choices(data=f"npz:{tiny_npz}", trainer="record", models=10, widths=(1,))
    run = open_run(train_family(tmp_path / "run", choices, INLINE).run)
    run.record(size=1, model=0, predictions=np.zeros(160, dtype=int))
    with pytest.raises(RunError, match="model 0 already; give replace=True"):
        run.record(size=1, model=0, predictions=np.ones(160, dtype=int))
    assert (next(run.outcomes(1))[1].predicted_train == 0).all()
    run.record(size=1, model=0, predictions=np.ones(160, dtype=int), replace=True)
    assert (next(run.outcomes(1))[1].predicted_train == 1).all()


def test_a_run_of_other_peoples_models_is_not_called_by_our_family(tiny_npz, tmp_path):
    choices = Choices(data=f"npz:{tiny_npz}", trainer="record", models=10, widths=(1,))
    run = open_run(train_family(tmp_path / "run", choices, INLINE).run)
    for model in range(10):
        run.record(size=1, model=model, predictions=np.zeros(160, dtype=int))
    assert keys_of(score(tmp_path / "run"))["family"] == "models trained elsewhere"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"size": 3, "model": 0}, "width 3, model 0 is not in the plan"),
        ({"size": 1, "model": 10}, "model 10 is not in the plan"),
        ({"size": 1, "model": 0, "predictions": np.zeros(7, dtype=int)}, r"expected whole numbers, \[160\]"),
        ({"size": 1, "model": 0, "predictions": np.zeros(160)}, "predictions are float64"),
        ({"size": 1, "model": 0, "predictions": np.full(160, 4)}, "expected classes 0 to 3"),
        ({"size": 1, "model": 0, "log_odds": np.zeros(3)}, r"log_odds are \(3,\)"),
    ],
)
def test_a_recorded_model_that_does_not_fit_is_refused(tiny_npz, tmp_path, arguments, says):
    choices = Choices(data=f"npz:{tiny_npz}", trainer="record", models=10, widths=(1, 2))
    run = open_run(train_family(tmp_path / "run", choices, INLINE).run)
    with pytest.raises(MemscopeError, match=says):
        run.record(**({"predictions": np.zeros(160, dtype=int)} | arguments))
    assert not (tmp_path / "run" / "outcomes").exists()


def test_recorded_and_trained_models_are_never_mixed(tiny_run):
    with pytest.raises(RunError, match="trains its models by itself"):
        open_run(tiny_run).record(size=2, model=0, predictions=np.zeros(160, dtype=int))


def test_scores_of_a_size_that_is_not_there_name_those_that_are(scored):
    with pytest.raises(OptionError, match=r"no scores of width 3; it has \[2, 4, 8\]"):
        open_run(scored).scores(size=3)


def test_sizes_that_fit_less_than_a_smaller_one_and_stuck_models_are_flagged():
    rows = [
        SimpleNamespace(size=size, own_accuracy=own, stuck_models=stuck, models=10)
        for size, own, stuck in ((2, 0.6, 0), (4, 0.9, 1), (8, 0.8, 0), (16, 0.895, 0), (32, 1.0, 0))
    ]
    warnings = fit_warnings(rows, "width")
    assert [warning is not None for warning in warnings] == [False, True, True, False, False]
    assert "width 4 fits 90.0%" in warnings[2]
    assert "1 of 10 models" in warnings[1]


def test_diverged_models_are_left_out_and_counted(tiny_run, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    run = open_run(path)
    task, outcome = next(run.outcomes(4))
    from memscope.store.ledger import write_outcome

    lost = np.zeros(10, dtype=bool)
    lost[3] = True
    nonsense = outcome.predicted_train.copy()
    nonsense[3] = 0
    write_outcome(path, run.plan, task, replace(outcome, diverged=lost, predicted_train=nonsense))
    row = keys_of(score(path))["sizes"][1]
    assert (row["models"], row["diverged"], row["diverged_models"]) == (19, 1, [3])
    counts = run.scores(size=4)
    assert (counts["n_in"] + counts["n_out"] == 19).all()
    seen = run.subset(3)
    assert (counts["n_in"][seen] == 13).all()
    assert (counts["n_out"][~seen] == 5).all()


def test_scoring_reads_every_outcome_once_and_holds_one_at_a_time(tiny_run, monkeypatch, tmp_path):
    """Streams over the ledger: never more outcomes alive than the one being counted and the one being read."""
    import gc
    import weakref

    from memscope.store import ledger

    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0
    real = ledger.read_outcome

    def read(*arguments):
        nonlocal most
        gc.collect()
        most = max(most, sum(reference() is not None for reference in alive))
        outcome = real(*arguments)
        alive.append(weakref.ref(outcome.predicted_train))
        return outcome

    monkeypatch.setattr("memscope.run.read_outcome", read)
    score(path)
    assert len(alive) == 6  # every file of the ledger once
    assert most <= 1


@pytest.fixture(scope="module")
def forty(forty_run, tmp_path_factory) -> Path:
    """`forty_run`, to be scored."""
    path = tmp_path_factory.mktemp("forty") / "run"
    shutil.copytree(forty_run, path)
    return path


def accuracies(run: Path, width: int, blocks: Collection[int]) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy in and out [examples] of the models of some blocks, by hand; NaN where there is no model."""
    files = sorted((run / f"outcomes/onehot/width-{width}").glob("*.h5"))
    keep = np.repeat([int(file.name[:5]) // 10 in blocks for file in files], 10)
    ledger, (labels, _, _) = ledger_of(run, width), labels_of(run)
    mask, right = ledger["in_subset"][keep], (ledger["predicted_train"] == labels)[keep]
    with np.errstate(invalid="ignore"):
        return (right & mask).sum(0) / mask.sum(0), (right & ~mask).sum(0) / (~mask).sum(0)


def test_errors_of_means_and_areas_leave_out_one_block_and_those_of_shares_half_of_them(forty):
    summary = keys_of(score(forty))
    _, true_labels, _ = labels_of(forty)
    flipped = labels_of(forty)[0] != true_labels

    def score_of(width: int, blocks: Collection[int]) -> np.ndarray:
        inside, outside = accuracies(forty, width, blocks)
        return inside - outside

    for row in summary["sizes"]:
        means, areas = [], []
        for left_out in range(4):
            found = score_of(row["size"], {0, 1, 2, 3} - {left_out})
            means.append(found.mean())
            pairs = found[flipped][:, None] - found[~flipped][None]
            areas.append(((pairs > 1e-9) + 0.5 * (abs(pairs) <= 1e-9)).mean())
        for name, values in (("mean_score_error", means), ("auc_score_error", areas)):
            assert row[name] == pytest.approx(np.sqrt(3 / 4 * ((values - np.mean(values)) ** 2).sum()), abs=1e-12)
        halves = [score_of(row["size"], pair) for pair in combinations(range(4), 2)]
        for name, shares in (
            ("share_low_error", [(half < 0.1 - 1e-9).mean() for half in halves]),
            ("share_high_error", [(half > 0.9 + 1e-9).mean() for half in halves]),
        ):
            assert row[name] == pytest.approx(np.std(shares) / 0.9213177, abs=1e-6)  # c4 of four


def test_a_block_is_left_out_wherever_it_is_when_sizes_have_different_blocks(forty, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(forty, path)
    shutil.rmtree(path / "outcomes/onehot/width-8")
    (path / "outcomes/onehot/width-2/00030-00039-r0.h5").unlink()
    halves = []
    for pair in combinations(range(4), 2):
        found = [accuracies(path, width, pair) for width in (2, 4)]
        types = memscope.classify_trajectories([inside - outside for inside, outside in found])
        halves.append(np.mean(types == "increasing"))
    found = keys_of(trajectories(path))["all_sizes"]
    assert found["raw_error"]["increasing"] == pytest.approx(np.std(halves) / 0.9213177, abs=1e-6)
    assert all(0 <= error < 0.5 for error in found["called_error"].values())
    # with two blocks at width 2, some half has no model there: no share is defined, so no error is
    (path / "outcomes/onehot/width-2/00020-00029-r0.h5").unlink()
    assert set(keys_of(trajectories(path))["all_sizes"]["raw_error"].values()) == {None}
    assert set(keys_of(trajectories(path))["all_sizes"]["called_error"].values()) == {None}


def test_below_four_blocks_no_share_has_an_error(scored):
    found = keys_of(trajectories(scored))
    assert set(found["all_sizes"]["raw_error"].values()) == {None}
    assert set(found["all_sizes"]["called_error"].values()) == {None}
    assert set(found["population"]["shares_error"].values()) == {None}
