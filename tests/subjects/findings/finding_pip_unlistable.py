"""pip uninstalls a package; the listing of site-packages is refused once."""

from contextlib import suppress

import pytest
from pip._internal.req.constructors import install_req_from_line


@pytest.mark.fsfault("os.scandir lib -> ERROR_SHARING_VIOLATION when once")
def test_files_of_others_stay(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    names = ("demo.py", "demo-1.dist-info/METADATA", "demo-1.dist-info/RECORD", "other.py")
    for name in names:
        (tmp_path / "lib" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lib" / name).write_text("Name: demo\nVersion: 1\n")
    (tmp_path / "lib/demo-1.dist-info/RECORD").write_text("".join(f"{name},,\n" for name in names[:3]))
    with suppress(OSError):  # an error is well, if nothing is lost
        install_req_from_line("demo").uninstall(auto_confirm=True).commit()
    assert (tmp_path / "lib/other.py").exists()
