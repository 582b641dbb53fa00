"""The data set of a run, as it was planned: from the run's own files, or read again from its source."""

import os
from contextlib import suppress

from memscope.datasets import load_dataset
from memscope.datasets.duplicates import find_duplicates
from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import RunError
from memscope.files.places import at_home, mended_spec, place_in, split_spec
from memscope.plan.plan import Plan
from memscope.run import Run
from memscope.store.examples import cache_images, open_dataset, read_examples, write_examples
from memscope.store.image_stamp import is_stamped, stamp_of, write_stamp
from memscope.work.carrying_out import Say, silent


def load_as_planned(plan: Plan, spec: str | None, say: Say = silent) -> ImageDataset:
    """The plan's data set, perhaps from another place; RunError if it is not the same data."""
    data = plan.data
    spec = spec or mended_spec(data.spec)
    check_there(spec, data.spec)
    dataset = load_dataset(
        spec,
        examples=data.examples,
        label_noise=data.label_noise,
        data_seed=data.data_seed,
        image_size=data.image_size,
        test_share=data.test_share,
        split_seed=data.split_seed,
        skip_unreadable=data.skip_unreadable,
        reading=data.reading,
        say=say,
    )
    if dataset.fingerprint != data.fingerprint:
        raise RunError(
            f"{spec} has data fingerprint {dataset.fingerprint[:12]}, the run was made with "
            f"{data.fingerprint[:12]}: it is not the same data; give the original with --data, or make a new run"
        )
    return dataset


def check_there(spec: str, planned: str) -> None:
    """RunError where the data of a plan have been moved, or are gone."""
    place = place_in(spec)
    if planned in (spec, mended_spec(spec)) and place is not None and not os.path.lexists(at_home(place)):
        raise RunError(
            f"{spec}, the data of this run, are no longer there; give their new place to memscope train-family with "
            f"--data {split_spec(spec)[0]}:PLACE"
        )


def ensure_examples(run: Run, dataset: ImageDataset | None = None, say: Say = silent) -> None:
    """Make `examples.h5` and the image cache from the source, unless they are there and whole.

    A cache that is the same file as when it was last hashed is not hashed again.
    """
    examples, fingerprint = None, run.plan.data.fingerprint
    with suppress(RunError):  # missing or damaged: made again below
        stamp = stamp_of(run.path, fingerprint)
        examples = read_examples(run.path, fingerprint)
        cached = open_dataset(run.path, examples, run.plan.data.spec)
        if is_stamped(run.path, stamp):
            return
        if cached.fingerprint == fingerprint:
            if stamp is not None and stamp == stamp_of(run.path, fingerprint):  # nobody has touched it meanwhile
                write_stamp(run.path, stamp)
            return
    if dataset is None:
        say(f"reading {run.plan.data.spec}")
        dataset = load_as_planned(run.plan, None, say)
    if examples is None:
        say("looking for duplicates")
        write_examples(run.path, dataset, find_duplicates(dataset.train_images, dataset.test_images))
    cache_images(run.path, dataset)
