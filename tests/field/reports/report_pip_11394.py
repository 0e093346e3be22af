"""A package is upgraded while its extension is loaded (pypa/pip#11394)."""

import subprocess
import sys
import zipfile

import pytest

WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def install(directory, version):
    path, info = directory / f"demo-{version}-py3-none-any.whl", f"demo-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("demo/ext.pyd", version)
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: demo\nVersion: {version}\n")
        file.writestr(f"{info}/WHEEL", WHEEL)
        file.writestr(
            f"{info}/RECORD", f"demo/ext.pyd,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
    pip = [
        sys.executable,
        "-m",
        "pip",
        f"--python={directory}/v/bin/python",
        "install",
        "--no-index",
        str(path),
    ]
    return subprocess.run(pip, check=False, capture_output=True, text=True)


@pytest.fixture
def site(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "v")], check=True)
    assert 0 == install(tmp_path, "1.0").returncode
    return tmp_path


@pytest.mark.fsfault(windows="11")
def test_upgrade(site, fsfault):
    (ext,) = (site / "v").rglob("ext.pyd")
    fsfault.windows().load(ext)
    done = install(site, "2.0")
    assert 0 == done.returncode, done.stderr
    assert "2.0" == ext.read_text() and "Failed to remove" in done.stderr
