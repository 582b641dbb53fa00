import os
import threading
from pathlib import Path

import pytest

from memscope.errors import RunError
from memscope.files.atomic import write_atomically, write_where_told


def test_a_pipe_that_the_user_names_is_written_into(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    write_where_told(pipe, b"scores")
    reader.join()
    assert found == [b"scores"]
    assert pipe.is_fifo()


def test_a_link_that_the_user_names_stays_and_its_target_is_replaced(tmp_path):
    target, link = tmp_path / "elsewhere" / "scores.csv", tmp_path / "scores.csv"
    target.parent.mkdir()
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_where_told(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == ["scores.csv"]


def test_a_device_that_is_full_is_told_in_one_line():
    with pytest.raises(RunError, match="/dev/full could not be written: No space left on device"):
        write_where_told(Path("/dev/full"), b"scores")


def test_in_a_run_no_link_is_followed(tmp_path):
    outside, link = tmp_path / "outside", tmp_path / "score.h5"
    outside.write_bytes(b"of somebody else")
    link.symlink_to(outside)
    write_atomically(link, b"scores")
    assert not link.is_symlink()
    assert outside.read_bytes() == b"of somebody else"
