"""`memscope influence RUN --remove N` and `--peel N`, against a nearest-neighbour learner whose answers are computed
here from the pixels."""

import csv
import hashlib
import html
import re
import shutil
from dataclasses import replace
from math import comb
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from memscope.datasets.changes import DROP
from memscope.datasets.changes_file import read_changes
from memscope.errors import DataError, MemscopeError, OptionError, RunError
from memscope.reports.influence import RESULTS as INFLUENCE
from memscope.reports.keys import stored_keys
from memscope.run import open_run
from memscope.steps.removal import peel, plan_arms, remove
from memscope.steps.score import score
from memscope.steps.status import status
from memscope.steps.train_family import train_family
from memscope.store.ledger import state_for
from memscope.store.results import write_results
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices
from memscope.work.removal_sets import Removing, seed_of
from tests.findings.made import influence_report
from tests.steps.test_train_family import Interruption, assert_same_outcomes

INLINE = WorkOptions(device="cpu", engine="inline")
TRAIN, TEST, CLASSES, GONE = 150, 200, 3, 15
T_FOUR = 2.776445
"""Of 4 degrees of freedom, 95 %; from a table"""


def points(count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Images of 4x4 pixels, uint8 [count, 4, 4, 1], whose classes overlap, and their labels."""
    labels = np.arange(count) % CLASSES
    middles = 128 + 30 * np.stack([np.cos(labels * 2.1), np.sin(labels * 2.1)], axis=1)
    images = np.repeat(middles, 8, axis=1).reshape(count, 4, 4, 1) + random.normal(0, 40, (count, 4, 4, 1))
    return np.clip(images, 0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    random = np.random.default_rng(5)
    arrays = {}
    for part, count in (("train", TRAIN), ("test", TEST)):
        arrays[f"{part}_images"], arrays[f"{part}_labels"] = points(count, random)
    arrays["train_images"][[3, 33, 63]] = arrays["train_images"][0]  # copies of one class
    arrays["train_images"][70] = arrays["train_images"][50]  # and a pair, of two
    path = tmp_path_factory.mktemp("data") / "points.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def choices(data) -> Choices:
    return Choices(
        data=f"npz:{data}",
        trainer="tests.steps.nearest:train",
        label_noise=0.1,
        widths=(1, 2),
        models=40,
        batch_size=16,
    )


@pytest.fixture(scope="module")
def scored(choices, tmp_path_factory) -> Path:
    """A run with scores, and with pairs that `memscope influence` might have listed."""
    path = tmp_path_factory.mktemp("scored") / "run"
    assert not train_family(path, choices, INLINE).failed
    score(path)
    put_pairs(path)
    return path


def truth(run: Path, size: int) -> np.ndarray:
    """float [N, N + M]: squared distances of training examples to all examples, as models of a size see them."""
    images = np.load(run / "cache" / "images.npy")[:, : 2 * size].reshape(TRAIN + TEST, -1).astype(float)
    return ((images[:TRAIN, np.newaxis] - images) ** 2).sum(2)


def put_pairs(path: Path, threshold: float = 0.15, sizes: tuple[int, ...] = (1, 2)) -> None:
    """Pairs at width 2 alone: for the nearest training example of every third test example of its class, and one that
    is harmful."""
    run = open_run(path)
    labels, tests = run.examples.labels, run.examples.test_labels
    nearest = truth(path, 2)[:, TRAIN:].argmin(0)
    test = np.array([at for at in range(0, TEST, 3) if labels[nearest[at]] == tests[at]])
    train = nearest[test]
    chosen_by = np.linspace(0.9, 0.2, len(test))
    chosen_by[-1] = -0.3
    strong = abs(chosen_by) >= threshold
    train, test, chosen_by = train[strong], test[strong], chosen_by[strong]
    values = {
        "size": np.array(sizes),
        "pair_size": np.full(len(test), 2),
        "train_example": train,
        "test_example": test,
        "influence": chosen_by * 0.8,
        "standard_error": np.full(len(test), 0.1),
        "chosen_by": chosen_by,
        "memorisation": np.full(len(test), 0.5),
        "false_share": np.full(len(test), 0.1),
        "example": np.arange(TRAIN),
        "memorised": np.ones((len(sizes), TRAIN), dtype=np.uint8),
    }
    write_results(path, run.plan, "influence", values, state_for(path, run.plan, INFLUENCE), summary(threshold))


def summary(threshold: float) -> dict:
    return stored_keys(replace(influence_report(sizes=(1, 2)), threshold=threshold))


def copy_of(run: Path, to: Path) -> Path:
    shutil.copytree(run, to / "run")
    return to / "run"


@pytest.fixture(scope="module")
def removed(scored, tmp_path_factory):
    """The run after --remove, and what was found."""
    path = copy_of(scored, tmp_path_factory.mktemp("removed"))
    return path, remove(path, Removing(GONE), INLINE)


@pytest.fixture(scope="module")
def peeled(removed, tmp_path_factory):
    path = copy_of(removed[0], tmp_path_factory.mktemp("peeled"))
    return path, peel(path, Removing(GONE), INLINE)


def gone_in(report, name: str) -> np.ndarray:
    """bool [N]: what an arm is trained without, by the file in it."""
    (arm,) = [one for one in report.arms if one.name == name]
    lines = (Path(arm.run) / "changes.csv").read_text().splitlines()[1:]
    found = np.zeros(TRAIN, dtype=bool)
    found[[int(row["index"]) for row in csv.DictReader(lines) if row["decision"] == "drop"]] = True
    return found


def answers(run: Path, report, name: str, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By the pixels: subsets, bool [models, N], and what each model gets right of the training and test examples."""
    gone, distance = gone_in(report, name), truth(run, size)
    (arm,) = [one for one in report.arms if one.name == name]
    left, origin, derived = np.flatnonzero(~gone), open_run(run).examples, open_run(arm.run)
    subsets, train, test = [], [], []
    for model in range(report.models):
        subset = left[derived.subset(model)]
        said = origin.labels[subset[distance[subset].argmin(0)]]
        inside = np.zeros(TRAIN, dtype=bool)
        inside[subset] = True
        subsets.append(inside)
        train.append(said[:TRAIN] == origin.labels)
        test.append(said[TRAIN:] == origin.test_labels)
    return np.array(subsets), np.array(train), np.array(test)


def names_of(report, kind: str) -> list[str]:
    return [arm.name for arm in report.arms if arm.name.startswith(f"{kind}-")]


def assert_difference(found, chosen: float, others: list[float]) -> None:
    """By the formula, written out again."""
    error = np.std(others, ddof=1) * np.sqrt(1 + 1 / len(others))
    expected = chosen - np.mean(others)
    assert (found.value, found.error, found.degrees) == pytest.approx((expected, error, 4))
    assert (found.low, found.high) == pytest.approx((expected - T_FOUR * error, expected + T_FOUR * error), abs=1e-6)


def test_accuracies_and_their_differences_are_those_of_a_simulation_from_the_pixels(removed):
    run, report = removed
    assert [one.name for one in report.arms[:4]] == ["all", "most", "least", "pairs"]
    assert len(names_of(report, "random")) == len(names_of(report, "matched")) == report.sets == 5
    for row in report.sizes:
        found = {arm.name: answers(run, report, arm.name, row.size)[2] for arm in report.arms}
        for one in row.arms:
            assert one.accuracy == pytest.approx(found[one.arm].mean(), abs=1e-12)
            assert one.diverged == 0
        compared = {(one.arm, one.beside): one.accuracy for one in row.differences}
        assert set(compared) == {("most", "random"), ("least", "random"), ("pairs", "random"), ("most", "matched")}
        for (arm, beside), one in compared.items():
            assert_difference(one, found[arm].mean(), [found[name].mean() for name in names_of(report, beside)])
    assert report.sizes[1].differences[0].accuracy.value != 0


def test_mean_accuracy_over_many_subsets_is_the_one_of_closed_form(removed):
    """Of n examples that are left, m are in a subset: the k-th nearest is the one that answers with probability
    C(n - k, m - 1) / C(n, m)."""
    run, report = removed
    origin = open_run(run).examples
    for name in ("all", "most", "random-2"):
        left = np.flatnonzero(~gone_in(report, name))
        n, m = len(left), round(0.7 * len(left))
        share = np.array([comb(n - k, m - 1) / comb(n, m) for k in range(1, n + 1)])
        for row in report.sizes:
            order = truth(run, row.size)[left, TRAIN:].argsort(0, kind="stable")  # [n, M]
            right = origin.labels[left][order] == origin.test_labels
            exact = float((share @ right).mean())
            models = answers(run, report, name, row.size)[2].mean(1)
            (one,) = [each.accuracy for each in row.arms if each.arm == name]
            assert abs(one - exact) < 4.5 * models.std(ddof=1) / np.sqrt(len(models))


def test_carried_test_examples_are_those_of_the_pairs_and_what_is_expected_follows_from_their_influence(removed):
    run, report = removed
    with h5py.File(run / "results" / "influence.h5") as file:
        pairs = {name: file["influence"][name][()] for name in ("train_example", "test_example", "influence")}
        helpful = file["influence"]["chosen_by"][()] > 0
    train, test, influence = (pairs[name][helpful] for name in ("train_example", "test_example", "influence"))
    small, large = report.sizes
    assert (small.listed, large.listed) == (0, helpful.sum())
    assert all(one.examples == 0 and np.isnan(one.accuracy.value) for one in small.influenced)
    found = {arm.name: answers(run, report, arm.name, 2)[2] for arm in report.arms}
    for one in large.influenced:
        gone = gone_in(report, one.arm)
        carried = sorted({int(j) for i, j in zip(train, test, strict=True) if gone[i]})
        assert one.examples == len(carried) > 0

        def lost(name: str, carried: list[int] = carried) -> float:
            here = gone_in(report, name)
            each = [w for i, j, w in zip(train, test, influence, strict=True) if here[i] and j in carried]
            return sum(each) / len(carried)

        others = names_of(report, one.beside)
        assert_difference(
            one.accuracy, found[one.arm][:, carried].mean(), [found[name][:, carried].mean() for name in others]
        )
        assert one.expected == pytest.approx(-0.7 * (lost(one.arm) - np.mean([lost(name) for name in others])))
        for each in large.arms:
            shown = each.influenced if one.arm == "most" else each.influenced_by_pairs
            assert shown == pytest.approx(found[each.arm][:, carried].mean())
    assert {(one.arm, one.beside) for one in large.influenced} == {
        ("most", "random"),
        ("most", "matched"),
        ("pairs", "random"),
    }


def test_what_is_removed(removed):
    """By score and class, and copies together; those of pairs are the strongest of their class."""
    run, report = removed
    opened = open_run(run)
    labels, scores = opened.examples.labels, opened.scores(2)["score"]
    gone = {arm.name: gone_in(report, arm.name) for arm in report.arms}
    classes = np.bincount(labels[gone["most"]], minlength=3)
    flipped = opened.examples.flipped
    assert not gone["all"].any()
    for arm in report.arms[1:]:
        assert gone[arm.name].sum() == arm.removed == GONE
        np.testing.assert_array_equal(np.bincount(labels[gone[arm.name]], minlength=3), classes)
        assert arm.shared == pytest.approx((gone[arm.name] & gone["most"]).mean() * TRAIN / GONE)
        assert arm.flipped == (gone[arm.name] & flipped).sum()
        for copies in ([0, 3, 33, 63], [50, 70]):
            assert len(set(gone[arm.name][copies].tolist())) == 1, arm.name
    for name in names_of(report, "matched"):
        assert (gone[name] & flipped).sum() == (gone["most"] & flipped).sum()
    alone = np.ones(TRAIN, dtype=bool)
    alone[[0, 3, 33, 63, 50, 70]] = False
    assert scores[gone["most"] & alone].min() >= scores[~gone["most"] & alone].max()
    with h5py.File(run / "results" / "influence.h5") as file:
        ordered = list(dict.fromkeys(file["influence"]["train_example"][:-1].tolist()))
    (pairs,) = [arm for arm in report.arms if arm.name == "pairs"]
    assert pairs.of_pairs == sum(gone["pairs"][at] for at in ordered)
    for label in range(CLASSES):
        mine = [at for at in ordered if labels[at] == label and alone[at]]
        there = [bool(gone["pairs"][at]) for at in mine]
        assert there == sorted(there, reverse=True)  # the first ones, and then no more
        assert sum(there) >= min(len(mine), classes[label]) - 4


def test_an_arm_is_the_run_that_train_family_makes(removed, tmp_path):
    run, report = removed
    for name in ("all", "most"):
        (arm,) = [one for one in report.arms if one.name == name]
        file = Path(arm.run).with_name(f"{name}.csv")
        asked = Choices(origin=run, changes=file, seed=1, models=10, widths=(1, 2))
        train_family(tmp_path / name, asked, INLINE)
        assert open_run(arm.run).plan.digest == open_run(tmp_path / name).plan.digest
        assert_same_outcomes(Path(arm.run), tmp_path / name)


def test_results_are_what_was_found(removed):
    run, report = removed
    with h5py.File(run / "results" / "removal.h5") as file:
        stored = {name: field[()] for name, field in file["removal"].items()}
    assert [name.decode() for name in stored["arm"]] == [arm.name for arm in report.arms]
    for place, arm in enumerate(report.arms):
        np.testing.assert_array_equal(stored["removed"][place].astype(bool), gone_in(report, arm.name))
        for row, size in enumerate((1, 2)):
            np.testing.assert_allclose(
                stored["test_accuracy"][place, row], answers(run, report, arm.name, size)[2].mean(1), atol=1e-6
            )
    assert stored["influenced"].sum(1).tolist() == [one.influenced[0].examples for one in report.sizes]
    assert np.isnan(stored["influenced_accuracy"][:, 0]).all()
    means = stored["influenced_accuracy"][:, 1].mean(1)
    np.testing.assert_allclose(means, [one.influenced for one in report.sizes[1].arms], atol=1e-6)
    assert status(run).results["removal"] == "current"


def test_what_is_memorised_of_the_others_is_what_a_simulation_says(peeled):
    run, report = peeled
    assert [arm.name for arm in report.arms] == [
        *("all", "most"),
        *(f"{kind}-{n}" for kind in ("random", "matched") for n in range(1, 6)),
    ]
    gone = {arm.name: gone_in(report, arm.name) for arm in report.arms}
    for row in report.sizes:
        scores = {}
        for name in gone:
            inside, right, _ = answers(run, report, name, row.size)
            scores[name] = (right & inside).sum(0) / np.maximum(inside.sum(0), 1)
            scores[name] = scores[name] - (right & ~inside).sum(0) / (~inside).sum(0)
        beside = []
        for name in names_of(report, "matched"):
            left = ~gone["most"] & ~gone[name]
            beside.append([(scores[one][left] >= 0.25).mean() for one in ("most", name)])
        assert_difference(row.share_matched, 0, [other - most for most, other in beside])
        number, share, mean = [], [], []
        for name in names_of(report, "random"):
            left = ~gone["most"] & ~gone[name]
            counts = [int((scores[one][left] >= 0.25).sum()) for one in ("most", name, "all")]
            number.append(counts[0] - counts[1])
            share.append([count / left.sum() for count in counts])
            mean.append([scores[one][left].mean() for one in ("most", name)])
        share, mean = np.array(share), np.array(mean)
        assert (row.most, row.random, row.whole) == pytest.approx(tuple(share.mean(0)))
        assert (row.score_most, row.score_random) == pytest.approx(tuple(mean.mean(0)), abs=1e-6)
        assert_difference(row.number, 0, [-one for one in number])
        assert_difference(row.share, 0, list(share[:, 1] - share[:, 0]))
        assert_difference(row.score, 0, list(mean[:, 1] - mean[:, 0]))
    with h5py.File(run / "results" / "peel.h5") as file:
        stored = file["peel"]["score"][()]
    assert np.isnan(stored[1][:, gone["most"]]).all()
    np.testing.assert_allclose(stored[1, -1][~gone["most"]], scores["most"][~gone["most"]], atol=1e-6)


def test_the_page_tells_of_both_and_how_they_were_made(peeled):
    from memscope.findings import peel as of_peel
    from memscope.findings import removal as of_removal
    from memscope.steps.report import report

    run, found = peeled
    page = html.unescape(re.sub("<[^>]*>", "", Path(report(run).file).read_text()))
    assert of_peel.in_their_place(found) in page
    assert of_removal.without_others(removed_report(run)) in page
    assert f"memscope influence NEW --remove {GONE} --sets 5 --arm-models 10" in page
    assert f"memscope influence NEW --peel {GONE} --sets 5 --arm-models 10 --memorised 0.25" in page


def removed_report(run: Path):
    from memscope.reports.keys import report_of
    from memscope.reports.removal import RemovalReport
    from memscope.store.results import read_results

    return report_of(RemovalReport, read_results(run, "removal", open_run(run).plan)[2])


def test_another_call_trains_nothing_and_says_the_same_and_more_models_are_added(removed, tmp_path):
    path = copy_of(removed[0], tmp_path)
    before = hash_of(path / "removal")
    again = remove(path, Removing(GONE), INLINE)
    assert str(again.sizes) == str(removed[1].sizes)
    assert hash_of(path / "removal") == before
    more = remove(path, Removing(GONE, models=15), INLINE)
    assert more.models == 20
    after = hash_of(path / "removal")
    assert [name for name in before if after[name] != before[name] and not name.endswith("plan.toml")] == []
    assert remove(path, Removing(GONE), INLINE).models == 20  # those that are there
    one = remove(path, Removing(GONE, models=10), INLINE)
    assert str(one.sizes) == str(again.sizes)


def hash_of(directory: Path) -> dict[str, str]:
    return {
        str(file.relative_to(directory)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(directory.rglob("*"))
        if file.is_file() and ".claims" not in str(file) and "cache" not in str(file)
    }


def test_it_goes_on_between_and_within_arms_to_the_same_numbers(scored, removed, tmp_path):
    path = copy_of(scored, tmp_path)
    calls = []

    def stop(ended):
        calls.append(ended)
        if len(calls) % 7 == 0:
            raise Interruption

    for _ in range(50):
        try:
            found = remove(path, Removing(GONE), INLINE, on_end=stop)
            break
        except Interruption:
            continue
    assert len(calls) > 14
    assert str(found.sizes) == str(removed[1].sizes)


def test_shards_train_it_together(scored, removed, tmp_path):
    path = copy_of(scored, tmp_path)
    first = remove(path, Removing(GONE), replace(INLINE, shard=(1, 2)))
    assert 0 < first.missing < 14 * 20
    assert first.sizes == ()
    assert not (path / "results" / "removal.h5").exists()
    second = remove(path, Removing(GONE), replace(INLINE, shard=(2, 2)))
    assert second.missing == 0
    assert str(second.sizes) == str(removed[1].sizes)


def test_what_was_chosen_stays_when_the_scores_change(removed, tmp_path):
    path = copy_of(removed[0], tmp_path)
    train_family(path, Choices(models=60), INLINE)
    score(path)
    found = remove(path, Removing(GONE, sets=6), INLINE)
    for arm in removed[1].arms:
        np.testing.assert_array_equal(gone_in(found, arm.name), gone_in(removed[1], arm.name))
    classes = open_run(path).examples.labels
    new = gone_in(found, "random-6")
    np.testing.assert_array_equal(np.bincount(classes[new]), np.bincount(classes[gone_in(found, "most")]))
    assert [one.differences[0].accuracy.degrees for one in found.sizes] == [5, 5]


def test_without_pairs_their_arm_is_left_out_and_why_is_said(scored, tmp_path):
    from memscope.findings.removal import screen

    path = copy_of(scored, tmp_path)
    (path / "results" / "influence.h5").unlink()
    found = remove(path, Removing(GONE), INLINE)
    assert "pairs" not in [arm.name for arm in found.arms]
    assert all(one.listed is None and one.influenced == () for one in found.sizes)
    (told,) = [told for told in screen(found).findings if "memscope influence had not been run" in told]
    assert told.endswith(f"--arm-seed, or delete {path}/removal/15-at-width-2-seed-1 before.")
    put_pairs(path)  # the choice stays without them
    again = remove(path, Removing(GONE), INLINE)
    assert [arm.name for arm in again.arms] == [arm.name for arm in found.arms]
    assert str(again.sizes) == str(found.sizes)
    assert plan_arms(path, Removing(GONE, seed=2), INLINE).arms[3].name == "pairs"  # another one has them
    shutil.rmtree(path / "removal")
    assert plan_arms(path, Removing(GONE), INLINE).arms[3].name == "pairs"


def test_the_listed_pairs_are_those_of_the_choice_whatever_influence_says_later(removed, tmp_path):
    from memscope.findings.removal import screen

    path = copy_of(removed[0], tmp_path)
    before = removed[1]
    assert (before.pairs_threshold, before.pairs_memorised, before.pairs_all_classes) == (0.15, 0.25, False)
    put_pairs(path, threshold=0.6)
    found = remove(path, Removing(GONE), INLINE)
    assert str(found.sizes) == str(before.sizes)
    assert found.pairs_threshold == 0.15
    assert any("influence of .15 or more, memorisation of .25." in note.text for note in screen(found).notes)
    (path / "results" / "influence.h5").unlink()
    assert str(remove(path, Removing(GONE), INLINE).sizes) == str(before.sizes)
    # a choice from before there was such a file: what influence says now
    put_pairs(path, threshold=0.6)
    (path / "removal" / "15-at-width-2-seed-1" / "listed.h5").unlink()
    old = remove(path, Removing(GONE), INLINE)
    assert old.pairs_threshold == 0.6
    assert 0 < old.sizes[1].listed < before.sizes[1].listed
    assert not (path / "removal" / "15-at-width-2-seed-1" / "listed.h5").exists()


def test_a_size_without_a_search_for_pairs_is_told_from_one_without_pairs(scored, tmp_path):
    path = copy_of(scored, tmp_path)
    put_pairs(path, sizes=(2,))
    found = remove(path, Removing(GONE), INLINE)
    small, large = found.sizes
    assert (small.listed, small.influenced) == (None, ())
    assert large.listed > 0
    assert "pairs" not in [arm.name for arm in plan_arms(path, Removing(GONE, size=1), INLINE).arms]


def test_pairs_of_fewer_models_are_refused_when_the_choice_is_made(scored, removed, tmp_path):
    path = copy_of(scored, tmp_path)
    train_family(path, Choices(models=50), INLINE)
    score(path)
    for call in (remove, peel, plan_arms):
        with pytest.raises(RunError, match=r"the pairs of .* are not of the models .*; run memscope influence"):
            call(path, Removing(GONE), INLINE)
    assert not (path / "removal").exists()
    put_pairs(path)
    assert plan_arms(path, Removing(GONE), INLINE).arms[3].name == "pairs"
    path = copy_of(removed[0], tmp_path / "chosen")  # once it is made they may be old
    train_family(path, Choices(models=50), INLINE)
    assert str(remove(path, Removing(GONE), INLINE).sizes) == str(removed[1].sizes)


def test_damaged_pairs_of_a_choice_are_told_in_one_line(removed, tmp_path):
    path = copy_of(removed[0], tmp_path)
    file = path / "removal" / "15-at-width-2-seed-1" / "listed.h5"
    whole = file.read_bytes()
    for content, said in (
        (whole[:-1], "its checksum is missing"),
        (whole.replace(b"threshold", b"thresh0ld"), "its bytes are not what its checksum says"),
        (b"", "is damaged"),
        ((path / "results" / "influence.h5").read_bytes(), "expected encoding memscope-listed-pairs, found nothing"),
    ):
        file.write_bytes(content)
        with pytest.raises(RunError, match=said) as told:
            remove(path, Removing(GONE), INLINE)
        assert str(told.value).endswith(f"; put the original back, or remove {file.parent}")
        assert str(told.value).startswith(str(file))
        assert "\n" not in str(told.value)


def test_a_dry_run_says_what_will_be_trained_and_writes_nothing(scored, tmp_path):
    path = copy_of(scored, tmp_path)
    before = hash_of(path)
    ahead = plan_arms(path, Removing(GONE), INLINE)
    assert hash_of(path) == before
    assert [(one.size, one.models) for one in ahead.sizes] == [(1, 140), (2, 140)]
    assert len(ahead.arms) == 14
    seconds = [open_run(path).outcomes(size) for size in (1, 2)]
    each = [np.median(np.concatenate([outcome.seconds for _, outcome in some][:5])) for some in seconds]
    assert ahead.seconds == pytest.approx(140 * sum(each), rel=1e-4)
    assert ahead.image_bytes == (13 * (TRAIN - GONE) + TRAIN + 14 * TEST) * 16
    assert sum(one.models for one in plan_arms(path, Removing(GONE), INLINE, peeling=True).sizes) == 240
    remove(path, Removing(GONE), INLINE)
    ahead = plan_arms(path, Removing(GONE), INLINE)
    assert (ahead.seconds, ahead.outcome_bytes, ahead.image_bytes) == (0, 0, 0)


REFUSED = [
    (Removing(0), OptionError, "0 examples are to be removed; it must be at least 1"),
    (Removing(TRAIN), OptionError, "150 examples are to be removed, of 150 with a score; it must be 1 to 75"),
    (Removing(GONE, sets=4), OptionError, "--sets is 4; random sets must be at least 5"),
    (Removing(GONE, models=0), OptionError, "--arm-models is 0; it must be at least 1"),
    (Removing(GONE, seed=-1), OptionError, "--arm-seed is -1; it must be 0 to 9223372036854775807"),
    (Removing(GONE, seed=2**63), OptionError, "--arm-seed is 9223372036854775808; it must be 0 to 9223372036854775807"),
    (Removing(GONE, sets=1001), OptionError, "--sets is 1,001; random sets may be at most 1,000"),
    (Removing(GONE, seed=0), OptionError, "--arm-seed is 0, the seed of"),
    (Removing(GONE, size=3), OptionError, r"has no scores of width 3; it has \[1, 2\]"),
]


@pytest.mark.parametrize(("asked", "error", "said"), REFUSED)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_written(scored, tmp_path, asked, error, said):
    path = copy_of(scored, tmp_path)
    for call in (remove, peel, plan_arms):
        with pytest.raises(error, match=said):
            call(path, asked, INLINE)
    assert not (path / "removal").exists()


@pytest.mark.parametrize("threshold", [float("nan"), 0, -0.1, 7])
def test_a_threshold_that_is_no_score_is_refused_by_a_dry_run_too(scored, threshold):
    said = f"--memorised is {threshold}; it must be a score above 0 and at most 1, such as 0.25"
    with pytest.raises(OptionError, match=said):
        plan_arms(scored, Removing(GONE), INLINE, peeling=True, threshold=threshold)
    with pytest.raises(OptionError, match=said):
        peel(scored, Removing(GONE), INLINE, threshold=threshold)


def test_the_seed_after_the_last_one_is_asked_for():
    run = SimpleNamespace(plan=SimpleNamespace(seed=2**63 - 1), path=Path("run"))
    with pytest.raises(OptionError, match=r"--arm-seed would be 9223372036854775808; it must be .*; give another"):
        seed_of(run, Removing(GONE))


def test_a_run_without_scores_or_with_old_ones_or_too_few_models_is_told_what_to_do(scored, tmp_path):
    path = copy_of(scored, tmp_path)
    train_family(path, Choices(models=50), INLINE)
    with pytest.raises(RunError, match=r"are of fewer models than there are.*run memscope score"):
        remove(path, Removing(GONE), INLINE)
    next((path / "outcomes" / "onehot" / "width-1").glob("*.h5")).unlink()
    with pytest.raises(RunError, match=r"lacks 10 of its planned models.*train them first: memscope train-family"):
        remove(path, Removing(GONE), INLINE)
    (path / "results" / "score.h5").unlink()
    with pytest.raises(RunError, match="has no results of score yet; run memscope score"):
        remove(path, Removing(GONE), INLINE)
    with pytest.raises(OptionError, match="--memorised is 0; it must be a score above 0"):
        peel(path, Removing(GONE), INLINE, threshold=0)
    assert not (path / "removal").exists()


def test_a_file_that_was_edited_is_refused(removed, tmp_path):
    path = copy_of(removed[0], tmp_path)
    (directory,) = (path / "removal").iterdir()
    file = directory / "random-2.csv"
    whole = file.read_text()
    file.write_text("\n".join(whole.splitlines()[:-1]) + "\n")
    with pytest.raises(RunError, match=r"random-2\.csv: lists 14 examples of .* to drop among 14 lines, expected 15"):
        remove(path, Removing(GONE), INLINE)
    file.write_text(whole.replace("drop", "leave", 1))
    with pytest.raises(DataError, match="has the decision 'leave'"):
        remove(path, Removing(GONE), INLINE)
    file.write_bytes((directory / "random-3.csv").read_bytes())
    with pytest.raises(MemscopeError, match="was made with other changes"):
        remove(path, Removing(GONE), INLINE)
    file.unlink()  # it is chosen again as it was
    assert str(remove(path, Removing(GONE), INLINE).sizes) == str(removed[1].sizes)


def test_models_that_others_train_are_waited_for_and_then_compared(scored, data, tmp_path):
    """A run of --trainer record: the arms are made, and their models put in from here."""
    path = tmp_path / "run"
    train_family(path, Choices(data=f"npz:{data}", trainer="record", widths=(2,), models=10, label_noise=0.1), INLINE)
    fill(path)
    score(path)
    found = remove(path, Removing(GONE), INLINE)
    assert found.missing == 130
    for arm in found.arms:
        fill(Path(arm.run))
    found = remove(path, Removing(GONE), INLINE)
    assert found.missing == 0
    for one in found.sizes[0].arms:
        assert one.accuracy == pytest.approx(answers(path, found, one.arm, 2)[2].mean(), abs=1e-12)


def fill(path: Path) -> None:
    from tests.steps.nearest import train

    run = open_run(path)
    for model in range(run.plan.models):
        run.record(2, model, train(run.dataset(), run.subset(model), None, 2)[0])


def test_networks_take_as_many_steps_in_every_arm_and_dropped_examples_are_the_only_change(tiny_run, tmp_path):
    path = copy_of(tiny_run, tmp_path)
    train_family(path, Choices(full=1, dynamics=10), INLINE)
    score(path)
    found = remove(path, Removing(10, size=4, seed=3), INLINE)
    was = open_run(path).plan
    assert [row.size for row in found.sizes] == [2, 4, 8]
    for arm in found.arms:
        run = open_run(arm.run)
        left = 120 - arm.removed
        assert (len(run.examples.labels), run.plan.seed, run.plan.full_models, run.plan.dynamics) == (left, 3, 0, 0)
        assert run.plan.nominal_size(left) == was.nominal_size(120)
        assert replace(run.plan, data=was.data, seed=0, models=20, nominal_examples=None) == replace(
            was, full_models=0, dynamics=0
        )
        changes = read_changes(Path(arm.run) / "changes.csv")
        assert changes.number(DROP) == len(changes.changes) == arm.removed
        assert not (Path(arm.run) / "weights").exists()
    assert peel(path, Removing(10, size=4, seed=3), INLINE).sizes[0].size == 2
