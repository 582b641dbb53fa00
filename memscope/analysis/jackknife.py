"""Standard errors that know that all examples share the same models: the delete-one-block jackknife.

The errors of different examples come from the same models, so a mean over examples is 4 to 17 times more
variable than independent examples would make it, and models of one block depend on each other. Whatever is
computed from counts summed over models (a mean score, shares of types, an area under a curve, at every
size at once) is therefore computed again without each block in turn:

    delete_one_block(lambda block: np.nanmean(counts.without(block).score), blocks)

"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray


def jackknife_error(leave_one_out: ArrayLike) -> NDArray[np.float64]:
    """Standard error [...] of a statistic from its values without each block in turn, [blocks, ...].

    SE^2 = (B - 1) / B * sum over b of (theta_(b) - mean of theta_(.))^2; NaN with fewer than two blocks,
    and where any of the values is NaN. Source: Efron & Tibshirani 1993, 'An introduction to the
    bootstrap', chapter 11.
    """
    values = np.asarray(leave_one_out, dtype=np.float64)
    blocks = len(values)
    if blocks < 2:
        return np.full(values.shape[1:], np.nan)
    return np.sqrt((blocks - 1) / blocks * ((values - values.mean(axis=0)) ** 2).sum(axis=0))


def delete_one_block(statistic_without: Callable[[int], ArrayLike], num_blocks: int) -> NDArray[np.float64]:
    """Standard error of a statistic, given as a function of the block of models to leave out, 0 to blocks
    - 1.

    The function may return a number or an array of any one shape; the standard error has that shape. With
    fewer than two blocks nothing can be left out: it is a single NaN and the function is not called.
    """
    if num_blocks < 2:
        return np.full((), np.nan)
    return jackknife_error([np.asarray(statistic_without(block)) for block in range(num_blocks)])
