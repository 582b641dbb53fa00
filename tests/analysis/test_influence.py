"""Influence against means over models, one pair of examples after the other, in float64."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from memscope import influence, influence_blocks, memorisation
from memscope.analysis.influence import ARITHMETIC, BLOCK_SIZE
from memscope.errors import OptionError

ONE_BLOCK, SMALLEST = BLOCK_SIZE, 1


def outcomes(models: int, train: int, test: int, share: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Models are right on a test example more often if they saw the training example at its place."""
    random = np.random.default_rng(models)
    in_subset = random.random((models, train)) < share
    shown = in_subset[:, np.arange(test) % train]
    return in_subset, random.random((models, test)) < np.where(shown, 0.8, 0.3)


def means(in_subset: np.ndarray, test_correct: np.ndarray) -> np.ndarray:
    expected = np.full((in_subset.shape[1], test_correct.shape[1]), np.nan)
    for i, member in enumerate(in_subset.T):
        if member.any() and not member.all():
            for j, right in enumerate(test_correct.T.astype(np.float64)):
                expected[i, j] = right[member].mean() - right[~member].mean()
    return expected


def pack(values: np.ndarray) -> np.ndarray:
    return np.packbits(values, axis=1, bitorder="little")


def assert_same_bits(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))


def test_influence_by_hand():
    in_subset = np.array([[1, 1], [1, 0], [1, 0], [0, 1], [0, 1]], dtype=bool)
    test_correct = np.array([[1, 0, 1], [1, 1, 1], [0, 0, 1], [0, 1, 1], [1, 0, 1]], dtype=bool)
    found = influence(in_subset, test_correct)
    assert found.dtype == np.float32
    expected = [[2 / 3 - 1 / 2, 1 / 3 - 1 / 2, 0], [2 / 3 - 1 / 2, 1 / 3 - 1 / 2, 0]]
    np.testing.assert_array_equal(found, np.array(expected).astype(np.float32))


@pytest.mark.parametrize("block_size", [SMALLEST, ONE_BLOCK])
@pytest.mark.parametrize(("models", "train", "test"), [(40, 100, 130), (257, 33, 8), (2, 1, 1), (1000, 31, 32)])
def test_influence_is_a_difference_of_means_to_one_rounding(models, train, test, block_size):
    in_subset, test_correct = outcomes(models, train, test)
    found, expected = influence(in_subset, test_correct, block_size=block_size), means(in_subset, test_correct)
    np.testing.assert_allclose(found, expected, rtol=2**-23, atol=1e-15)  # zero is not quite so in `expected`


def test_one_model_without_an_example_among_thousands_costs_no_precision():
    in_subset, test_correct = outcomes(20_000, 8, 40)
    in_subset[:, :4] = np.arange(20_000)[:, None] != 77  # c (1 / n_in + 1 / n_out) is near 1e4, its rounding near 1e-3
    in_subset[:, 4:] = np.arange(20_000)[:, None] == 77
    np.testing.assert_allclose(influence(in_subset, test_correct), means(in_subset, test_correct), rtol=2**-23)


def test_the_diagonal_of_the_training_set_on_itself_is_the_memorisation_score():
    in_subset, correct = outcomes(200, 150, 150)
    score = memorisation(in_subset, correct).score
    assert score.mean() > 0.4
    np.testing.assert_allclose(np.diag(influence(in_subset, correct)), score, rtol=2**-23, atol=1e-15)


def test_without_a_model_on_one_side_influence_is_undefined_and_on_no_other_example():
    in_subset, test_correct = outcomes(30, 70, 50)
    in_subset[:, 3], in_subset[:, 68] = True, False
    found = influence(in_subset, test_correct)
    assert np.flatnonzero(np.isnan(found).any(axis=1)).tolist() == [3, 68]
    assert np.isnan(found[[3, 68]]).all()
    assert np.isnan(influence(in_subset[:0], test_correct[:0])).all()


def test_the_size_of_a_block_changes_no_bit():
    in_subset, test_correct = outcomes(60, 500, 300)
    in_subset[:, 7] = True
    whole = influence(in_subset, test_correct, block_size=ONE_BLOCK)
    for block_size in (SMALLEST, 60_000, 400_000):
        assert_same_bits(influence(in_subset, test_correct, block_size=block_size), whole)


def test_blocks_cover_every_pair_once_one_slice_of_training_examples_after_the_other():
    in_subset, test_correct = outcomes(60, 333, 205)
    whole = influence(in_subset, test_correct)
    seen = np.zeros(whole.shape, dtype=int)
    # Kept, not looked at as they come: a block must not be written over by the next.
    blocks = list(influence_blocks(in_subset, test_correct, block_size=100_000))
    assert len({block.shape for _, _, block in blocks}) > 1
    for train, test, block in blocks:
        seen[train, test] += 1
        assert block.dtype == np.float32
        assert_same_bits(block, whole[train, test])
    assert (seen == 1).all()
    starts = [(train.start, test.start) for train, test, _ in blocks]
    assert starts == sorted(starts)


@pytest.mark.parametrize("block_size", [SMALLEST, ONE_BLOCK])
def test_packed_bits_give_what_bools_give(block_size):
    in_subset, test_correct = outcomes(45, 203, 75)
    expected = influence(in_subset, test_correct)
    options = {"block_size": block_size}
    assert_same_bits(influence(pack(in_subset), pack(test_correct), train=203, test=75, **options), expected)
    assert_same_bits(influence(pack(in_subset), test_correct, train=203, **options), expected)
    assert_same_bits(influence(in_subset, pack(test_correct), test=75, **options), expected)


@pytest.mark.parametrize("block_size", [SMALLEST, ONE_BLOCK])
def test_int8_products_give_the_bits_of_float32_and_have_shapes_that_a_gpu_multiplies(block_size, monkeypatch):
    """What a GPU does, on the CPU, with more models than int8 can count."""
    product = torch._int_mm

    def product_of_a_gpu(left, right, out):
        assert len(left) > 16
        assert all(count % 8 == 0 for count in right.shape)
        return product(left, right, out=out)

    in_subset, test_correct = outcomes(301, 90, 70)
    expected = influence(in_subset, test_correct)
    monkeypatch.setitem(ARITHMETIC, "cpu", torch.int8)
    monkeypatch.setattr(torch, "_int_mm", product_of_a_gpu)
    assert_same_bits(influence(in_subset, test_correct, block_size=block_size), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_bits_of_the_cpu():
    in_subset, test_correct = outcomes(301, 900, 700)
    expected = influence(in_subset, test_correct)
    for block_size in (SMALLEST, ONE_BLOCK):
        assert_same_bits(influence(in_subset, test_correct, block_size=block_size, device="cuda"), expected)


def test_arrays_that_only_can_be_read_and_those_without_examples_are_taken(recwarn):
    in_subset, test_correct = outcomes(20, 40, 30)
    expected = influence(in_subset, test_correct)
    for values in (in_subset, test_correct):
        values.setflags(write=False)
    assert_same_bits(influence(in_subset, test_correct), expected)
    assert influence(in_subset[:, :0], test_correct).shape == (0, 30)
    assert influence(in_subset, test_correct[:, :0]).shape == (40, 0)
    assert not recwarn.list


def test_what_is_not_masks_and_outcomes_is_refused_before_the_first_block():
    in_subset, test_correct = outcomes(20, 40, 30)
    bits = pack(in_subset)
    for arguments, options, message in (
        ((in_subset[0], test_correct), {}, r"in_subset has shape \(40,\), expected \[models, train\]"),
        ((in_subset, test_correct[None]), {}, r"test_correct has shape \(1, 20, 30\), expected \[models, test\]"),
        ((in_subset, test_correct[:19]), {}, "in_subset has 20 models and test_correct 19"),
        (
            (in_subset.astype(int), test_correct),
            {},
            r"in_subset is int64, expected bool: pass in_subset.astype\(bool\)",
        ),
        ((in_subset, test_correct.astype(float)), {}, "test_correct is float64, expected bool"),
        ((bits, test_correct), {}, "in_subset is uint8, expected bool: .* or, of packed bits, train="),
        (
            (bits, test_correct),
            {"train": 41},
            r"in_subset is uint8 \(20, 5\), expected uint8 \[models, 6\] for train=41",
        ),
        ((in_subset, test_correct), {"test": 30}, r"test_correct is bool \(20, 30\), expected uint8 \[models, 4\]"),
        ((in_subset, test_correct), {"block_size": 0}, "block_size is 0, expected a number of bytes above 0"),
        ((in_subset, test_correct), {"device": "mps"}, "device is 'mps', expected one of cpu, cuda"),
    ):
        for function in (influence, influence_blocks):
            with pytest.raises(OptionError, match=message) as raised:
                function(*arguments, **options)
            assert "\n" not in str(raised.value)


MEASURE = """
import numpy as np, torch
from memscope import influence_blocks
torch.set_num_threads(1)
models, train, test = 2000, 12000, 1100
random = np.random.default_rng(0)
mask, right = (random.integers(0, 256, (models, -(-n // 8)), dtype=np.uint8) for n in (train, test))

def memory(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
before = memory("VmRSS")
assert sum(block.size for _, _, block in influence_blocks(mask, right, train=train, test=test)) == train * test
print(memory("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_memory_at_1281167_by_50000_and_2000_models_follows_from_that_of_a_slice():
    """Beside its arguments it takes no more than a block, so 333 MB of arguments and 60 MB will do for ImageNet.

    On this slice the influence of all examples would take 53 MB more, their zeros and ones as float32 88 MB.
    """
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", MEASURE], env=environment, check=True, capture_output=True, text=True)
    taken, libraries = int(run.stdout), 24 * 2**20  # of which OpenBLAS takes most, once
    assert BLOCK_SIZE / 2 < taken < BLOCK_SIZE + libraries
    arguments = 2000 * (1_281_167 + 50_000) / 8
    assert arguments + taken < 0.4e9
