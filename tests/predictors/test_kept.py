"""Files of predictors: what they hold survives them; what is not ours, damaged or hostile is refused in a line."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import torch

from memscope.errors import DataError, FileError
from memscope.files.atomic import write_atomically
from memscope.predictors.asking import ask, fitting_images, network_of
from memscope.predictors.backbones import Backbone, build_regressor
from memscope.predictors.fits import fit_path, pack_fit, read_fit
from memscope.predictors.fitting import Fitted, weights_of
from memscope.predictors.kept import (
    ENTRY,
    Description,
    HeldOut,
    Kept,
    image_numbers,
    kept_path,
    pack_kept,
    read_kept,
    seal_of,
)

SHAPE = (8, 10, 1)
CPU = torch.device("cpu")


def a_kept(count: int = 2, **changes) -> Kept:
    described = Description(
        version=1,
        settings="s" * 64,
        backbone=Backbone("plain", 2),
        target="score@16",
        axis="width",
        seeds=count,
        image_shape=SHAPE,
        class_names=("cat", "dog"),
        with_label=True,
        channel_mean=(100.0,),
        channel_sd=(50.0,),
        precision="float32",
        data="folder:x",
        data_fingerprint="f" * 64,
        plan_digest="p" * 64,
        split="x" * 64,
        fitted=30,
        epochs=(3,) * count,
        written_by="memscope 0",
        spearman=HeldOut(value=0.5, low=0.4, high=0.6),
    )
    torch.manual_seed(0)
    weights = [weights_of(build_regressor(described.backbone, SHAPE, 2)) for _ in range(count)]
    random = np.random.default_rng(0)
    said = random.normal(size=(count, 50)).astype(np.float32)
    known = np.sort(random.integers(-(2**63), 2**63 - 1, 40))
    return Kept(replace(described, **changes), weights, said, known)


def written(path: Path, kept: Kept | None = None) -> Path:
    write_atomically(path, pack_kept(kept or a_kept()))
    return path


def test_a_predictor_survives_its_file_which_is_the_same_for_the_same(tmp_path):
    kept = a_kept()
    found = read_kept(written(tmp_path / "a.safetensors", kept))
    assert found.description == kept.description
    assert np.array_equal(found.said, kept.said)
    assert np.array_equal(found.known, kept.known)
    for one, other in zip(found.weights, kept.weights, strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)
    assert pack_kept(kept) == pack_kept(found)


def test_a_file_of_before_its_targets_kind_was_kept_is_read(tmp_path):
    kept = a_kept()
    content = pack_kept(kept)
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    entry = json.loads(header["__metadata__"][ENTRY])
    described = json.loads(entry["description"])
    assert described.pop("kind") == ""
    tensors = safetensors.numpy.load(content)
    text = json.dumps(described, sort_keys=True)
    entry = {"description": text, "sha256": seal_of(text, tensors)}
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensors.numpy.save(tensors, metadata={ENTRY: json.dumps(entry)}))
    assert read_kept(path).description == kept.description


def test_what_it_says_is_the_networks_output_for_normalised_images_and_labels(tmp_path):
    kept = a_kept()
    path = written(tmp_path / "a.safetensors", kept)
    images = np.random.default_rng(0).integers(0, 256, (5, *SHAPE)).astype(np.uint8)
    labels = np.array([0, 1, 1, 0, 1])
    said = ask(read_kept(path), network_of(path, kept), images, labels, CPU)
    for seed in range(2):
        network = build_regressor(Backbone("plain", 2), SHAPE, 2)
        network.load_state_dict({name: torch.from_numpy(values) for name, values in kept.weights[seed].items()})
        inputs = (torch.from_numpy(images).float().permute(0, 3, 1, 2) - 100) / 50
        with torch.no_grad():
            expected = network.eval()(inputs, torch.from_numpy(labels))
        assert said[seed] == pytest.approx(expected.numpy(), abs=1e-5)


def test_images_of_other_sizes_and_colours_are_brought_to_its_own():
    random = np.random.default_rng(0)
    grey = random.integers(0, 256, (2, 16, 20, 1)).astype(np.uint8)
    assert fitting_images(grey, SHAPE).shape == (2, 8, 10, 1)
    assert np.array_equal(fitting_images(grey, (16, 20, 1)), grey)
    colour = fitting_images(grey, (16, 20, 3))
    assert all(np.array_equal(colour[..., channel], grey[..., 0]) for channel in range(3))
    assert np.array_equal(fitting_images(colour, (16, 20, 1)), grey)


def test_each_image_has_its_number():
    images = np.random.default_rng(0).integers(0, 256, (4, *SHAPE)).astype(np.uint8)
    images[3] = images[1]
    numbers = image_numbers(images)
    assert numbers[1] == numbers[3]
    assert len(set(numbers.tolist())) == 3


@pytest.mark.parametrize(
    ("name", "file"),
    [
        (("resnet18", "score@16", False), "resnet18-score@16.safetensors"),
        (("plain", "residual@4", True), "plain-residual@4-label.safetensors"),
        (("plain", "../x y\n.csv", False), "plain-.._x_y_.csv.safetensors"),
    ],
)
def test_names_of_files_are_plain_and_end_in_what_tells_settings_apart(tmp_path, name, file):
    assert kept_path(tmp_path, *name) == tmp_path / "predictors" / file
    one, other = (kept_path(tmp_path, *name, settings * 64) for settings in "ab")
    assert one != other
    for path in (one, other):
        assert re.fullmatch(f"{re.escape(Path(file).stem)}-[0-9a-f]{{8}}.safetensors", path.name)
        assert path.parent == tmp_path / "predictors"


@pytest.mark.parametrize("letter", ["a", "é", "数"])
def test_a_long_name_of_a_table_leaves_room_for_what_tells_settings_apart(tmp_path, letter):
    names = [f"{letter * (240 // len(letter.encode()))}{end}.csv" for end in "xy"]
    paths = [kept_path(tmp_path, "plain", name, True, "s" * 64) for name in names]
    assert len(set(paths)) == 2
    for path in paths:
        assert read_kept(written(path)).description == a_kept().description


@pytest.mark.parametrize("at", range(0, 8000, 487))
def test_a_flipped_byte_is_found(tmp_path, at):
    path = written(tmp_path / "a.safetensors")
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 0x11
    path.write_bytes(content)
    refused(path)


@pytest.mark.parametrize("length", [0, 3, 100, 2000])
def test_a_file_that_was_cut_is_refused(tmp_path, length):
    path = written(tmp_path / "a.safetensors")
    path.write_bytes(path.read_bytes()[:length])
    refused(path)


def test_a_file_of_others_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    safetensors.numpy.save_file({"a": np.zeros(3)}, path)
    assert f"without {ENTRY!r} in its metadata" in refused(path)
    assert "give a file of RUN/predictors, which memscope memorability RUN --train makes" in refused(path)
    assert "found nothing" in refused(tmp_path / "not-there")
    assert "found a directory" in refused(tmp_path)
    path.write_text("name,score\n")
    refused(path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"backbone": Backbone("plain", 10**9)}, "width"),
        ({"backbone": Backbone("plain", None)}, "width"),
        ({"backbone": Backbone("resnet18", 3)}, "width"),
        ({"image_shape": (8, 10**12, 1)}, "images are"),
        ({"image_shape": (8, 10)}, "images are"),
        ({"image_shape": (8, 10, 3)}, "channels"),
        ({"seeds": 10**9}, "seeds"),
        ({"class_names": ()}, "classes"),
        ({"precision": "float8"}, "precision"),
        ({"kind": "memory"}, "kind 'memory'"),
        ({"channel_mean": (float("inf"),)}, "no number|null|None"),
        ({"version": 2}, "version 2"),
    ],
)
def test_a_hostile_description_is_refused_under_a_right_seal(tmp_path, changes, told):
    path = written(tmp_path / "a.safetensors", a_kept(**changes))
    assert any(part in refused(path) for part in told.split("|")) or told.startswith("no number")


@pytest.mark.parametrize(
    "changes", [{"backbone": Backbone("plain", 3)}, {"backbone": Backbone("no-such-net")}, {"with_label": False}]
)
def test_weights_of_another_network_are_refused_before_memory_is_given(tmp_path, changes):
    kept = a_kept(**changes)
    path = written(tmp_path / "a.safetensors", kept)
    with pytest.raises(DataError) as error:
        network_of(path, read_kept(path))
    assert "\n" not in str(error.value)


def test_deep_json_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    described = "[" * 100_000
    entry = {"description": described, "sha256": seal_of(described, {})}
    path.write_bytes(safetensors.numpy.save({}, metadata={ENTRY: json.dumps(entry)}))
    refused(path)


def refused(path: Path) -> str:
    with pytest.raises(DataError) as error:
        read_kept(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    return str(error.value)


def test_a_fit_survives_its_file_and_another_or_a_damaged_one_is_refused(tmp_path):
    weights = a_kept().weights[0]
    fitted = Fitted(weights, np.arange(5, dtype=np.float32), np.ones((3, 2)), 2)
    path = fit_path(tmp_path, "s" * 64, "plain", 3)
    write_atomically(path, pack_fit("s" * 64, "plain", 3, fitted))
    found = read_fit(tmp_path, "s" * 64, "plain", 3, "again")
    assert found.epoch == 2
    assert np.array_equal(found.said, fitted.said)
    assert np.array_equal(found.course, fitted.course)
    assert all(np.array_equal(values, weights[name]) for name, values in found.weights.items())
    with pytest.raises(FileError, match="settings"):
        read_fit(tmp_path, "s" * 16 + "t" * 48, "plain", 3, "again")
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    with pytest.raises(FileError, match="damaged"):
        read_fit(tmp_path, "s" * 64, "plain", 3, "again")
    path.write_bytes(content[:-9] + b"x" + content[-8:])
    with pytest.raises(FileError, match="checksum"):
        read_fit(tmp_path, "s" * 64, "plain", 3, "again")
