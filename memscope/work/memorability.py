"""What people remember of a run's training images: predicted by a network, or read from a table of measured scores.

*Memorability* is people's; *memorisation* is the models', and nothing here has to do with it.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memscope.cores import cores
from memscope.datasets.score_table import CORRECTED, read_score_table
from memscope.errors import OptionError
from memscope.files.places import at_home
from memscope.run import Run
from memscope.store.memorability import (
    Predicting,
    begun,
    chunks,
    memorability_path,
    predicting,
    read_all,
    write_memorability,
)
from memscope.text import counted
from memscope.under_way import announce, pass_on
from memscope.work.carrying_out import Say, silent


@dataclass(frozen=True)
class Source:
    """Where memorability comes from, as a user says it; neither predictor nor scores: what the run has already."""

    predictor: str | None = None
    """`resmem` or `vitmem`"""
    weights: Path | None = None
    """The file of weights that `vitmem` needs"""
    scores: Path | None = None
    """A table of scores that people have measured"""


@dataclass(frozen=True, eq=False)
class Memorability:
    """What people remember of N training examples."""

    values: np.ndarray
    """float64 [N]; NaN where nothing is known. An order: only ranks are to be compared"""
    source: str
    """`resmem 1.1.6`, `vitmem`, or the name of the table"""
    licence: str | None
    """One line, where there is something that a user must know of it"""
    caveats: tuple[str, ...]
    """Sentences about what these numbers cannot say"""
    kind: str
    """`resmem`, `vitmem` or `scores`"""


THREE_WAYS = (
    "take --predictor resmem (pip install 'memscope-ml[memorability]'; for noncommercial purposes only), --predictor "
    "vitmem --weights FILE, or --scores FILE with people's own measurements"
)
SMALL = 64
"""Pixels of the longer side below which people were not shown images when their memory was measured"""


def memorability_of(run: Run, source: Source, device: str = "auto", say: Say = silent) -> Memorability:
    """Memorability of the run's training images; MemscopeError, in a line, where it cannot be had.

    What a predictor gives is kept in the run, so many images at a time: a call that was interrupted goes on where it
    stopped. Images are those of the run, as its models saw them. They come a few batches at a time, in this process,
    on all cores. Who watches (`under_way`) hears of images as of models.
    """
    check_source(source)
    if source.scores is not None:
        return measured_by_people(run, source.scores, say)
    if (kept := kept_already(run, source)) is not None:
        return predicted(run, kept)
    return predicted(run, ask(run, source, device, say))


def check_source(source: Source) -> None:
    """OptionError for what does not go together."""
    if source.scores is not None and source.predictor is not None:
        raise OptionError(
            f"both --scores and --predictor {source.predictor} were given, expected one source of memorability; "
            "leave one out"
        )
    if source.predictor not in (None, "resmem", "vitmem"):
        raise OptionError(f"the predictor is {source.predictor!r}; it must be resmem or vitmem")
    if source.weights is not None and source.predictor != "vitmem":
        raise OptionError("--weights is for --predictor vitmem alone; leave it out, or add --predictor vitmem")


def measured_by_people(run: Run, file: Path, say: Say) -> Memorability:
    """The scores of a table."""
    table = read_score_table(at_home(file), run.examples.index, run.examples.names)
    count = len(table.values)
    say(f"{file.name} has a score for {table.known:,} of the run's {count:,} training examples")
    caveats = []
    if table.title == CORRECTED:
        caveats.append(
            f"Of MemCat's two columns the scores are {CORRECTED}: the share of people who recognised the image, "
            "corrected for those who took it for seen before it was."
        )
    if table.known < count:
        caveats.append(f"Only {table.known:,} of {count:,} training examples have a score; all else is about these.")
    height, width, _ = run.examples.image_shape
    if max(height, width) < SMALL:
        caveats.append(f"The models saw the images at {height} x {width} pixels, people probably larger.")
    return Memorability(table.values, file.name, None, tuple(caveats), "scores")


def kept_already(run: Run, source: Source) -> Predicting | None:
    """The predictor whose numbers the run has for every image, if no network need be loaded to know which it is.

    OptionError where no predictor is named and there are several such, or none.
    """
    from memscope.predictors import resmem_package

    count = len(run.examples.labels)
    found = {of: done for of, done in begun(run.path, count).items() if source.predictor in (None, of.predictor)}
    whole = [of for of, done in found.items() if done == count]
    if source.predictor is None:
        if len(whole) == 1:
            return whole[0]
        if whole:
            several = ", ".join(of.directory for of in whole)
            raise OptionError(
                f"{run.path} has memorability by {several}, expected one unless it is said which; give --predictor, "
                "and the --weights of vitmem"
            )
        if found:
            of, done = next(iter(found.items()))
            weights = " --weights FILE" if of.predictor == "vitmem" else ""
            raise OptionError(
                f"{run.path} has memorability by {of.predictor} for {done:,} of {count:,} images, expected all of "
                f"them; memscope memorability {run.path} --predictor {of.predictor}{weights} goes on with it"
            )
        raise OptionError(f"{run.path} has no memorability yet; {THREE_WAYS}")
    if source.weights is not None or len(whole) != 1:
        return None
    if source.predictor == "resmem" and resmem_package.installed() is not None:
        title = read_all(run.path, run.plan.data.fingerprint, whole[0], count).title
        return whole[0] if title == resmem_package.title() else None  # another version may have other weights
    return whole[0]


def ask(run: Run, source: Source, device: str, say: Say) -> Predicting:
    """Load the predictor and ask it about every image that it has not been asked about; which predictor it is."""
    import torch

    from memscope.predictors.published import predict
    from memscope.predictors.resmem_package import load_resmem
    from memscope.predictors.vitmem import load_vitmem
    from memscope.training.device import resolve_device
    from memscope.work.data_set import ensure_examples

    device = resolve_device(device)
    weights = None if source.weights is None else at_home(source.weights)
    predictor = load_resmem() if source.predictor == "resmem" else load_vitmem(weights)
    of, fingerprint = predicting(predictor.kind, predictor.digest()), run.plan.data.fingerprint
    ensure_examples(run, say=say)
    count = len(run.examples.labels)
    missing = [which for which in chunks(count) if not memorability_path(run.path, of, which).is_file()]
    if not missing:
        return of
    if predictor.licence:
        say(predictor.licence)
    left = sum(map(len, missing))
    rest = f" of {count:,}" if left < count else ""
    say(f"predicting with {predictor.title} how well people would remember {counted(left, 'image')}{rest}")
    announce(left)
    done = 0
    for which in missing:
        # opened anew, so that of the mapped file no more than this stays in memory
        images = run.dataset().train_images[which.start : which.stop]
        values = predict(predictor, images, torch.device(device), workers())
        write_memorability(run.path, fingerprint, of, which, values, predictor.title)
        done += len(which)
        pass_on("memorability", done)
    return of


def workers() -> int:
    """As many as there are cores, or as OMP_NUM_THREADS says, by which users keep a program to a few."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdigit() and int(said) > 0 else cores()


def predicted(run: Run, of: Predicting) -> Memorability:
    """What the run has of a predictor, with what must be said of it."""
    from memscope.predictors import resmem_package

    found = read_all(run.path, run.plan.data.fingerprint, of, len(run.examples.labels))
    licence = resmem_package.LICENCE if of.predictor == "resmem" else None
    caveats = caveats_of(run.examples.image_shape)
    return Memorability(found.values.astype(np.float64), found.title, licence, caveats, of.predictor)


def caveats_of(image_shape: tuple[int, int, int]) -> tuple[str, ...]:
    """What is to be said of predictions for images of this height, width and number of channels."""
    from memscope.predictors.prepared import RESIZED

    height, width, channels = image_shape
    found = [
        "Memorability is predicted by a network that learnt from photographs, not measured; only its order "
        "means anything."
    ]
    if max(height, width) < SMALL:
        found.append(
            f"{height} x {width} pixels are below what people were ever shown when memorability was measured; the "
            f"images were scaled up to {RESIZED} x {RESIZED}, and what a prediction is worth here is not known."
        )
    elif min(height, width) < RESIZED:
        found.append(f"Images of {height} x {width} pixels were scaled up to {RESIZED} x {RESIZED}.")
    if channels == 1:
        found.append("The images are grey; the predictor learnt from colour photographs.")
    if height != width:
        found.append(f"Images of {height} x {width} pixels were squashed to a square.")
    return tuple(found)
