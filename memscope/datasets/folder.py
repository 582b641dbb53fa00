"""`folder:DIR`: a folder of images for every class, perhaps inside train/ and test/, in the formats of decoding.py.

folder_layout.py finds the classes, folder_walk.py their files, decoding.py reads them, appearance.py says what a
picture is; folder_first.py has how all that was done for runs of before.
"""

from pathlib import Path

import numpy as np

from memscope.datasets.appearance import as_seen
from memscope.datasets.checks import assemble
from memscope.datasets.decoding import decode, readable
from memscope.datasets.folder_first import as_stored, find_first_layout
from memscope.datasets.folder_layout import Layout, few, find_layout
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.reading import FIRST_RULES, Reading
from memscope.datasets.remarks import grouped, remarks
from memscope.errors import DataError
from memscope.files.limits import existing_directory
from memscope.text import can_write


def load_folder(spec: str, directory: Path, reading: Reading) -> ImageDataset:
    """Read an image folder: grey [N, H, W, 1] where every file is grey, else [N, H, W, 3].

    Classes are the sorted directory names, examples are sorted by class, then by name. With `image_size` the short side
    is resized to it (bilinear, antialiased) and the centre square is cut out.
    """
    existing_directory(directory)
    first = reading.rules == FIRST_RULES
    layout = find_first_layout(directory) if first else find_layout(directory)
    listed = [*layout.train, *(layout.test or ())]
    files = [path for path, _ in listed]
    names = [path.relative_to(directory).as_posix() for path in files]
    _expect_utf8(directory, names)
    decoded = decode(directory, files, reading.image_size, as_stored if first else as_seen)
    if decoded.unreadable:
        _expect_readable(directory, layout, names, decoded.unreadable, reading.skip_unreadable)
    lines = [*layout.notes, *remarks(directory, names, decoded)]
    if not first:
        for line in lines:
            reading.say(line)
    kept, images = readable(decoded)
    labels = np.array([listed[at][1] for at in kept], dtype=np.int64)
    names = [names[at] for at in kept]
    split = int((kept < len(layout.train)).sum())
    return assemble(
        spec,
        directory,
        (images[:split], labels[:split]),
        None if layout.test is None else (images[split:], labels[split:]),
        layout.classes,
        train_index=kept[:split],
        test_index=None if layout.test is None else kept[split:] - len(layout.train),
        train_names=names[:split],
        test_names=None if layout.test is None else names[split:],
    )


def _expect_utf8(directory: Path, names: list[str]) -> None:
    """Refuse names in another encoding, all at once: zip archives of Windows leave them."""
    strange = [ascii(name) for name in names if not can_write(name, "utf-8")]
    if strange:
        raise DataError(
            f"{directory}: {len(strange):,} of its {len(names):,} files have names that are not UTF-8 "
            f"({few(strange, 2)}); rename them: convmv -r -f ENCODING -t utf8 --notest {directory}"
        )


def _expect_readable(directory: Path, layout: Layout, names: list[str], unreadable: dict[int, str], skip: bool) -> None:
    """Refuse files that cannot be read, all at once; where they are skipped, only classes that lose all of theirs."""
    lost = _lost_classes(layout, unreadable)
    found = grouped(names, unreadable)
    if skip and lost:
        raise DataError(
            f"{directory}: no file of {lost} can be read as an image, so --skip-unreadable would leave nothing of it "
            f"({found}); expected some images of each class, replace the files or remove the class"
        )
    if skip:
        return
    if len(unreadable) == 1:
        (at, reason) = next(iter(unreadable.items()))
        raise DataError(
            f"{directory / names[at]}: cannot be read as an image ({reason}); expected images only, replace or remove "
            "it" + (f", the only file of {lost}" if lost else ", or go on without it: --skip-unreadable")
        )
    raise DataError(
        f"{directory}: {len(unreadable):,} of its {len(names):,} files cannot be read as images"
        + (f", all files of {lost} among them" if lost else "")
        + f": {found}; expected images only, "
        + ("convert or replace them" if lost else "convert or remove them, or go on without them: --skip-unreadable")
    )


def _lost_classes(layout: Layout, unreadable: dict[int, str]) -> str:
    """The classes none of whose files in a part can be read, as text."""
    start, lost = 0, []
    for part, what in ((layout.train, ""), (layout.test or [], " in the test set")):
        readable = {label for at, (_, label) in enumerate(part, start) if at not in unreadable}
        lost += [f"class {layout.classes[label]!r}{what}" for label in sorted({label for _, label in part} - readable)]
        start += len(part)
    return few(lost)
