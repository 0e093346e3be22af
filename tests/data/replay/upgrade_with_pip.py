"""Upgrade a package with pip while a program has one of its files open.

This was recorded under CPython for Windows; see `tests/plugin/test_replay_of_windows.py`, which replays it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import sys
import tempfile
import zipfile

import pytest

MODULES = 24


def wheel(directory, version):
    """Write a wheel of the project `demo`, the same bytes on any system."""
    info = f"demo-{version}.dist-info"
    contents = {f"demo/part{n:02}/{name}": f"# {version} of {name} {n}\n".encode() for n in range(MODULES)
                for name in ("__init__.py", "core.py", "data.txt")}  # fmt: skip
    contents |= {
        "demo/__init__.py": f"version = {version!r}\n".encode(),
        "demo/native.pyd": f"no library {version}\n".encode(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: demo\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        name: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        for name, data in contents.items()
    }
    record = [f"{name},sha256={digests[name]},{len(data)}" for name, data in contents.items()]
    path = directory / f"demo-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,", ""]))
    return path


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """Return pip, of the wheel that PIP_WHEEL names; its temporary directories are below that of the test."""
    monkeypatch.syspath_prepend(os.environ["PIP_WHEEL"])
    for name in [name for name in sys.modules if name.partition(".")[0] == "pip"]:
        monkeypatch.delitem(sys.modules, name)
    from pip._internal.cli.main import main

    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    common = [
        "--isolated",
        "--no-index",
        "--no-deps",
        "--no-compile",
        "--no-cache-dir",
        "--disable-pip-version-check",
    ]
    return lambda *arguments: main(["install", "--quiet", *common, *map(str, arguments)])


def test_upgrade_while_a_file_is_open(tmp_path, pip):
    """An upgrade replaces a package although a program has one of its files open."""
    site = tmp_path / "site"
    old, new = wheel(tmp_path, "1.0"), wheel(tmp_path, "2.0")
    assert 0 == pip("--target", site, old)
    with open(site / "demo" / "native.pyd", "rb"):  # as a program that has loaded it
        assert 0 == pip("--target", site, "--upgrade", new)
