"""Run uv in a tree of its own: an environment, and a wheel of three files and a library."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from contextlib import contextmanager
from pathlib import Path

UV = shutil.which("uv")
#: Where this Python has libraries of its own, any of which will do.
DYNAMIC = Path(sysconfig.get_config_var("DESTSHARED") or "")


class UvError(Exception):
    """uv has failed."""


def uv(tree, *arguments, **variables):
    environment = {
        **os.environ | {"NO_COLOR": "1"},
        "UV_CACHE_DIR": f"{tree}/cache",
        "UV_NO_CONFIG": "1",
        "UV_OFFLINE": "1",
        **variables,
    }
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(
        [UV, *arguments], cwd=tree, env=environment, check=False, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        raise UvError(done.stdout)


def install(tree):
    uv(tree, "pip", "install", "--python", "venv/bin/python", "--no-index", "--find-links", "wheels", "tiny")


def uninstall(tree):
    uv(tree, "pip", "uninstall", "--python", "venv/bin/python", "tiny")


@contextmanager
def library_loaded(tree):
    """Let another Python have the library of the package loaded."""
    (library,) = (tree / "venv").rglob("core.so")
    code = "import ctypes, sys; library = ctypes.CDLL(sys.argv[1]); print('loaded', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, library]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"loaded\n"
        yield


def make_environment(tree):
    """Make an environment, and a wheel of three files and a library."""
    info = "tiny-1.0.dist-info"
    (tree / "wheels").mkdir()
    with zipfile.ZipFile(tree / "wheels" / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        for name in ("tiny/__init__.py", "tiny/a.py", "tiny/b.py"):
            wheel.writestr(name, "")
        wheel.write(next(DYNAMIC.glob("*.so")), "tiny/core.so")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(
            f"{info}/RECORD", "".join(f"{name},,\n" for name in wheel.namelist()) + f"{info}/RECORD,,\n"
        )
    uv(tree, "venv", "-q", "venv", "-p", sys.executable)
