"""Released projects with a patch of `examples/adoption`, each in an environment of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
import tarfile
import tomllib
import venv
from pathlib import Path
from typing import NamedTuple

import pytest

import pytest_fsfault

PACKAGE = Path(pytest_fsfault.__file__).parent
DIRECTORY = Path(__file__).parents[1] / "examples" / "adoption"
PROJECTS = tomllib.loads((DIRECTORY / "adoption.toml").read_text("utf-8"))
WORKFLOW = ".github/workflows/fsfault.yml"
# To give the metadata of a source distribution, pip asks what builds it. They lie in it, and nothing is to be built.
_BACKEND = """
import email, pathlib

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    text = pathlib.Path("PKG-INFO").read_text("utf-8")
    found = email.message_from_string(text)
    directory = pathlib.Path(metadata_directory, f"{found['Name'].replace('-', '_')}-{found['Version']}.dist-info")
    directory.mkdir()
    (directory / "METADATA").write_text(text, "utf-8")
    return directory.name
"""
# What decides where installers write; each has a directory of its own instead.
_OF_INSTALLERS = (
    "PYTEST",
    "COV",
    "PYTHON",
    "PIP_",
    "PIPX_",
    "PDM_",
    "HATCH_",
    "UV_",
    "VIRTUALENV_",
    "XDG_",
    "FSFAULT",
)


class File(NamedTuple):
    """A file that a patch adds."""

    name: str
    text: str

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return self.text.count("\n")


class Patch:
    """New files for a project, as `git apply` and `patch -p1` take them."""

    def __init__(self, project: str) -> None:
        self.text = (DIRECTORY / f"{project}.patch").read_text("utf-8")
        parts = re.split(r"^diff --git a/(\S+) b/\1$\n", self.text, flags=re.MULTILINE)
        assert "" == parts[0]
        self.files = [self._file(name, part) for name, part in zip(parts[1::2], parts[2::2], strict=True)]

    def _file(self, name: str, part: str) -> File:
        head, _, body = part.partition("@@\n")
        lines = body.splitlines(keepends=True)
        assert f"new file mode 100644\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1,{len(lines)} " == head, head
        assert all(line.startswith("+") for line in lines)
        return File(name, "".join(line[1:] for line in lines))

    def __getitem__(self, name: str) -> File:
        return next(file for file in self.files if file.name == name)

    @property
    def baseline(self) -> File:
        """The failures that are known."""
        return next(file for file in self.files if file.name.endswith(".json"))

    @property
    def retry(self) -> File:
        """The one test of how the project tries again."""
        return next(file for file in self.files if file.name.endswith(".py"))

    def commands(self) -> list[list[str]]:
        """Return what the job runs: to install, then the tests."""
        return [line.split() for line in re.findall(r"^ +- run: (.*)$", self[WORKFLOW].text, re.MULTILINE)]

    def apply(self, directory: Path) -> None:
        """Write the files."""
        for file in self.files:
            path = directory / file.name
            assert not path.exists(), path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, "utf-8")


class Adopted:
    """A project at its release, patched, with an environment, a home and temporary files below one directory."""

    def __init__(self, directory: Path, project: str) -> None:
        self.project = PROJECTS[project]
        self.patch = Patch(project)
        self._base = directory
        for name in ("home", "tmp"):
            (directory / name).mkdir()
        venv.create(directory / "venv", with_pip=True, symlinks=True)
        base = str(directory / "venv")
        self._site = Path(sysconfig.get_path("purelib", vars={"base": base, "platbase": base}))
        self.source = self._source()
        self.has_suite = "suite" not in self.project or self._add_suite()
        self.patch.apply(self.source)
        self._pip("install", "-q", self.project["release"], *self.project["with"])
        self._add_ours()

    def run(self, *command: str) -> tuple[int, str]:
        """Run a command of the job in the source tree; return its exit code and its output."""
        done = self._run(command, self._environment())
        return done.returncode, done.stdout + done.stderr

    def replace(self, file: str, old: str, new: str) -> None:
        """Change one place of the installed project."""
        path = self._site / file
        text = path.read_text("utf-8")
        assert 1 == text.count(old), file
        path.write_text(text.replace(old, new), "utf-8")

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OF_INSTALLERS)}
        home = self._base / "home"
        own = {
            "HOME": home, "USERPROFILE": home, "TMPDIR": self._base / "tmp", "VIRTUAL_ENV": self._base / "venv",
            "PIP_CACHE_DIR": home / "pip", "PIPX_HOME": home / "pipx",
            "PIPX_BIN_DIR": home / "bin", "PIPX_GLOBAL_HOME": home / "global", "UV_TOOL_DIR": home / "uv",
            "UV_PYTHON_INSTALL_DIR": home / "pythons", "UV_CACHE_DIR": home / "uv-cache",
            "PATH": os.pathsep.join([str(self._scripts()), os.defpath]),
        }  # fmt: skip
        return kept | {name: str(value) for name, value in own.items()}

    def _scripts(self) -> Path:
        return self._base / "venv" / ("Scripts" if os.name == "nt" else "bin")

    def _run(self, command: tuple[str, ...], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        program, *rest = command
        assert "python" == program
        return subprocess.run(
            [self._scripts() / "python", *rest],
            cwd=self.source if hasattr(self, "source") else self._base,
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def _pip(self, *arguments: str, **variables: str) -> None:
        """Run pip, which may look where this machine's settings say, and write nowhere but here."""
        environment = self._environment() | {n: v for n, v in os.environ.items() if n.startswith("PIP_")}
        command = ("python", "-m", "pip", "--disable-pip-version-check", *arguments)
        done = self._run(command, environment | variables)
        unreachable = "connection" in done.stderr.lower() or "resolve" in done.stderr.lower()
        if done.returncode and unreachable and not os.environ.get("CI"):
            pytest.skip(f"the package index has not given {self.project['release']}: {done.stderr[-300:]}")
        assert 0 == done.returncode, done.stdout + done.stderr

    def _source(self) -> Path:
        backend = self._base / "backend" / (self.project["backend"].replace(".", "/") + ".py")
        backend.parent.mkdir(parents=True)
        backend.write_text(_BACKEND, "utf-8")
        (backend.parent / "__init__.py").touch()
        self._pip(
            "download", "-q", "--no-deps", "--no-binary", ":all:", "--no-build-isolation",
            "-d", str(self._base / "sdist"), self.project["release"],
            PYTHONPATH=str(self._base / "backend"),
        )  # fmt: skip
        [archive] = (self._base / "sdist").iterdir()
        with tarfile.open(archive) as opened:
            opened.extractall(self._base / "source", filter="data")
        [found] = (self._base / "source").iterdir()
        return found

    def _add_suite(self) -> bool:
        """Put the tests beside a source that comes without them; return whether their repository can be had."""
        checkout = self._base / "checkout"
        command = (
            "git",
            "clone",
            "-q",
            "--depth",
            "1",
            "--branch",
            self.project["release"].partition("==")[2],
        )
        environment = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
        done = subprocess.run(
            [*command, self.project["suite"], checkout],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            assert not os.environ.get("CI"), done.stderr
            return False
        for name in self.project["directories"]:
            shutil.copytree(checkout / name, self.source / name, symlinks=True)
        return True

    def _add_ours(self) -> None:
        """Put this plugin there as its wheel would."""
        site = self._site
        info = site / f"pytest_fsfault-{pytest_fsfault.__version__}.dist-info"
        shutil.copytree(PACKAGE, site / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(PACKAGE / "_intercept/bootstrap/pytest_fsfault_children.pth", site)
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: pytest-fsfault\nVersion: {pytest_fsfault.__version__}\n"
        )
        (info / "entry_points.txt").write_text("[pytest11]\nfsfault = pytest_fsfault.plugin\n")


def known(patch: Patch) -> dict[str, dict[str, object]]:
    """Return the entries of a baseline, by test."""
    return json.loads(patch.baseline.text)["tests"]
