"""Is a distribution bimodal? Hartigan's dip, after dithering, against the unimodal distribution that dips most.

The dip is the largest distance of the distribution function from the nearest unimodal one. Scores are differences of
ratios and lie on a lattice, each point of which would be a mode. So they are dithered first: moved at random by up to
half a step of the lattice.

What is measured has noise, and noise makes no modes: of a unimodal population, counts of correct models and means with
normal noise are unimodal, too (both kernels are totally positive; Ibragimov 1956 for the normal). Of all unimodal
distributions the uniform one has the largest dips, and on the lattice with the noise of counts it is uniform still. So
it is the null. Noise can hide modes: that no second mode is found does not say that there is none. (A uniform
population with normal noise as the null, which has smaller dips, called 27 % of uniform accuracies bimodal from counts
of 12 models, in place of 5 %: accuracies end at 0 and 1, and noise does not reach beyond.)

Source: Hartigan & Hartigan 1985, 'The dip test of unimodality'. The dip is computed by the package diptest, an extra,
because it is under the GPL.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.statistics.intervals import Floats
from memscope.errors import MemscopeError, OptionError
from memscope.streams import stream

DRAWS = 400
"""From the null"""
FEWEST = 10
"""Values, of which a dip says something"""


@dataclass(frozen=True)
class Dip:
    """How bimodal some values are."""

    dip: float
    null: float
    """The dip that one in twenty draws from the null exceeds"""
    p_value: float
    """(1 + draws from the null with at least this dip) / (1 + draws): at least .0025"""
    values: int


def require_diptest() -> Any:
    """The package diptest; MemscopeError where it is not installed."""
    try:
        import diptest
    except ImportError as error:
        raise MemscopeError(
            'the dip needs diptest, which is not installed: pip install "memscope-ml[proxies]" (it is under the GPL)'
        ) from error
    return diptest


def dip_of(values: ArrayLike, step: float, seed: int = 0) -> Dip:
    """The dip of values [examples] on a lattice of this step (0: on none); NaN are left out.

    Of a score, `step` is 1 over the smaller of the numbers of models with and without an example: where all models with
    it are right, scores are that far apart. Of a mean of whole numbers over models it is 1 over their number. Raises
    OptionError for another shape or fewer than ten values, MemscopeError without diptest.
    """
    diptest = require_diptest()
    given = np.asarray(values, dtype=np.float64)
    found = given[~np.isnan(given)]
    if given.ndim != 1 or len(found) < FEWEST:
        raise OptionError(f"{len(found)} values of shape {given.shape}, expected [examples], ten or more")
    random = np.random.Generator(stream("dip", seed, len(found)))
    dip = float(diptest.dipstat(dithered(found, step, random)))
    draws = null_dips(len(found))
    return Dip(dip, float(np.quantile(draws, 0.95)), float((1 + (draws >= dip).sum()) / (1 + DRAWS)), len(found))


@lru_cache(maxsize=8)
def null_dips(count: int) -> Floats:
    """Dips of so many uniform numbers, [DRAWS]: the same for whatever is held against them."""
    diptest, random = require_diptest(), np.random.Generator(stream("dips of uniform numbers", count))
    return np.array([diptest.dipstat(random.random(count)) for _ in range(DRAWS)])


def dithered(values: Floats, step: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Values [examples] moved by up to half a step either way."""
    return values + step * (random.random(len(values)) - 0.5)
