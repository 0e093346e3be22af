"""pip is killed in the middle of an uninstallation, which is then run again."""

import importlib
from contextlib import suppress

from pip._internal.req.constructors import install_req_from_line

from pytest_fsfault import SimulatedCrash, inject


def test_a_killed_uninstallation_can_be_repeated(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    names = ("demo.py", "demo-1.dist-info/METADATA", "demo-1.dist-info/RECORD", "other.py")
    for name in names:
        (tmp_path / "lib" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lib" / name).write_text("Name: demo\nVersion: 1\n")
    (tmp_path / "lib/demo-1.dist-info/RECORD").write_text("".join(f"{name},,\n" for name in names[:3]))
    with suppress(AssertionError), inject("os.rename lib/demo.py -> crash", roots=[tmp_path]):
        with suppress(SimulatedCrash):
            install_req_from_line("demo").uninstall(auto_confirm=True)
    importlib.invalidate_caches()  # the second run is another process
    install_req_from_line("demo").uninstall(auto_confirm=True)
    assert not (tmp_path / "lib/demo.py").exists()
