import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from memscope.counting.standard_errors import Until
from memscope.datasets import load_dataset
from memscope.errors import MemscopeError, OptionError, RunError
from memscope.reports.keys import keys_of
from memscope.run import open_run
from memscope.steps.score import score
from memscope.steps.train_family import plan_ahead, train_family
from memscope.store.ledger import missing_tasks
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

INLINE = WorkOptions(device="cpu", engine="inline")
NOTHING = Choices()


def outcomes(run: Path) -> dict[str, np.ndarray]:
    """Everything that the ledger of a run says of its models, but how long they took."""
    found = {}
    for path in sorted(run.glob("outcomes/**/*.h5")):
        with h5py.File(path) as file:
            for name in file:
                if "seconds" not in name:
                    found[f"{path.relative_to(run)}:{name}"] = file[name][()]
    return found


def assert_same_outcomes(run: Path, expected: Path) -> None:
    ours, theirs = outcomes(run), outcomes(expected)
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        assert ours[name].tobytes() == values.tobytes() or ours[name].dtype == object, name
        assert np.array_equal(ours[name], values, equal_nan=values.dtype.kind == "f"), name


@pytest.mark.parametrize("workers", [1, 2])
def test_outcomes_are_bit_identical_for_any_number_of_workers(tiny_run, tiny_choices, tmp_path, workers):
    result = train_family(tmp_path / "run", tiny_choices, WorkOptions(device="cpu", workers=workers))
    assert not result.failed
    assert_same_outcomes(tmp_path / "run", tiny_run)
    ours = sorted((tmp_path / "run" / "weights").rglob("*.safetensors"))
    assert [a.read_bytes() for a in ours] == [
        b.read_bytes() for b in sorted((tiny_run / "weights").rglob("*.safetensors"))
    ]


def test_a_run_that_grows_by_models_and_sizes_is_the_run_made_at_once_and_retrains_nothing(
    tiny_run, tiny_choices, tmp_path
):
    path = tmp_path / "run"
    train_family(path, replace(tiny_choices, widths=(2, 8), models=10), INLINE)
    before = {file: file.stat().st_mtime_ns for file in path.glob("outcomes/**/*.h5")}
    result = train_family(path, replace(NOTHING, models=20, widths=(4,)), INLINE)
    assert result.trained == 20 + 2 * 10
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert_same_outcomes(path, tiny_run)


class Interruption(Exception):
    pass


def test_an_interrupted_run_goes_on_where_it_stopped(tiny_run, tiny_choices, tmp_path):
    path = tmp_path / "run"

    def stop(ended):
        if ended.done >= 20:
            raise Interruption

    with pytest.raises(Interruption):
        train_family(path, tiny_choices, WorkOptions(device="cpu", workers=2), on_end=stop)
    kept = len(list(path.glob("outcomes/**/*.h5")))
    assert kept >= 2
    result = train_family(path, NOTHING, INLINE)
    assert result.already == 10 * kept
    assert_same_outcomes(path, tiny_run)


def test_sigkill_of_coordinator_and_workers_loses_no_finished_task(tiny_run, tiny_choices, tmp_path):
    for attempt in range(5):  # again if it had ended before it was killed
        path = tmp_path / f"run-{attempt}"
        process = start_training(path, tiny_choices)
        until(lambda: list(path.glob("outcomes/**/[0-9]*.h5")))  # noqa: B023
        before = set(path.glob("outcomes/**/[0-9]*.h5"))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert before <= set(path.glob("outcomes/**/[0-9]*.h5"))
        for file in path.glob("outcomes/**/[0-9]*.h5"):
            with h5py.File(file) as opened:
                assert "predicted_train" in opened
        if train_family(path, tiny_choices, INLINE).trained:
            break
    else:
        pytest.fail("every command ended before it was killed")
    assert_same_outcomes(path, tiny_run)
    assert not list(path.rglob(".*.tmp"))


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def start_training(path: Path, choices: Choices, stdout: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "memscope", "train-family", str(path)]
    for name, value in vars(choices).items():
        if value is not None:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            command += [f"--{name.replace('_', '-')}", text]
    return subprocess.Popen([*command, "--device", "cpu", "--workers", "1"], stderr=subprocess.DEVNULL, stdout=stdout)


def test_two_calls_on_one_run_share_the_work_and_neither_spoils_it(tiny_run, tiny_choices, tmp_path):
    path = tmp_path / "run"
    slow = replace(tiny_choices, epochs=12)  # so that neither is done before the other has started
    both = [start_training(path, slow, stdout=subprocess.PIPE) for _ in range(2)]
    printed = [process.communicate()[0].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    trained = [int(text.split(" models trained")[0]) for text in printed]
    assert min(trained) > 0
    assert sum(trained) <= 60 + 2 * 20  # at most one task each is done twice: what the other had not yet written
    alone = tmp_path / "alone"
    train_family(alone, slow, INLINE)
    assert_same_outcomes(path, alone)


def test_a_dead_call_beside_a_living_one_costs_nothing(tiny_run, tiny_choices, tmp_path):
    path = tmp_path / "run"
    first, second = start_training(path, tiny_choices), start_training(path, tiny_choices)
    until(lambda: list(path.glob("outcomes/**/[0-9]*.h5")))
    first.kill()
    first.wait()
    assert second.wait() == 0
    assert_same_outcomes(path, tiny_run)


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        (replace(NOTHING, seed=5), r"made with --seed 0, now asked for 5; leave the option out"),
        (replace(NOTHING, fraction=0.5), r"--fraction 0.7, now asked for 0.5"),
        (replace(NOTHING, learning_rate=0.2), r"--learning-rate 0.4, now asked for 0.2"),
        (replace(NOTHING, family="cnn"), r"--family mlp, now asked for cnn"),
        (replace(NOTHING, label_noise=0.0), r"--label-noise 0.1, now asked for 0.0"),
        (replace(NOTHING, examples=50), r"--examples \(not set\), now asked for 50"),
        (replace(NOTHING, depths=(2, 3), width=4), r"sizes along width; --depths asks for the other axis"),
    ],
)
def test_choices_that_disagree_with_the_saved_plan_are_refused_and_change_nothing(tiny_run, choices, says):
    before = (tiny_run / "plan.toml").read_bytes()
    with pytest.raises(OptionError, match=says):
        train_family(tiny_run, choices, INLINE)
    assert (tiny_run / "plan.toml").read_bytes() == before


def test_choices_that_agree_with_the_saved_plan_train_nothing(tiny_run, tiny_choices):
    assert train_family(tiny_run, tiny_choices, INLINE).trained == 0
    assert train_family(tiny_run, NOTHING, INLINE).trained == 0


def test_other_data_under_the_same_options_is_refused(tiny_run, tiny_npz, tmp_path):
    with np.load(tiny_npz) as stored:
        arrays = dict(stored)
    np.savez(tmp_path / "same.npz", **arrays)
    assert train_family(tiny_run, replace(NOTHING, data=f"npz:{tmp_path}/same.npz"), INLINE).trained == 0
    arrays["train_images"] = arrays["train_images"][::-1]
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(RunError, match="not the same data"):
        train_family(tiny_run, replace(NOTHING, data=f"npz:{tmp_path}/other.npz"), INLINE)


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        (replace(NOTHING, models=0), "--models is 0"),
        (replace(NOTHING, fraction=0.0), "fraction is 0.0"),
        (replace(NOTHING, fraction=1.0), "fraction is 1.0"),
        (replace(NOTHING, fraction=0.7183), "fraction is 0.7183"),
        (replace(NOTHING, widths=(8, 4)), "positive and increasing"),
        (replace(NOTHING, depths=(8, 14)), "--depths needs the one width"),
        (replace(NOTHING, width=8), "--width is the one width"),
        (replace(NOTHING, family="resnet"), "resnet"),
        (replace(NOTHING, family="transformer9"), "transformer9"),
        (replace(NOTHING, batch_size=1000), "--batch-size is 1000; a subset has only 84"),
        (replace(NOTHING, trainer="nothing"), "the trainer is 'nothing'"),
        (replace(NOTHING, label_noise=1.5), "--label-noise is 1.5"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_before_anything_is_written(tiny_npz, tmp_path, choices, says):
    with pytest.raises(OptionError, match=says) as refused:
        train_family(tmp_path / "run", replace(choices, data=f"npz:{tiny_npz}"), INLINE)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_a_new_run_without_data_says_what_to_add(tmp_path):
    with pytest.raises(OptionError, match="--data fashion-mnist-5k"):
        train_family(tmp_path / "run", NOTHING, INLINE)


def test_a_directory_that_is_something_else_is_left_alone(tiny_choices, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="exists and is not a run"):
        train_family(tmp_path, tiny_choices, INLINE)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_a_run_along_depth_grows_by_depths_and_keeps_its_width(tiny_choices, tmp_path):
    path = tmp_path / "run"
    choices = replace(tiny_choices, widths=None, depths=(1, 2), width=4, models=10, epochs=1)
    train_family(path, choices, INLINE)
    assert train_family(path, replace(NOTHING, depths=(3,)), INLINE).trained == 10
    plan = open_run(path).plan
    assert (plan.axis, plan.fixed, plan.sizes) == ("depth", 4, (1, 2, 3))
    assert (path / "outcomes/onehot/depth-3").is_dir()
    with pytest.raises(OptionError, match="--width 4, now asked for 8"):
        train_family(path, replace(NOTHING, depths=(5,), width=8), INLINE)


def test_the_learning_rate_is_the_familys_unless_it_is_given(tiny_choices, tmp_path):
    rates = {"mlp": 0.4, "cnn": 0.1, "resnet8": 0.2}
    for family, rate in rates.items():
        choices = replace(tiny_choices, family=family, models=10, widths=(2,), epochs=1)
        assert open_run(train_family(tmp_path / family, choices, INLINE).run).plan.recipe.learning_rate == rate
    given = train_family(tmp_path / "given", replace(choices, learning_rate=0.05), INLINE)
    assert open_run(given.run).plan.recipe.learning_rate == 0.05


def test_models_are_rounded_up_to_whole_blocks(tiny_choices, tmp_path):
    result = train_family(tmp_path / "run", replace(tiny_choices, models=11, widths=(2, 3), epochs=1), INLINE)
    assert result.models == 20


def test_a_lost_image_cache_is_made_again_and_a_lost_outcome_is_trained_again(tiny_run, tiny_choices, tmp_path):
    import shutil

    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    (path / "cache" / "images.npy").unlink()
    (path / "outcomes/onehot/width-4/00010-00019-r0.h5").unlink()
    assert train_family(path, NOTHING, INLINE).trained == 10
    assert_same_outcomes(path, tiny_run)
    images = (path / "cache" / "images.npy").read_bytes()
    (path / "cache" / "images.npy").write_bytes(images[:-1] + bytes([images[-1] ^ 1]))
    train_family(path, NOTHING, INLINE)
    assert (path / "cache" / "images.npy").read_bytes() == images


def failing(data, subset, seeds, size):
    """A trainer that fails where its flag file is."""
    if size == 4 and Path(os.environ["MEMSCOPE_TEST_FLAG"]).exists():
        raise ArithmeticError("singular matrix")
    return nearest_mean(data, subset, seeds, size)


def nearest_mean(data, subset, seeds, size):
    """A trainer of the user's own: the class whose mean image, over the subset, is nearest."""
    images = np.concatenate([data.train_images, data.test_images]).reshape(-1, 64).astype(float)
    means = [images[: len(subset)][subset & (data.train_labels == label)].mean(0) for label in range(4)]
    distances = ((images[:, None] - np.stack(means)) ** 2).sum(-1)
    return distances.argmin(1), None


def own_trainer(monkeypatch, function: str) -> str:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return f"test_train_family:{function}"


def test_the_users_own_trainer_gets_data_subset_seeds_and_size(tiny_choices, tmp_path, monkeypatch):
    choices = replace(tiny_choices, trainer=own_trainer(monkeypatch, "nearest_mean"), models=10, widths=(2, 4))
    result = train_family(tmp_path / "run", choices, INLINE)
    assert not result.failed
    run = open_run(tmp_path / "run")
    for task, outcome in run.outcomes(size=4):
        for row, model in enumerate(task.models):
            expected, _ = nearest_mean(run.dataset(), run.subset(model), None, 4)
            assert (outcome.predicted_train[row] == expected[:120]).all()
    summary = keys_of(score(tmp_path / "run"))
    assert summary["sizes"][0]["mean_soft_score"] is None
    assert summary["sizes"][0]["mean_score"] is not None


def test_a_task_that_fails_twice_is_recorded_with_its_traceback_and_the_others_go_on(
    tiny_choices, tmp_path, monkeypatch
):
    flag = tmp_path / "flag"
    flag.write_text("")
    monkeypatch.setenv("MEMSCOPE_TEST_FLAG", str(flag))
    choices = replace(tiny_choices, trainer=own_trainer(monkeypatch, "failing"), models=10)
    result = train_family(tmp_path / "run", choices, INLINE)
    assert result.trained == 20
    assert [(task.size, task.reason) for task in result.failed] == [(4, "ArithmeticError: singular matrix")]
    (recorded,) = (tmp_path / "run" / "failures").rglob("*.txt")
    assert "singular matrix" in recorded.read_text()
    flag.unlink()
    again = train_family(tmp_path / "run", NOTHING, INLINE)
    assert (again.trained, again.failed) == (10, ())
    assert not recorded.exists()


def test_a_diverging_size_is_recorded_reported_and_left_out_of_the_scores(tiny_choices, tmp_path):
    choices = replace(tiny_choices, learning_rate=1e30, models=10, widths=(2, 4))
    result = train_family(tmp_path / "run", choices, INLINE)
    assert len(result.diverged) == 20
    with pytest.raises(RunError, match="10 that diverged"):
        score(tmp_path / "run")


def test_a_dry_run_writes_nothing_and_knows_what_is_missing(tiny_run, tiny_choices, tmp_path):
    found = plan_ahead(tmp_path / "run", tiny_choices, WorkOptions(device="cpu", workers=2))
    assert not (tmp_path / "run").exists()
    assert [each.models for each in found.sizes] == [20, 20, 20]
    assert found.expected_standard_error == pytest.approx(np.sqrt(0.25 / 13 + 0.25 / 5))
    assert found.seconds is not None
    assert found.seconds > 0
    before = sorted(tiny_run.rglob("*"))
    grown = plan_ahead(tiny_run, replace(NOTHING, models=40), WorkOptions(device="cpu"))
    assert [each.models for each in grown.sizes] == [20, 20, 20]
    assert sorted(tiny_run.rglob("*")) == before


def test_no_weights_keeps_none(tiny_choices, tmp_path):
    train_family(tmp_path / "run", replace(tiny_choices, models=10, widths=(2, 3)), replace(INLINE, keep_weights=False))
    assert not (tmp_path / "run" / "weights").exists()


def test_weights_give_the_outcome_again(tiny_run):
    import safetensors.numpy
    import torch

    from memscope.families import open_family
    from memscope.training.evaluation import evaluate
    from memscope.training.inputs import Inputs

    run = open_run(tiny_run)
    dataset, examples = run.dataset(), run.examples
    stored = safetensors.numpy.load_file(tiny_run / "weights/onehot/width-8/00000-00009-r0.safetensors")
    model = open_family("mlp").build(8, dataset.image_shape, 4)
    state = {name[6:]: torch.from_numpy(value) for name, value in stored.items() if name.startswith("00003/")}
    model.load_state_dict(state)
    mean = torch.tensor(examples.channel_mean, dtype=torch.float32)
    scale = torch.tensor(1 / examples.channel_sd, dtype=torch.float32)
    images, labels = torch.from_numpy(np.array(dataset.train_images)), torch.from_numpy(dataset.train_labels)
    predicted, _ = evaluate(model, Inputs(images, labels, mean, scale, "float32"))
    task, outcome = next(run.outcomes(size=8))
    assert task.first == 0
    assert (predicted == outcome.predicted_train[3]).all()


def test_two_growths_at_the_same_time_keep_both(tiny_choices, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    from memscope.run import grow

    path = tmp_path / "run"
    run = open_run(train_family(path, replace(tiny_choices, models=10, widths=(2, 3), epochs=1), INLINE).run)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda width: grow(run, (width,), width), range(4, 40)))
    assert open_run(path).plan.sizes == tuple(range(2, 40))
    assert open_run(path).plan.models == 40
    assert missing_tasks(path, open_run(path).plan)


def test_a_disk_that_fills_gives_one_line_and_the_work_goes_on_afterwards(tiny_run, tiny_choices, tmp_path):
    import resource

    path = tmp_path / "run"
    train_family(path, replace(tiny_choices, models=10, widths=(2, 4), epochs=3), INLINE)
    kept = outcomes(path)
    command = [sys.executable, "-m", "memscope", "train-family", str(path), "--models", "20", "--widths", "8"]
    limited = subprocess.run(
        [*command, "--engine", "inline", "--device", "cpu"],
        capture_output=True,
        text=True,
        # files longer than this cannot be written: to the program the same as a full disk
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000)),
    )
    assert limited.returncode == 1
    errors = [line for line in limited.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, limited.stderr
    assert "could not be written" in errors[0]
    assert "Traceback" not in limited.stderr
    assert outcomes(path).keys() == kept.keys()
    train_family(path, NOTHING, INLINE)
    assert_same_outcomes(path, tiny_run)


def dropping(size, image_shape, num_classes):
    """A family of the user's own whose layers draw at random in training."""
    from torch import nn

    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 8 * size), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8 * size, num_classes)
    )


def too_many(size, image_shape, num_classes):
    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes + 2))


def broken(size, image_shape, num_classes):
    raise ZeroDivisionError("no such network")


def test_layers_that_draw_at_random_do_not_break_bit_identity(tiny_choices, tmp_path, monkeypatch):
    own_trainer(monkeypatch, "")
    choices = replace(tiny_choices, family="test_train_family:dropping", widths=(1, 2), models=10)
    train_family(tmp_path / "alone", choices, INLINE)
    train_family(tmp_path / "both", choices, WorkOptions(device="cpu", workers=2))
    assert_same_outcomes(tmp_path / "both", tmp_path / "alone")


@pytest.mark.parametrize(
    ("family", "says"),
    [
        ("too_many", r"gives outputs \(2, 6\) for 2 images, expected logits .* here \(2, 4\)"),
        ("broken", "ZeroDivisionError: no such"),
    ],
)
def test_a_family_that_cannot_be_trained_is_refused_before_anything_is_written(
    tiny_choices, tmp_path, monkeypatch, family, says
):
    own_trainer(monkeypatch, "")
    for ahead in (plan_ahead, train_family):
        with pytest.raises(OptionError, match=says):
            ahead(tmp_path / "run", replace(tiny_choices, family=f"test_train_family:{family}"), INLINE)
    assert not (tmp_path / "run").exists()


def partly_unknown(data, subset, seeds, size):
    odds = np.zeros(160)
    odds[3] = np.nan if seeds.order % 2 else 0
    return np.zeros(160, dtype=int), odds


def test_a_model_of_the_users_own_with_nan_log_odds_counts_as_diverged(tiny_choices, tmp_path, monkeypatch):
    choices = replace(tiny_choices, trainer=own_trainer(monkeypatch, "partly_unknown"), models=10, widths=(2,))
    lost = {each.model for each in train_family(tmp_path / "run", choices, INLINE).diverged}
    assert 0 < len(lost) < 10
    row = keys_of(score(tmp_path / "run"))["sizes"][0]
    assert set(row["diverged_models"]) == lost
    assert row["mean_soft_score"] is not None


def meddling(data, subset, seeds, size):
    data.train_images[:] = 0
    return np.zeros(160, dtype=int), None


def test_the_users_own_training_cannot_change_the_data_for_later_models(tiny_choices, tmp_path, monkeypatch):
    choices = replace(tiny_choices, trainer=own_trainer(monkeypatch, "meddling"), models=10, widths=(2,))
    result = train_family(tmp_path / "run", choices, INLINE)
    assert "read-only" in result.failed[0].reason


def test_a_replayed_plan_keeps_what_has_no_option_and_notices_other_data(tiny_npz, tmp_path):
    import shutil

    from memscope.plan.plan_file import plan_to_toml
    from memscope.work.options import choices_from_plan

    data = tmp_path / "mine.npz"
    shutil.copy(tiny_npz, data)
    choices = Choices(data=f"npz:{data}", family="mlp", widths=(2, 3), models=10, epochs=1)
    plan = open_run(train_family(tmp_path / "one", choices, INLINE).run).plan
    odd = replace(plan, recipe=replace(plan.recipe, momentum=0.5, warmup=0.3))
    assert plan_to_toml(odd) != plan_to_toml(plan)
    replayed = open_run(train_family(tmp_path / "two", choices_from_plan(odd, NOTHING), INLINE).run).plan
    assert replayed == odd
    other_axis = choices_from_plan(plan, Choices(depths=(1, 2), width=4))
    assert open_run(train_family(tmp_path / "three", other_axis, INLINE).run).plan.axis == "depth"
    with np.load(tiny_npz) as stored:
        arrays = dict(stored)
    arrays["train_labels"] = arrays["train_labels"][::-1]
    np.savez(data, **arrays)
    with pytest.raises(RunError, match="not the same data"):
        train_family(tmp_path / "four", choices_from_plan(plan, NOTHING), INLINE)
    assert not (tmp_path / "four").exists()
    shutil.copy(data, tmp_path / "others.npz")
    chosen = choices_from_plan(plan, Choices(data=f"npz:{tmp_path}/others.npz", seed=1))
    assert open_run(train_family(tmp_path / "five", chosen, INLINE).run).plan.seed == 1


def test_a_growth_that_fails_changes_nothing(tiny_run, tmp_path):
    import shutil

    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    (path / "cache" / "images.npy").write_bytes(b"short")
    plan = (path / "plan.toml").read_bytes()
    lost = replace(NOTHING, data=f"npz:{tmp_path}/nowhere.npz", models=90)
    with pytest.raises(MemscopeError, match="nowhere"):
        train_family(path, lost, INLINE)
    assert (path / "plan.toml").read_bytes() == plan


def test_damaged_examples_and_images_are_made_again(tiny_run, tmp_path):
    import shutil

    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    for name in ("cache/images.npy", "examples.h5"):
        content = (path / name).read_bytes()
        (path / name).write_bytes(content[: len(content) // 2])
        train_family(path, NOTHING, INLINE)
        assert len(open_run(path).dataset().train_images) == 120


def test_data_given_by_a_relative_path_are_found_from_elsewhere(tiny_npz, tmp_path, monkeypatch):
    monkeypatch.chdir(tiny_npz.parent)
    choices = Choices(data=f"npz:{tiny_npz.name}", family="mlp", widths=(2,), models=10, epochs=1)
    train_family(tmp_path / "run", choices, INLINE)
    (tmp_path / "run" / "cache" / "images.npy").unlink()
    monkeypatch.chdir("/")
    assert train_family(tmp_path / "run", NOTHING, INLINE).trained == 0


def test_a_run_that_is_stopped_leaves_no_worker_behind_while_its_error_is_looked_at(
    tiny_choices, tmp_path, monkeypatch
):
    import multiprocessing

    def full(*arguments):
        raise RunError("full")

    monkeypatch.setattr("memscope.work.training.write_atomically", full)
    held = None
    try:
        train_family(tmp_path / "run", tiny_choices, WorkOptions(device="cpu", workers=2))
    except RunError as error:
        held = error  # as a notebook holds the last error, and with it every frame
    assert held is not None
    deadline = time.monotonic() + 5
    while multiprocessing.active_children():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_recording_all_models_finishes_a_run(tiny_npz, tmp_path):
    from memscope.steps.status import status

    choices = Choices(data=f"npz:{tiny_npz}", trainer="record", models=10, widths=(1,))
    run = open_run(train_family(tmp_path / "run", choices, INLINE).run)
    assert status(tmp_path / "run").sizes[0].missing == 10
    for model in range(10):
        run.record(size=1, model=model, predictions=np.zeros(160, dtype=int))
    assert status(tmp_path / "run").sizes[0].missing == 0


def test_a_fresh_demo_removes_a_demo_and_nothing_that_only_looks_like_one(tmp_path):
    from memscope.plan.plan_file import plan_to_toml
    from memscope.plan.recipe import Recipe
    from memscope.steps.demo import DEMO, remove_demo
    from memscope.work.new_plan import new_plan
    from memscope.work.options import with_defaults

    dataset = load_dataset(DEMO.data, examples=DEMO.examples, label_noise=DEMO.label_noise)
    plan = new_plan(with_defaults(DEMO), dataset, "cpu")
    others = (replace(plan, recipe=Recipe(epochs=7)), replace(plan, models=400), replace(plan, seed=1))
    for number, other in enumerate(others):
        path = tmp_path / str(number)
        path.mkdir()
        (path / "plan.toml").write_bytes(plan_to_toml(other))
        with pytest.raises(RunError, match="not a demo's run"):
            remove_demo(path)
        assert (path / "plan.toml").is_file()
    (path / "plan.toml").write_bytes(plan_to_toml(plan))
    remove_demo(path)
    assert not path.exists()


def test_shares_of_the_work_make_the_whole_whatever_their_number(tiny_run, tiny_choices, tmp_path):
    path = tmp_path / "run"
    choices = tiny_choices
    first = train_family(path, choices, replace(INLINE, shard=(1, 3)))
    again = train_family(path, choices, replace(INLINE, shard=(1, 3)))
    assert (again.trained, again.already) == (0, first.trained)
    # half-way there are two shares in place of three
    rest = [train_family(path, choices, replace(INLINE, shard=(share, 2))) for share in (2, 1)]
    assert first.trained + sum(one.trained for one in rest) == 3 * 20
    assert train_family(path, choices, INLINE).trained == 0
    assert_same_outcomes(tiny_run, path)
    # models on all the data are shared out too
    full = [train_family(path, replace(choices, full=2), replace(INLINE, shard=(share, 2))) for share in (1, 2)]
    assert [one.trained for one in full] == [3, 3]


@pytest.mark.parametrize("shard", [(0, 2), (3, 2), (1, 0), (-1, 2)])
def test_shares_that_there_are_not_are_refused(shard, tiny_choices, tmp_path):
    with pytest.raises(OptionError, match="it must be i/n with i from 1 to n"):
        train_family(tmp_path / "run", tiny_choices, replace(INLINE, shard=shard))
    assert not (tmp_path / "run").exists()


def test_a_share_cannot_tell_how_precise_the_whole_is(tiny_choices, tmp_path):
    with pytest.raises(OptionError, match="looks at the models of all shards"):
        train_family(tmp_path / "run", tiny_choices, replace(INLINE, shard=(1, 2)), until=Until(error=0.5))
    assert not (tmp_path / "run").exists()


def test_a_dry_run_of_a_share_tells_of_that_share(tiny_choices, tmp_path):
    ahead = [plan_ahead(tmp_path / "run", tiny_choices, replace(INLINE, shard=(share, 2))) for share in (1, 2)]
    assert [sum(size.models for size in one.sizes) for one in ahead] == [30, 30]


@pytest.mark.parametrize("new", [True, False])
def test_a_dry_run_says_that_models_come_in_blocks(tiny_run, tiny_choices, tmp_path, new):
    said: list[str] = []
    choices = replace(tiny_choices if new else NOTHING, models=25)
    plan_ahead(tmp_path / "new" if new else tiny_run, choices, INLINE, say=said.append)
    assert "--models 25: the run has 30 models of each width, because they come in blocks of 10" in said
