"""PDM removes a package whose program is running."""

from contextlib import suppress
from importlib.metadata import Distribution
from types import SimpleNamespace

import pytest
from pdm.exceptions import UninstallError
from pdm.installers.manager import InstallManager


@pytest.mark.fsfault(windows="11")
def test_a_failed_commit_leaves_the_old_or_the_new(tmp_path, monkeypatch, fsfault):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    info, program = tmp_path / "demo-1.0.dist-info", tmp_path / "demo.exe"
    info.mkdir()
    for path in (program, tmp_path / "demo.py", tmp_path / "of_others.py"):
        path.touch()
    (info / "METADATA").write_text("Name: demo\n")
    names = ("demo.py", "demo.exe", f"{info.name}/METADATA", f"{info.name}/RECORD")
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    environment = SimpleNamespace(
        get_paths=lambda: dict.fromkeys(("prefix", "purelib", "scripts"), str(tmp_path))
    )
    fsfault.windows().run(program)
    with suppress(UninstallError):
        InstallManager(environment).uninstall(Distribution.at(info))
    assert program.exists() == (tmp_path / "demo.py").exists() == info.exists()
