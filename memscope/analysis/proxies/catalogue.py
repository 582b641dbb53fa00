"""Every proxy by name: where it comes from, what it needs, and whether more of it should mean more memorised.

The formulas are in the modules beside this one. It imports none of them, so that a list of names loads no torch.
"""

from dataclasses import dataclass
from typing import Literal

Needs = Literal["dynamics", "checkpoints", "weights", "ledger", "memories"]
"""What must have been kept: what models said after each epoch, their weights of some epochs, their last weights,
outcomes, or the residual memories of smaller models."""


@dataclass(frozen=True)
class Proxy:
    """A proxy of memorisation: one number for each example, or for each model and example."""

    name: str
    """as users type it and as results have it"""
    title: str
    """as tables and figures have it"""
    source: str
    """who proposed this formula"""
    needs: Needs
    sign: Literal[1, -1]
    """1 where larger values should go with more memorisation, -1 where smaller ones should"""
    variant_of: str | None = None
    """the name of the proxy that goes by the same name elsewhere, with another formula; None for those we lead with"""


JIANG = "Jiang et al. 2021, arXiv 2002.03206"
CARTOGRAPHY = "Swayamdipta et al. 2020, arXiv 2009.10795"
TONEVA = "Toneva et al. 2019, arXiv 1812.05159"
RAVIKUMAR = "Ravikumar et al. 2025, Towards memorization estimation: fast, formal and free"
PAUL = "Paul et al. 2021, arXiv 2107.07075"
AGARWAL = "Agarwal et al. 2022, arXiv 2008.11600"
GARG = "Garg et al. 2023, arXiv 2307.05831"
BALDOCK = "Baldock et al. 2021, arXiv 2106.09647"
CARLINI = "Carlini et al. 2022, arXiv 2112.03570"
KWOK = "the code nn_example_difficulty"
OURS = "ours"

ALL = (
    Proxy("mean-accuracy", "mean accuracy over epochs", JIANG, "dynamics", -1),
    Proxy("mean-confidence", "mean confidence over epochs", f"{JIANG}; {CARTOGRAPHY}", "dynamics", -1),
    Proxy("variability", "variability over epochs", CARTOGRAPHY, "dynamics", 1),
    Proxy("forgetting", "forgetting events", f"{TONEVA}, its code", "dynamics", 1),
    Proxy("forgetting-0", "forgetting events, never learnt 0", KWOK, "dynamics", 1, "forgetting"),
    Proxy(
        "forgetting-1000",
        "forgetting events, never learnt 1000",
        f"{CARTOGRAPHY}, its code",
        "dynamics",
        1,
        "forgetting",
    ),
    Proxy("forgetting-infinity", "forgetting events, never learnt infinite", TONEVA, "dynamics", 1, "forgetting"),
    Proxy("learning-time", "learning time", TONEVA, "dynamics", 1),
    Proxy("first-right", "first epoch right", f"{TONEVA}, its code", "dynamics", 1, "learning-time"),
    Proxy("cumulative-loss", "cumulative loss", RAVIKUMAR, "dynamics", 1),
    Proxy("final-loss", "final loss", "cross-entropy", "dynamics", 1),
    Proxy("final-margin", "final margin (log-odds)", CARLINI, "dynamics", -1),
    Proxy("el2n", "EL2N, early", PAUL, "checkpoints", 1),
    Proxy("el2n-squared", "EL2N squared, early", "Brier 1950; some code for EL2N", "checkpoints", 1, "el2n"),
    Proxy("grand", "GraNd, early", PAUL, "checkpoints", 1),
    Proxy("vog", "variance of gradients", f"{AGARWAL}, its code for ImageNet", "checkpoints", 1),
    Proxy("vog-by-class", "variance of gradients, within the class", AGARWAL, "checkpoints", 1, "vog"),
    Proxy(
        "vog-probability",
        "variance of gradients of the probability",
        f"{AGARWAL}, its toy code",
        "checkpoints",
        1,
        "vog",
    ),
    Proxy("vog-variance", "variance of gradients, no root", KWOK, "checkpoints", 1, "vog"),
    Proxy("curvature", "input curvature", f"{GARG}, its code", "weights", 1),
    Proxy("curvature-squared", "input curvature, squared", GARG, "weights", 1, "curvature"),
    Proxy("curvature-over-h", "input curvature over h", GARG, "weights", 1, "curvature"),
    Proxy("prediction-depth", "prediction depth", BALDOCK, "weights", 1),
    Proxy("accuracy-out", "accuracy out", f"{JIANG}, the C-score", "ledger", -1),
    Proxy("residual", "residual of a smaller model", OURS, "memories", 1),
)

PROXIES: dict[str, Proxy] = {proxy.name: proxy for proxy in ALL}

GROUPS: dict[str, tuple[str, ...]] = {
    "el2n": ("el2n", "el2n-squared"),
    "grand": ("grand",),
    "vog": ("vog", "vog-by-class", "vog-probability", "vog-variance"),
    "curvature": ("curvature", "curvature-squared", "curvature-over-h"),
    "prediction-depth": ("prediction-depth",),
}
"""Those that are measured on weights: by the group that is measured together and kept in one file."""
