"""Compiles the C part of the backend `lanes` into a wheel, where there is a compiler; without one the wheel is pure."""

import os
import platform
import runpy
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("memscope/training/backends/lanes")


class LanesHook(BuildHookInterface):
    """One library for each kind of processor of this platform; which one is loaded is decided at run time."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return  # a checkout compiles at first use, into the user's cache
        root = Path(self.root)
        flags = runpy.run_path(str(root / FOLDER / "flags.py"))
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        kinds = flags["MACHINES"].get(platform.machine().lower(), ())
        built = root / FOLDER / "built"
        shutil.rmtree(built, ignore_errors=True)
        if compiler is None or not kinds:
            self.app.display_warning(
                "no C compiler for this machine: the wheel trains by torch, or compiles at first use"
            )
            return
        built.mkdir()
        for kind in kinds:
            sources = root / FOLDER / "c"
            target = built / flags["library_name"](sources, kind)
            command = [
                *compiler.split(),
                *flags["COMMON"],
                *flags["KINDS"][kind],
                str(sources / "lanes.c"),
                "-o",
                str(target),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                shutil.rmtree(built)
                self.app.display_warning(f"{compiler} cannot compile lanes ({done.stderr[:300]}): the wheel is pure")
                return
        build_data["pure_python"] = False
        build_data["artifacts"].append(f"{FOLDER}/built/*")
        tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{tag}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        shutil.rmtree(Path(self.root) / FOLDER / "built", ignore_errors=True)  # a checkout has its own, in the cache
