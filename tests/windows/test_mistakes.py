"""What users get for a mistake about Windows: one sentence, and nothing is changed."""

from __future__ import annotations

import os

import pytest

from pytest_fsfault import FsFaultError, inject

LETTERS = "is not valid; write letters out of r (read), w (write) and d (delete)"
VERSIONS = "write '7', 'server-2019', '10', 'server-2022', '11' or 'server-2025'"
OUTSIDE = "is outside the roots, where no call is met; name what is below them, or watch it by roots="
NO_FILE = "is a directory, which is neither run, loaded nor mapped; name a file"
ABOVE = "is not valid; write a number of seconds above 0, such as seconds=1.5"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            "hold('nothing')",
            "'nothing' does not exist, so a hold finds nothing there; name what exists; write on='*.dll' for one that is yet to be written",
        ),
        (
            "run('nothing')",
            "'nothing' does not exist, so a hold finds nothing there; name what exists; write on='*.dll' for one that is yet to be written",
        ),
        ("hold()", "a hold needs a path, or on= with a glob such as '*.dll', and not both"),
        ("hold('file', on='*.dll')", "a hold needs a path, or on= with a glob such as '*.dll', and not both"),
        ("hold(on='')", "on='' is not a glob; write one such as on='*.dll'"),
        ("hold(3)", "3 is not a path; name a file or a directory"),
        ("hold('file', access='x')", f"access='x' {LETTERS}"),
        ("hold('file', share='rwx')", f"share='rwx' {LETTERS}"),
        ("hold('file', share=None)", f"share=None {LETTERS}"),
        ("map('file', access='e')", f"access='e' {LETTERS}"),
        ("hold('file', seconds=0)", f"seconds=0 {ABOVE}"),
        ("hold('file', seconds=True)", f"seconds=True {ABOVE}"),
        ("hold('file', seconds='1s')", f"seconds='1s' {ABOVE}"),
        ("hold('file', seconds=float('nan'))", f"seconds=nan {ABOVE}"),
        ("enter('file')", "'file' is a file; name a directory to enter or watch"),
        ("watch('file')", "'file' is a file; name a directory to enter or watch"),
        ("volume('file')", "volume('file'): it is a file; name a directory"),
        ("volume('nothing')", "'nothing' does not exist, so volume finds nothing there; name what exists"),
        (
            "set_attributes('nothing', hidden=True)",
            "'nothing' does not exist, so set_attributes finds nothing there; name what exists",
        ),
        (
            "set_attributes('file')",
            "set_attributes() sets nothing; write readonly=True, hidden=True or system=True",
        ),
        (
            "set_attributes('file', readonly='yes')",
            "readonly='yes' is not valid; write readonly=True or readonly=False",
        ),
        ("set_attributes('file', system=2)", "system=2 is not valid; write system=True or system=False"),
        ("set_attributes('..', hidden=True)", f"set_attributes('..') {OUTSIDE}"),
        ("volume('..')", f"volume('..') {OUTSIDE}"),
        ("run('.')", f"'.' {NO_FILE}"),
        ("load('.')", f"'.' {NO_FILE}"),
        ("map('.')", f"'.' {NO_FILE}"),
    ],
)
def test_calls(call, message, tmp_path, monkeypatch):
    """A call that cannot be says why."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    with inject(windows="11", roots=[tmp_path]) as fsfault:
        with pytest.raises(FsFaultError) as caught:
            eval(f"windows.{call}", {"windows": fsfault.windows()})
        assert message == str(caught.value)
        assert [] == fsfault.windows().holds
    assert ["file"] == os.listdir(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="POSIX fact: a symbolic link needs no privilege")
def test_a_root_counts_by_each_of_its_names(tmp_path):
    """A root that is a link to another directory has what is below that, too."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with inject(windows="11", roots=[tmp_path / "link"]) as fsfault:
        for name in ("link", "real"):
            fsfault.windows().volume(tmp_path / name)
        with pytest.raises(FsFaultError, match="is outside the roots"):
            fsfault.windows().volume(tmp_path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("windows('12')", f"windows='12' is not a known version of Windows; {VERSIONS}"),
        ("windows(11)", f"windows=11 is not a known version of Windows; {VERSIONS}; did you mean '11'?"),
        (
            "windows('server-2016')",
            f"windows='server-2016' is not a known version of Windows; {VERSIONS}; did you mean 'server-2019'?",
        ),
        ("windows(long_path=True)", "windows() has no option 'long_path'; did you mean 'long_paths'?"),
        (
            "windows(x=1)",
            "windows() has no option 'x'; write posix_delete, long_paths, developer_mode or case_sensitive",
        ),
        (
            "windows(developer_mode=1)",
            "developer_mode=1 is not valid; write developer_mode=True or developer_mode=False",
        ),
    ],
)
def test_versions_and_options(call, message, tmp_path):
    """Neither does a machine that does not exist."""
    with inject(roots=[tmp_path]) as fsfault:
        with pytest.raises(FsFaultError) as caught:
            eval(f"fsfault.{call}", {"fsfault": fsfault})
        assert message == str(caught.value)


def test_one_machine_a_session(tmp_path):
    """Asked for again it is the same model; another one is refused."""
    with inject(windows="10", roots=[tmp_path]) as fsfault:
        windows = fsfault.windows()
        assert (windows, windows, "10") == (fsfault.windows(), fsfault.windows("10"), windows.version)
        with pytest.raises(FsFaultError) as caught:
            fsfault.windows("11")
        message = "windows('11') is not possible: this session emulates '10' with other options already; say what it is once"
        assert message == str(caught.value)


def test_a_pattern_that_no_module_has(tmp_path):
    """A pretence that nobody sees fails the test."""
    with pytest.raises(AssertionError) as caught, inject(windows="11", roots=[tmp_path]) as fsfault:
        fsfault.windows().pretend("no_such_package.*")
    assert "pretend('no_such_package.*') matched no module" == str(caught.value)
