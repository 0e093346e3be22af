"""`outside="refuse"`: a native program changes nothing that the test has not given away."""

import os
import subprocess
import sys

import pytest

from pytest_fsfault import inject

CHANGES = {
    "makes a directory": "mkdir {outside}/new",
    "writes a file": "echo > {outside}/new",
    "overwrites a file": "echo > {outside}/there",
    "deletes": "rm {outside}/there",
    "moves out": "mv inside {outside}/new",
    "moves in": "mv {outside}/there new",
    "links": "ln inside {outside}/new",
    "changes rights": "chmod 600 {outside}/there",
    "through a link": "ln -s {outside} link; mkdir link/new",
    "writes through a link": "ln -s {outside}/there link; echo > link",
    "makes a file through a link": "ln -s {outside}/new link; echo > link",
    "changes rights through a link": "ln -s ../outside/there link; chmod 600 link",
    "through its own directory": "cd {outside}; echo > /proc/self/cwd/new",
    "up from where a link leads": "ln -s {outside}/sub link; mkdir link/../new",
    "up, by an absolute path": "ln -s {outside}/sub link; rm -f $PWD/link/../there",
    "by the number of an open file": "exec 3< {outside}/there; chmod 600 /proc/self/fd/3",
    "writes by the number of an open file": "exec 3< {outside}/there; echo > /proc/self/fd/3",
    "makes a pipe": "mkfifo {outside}/new",
    "makes a file by mknod": "{python} -S -c 'import os; os.mknod(\"{outside}/new\")'",
    "changes the owner": "chown 0 {outside}/there",
    "changes the owner of a link": "chown -h 0 {outside}/link",
    "changes the owner of an open file": "{python} -S -c 'import os; os.fchown(os.open(\"{outside}/there\", 0), 0, 0)'",
    "sets an attribute": '{python} -S -c \'import os; os.setxattr("{outside}/there", "user.a", b"")\'',
    "removes an attribute": '{python} -S -c \'import os; os.removexattr("{outside}/there", "user.a")\'',
    "writes by a hard link": "ln {outside}/there inside2; echo > inside2",
    "changes rights by a hard link": "ln {outside}/there inside2; mv inside2 inside3; chmod 600 inside3",
    "by a Python that loads nothing of ours": "{python} -S -c 'import os; os.mkdir(\"{outside}/new\")'",
}


@pytest.fixture
def outside(root, monkeypatch):
    """A directory that is no root, and none for temporary files."""
    found = root.parent / "outside"
    (found / "sub").mkdir(parents=True)
    (found / "there").write_text("x")
    (found / "link").symlink_to("nothing")
    (root / "inside").write_text("x")
    monkeypatch.setenv("TMPDIR", str(root))
    monkeypatch.setattr("pytest_fsfault._session.session.passing_directories", lambda _roots: (str(root),))
    return found


def contents(directory):
    """Return the files of a directory, and the names of what else is there."""
    files = [path for path in directory.iterdir() if path.is_file()]
    return sorted(os.listdir(directory)), {
        path.name: (path.read_text(), path.stat().st_mode) for path in files
    }


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_outside_the_roots_is_refused(root, outside, case):
    """With EACCES, in the journal, and the test fails."""
    line = CHANGES[case].format(outside=outside, python=sys.executable)
    before = contents(outside)
    with pytest.raises(
        AssertionError, match=r"is outside the roots, and was not changed, at .*test_guard.py:"
    ):
        with inject(roots=[root], outside="refuse") as fsfault:
            assert 0 != subprocess.run(["sh", "-c", line], cwd=root, check=False, stderr=-3).returncode
            (entry,) = fsfault.journal.faults
            assert ("EACCES", "raised") == (entry.fault, entry.outcome)
            assert "is outside the roots" in entry.reason
    assert before == contents(outside)


def test_what_everybody_may_change(root, outside):
    """Reading, devices, what is below the roots and in the directory for temporary files."""
    line = f"cat {outside}/there > /dev/null; echo > $TMPDIR/a; ln -s {outside}/there b; ls -l {outside} > c; rm b"
    with inject(roots=[root], outside="refuse", strict="all"):
        assert 0 == subprocess.run(["sh", "-c", line], cwd=root, check=False).returncode


def test_owners_attributes_and_links_inside_are_no_business_of_the_guard(root, outside):
    """Nor of any rule: they are let through, and not written down. What is linked from a cache outside may be deleted."""
    code = "import os; os.chown('inside', -1, -1); os.mknod('made'); os.fchown(os.open('made', 0), -1, -1); os.mkfifo('pipe')"
    line = f'{sys.executable} -S -c "{code}" && ln {outside}/there linked && mv linked other && cat other && rm other'
    with inject("any zz -> EIO or never", roots=[root], outside="refuse") as fsfault:
        assert 0 == subprocess.run(["sh", "-c", line], cwd=root, check=False, stdout=-3).returncode
        assert [] == list(fsfault.journal)
    assert "x" == (outside / "there").read_text()


def test_a_link_may_be_changed_that_leads_outside(root, outside):
    """It is part of the tree; what it leads to stays. Standard output has a name, wherever it goes."""
    line = (
        f"ln -s {outside}/there a; touch -h a; mv a b; rm b; ln -s inside c; echo > c; echo x > /dev/stdout"
    )
    with open(outside / "out", "wb") as out, inject(roots=[root], outside="refuse", strict="all"):
        assert 0 == subprocess.run(["sh", "-c", line], cwd=root, check=False, stdout=out).returncode
    assert "x" == (outside / "there").read_text()


def test_the_directory_of_a_program_is_its_own(root, outside, monkeypatch):
    """By whatever name: where the test itself stands makes no difference."""
    monkeypatch.chdir(outside)
    line = (
        "echo > /proc/self/cwd/a; exec 3< .; mkdir /proc/self/fd/3/b; mv /proc/$$/cwd/a /proc/$$/root/$PWD/c"
    )
    with inject(roots=[root], outside="refuse", strict="all"):
        assert 0 == subprocess.run(["sh", "-ec", line], cwd=root, check=False).returncode
    assert ["b", "c", "inside"] == sorted(os.listdir(root))


def test_strict_false_lets_it_pass(root, outside):
    """It is refused and journalled all the same."""
    with inject(roots=[root], outside="refuse", strict=False) as fsfault:
        assert 0 != subprocess.run(["mkdir", outside / "new"], check=False, stderr=-3).returncode
        assert 1 == len(fsfault.journal)


def test_by_default_nothing_is_refused(root, outside):
    """Outside the roots a program does what it likes."""
    with inject("os.mkdir nothing -> EACCES or never", roots=[root]):
        assert 0 == subprocess.run(["mkdir", outside / "new"], check=False).returncode


def test_a_sweep_refuses_by_itself(root, outside):
    """Its trials could reach beyond their tree; `outside="allow"` says that they may."""

    def prepare(tree):
        (tree / "a").write_text("a")

    def body(tree):
        subprocess.run(["sh", "-c", f"rm a; echo >> {outside}/log"], cwd=tree, check=False, stderr=-3)

    for allowed in (False, True):
        keywords = {"outside": "allow"} if allowed else {}
        with inject(roots=[root], strict=allowed, **keywords) as fsfault:
            for trial in fsfault.sweep(prepare, faults=["EACCES"], persist=False):
                with trial as tree:
                    body(tree)
                trial.check(True, "")
        assert allowed is os.path.exists(outside / "log")


@pytest.mark.parametrize("fault", ["EACCES", "crash"])
@pytest.mark.parametrize("line", ["echo > {outside}/log", '{python} -c \'open("{outside}/log", "w")\''])
def test_the_second_run_of_a_sweep_is_guarded_too(root, outside, fault, line):
    """What half a trial has left may lead it elsewhere: that is refused, and fails the test."""
    line = "test -e {tree}/b || " + line
    text = line.format(tree="$PWD", outside=outside, python=sys.executable)

    def prepare(tree):
        (tree / "a").write_text("a")
        (tree / "b").write_text("b")

    def body(tree):
        subprocess.run(["sh", "-c", f"{text}; rm -f b a"], cwd=tree, check=False, stderr=-3)

    with pytest.raises(AssertionError, match="log is outside the roots, and was not changed"):
        with inject(roots=[root]) as fsfault:
            for trial in fsfault.sweep(prepare, faults=[fault], persist=False):
                with trial as tree:
                    body(tree)
                trial.check_rerun(body)
    assert not os.path.exists(outside / "log")


def test_a_second_run_meets_no_fault(root, outside):
    """Neither a rule of the session nor that of the trial acts in it."""

    def prepare(tree):
        (tree / "a").write_text("a")

    def body(tree):
        subprocess.run(["rm", "-f", "a"], cwd=tree, check=True, stderr=-3)

    with inject("os.remove a -> EACCES when from 3 or never", roots=[root]) as fsfault:
        for trial in fsfault.sweep(
            prepare, faults=["EACCES"], persist=False, expect=subprocess.CalledProcessError
        ):
            with trial as tree:
                body(tree)
            trial.check_rerun(body)
