"""Two scripts unpack a driver at the same moment (ultrafunkamsterdam/undetected-chromedriver#1263)."""

import zipfile

import pytest
from undetected_chromedriver.patcher import Patcher


@pytest.mark.fsfault(windows="11")
def test_two_scripts(tmp_path, monkeypatch):
    monkeypatch.setattr(Patcher, "data_path", str(tmp_path / "uc"))
    (tmp_path / "uc").mkdir()
    first, second = Patcher(), Patcher()
    second.executable_path = first.executable_path
    for patcher in (first, second):
        with zipfile.ZipFile(tmp_path / "driver.zip", "w") as package:
            package.writestr(patcher.exe_name, b"\x7fELF")
        patcher.unzip_package(str(tmp_path / "driver.zip"))
