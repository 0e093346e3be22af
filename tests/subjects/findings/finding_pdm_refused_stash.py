"""PDM removes a package whose extension is open in another process."""

from importlib.metadata import Distribution
from types import SimpleNamespace

import pytest
from pdm.installers.uninstallers import StashedRemovePaths


@pytest.mark.fsfault(windows="11")
def test_what_was_not_stashed_is_rolled_back(tmp_path, monkeypatch, fsfault):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    site, info = tmp_path / "site", tmp_path / "site/demo-1.0.dist-info"
    (site / "demo").mkdir(parents=True)
    info.mkdir()
    for path in (site / "demo/api.py", site / "demo/core.pyd", info / "METADATA"):
        path.write_text("Name: demo\n")
    (info / "RECORD").write_text("demo/api.py,,\ndemo/core.pyd,,\ndemo-1.0.dist-info/METADATA,,\n")
    environment = SimpleNamespace(
        get_paths=lambda: {"prefix": str(tmp_path), "purelib": str(site), "scripts": str(tmp_path)}
    )
    paths = StashedRemovePaths.from_dist(Distribution.at(info), environment)
    with fsfault.windows().hold(site / "demo/core.pyd"):
        with pytest.raises(PermissionError):
            paths.remove()
        paths.rollback()
    assert (site / "demo/api.py").exists()
