"""How the C part is compiled: by the build of a wheel (hatch_build.py) and at first use (library.py) alike.

Imports nothing of memscope, which is not there yet when a wheel is built.
"""

import hashlib
import sys
from pathlib import Path

WINDOWS = sys.platform == "win32"
HERE = ("-DEXPORT=__attribute__((dllexport))",) if WINDOWS else ("-fPIC", "-fvisibility=hidden")
COMMON = ("-O3", "-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-shared", "-w", *HERE)
"""`-ffp-contract=off` keeps the compiler from fusing what the source does not. There is no `-march=native`: a library
is for a kind of processor, and all kinds give a model the same bits."""

LANES = {"avx512": 16, "avx2": 8, "neon": 4}
"""Floats in the registers of each kind of processor, widest first"""

KINDS = {
    "avx512": ("-mavx512f", "-mavx2", "-mfma", f"-DL={LANES['avx512']}"),
    "avx2": ("-mavx2", "-mfma", f"-DL={LANES['avx2']}"),
    "neon": (f"-DL={LANES['neon']}",),
}
"""Flags of each kind of processor"""

MACHINES = {"x86_64": ("avx512", "avx2"), "amd64": ("avx512", "avx2"), "aarch64": ("neon",), "arm64": ("neon",)}
"""The kinds of processor that `platform.machine()` may stand for, in lower case."""


def library_name(sources: Path, kind: str) -> str:
    """The name of the library of these sources and flags, so that no other is taken for it."""
    digest = hashlib.sha256(repr((COMMON, KINDS[kind])).encode())
    for source in sorted(sources.iterdir()):
        digest.update(source.read_bytes())
    return f"lanes-{kind}-{digest.hexdigest()[:16]}{'.dll' if WINDOWS else '.so'}"
