"""The example of language: that text of tests is not in training, what becomes a probability, and how it is chosen."""

import itertools
from multiprocessing import dummy

import language
import numpy as np
import pytest
import small_transformer
import torch

from memscope import ResidualMemory


@pytest.fixture(scope="module")
def lines():
    """Lines of a few sayings each, over and over: what comes next is plain to who has seen one of them."""
    random = np.random.default_rng(0)
    words = [f"{a}{b}" for a in "bdfgklm" for b in "aeiou"]
    sayings = [" ".join(random.choice(words, 9)) + "." for _ in range(6)]
    return [" ".join(random.choice(sayings, 2)) for _ in range(400)]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    for name, value in (("VOCABULARY", 60), ("HELD_OUT", 260), ("STEPS", 6)):
        monkeypatch.setattr(small_transformer, name, value)


def test_text_of_tests_is_not_in_training(monkeypatch):
    """Every block has words of its own, which are unknown wherever training text does not have them."""
    blocks = [f"{'common ' * (1 + n % 4)}{''.join(map(chr, (97 + n // 26, 97 + n % 26)))}" for n in range(60)]
    lines = [line for line in blocks for _ in range(small_transformer.LINES)]
    monkeypatch.setattr(small_transformer, "VOCABULARY", 500)
    text = small_transformer.divide(lines, 7000, 0)
    assert text.train.shape[1] == small_transformer.CONTEXT + 1
    known = set(text.train.flatten().tolist())
    assert 0 not in known
    for part in (text.test, text.choose):
        assert set(part.flatten().tolist()) == {0, 1}
    fewer = small_transformer.divide(lines, 1000, 0)
    assert torch.equal(fewer.train, text.train[: len(fewer.train)])
    assert torch.equal(fewer.test, text.test)
    other = small_transformer.divide(lines, 1000, 1)
    assert not torch.equal(fewer.train, other.train)


def test_no_position_sees_the_words_after_it():
    torch.manual_seed(0)
    model = small_transformer.Transformer(32)
    words = torch.randint(0, 20, (1, small_transformer.CONTEXT))
    changed = words.clone()
    changed[0, 40:] = (changed[0, 40:] + 1) % 20
    before, after = (model.hidden(each) for each in (words, changed))
    torch.testing.assert_close(before[0, :40], after[0, :40])
    assert (before[0, 40:] - after[0, 40:]).abs().amax(dim=1).min() > 0.01


def test_chances_are_those_of_memories_made_one_by_one(lines):
    """One search serves every k and sigma; here each has a memory of its own, and labels are counted in loops."""
    text = small_transformer.divide(lines, 2000, 0)
    model = small_transformer.train(text, 8, 0)
    hidden, known = small_transformer.states(model, text.train)
    logits = model.logits(hidden).detach()
    asked = language.Asked(model, ResidualMemory(64, 1.0, 1.1).fit(hidden, logits, known), known, text.choose, 40)
    everything, following = small_transformer.states(model, text.choose)
    drawn = torch.randperm(len(following), generator=torch.Generator().manual_seed(0))[:40]
    own = torch.softmax(model.logits(everything[drawn]).detach().double() / 1.1, dim=1)
    torch.testing.assert_close(asked.own, own[range(40), following[drawn]])
    for k, sigma in ((8, 0.1), (64, 0.5)):
        memory = ResidualMemory(k, sigma, 1.1).fit(hidden, logits, known)
        q = np.maximum(memory.predict(everything[drawn], model.logits(everything[drawn]).detach()).numpy(), 0)
        said = asked.neighbours_say(k, sigma)
        expected = [row[word] / row.sum() for row, word in zip(q, following[drawn].tolist(), strict=True)]
        np.testing.assert_allclose(said["ResMem"], expected, atol=1e-9)
        places, weights = memory.retrieve(everything[drawn])
        for n, word in enumerate(following[drawn].tolist()):
            pairs = zip(places[n].tolist(), weights[n].tolist(), strict=True)
            assert float(said["labels"][n]) == pytest.approx(sum(w for i, w in pairs if known[i] == word))


def test_numbers_are_chosen_without_the_text_of_tests(lines, monkeypatch):
    """Other words of tests change what is gained, and nothing that is chosen."""
    divide = language.divide
    before = language.measure((lines, 8, 1600, 0))

    def other_tests(*arguments):
        text = divide(*arguments)
        return small_transformer.Text(text.train, text.choose, torch.ones_like(text.test))

    monkeypatch.setattr(language, "divide", other_tests)
    after = language.measure((lines, 8, 1600, 0))
    assert after.chosen == before.chosen
    assert after.gains != before.gains


def test_a_memory_of_sayings_takes_bits_from_a_model_that_has_not_learnt_them(lines, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(language, "get_context", lambda _: dummy)  # threads, which see the constants of `tiny`
    monkeypatch.setattr(language, "NEIGHBOURS", (8, 32))
    file = tmp_path / "sayings.txt"
    file.write_text("\n".join(lines))
    found = language.main(f"--text {file} --widths 8 16 --words 400 1600 --seeds 2".split())
    assert sorted((each.width, each.words, each.seed) for each in found) == list(
        itertools.product((8, 16), (400, 1600), (0, 1))
    )
    for each in found:
        assert each.gains["ResMem"] > 0.5
        assert each.gains["labels"] > 0.5
    printed = capsys.readouterr().out
    assert printed.count("| 8 | ") == 2
    assert "Is the gain largest where the model is small? " in printed
    assert "Does the gain grow with the data? " in printed


def test_a_question_is_answered_only_where_the_interval_does_not_hold_0():
    assert language.interval([1.0, 2.0, 3.0]) == pytest.approx((2.0, 4.30265 / 3**0.5), rel=1e-4)
    sure, unsure, against = [0.10, 0.11, 0.12], [0.1, -0.05, 0.2], [-0.10, -0.11, -0.12]
    assert language.answer("?", {"a": sure, "b": sure}).startswith("? Yes")
    assert language.answer("?", {"a": sure, "b": unsure}).startswith("? Cannot be told")
    assert language.answer("?", {"a": sure, "b": against}).startswith("? No")
    assert language.answer("?", {"a": [0.1]}).startswith("? Cannot be told")


def test_a_text_that_cannot_be_read_or_is_too_short_is_refused_in_a_line(tmp_path):
    latin = tmp_path / "latin"
    latin.write_bytes("caf\xe9".encode("latin-1"))
    for file in (tmp_path / "missing", tmp_path, latin):
        with pytest.raises(SystemExit, match=f"--text {file} cannot be read, expected a text in UTF-8: ") as told:
            language.main(["--text", str(file)])
        assert "\n" not in str(told.value)
    with pytest.raises(SystemExit, match=r"leaves 0 words for training, expected more than 50"):
        small_transformer.divide(["a few words"], 50, 0)


def test_without_the_text_a_line_says_where_it_is_had(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="apt-get install bible-kjv-text, or give --text FILE"):
        language.main([])


@pytest.mark.parametrize("options", [["--seeds", "0"], ["--words", "64"], ["--widths", "50"], ["--widths", "0"]])
def test_numbers_that_cannot_be_are_refused_in_a_line(options, capsys):
    with pytest.raises(SystemExit):
        language.main(options)
    assert "expected a seed or more" in capsys.readouterr().err.splitlines()[-1]
