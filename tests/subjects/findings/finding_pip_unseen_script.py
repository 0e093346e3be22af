"""pip uninstalls a package, and may not look at its script for a moment."""

from contextlib import suppress

from pip._internal.req.constructors import install_req_from_line


def test_a_script_goes_with_its_package(tmp_path, monkeypatch, fsfault):
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    names = ("../bin/demo", "demo.py", "demo-1.dist-info/METADATA", "demo-1.dist-info/RECORD")
    for name in names:
        path = (tmp_path / "lib").joinpath(name).resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Name: demo\nVersion: 1\n")
    (tmp_path / "lib/demo-1.dist-info/RECORD").write_text("".join(f"{name},,\n" for name in names))
    with fsfault.add("os.stat **/bin/demo -> EACCES"), suppress(OSError):
        install_req_from_line("demo").uninstall(auto_confirm=True).commit()
    assert (tmp_path / "bin/demo").exists() == (tmp_path / "lib/demo.py").exists()
