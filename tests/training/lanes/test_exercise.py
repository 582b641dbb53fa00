"""The C part alone: no error under sanitizers, also when memory ends, and the same bits on ARM."""

import shutil
import subprocess
from pathlib import Path

import pytest

from memscope.training.backends.lanes.flags import KINDS
from memscope.training.backends.lanes.library import SOURCES, kinds_of_processor

EXERCISE = Path(__file__).parent / "exercise.c"
FLAGS = ("-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-w", f"-I{SOURCES}", str(EXERCISE))


def printed(folder: Path, compiler: str, *flags: str, run: tuple[str, ...] = ()) -> str:
    """What the exercise prints when it was compiled so; it fails with what the sanitizers say."""
    program = folder / "exercise"
    made = subprocess.run([compiler, *flags, *FLAGS, "-o", str(program), "-lm"], capture_output=True, text=True)
    if "sanitize" in " ".join(flags) and made.returncode and "asan" in made.stderr:
        pytest.skip("the compiler has no sanitizers here")
    assert made.returncode == 0, made.stderr
    done = subprocess.run([*run, str(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not kinds_of_processor() or shutil.which("cc") is None, reason="no compiler, or no vectors")
def test_sanitizers_find_nothing_and_memory_that_ends_is_told(tmp_path):
    kind = KINDS[kinds_of_processor()[0]]
    sanitized = printed(
        tmp_path, "cc", "-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", *kind, "-DL=4"
    )
    assert sanitized == printed(tmp_path, "cc", "-O2", *kind)


@pytest.mark.skipif(
    not all(map(shutil.which, ("aarch64-linux-gnu-gcc", "qemu-aarch64", "cc"))) or not kinds_of_processor(),
    reason="no cross-compiler, or no emulator of ARM",
)
def test_neon_gives_the_same_bits(tmp_path):
    ours = printed(tmp_path, "cc", "-O2", *KINDS[kinds_of_processor()[0]])
    assert printed(tmp_path, "aarch64-linux-gnu-gcc", "-O2", "-static", run=("qemu-aarch64",)) == ours
