"""Released programs, unchanged: uv from the package index, with wheels to install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

UV = "uv==0.13.9"
WHEELS = ("six==1.16.0", "six==1.17.0", "markupsafe==3.0.4", "idna==3.20", "cowsay==6.1", "numpy==2.4.6")


def download(directory: Path, *requirements: str) -> None:
    """Fetch wheels; skip the test where the index cannot be reached."""
    for requirement in requirements:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "-d",
            str(directory),
            requirement,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and not os.environ.get("CI"):
            pytest.skip(f"the package index has not given {requirement}: {done.stderr[-300:]}")
        assert 0 == done.returncode, done.stderr


def unpack_uv(directory: Path) -> Path:
    """Return the path of the program in the wheel of uv."""
    (wheel,) = directory.glob("uv-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith("/scripts/uv"))
        path = Path(archive.extract(member, directory / "uv"))
    path.chmod(0o755)
    return path


class Uv:
    """One uv with a directory of its own: an environment, a cache, tools."""

    def __init__(self, program: Path, wheels: Path, interpreter: Path, directory: Path) -> None:
        self.program, self.interpreter, self.directory = program, interpreter, directory
        self._wheels = wheels
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
            "UV_CACHE_DIR": str(directory / "cache"), "UV_TOOL_DIR": str(directory / "tools"),
            "UV_TOOL_BIN_DIR": str(directory / "bin"), "UV_OFFLINE": "1", "UV_NO_CONFIG": "1", "NO_COLOR": "1",
            "UV_NO_PROGRESS": "1", "UV_LINK_MODE": "hardlink",
        }  # fmt: skip

    def __call__(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run uv; return its exit status and what it says, on both streams."""
        return subprocess.run(
            [self.program, *map(str, arguments)], env=self.environment, cwd=self.directory, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def venv(self) -> None:
        """Make an environment, and nothing else."""
        assert 0 == self("venv", "-q", "v", "-p", self.interpreter).returncode

    def pip(self, verb: str, *names: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `uv pip` on the environment."""
        find = ("--find-links", self._wheels) if verb == "install" else ()
        return self("pip", verb, "--python", "v/bin/python", *find, *names)

    def tool(self, verb: str, name: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `uv tool`."""
        more = ("--find-links", self._wheels, "-p", self.interpreter) if verb == "install" else ()
        return self("tool", verb, *more, name)

    @property
    def packages(self) -> Path:
        """The directory of installed packages."""
        (found,) = (self.directory / "v" / "lib").glob("python*/site-packages")
        return found

    def installed(self) -> set[str]:
        """Return the names in that directory, without those of the environment itself."""
        return {path.name for path in self.packages.iterdir() if not path.name.startswith("_virtualenv")}


def make_interpreter(directory: Path) -> Path:
    """Make an interpreter with packages of its own, for what may reach the one that environments are made from."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = directory / "lib" / version
    packages = library / "site-packages"
    packages.mkdir(parents=True)
    for entry in Path(sysconfig.get_path("stdlib")).iterdir():
        if entry.name not in {"site-packages", "dist-packages", "__pycache__", "EXTERNALLY-MANAGED"}:
            (library / entry.name).symlink_to(entry)
    (directory / "bin").mkdir()
    program = directory / "bin" / version
    shutil.copy2(os.path.realpath(sys.executable), program)
    # Whoever takes it for an environment of a tool takes away what the tool does not need.
    information = packages / "witness-1.0.dist-info"
    information.mkdir()
    (packages / "witness.py").write_text("")
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: witness\nVersion: 1.0\n")
    (information / "RECORD").write_text(
        "witness.py,,\nwitness-1.0.dist-info/METADATA,,\nwitness-1.0.dist-info/RECORD,,\n"
    )
    return program


def contents(interpreter: Path) -> set[str]:
    """Return what stands beside an interpreter made here, but for what it has compiled."""
    home = interpreter.parents[1]
    return {str(path.relative_to(home)) for path in home.rglob("*") if "__pycache__" not in path.parts}
