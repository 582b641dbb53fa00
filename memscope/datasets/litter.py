"""Litter: what cameras, network drives, operating systems and tools leave beside pictures, known by its name.

Nothing here is a picture that somebody meant to be one. Films, raw photographs, archives and documents are not litter:
a user may take them for data, so they are named as unreadable.
"""

import re

FOLDERS = frozenset({
    "__macosx", "@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "~snapshot",
    "$recycle.bin", "recycler", "lost+found", "__pycache__", "cvs", "_vti_cnf", "found.000",
    "system volume information", "network trash folder", "temporary items", "_gsdata_", "$extend",
    "@synoresource", "@synoeastream", "thevolumesettingsfolder", "nksc_param",
})  # fmt: skip
FILES = frozenset({
    "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "picasa.ini", "zbthumbnail.info",
    "index", "readme", "license", "licence", "copying", "copyright", "authors", "changelog", "notice", "version",
    "md5sum", "md5sums", "sha1sums", "sha256sums", "checksums", "manifest", "makefile", "dockerfile", "thumbs",
    "synoindex_media_info", "sha512sums", "info2", "wpsettings.dat", "indexervolumeguid", "thevolumesettingsfolder",
    "ds_store", "_ds_store", "pspbrwse.jbf", "albumart.pamp", "descript.ion", "autprint.mrk", "folder.jpg",
    "albumartsmall.jpg",
})  # fmt: skip
TEXTS = frozenset({
    "txt", "csv", "tsv", "json", "jsonl", "ndjson", "geojson", "xml", "md", "rst", "html", "htm", "yml", "yaml",
    "toml", "log", "names", "lst", "py", "ipynb", "sh", "bat", "js", "css", "bib", "tex",
})  # fmt: skip
"""Endings of lists, labels and descriptions: a folder that holds nothing else is no class."""
ENDINGS = TEXTS | frozenset({
    "thm", "ctg", "xmp", "aae", "pp3", "dop", "on1", "lrv", "lnk", "url", "webloc", "ini", "inf", "db", "cache",
    "bak", "old", "orig", "tmp", "temp", "part", "partial", "filepart", "crdownload", "download", "swp", "swo",
    "lock", "info", "nfo", "sfv", "md5", "sha1", "sha256", "sha512", "asc", "sig", "dvc", "torrent", "tfw",
    "jgw", "pgw", "wld", "prj", "identifier", "pyc", "nksc", "vrd", "cos", "dxo", "bdm", "db-journal", "db-wal",
    "supplemental-metadata",
})  # fmt: skip
STREAM = re.compile(r".+:(encryptable|afp_\w+|com\.\S+|smartscreen|.*\$data)", re.IGNORECASE)
"""What Windows and macOS keep beside a file, and network drives as one: `Thumbs.db:encryptable`"""
SYNOLOGY = re.compile(r"syno(photo|file|video|index)_", re.IGNORECASE)


def litter_kind(name: str, is_folder: bool) -> str | None:
    """What kind of litter has this name, as it is shown to users; None where it may be a picture or hold some."""
    if name.startswith("."):
        return "hidden"
    small = name.casefold()
    if is_folder:
        return name if small in FOLDERS else None
    if small in FILES:
        return name
    if SYNOLOGY.match(name):
        return "SYNO*"
    if STREAM.fullmatch(name):
        return "*:stream"
    if small.endswith("~") or small.startswith("~$"):
        return "*~"
    _, dot, ending = small.rpartition(".")
    if dot and ending in ENDINGS:
        return f"*.{ending}"
    return None


def is_text(kind: str) -> bool:
    """Whether litter of this kind is a list or description that somebody wrote."""
    return kind.removeprefix("*.") in TEXTS
