"""NumPy's own reader of .npy headers, given the worst that fits: nothing is run, and a header or a ValueError comes."""

import io
import struct
import warnings

import numpy as np
import pytest

from fuzz.archives import HEADERS
from memscope.files.npy_header import LONGEST_HEADER, NpyHeader, npy_header, npy_values

DEEP = [piece * (9_000 // len(piece)) for piece in ("-", "~", "(", "[", "{", "not ", "lambda:", "f'{", "{1:", "[1,")]
DEEP += [piece * (9_000 // len(piece)) + "1" for piece in ("1+", "1j-", "1<", "1**", "1 if 1 else ", "a.", "()", "a(")]
FIELDS = "{{'descr': {}, 'fortran_order': False, 'shape': {}}}"
ODD = [
    FIELDS.format("'" + "u1," * 3000 + "'", "(3,)"),
    FIELDS.format("'(" + "9" * 4000 + ")u1'", "(3,)"),
    FIELDS.format("[('a'," * 190 + "'u1'" + ")]" * 190, "(3,)"),
    FIELDS.format("'\\q'", "(3,)"),
    FIELDS.format("'|u1'", "(" + "1" * 4000 + ",)"),
    "{[]: 1}",
    "{1: 2, 'a': 3}",
]


def npy(text: str, version: int = 1, data: bytes = b"") -> io.BytesIO:
    header = text.encode("latin-1")
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return io.BytesIO(b"\x93NUMPY" + bytes([version, 0]) + length + header + data)


def header_or_refusal(file: io.BytesIO) -> tuple[NpyHeader | None, str]:
    try:
        return npy_header(file), ""
    except ValueError as error:
        return None, str(error)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("text", [*HEADERS, *DEEP, *ODD], ids=lambda text: repr(text[:30]))
def test_a_hostile_header_is_read_or_refused_and_nothing_of_it_is_run(text, version, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        header, refused = header_or_refusal(npy(text, version))
    if header is None:
        assert 0 < len(refused) <= 300
    else:
        assert isinstance(header.dtype, np.dtype)
        assert all(0 <= extent < 2**63 for extent in header.shape)
    assert not list(tmp_path.iterdir())


def test_no_more_is_read_than_a_header_may_have_whatever_it_says():
    file = io.BytesIO(b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b" " * 10**6)
    with pytest.raises(ValueError, match="EOF: reading array header, expected 4294967295 bytes"):
        npy_header(file)
    assert file.tell() == LONGEST_HEADER + 12


def test_an_array_that_python_2_wrote_is_read_without_a_warning():
    text = "{'descr': '<i2', 'fortran_order': True, 'shape': (2L, 3L), }"
    data = np.arange(6, dtype="<i2").tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        header = npy_header(npy(text, data=data))
        values = npy_values(npy(text, data=data))
    assert (header.shape, header.dtype, header.fortran_order, header.nbytes) == ((2, 3), np.int16, True, 12)
    assert header.length == 10 + len(text)
    assert values.tolist() == [[0, 2, 4], [1, 3, 5]]


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_that_numpy_writes_is_read(version):
    buffer, given = io.BytesIO(), np.arange(24, dtype=">f4").reshape(2, 3, 4)
    np.lib.format.write_array(buffer, given, version=version)
    found = npy_header(io.BytesIO(buffer.getvalue()))
    assert (found.shape, found.dtype, found.fortran_order) == ((2, 3, 4), given.dtype, False)
    assert buffer.getvalue()[found.length :] == given.tobytes()
    assert np.array_equal(npy_values(io.BytesIO(buffer.getvalue())), given)


def test_data_that_end_early_are_refused():
    with pytest.raises(ValueError, match="EOF"):
        npy_values(npy("{'descr': '<i2', 'fortran_order': False, 'shape': (4,), }", data=b"1234567"))
