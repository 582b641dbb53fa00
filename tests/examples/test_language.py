"""The example of language: that text of tests is not in training, what becomes a probability, and how it is chosen."""

import dataclasses

import language
import numpy as np
import pytest
import small_transformer
import torch

from memscope import ResidualMemory

TINY = "--vocabulary 60 --held-out 260 --steps 6 --processes 1"


@pytest.fixture(scope="module")
def lines():
    """Lines of a few sayings each, over and over: what comes next is plain to who has seen one of them."""
    random = np.random.default_rng(0)
    words = [f"{a}{b}" for a in "bdfgklm" for b in "aeiou"]
    sayings = [" ".join(random.choice(words, 9)) + "." for _ in range(6)]
    return [" ".join(random.choice(sayings, 2)) for _ in range(400)]


@pytest.fixture(scope="module")
def trained(lines):
    text = small_transformer.divide(lines, 2000, 60, 260, 0)
    return text, small_transformer.train(text, 60, 8, 6, 0)


def test_text_of_tests_is_not_in_training():
    """Every block has words of its own, which are unknown wherever training text does not have them."""
    blocks = [f"{'common ' * (1 + n % 4)}{''.join(map(chr, (97 + n // 26, 97 + n % 26)))}" for n in range(60)]
    lines = [line for line in blocks for _ in range(small_transformer.LINES)]
    text = small_transformer.divide(lines, 10**6, 500, 300, 0)
    assert text.train.shape[1] == small_transformer.CONTEXT + 1
    known = set(text.train.flatten().tolist())
    assert 0 not in known
    for part in (text.test, text.choose):
        assert set(part.flatten().tolist()) == {0, 1}
    fewer = small_transformer.divide(lines, 1000, 500, 300, 0)
    assert torch.equal(fewer.train, text.train[: len(fewer.train)])
    assert torch.equal(fewer.test, text.test)
    other = small_transformer.divide(lines, 1000, 500, 300, 1)
    assert not torch.equal(fewer.train, other.train)


def test_no_position_sees_the_words_after_it():
    torch.manual_seed(0)
    model = small_transformer.Transformer(20, 32)
    words = torch.randint(0, 20, (1, small_transformer.CONTEXT))
    changed = words.clone()
    changed[0, 40:] = (changed[0, 40:] + 1) % 20
    before, after = (model.hidden(each) for each in (words, changed))
    torch.testing.assert_close(before[0, :40], after[0, :40])
    assert (before[0, 40:] - after[0, 40:]).abs().amax(dim=1).min() > 0.01


def test_what_becomes_of_a_prediction_is_a_probability():
    random = np.random.default_rng(0)
    own = torch.from_numpy(random.dirichlet(np.ones(30), 50))
    resmem = own + torch.from_numpy(random.dirichlet(np.ones(30) / 9, 50) - random.dirichlet(np.ones(30) / 9, 50))
    assert resmem.min() < -0.1
    for share in (0.1, 1.0):
        found = language.as_probabilities(own, resmem, share, 0.05)
        assert (found > 0).all()
        np.testing.assert_allclose(found.sum(dim=1), 1, atol=1e-12)
    torch.testing.assert_close(language.as_probabilities(own, resmem, 0.0, 0.05), own)
    own[0], resmem[0] = torch.full((30,), 1 / 30), torch.tensor([1.5, -0.5] + [0.0] * 28)
    found = language.as_probabilities(own, resmem, 0.5, 0.3)[0]
    # half of each: .767, -.233 and .0167; then at least .01
    np.testing.assert_allclose(found[:3], np.array([0.5 / 30 + 0.75, 0.01, 0.5 / 30]) / (0.5 + 0.75 + 0.01 - 0.5 / 30))


def test_the_bits_of_a_choice_are_those_of_the_memory_that_is_chosen(trained):
    """The grid makes residuals itself; here every combination is a memory of its own."""
    text, model = trained
    hidden, known = small_transformer.states(model, text.train)
    asked, words = language.some_of(*small_transformer.states(model, text.choose), 60, 0)
    best, share = language.choose(model, hidden, known, asked, words, 1.1)
    with torch.no_grad():
        own = torch.softmax(model.logits(asked).double() / 1.1, dim=1)

    def bits_of(choice: language.Choice) -> float:
        memory = ResidualMemory(choice.k, choice.sigma, 1.1).fit(hidden, model.logits(hidden).detach(), known)
        resmem = memory.predict(asked, model.logits(asked).detach())
        chances = language.as_probabilities(own, resmem, choice.share, choice.floor)
        return small_transformer.bits(chances[range(len(words)), words])

    least = bits_of(best)
    for name, values in (("k", (8, 32, 128)), ("share", language.SHARES), ("floor", language.FLOORS)):
        for value in values:
            assert bits_of(dataclasses.replace(best, **{name: value})) >= least - 1e-9
    assert bits_of(dataclasses.replace(best, sigma=best.sigma * 1.0001)) == pytest.approx(least, abs=1e-3)
    assert share in language.SHARES


def test_a_memory_of_sayings_takes_bits_from_a_model_that_has_not_learnt_them(lines, tmp_path, capsys):
    file = tmp_path / "sayings.txt"
    file.write_text("\n".join(lines))
    found = language.main(f"--text {file} --widths 8 16 --words 400 1600 --seeds 2 {TINY}".split())
    assert sorted((each.width, each.words, each.seed) for each in found) == [
        (width, words, seed) for width in (8, 16) for words in (400, 1600) for seed in (0, 1)
    ]
    for each in found:
        assert each.resmem < each.alone - 0.5
        assert 0 <= each.right[0] <= each.right[1] <= 1
    printed = capsys.readouterr().out
    assert printed.count("| 8 | ") == 2
    assert "at width 8 than at 16, with 400 words: " in printed


def test_without_the_text_a_line_says_where_it_is_had(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="apt-get install bible-kjv-text, or give --text FILE"):
        language.main([])
