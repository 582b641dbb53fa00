"""Derived runs, `train-family NEW --from RUN --changes FILE`: the plan of RUN on its data after changes.

A derived run is a run of its own. Everything in its plan is that of the run that it is from, but its data, whose
changes lie in it as `changes.csv`; that run may then go. What may be chosen anew is what grows (sizes, models) and the
seed, for models that share no draw with those by which examples were chosen.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from memscope.datasets.changes import DROP, RELABEL, Changes, changed, composed_changes
from memscope.datasets.changes_file import MOST_BYTES, changes_in, changes_text
from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import DataError, OptionError, RunError
from memscope.files.atomic import write_atomically
from memscope.files.places import at_home
from memscope.files.text_table import content_of
from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import OWN_LOOP
from memscope.plan.subsets import fraction_of
from memscope.run import Run, open_run
from memscope.store.changes import changes_path, digest_of, read_run_changes
from memscope.store.examples import open_dataset
from memscope.work.carrying_out import Say
from memscope.work.data_set import load_as_planned
from memscope.work.new_plan import new_plan
from memscope.work.options import (
    Choices,
    check_against,
    check_choices,
    choices_from_plan,
    new_place,
    with_defaults,
    with_saved_axis,
)


@dataclass(frozen=True)
class File:
    """The file of changes of a derived run."""

    content: bytes
    changes: Changes


def check_derived(choices: Choices) -> None:
    """OptionError unless the options of derived runs go together."""
    of_derived = choices.replayed is not None and choices.replayed.data.changes is not None
    if (choices.origin is None) != (choices.changes is None) and not (choices.changes and of_derived):
        raise OptionError(
            "--from names the run whose data are changed, and --changes the file that says how; give both"
        )
    if choices.origin is not None and choices.replayed is not None:
        raise OptionError("--from takes the plan of a run, and so does --plan; leave one of them out")
    if choices.equal_steps and choices.origin is None:
        raise OptionError("--equal-steps is for runs that are made with --from; leave it out")


def file_for(origin: Run, changes: str | os.PathLike[str]) -> tuple[Changes, File]:
    """The changes that a user's file asks for in the data of a run, and the file that a run derived so has.

    It is the user's, unless that run is derived itself: then it holds the changes of both, since what can be read again
    is the source.
    """
    path = at_home(changes)
    content = content_of(path, MOST_BYTES, "a file of changes", "leave out the lines of what is kept")
    asked = changes_in(path, content)
    if origin.plan.data.changes is None:
        return asked, File(content, asked)
    both = composed_changes(read_run_changes(origin.path, origin.plan.data), asked)
    return asked, File(changes_text(both), both)


def derived_plan(choices: Choices, device: str, say: Say) -> tuple[ImageDataset, Plan, File]:
    """The data set, the plan and the file of changes of a derived run that does not exist yet."""
    assert choices.origin is not None
    assert choices.changes is not None
    origin = open_run(choices.origin)
    if choices.equal_steps and origin.plan.recipe.trainer != OWN_LOOP:
        raise OptionError(
            f"--equal-steps is about memscope's own training, and {origin.path} was made with --trainer "
            f"{origin.plan.recipe.trainer}; leave it out"
        )
    given = replace(choices, origin=None, changes=None, equal_steps=None)
    given = replace(given, **{name: None for name in ("precision", "backend") if getattr(given, name) == "auto"})
    check_against(
        origin.plan,
        replace(with_saved_axis(origin.plan, given), seed=None),
        str(origin.path),
        "leave the option out: with --from only sizes, --models, --full, --dynamics and --seed are chosen",
    )
    chosen = choices_from_plan(origin.plan, replace(given, data=None))
    assert chosen.models is not None
    if choices.dynamics is None and chosen.dynamics:
        chosen = replace(chosen, dynamics=min(chosen.dynamics, chosen.models))
    chosen = with_defaults(replace(chosen, replayed_data=None))  # the fingerprint is another from here on
    check_choices(chosen)
    asked, file = file_for(origin, choices.changes)
    before = data_of(origin, choices, say)
    dataset = changed(before, asked)
    left = len(dataset.train_labels)
    say(
        f"of the {len(before.train_labels):,} training examples of {origin.path}: {asked.number(DROP):,} dropped, "
        f"{asked.number(RELABEL):,} given another label"
    )
    smallest, batch = int(left * fraction_of(origin.plan.fraction)), origin.plan.recipe.batch_size
    if smallest < batch:
        raise DataError(
            f"{choices.changes}: leaves {left:,} examples, whose subsets of {smallest:,} are smaller than a batch of "
            f"{origin.path}, {batch}; drop fewer"
        )
    plan = new_plan(chosen, dataset, device, say)
    data = replace(
        origin.plan.data,
        spec=dataset.spec,
        fingerprint=dataset.fingerprint,
        changes=digest_of(file.content),
        origin=str(origin.path.absolute()),
        origin_digest=origin.plan.digest,
    )
    nominal = nominal_examples(origin.plan, len(before.train_labels), left, bool(choices.equal_steps))
    return dataset, replace(plan, data=data, unit=origin.plan.unit, nominal_examples=nominal), file


def nominal_examples(origin: Plan, before: int, left: int, equal_steps: bool) -> int | None:
    """By how many examples the steps of a derived run are counted, if not by those that are left."""
    nominal = origin.nominal_examples or (before if equal_steps else None)
    return None if nominal == left else nominal


def data_of(origin: Run, choices: Choices, say: Say) -> ImageDataset:
    """The data of the run that is changed: as they lie in it, or from their source."""
    moved = new_place(origin.plan, choices)
    if moved is None:
        with suppress(RunError):
            found = open_dataset(origin.path, origin.examples, origin.plan.data.spec)
            if found.fingerprint == origin.plan.data.fingerprint:
                return found
    say(f"reading {moved or origin.plan.data.spec}")
    return load_as_planned(origin, moved, say)


def replayed_file(choices: Choices) -> File | None:
    """The file of changes that lies beside a replayed plan; None where that is of no derived run."""
    if choices.replayed is None or choices.replayed.data.changes is None:
        return None
    if choices.changes is None:
        raise OptionError("the plan is that of a derived run; name the changes.csv of that run too, with --changes")
    path = at_home(choices.changes)
    content = content_of(path, MOST_BYTES, "the changes.csv of that plan's run", "put the original there")
    if digest_of(content) != choices.replayed.data.changes:
        raise DataError(
            f"{path}: has SHA-256 {digest_of(content)[:12]}, expected {choices.replayed.data.changes[:12]}, that of "
            "the plan beside it; put the original there"
        )
    return File(content, changes_in(path, content))


def as_replayed(plan: Plan, replayed: Plan) -> Plan:
    """The plan of a run that replays that of a derived one, and is changed in the same way."""
    was = replayed.data
    return replace(
        plan,
        data=replace(plan.data, changes=was.changes, origin=was.origin, origin_digest=was.origin_digest),
        unit=replayed.unit if plan.block % replayed.unit == 0 else plan.unit,
        nominal_examples=replayed.nominal_examples,
    )


def file_to_put_back(run: Run, choices: Choices) -> File | None:
    """The `changes.csv` of a run that exists, if it is missing or damaged and a call names what the run is from.

    OptionError where the run is from something else.
    """
    if choices.origin is None or choices.changes is None:
        return None
    plan, origin = run.plan, open_run(choices.origin)
    if plan.data.changes is None:
        raise OptionError(f"{run.path} exists and was not made with --from; make a new run")
    _, file = file_for(origin, choices.changes)
    wrong = ""
    if origin.plan.digest != plan.data.origin_digest:
        wrong = f"was made from a run of digest {str(plan.data.origin_digest)[:12]}, {origin.path} has another"
    elif digest_of(file.content) != plan.data.changes:
        wrong = f"was made with other changes than those of {choices.changes}"
    elif choices.equal_steps and not equal_steps(run, origin):
        wrong = "was made without --equal-steps"
    if wrong:
        raise OptionError(
            f"{run.path} {wrong}; leave --from and --changes out to go on with this run, or make a new run"
        )
    with suppress(RunError):
        read_run_changes(run.path, plan.data)
        return None
    return file


def equal_steps(run: Run, origin: Run) -> bool:
    """Whether a derived run has as many steps as the run that it is from."""
    before, left = len(origin.examples.labels), len(run.examples.labels)
    return run.plan.nominal_size(left) == origin.plan.nominal_size(before)


def put_changes(run: Path, data: DataChoice, file: File | None) -> None:
    """Put the file of changes into a run whose plan has it."""
    if file is None or data.changes is None:
        return
    if digest_of(file.content) != data.changes:
        raise RunError(
            f"{run}: another call has just made this run with other changes (SHA-256 {data.changes[:12]}, ours "
            f"{digest_of(file.content)[:12]}); choose another directory"
        )
    write_atomically(changes_path(run), file.content)
