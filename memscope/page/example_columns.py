"""What the gallery knows of each example: from the run's examples, from its results, and from one model's memory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from memscope.analysis.proxies.catalogue import PROXIES
from memscope.analysis.trajectories import TYPES, UNDETERMINED
from memscope.page.attacked_columns import of_privacy
from memscope.page.columns import Column, common_denominator, measured, whole
from memscope.page.gallery import Gallery, Groups
from memscope.reports.results import RESULTS
from memscope.run import Run

TYPE_NAMES = (*TYPES, UNDETERMINED)
"""What the codes of types stand for"""
COARSE, FINE = 40, 4_000
"""Steps of many numbers of which more would not be seen, and of many that are sorted by"""
HELD_OUT = 2
"""Of `part` of the group `predictor`"""


def columns_of(gallery: Gallery, neighbours: np.ndarray | None) -> tuple[Column, ...]:
    """All that is known of the gallery's examples; `neighbours` are int32 [k, n]."""
    found = [*of_examples(gallery)]
    for group, make in MAKERS.items():
        if group in gallery.groups:
            found += make(gallery)
    for group in gallery.groups:
        if group not in MAKERS:
            found += of_another(gallery, group)
    if neighbours is not None:
        found.append(whole("neighbours", "nearest in the residual memory", neighbours, "neighbours", per="neighbour"))
    return tuple(found)


def of_examples(gallery: Gallery) -> Iterator[Column]:
    examples, shown = gallery.run.examples, gallery.shown
    if len(shown) < len(examples.labels):
        yield whole("example", "position in the run", shown)  # else it is the position in the gallery
    if not np.array_equal(examples.index[shown], shown):
        yield whole("index", "position in the source", examples.index[shown])  # else it is the position in the run
    yield whole("label", "label", examples.labels[shown])
    if examples.true_labels is not None:
        yield whole("true_label", "label before it was flipped", examples.true_labels[shown])
    yield whole("exact_group", "group of identical images", examples.exact_group[shown])
    yield whole("near_group", "group of nearly identical images", examples.near_group[shown])


SIGNED, SHARE, DIFFERENCE, NORM = (-1.0, 1.0), (0.0, 1.0), (-2.0, 2.0), (0.0, 2**0.5)
SCORES = (
    ("score", "score", "memorisation score", SIGNED, "both"),
    ("score_low", "interval_low", "lower end of its 95 % interval", SIGNED, ""),
    ("score_high", "interval_high", "upper end of its 95 % interval", SIGNED, ""),
    ("accuracy_in", "accuracy_in", "accuracy of the models trained with it", SHARE, "in"),
    ("accuracy_out", "accuracy_out", "accuracy of the models trained without it", SHARE, "out"),
    ("population_score", "population_score", "score by the population estimate", SIGNED, ""),
    ("population_sd", "population_score_sd", "its posterior standard deviation", None, ""),
    ("suggested_share", "suggested_share", "share of those models that say so", SHARE, "out"),
)
"""Columns from the scores: the field of each, what it is, between what it lies, and whose shares of models it is"""


def of_score(gallery: Gallery) -> Iterator[Column]:
    found, kind = gallery.groups["score"], gallery.kind
    n_in, n_out = found["n_in"], found["n_out"]
    exact = {"both": common_denominator(n_in, n_out), "in": common_denominator(n_in), "out": common_denominator(n_out)}
    for name, field, title, span, models in SCORES:
        if field in found:
            rows = gallery.at_sizes("score", found[field])
            steps = COARSE if name == "population_sd" and kind == "uint8" else None
            yield measured(
                name, title, rows, "score", per="size", span=span, denominator=exact.get(models), kind=kind, steps=steps
            )
    suggested = gallery.at_sizes("score", found["suggested_label"])
    suggested = np.where(np.isnan(suggested), -1, suggested)
    yield whole("suggested_label", "what most models trained without it say", suggested, "score", per="size")
    if len(gallery.sizes) > 1:
        score = gallery.at_sizes("score", found["score"])
        both = exact["both"]
        yield measured(
            "change",
            "change of the score from the smallest to the largest size",
            score[-1] - score[0],
            "score",
            span=DIFFERENCE,
            denominator=both if both and 4 * both <= 2**16 - 2 else None,
            kind=kind,
        )


def of_trajectories(gallery: Gallery) -> Iterator[Column]:
    for name, field, title in (
        ("type", "raw_type", "type of its trajectory by the raw rule"),
        ("called_type", "called_type", "type that its own models can tell"),
        ("population_type", "population_type", "type by the population estimate"),
    ):
        if field in gallery.groups["trajectories"]:
            yield whole(name, title, codes_of(gallery.groups["trajectories"][field][gallery.shown]), "trajectories")


def codes_of(types: np.ndarray) -> np.ndarray:
    """Places in TYPE_NAMES of names of types; -1 for what has none."""
    codes = np.full(len(types), -1)
    for code, name in enumerate(TYPE_NAMES):
        codes[types == name] = code
    return codes


def of_resmem(gallery: Gallery) -> Iterator[Column]:
    rows = gallery.at_sizes("resmem", gallery.groups["resmem"]["residual_in"])
    yield measured("residual", "norm of the residual", rows, "resmem", per="size", span=NORM, kind=gallery.kind)


def of_distill(gallery: Gallery) -> Iterator[Column]:
    """Of the first setting, which the page shows; of others under their names."""
    found = gallery.groups["distill"]
    for row, setting in enumerate(map(str, found["setting"])):
        change = gallery.at_sizes("distill", found["score"][row] - found["onehot_score"][row])
        if row == 0 or not np.isnan(change).all():
            yield measured(
                "distillation" if row == 0 else f"distillation-{setting}",
                f"score of students less that of models on labels, {setting}",
                change,
                "distill",
                per="size",
                span=DIFFERENCE,
                kind=gallery.kind,
            )


def of_proxies(gallery: Gallery) -> Iterator[Column]:
    """At every size of few examples, else at the largest."""
    found = gallery.groups["proxies"]
    for row, name in enumerate(map(str, found["proxy"])):
        values = gallery.at_sizes("proxies", found["value"][row])
        few = gallery.few
        proxy = PROXIES.get(name)
        variant = proxy is not None and proxy.variant_of is not None and not few
        yield measured(
            f"proxy-{name}",
            proxy.title if proxy else name,
            values if few else values[-1],
            "proxies",
            per="size" if few else "example",
            kind="uint8" if variant else "uint16",
            steps=None if few or variant else FINE,
        )


def of_predictor(gallery: Gallery) -> Iterator[Column]:
    """What the best network foretells, of images that it was not fitted to."""
    found = gallery.groups["predictor"]
    known = np.nan_to_num(found["spearman"], nan=-2.0)
    if len(known):
        best = int(np.argmax(known))
        said = np.where(found["part"] == HELD_OUT, found["predicted"][best].astype(np.float64).mean(0), np.nan)
        title = f"foretold by {found['backbone'][best]} (held-out images)"
        yield measured("predictor", title, said[gallery.shown], "predictor", kind="uint16", steps=FINE)


def of_influence(gallery: Gallery, group: str = "influence") -> Iterator[Column]:
    """How many images each carries, at each size with pairs that are listed; none where it is paired with nothing."""
    found = gallery.groups[group]
    helpful, total = found["chosen_by"] > 0, len(gallery.run.examples.labels)
    known = np.full((len(found["size"]), total), np.nan)
    for row, size in enumerate(found["size"]):
        counts = np.bincount(found["train_example"][helpful & (found["pair_size"] == size)], minlength=total)
        known[row] = np.where(counts > 0, counts, np.nan)
    if np.isfinite(known).any():
        training = group == "influence-training"
        column = measured(
            "carries-training" if training else "carries",
            f"how many {'other training' if training else 'test'} images it carries",
            gallery.at_sizes(group, known),
            group,
            per="size",
            span=(0.0, float(np.nanmax(known))),
            denominator=1,
        )
        yield replace(column, counts=True)


def of_influence_on_training(gallery: Gallery) -> Iterator[Column]:
    return of_influence(gallery, "influence-training")


MAKERS = {
    "score": of_score,
    "trajectories": of_trajectories,
    "resmem": of_resmem,
    "distill": of_distill,
    "proxies": of_proxies,
    "predictor": of_predictor,
    "influence": of_influence,
    "influence-training": of_influence_on_training,
    "privacy": of_privacy,
}
"""By group of results"""


def of_another(gallery: Gallery, group: str) -> Iterator[Column]:
    """Of results of which nothing is known here: every field that has one number for each example."""
    for name, field in RESULTS[group].fields.items():
        values = gallery.groups[group].get(name)
        if field.dims == ("example",) and values is not None and values.dtype.kind == "f":
            title = field.description.partition(";")[0]
            yield measured(
                name if name == group else f"{group}-{name}", title, values[gallery.shown], group, kind="uint16"
            )


def sizes_of(run: Run, groups: Groups) -> tuple[int, ...]:
    """The sizes that the page speaks of: those of the scores, else of any results, else of the plan."""
    known: Sequence[int] = run.plan.sizes
    if "score" in groups:
        known = groups["score"]["size"].tolist()
    elif groups:
        known = sorted({int(size) for found in groups.values() for size in found.get("size", ())})
    return tuple(map(int, known or run.plan.sizes))
