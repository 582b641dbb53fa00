"""One fit of a backbone, in a write-once file: the record that it is done, until all of them are kept in one.

`predictors/fits/<settings>/<backbone>/<seed>.safetensors`, where `<settings>` are the first 16 digits of the SHA-256
over all that decides the fits.
"""

import json
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from memscope.predictors.fitting import Fitted
from memscope.store.format import DAMAGE, check_stamp, damage
from memscope.store.weights import content_digest, opened

ENTRY = "memscope-fit"
OWN = ("said", "course")
"""Tensors beside the weights"""


def fits_directory(run: Path, settings: str) -> Path:
    return run / "predictors" / "fits" / settings[:16]


def fit_path(run: Path, settings: str, backbone: str, seed: int) -> Path:
    return fits_directory(run, settings) / backbone / f"{seed:05d}.safetensors"


def pack_fit(settings: str, backbone: str, seed: int, fitted: Fitted) -> bytes:
    """The content of the file of one fit."""
    tensors = {f"weights/{name}": values for name, values in fitted.weights.items()}
    tensors |= {name: np.ascontiguousarray(getattr(fitted, name)) for name in OWN}
    stamp = stamps(settings, backbone, seed) | {"epoch": str(fitted.epoch), "sha256": content_digest(tensors)}
    return safetensors.numpy.save(tensors, metadata={ENTRY: json.dumps(stamp)})


def stamps(settings: str, backbone: str, seed: int) -> dict[str, str]:
    return {"settings": settings, "backbone": backbone, "seed": str(seed)}


def read_fit(run: Path, settings: str, backbone: str, seed: int, again: str) -> Fitted:
    """The fit in its file; FileError where it is damaged or another's. `again` is the command that makes it again."""
    path = fit_path(run, settings, backbone, seed)
    found, stamp = read_fit_file(run, path, again)
    for name, expected in stamps(settings, backbone, seed).items():
        check_stamp(run, path, name, expected, stamp.get(name, ""), again)
    return found


def read_fit_file(run: Path, path: Path, again: str) -> tuple[Fitted, dict[str, str]]:
    """A fit and its stamps; FileError where the file is damaged."""
    try:
        with opened(path) as file:
            stamp = {str(name): str(value) for name, value in json.loads((file.metadata() or {})[ENTRY]).items()}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is not a mapping
        if stamp["sha256"] != content_digest(tensors):
            raise ValueError("its content is not what its checksum says")
        weights = {
            name.removeprefix("weights/"): values for name, values in tensors.items() if name.startswith("weights/")
        }
        return Fitted(weights, tensors["said"], tensors["course"], int(stamp["epoch"])), stamp
    except (safetensors.SafetensorError, *DAMAGE, RecursionError) as error:
        raise damage(run, path, error, again) from error
