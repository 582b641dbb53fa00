"""The compiled part: made once into a private folder, and never loaded from where others can write."""

import os
import stat

import pytest

from memscope.training.backends.lanes import flags
from memscope.training.backends.lanes import library as module
from memscope.training.backends.lanes.library import (
    NoLibraryError,
    check_private,
    compiled,
    kinds_of_processor,
    library,
)

needs_compiler = pytest.mark.skipif(not kinds_of_processor(), reason="no vectors to train in")


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """An empty folder, into which is compiled without optimising, which would take ten times as long."""
    monkeypatch.setattr(module, "COMMON", tuple("-O0" if flag == "-O3" else flag for flag in flags.COMMON))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "BUILT", tmp_path / "no wheel")  # whose libraries would be found first
    library.cache_clear()
    yield tmp_path / "cache" / "memscope"
    library.cache_clear()


@needs_compiler
def test_it_is_compiled_once_into_a_folder_that_is_ours_alone(own_cache):
    path = compiled(kinds_of_processor()[0])
    assert path.parent == own_cache
    assert stat.S_IMODE(own_cache.stat().st_mode) == 0o700
    made = path.stat().st_mtime_ns
    assert compiled(kinds_of_processor()[0]) == path
    assert path.stat().st_mtime_ns == made
    assert [one.name for one in own_cache.iterdir()] == [path.name]


@needs_compiler
def test_other_sources_or_flags_are_another_library(own_cache, monkeypatch, tmp_path):
    first = compiled(kinds_of_processor()[0])
    monkeypatch.setattr(flags, "COMMON", (*flags.COMMON, "-DNOTHING"))
    assert compiled(kinds_of_processor()[0]) != first


@needs_compiler
def test_nothing_is_loaded_from_a_folder_that_others_can_write(own_cache):
    compiled(kinds_of_processor()[0])
    for mode in (0o770, 0o707):
        own_cache.chmod(mode)
        with pytest.raises(NoLibraryError, match="can be written by others, so nothing is loaded from it; chmod go-w"):
            library()
    own_cache.chmod(0o755)
    assert library().lanes_count() in (4, 8, 16)


def test_a_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    if tmp_path.stat().st_uid == 0:
        check_private(tmp_path)  # root may write anywhere anyway
    else:
        with pytest.raises(NoLibraryError, match="can be written by others"):
            check_private(tmp_path)


@needs_compiler
def test_why_there_is_none_is_said_in_one_line(own_cache, monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoLibraryError, match=r"there is no C compiler \(cc, gcc or clang\)"):
        compiled(kinds_of_processor()[0])
    monkeypatch.setenv("CC", "/bin/false")
    with pytest.raises(NoLibraryError, match="/bin/false cannot compile it"):
        compiled(kinds_of_processor()[0])
    assert list(own_cache.iterdir()) == []
    monkeypatch.setenv("CC", "/no/such/compiler")
    with pytest.raises(NoLibraryError, match="it cannot be compiled into"):
        compiled(kinds_of_processor()[0])


@needs_compiler
def test_a_damaged_library_is_told(own_cache):
    path = compiled(kinds_of_processor()[0])
    path.write_bytes(b"no library")
    with pytest.raises(NoLibraryError, match=r"cannot be loaded .*; delete it, and it is made again"):
        library()


def test_a_processor_without_vectors_has_none(monkeypatch):
    library.cache_clear()
    monkeypatch.setattr(module, "kinds_of_processor", lambda: ())
    with pytest.raises(NoLibraryError, match="has no vectors that models could be trained in"):
        library()
    library.cache_clear()
