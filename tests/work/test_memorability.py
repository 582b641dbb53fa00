"""Where a run's memorability comes from: asked once, kept, gone on with after an interruption; or read from a table."""

import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from memscope.errors import DataError, FileError, OptionError
from memscope.predictors import published, resmem_package, vitmem
from memscope.run import Run, open_run
from memscope.store import memorability as store
from memscope.under_way import watched_by
from memscope.work import memorability as work
from memscope.work.memorability import Source, caveats_of, memorability_of
from memscope.work.repair import repair

RESMEM = Source("resmem")


@pytest.fixture
def run(tiny_run: Path, tmp_path, monkeypatch) -> Run:
    """120 training images of 8x8, in chunks of 50."""
    shutil.copytree(tiny_run, tmp_path / "run")
    monkeypatch.setattr(store, "CHUNK", 50)
    return open_run(tmp_path / "run")


def files(run: Run) -> dict[str, bytes]:
    place = run.path / "memorability"
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in sorted(place.rglob("*.h5"))}


def test_every_image_gets_what_the_package_gives_for_it(run, stand_in):
    said: list[str] = []
    found = memorability_of(run, RESMEM, "cpu", said.append)
    import resmem

    network = resmem.ResMem(pretrained=True).eval()
    pictures = [Image.fromarray(image[..., 0]).convert("RGB") for image in run.dataset().train_images]
    with torch.no_grad():
        expected = [float(network(resmem.transformer(one)[None])) for one in pictures]
    assert found.values.dtype == np.float64
    assert found.values == pytest.approx(expected, abs=1e-6)
    assert (found.source, found.kind) == ("resmem 1.1.6", "resmem")
    assert found.licence == resmem_package.LICENCE
    assert resmem_package.LICENCE in said
    assert "predicting with resmem 1.1.6 how well people would remember 120 images" in said
    assert [name.partition("/")[2] for name in files(run)] == ["00000-00049.h5", "00050-00099.h5", "00100-00119.h5"]


def test_a_call_that_was_interrupted_goes_on_where_it_stopped(run, stand_in, monkeypatch):
    whole = memorability_of(run, RESMEM, "cpu").values
    expected = files(run)
    shutil.rmtree(run.path / "memorability")
    asked: list[int] = []

    def predict(predictor, images, device, workers=1):
        if len(asked) == 1:
            raise KeyboardInterrupt
        asked.append(len(images))
        return published_predict(predictor, images, device, workers)

    published_predict = published.predict
    monkeypatch.setattr(published, "predict", predict)
    with pytest.raises(KeyboardInterrupt):
        memorability_of(run, RESMEM, "cpu")
    first = files(run)
    assert list(first) == list(expected)[:1]
    asked.clear()
    monkeypatch.setattr(published, "predict", lambda *given: asked.append(len(given[1])) or published_predict(*given))
    said: list[str] = []
    again = memorability_of(run, RESMEM, "cpu", said.append)
    assert asked == [50, 20]
    assert any("70 images of 120" in line for line in said)
    assert np.array_equal(again.values, whole)
    assert files(run) == expected


def test_ctrl_c_in_a_batch_ends_the_chunk_and_not_only_after_its_other_batches(run, stand_in, monkeypatch):
    prepared: list[int] = []

    def interrupted(images, side):
        if prepared:
            time.sleep(0.2)  # in which the coordinating thread hears of it
        prepared.append(len(images))
        raise KeyboardInterrupt

    monkeypatch.setattr(published, "prepared", interrupted)
    monkeypatch.setattr(published, "BATCH", 2)
    monkeypatch.setattr(work, "workers", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        memorability_of(run, RESMEM, "cpu")
    assert len(prepared) < 5
    assert not files(run)


def test_what_is_there_is_not_predicted_again_and_needs_no_package(run, stand_in, monkeypatch):
    first = memorability_of(run, RESMEM, "cpu")

    def none(*given):
        raise AssertionError("loaded again")

    monkeypatch.setattr(resmem_package, "load_resmem", none)
    said: list[str] = []
    for source in (RESMEM, Source()):
        assert np.array_equal(memorability_of(run, source, "cpu", said.append).values, first.values)
    monkeypatch.setattr(resmem_package, "installed", lambda: None)
    again = memorability_of(run, RESMEM, "cpu", said.append)
    assert np.array_equal(again.values, first.values)
    assert (again.source, again.licence) == ("resmem 1.1.6", resmem_package.LICENCE)
    assert not said


def test_another_version_of_the_package_is_looked_at_before_its_numbers_are_taken_for_the_same(
    run, stand_in, monkeypatch
):
    first = memorability_of(run, RESMEM, "cpu")
    monkeypatch.setattr(resmem_package, "installed", lambda: "1.1.7")
    assert np.array_equal(memorability_of(run, RESMEM, "cpu").values, first.values)
    assert len(files(run)) == 3, "the weights are the same"
    import resmem

    old = resmem.ResMem

    def new(pretrained):
        network = old(pretrained=pretrained)
        with torch.no_grad():
            network.last.bias += 1
        return network

    monkeypatch.setattr(resmem, "ResMem", new)
    second = memorability_of(run, RESMEM, "cpu")
    assert (second.values > first.values).all()
    assert second.source == "resmem 1.1.7"
    assert len(files(run)) == 6
    with pytest.raises(OptionError, match=r"has memorability by resmem-\w{12}, resmem-\w{12}, expected one"):
        memorability_of(run, Source(), "cpu")


def test_who_watches_hears_of_images(run, stand_in):
    heard: list[float] = []

    class Watching:
        def began(self, models):
            heard.append(-models)

        def moved(self, bundle, models):
            heard.append(models)

    with watched_by(Watching()):
        memorability_of(run, RESMEM, "cpu")
    assert heard == [-120, 50, 100, 120]


@pytest.mark.parametrize(("said", "expected"), [("3", 3), ("", None), ("none", None), ("0", None)])
def test_as_many_threads_as_cores_or_as_the_user_says(said, expected, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr(work, "cores", lambda: 5)
    assert work.workers() == (expected or 5)


def test_nothing_is_known_without_a_source(run):
    with pytest.raises(OptionError) as raised:
        memorability_of(run, Source())
    for way in (
        "--predictor resmem",
        "memscope-ml[memorability]",
        "noncommercial",
        "--predictor vitmem",
        "--scores FILE",
    ):
        assert way in str(raised.value)


def test_an_unfinished_prediction_is_named_with_the_command_that_goes_on(run, stand_in):
    memorability_of(run, RESMEM, "cpu")
    (run.path / "memorability").rglob("00050*.h5").__next__().unlink()
    with pytest.raises(OptionError, match=r"by resmem for 70 of 120 images.*--predictor resmem goes on with it"):
        memorability_of(run, Source())


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Source("resmem", scores=Path("x")), "both --scores and --predictor resmem"),
        (Source("memnet"), "the predictor is 'memnet'; it must be resmem or vitmem"),
        (Source("resmem", weights=Path("x")), "--weights is for --predictor vitmem alone"),
        (Source(weights=Path("x")), "--weights is for --predictor vitmem alone"),
        (Source("vitmem"), "--predictor vitmem needs --weights FILE"),
    ],
)
def test_what_does_not_go_together_is_refused(source, said, run):
    with pytest.raises(OptionError) as raised:
        memorability_of(run, source)
    assert said in str(raised.value)


def test_vitmem_with_the_weights_of_a_file_is_kept_beside_others(run, monkeypatch, tmp_path):
    from memscope.torchvision_import import mend_torchvision

    mend_torchvision()
    import timm

    monkeypatch.setattr(vitmem, "ARCHITECTURE", "test_vit")
    monkeypatch.setattr(vitmem, "SIDE", 160)
    torch.manual_seed(1)
    torch.save(timm.create_model(vitmem.ARCHITECTURE, num_classes=1).state_dict(), tmp_path / "w.pth")
    found = memorability_of(run, Source("vitmem", tmp_path / "w.pth"), "cpu")
    assert (found.source, found.kind, found.licence) == ("vitmem", "vitmem", None)
    assert np.ptp(found.values) > 0
    for source in (Source("vitmem"), Source()):
        assert np.array_equal(memorability_of(run, source).values, found.values)
    (tmp_path / "w.pth").write_bytes(b"other")
    with pytest.raises(DataError, match=r"w\.pth"):
        memorability_of(run, Source("vitmem", tmp_path / "w.pth"))


def test_a_damaged_file_is_refused_repaired_and_made_again(run, stand_in):
    first = memorability_of(run, RESMEM, "cpu")
    damaged = next((run.path / "memorability").rglob("00050*.h5"))
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-100])
    with pytest.raises(FileError, match=r"--repair moves it aside, and memscope memorability .* makes it again"):
        memorability_of(run, RESMEM, "cpu")
    moved = repair(run.path).moved
    assert [one.file for one in moved] == [str(damaged)]
    assert np.array_equal(memorability_of(run, RESMEM, "cpu").values, first.values)
    assert damaged.read_bytes() == whole
    assert not repair(run.path).moved


def test_without_its_images_they_are_read_from_the_source_again(run, stand_in):
    (run.path / "cache" / "images.npy").unlink()
    said: list[str] = []
    memorability_of(run, RESMEM, "cpu", said.append)
    assert any(line.startswith("reading npz:") for line in said)


def test_a_table_of_scores_is_joined_to_the_examples(run, tmp_path):
    index = run.examples.index
    rows = "".join(f"{index[at]},{at / 10}\n" for at in range(0, 120, 2))
    (tmp_path / "people.csv").write_text(f"index,score\n{rows}")
    said: list[str] = []
    found = memorability_of(run, Source(scores=tmp_path / "people.csv"), say=said.append)
    assert np.array_equal(found.values[::2], np.arange(0, 120, 2) / 10)
    assert np.isnan(found.values[1::2]).all()
    assert (found.source, found.kind, found.licence) == ("people.csv", "scores", None)
    assert said == ["people.csv has a score for 60 of the run's 120 training examples"]
    assert found.caveats == (
        "Only 60 of 120 training examples have a score; all else is about these.",
        "The models saw the images at 8 x 8 pixels, people probably larger.",
    )
    assert not files(run)


def test_of_memcats_columns_the_corrected_one_is_taken_and_that_is_said(run, tmp_path):
    text = "index,category,memorability_w_fa_correction,memorability_wo_fa_correction\n"
    text += "".join(f"{at},x,{at},0\n" for at in run.examples.index)
    (tmp_path / "memcat.csv").write_text(text)
    found = memorability_of(run, Source(scores=tmp_path / "memcat.csv"))
    assert np.array_equal(found.values, run.examples.index)
    assert "memorability_w_fa_correction" in found.caveats[0]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((28, 28, 1), ["below what people were ever shown", "grey"]),
        ((32, 32, 3), ["below what people were ever shown"]),
        ((100, 100, 3), ["were scaled up to 256 x 256"]),
        ((300, 400, 3), ["were squashed to a square"]),
        ((256, 256, 3), []),
    ],
)
def test_what_predictions_cannot_say_is_said(shape, expected):
    first, *rest = caveats_of(shape)
    assert "not measured" in first
    assert len(rest) == len(expected)
    for sentence, part in zip(rest, expected, strict=True):
        assert part in sentence
        assert sentence.endswith(".")


def test_no_predictor_is_loaded_for_a_table(run, tmp_path):
    import subprocess

    (tmp_path / "s.csv").write_text("index,score\n" + "".join(f"{at},1\n" for at in run.examples.index))
    code = (
        "import sys; from pathlib import Path; from memscope.run import open_run; "
        "from memscope.work.memorability import Source, memorability_of; "
        f"memorability_of(open_run({str(run.path)!r}), Source(scores=Path({str(tmp_path / 's.csv')!r}))); "
        "print('timm' in sys.modules, 'resmem' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_sources_are_plain_values():
    assert replace(RESMEM, predictor=None) == Source()
