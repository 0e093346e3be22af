"""Poetry removes a package while another process has one file of its metadata open."""

from contextlib import suppress
from types import SimpleNamespace

import pytest
from poetry.installation.uninstaller import uninstall_distribution
from poetry.utils.env.site_packages import SitePackages


@pytest.mark.fsfault(windows="11")
def test_a_failed_removal_can_be_repeated(tmp_path, fsfault):
    info = tmp_path / "lib/demo-1.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "lib/demo.py").touch()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: demo\nVersion: 1\n")
    (info / "WHEEL").write_text("Wheel-Version: 1.0\n")
    names = ("demo.py", f"{info.name}/METADATA", f"{info.name}/WHEEL", f"{info.name}/RECORD")
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    packages = SitePackages(tmp_path / "lib")
    env = SimpleNamespace(path=tmp_path, paths={}, fallbacks=[], site_packages=packages)
    with suppress(PermissionError), fsfault.windows().hold(info / "WHEEL"):
        uninstall_distribution(env, "demo")
    uninstall_distribution(env, "demo")
    assert not info.exists()
