"""Tables of measured scores, in every layout that people have them in; and every mistake, refused in a line."""

import codecs
import csv
import io

import numpy as np
import pytest

from memscope.datasets import score_table
from memscope.datasets.score_table import read_score_table
from memscope.errors import DataError

NAMES = ("cat/0.jpg", "cat/1.jpg", "dog/0.jpg", "dog/2.jpg", "gâteau/3.jpg")
INDEX = np.array([7, 2, 9, 0, 30])
NAN = np.nan

MEMCAT = (
    ",image_file,category,subcategory,H,FA,n_resp,memorability_w_fa_correction,memorability_wo_fa_correction\n"
    "0,1.jpg,animal,bear,60,2,99,0.586,0.606\n"
    "1,bear_17.jpg,animal,bear,70,1,99,0.7,0.71\n"
    "2,3.jpg,food,cake,80,3,99,0.78,0.81\n"
)
OURS = (
    "width,example,index,name,label,true_label,score,standard_error\n"
    "4,0,7,cat/0.jpg,1,1,0.5,0.1\n"
    "4,3,0,dog/2.jpg,1,1,0.25,0.1\n"
)


def read(tmp_path, text, names=NAMES, index=INDEX):
    path = tmp_path / "scores.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_score_table(path, index, names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name,score\ncat/0.jpg,.5\ndog/2.jpg,1\n", [0.5, NAN, NAN, 1, NAN]),
        ("name,score\n1.jpg,-2\n2.jpg,1e-3\nelsewhere.jpg,7\n", [NAN, -2, NAN, 0.001, NAN]),
        ("Score ; NAME\n0.5;cat/1.jpg\n", [NAN, 0.5, NAN, NAN, NAN]),
        ("score\tname\textra\n0.5\tcat/1.jpg\tx\n", [NAN, 0.5, NAN, NAN, NAN]),
        ('name,score\n"cat/1.jpg","0.5"\n\n  \n', [NAN, 0.5, NAN, NAN, NAN]),
        ("name,score\r\ncat/1.jpg,0.5\r\n", [NAN, 0.5, NAN, NAN, NAN]),
        (codecs.BOM_UTF8 + b"name,score\ncat/1.jpg,0.5\n", [NAN, 0.5, NAN, NAN, NAN]),
        ("index,score\n30,3\n7,1\n0,2\n99,4\n", [1, NAN, NAN, 2, 3]),
        ("1.jpg 0.909091\n2.jpg 0.5\n", [NAN, 0.909091, NAN, 0.5, NAN]),
        ("cat/1.jpg,0.5\n", [NAN, 0.5, NAN, NAN, NAN]),
        ("a name with blanks.jpg 0.9\n2.jpg 0.5\n", [NAN, NAN, NAN, 0.5, NAN]),
        (MEMCAT, [NAN, 0.586, NAN, NAN, 0.78]),
        (OURS, [0.5, NAN, NAN, 0.25, NAN]),
        ("name,score\nga\u0302teau/3.jpg,0.5\n", [NAN, NAN, NAN, NAN, 0.5]),
        ("name,score\ntrain\\dogs\\2.jpg,0.5\n", [NAN, NAN, NAN, 0.5, NAN]),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_every_layout_gives_the_scores_of_the_images_that_it_names(text, expected, tmp_path):
    found = read(tmp_path, text)
    assert found.values.dtype == np.float64
    np.testing.assert_array_equal(found.values, expected)
    assert found.known == np.isfinite(expected).sum()


def test_last_parts_are_compared_only_where_both_sides_have_them_once(tmp_path):
    """`0.jpg` is of two classes here, and `1.jpg` is in the table twice; whole names win."""
    text = "name,score\n0.jpg,1\na/1.jpg,2\nb/1.jpg,3\nx/2.jpg,4\ndog/0.jpg,5\n"
    np.testing.assert_array_equal(read(tmp_path, text).values, [NAN, NAN, 5, 4, NAN])


def test_a_name_that_was_taken_whole_is_not_given_to_another_image_by_its_last_part(tmp_path):
    found = read(tmp_path, "name,score\n2.jpg,1\n", names=("2.jpg", "dog/2.jpg"), index=np.arange(2))
    np.testing.assert_array_equal(found.values, [1, NAN])


def test_names_come_before_a_column_called_index_where_the_run_has_names(tmp_path):
    """pandas calls a row's number so, too."""
    text = "index,name,score\n0,cat/0.jpg,1\n1,cat/1.jpg,2\n"
    np.testing.assert_array_equal(read(tmp_path, text).values, [1, 2, NAN, NAN, NAN])
    np.testing.assert_array_equal(read(tmp_path, text, names=None).values, [NAN, NAN, NAN, 1, NAN])


def test_the_table_that_memscope_writes_of_one_size_is_read(tiny_run, tmp_path):
    import shutil

    from memscope.run import open_run
    from memscope.steps.exports import export_csv
    from memscope.steps.score import score

    shutil.copytree(tiny_run, tmp_path / "run")
    score(tmp_path / "run")
    run = open_run(tmp_path / "run")
    export_csv(run, tmp_path / "all.csv")
    with pytest.raises(DataError, match=r"are both of index '?0'?, expected one line an image; of several sizes"):
        read_score_table(tmp_path / "all.csv", run.examples.index, run.examples.names)
    lines = (tmp_path / "all.csv").read_text().splitlines()
    (tmp_path / "one.csv").write_text("\n".join([lines[0], *(line for line in lines if line.startswith("4,"))]))
    found = read_score_table(tmp_path / "one.csv", run.examples.index, run.examples.names)
    np.testing.assert_allclose(found.values, run.scores(4)["score"], atol=1e-6)


MISTAKES = [
    ("", "found an empty file"),
    ("\n \n", "found no line with anything in it"),
    ("name,score\n", "found a header and no line below it"),
    ("a,b,c\n1,2,3\n", "found a first line of 'a, b, c'"),
    ("image memorability\nx.jpg .5\n", "found a first line of 'image memorability'"),
    ("name,score,score\na,1,2\n", "has 2 columns score"),
    ("name,score\ncat/0.jpg,1\ncat/0.jpg,1\n", "lines 2 and 3 are both of name 'cat/0.jpg'"),
    ("index,score\n7,1\n8,1\n07,2\n", "lines 2 and 4 are both of index '7'"),
    ("name,score\ncat/0.jpg,\n", "line 2 has '' in the place of a score"),
    ("name,score\ncat/0.jpg,nan\n", "line 2 has 'nan' in the place of a score"),
    ("name,score\ncat/0.jpg,1_0\n", "line 2 has '1_0'"),
    ("name,score\ncat/0.jpg,inf\n", "line 2 has 'inf'"),
    ("name,score\ncat/0.jpg,1e999\n", "line 2 has '1e999'"),
    ("name;score\ncat/0.jpg;0,5\n", "line 2 has '0,5' in the place of a score, expected a number with a decimal point"),
    ("1.jpg 0.5\n2.jpg high\n", "line 2 has 'high'"),
    ("name,score\ncat/0.jpg\n", "line 2 has 1 column, expected name and score"),
    ("1.jpg 0.5\n2.jpg\n", "line 2 has 1 column"),
    ("name,score\n,1\n", "line 2 has no name"),
    ("index,score\n-1,1\n", "line 2 has '-1' in the place of an index"),
    ("index,score\n1.0,1\n", "line 2 has '1.0' in the place of an index"),
    ("index,score\n" + "9" * 5000 + ",1\n", "in the place of an index"),
    ("index,score\n٣,1\n", "in the place of an index"),
    ("name,score\nx.jpg,1\ny.jpg,2\n", "none of its 2 names ('x.jpg', ...) is that of a training example"),
    ("0.jpg 1\n", "1 have last parts that several images have, so give them with their folders"),
    ("index,score\n1,1\n", "is of a training example of the run, whose indices are 0 to 30"),
    ("name,score\n" + '"' + "x" * 200_000 + '",1\n', "cannot be split into columns (field larger"),
    ("x" * 200_000 + ",1\n", "found a first line of"),
    ("name,score\ngâteau,1\n".encode("latin-1"), "line 2 has the byte 0xe2, which is not UTF-8"),
    ("name,score\nx,1\n".encode("utf-16"), "found text in UTF-16"),
    (b"name,score\nx\0,1\n", "a zero byte"),
    (b"PK\x03\x04" + bytes(50), "found a zip archive"),
    (b"\x89HDF\r\n\x1a\n" + bytes(50), "found an HDF5 file"),
    (b"<html><body>not found", "found a web page"),
    (b"version https://git-lfs.github.com/spec/v1", "found a Git LFS pointer"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), MISTAKES, ids=[said for _, said in MISTAKES])
def test_a_mistake_is_told_in_a_line(text, said, tmp_path):
    with pytest.raises(DataError) as raised:
        read(tmp_path, text)
    assert said in str(raised.value)
    assert str(tmp_path) in str(raised.value)
    assert str(raised.value).isprintable()


def test_names_where_the_run_has_none_are_refused_with_the_other_layout(tmp_path):
    with pytest.raises(DataError, match=r"by name \('1.jpg', ...\), but the run's images have none.*index,score"):
        read(tmp_path, "1.jpg 0.5\n", names=None)


def test_a_file_that_is_too_large_or_has_too_many_lines_is_refused_before_it_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(score_table, "MOST_LINES", 10)
    with pytest.raises(DataError, match="more than 10 lines"):
        read(tmp_path, "name,score\n" + "".join(f"{one}.jpg,1\n" for one in range(11)))
    monkeypatch.setattr(score_table, "MOST_BYTES", 50)
    with pytest.raises(DataError, match="has 2,000 bytes, expected a table of at most 50"):
        read(tmp_path, "x" * 2000)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="found nothing, expected a file"):
        read_score_table(tmp_path / "none", INDEX, NAMES)
    with pytest.raises(DataError, match="found a directory, expected a file"):
        read_score_table(tmp_path, INDEX, NAMES)


def test_hostile_names_are_matched_as_they_are(tmp_path):
    names = ("a,b", 'q"uote', "line\nbreak", "=1+1", "\x1b[31m", "x;y")
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("name", "score"), *((name, at) for at, name in enumerate(names))])
    found = read(tmp_path, text.getvalue(), names=names, index=np.arange(6))
    np.testing.assert_array_equal(found.values, np.arange(6))
