"""Making a run, or continuing one, from a user's choices: its plan, its examples, its images."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from memscope.datasets import load_dataset
from memscope.datasets.changes import changed
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.listing import listing_of
from memscope.datasets.reading import NEWEST_RULES
from memscope.errors import RunError
from memscope.families import check_members, open_family
from memscope.files.atomic import remove_abandoned
from memscope.files.places import at_home
from memscope.plan.plan import Plan
from memscope.plan.recipe import OWN_LOOP
from memscope.run import Run, create_or_open, grow, open_run, plan_path
from memscope.store.ledger import finished_tasks
from memscope.store.source_note import Note, read_note, write_note
from memscope.work.carrying_out import Say
from memscope.work.data_set import changed_since, check_there, ensure_examples, load_as_planned
from memscope.work.deriving import (
    File,
    as_replayed,
    check_derived,
    derived_plan,
    file_to_put_back,
    put_changes,
    replayed_file,
)
from memscope.work.new_plan import new_plan
from memscope.work.options import (
    Choices,
    absolute,
    check_against,
    check_choices,
    check_dynamics,
    choices_of,
    new_place,
    sizes_of,
    with_defaults,
    with_saved_axis,
)


@dataclass(frozen=True)
class Prepared:
    run: Run
    data_changed: str
    """What has changed in the data since the run was made, and what to do; empty where nothing has"""


def prepare(directory: Path, choices: Choices, device: str, say: Say) -> Prepared:
    """The run with its plan, examples and images in place. A new place of the same data is kept in its plan."""
    dataset, note, moved, differs = None, None, None, ""
    check_derived(choices)
    if plan_path(directory).is_file():
        run = open_run(directory)
        grown = grown_plan(run, choices)
        put_changes(directory, run.plan.data, file_to_put_back(run, choices))
        moved = new_place(run.plan, choices)
        if moved is not None:
            note = note_of(moved)
            say(f"reading {moved}")
            dataset = load_as_planned(run, moved, say)
            say(f"the data of {directory} are at {moved} from now on")
        elif differs := changed_since(run, say):
            say(differs)
    else:
        # before anything is read; a derived run has the data as they were for the run that it is from
        if choices.origin is not None:
            note = read_note(at_home(choices.origin))
        elif choices.data is not None:
            note = note_of(absolute(choices.data))
        dataset, grown, file = plan_anew(directory, choices, device, say)
        run = create_or_open(directory, grown)
        if run.plan.digest != grown.digest:
            raise RunError(
                f"{directory}: another call has just made this run with another plan (digest {run.plan.digest[:12]}, "
                f"ours {grown.digest[:12]}); choose another directory"
            )
        put_changes(directory, run.plan.data, file)
    remove_abandoned(directory)
    ensure_examples(run, dataset, say)
    if note is not None:
        write_note(run.path, note)
    check_networks(run, set(grown.sizes) - set(run.plan.sizes))  # before a size that cannot be is planned for good
    say_models(choices, grown, say)
    return Prepared(grow(run, grown.sizes, grown.models, grown.full_models, grown.dynamics, moved), differs)


def note_of(spec: str) -> Note | None:
    """What is noted of data that are read now; None where their files are not looked at."""
    listing = listing_of(spec)
    return None if listing is None else Note(listing, "")


def say_models(choices: Choices, plan: Plan, say: Say) -> None:
    """Say where the plan has another number of models than was asked for, and why."""
    if choices.models is not None and choices.models != plan.models:
        planned = plan.whole_blocks(choices.models) < plan.models
        why = "as planned before" if planned else f"because they come in blocks of {plan.block}"
        say(f"--models {choices.models}: the run has {plan.models} models of each {plan.axis}, {why}")
    if choices.dynamics is not None and choices.dynamics != plan.dynamics:
        planned = plan.whole_blocks(choices.dynamics) < plan.dynamics
        why = "as planned before" if planned else f"because models come in blocks of {plan.block}"
        say(f"--dynamics {choices.dynamics}: {plan.dynamics} models of each {plan.axis} are recorded, {why}")


def check_networks(run: Run, sizes: Iterable[int]) -> None:
    """OptionError where networks of these sizes of the run's family cannot be trained.

    Those of a new run were tried before it was made; the user's own code may have changed since.
    """
    plan, examples = run.plan, run.examples
    if plan.recipe.trainer == OWN_LOOP:
        family = open_family(plan.family, axis=plan.axis, fixed=plan.fixed)
        # an earlier run may have been made before probabilities were refused: it goes on
        earlier = any(finished_tasks(run.path, plan, size) for size in plan.sizes)
        check_members(family, sorted(sizes), examples.image_shape, len(examples.class_names), earlier)


def grown_plan(run: Run, choices: Choices) -> Plan:
    """The saved plan with the sizes and models that were asked for; OptionError if other choices disagree with it."""
    filled = with_saved_axis(run.plan, choices)
    check_against(run.plan, filled, str(run.path))
    check_choices(replace(filled, trainer=run.plan.recipe.trainer))
    _, sizes = sizes_of(filled)
    grown = run.plan.grown(sizes or (), choices.models or 0, choices.full or 0)
    check_dynamics(choices.dynamics or 0, grown.models, grown.axis)
    return grown.grown(dynamics=choices.dynamics or 0)


def plan_anew(directory: Path, choices: Choices, device: str, say: Say) -> tuple[ImageDataset, Plan, File | None]:
    """The data set and the plan of a run that does not exist yet, and its file of changes if it is a derived one."""
    if directory.is_file() or (directory.is_dir() and any(not p.name.startswith(".") for p in directory.iterdir())):
        raise RunError(f"{directory} exists and is not a run (no plan.toml in it); give a new or an empty directory")
    if choices.origin is not None:
        return derived_plan(choices, device, say)
    chosen = with_defaults(choices)
    check_choices(chosen)
    file = replayed_file(chosen)
    assert chosen.data is not None
    say(f"reading {chosen.data}")
    if chosen.replayed is not None:
        check_there(chosen.data, choices_of(chosen.replayed).data or "")
    dataset = load_dataset(
        chosen.data,
        examples=chosen.examples,
        label_noise=chosen.label_noise or 0.0,
        data_seed=chosen.data_seed or 0,
        image_size=chosen.image_size,
        test_share=chosen.test_share,
        split_seed=chosen.split_seed or 0,
        skip_unreadable=chosen.skip_unreadable or False,
        reading=chosen.reading or NEWEST_RULES,
        say=say,
    )
    if file is not None:
        dataset = changed(dataset, file.changes)
    say(read_so(dataset))
    plan = new_plan(chosen, dataset, device, say)
    return dataset, plan if chosen.replayed is None or file is None else as_replayed(plan, chosen.replayed), file


def read_so(dataset: ImageDataset) -> str:
    """What was read, so that a class too many, or one of few images, is seen before anything is trained."""
    height, width, channels = dataset.image_shape
    counts = np.bincount(dataset.train_labels, minlength=dataset.num_classes)
    few, many = int(counts.min()), int(counts.max())
    each = f"{few:,}" if few == many else f"{few:,} ({dataset.class_names[int(counts.argmin())]}) to {many:,}"
    return (
        f"{len(dataset.train_labels):,} training and {len(dataset.test_labels):,} test images of "
        f"{height}x{width}x{channels} in {dataset.num_classes} classes of {each} training images"
    )
