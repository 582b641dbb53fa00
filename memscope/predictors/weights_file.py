"""Tensors by their names from a file of weights: safetensors, or what torch.save wrote. No code of a file is run.

What torch.save writes is a zip archive of a pickle, which names the tensors, and of their bytes. It is read by
`torch.load(weights_only=True)`, whose own unpickler builds tensors and plain containers and calls nothing else. Of what
that still calls, a file could ask for a `bytearray` of any length, so here the pickle's names are looked at first: more
than `NAMES` no file of weights needs. An archive that is packed is refused too, since it could unpack to anything.
"""

import pickletools
import zipfile
from collections.abc import Mapping
from pathlib import Path

import safetensors
import torch
from torch import Tensor

from memscope.errors import DataError
from memscope.files.kinds import HEAD, PICKLE, ZIP, head_of, kind_of
from memscope.files.limits import check_memory, existing_file

MOST_PICKLE = 4 * 2**20
"""Bytes of the pickle in an archive; that of ResNet-152 has 150,000."""
NAMES = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    *(
        f"torch {kind}Storage"
        for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Byte", "Bool")
    ),
}
EXPECTED = "expected weights as safetensors or as torch.save(model.state_dict(), FILE) writes them"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file, by name; DataError, in a line, where it is no such file or damaged."""
    existing_file(path)
    try:
        start = head_of(path)
        check_memory(path, "the file", path.stat().st_size)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}; {EXPECTED}; check the file") from error
    kind = kind_of(start[:HEAD])
    if kind == ZIP:
        return of_archive(path)
    if kind is None and start[8:9] == b"{":
        return of_safetensors(path)
    if kind == PICKLE:
        raise DataError(
            f"{path}: found a pickle, as torch.save wrote them before torch 1.6, {EXPECTED} since; load it where you "
            "trust it and save it again"
        )
    raise DataError(f"{path}: found {kind or 'bytes of no known kind'}, {EXPECTED}; get the file again")


def of_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is not a mapping
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, RuntimeError, KeyError) as error:
        raise damaged(path, f"a damaged safetensors file ({reason(error)})") from error


def of_archive(path: Path) -> dict[str, Tensor]:
    try:
        check_archive(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except DataError:
        raise
    except Exception as error:  # torch and zipfile raise many kinds for a damaged archive; nothing of it was run
        raise damaged(path, f"a damaged archive ({reason(error)})") from error
    if not isinstance(content, dict) or not content:
        raise damaged(path, f"an archive of {type(content).__name__}")
    for name, values in content.items():
        if not isinstance(name, str) or not isinstance(values, Tensor):
            what = f"{str(name)[:60]!r}, which is of type {type(values).__name__}"
            inside = isinstance(values, dict) and values and all(isinstance(one, Tensor) for one in values.values())
            way = f"; save that alone: torch.save(torch.load(FILE)[{name!r}], NEW)" if inside else ""
            raise DataError(f"{path}: found {what}, expected tensors alone, {EXPECTED}{way}")
    return {name: values.detach() for name, values in content.items()}


def check_archive(path: Path) -> None:
    """DataError unless an archive is one of plain tensors, whole, and not packed."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        packed = [one for one in members if one.compress_type != zipfile.ZIP_STORED or one.flag_bits & 1]
        pickles = [one for one in members if one.filename.rpartition("/")[2] == "data.pkl"]
        if packed or len(pickles) != 1 or sum(one.file_size for one in members) > path.stat().st_size:
            raise DataError(
                f"{path}: found a zip archive that torch.save did not write, {EXPECTED}; if the weights are packed in "
                "it, unpack them"
            )
        if pickles[0].file_size > MOST_PICKLE:
            raise damaged(path, f"a pickle of {pickles[0].file_size:,} bytes")
        broken = archive.testzip()
        if broken is not None:
            raise damaged(path, f"a part ({broken}) whose checksum is wrong")
        for opcode, argument, _ in pickletools.genops(archive.read(pickles[0])):
            unknown = (opcode.name == "GLOBAL" and argument not in NAMES) or opcode.name in ("STACK_GLOBAL", "INST")
            if unknown:
                name = str(argument or opcode.name).replace(" ", ".")[:80]
                raise DataError(
                    f"{path}: found the name {name} in its pickle, {EXPECTED}, which holds tensors alone; nothing else "
                    "is unpickled, because a pickle can run anything"
                )


def reason(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200]


def damaged(path: Path, found: str) -> DataError:
    return DataError(f"{path}: found {found}, {EXPECTED}; get the file again")


def fitting(path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """The tensors as float32, in the order of those that `what` has; DataError unless names and shapes are the same.

    All of `expected` are of floats; they may be on the device `meta`.
    """
    lacking = [name for name in expected if name not in tensors]
    surplus = [name for name in tensors if name not in expected]
    if lacking or surplus:
        odd = f"{lacking[0]!r} is missing" if lacking else f"{surplus[0][:80]!r} is not among them"
        raise DataError(
            f"{path}: found {len(tensors):,} tensors, expected the {len(expected):,} of {what}: {odd}; give the file "
            "of that network"
        )
    for name, values in tensors.items():
        if values.shape != expected[name].shape or not values.is_floating_point() or values.layout != torch.strided:
            raise DataError(
                f"{path}: found {name!r} as {values.dtype} {tuple(values.shape)}, expected floats of "
                f"{tuple(expected[name].shape)} for {what}; give the file of that network"
            )
    found = {name: tensors[name].to(torch.float32).contiguous() for name in expected}
    broken = next((name for name, values in found.items() if not values.isfinite().all()), None)
    if broken is not None:
        raise damaged(path, f"a number in {broken!r} that is infinite or none")
    return found
