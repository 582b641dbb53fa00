"""People's memorability by the package `resmem` of Needell & Bainbridge, whose weights are inside it.

It has nothing to do with ResMem's residual memory (`memscope resmem`); the names are alike by chance. It is installed
by the extra `memorability` and imported where it is asked for. Its licence is non-commercial, which is said wherever
its numbers are shown.

Reference: Needell & Bainbridge, "Embracing New Techniques in Deep Learning for Estimating Image Memorability",
Computational Brain & Behavior 5 (2022).
"""

import importlib.util
import warnings
from importlib.metadata import PackageNotFoundError, version

import torch
from torch import nn

from memscope.errors import OptionError
from memscope.predictors.published import Predictor
from memscope.torchvision_import import mend_torchvision

LICENCE = (
    "The package resmem may be used for noncommercial purposes only (ResMem Non-commercial License, The University of "
    "Chicago): also not indirectly, as on a website with advertisements; a company may use it in its research."
)
INSTALL = "pip install 'memscope-ml[memorability]'"
SIDE = 227


def installed() -> str | None:
    """The version of the package; None if it is not there."""
    try:
        return version("resmem")
    except PackageNotFoundError:
        return None


def title() -> str:
    return f"resmem {installed() or 'of an unknown version'}"


def load_resmem() -> Predictor:
    """The package's network with its weights. OptionError, in a line, where it is missing or cannot be used.

    It holds 530 MB, and twice that while it is read.
    """
    if importlib.util.find_spec("resmem") is None:
        raise OptionError(
            f"--predictor resmem needs the package resmem, which is not installed: {INSTALL} (490 MB, its weights). "
            f"{LICENCE}"
        )
    mend_torchvision()  # the package imports it
    try:
        # it draws initial weights, which it replaces, and calls torchvision in an old way
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")
            import resmem

            network = resmem.ResMem(pretrained=True)
    except Exception as error:  # the package's own: whatever stops it is for the user to read
        lacking = error.name if isinstance(error, ModuleNotFoundError) else None
        way = INSTALL if lacking else f"install it anew: {INSTALL} --force-reinstall --no-deps resmem"
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise OptionError(
            f"the package {title()} cannot be used ({reason}); expected the package of Needell & Bainbridge with its "
            f"weights; {way}"
        ) from error
    if not isinstance(network, nn.Module):
        raise OptionError(
            f"the module resmem that Python finds ({resmem.__file__}) is not the package of Needell & Bainbridge; "
            f"rename it, or {INSTALL}"
        )
    return Predictor("resmem", title(), LICENCE, SIDE, network.eval())
