"""ViTMem's network with the weights of a file, and every file that is refused."""

import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from memscope.errors import DataError, OptionError
from memscope.predictors import vitmem, weights_file
from memscope.predictors.prepared import prepared
from memscope.predictors.published import predict
from memscope.predictors.vitmem import load_vitmem
from memscope.predictors.weights_file import read_tensors
from memscope.torchvision_import import mend_torchvision

SMALL, SIDE = "test_vit", 160
"""In the place of a network of 86 million weights, which takes images of 224"""


@pytest.fixture
def small(monkeypatch) -> None:
    monkeypatch.setattr(vitmem, "ARCHITECTURE", SMALL)
    monkeypatch.setattr(vitmem, "SIDE", SIDE)


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    mend_torchvision()
    import timm

    torch.manual_seed(0)
    network = timm.create_model(SMALL, num_classes=1)
    return OrderedDict((f"vit.{name}", values) for name, values in network.state_dict().items())


def test_it_is_the_network_that_the_package_vitmem_makes():
    """Its parameters counted by hand: ViT-B/16 without biases of queries, keys and values, and one output."""
    wide, patches = 768, 14**2
    block = 4 * wide + 3 * wide**2 + (wide**2 + wide) + 2 * 4 * wide**2 + 5 * wide
    expected = (16**2 * 3 * wide + wide) + wide + (patches + 1) * wide + 12 * block + 2 * wide + (wide + 1)
    mend_torchvision()
    import timm

    with torch.device("meta"):
        network = timm.create_model(vitmem.ARCHITECTURE, pretrained=False, num_classes=1)
    assert sum(values.numel() for values in network.state_dict().values()) == expected == 85_771_777


@pytest.mark.parametrize("form", ["safetensors", "torch.save", "torch.save without its prefix", "half precision"])
def test_weights_of_every_form_give_the_networks_own_values(form, weights, small, tmp_path):
    import timm

    path = tmp_path / "weights"
    if form == "safetensors":
        safetensors.torch.save_file(dict(weights), path)
    elif form == "half precision":
        torch.save({name: values.half() for name, values in weights.items()}, path)
    else:
        plain = {name.removeprefix("vit."): values for name, values in weights.items()}
        torch.save(weights if form == "torch.save" else plain, path)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 40, 3), dtype=np.uint8)
    predictor = load_vitmem(path)
    network = timm.create_model(SMALL, num_classes=1)
    network.load_state_dict({name.removeprefix("vit."): values for name, values in weights.items()})
    with torch.no_grad():
        expected = torch.sigmoid(network.eval()(torch.from_numpy(prepared(images, SIDE))))[:, 0].numpy()
    found = predict(predictor, images, torch.device("cpu"))
    assert found == pytest.approx(expected, abs=1e-3 if form == "half precision" else 1e-6)
    assert (predictor.title, predictor.licence) == ("vitmem", None)


def test_the_same_weights_have_the_same_digest_whatever_the_file(weights, small, tmp_path):
    safetensors.torch.save_file(dict(weights), tmp_path / "a")
    torch.save(weights, tmp_path / "b")
    assert load_vitmem(tmp_path / "a").digest() == load_vitmem(tmp_path / "b").digest()


def test_without_a_file_it_says_where_the_weights_are_had_from():
    with pytest.raises(OptionError, match=r"needs --weights FILE.*MIT.*huggingface.co/brainpriority/vitmem"):
        load_vitmem(None)


def test_its_images_are_prepared_as_by_the_packages_transforms():
    """Those of the package name mean 0 and deviation 1, and no antialias, which pictures do not heed."""
    mend_torchvision()
    from torchvision import transforms

    steps = transforms.Compose([
        transforms.Resize((256, 256), transforms.InterpolationMode.BILINEAR, antialias=None),
        transforms.CenterCrop((224, 224)),
        transforms.ToTensor(),
        transforms.Normalize((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    ])  # fmt: skip
    image = np.random.default_rng(1).integers(0, 256, (45, 300, 3), dtype=np.uint8)
    assert prepared(image[None], 224)[0].tobytes() == steps(Image.fromarray(image)).numpy().tobytes()


class Malicious:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def archive(pickled: bytes, compression: int = zipfile.ZIP_STORED, parts: dict[str, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in {"data.pkl": pickled, "version": b"3\n", "byteorder": b"little", **(parts or {})}.items():
            file.writestr(f"archive/{name}", content)
    return buffer.getvalue()


def saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


GLOBAL_BYTEARRAY = b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R."
"""A pickle that asks for 2 GB"""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda path: archive(pickle.dumps(Malicious(path / "ran"), 2)), "found the name posix.mkdir in its pickle"),
        (lambda path: pickle.dumps(Malicious(path / "ran"), 2), "found a pickle, as torch.save wrote them before"),
        (lambda path: archive(pickle.dumps(Malicious(path / "ran"), 4)), "found the name STACK_GLOBAL"),
        (lambda path: archive(GLOBAL_BYTEARRAY), "found the name builtins.bytearray"),
        (lambda path: archive(pickle.dumps({}, 2)), "an archive of dict"),
        (lambda path: archive(pickle.dumps([1], 2)), "an archive of list"),
        (lambda path: archive(pickle.dumps({}, 2), zipfile.ZIP_DEFLATED), "that torch.save did not write"),
        (lambda path: archive(b"\x80\x02}" + b"q\x00" * (2**21), parts={"data/0": b""}), "found a pickle of"),
        (lambda path: archive(b"\x80\x02"), "a damaged archive"),
        (lambda path: saved({"a": torch.ones(2), "epoch": 3}), "found 'epoch', which is of type int"),
        (lambda path: saved({"model": {"a": torch.ones(2)}}), "save that alone: torch.save(torch.load(FILE)['model']"),
        (lambda path: saved(torch.ones(2)), "an archive of Tensor"),
        (lambda path: saved({"a": torch.ones(200)})[:-30], "a damaged archive"),
        (lambda path: b"", "found empty"),
        (lambda path: b"<!DOCTYPE html><html>404", "found a web page"),
        (lambda path: b"version https://git-lfs.github.com/spec/v1\n", "found a Git LFS pointer"),
        (lambda path: b"\x89HDF\r\n\x1a\n" + bytes(100), "found an HDF5 file"),
        (lambda path: b"hello " * 10, "bytes of no known kind"),
        (lambda path: struct.pack("<Q", 2**60) + b"{" + bytes(50), "a damaged safetensors file"),
        (lambda path: struct.pack("<Q", 2) + b"{}" + bytes(50), "a damaged safetensors file"),
    ],
)  # fmt: skip
def test_a_file_of_no_weights_is_refused_in_a_line_and_nothing_of_it_is_run(content, said, tmp_path, small):
    path = tmp_path / "weights.pth"
    path.write_bytes(content(tmp_path))
    with pytest.raises(DataError) as raised:
        load_vitmem(path)
    assert said in str(raised.value)
    assert str(path) in str(raised.value)
    assert "weights as safetensors or as torch.save" in str(raised.value)
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="found nothing, expected a file"):
        read_tensors(tmp_path / "none")
    with pytest.raises(DataError, match="found a directory, expected a file"):
        read_tensors(tmp_path)


def test_a_flipped_bit_in_the_weights_is_noticed(weights, small, tmp_path):
    content = bytearray(saved(weights))
    content[len(content) // 2] ^= 1
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(DataError, match="whose checksum is wrong"):
        load_vitmem(tmp_path / "w")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda them: them.pop("vit.head.bias"), "'vit.head.bias' is missing"),
        (lambda them: them.update(more=torch.ones(2)), "'more' is not among them"),
        (lambda them: them.update({"vit.head.bias": torch.ones(1000)}), "(1000,), expected floats of (1,)"),
        (lambda them: them.update({"vit.head.bias": torch.ones(1, dtype=torch.int64)}), "as torch.int64"),
        (lambda them: them.update({"vit.head.bias": torch.tensor([torch.nan])}), "a number in 'vit.head.bias'"),
    ],
)  # fmt: skip
def test_the_weights_of_another_network_are_refused(change, said, weights, small, tmp_path):
    changed = dict(weights)
    change(changed)
    torch.save(changed, tmp_path / "w")
    with pytest.raises(DataError) as raised:
        load_vitmem(tmp_path / "w")
    assert said in str(raised.value)


def test_a_tensor_that_claims_more_than_the_file_holds_takes_no_memory(small, tmp_path):
    """A view of one number may have any shape; it is compared before anything is copied."""
    torch.save({"vit.head.bias": torch.ones(1).expand(2**40)}, tmp_path / "w")
    with pytest.raises(DataError, match="is missing"):
        load_vitmem(tmp_path / "w")


def test_names_that_are_let_through_are_those_that_torch_writes(tmp_path):
    import pickletools

    kinds = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "uint8", "bool")
    content = OrderedDict((kind, torch.ones(2, dtype=getattr(torch, kind))) for kind in kinds)
    content["parameter"] = torch.nn.Parameter(torch.ones(1))
    (tmp_path / "w").write_bytes(saved(content))
    with zipfile.ZipFile(tmp_path / "w") as file:
        inside = next(name for name in file.namelist() if name.endswith("data.pkl"))
        named = {value for code, value, _ in pickletools.genops(file.read(inside)) if code.name == "GLOBAL"}
    assert named == weights_file.NAMES
    assert set(read_tensors(tmp_path / "w")) == {*kinds, "parameter"}
