"""Files of changes, and what they make of a data set; and every mistake, refused in a line that names its own."""

import codecs
import hashlib
from dataclasses import replace

import numpy as np
import pytest

import memscope
from memscope.datasets import changes_file
from memscope.datasets.changes import DROP, KEEP, RELABEL, Change, Changes, changed, composed_changes, pixels_of
from memscope.datasets.changes_file import changes_in, changes_text, read_changes
from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import DataError, MemscopeError
from tests.test_hostile_names import HOSTILE

PLACES = np.array([10, 3, 4, 7, 0, 1])
GIVEN = np.array([0, 1, 2, 0, 1, 2])


def dataset(true_labels=None, names=("cat", "dog", "owl")) -> ImageDataset:
    random = np.random.default_rng(0)
    return ImageDataset(
        spec="made here",
        train_images=random.integers(0, 256, (6, 3, 2, 1), dtype=np.uint8),
        train_labels=GIVEN.copy(),
        test_images=random.integers(0, 256, (2, 3, 2, 1), dtype=np.uint8),
        test_labels=np.array([0, 1]),
        class_names=names,
        train_index=PLACES,
        test_index=np.array([5, 20]),
        train_names=tuple("abcdef"),
        true_labels=true_labels,
    )


def sha256(at: int) -> str:
    return hashlib.sha256(dataset().train_images[at].tobytes()).hexdigest()


def text(*lines: str, fingerprint: str | None = None, header: str = "index,sha256,decision,new_label") -> str:
    return "\n".join([f"# memscope changes of data {fingerprint or dataset().fingerprint}", header, *lines, ""])


def read(tmp_path, content: str | bytes) -> Changes:
    path = tmp_path / "changes.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_changes(path)


def line(at: int, decision: str, new_label: str = "") -> str:
    return f"{PLACES[at]},{sha256(at)},{decision},{new_label}"


def test_what_is_dropped_is_gone_and_what_is_relabelled_has_its_new_label(tmp_path):
    before = dataset()
    found = changed(before, read(tmp_path, text(line(1, "drop"), line(3, "relabel", "owl"), line(5, "keep"))))
    left = [0, 2, 3, 4, 5]
    np.testing.assert_array_equal(found.train_images, before.train_images[left])
    np.testing.assert_array_equal(found.train_labels, [0, 2, 2, 1, 2])
    np.testing.assert_array_equal(found.train_index, PLACES[left])
    assert found.train_names == ("a", "c", "d", "e", "f")
    assert found.true_labels is None
    assert found.class_names == before.class_names
    np.testing.assert_array_equal(found.test_images, before.test_images)
    assert found.fingerprint != before.fingerprint


def test_nothing_changed_is_the_same_data(tmp_path):
    assert changed(dataset(), read(tmp_path, text())).fingerprint == dataset().fingerprint
    kept = text(*(line(at, "keep") for at in range(6)))
    assert changed(dataset(), read(tmp_path, kept)).fingerprint == dataset().fingerprint


def test_a_relabelled_example_counts_as_not_flipped_whatever_it_was_before(tmp_path):
    """Examples 0 and 1 are flipped. The first gets its true label again, example 2 a wrong one."""
    before = dataset(true_labels=np.array([1, 0, 2, 0, 1, 2]))
    found = changed(before, read(tmp_path, text(line(0, "relabel", "dog"), line(2, "relabel", "cat"))))
    np.testing.assert_array_equal(found.train_labels, [1, 1, 0, 0, 1, 2])
    np.testing.assert_array_equal(found.true_labels, [1, 0, 0, 0, 1, 2])
    said_right = changed(before, read(tmp_path, text(line(0, "relabel", "cat"))))
    np.testing.assert_array_equal(said_right.true_labels != said_right.train_labels, [0, 1, 0, 0, 0, 0])


def test_where_the_last_flipped_label_goes_none_is_flipped(tmp_path):
    before = dataset(true_labels=np.array([1, 0, 2, 0, 1, 2]))
    assert changed(before, read(tmp_path, text(line(0, "drop"), line(1, "relabel", "cat")))).true_labels is None


FORMS = [
    text(line(1, "drop"), line(3, "relabel", "owl")),
    text(line(1, "drop"), line(3, "relabel", "2")),
    text(line(1, "DROP "), line(3, " Relabel", " owl ")),
    text(line(1, "drop").rstrip(","), line(3, "relabel", "owl")),
    text(line(1, "drop"), line(3, "relabel", '"owl"'), ",,,", ""),
    text(line(1, "drop"), line(3, "relabel", "owl")).replace("\n", "\r\n"),
    text(line(1, "drop"), line(3, "relabel", "owl")).replace("\n", "\r"),
    text(line(1, "drop"), line(3, "relabel", "owl")).replace(",", ";"),
    text(line(1, "drop"), line(3, "relabel", "owl")).replace(",", "\t"),
    text(line(1, "drop"), line(3, "relabel", "owl")).replace("\nindex", ",,,\nindex"),
    '"' + text(line(1, "drop"), line(3, "relabel", "owl")).replace("\nindex", '"\nindex'),
    codecs.BOM_UTF8 + text(line(1, "drop"), line(3, "relabel", "owl")).encode(),
    text(line(1, "DROP").upper(), line(3, "RELABEL").upper() + "owl", fingerprint=dataset().fingerprint.upper()),
    text(f"x,drop,{sha256(1)},,3", f"a note,relabel,{sha256(3)},owl,7", header="Note,Decision,SHA256,New_Label,Index"),
]  # fmt: skip


@pytest.mark.parametrize("content", FORMS)
def test_a_file_may_look_as_people_and_spreadsheets_leave_it(content, tmp_path):
    found = changed(dataset(), read(tmp_path, content))
    np.testing.assert_array_equal(found.train_index, [10, 4, 7, 0, 1])
    np.testing.assert_array_equal(found.train_labels, [0, 2, 2, 1, 2])


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_written_is_read_whatever_classes_are_called(name):
    before = dataset(names=("cat", name, "owl"))
    asked = Changes(before.fingerprint, (Change(10, sha256(0), RELABEL, name), Change(3, sha256(1), DROP)))
    found = changes_in("x.csv", changes_text(asked))
    assert [replace(one, line=0) for one in found.changes] == list(asked.changes)
    np.testing.assert_array_equal(changed(before, found).train_labels, [1, 2, 0, 1, 2])


def test_a_name_comes_before_the_number_of_a_class_and_forms_of_unicode_are_one(tmp_path):
    numbered = dataset(names=("2", "1", "0"))
    found = changed(numbered, read(tmp_path, text(line(0, "relabel", "0"), fingerprint=numbered.fingerprint)))
    assert found.train_labels[0] == 2
    accented = dataset(names=("cat", "g\u00e2teau", "owl"))
    with_two = text(line(0, "relabel", "ga\u0302teau"), fingerprint=accented.fingerprint)
    assert changed(accented, read(tmp_path, with_two)).train_labels[0] == 1


def test_the_digest_of_pixels_is_that_of_their_bytes_whatever_their_place_in_memory():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert pixels_of(image) == hashlib.sha256(bytes(range(24))).hexdigest()
    assert pixels_of(np.asfortranarray(image)) == pixels_of(image)


def test_a_file_is_written_for_examples_by_their_index(tmp_path):
    before = dataset()
    memscope.write_changes(tmp_path / "changes.csv", before, drop=[3], relabel={7: "owl"})
    assert (tmp_path / "changes.csv").read_text().splitlines() == FORMS[0].splitlines()
    np.testing.assert_array_equal(changed(before, read_changes(tmp_path / "changes.csv")).train_labels, [0, 2, 2, 1, 2])
    for asked, said in (
        ({"drop": [99]}, "the index is 99, which no training example has"),
        ({"drop": [20]}, "the index is 20, which is of a test image; only training examples can be changed"),
        ({"drop": [3, 3]}, "index 3 was given twice"),
        ({"drop": [3], "relabel": {3: "owl"}}, "index 3 was given twice"),
        ({"relabel": {3: "cow"}}, "has the new label 'cow'"),
        ({"drop": [10, 7]}, "leaves the class 'cat' without training examples"),
    ):
        with pytest.raises(MemscopeError, match=said):
            memscope.write_changes(tmp_path / "other.csv", before, **asked)
    assert [path.name for path in tmp_path.iterdir()] == ["changes.csv"]


OTHER = "0" * 64
MISTAKES = [
    ("", "found an empty file"),
    ("\n\n", "found a first line of ''"),
    ("index,sha256,decision,new_label\n", "found a first line of 'index,sha256,decision,new_label', expected '# me"),
    (text().replace("data ", "data x"), "found a first line of '# memscope changes of data x"),
    (text(header="index,decision,new_label"), "found 'index, decision, new_label' in its second line, expected the"),
    (text(header=""), "found '' in its second line"),
    (text(header="index,index,sha256,decision,new_label"), "has 2 columns index, expected one"),
    (text(line(1, "drop"), line(1, "keep")), "lines 3 and 4 are both of index 3, expected one line an example"),
    (text(line(1, "delete")), "line 3 has the decision 'delete', expected drop, relabel or keep"),
    (text(line(1, "")), "line 3 has the decision ''"),
    (text(line(1, "drop", "owl")), "line 3 has the decision drop and the new label 'owl', expected a new label"),
    (text(line(1, "relabel")), "line 3 has the decision relabel and the new label ''"),
    (text(f"-1,{OTHER},drop,"), "line 3 has '-1' in the place of an index"),
    (text(f"1.0,{OTHER},drop,"), "line 3 has '1.0' in the place of an index"),
    (text(f"{'1' * 19},{OTHER},drop,"), "in the place of an index"),
    (text("3,abc,drop,"), "line 3 has 'abc' in the place of a sha256, expected 64 digits of hex"),
    (text("3,drop"), "line 3 has 2 columns, expected index, sha256, decision, new_label"),
    (text(f"3,{OTHER},drop,"), f"line 3 has sha256 000000000000..., expected {sha256(1)}, that of the pixels of"),
    (text(line(1, "drop"), f"99,{OTHER},drop,"), "line 4 has index 99, which no training example has; theirs are 0 to"),
    (text(f"20,{OTHER},drop,"), "line 3 has index 20, which is of a test image; only training examples can"),
    (text(line(1, "relabel", "cow")), "line 3 has the new label 'cow', expected the name of one of the 3 classes ("),
    (text(line(1, "relabel", "3")), "line 3 has the new label '3'"),
    (text(line(1, "relabel", "-1")), "line 3 has the new label '-1'"),
    (text(line(0, "drop"), line(3, "drop")), "leaves the class 'cat' without training examples (it has 2)"),
    (text(line(0, "drop"), line(3, "relabel", "owl")), "leaves the class 'cat' without training examples"),
    (text(fingerprint=OTHER), f"its first line is of data {OTHER}, expected {dataset().fingerprint}"),
    (text().encode("utf-16"), "found text in UTF-16"),
    (text().encode() + b"\0", "found bytes that are no text (a zero byte)"),
    (text(line(1, "keep")).encode() + b"\xff", "line 4 has the byte 0xff, which is not UTF-8"),
    (b"\x89HDF\r\n\x1a\n" + bytes(90), "found an HDF5 file, expected the columns"),
    (text('"3'), "line 3 has 1 column"),
    (text("3," + "a" * 200_000 + ",drop,"), "line 3 cannot be split into columns (field larger than field limit"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "said"), MISTAKES)
def test_a_mistake_is_refused_in_a_line_that_says_where_it_is(content, said, tmp_path):
    with pytest.raises(DataError) as caught:
        changed(dataset(), read(tmp_path, content))
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/changes.csv: ")
    assert str(caught.value).isprintable()


def test_a_file_that_is_too_large_is_refused_before_it_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(changes_file, "MOST_LINES", 2)
    with pytest.raises(DataError, match="has more than 2 changes"):
        read(tmp_path, text(line(1, "drop"), line(2, "drop"), line(3, "drop")))
    monkeypatch.setattr(changes_file, "MOST_BYTES", 50)
    with pytest.raises(DataError, match="has 2,000 bytes, expected a file of changes of at most 50"):
        read(tmp_path, "x" * 2000)
    with pytest.raises(DataError, match="found nothing, expected a file"):
        read_changes(tmp_path / "none")


STEPS = [
    ((DROP, ""), (KEEP, ""), None),
    ((RELABEL, "owl"), (DROP, ""), None),
    ((RELABEL, "owl"), (RELABEL, "cat"), "cat"),
    ((RELABEL, "owl"), (KEEP, ""), "owl"),
    ((KEEP, ""), (RELABEL, "owl"), "owl"),
    ((KEEP, ""), (KEEP, ""), "dog"),
]


@pytest.mark.parametrize(("first", "then", "label"), STEPS)
@pytest.mark.parametrize("flipped", [False, True])
def test_changes_of_changes_are_one_list_that_does_the_same(first, then, label, flipped):
    before = dataset(true_labels=np.array([0, 2, 2, 0, 1, 2]) if flipped else None)
    one = Changes(before.fingerprint, (Change(3, sha256(1), *first), Change(10, sha256(0), DROP)))
    between = changed(before, one)
    if 3 not in between.train_index:
        then = None
    asked = [Change(4, sha256(2), RELABEL, "dog"), *([] if then is None else [Change(3, sha256(1), *then)])]
    two = Changes(between.fingerprint, tuple(asked))
    after, at_once = changed(between, two), changed(before, composed_changes(one, two))
    assert at_once.fingerprint == after.fingerprint
    assert np.array_equal(at_once.train_index, after.train_index)
    assert (after.true_labels is None) == (at_once.true_labels is None)
    assert after.true_labels is None or np.array_equal(after.true_labels, at_once.true_labels)
    found = dict(zip(after.train_index.tolist(), after.train_labels.tolist(), strict=True))
    assert found.get(3) == (None if label is None else before.class_names.index(label))
