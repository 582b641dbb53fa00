"""What users install: a wheel, built from a copy of this checkout, beside the packages that are here."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from memscope.page.document import VENDORED, script_names
from memscope.steps.report import report
from memscope.steps.score import score

ROOT = Path(__file__).parents[1]
SOURCES = ("memscope", "data", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE")


def done(*words: str | Path, here: Path) -> str:
    """What a command prints, in a folder and without this checkout on Python's path."""
    around = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    found = subprocess.run(list(map(str, words)), cwd=here, env=around, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pure: there is no compiler where it is built."""
    place = tmp_path_factory.mktemp("wheel")
    (place / "sources").mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            left_out = shutil.ignore_patterns("__pycache__", "built")
            shutil.copytree(ROOT / name, place / "sources" / name, ignore=left_out)
        else:
            shutil.copy(ROOT / name, place / "sources")
    without = ("env", f"PATH={place}", "CC=")
    done(*without, sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place, here=place / "sources")
    (found,) = place.glob("*.whl")
    return found


def test_the_wheel_has_the_page_and_the_licences_of_what_is_in_it(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("page.css", "charts.css", "order.txt", *script_names()):
        assert f"memscope/page/web/{name}" in names
    for name, _, _ in VENDORED:
        assert f"memscope/page/web/vendor/{name}" in names
    licences = [name.partition("/licenses/")[2] for name in names if "/licenses/" in name]
    assert sorted(licences) == ["LICENSE", "data/LICENSE-fashion-mnist", "memscope/page/web/vendor/LICENSES"]
    assert not [name for name in names if "node_modules" in name or name.endswith("package.json")]


def test_a_report_is_written_from_the_installed_wheel(wheel, tiny_run, tmp_path):
    run, here, venv = tmp_path / "run", tmp_path / "empty", tmp_path / "venv"
    shutil.copytree(tiny_run, run)
    score(run)
    report(run)
    of_the_checkout = (run / "report.html").read_bytes()
    (run / "report.html").unlink()
    here.mkdir()
    done(sys.executable, "-m", "venv", "--without-pip", venv, here=here)
    (packages,) = (venv / "lib").glob("python*/site-packages")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-index", "--no-deps")
    done(*pip, "--target", packages, wheel, here=here)
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")  # torch and all others, after our own
    where = done(venv / "bin" / "python", "-c", "import memscope; print(memscope.__file__)", here=here)
    assert Path(where.strip()).is_relative_to(packages)
    told = done(venv / "bin" / "python", "-m", "memscope", "report", run, here=here)
    assert "has the page" in told
    assert (run / "report.html").read_bytes() == of_the_checkout
    assert list(here.iterdir()) == []
