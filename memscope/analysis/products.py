"""Float32 matrix products whose rounding error is that of float32, whatever has been allowed elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor


def multiply(left: Tensor, right: Tensor, out: Tensor) -> None:
    """Left [B, F] times the transpose of right [n, F] into `out` [B, n], all of them float32 and on one device."""
    if left.device.type == "cpu" and torch.get_num_threads() == 1:
        # NumPy's OpenBLAS takes 10 % less time than torch's MKL on the AMD processor of benchmarks/residual_memory.py.
        # With more threads than one, those of the two libraries would wait for each other, busily.
        np.matmul(left.numpy(), right.numpy().T, out=out.numpy())
    else:
        with full_float32():  # autocast leaves products with an `out` alone
            torch.mm(left, right.T, out=out)


@contextmanager
def full_float32() -> Iterator[None]:
    """Within it torch multiplies and convolves float32 as such, not as TF32 or bfloat16.

    The settings are put back after it. Convolutions of GPUs are TF32 unless they are told otherwise.
    """
    backends: Any = torch.backends
    separate = hasattr(backends, "fp32_precision")  # torch before 2.9 has one setting for all products
    places = [library.matmul for library in (backends.cuda, backends.mkldnn)] if separate else []
    places += [library.conv for library in (backends.cudnn, backends.mkldnn)] if separate else []
    before = [place.fp32_precision for place in places]
    before_of_all = None if separate else (torch.get_float32_matmul_precision(), backends.cudnn.allow_tf32)
    try:
        for place in places:
            place.fp32_precision = "ieee"
        if before_of_all is not None:
            torch.set_float32_matmul_precision("highest")
            backends.cudnn.allow_tf32 = False
        yield
    finally:
        for place, precision in zip(places, before, strict=True):
            place.fp32_precision = precision
        if before_of_all is not None:
            torch.set_float32_matmul_precision(before_of_all[0])
            backends.cudnn.allow_tf32 = before_of_all[1]
