"""The data set of a run, as it was planned: from the run's own files, or read again from its source."""

import os
import shlex
from contextlib import suppress
from dataclasses import replace

import numpy as np

from memscope.datasets import load_dataset, sampled_and_flipped
from memscope.datasets.changes import RELABEL, changed
from memscope.datasets.difference import difference, told
from memscope.datasets.duplicates import find_duplicates
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.listing import listing_of
from memscope.datasets.sampling import part_of
from memscope.errors import DataError, OptionError, RunError
from memscope.files.places import at_home, mended_spec, place_in, split_spec
from memscope.plan.plan import Plan
from memscope.run import Run, plan_path
from memscope.store.changes import read_run_changes
from memscope.store.examples import RunData, cache_images, dataset_of, open_dataset, read_examples, write_examples
from memscope.store.image_stamp import is_stamped, stamp_of, write_stamp
from memscope.store.source_note import Note, read_note, write_note
from memscope.work.carrying_out import Say, silent


def load_as_planned(run: Run, spec: str | None, say: Say = silent) -> ImageDataset:
    """The data set of a run's plan, perhaps from another place; RunError, with what differs, if it is not the same."""
    data = run.plan.data
    spec = spec or mended_spec(data.spec)
    check_there(spec, data.spec)
    whole = load_whole(run.plan, spec, say)
    differs = differs_from(run, whole, f"data fingerprint {data.fingerprint[:12]} expected")
    if differs is None:
        return as_planned(run, whole)
    raise RunError(
        f"{spec} is not the same data as this run was made with: {differs}. Put the original back, or give its place "
        f"with --data; or make a new run of the data as they are now: {anew(run, spec)}"
    )


def load_whole(plan: Plan, spec: str, say: Say) -> ImageDataset:
    """A data set as the plan has it read, before a sample is taken of it and labels are flipped."""
    data = plan.data
    return load_dataset(
        spec,
        image_size=data.image_size,
        test_share=data.test_share,
        split_seed=data.split_seed,
        skip_unreadable=data.skip_unreadable,
        reading=data.reading,
        say=say,
    )


def as_planned(run: Run, whole: ImageDataset) -> ImageDataset:
    """What a run's plan makes of a whole data set; of other data than those that were changed for it, no changes."""
    data = run.plan.data
    planned = sampled_and_flipped(whole, data.examples, data.label_noise, data.data_seed, data.reading)
    if data.changes is None:
        return planned
    changes = read_run_changes(run.path, data)
    return changed(planned, changes) if changes.fingerprint == planned.fingerprint else planned


def as_before(run: Run, dataset: ImageDataset) -> ImageDataset:
    """The run's data set without the examples whose labels were changed for it: the source has others."""
    data = run.plan.data
    if data.changes is None:
        return dataset
    relabelled = [one.index for one in read_run_changes(run.path, data).changes if one.decision == RELABEL]
    return part_of(dataset, np.flatnonzero(~np.isin(dataset.train_index, relabelled)))


def differs_from(run: Run, whole: ImageDataset, otherwise: str = "") -> str | None:
    """In what a whole data set differs from what the run was made with; None if the plan makes the same of it.

    `otherwise` is said where the run has lost what could be compared.
    """
    plan, size = run.plan, whole.image_shape
    with suppress(OptionError):  # a sample larger than what is left
        if as_planned(run, whole).fingerprint == plan.data.fingerprint:
            return None
    sampled = plan.data.examples is not None or plan.data.changes is not None
    with suppress(RunError):
        return told(difference(whole, as_before(run, run.dataset()), sampled=sampled))
    with suppress(RunError):  # without the images, names and labels are left
        examples = run.examples
        count = len(examples.labels) + len(examples.test_labels)
        images = np.broadcast_to(np.uint8(0), (count, *examples.image_shape))
        before = as_before(run, dataset_of(RunData(examples, images), ""))
        return told(difference(whole, before, sampled=sampled, pixels=False))
    found = f"found {len(whole.train_labels):,} training and {len(whole.test_labels):,} test images of {size}"
    return f"{found}, {otherwise}" if otherwise else found


def anew(run: Run, spec: str) -> str:
    """The command that makes a run of the same plan with the data as they are now."""
    if run.plan.data.changes is not None:  # which are about the data of then
        return f"memscope train-family NEW --data {shlex.quote(spec)}, of which others are derived by --from NEW"
    return f"memscope train-family NEW --plan {shlex.quote(str(plan_path(run.path)))} --data {shlex.quote(spec)}"


def say_what_changed(run: Run, say: Say) -> None:
    """Warn where the data are no longer what the run was made with."""
    if changed := changed_since(run, say):
        say(changed)


def changed_since(run: Run, say: Say) -> str:
    """What has changed in the data since the run was made, in a sentence with what to do; empty if nothing has.

    They are read again only if the listing of their files is another than at the last look (`cache/source.json`). A run
    of before, which has no such note, gets one.
    """
    spec = mended_spec(run.plan.data.spec)
    listing = listing_of(spec)
    if listing is None:
        return ""
    note = read_note(run.path)
    if note is None or note.listing != listing:
        differs = "" if note is None else reread(run, spec, say)
        note = Note(listing, differs)
        write_note(run.path, note)
    return note.differs and (
        f"Warning: {spec} has changed since this run was made: {note.differs}. The run goes on with the images and "
        f"labels of then; for those of now: {anew(run, spec)}"
    )


def reread(run: Run, spec: str, say: Say) -> str:
    say(f"reading {spec}, whose files have changed")
    try:
        return differs_from(run, load_whole(run.plan, spec, silent)) or ""
    except (DataError, OptionError) as error:
        return f"it can no longer be read ({error})"


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
        dataset = load_as_planned(run, None, say)
    if examples is None:
        say("looking for duplicates")
        write_examples(run.path, dataset, find_duplicates(dataset.train_images, dataset.test_images))
    cache_images(run.path, dataset)


def with_images(run: Run, say: Say = silent) -> Run:
    """The run with its images: from its cache, or else read from the source and held in memory. Nothing is written.

    MemscopeError where neither has them.
    """
    spec, fingerprint = run.plan.data.spec, run.plan.data.fingerprint
    with suppress(RunError):  # missing or damaged
        cached = open_dataset(run.path, run.examples, spec)
        if is_stamped(run.path, stamp_of(run.path, fingerprint)) or cached.fingerprint == fingerprint:
            return run
    say(f"reading {spec}")
    return replace(run, held=load_as_planned(run, None, say))
