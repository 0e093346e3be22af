"""pip removes an old version, as an upgrade does, while another process has its extension open."""

import pytest
from pip._internal.req.constructors import install_req_from_line


@pytest.mark.fsfault(windows="11")
def test_a_version_that_cannot_be_removed_stays_installed(tmp_path, monkeypatch, fsfault):
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    names = ("demo/_ext.pyd", "demo-1.dist-info/METADATA", "demo-1.dist-info/RECORD", "other.py")
    for name in names:
        (tmp_path / "lib" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lib" / name).write_text("Name: demo\nVersion: 1\n")
    (tmp_path / "lib/demo-1.dist-info/RECORD").write_text("".join(f"{name},,\n" for name in names[:3]))
    fsfault.windows().hold(tmp_path / "lib/demo/_ext.pyd")
    with pytest.raises(PermissionError):
        install_req_from_line("demo").uninstall(auto_confirm=True)
    assert (tmp_path / "lib/demo-1.dist-info/METADATA").exists()
