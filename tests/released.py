"""Released installers, unchanged, each in an environment of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import venv
import zipfile
from pathlib import Path

import pytest

import pytest_fsfault

PACKAGE = Path(pytest_fsfault.__file__).parent


class Release:
    """A virtual environment with pinned releases, in which scripts run with this plugin at hand."""

    def __init__(self, directory: Path, requirements: tuple[str, ...]) -> None:
        self.directory = directory
        # Alone: beside it, where it is installed, are releases of its own that must not be met here.
        self._ours = directory.with_name("ours")
        shutil.copytree(PACKAGE, self._ours / PACKAGE.name)
        venv.create(directory, with_pip=True, symlinks=True)
        self.python = directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        done = self._start("-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements)
        unreachable = "connection" in done.stderr.lower() or "resolve" in done.stderr.lower()
        if done.returncode and unreachable and not os.environ.get("CI"):
            pytest.skip(f"the package index has not given {', '.join(requirements)}: {done.stderr[-300:]}")
        assert 0 == done.returncode, done.stderr

    def _start(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        environment["PYTHONPATH"] = str(self._ours)
        return subprocess.run(
            [self.python, *arguments], capture_output=True, text=True, check=False, env=environment
        )

    def test(self, file: Path) -> tuple[int, str]:
        """Run a test file under this plugin; return pytest's exit code, and what it printed."""
        alone = Path(shutil.copy(file, self.directory.parent))  # away from the settings of this project
        done = self._start(
            "-m", "pytest", "-p", "pytest_fsfault.plugin", "-p", "no:cacheprovider", str(alone)
        )
        return done.returncode, done.stdout + done.stderr

    def run(self, script: str, *arguments: object) -> dict[str, object]:
        """Run a script, and return the JSON object that is its last line, with all of its output."""
        done = self._start("-c", script, *map(str, arguments))
        assert 0 == done.returncode, done.stdout + done.stderr
        *_, last = done.stdout.splitlines()
        return {**json.loads(last), "output": done.stdout + done.stderr}


def wheel(directory: Path, version: str, files: dict[str, bytes]) -> Path:
    """Write a wheel of the project `demo` with these files."""
    path = directory / f"demo-{version}-py3-none-any.whl"
    info = f"demo-{version}.dist-info"
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: demo\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        name: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        for name, data in contents.items()
    }
    record = [f"{name},sha256={digests[name]},{len(data)}" for name, data in contents.items()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,", ""]))
    return path


def demo(directory: Path, version: str) -> Path:
    """Write a wheel with a module before and a module after an extension, by name."""
    files = {
        "demo/__init__.py": f"version = {version!r}\n".encode(),
        "demo/_ext.pyd": f"extension {version}".encode(),
        "demo/zz.py": f"version = {version!r}\n".encode(),
    }
    return wheel(directory, version, files)
