"""Run `uv tool` in a tree of its own: a wheel with a command, and an interpreter that nobody else uses."""

import os
import shutil
import sys
import sysconfig
import zipfile
from pathlib import Path

from . import uv

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


def tool(tree, verb):
    """Install or uninstall the tool; all that uv writes is below the tree."""
    own = {"UV_TOOL_DIR": f"{tree}/tools", "UV_TOOL_BIN_DIR": f"{tree}/bin", "UV_PYTHON_DOWNLOADS": "never"}
    options = ["--no-index", "--find-links", "wheels", "-p", f"{tree}/base/bin/{VERSION}"]
    uv.uv(tree, "tool", verb, *(options if verb == "install" else []), "tiny", **own)


def install(tree):
    tool(tree, "install")


def make_base(tree):
    """Make an interpreter with packages of its own: it may be spoilt."""
    library = tree / "base" / "lib" / VERSION
    (library / "site-packages").mkdir(parents=True)
    for entry in Path(sysconfig.get_path("stdlib")).iterdir():
        if entry.name not in {"site-packages", "dist-packages", "__pycache__", "EXTERNALLY-MANAGED"}:
            (library / entry.name).symlink_to(entry)
    (tree / "base" / "bin").mkdir()
    shutil.copy2(os.path.realpath(sys.executable), tree / "base" / "bin" / VERSION)


def prepare(tree):
    """Make the interpreter, and a wheel with a command; run once, so that the cache knows both."""
    make_base(tree)
    (tree / "wheels").mkdir()
    (tree / "bin").mkdir()
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(tree / "wheels" / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", "def main(): print('tiny')\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\ntiny = tiny:main\n")
        wheel.writestr(
            f"{info}/RECORD", "".join(f"{name},,\n" for name in wheel.namelist()) + f"{info}/RECORD,,\n"
        )
    for verb in ("install", "uninstall"):
        tool(tree, verb)
