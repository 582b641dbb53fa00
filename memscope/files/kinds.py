"""What a file is that is not what its name says: `kind_of` looks at its first bytes, `instead` says what to do.

Downloads fail and leave a web page, Git LFS leaves a pointer, archives are not unpacked.
"""

from pathlib import Path

HEAD = 512
GIT_LFS, WEB_PAGE, EMPTY, ZEROS = "a Git LFS pointer", "a web page", "empty", "nothing but zeros"
PACKED, ARCHIVE, ZIP, HEIC = "packed by gzip", "an archive", "a zip archive", "a HEIC photograph"
NUMPY, HDF5 = "one NumPy array", "an HDF5 file"
PICKLE, MATLAB, PARQUET, NETCDF = "a pickle", "a MATLAB file", "a Parquet file", "a NetCDF file"
TABLE = "a table of text"

STARTS = {
    b"\x1f\x8b": PACKED,
    b"PK\x03\x04": ZIP,
    b"PK\x05\x06": ZIP,
    b"BZh": ARCHIVE,
    b"\xfd7zXZ\x00": ARCHIVE,
    b"7z\xbc\xaf\x27\x1c": ARCHIVE,
    b"Rar!": ARCHIVE,
    b"\x28\xb5\x2f\xfd": ARCHIVE,
    b"\x93NUMPY": NUMPY,
    b"\x89HDF\r\n\x1a\n": HDF5,
    b"MATLAB 5.0": MATLAB,
    b"MATLAB 7.3": HDF5,  # which begins behind 512 bytes of MATLAB's own
    b"PAR1": PARQUET,
    b"CDF\x01": NETCDF,
    b"CDF\x02": NETCDF,
    b"version https://git-lfs": GIT_LFS,
}
REMEDIES = {
    GIT_LFS: "get the file itself with git lfs pull",
    WEB_PAGE: "the download failed, get the file again",
    EMPTY: "get it again",
    ZEROS: "a download or a disk failed, get it again",
    PACKED: "unpack it with gunzip",
    ARCHIVE: "unpack it, and name what is in it",
    ZIP: "unpack it, and name what is in it; if it was a NumPy .npz it is cut off, get it again",
    NUMPY: "save images and labels together with numpy.savez(FILE, images=..., labels=...)",
    PICKLE: "load it where you trust it and save its arrays with numpy.savez(FILE, images=..., labels=...)",
    MATLAB: "load it with scipy.io.loadmat and save its arrays with numpy.savez(FILE, images=..., labels=...)",
    TABLE: "read it with numpy.loadtxt, make images of its rows by reshape(-1, H, W), save them and the labels with "
    "numpy.savez(FILE, images=..., labels=...)",
    NETCDF: "load it with scipy.io.netcdf_file and save its arrays with numpy.savez(FILE, images=..., labels=...)",
}


def kind_of(start: bytes) -> str | None:
    """What begins so; None where that is not known."""
    if not start:
        return EMPTY
    if not start.strip(b"\0"):
        return ZEROS
    known = next((kind for begins, kind in STARTS.items() if start.startswith(begins)), None)
    if known:
        return known
    if start[257:262] == b"ustar":
        return ARCHIVE
    if start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        return HEIC
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:15].lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head")):
        return WEB_PAGE
    if start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return PICKLE
    line = start.partition(b"\n")[0].rstrip(b"\r")
    return TABLE if line.isascii() and line.decode().isprintable() and min(line.count(b","), 2) == 2 else None


def head_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def instead(path: Path, start: bytes | None = None) -> str | None:
    """What a file is and what to do about it, as "this is ...: ..."; None where that is not known.

    `start` is what it begins with, once it is unpacked.
    """
    kind = kind_of(head_of(path) if start is None else start)
    if kind == HDF5:
        return f"this is {kind}: read it as hdf5:{path}"
    if kind == PARQUET:
        return f"this is {kind}: read it as hf:{path}"
    return f"this is {kind}: {REMEDIES[kind]}" if kind in REMEDIES else None
