"""Files of weights that other people have made: safetensors and what torch.save writes, damaged, hostile, and others'."""

import io
import pickle
import zipfile
from functools import cache
from pathlib import Path
from random import Random

import safetensors.torch
import torch

from fuzz.damage import damaged
from fuzz.pickles import malicious
from fuzz.run_files import hostile_weights

EXPECTED = {"vit.a": (3, 2), "vit.b": (4,), "vit.c": ()}
"""Shapes of the tensors of the network that the weights are for, by name"""


@cache
def network() -> dict[str, torch.Tensor]:
    return {name: torch.arange(1.0, 1 + torch.Size(shape).numel()).reshape(shape) for name, shape in EXPECTED.items()}


@cache
def odd() -> tuple[object, ...]:
    """What torch.save may also have been given."""
    one = torch.ones(1)
    return (
        {**network(), "more": one}, {"vit.a": one}, {"model": network()}, {}, [], one, {1: one}, {"vit.a": 3, **network()},
        {**network(), "vit.b": torch.full((4,), torch.nan)}, {**network(), "vit.b": torch.ones(4, dtype=torch.int64)},
        {**network(), "vit.b": one.expand(2**40)}, {**network(), "vit.b": torch.ones(4, dtype=torch.complex64)},
        {**network(), "vit.b": torch.ones(4).to_sparse()}, {**network(), "vit.b": torch.nn.Parameter(torch.ones(4))},
        {**network(), "vit.c": torch.tensor(1.0, dtype=torch.float64)}, {**network(), "\x1b[31m\n": one}, {"x": {"y": {"z": one}}},
        {**network(), "vit.b": torch.ones(8).view(4, 2).T[0]}, {**network(), "vit.b": torch.ones(4, device="meta")}, torch.nn.Linear(2, 2),
    )  # fmt: skip


@cache
def saved(which: int, legacy: bool = False) -> bytes:
    """What torch.save makes of the network, or of something odd."""
    buffer = io.BytesIO()
    torch.save(network() if which < 0 else odd()[which], buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


PICKLES = (
    b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.", b"\x80\x02}.", b"\x80\x02]q\x00h\x00a.", b"\x80\x02(((((.", b"\x80\x02N.", b"",
    b"\x80\x02ccollections\nOrderedDict\n)R}X\x01\x00\x00\x00aK\x01sb.", b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(NK\x00))\x89NtR.",
    b"\x80\x02ctorch\nFloatStorage\n.", b"\x80\x02X\xff\xff\xff\x7fabc.", b"\x80\x02\x8a\xff" + b"\xff" * 255 + b".", b"\x80\x02" + b"(" * 100_000 + b".",
    b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b".", b"cposix\nsystem\n(S'id'\ntR.", b"\x80\x02K\x01Q.", b"\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ.",
)  # fmt: skip


def packed_again(random: Random, whole: bytes) -> bytes:
    """The archive with another pickle, other parts, or packed."""
    buffer = io.BytesIO()
    method = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    with zipfile.ZipFile(io.BytesIO(whole)) as before, zipfile.ZipFile(buffer, "w", method) as archive:
        for member in before.infolist():
            content = before.read(member)
            if member.filename.endswith("data.pkl"):
                hostile = (pickle.dumps(malicious(), 2), pickle.dumps([malicious()], 4), random.choice(PICKLES))
                content = random.choice((content, damaged(random, content), damaged(random, content), *hostile))
            elif random.random() < 0.1:
                content = damaged(random, content) if content else b"x"
            if random.random() > 0.03:
                name = random.choice((member.filename,) * 9 + ("x/" + member.filename,))
                archive.writestr(zipfile.ZipInfo(name), content, method)  # with no time of today's
    return buffer.getvalue()


def write_weights(random: Random, directory: Path) -> str:
    """One of the two forms; whole, or damaged, or of something else."""
    chance = random.random()
    if chance < 0.4:
        content = safetensors.torch.save(network())
        if random.random() < 0.2:
            content = hostile_weights(random, content)
        elif random.random() < 0.9:
            content = damaged(random, content, most=2, head=200)
    elif chance < 0.6:
        content = saved(random.randrange(-2, len(odd())), random.random() < 0.05)
    elif chance < 0.8:
        content = packed_again(random, saved(-1))
    elif chance < 0.97:
        content = damaged(random, saved(-1), most=2)
    else:
        content = random.choice(
            (pickle.dumps(malicious()), b"", b"<html>404</html>", b"version https://git-lfs.github.com/spec/v1\n")
        )
    path = directory / "weights.pth"
    path.write_bytes(content)
    return str(path)
