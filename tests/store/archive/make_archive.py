"""Makes run-<version>.tar.gz: a small finished run, kept so that later versions prove that they read it.

Run it once for every version of the format, never again for an old one: python tests/store/archive/make_archive.py
"""

import tarfile
import tempfile
from pathlib import Path

import numpy as np

from memscope.steps.score import score
from memscope.steps.train_family import WorkOptions, train_family
from memscope.steps.trajectories import trajectories
from memscope.store.format import ENCODING_VERSION
from memscope.work.options import Choices


def main() -> None:
    random = np.random.default_rng(0)
    patterns = random.integers(0, 256, (3, 8, 8, 1))
    with tempfile.TemporaryDirectory() as directory:
        arrays = {}
        for part, count in (("train", 60), ("test", 20)):
            labels = np.arange(count) % 3
            noisy = patterns[labels] + random.normal(0, 60, (count, 8, 8, 1))
            arrays[f"{part}_images"] = np.clip(noisy, 0, 255).astype(np.uint8)
            arrays[f"{part}_labels"] = labels
        np.savez(Path(directory) / "data.npz", **arrays)
        run = Path(directory) / "run"
        choices = Choices(
            data=f"npz:{directory}/data.npz", label_noise=0.1, family="mlp", widths=(2, 4, 8), models=20, epochs=3
        )
        train_family(run, choices, WorkOptions(device="cpu", engine="inline", keep_weights=False))
        score(run)
        trajectories(run)
        with tarfile.open(Path(__file__).with_name(f"run-{ENCODING_VERSION}.tar.gz"), "w:gz") as archive:
            archive.add(run, "run")


if __name__ == "__main__":
    main()
