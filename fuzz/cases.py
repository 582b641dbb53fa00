"""What a case must come to: data that are whole, or one line that says what was found. Anything else is a `Finding`."""

import os
import shutil
import tempfile
import time
import unicodedata
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch

from fuzz.archives import write_npz
from fuzz.changes import DATA, write_changes
from fuzz.hdf5_files import write_hdf5
from fuzz.pairs import write_pairs
from fuzz.pickles import MARKER, write_cifar_python
from fuzz.pictures import write_images
from fuzz.plain import write_cifar_binary, write_idx
from fuzz.plans import write_plan
from fuzz.predictors import write_predictor
from fuzz.run_files import DIGEST, GROUP, PREDICTING, TASK, plan, write_run
from fuzz.scores import INDEX, NAMES, write_scores
from fuzz.tables import write_hf
from fuzz.weights import EXPECTED, write_weights
from memscope.datasets import ImageDataset, load_dataset
from memscope.datasets.changes import changed
from memscope.datasets.changes_file import changes_in, changes_text, read_changes
from memscope.datasets.duplicates import Duplicates
from memscope.datasets.reading import FIRST_RULES
from memscope.datasets.score_table import read_score_table
from memscope.errors import MemscopeError
from memscope.plan.plan import Plan
from memscope.plan.plan_file import plan_to_toml, read_plan
from memscope.predictors.asking import ask, network_of
from memscope.predictors.kept import read_kept
from memscope.predictors.weights_file import fitting, read_tensors
from memscope.store.dynamics import check_checkpoints, read_dynamics
from memscope.store.examples import open_images, read_examples, write_examples
from memscope.store.ledger import read_outcome
from memscope.store.memorability import read_memorability
from memscope.store.pairs_file import read_pairs
from memscope.store.pairs_file import write_pairs as write_pairs_again
from memscope.store.proxies import read_proxies
from memscope.store.results import read_results
from memscope.store.weights import read_weights
from memscope.text import printable

SECONDS = 5.0
"""Of a core. No file of these few kilobytes should take longer; the time on the wall is watched from outside."""
MEGABYTES = 400
"""Of resident memory that one case may add, images 900: docs/reliability.md says where they go."""
SLACK = 100
"""Megabytes by which the peak of earlier cases may stand above what there is now."""
LONGEST = 1000
"""Characters of a message."""


class Finding(Exception):
    """A case that ended as none may."""


@dataclass(frozen=True)
class Format:
    """How the files of a case are written, and how memscope is made to read them."""

    write: Callable[[Random, Path], str]
    read: Callable[[str], None]
    megabytes: int = MEGABYTES


def read_dataset(spec: str) -> None:
    check_dataset(load_dataset(spec, say=check_said))


def check_said(line: str) -> None:
    """What is remarkable about data that were read is a line too; the command line makes it printable."""
    check_message(printable(line))


def read_folder(spec: str) -> None:
    """Under both rules; of every second case the images are made one size, as users do with their own."""
    size = 4 if len(spec) % 2 else None
    ways: list[dict[str, int]] = [{"reading": FIRST_RULES}, {"skip_unreadable": True}, {}]
    for position, options in enumerate(ways):
        try:
            check_dataset(load_dataset(spec, image_size=size, say=check_said, **options))
        except MemscopeError as error:
            if position == len(ways) - 1:
                raise
            check_message(str(error), error)


def check_dataset(found: ImageDataset) -> None:
    """A data set is what its class says it is, and a run can keep it."""
    for images, labels, index, names in (
        (found.train_images, found.train_labels, found.train_index, found.train_names),
        (found.test_images, found.test_labels, found.test_index, found.test_names),
    ):
        count = len(images)
        assert images.dtype == np.uint8, images.dtype
        assert images.ndim == 4, images.shape
        assert count > 0, images.shape
        assert images.shape[1:] == found.image_shape
        assert images.shape[3] in (1, 3), images.shape
        assert labels.shape == (count,), labels.shape
        assert labels.dtype == np.int64
        assert 0 <= labels.min() <= labels.max() < found.num_classes
        assert index.shape == (count,)
        assert index.dtype == np.int64
        assert names is None or len(names) == count
        assert names is None or all(type(name) is str for name in names)
    assert len(set(found.class_names)) == found.num_classes >= 2
    assert all(type(name) is str for name in found.class_names)
    assert len(found.fingerprint) == 64
    if all(name.isalnum() for name in (*found.class_names, *(found.train_names or ()))):
        return  # such names are kept as every run's are, and writing takes longer than all else
    none, there = np.full(len(found.train_labels), -1), np.full(len(found.test_labels), -1)
    with tempfile.TemporaryDirectory() as kept:
        write_examples(Path(kept), found, Duplicates(none, there, none, there, True))
        again = read_examples(Path(kept), found.fingerprint)
    assert again.class_names == found.class_names
    assert again.names == found.train_names
    assert (again.labels == found.train_labels).all()


def read_plan_file(path: str) -> None:
    found = read_plan(Path(path))
    assert isinstance(found, Plan)
    again = Path(path).with_name("again.toml")
    again.write_bytes(plan_to_toml(found))
    assert read_plan(again) == found
    assert found.subset(40, found.models - 1).shape == (40,)
    assert found.recipe.steps(40) >= 1
    assert found.grown(models=found.models + 1).models > 0


def read_run_files(path: str) -> None:
    """Everything that a run's files are read for; each that is refused is refused by itself."""
    run, refused = Path(path), []
    for read in (
        lambda: read_outcome(run, plan(), TASK),
        lambda: open_images(run, read_examples(run, plan().data.fingerprint)),
        lambda: read_results(run, "score", plan()),
        lambda: read_weights(run, plan(), TASK),
        lambda: read_dynamics(run, plan(), TASK),
        lambda: check_checkpoints(run, plan(), TASK),
        lambda: read_proxies(run, plan(), TASK, GROUP, DIGEST),
        lambda: read_memorability(run, plan().data.fingerprint, PREDICTING, range(20)),
    ):
        try:
            read()
        except MemscopeError as error:
            refused.append(error)
    if refused:
        raise refused[0]


def read_scores(path: str) -> None:
    """For examples that have names and for some that have none; refused only if it is for both."""
    refused = []
    for names in (NAMES, None):
        try:
            found = read_score_table(Path(path), np.array(INDEX), names)
        except MemscopeError as error:
            check_message(str(error), error)
            refused.append(error)
        else:
            assert found.values.shape == (len(INDEX),)
            assert found.values.dtype == np.float64
            assert not np.isinf(found.values).any()
            assert 0 < found.known <= found.lines
    if len(refused) == 2:
        raise refused[0]


def read_changes_of_data(path: str) -> None:
    """What is read can be written, and is read again as the same; what it makes of the data is a data set."""
    found = read_changes(Path(path))
    written = changes_in(Path(path), changes_text(found))
    assert [one.index for one in written.changes] == [one.index for one in found.changes]
    after = changed(DATA, found)
    check_dataset(after)
    assert changed(DATA, written).fingerprint == after.fingerprint
    assert len(after.train_labels) == len(DATA.train_labels) - found.number("drop")


def read_weights_of_others(path: str) -> None:
    expected = {name: torch.empty(shape, device="meta") for name, shape in EXPECTED.items()}
    found = fitting(Path(path), read_tensors(Path(path)), expected, "the network of this case")
    for name, shape in EXPECTED.items():
        assert found[name].shape == shape
        assert found[name].dtype == torch.float32
        assert found[name].isfinite().all()


def read_predictor(path: str) -> None:
    """A predictor that is read says something of images, whatever their size."""
    kept = read_kept(Path(path))
    network = network_of(Path(path), kept)
    assert kept.description.seeds == len(kept.weights) == len(kept.said) >= 1
    images = np.arange(2 * 6 * 6, dtype=np.uint8).reshape(2, 6, 6, 1)
    said = ask(kept, network, images, np.zeros(2, dtype=np.int64), torch.device("cpu"))
    assert said.shape == (len(kept.weights), 2)


def read_pairs_of_others(path: str) -> None:
    """What is read can be written, and is read again as the same."""
    found = read_pairs(path)
    again = Path(path).with_name("again.npz")
    write_pairs_again(again, found)
    written = read_pairs(again)
    for name in ("train", "test", "influence", "memorisation", "standard_error"):
        values = getattr(found, name)
        assert values is None or values.shape == found.train.shape
        assert np.array_equal(values, getattr(written, name), equal_nan=values is not None and values.dtype.kind == "f")
    assert (found.train >= 0).all()
    assert (np.abs(found.influence) < 1.01).all()
    assert written.size == found.size


FORMATS = {
    "idx": Format(write_idx, read_dataset),
    "cifar-binary": Format(write_cifar_binary, read_dataset),
    "cifar-python": Format(write_cifar_python, read_dataset),
    "npz": Format(write_npz, read_dataset),
    "hdf5": Format(write_hdf5, read_dataset),
    "hf": Format(write_hf, read_dataset),
    "images": Format(write_images, read_folder, 900),
    "plan": Format(write_plan, read_plan_file),
    "run": Format(write_run, read_run_files),
    "scores": Format(write_scores, read_scores),
    "changes": Format(write_changes, read_changes_of_data),
    "pairs": Format(write_pairs, read_pairs_of_others),
    "weights": Format(write_weights, read_weights_of_others),
    "predictor": Format(write_predictor, read_predictor),
}


def run_case(form: str, number: int) -> str:
    """Write a case's files, read them; `read`, or the line of the refusal. Finding for everything else.

    Works in a directory of its own, which is the working directory meanwhile, so that no two cases meet.
    """
    before = Path.cwd()
    directory = Path(tempfile.mkdtemp(prefix="memscope-fuzz-"))
    os.chdir(directory)
    try:
        case = directory / "case"
        case.mkdir()
        name = FORMATS[form].write(Random(f"{form} {number}"), case)
        start, stderr = time.process_time(), written_to_stderr()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            resident = memory("VmRSS")
            if memory("VmHWM") > resident + 1024 * SLACK:  # to do so takes longer than a case
                reset_peak()
            answer = answer_of(form, name)
            grown = (memory("VmHWM") - resident) / 1024
        took = time.process_time() - start
        if (directory / MARKER).exists() or list(case.rglob(MARKER)):
            raise Finding("code of the file was run")
        if warned:
            raise Finding(f"warned: {warned[0].category.__name__}: {warned[0].message}")
        if written_to_stderr() != stderr:
            raise Finding("wrote to standard error")
        if took > SECONDS:
            raise Finding(f"took {took:.1f} s: {answer}")
        if grown > FORMATS[form].megabytes:
            raise Finding(f"took {grown:,.0f} MB: {answer}")
        return answer
    finally:
        os.chdir(before)
        shutil.rmtree(directory, ignore_errors=True)


def answer_of(form: str, name: str) -> str:
    try:
        FORMATS[form].read(name)
    except MemscopeError as error:
        check_message(str(error), error)
        return str(error)
    except Finding:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise Finding(f"{type(error).__name__}: {str(error)[:300]}") from error
    return "read"


def check_message(message: str, error: BaseException | None = None) -> None:
    """One line that a terminal shows as it is, and that says what was found."""
    strange = [character for character in message if unicodedata.category(character)[0] in "CZ" and character != " "]
    if strange:
        raise Finding(f"{strange[0]!r} in {message!a}")
    if not 20 <= len(message) <= LONGEST:
        raise Finding(f"a message of {len(message)} characters: {message[:300]!a}")
    if error is not None and isinstance(error.__cause__, MemoryError):
        raise Finding(f"memory ran out: {message}")


def written_to_stderr() -> int:
    """Bytes in standard error, where that is a file: C libraries write there past Python."""
    with suppress(OSError):
        return os.fstat(2).st_size
    return 0


def reset_peak() -> None:
    """Start the peak of resident memory anew; Linux only, elsewhere the peak of memory is not watched."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def memory(field: str) -> int:
    """Kilobytes, from /proc; 0 where there is none."""
    with suppress(OSError), open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field):
                return int(line.split()[1])
    return 0
