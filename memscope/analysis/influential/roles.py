"""Which blocks of models say what of influence: each has one role, so that nothing that is told chose itself.

What stands out in a measurement stands out by its noise, too. If the same models say which examples are memorised,
which pairs have influence and how much, a null that shares nothing but class tendencies shows several times as many
pairs as chance would, and printed influences are .05 to .17 too large. So of every six blocks, in their order, one says
what is memorised, one tells the influence of what was found, and four choose. More models keep the roles of those that
were there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from memscope.errors import OptionError

OF_EVERY, MEMORISED, TELLING = 6, 0, 3
"""The place of a block modulo 6 decides"""
FEWEST_BLOCKS = 4
"""Every role has a block then, and choosing two"""
FEWEST_AMONG_TRAINING = 10
"""Two that measure anew: only models without the second example count there, of which a block of ten has three"""


@dataclass(frozen=True)
class Roles:
    """Numbers of blocks, by what they say."""

    memorised: tuple[int, ...]
    """Which examples are memorised"""
    choosing: tuple[int, ...]
    """Which pairs have influence, and in what order"""
    telling: tuple[int, ...]
    """How much influence the chosen pairs have"""


def roles_of(blocks: Sequence[int], fewest: int = FEWEST_BLOCKS) -> Roles:
    """The roles of whole blocks with these numbers; OptionError where there are fewer than `fewest`."""
    numbers = sorted(set(blocks))
    if len(numbers) < fewest:
        raise OptionError(
            f"influence needs {fewest} whole blocks of models, to say what is memorised, to choose pairs and to "
            f"measure them anew; there are {len(numbers)}"
        )
    places = [place % OF_EVERY for place in range(len(numbers))]
    return Roles(
        memorised=tuple(one for one, place in zip(numbers, places, strict=True) if place == MEMORISED),
        choosing=tuple(one for one, place in zip(numbers, places, strict=True) if place not in (MEMORISED, TELLING)),
        telling=tuple(one for one, place in zip(numbers, places, strict=True) if place == TELLING),
    )
