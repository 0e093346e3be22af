"""A new version is installed over an old one whose extension is loaded."""

import sys
import zipfile

import pytest
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile


@pytest.mark.fsfault(windows="11")
def test_it_is_the_old_or_the_new_version(tmp_path, fsfault):
    path, site, info = tmp_path / "demo-1-py3-none-any.whl", tmp_path / "site", "demo-1.dist-info"
    schemes = dict.fromkeys(("purelib", "platlib", "scripts", "headers", "data"), str(site))
    target = SchemeDictionaryDestination(schemes, sys.executable, "posix", overwrite_existing=True)
    names = ("demo/__init__.py", "demo/_ext.pyd", "demo/zz.py")
    for text in ("old", "new"):
        with zipfile.ZipFile(path, "w") as wheel:
            for name in names:
                wheel.writestr(name, text)
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
            wheel.writestr(f"{info}/METADATA", "Name: demo\nVersion: 1\n")
            wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in wheel.namelist()))
        try:
            with WheelFile.open(path) as source:
                install(source, target, {})
        except PermissionError:
            assert text == "new"
        fsfault.windows().load(site / "demo/_ext.pyd")
    assert len({(site / name).read_text() for name in names}) == 1
