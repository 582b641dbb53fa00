"""Letters that DejaVu Sans lacks are drawn in a font of the machine, or escaped where none has them."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import get_data_path
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.textpath import text_to_path

from memscope.plots.common import class_names, fonts, style
from memscope.plots.common.class_names import class_label
from memscope.plots.common.fonts import FONT, LEFT_TO_RIGHT, enclosed, families, fonts_of_machine, legible
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import page, plain_text, png, text_width

SHIPPED = Path(get_data_path(), "fonts", "ttf")
STIX = str(SHIPPED / "STIXGeneral.ttf")
IN_STIX = "\u210a"  # a script g, which DejaVu Sans lacks
CACHED = (
    fonts.families, fonts.font_with, fonts.fonts_of_machine, fonts.codes_of, style.text_width, class_names.forms,
)  # fmt: skip


@pytest.fixture
def machine(monkeypatch):
    """A function that makes some files all the fonts of this machine; DejaVu Sans remains."""

    def install(*paths: str | Path, listed: bool = False) -> None:
        for cached in CACHED:
            cached.cache_clear()
        ours = [entry for entry in fontManager.ttflist if entry.name == FONT]
        monkeypatch.setattr(fontManager, "ttflist", ours)
        monkeypatch.setattr(fonts, "findSystemFonts", lambda: [] if listed else [str(path) for path in paths])
        for path in paths if listed else ():
            fontManager.addfont(path)
        fonts.family_of.cache_clear()

    yield install
    for cached in (*CACHED, fonts.family_of):
        cached.cache_clear()


def make_font(path: Path, family: str, characters: str, *, wide: int = 1000, blank: bool = False) -> Path:
    """A font whose letters are squares of an em, or nothing."""
    builder = FontBuilder(1000, isTTF=True)
    names = {ord(each): f"letter{number}" for number, each in enumerate(characters)}
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    pen = TTGlyphPen(None)
    if not blank:
        pen.moveTo((0, 0)), pen.lineTo((0, 800)), pen.lineTo((wide, 800)), pen.lineTo((wide, 0)), pen.closePath()
    builder.setupGlyf(dict.fromkeys(builder.font.getGlyphOrder(), pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(builder.font.getGlyphOrder(), (wide, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2(usWeightClass=400)
    builder.setupPost()
    builder.save(path)
    return path


def picture(text: str, weight: str = "normal") -> bytes:
    """A page with this text for a title, drawn without any warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return png(plain_text(page(5.0, 1.0, "x", text, text)[0]))


def test_a_letter_that_no_font_has_is_escaped_and_not_a_box(machine):
    machine()
    assert legible("a猫b🦊") == "a\\u732bb\\U0001f98a"
    assert legible("แมว") == "\\u0e41\\u0e21\\u0e27"
    assert picture(legible("猫")) != picture(legible("狗"))


def test_a_font_of_the_machine_draws_what_ours_lacks(machine, caplog):
    machine(STIX)
    assert legible(IN_STIX) == IN_STIX
    assert legible(f"{IN_STIX}猫") == f"{IN_STIX}\\u732b"
    for weight in ("normal", "bold"):  # STIX of this file is not bold: matplotlib would log that
        assert [*families(f"x{IN_STIX}", weight)] == [FONT, f"memscope: {STIX}"]
        figure = plain_text(page(5.0, 1.0, "x", "x", "x")[0])
        figure.text(0.5, 0.5, IN_STIX, weight=weight)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            png(plain_text(figure))
    assert picture(IN_STIX) != picture("\u2113")
    assert not caplog.records


def test_a_letter_is_measured_in_the_font_that_draws_it(machine, tmp_path):
    machine(make_font(tmp_path / "wide.ttf", "Wide", "猫", wide=2000))
    assert text_width("猫猫", 10) == pytest.approx(2 * 20 / 72, rel=0.02)  # two letters of two em
    machine(STIX)
    alone = FontProperties(fname=STIX, size=10)
    expected = text_to_path.get_text_width_height_descent(IN_STIX, alone, ismath=False)[0] / 72
    assert text_width(IN_STIX, 10) == pytest.approx(expected)
    figure = page(5.0, 1.0, "x", "x", "x")[0]
    text = figure.text(0.5, 0.5, IN_STIX * 20, size=10)
    plain_text(figure)
    figure.canvas.draw()
    assert text.get_window_extent().width / style.DPI == pytest.approx(text_width(IN_STIX * 20, 10), rel=0.05)


@pytest.mark.parametrize("listed", [False, True])
def test_noto_goes_before_others_in_any_order_of_files(listed, machine, tmp_path):
    """Fonts that matplotlib has listed, and those that were installed since."""
    made = [
        make_font(tmp_path / f"{number}.ttf", family, "猫")
        for number, family in enumerate(("Aardvark", "Noto Kufi CJK", "Noto Sans CJK", "Noto Sans Other"))
    ]
    best = [made[position] for position in (2, 3, 1, 0)]
    for order in (made, made[::-1]):
        machine(*order, listed=listed)
        assert [path for path in fonts_of_machine("normal") if str(tmp_path) in path] == [*map(str, best)]
        assert families("猫")[1] == f"memscope: {best[0]}"
        families("猫", "bold")
        fonts_of_machine.cache_clear()  # now that names of ours are in matplotlib's list
        assert [path for path in fonts_of_machine("bold") if str(tmp_path) in path] == [*map(str, best)]


def test_a_font_that_cannot_draw_a_letter_is_passed_over(machine, tmp_path):
    (tmp_path / "damaged.ttf").write_bytes(b"\x00\x01\x00\x00" + bytes(500))
    blank = make_font(tmp_path / "a.ttf", "Noto Sans Layers", "猫", blank=True)
    colour = make_font(tmp_path / "b.ttf", "Noto Color Emoji", "猫")
    last = make_font(tmp_path / "c.ttf", ".LastResort", "猫")  # of macOS: the same for all letters of a script
    machine(tmp_path / "damaged.ttf", tmp_path / "gone.ttf", blank, colour, last)
    assert legible("猫") == "\\u732b"
    good = make_font(tmp_path / "z.ttf", "Zebra", "猫")
    machine(tmp_path / "damaged.ttf", tmp_path / "gone.ttf", blank, colour, last, good)
    assert legible("猫") == "猫"
    assert families("猫") == (FONT, f"memscope: {good}")


def test_a_listed_font_that_has_gone_is_passed_over(machine, tmp_path):
    gone = make_font(tmp_path / "a.ttf", "Noto Sans Gone", "猫")
    machine(gone, listed=True)
    gone.unlink()
    assert legible("猫") == "\\u732b"


def test_text_that_our_font_has_looks_for_no_other(machine, monkeypatch):
    machine()
    monkeypatch.setattr(fonts, "fonts_of_machine", lambda weight: pytest.fail("looked for fonts"))
    for text in ("T-shirt/top", "gâteau №5 – 70\u00a0% …", "кошка γάτα", "سيارة חתול"):
        for weight in ("normal", "bold"):
            assert families(text, weight) == (FONT,)
        assert legible(text.replace("\u00a0", " ")) == text.replace("\u00a0", " ")


def test_what_nobody_sees_is_escaped_or_left_out(machine):
    machine()
    assert legible("a\u3164") == "a\\u3164"  # a letter without ink
    assert legible("a\u2800\ud800\x1b\n") == "a\\u2800\\ud800\\x1b\\n"
    assert legible("\u2764\ufe0f") == "\u2764"  # a heart that asks for colours
    assert legible("\ufe0f") == "\\ufe0f"
    assert legible("می\u200cخواهم") == "می\u200cخواهم"  # Persian is not written without it


def test_digits_after_a_name_from_right_to_left_stay_after_it(machine):
    machine()
    assert enclosed("folder:/cats") == "folder:/cats"
    setting = Setting("folder:/חתול", "mlp", "width", np.array([2]), (9,), 0.7, 1234, None, 0.2, 0.9)
    assert f"חתול{LEFT_TO_RIGHT}, 1,234 training examples" in caption(setting)


SIMILAR = (
    "a very long name of a class, one", "a very long name of a class, two", "中华人民共和国一", "中华人民共和国二",
    "\\u732b", "猫", "caf\u00e9", "cafe\u0301", "cat", "cat ", "cat  1", "cat 1", "3: cat", "0: a very long name",
    "\u2764", "\u2764\ufe0f", "dog", "do\u200dg", "a very long", "a very long…", "",
    "resum\u00e9 number 1 of this", "re\u0301sume\u0301 number 2", "\ufe0f", "\\ufe0f",
)  # fmt: skip


@pytest.mark.parametrize("with_font", [False, True])
@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_no_two_classes_look_alike(with_font, weight, machine, tmp_path):
    machine(*[make_font(tmp_path / "a.ttf", "Any", "中华人民共和国一二猫")] if with_font else [])
    for room in (0.6, 0.94, 3.0):
        before = "true: " if room > 0.6 else ""
        labels = [class_label(number, SIMILAR, 7.5, room, weight, before) for number in range(len(SIMILAR))]
        assert all(text_width(label, 7.5, weight) <= room for label in labels)
        assert len({fonts.folded(label) for label in labels}) == len(SIMILAR)
    plain = [class_label(number, SIMILAR, 7.5, 9.0) for number in range(2)]
    assert plain == [*SIMILAR[:2]]  # not where there is room


def test_only_a_name_that_could_be_another_has_its_number_before_it(machine):
    machine()
    names = ("a very long name one", "a very long name two", "an utterly different name", "cat", "猫", "狗")
    labels = [class_label(number, names, 7.5, 0.94) for number in range(len(names))]
    assert labels[0].startswith("0: a very")
    assert labels[1].startswith("1: a very")
    assert labels[2].startswith("an utterly")
    assert labels[3:] == ["cat", "\\u732b", "\\u72d7"]


@pytest.mark.parametrize(
    "names",
    [("caf\u00e9", "cafe\u0301"), ("\u2764", "\u2764\ufe0f"), ("cat", "cat "), ("a b", "a  b"), ("do\u200dg", "dog"),
     ("\\u732b", "猫")],
)  # fmt: skip
def test_names_of_other_characters_that_look_the_same_have_their_numbers(names, machine):
    machine()
    assert [class_label(number, names, 7.5, 0.94)[:3] for number in range(2)] == ["0: ", "1: "]


def test_what_a_text_begins_with_does_so_when_folded():
    assert fonts.folded("cafe\u0301 noir").startswith(fonts.folded("cafe"))
    assert fonts.folded("caf\u00e9 noir").startswith(fonts.folded("cafe\u0301 n"))


def test_thousands_of_classes_are_told_apart_in_a_moment(machine):
    machine()
    names = tuple(f"a name that is long and ends in {number}" for number in range(20_000))
    assert {class_label(number, names, 7.5, 0.94).split(":")[0] for number in range(0, 20_000, 1000)} == {
        str(number) for number in range(0, 20_000, 1000)
    }
