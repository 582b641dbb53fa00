import multiprocessing
import shutil
import time
from collections.abc import Collection
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from memscope.errors import OptionError, RunError
from memscope.plan.teaching import Teaching
from memscope.reports.keys import keys_of
from memscope.run import open_run
from memscope.steps.distill import distill
from memscope.steps.train_family import train_family
from memscope.store.ledger import FULL, Task, outcome_path, read_outcome, write_outcome
from memscope.store.weights import read_weights, weights_path
from memscope.training.draws import Draws
from memscope.training.evaluation import evaluate
from memscope.training.loop import train_model
from memscope.training.material import open_material
from memscope.training.teacher import open_teacher
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

INLINE = WorkOptions(device="cpu", engine="inline")
TEACHING = Teaching(8)


@pytest.fixture
def run(full_run, tmp_path) -> Path:
    path = tmp_path / "run"
    shutil.copytree(full_run, path)
    return path


@pytest.fixture(scope="module")
def distilled(full_run, run_made_once) -> Path:
    """`full_run` with the students of three settings. Tests must not change it but by comparing."""

    def make(path: Path) -> None:
        shutil.copytree(full_run, path)
        for teaching in (TEACHING, Teaching(8, soft_weight=0), Teaching(8, on="full")):
            distill(path, teaching, options=INLINE)

    return run_made_once("distilled", make)


def outcomes(run: Path, variant: str) -> dict[str, np.ndarray]:
    """Everything that the ledger says of the models of a variant, but how long they took."""
    found = {}
    for path in sorted((run / "outcomes" / variant).rglob("*.h5")):
        with h5py.File(path) as file:
            for name in file:
                if "seconds" not in name:
                    found[f"{path.parent.name}/{path.name}:{name}"] = file[name][()]
    return found


def assert_equal(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> None:
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        assert np.array_equal(ours[name], values, equal_nan=values.dtype.kind == "f"), name


def all_of(run: Path, size: int, variant: str) -> dict[str, np.ndarray]:
    """Outcomes of one size over all models: subsets, right predictions of train and of test."""
    opened = open_run(run)
    found = [outcome for _, outcome in opened.outcomes(size, variant)]
    assert found
    return {
        "in_subset": np.concatenate([one.in_subset for one in found]),
        "correct": np.concatenate([one.predicted_train for one in found]) == opened.examples.labels,
        "correct_test": np.concatenate([one.predicted_test for one in found]) == opened.examples.test_labels,
    }


def test_a_student_that_does_not_listen_is_the_one_hot_model_in_everything(distilled):
    deaf = outcomes(distilled, Teaching(8, soft_weight=0).variant)
    onehot = outcomes(distilled, "onehot")
    assert {name.split("/")[0] for name in deaf} == {"width-2", "width-4"}
    assert_equal(deaf, {name: values for name, values in onehot.items() if name in deaf})


def test_students_have_the_subsets_of_the_one_hot_models_and_learn_something_else(distilled):
    for size in (2, 4):
        student, onehot = (all_of(distilled, size, variant) for variant in (TEACHING.variant, "onehot"))
        assert np.array_equal(student["in_subset"], onehot["in_subset"])
        assert (student["correct"] != onehot["correct"]).any()


@pytest.mark.parametrize("on", ["subset", "full"])
def test_the_teacher_is_the_larger_model_of_the_same_subset_or_the_first_on_all_the_data(distilled, on):
    opened = open_run(distilled)
    plan = opened.plan
    material = open_material(opened.path, plan, opened.examples, torch.device("cpu"))
    model = 13
    task = Task("onehot", 8, 10, 10) if on == "subset" else Task(FULL, 8, 0, 1)
    weights = read_weights(opened.path, plan, task)[model if on == "subset" else 0]
    teaching = replace(TEACHING, on=on)
    positions = np.flatnonzero(opened.subset(model))
    teacher = open_teacher(material.trained(8, weights), teaching, material, positions)
    draws = Draws(plan.seed, 2, model)
    student = material.untrained(draws)
    train_model(student, material.inputs, positions, 84, plan.recipe, draws, teacher)
    predicted, log_odds = evaluate(student, material.inputs)
    kept = read_outcome(opened.path, plan, Task(teaching.variant, 2, 10, 10))
    assert np.array_equal(kept.predicted_train[model - 10], predicted[:120])
    assert np.array_equal(kept.log_odds_test[model - 10], log_odds[120:])


@pytest.mark.parametrize("workers", [1, 2])
def test_students_are_bit_identical_for_any_number_of_workers(distilled, run, workers):
    distill(run, TEACHING, options=WorkOptions(device="cpu", workers=workers))
    assert_equal(outcomes(run, TEACHING.variant), outcomes(distilled, TEACHING.variant))


def test_students_do_not_depend_on_which_sizes_share_a_teacher(distilled, run):
    distill(run, TEACHING, [4], INLINE)
    found = distill(run, TEACHING, [2, 4], INLINE)
    assert (found.trained, found.already) == (20, 20)
    assert [row.size for row in found.settings[0].students] == [2, 4]
    assert_equal(outcomes(run, TEACHING.variant), outcomes(distilled, TEACHING.variant))


def test_a_run_that_grows_is_distilled_as_if_it_had_been_whole(distilled, tiny_choices, tmp_path):
    path = tmp_path / "run"
    train_family(path, replace(tiny_choices, models=10), INLINE)
    distill(path, TEACHING, options=INLINE)
    train_family(path, Choices(models=20), INLINE)
    assert distill(path, TEACHING, options=INLINE).already == 20
    assert_equal(outcomes(path, TEACHING.variant), outcomes(distilled, TEACHING.variant))


def test_sigkill_of_a_distillation_loses_nothing_and_it_goes_on(distilled, run):
    server = multiprocessing.get_context("forkserver")
    for _ in range(5):  # again if it had ended before it was killed
        process = server.Process(target=distill, args=(run, TEACHING), kwargs={"options": INLINE})
        process.start()
        deadline = time.monotonic() + 60
        while not (before := set(run.glob("outcomes/distilled/**/[0-9]*.h5"))):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
        process.join()
        assert before <= set(run.glob("outcomes/distilled/**/[0-9]*.h5"))
        if distill(run, TEACHING, options=INLINE).trained:
            break
        shutil.rmtree(run / "outcomes" / "distilled")
    else:
        pytest.fail("it had ended whenever it was killed")
    assert_equal(outcomes(run, TEACHING.variant), outcomes(distilled, TEACHING.variant))
    assert not list(run.rglob(".*.tmp"))


def test_the_comparison_is_that_of_the_ledger_read_by_hand(distilled):
    summary = keys_of(distill(distilled, epsilon=0.2))
    assert [setting["setting"] for setting in summary["settings"]] == [
        "teacher-8-t4-w0",
        "teacher-8-t4-w0.9",
        "teacher-8-t4-w0.9-full",
    ]
    flipped = open_run(distilled).examples.flipped
    for setting in summary["settings"]:
        for row in setting["students"]:
            both = [
                all_of(distilled, row["size"], variant) for variant in ("onehot", f"distilled/{setting['setting']}")
            ]
            scores = []
            for kind, found in zip(("onehot", "distilled"), both, strict=True):
                score = np.array(
                    [
                        right[inside].mean() - right[~inside].mean()
                        for right, inside in zip(found["correct"].T, found["in_subset"].T, strict=True)
                    ]
                )
                assert row[kind]["mean_score"] == pytest.approx(score.mean())
                assert row[kind]["test_accuracy"] == pytest.approx(found["correct_test"].mean())
                scores.append(score)
            change = scores[1] - scores[0]
            assert row["mean_change"] == pytest.approx(change.mean(), abs=1e-12)
            assert row["mean_change_flipped"] == pytest.approx(change[flipped].mean(), abs=1e-12)
            assert row["inhibited"] == pytest.approx((change < -0.2 - 1e-9).mean())
            assert row["raised"] == pytest.approx((change > 0.2 + 1e-9).mean())
            tests = both[1]["correct_test"].mean(1) - both[0]["correct_test"].mean(1)
            assert row["test_change"] == pytest.approx(tests.mean(), abs=1e-12)
            # two blocks leave one degree of freedom, which is no error
            assert all(row[name] is None for name in row if name.endswith("_error"))


def test_with_four_blocks_means_leave_out_one_and_shares_half_of_them(forty_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(forty_run, run)
    summary = keys_of(distill(run, TEACHING, options=INLINE, epsilon=0.2))
    for row in summary["settings"][0]["students"]:
        both = [all_of(run, row["size"], variant) for variant in ("onehot", TEACHING.variant)]

        def change(blocks: Collection[int], both: list[dict[str, np.ndarray]] = both) -> np.ndarray:
            scores = []
            for found in both:
                keep = np.isin(np.arange(40) // 10, list(blocks))
                mask, right = found["in_subset"][keep], found["correct"][keep]
                scores.append((right & mask).sum(0) / mask.sum(0) - (right & ~mask).sum(0) / (~mask).sum(0))
            return scores[1] - scores[0]

        means = [change({0, 1, 2, 3} - {left_out}).mean() for left_out in range(4)]
        expected = np.sqrt(3 / 4 * ((means - np.mean(means)) ** 2).sum())
        assert row["mean_change_error"] == pytest.approx(expected, abs=1e-12)
        halves = [change(pair) for pair in combinations(range(4), 2)]
        inhibited = [(half < -0.2 - 1e-9).mean() for half in halves]
        assert row["inhibited_error"] == pytest.approx(np.std(inhibited) / 0.9213177, abs=1e-6)  # c4 of four
        tests = both[1]["correct_test"].mean(1) - both[0]["correct_test"].mean(1)
        means = [np.delete(tests.reshape(4, 10), left_out, axis=0).mean() for left_out in range(4)]
        expected = np.sqrt(3 / 4 * ((means - np.mean(means)) ** 2).sum())
        assert row["test_change_error"] == pytest.approx(expected, abs=1e-12)


def test_a_student_that_does_not_listen_shows_no_effect_of_any_kind(distilled):
    deaf = keys_of(distill(distilled))["settings"][0]
    for row in deaf["students"]:
        assert row["mean_change"] == row["inhibited"] == row["raised"] == row["test_change"] == 0
    assert {change["change"] for kind in deaf["by_type"] for change in kind["changes"]} <= {0.0, None}
    assert deaf["trajectories"]["raw_onehot"] == deaf["trajectories"]["raw_distilled"]


def test_results_hold_scores_of_all_settings_and_their_histograms(distilled):
    distill(distilled)
    found = open_run(distilled).results("distill")
    assert found["setting"].tolist() == ["teacher-8-t4-w0", "teacher-8-t4-w0.9", "teacher-8-t4-w0.9-full"]
    assert found["score"].shape == (3, 2, 120)
    assert np.array_equal(found["score"][0], found["onehot_score"][0])
    assert (found["histogram"].sum((2, 3)) == 120).all()
    # without a change all examples are on the diagonal
    assert found["histogram"][0, 0].trace() == 120
    assert found["histogram"][1, 0].trace() < 120
    assert found["models_used"].tolist() == [[20, 20]] * 3
    assert set(found["called_type"].ravel()) <= {"constant", "increasing", "decreasing", "undetermined"}


def test_time_is_told_with_the_teachers_part_of_it(distilled):
    for row in keys_of(distill(distilled))["settings"][1]["students"]:
        assert 0 < row["teacher_seconds"] < row["seconds"]
        assert row["time_ratio"] == pytest.approx(row["seconds"] / row["seconds_onehot"])


@pytest.mark.parametrize(
    ("teaching", "students", "says"),
    [
        (Teaching(16), None, r"--teacher is 16, no width of .* \(2, 4, 8\); take one of them, or add it"),
        (Teaching(2), None, "--teacher is 2, the smallest width"),
        (Teaching(4), (2, 8), "--students has width 8, and the teacher's is 4: a teacher is larger"),
        (Teaching(4), (4,), "--students has width 4, and the teacher's is 4"),
        (Teaching(8), (3,), "--students has width 3, which is no width"),
        (None, (2,), "--students without --teacher"),
    ],
)
def test_a_teacher_or_students_that_do_not_fit_are_refused(tiny_run, teaching, students, says):
    with pytest.raises(OptionError, match=says):
        distill(tiny_run, teaching, students, INLINE)


def test_a_run_without_students_says_how_to_train_some(tiny_run):
    with pytest.raises(RunError, match=r"has no distilled models; train some with memscope distill .* --teacher 8"):
        distill(tiny_run)


def test_without_the_full_model_the_ablation_says_how_to_train_it(tiny_run):
    with pytest.raises(RunError, match=r"no finished model of width 8 on all the data .* --full 1"):
        distill(tiny_run, Teaching(8, on="full"), options=INLINE)


def test_without_the_teachers_weights_the_command_that_trains_them_again_is_told_and_does_it(run, distilled):
    weights = run / "weights" / "onehot" / "width-8"
    shutil.rmtree(weights)
    with pytest.raises(RunError, match=r"weights of its models of width 8.*train-family .* --missing-weights"):
        distill(run, TEACHING, options=INLINE)
    before = outcomes(run, "onehot")
    train_family(run, Choices(), INLINE, missing_weights=True)
    assert_equal(outcomes(run, "onehot"), before)
    assert len(list(weights.iterdir())) == 2
    distill(run, TEACHING, options=INLINE)
    assert_equal(outcomes(run, TEACHING.variant), outcomes(distilled, TEACHING.variant))


def test_subsets_whose_teacher_is_missing_wait_and_the_others_are_done(run, distilled):
    opened = open_run(run)
    outcome_path(run, opened.plan, Task("onehot", 8, 0, 10)).unlink()
    said = []
    found = distill(run, TEACHING, options=INLINE, say=said.append)
    assert any("10 of 20 subsets have no teacher of width 8 yet" in line for line in said)
    assert found.trained == 20
    assert [row.models for row in found.settings[0].students] == [10, 10]
    train_family(run, Choices(), INLINE)
    distill(run, TEACHING, options=INLINE)
    assert_equal(outcomes(run, TEACHING.variant), outcomes(distilled, TEACHING.variant))


def test_students_of_a_teacher_that_diverged_are_left_out_of_both_sides_and_told(run, distilled):
    opened = open_run(run)
    task = Task("onehot", 8, 0, 10)
    outcome = read_outcome(run, opened.plan, task)
    write_outcome(run, opened.plan, task, replace(outcome, diverged=np.arange(10) == 3))
    said = []
    found = distill(run, TEACHING, options=INLINE, say=said.append)
    assert any("diverged: models 3; their students are left out" in line for line in said)
    assert [(lost.size, lost.model) for lost in found.diverged] == [(4, 3), (2, 3)]
    for row in keys_of(found)["settings"][0]["students"]:
        assert (row["models"], row["left_out"]) == (19, 1)
        onehot = all_of(run, row["size"], "onehot")
        keep = np.arange(20) != 3
        assert row["onehot"]["test_accuracy"] == pytest.approx(onehot["correct_test"][keep].mean())
    # and the other students of its task are what they are beside a teacher that did not diverge
    ours, theirs = (read_outcome(r, opened.plan, Task(TEACHING.variant, 4, 0, 10)) for r in (run, distilled))
    others = np.arange(10) != 3
    assert np.array_equal(ours.predicted_train[others], theirs.predicted_train[others])


@pytest.mark.parametrize("damage", ["flipped", "cut", "other"])
def test_damaged_weights_of_a_teacher_are_found_and_named(run, damage):
    opened = open_run(run)
    path = weights_path(run, opened.plan, Task("onehot", 8, 0, 10))
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[-5] ^= 1
    elif damage == "cut":
        content = content[: len(content) // 2]
    else:
        content = bytearray(weights_path(run, opened.plan, Task("onehot", 4, 0, 10)).read_bytes())
    path.write_bytes(content)
    found = distill(run, TEACHING, options=INLINE)
    reasons = {task.reason for task in found.failed}
    assert len(reasons) == 1
    expected = "has size 4, expected 8" if damage == "other" else "is damaged"
    assert expected in reasons.pop()
    assert sorted({task.first for task in found.failed}) == [0]


def test_a_users_own_training_cannot_be_distilled(tiny_npz, tmp_path):
    choices = Choices(data=f"npz:{tiny_npz}", trainer="record", models=10, widths=(1, 2))
    train_family(tmp_path / "run", choices, INLINE)
    with pytest.raises(OptionError, match="--trainer record; memscope distils what its own loop trains"):
        distill(tmp_path / "run", Teaching(2), options=INLINE)
