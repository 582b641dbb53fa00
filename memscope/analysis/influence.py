"""Influence: how much more often a test example is right in models trained with a training example than without it.

In come the subsets of models and what the models got right, out comes the influence of every training example on every
test example: whole (`influence`) or, where 1,281,167 x 50,000 float32 numbers take 256 GB, in blocks:

    for train, test, block in influence_blocks(in_subset, test_correct):
        pairs = np.argwhere(block >= 0.15) + (train.start, test.start)

Of K models, n_i were trained with training example i, T_j are right on test example j, and c_ij are both. Then

    influence_ij = c_ij / n_i - (T_j - c_ij) / (K - n_i) = (K c_ij - n_i T_j) / (n_i (K - n_i))

The counts are products of matrices of zeros and ones, exact integers in float32 (for up to 2^24 models) as in int8
with int32 sums. The rest is computed in float64, where the numerator is exact too, and rounded to float32 once more.
So neither the size of a block nor the device can change a bit.

Source: Feldman & Zhang 2020, 'What neural networks memorize and why', arXiv 2008.03703.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, isqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from memscope.analysis.products import multiply
from memscope.errors import OptionError

Block = tuple[slice, slice, NDArray[np.float32]]

BLOCK_SIZE = 32 * 2**20
"""Bytes of working space: for 2,000 models, blocks of about 1,000 x 1,000. Twice as much gains nothing on a CPU."""

ARITHMETIC = {"cpu": torch.float32, "cuda": torch.int8}
"""What is multiplied on a device. On a CPU with AVX2 alone int8 runs at 2.5 Gop/s and float32 at 88."""

MULTIPLE = 32
"""Rows and columns of a product come in multiples of it: int8 on a GPU wants more than 16 rows, and multiples of 8."""

PIECE = 2**18
"""Float64 numbers that are computed at once on a CPU: 2 MiB, still in the cache when they are read again."""


@dataclass(frozen=True)
class Binary:
    """Zeros and ones [models, examples]: `values` are bool, or uint8 with 8 examples in each, the first in bit 0."""

    values: NDArray[Any]
    examples: int

    def columns(self, here: slice) -> NDArray[np.uint8]:
        """A copy of those of some examples, [models, n]; `here` starts at a multiple of 8."""
        if self.values.dtype == bool:
            return self.values[:, here].copy().view(np.uint8)  # torch warns of arrays that are read-only, as files are
        packed = self.values[:, here.start // 8 : ceil(here.stop / 8)]
        return np.unpackbits(packed, axis=1, count=here.stop - here.start, bitorder="little")


def influence(
    in_subset: ArrayLike,
    test_correct: ArrayLike,
    *,
    train: int | None = None,
    test: int | None = None,
    block_size: int = BLOCK_SIZE,
    device: str = "cpu",
) -> NDArray[np.float32]:
    """The influence [train, test], float32, of every training example on every test example.

    Arguments, errors and working space are those of `influence_blocks`. With the training set as the test set the
    diagonal is the memorisation score.
    """
    mask, right = _checked(in_subset, test_correct, train, test)
    result = np.empty((mask.examples, right.examples), dtype=np.float32)
    for rows, columns, block in _blocks(mask, right, *_checked_options(block_size, device)):
        result[rows, columns] = block
    return result


def influence_blocks(
    in_subset: ArrayLike,
    test_correct: ArrayLike,
    *,
    train: int | None = None,
    test: int | None = None,
    block_size: int = BLOCK_SIZE,
    device: str = "cpu",
) -> Iterator[Block]:
    """Blocks of `influence`: (train slice, test slice, float32 block), all test slices of one train slice in turn.

    `in_subset` is bool [models, train], true where the model was trained on the example, and `test_correct` bool
    [models, test], whether it is right on a test example. Either may be packed, as subsets are in the outcome files
    of a run: uint8 from `np.packbits(values, axis=1, bitorder="little")`, with `train` or `test`, the number of
    examples. No model is left out here: leave out those that diverged. Influence is NaN where no model was trained
    with, or none without, the training example.

    `device` is cpu or cuda. Beside its arguments it takes `block_size` bytes, or what 32 x 32 examples need, and some
    20 MB, most of them for the library that multiplies; blocks are the caller's to keep. Raises OptionError, before
    the first block, for other shapes, types or devices.
    """
    return _blocks(*_checked(in_subset, test_correct, train, test), *_checked_options(block_size, device))


def _blocks(mask: Binary, right: Binary, block_size: int, device: str) -> Iterator[Block]:
    models = len(mask.values)
    edge = _edge(models, block_size)
    trains, tests = _slices(mask.examples, edge), _slices(right.examples, edge)
    left, other = _operand(models, trains, device), _operand(models, tests, device)
    sums = torch.int32 if left.dtype == torch.int8 else torch.float32
    counts = torch.empty((len(left), len(other)), dtype=sums, device=device)
    for train in trains:
        _fill(left, mask.columns(train))
        for test in tests:
            _fill(other, right.columns(test))
            if sums == torch.int32:
                torch._int_mm(left, other.T, out=counts)
            else:
                multiply(left, other, out=counts)
            block = _from_counts(counts, models, train.stop - train.start, test.stop - test.start)
            yield train, test, block.cpu().numpy()


def _edge(models: int, block_size: int) -> int:
    """The largest edge of a square block whose working space is `block_size` bytes.

    For every example of an edge, two operands take 4 bytes and one more unpacked zeros and ones 1 byte; for every
    pair there are 4 bytes of counts and 4 of the block, and 4 of the last one, which the caller may still hold.
    """
    edge = (isqrt((9 * models) ** 2 + 48 * block_size) - 9 * models) // 24
    return max(MULTIPLE, edge // MULTIPLE * MULTIPLE)


def _slices(examples: int, edge: int) -> list[slice]:
    """Slices of the examples, of equal length but for the last, which leave room for one example more."""
    number = ceil(examples / (edge - 8))
    length = 8 * ceil(examples / (8 * number)) if number else edge
    return [slice(first, min(first + length, examples)) for first in range(0, examples, length)]


def _operand(models: int, slices: list[slice], device: str) -> Tensor:
    """Space for the zeros and ones of any of the slices, [edge, models], with an example more, which all models have.

    It stands last. The products with it are n_i and T_j, and cost nothing.
    """
    edge = MULTIPLE * ceil((max((here.stop - here.start for here in slices), default=0) + 1) / MULTIPLE)
    if ARITHMETIC[device] == torch.int8:
        operand = torch.zeros((edge, 8 * ceil(models / 8)), dtype=torch.int8, device=device)
    else:
        operand = torch.zeros((models, edge), dtype=torch.float32, device=device).T  # filled without being transposed
    operand[-1, :models] = 1
    return operand


def _fill(operand: Tensor, columns: NDArray[np.uint8]) -> None:
    """Columns [models, n] into the first n rows of an operand. What is left beyond them of others is not looked at."""
    models, n = columns.shape
    operand[:n, :models] = torch.from_numpy(columns).to(operand.device).T


def _from_counts(counts: Tensor, models: int, rows: int, columns: int) -> Tensor:
    """Influence, float32 [rows, columns], from counts that end in a row of T and a column of n."""
    n, right = counts[:rows, -1].double(), counts[-1, :columns].double()
    divisor = (n * (models - n))[:, None]  # 0 where influence is undefined, as is its numerator: 0 / 0 is NaN
    result = torch.empty((rows, columns), dtype=torch.float32, device=counts.device)
    step = max(1, PIECE // columns) if counts.device.type == "cpu" else rows
    for first in range(0, rows, step):
        here = slice(first, min(first + step, rows))
        numerator = torch.addr(counts[here, :columns].double(), n[here], right, beta=models, alpha=-1)
        result[here] = numerator.div_(divisor[here])
    return result


def _checked(
    in_subset: ArrayLike, test_correct: ArrayLike, train: int | None, test: int | None
) -> tuple[Binary, Binary]:
    mask, right = _binary("in_subset", in_subset, "train", train), _binary("test_correct", test_correct, "test", test)
    if len(mask.values) != len(right.values):
        raise OptionError(
            f"in_subset has {len(mask.values)} models and test_correct {len(right.values)}, expected the same number: "
            "give one row per model, in the same order, in both"
        )
    return mask, right


def _binary(name: str, given: ArrayLike, axis: str, examples: int | None) -> Binary:
    values = np.asarray(given)
    if values.ndim != 2:
        raise OptionError(
            f"{name} has shape {values.shape}, expected [models, {axis}]: give a row per model, a column per example"
        )
    if examples is None:
        if values.dtype != bool:
            raise OptionError(
                f"{name} is {values.dtype}, expected bool: pass {name}.astype(bool), or, of packed bits, {axis}=, the "
                "number of examples"
            )
        return Binary(values, values.shape[1])
    if values.dtype != np.uint8 or values.shape[1] != ceil(examples / 8):
        raise OptionError(
            f"{name} is {values.dtype} {values.shape}, expected uint8 [models, {ceil(examples / 8)}] for {axis}="
            f"{examples}: pass np.packbits({name}, axis=1, bitorder='little'), or bool values without {axis}="
        )
    return Binary(values, examples)


def _checked_options(block_size: int, device: str) -> tuple[int, str]:
    if block_size < 1:
        raise OptionError(
            f"block_size is {block_size}, expected a number of bytes above 0: the default is {BLOCK_SIZE}"
        )
    if device not in ARITHMETIC:
        raise OptionError(f"device is {device!r}, expected one of {', '.join(ARITHMETIC)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise OptionError("device is 'cuda', which is not available here: use 'cpu'")
    return block_size, device
