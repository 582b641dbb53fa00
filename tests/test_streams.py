import numpy as np

from memscope.streams import integers, permutation, stream, stream_key


def test_a_stream_depends_on_its_name_and_numbers_only():
    first = stream("order", 3, 14).random_raw(5)
    stream("order", 3, 15).random_raw(100)
    assert (stream("order", 3, 14).random_raw(5) == first).all()


def test_names_and_numbers_that_run_together_are_different_streams():
    keys = {tuple(stream_key(*arguments)) for arguments in (("a", 1, 23), ("a", 12, 3), ("a", 123), ("a1", 23))}
    assert len(keys) == 4


def test_the_draws_are_those_that_published_runs_were_made_with():
    # Philox4x64-10 keyed by SHA-256 of "subset:0:0". A change here changes every run ever made.
    import hashlib

    key = np.frombuffer(hashlib.sha256(b"subset:0:0").digest()[:16], dtype="<u8")
    expected = philox_words(key, 4)
    assert (stream("subset", 0, 0).random_raw(4) == expected).all()


def philox_words(key: np.ndarray, count: int) -> np.ndarray:
    """The first words of Philox4x64-10 (Salmon et al. 2011) in plain integers, from counter 1 as NumPy starts."""
    mask = 2**64 - 1
    words: list[int] = []
    counter = 1
    while len(words) < count:
        c, k = [counter, 0, 0, 0], [int(key[0]), int(key[1])]
        for _ in range(10):
            left, right = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
            c = [(right >> 64) ^ c[1] ^ k[0], right & mask, (left >> 64) ^ c[3] ^ k[1], left & mask]
            k = [(k[0] + 0x9E3779B97F4A7C15) & mask, (k[1] + 0xBB67AE8584CAA73B) & mask]
        words += c
        counter += 1
    return np.array(words[:count], dtype=np.uint64)


def test_permutations_are_uniform():
    counts = np.zeros((4, 4))
    for number in range(4000):
        counts[np.arange(4), permutation(stream("test", number), 4)] += 1
    assert abs(counts / 4000 - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 4000)


def test_integers_cover_their_range_evenly():
    drawn = integers(stream("test", 1), 7, 70_000)
    assert drawn.min() == 0
    assert drawn.max() == 6
    assert abs(np.bincount(drawn) / 70_000 - 1 / 7).max() < 0.006
