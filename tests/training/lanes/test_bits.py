"""What a model's bits depend on: itself. Not on its lane, its neighbours, the number of lanes, compiler or flags."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

from memscope.training.backends.lanes import network
from memscope.training.backends.lanes.flags import COMMON, KINDS
from memscope.training.backends.lanes.library import SOURCES, declared, kinds_of_processor, most_lanes
from tests.training.lanes.nets import in_lanes, networks, pictures

RATES = (0.1, 0.05, 0.9, 5e-4)
ABOUT = pictures((9, 11, 3))


def trained(models, indices, about=ABOUT, steps=5):
    """Lanes after some steps: of each model the bytes of its weights, and the group."""
    group = in_lanes(models, about, indices.shape[2])
    for step in range(steps):
        group.step(np.ascontiguousarray(indices[: group.lanes, step]), RATES, 0.1)
    return [bytes_of(group, lane, models[0]) for lane in range(len(models))], group


def bytes_of(group, lane, model):
    return b"".join(value.tobytes() for value in group.take(lane, model).values())


def drawn(count, batch=10, steps=5, seed=0):
    return np.random.default_rng(seed).integers(0, len(ABOUT.images), (count, steps, batch))


@pytest.mark.parametrize(("family", "size"), [("cnn", 3), ("resnet8", 2), ("mlp", 6)])
def test_a_model_has_the_same_bits_in_any_lane_beside_any_neighbours(family, size):
    width = most_lanes()
    models, others = (networks(family, size, (9, 11, 3), width, seed) for seed in (0, 1))
    indices, strange = drawn(width), drawn(width, seed=1)
    alone, _ = trained(models[:1], np.concatenate([indices[:1]] * width))
    first, _ = trained([models[0], *others[1:]], np.concatenate([indices[:1], strange[1:]]))
    last, _ = trained([*others[1:], models[0]], np.concatenate([strange[1:], indices[:1]]))
    assert alone[0] == first[0] == last[-1]
    assert first[0] != first[1]


@pytest.mark.parametrize("family", ["cnn", "resnet8", "mlp"])
def test_a_lane_that_diverges_changes_no_bit_of_the_others(family):
    width = most_lanes()
    models = networks(family, 3, (9, 11, 3), width)
    indices = drawn(width)
    calm, _ = trained(models, indices)
    for value in (np.nan, np.inf, 1e30):
        wild = networks(family, 3, (9, 11, 3), width)
        next(wild[1].parameters()).data.fill_(value)
        found, group = trained(wild, indices)
        assert [one == other for one, other in zip(found, calm, strict=True)] == [lane != 1 for lane in range(width)]
        _, odds = group.evaluate()
        if np.isnan(value):
            assert np.isnan(odds[1]).all()
        assert np.isfinite(np.delete(odds, 1, 0)).all()


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    """Compiles the sources with other flags, once each."""
    folder, made = tmp_path_factory.mktemp("builds"), {}

    def build(compiler, *flags):
        if (compiler, flags) not in made:
            path = folder / f"{len(made)}.so"
            command = [compiler, *COMMON, *flags, str(SOURCES / "lanes.c"), "-o", str(path)]
            subprocess.run(command, check=True, capture_output=True)
            made[compiler, flags] = declared(ctypes.CDLL(str(path)))
        return made[compiler, flags]

    return build


OTHERS = [("cc", "-O1", "-DL=4"), ("cc", "-O1", "-DL=16"), ("clang", "-O1", "-DL=8")]
ONE_BY_ONE = [
    *(("cc", "-O1"), ("cc", "-O2")),
    *(("cc", f"-DL={count}") for count in (4, 8, 16)),
    *(("clang", "-O1"), ("clang", "-O3"), ("clang", "-DL=4")),
]
"""Builds that take five seconds each, for what `OTHERS` change at once."""


@pytest.mark.skipif(not kinds_of_processor(), reason="no vectors to train in")
@pytest.mark.parametrize(
    "other", [*OTHERS, *(pytest.param(one, marks=pytest.mark.thorough) for one in ONE_BY_ONE)], ids=" ".join
)
def test_compilers_flags_and_numbers_of_lanes_give_the_same_bits(builds, monkeypatch, other):
    compiler, *flags = other
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler} here")
    kind = kinds_of_processor()[0]
    flags = (*KINDS[kind], *flags)  # the last number of lanes counts
    for family, size in (("cnn", 3), ("cnn", 8), ("resnet8", 2), ("mlp", 6)):
        models = networks(family, size, (9, 11, 3), 4)
        indices = drawn(16)
        indices[4:] = indices[:1]  # in lanes that are left over the first model is trained
        ours, group = trained(models, indices)
        asked = group.evaluate()
        with monkeypatch.context() as patched:
            patched.setattr(network, "library", lambda lanes: builds(compiler, *flags))
            patched.setattr(network, "lanes_for", lambda models: builds(compiler, *flags).lanes_count())
            theirs, group = trained(models, indices)
            again = group.evaluate()
        assert ours == theirs, (family, size)
        assert all((one[:4] == other[:4]).all() for one, other in zip(asked, again, strict=True))
