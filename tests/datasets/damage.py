"""Files with bytes changed at random: they end in a refusal or in data."""

from pathlib import Path

import numpy as np

from memscope.datasets import load_dataset
from memscope.errors import MemscopeError


def expect_data_or_refusals(spec: str, path: Path, places: np.ndarray, bytes_changed: int, times: int) -> None:
    """Change bytes of a data set's file at some of the `places`; it is read, or refused in one line that names it."""
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = []
    for _ in range(times):
        damaged = bytearray(whole)
        for place in rng.choice(places, bytes_changed):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            found = load_dataset(spec)
        except MemscopeError as error:
            refused.append(str(error))
        else:
            assert found.train_images.dtype == np.uint8
            assert len(found.train_images) == len(found.train_labels) > 0
    assert len(refused) > 10
    assert all(path.name in line and "\n" not in line for line in refused)
