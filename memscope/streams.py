"""Random draws that depend only on their name and numbers.

Every draw of a run comes from `stream(name, *numbers)`: a counter-based Philox generator keyed by a hash of the name
and the numbers. Nothing is drawn "after" anything else, so a draw does not depend on the number of workers, the engine,
the order of the work or an interruption. Everything that decides how a model is trained, or which type a trajectory is
called, uses only raw 64-bit words: NumPy keeps the streams of its bit generators stable between versions, but not the
methods of `Generator` (NEP 19). One of those, `binomial`, is used to simulate null hypotheses, such as what flat
trajectories would show; there, another version of NumPy may draw other numbers.
"""

import hashlib

import numpy as np


def stream_key(name: str, *numbers: int) -> np.ndarray:
    """The 128-bit key of a stream, uint64 [2]: SHA-256 over its name and numbers."""
    text = ":".join([name, *(str(int(number)) for number in numbers)])
    return np.frombuffer(hashlib.sha256(text.encode()).digest()[:16], dtype="<u8").astype(np.uint64)


def stream(name: str, *numbers: int) -> np.random.Philox:
    """The bit generator of the stream with this name and these numbers."""
    return np.random.Philox(key=stream_key(name, *numbers))


def permutation(source: np.random.Philox, length: int) -> np.ndarray:
    """A uniform random order of `range(length)`, int64 [length].

    It sorts 64-bit words. Ties, which a stable sort would leave in order, have probability below 1e-9 for a hundred
    thousand examples.
    """
    return np.argsort(source.random_raw(length), kind="stable")


def integers(source: np.random.Philox, bound: int, length: int) -> np.ndarray:
    """Uniform integers in [0, bound), int64 [length], from the upper 32 bits of each word.

    The bias of the multiplication is below bound / 2^32, far under what any sample could show.
    """
    high = source.random_raw(length) >> np.uint64(32)
    return ((high * np.uint64(bound)) >> np.uint64(32)).astype(np.int64)
