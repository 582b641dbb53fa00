"""Which blocks of models say what of influence: each has one role, so that nothing that is told chose itself.

What stands out in a measurement stands out by its noise, too. If the same models say which examples are memorised,
which pairs have influence and how much, a null that shares nothing but class tendencies shows several times as many
pairs as chance would, and printed influences are .05 to .17 too large. So of every six blocks, by their numbers, one
says what is memorised, one tells the influence of what was found, and four choose. More models keep the roles of those
that were there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from memscope.errors import OptionError

OF_EVERY, MEMORISED, TELLING = 6, 0, 3
"""The number of a block modulo 6 decides"""
FEWEST_BLOCKS = 4
"""With the blocks 0 to 3 every role has one, and choosing two"""


@dataclass(frozen=True)
class Roles:
    """Numbers of blocks, by what they say."""

    memorised: tuple[int, ...]
    """Which examples are memorised"""
    choosing: tuple[int, ...]
    """Which pairs have influence, and in what order"""
    telling: tuple[int, ...]
    """How much influence the chosen pairs have"""


def roles_of(blocks: Sequence[int], telling: int = 1) -> Roles:
    """The roles of blocks with these numbers; OptionError where a role has too few, as with fewer than four blocks.

    `telling`: how many blocks must measure anew; two where only models without a second example count, of which a block
    has three.
    """
    numbers = sorted(set(blocks))
    found = Roles(
        memorised=tuple(one for one in numbers if one % OF_EVERY == MEMORISED),
        choosing=tuple(one for one in numbers if one % OF_EVERY not in (MEMORISED, TELLING)),
        telling=tuple(one for one in numbers if one % OF_EVERY == TELLING),
    )
    if found.memorised and 0 < len(found.telling) < telling:
        raise OptionError(
            f"influence among training examples needs {OF_EVERY + FEWEST_BLOCKS} whole blocks of models, 0 to "
            f"{OF_EVERY + FEWEST_BLOCKS - 1}, since only models without the second example count; there are "
            f"{len(numbers)}: {numbers[:12]}"
        )
    if not (found.memorised and found.telling and len(found.choosing) > 1):
        raise OptionError(
            f"influence needs four whole blocks of models, 0 to {FEWEST_BLOCKS - 1}, one to say what is memorised, two "
            f"to choose pairs and one to measure them anew; there are {len(numbers)}: {numbers[:12]}"
        )
    return found
