"""A sweep injects its faults into the calls of native programs, by program, call and place."""

import os
import subprocess

import pytest

from pytest_fsfault import inject
from pytest_fsfault._core.language.random_names import blanked

NAMES = {
    "/c/.tmp8YcDUd/a.py": "/c/*/a.py",
    "/c/archive-v0/b1g3s8ibG_mXxRC7/six.py": "/c/archive-v0/*/six.py",
    "/c/archive-v0/XNfPxOMFQmlFCcFZ/six.py": "/c/archive-v0/*/six.py",
    "/c/archive-v0/aFqYXCJxBulQ-lDp": "/c/archive-v0/*",
    "/c/archive-v0/six": "/c/archive-v0/six",
    "/m/.cowsay-hNZ3kF7P": "/m/.cowsay-*",
    "/t/tmpab_3x9qz": "/t/*",
    "/o/ab/1234567890abcdef1234567890abcdef123456": "/o/ab/*",
    "/b/lib-0123456789abcdef.rlib": "/b/lib-*.rlib",
    "/s/_speedups.cpython-311-x86_64-linux-gnu.so": "/s/_speedups.cpython-311-x86_64-linux-gnu.so",
    "/s/MarkupSafe-3.0.4.dist-info/METADATA": "/s/MarkupSafe-3.0.4.dist-info/METADATA",
    "/s/template/temporary": "/s/template/temporary",
    "/s/node_modules/left-pad": "/s/node_modules/left-pad",
}


@pytest.mark.parametrize("path", NAMES)
def test_names_that_are_new_in_each_run(path):
    """They are blanked; those of a package, a version or a platform are not."""
    assert NAMES[path] == blanked(path)


def prepare(root):
    """Build three files and a directory."""
    for name in ("a", "b", "c"):
        (root / name).write_text(name)
    (root / "d").mkdir()


def run(root, line):
    """Run a line of the shell; raise if it fails."""
    subprocess.run(["sh", "-ec", line], cwd=root, check=True, stderr=-3)


Failed = subprocess.CalledProcessError


def sweep(root, line, judge, **keywords):
    """Return the verdict of a sweep over a line of the shell, and the faults that it tried."""
    tried = []
    keywords = {"faults": ["EACCES"], "persist": False, "expect": Failed, **keywords}
    try:
        with inject(roots=[root]) as fsfault:
            for trial in fsfault.sweep(prepare, **keywords):
                with trial as tree:
                    run(tree, line)
                judge(trial)
                tried += [(one.operation, os.path.basename(one.path), one.outcome) for one in trial.injected]
    except AssertionError as error:
        return str(error), tried
    return "", tried


def test_each_step_is_tried(root):
    """One trial for each of them, in each the program fails there, and what is wrong is found."""
    told, tried = sweep(root, "rm a; mv b e; rm c", lambda trial: trial.check_atomic())
    assert {
        ("os.remove", "a", "raised"), ("os.rename", "b", "raised"), ("os.remove", "c", "raised"),
    } == set(tried)  # fmt: skip
    assert 3 == len(tried)
    assert "2 of 3 trials failed" in told
    assert "rm: unlinkat" in told
    assert "mv: renameat2" in told


def test_a_crash_at_each_step(root):
    """Everything dies before the call is made, and a second run reaches the new tree, or does not."""
    line = "rm -f a; test -e e || mv b e; rm -f c"
    told, tried = sweep(
        root, line, lambda trial: trial.check_rerun(lambda tree: run(tree, line)), faults=["crash"]
    )
    assert "" == told
    assert ["crashed", "crashed", "crashed"] == [outcome for _, _, outcome in tried]


def test_a_second_run_that_fails(root):
    """What cannot be run again after a crash at some step is told with its step."""
    line = "rm a; rm b; rm c"
    told, _ = sweep(
        root, line, lambda trial: trial.check_rerun(lambda tree: run(tree, line)), faults=["crash"]
    )
    assert "2 of 3 trials failed" in told


def test_the_same_trials_however_threads_come(root):
    """Eight at once, in any order: the same places in each run, the first, a middle and the last of a kind."""
    line = "for i in 1 2 3 4 5 6 7 8; do (mkdir tmp$i$i$i$i; echo > d/$i.txt; rm d/$i.txt) & done; wait"
    found = [
        sweep(root, line, lambda trial: trial.check(True, ""), operations="delete", limit=20)[1]
        for _ in range(3)
    ]
    assert [
        ("os.remove", "1.txt", "raised"),
        ("os.remove", "4.txt", "raised"),
        ("os.remove", "8.txt", "raised"),
    ] == found[0]
    assert found[0] == found[1] == found[2]


def test_python_and_native_steps_of_one_body(root):
    """Both are tried."""
    tried = []

    def body(tree):
        os.remove(tree / "a")
        run(tree, "rm b")
        os.remove(tree / "c")

    with inject(roots=[root], strict=False) as fsfault:
        for trial in fsfault.sweep(prepare, faults=["EACCES"], persist=False, expect=(Failed, OSError)):
            with trial as tree:
                body(tree)
            trial.check(True, "")
            tried += [os.path.basename(one.path) for one in trial.injected]
    assert ["a", "b", "c"] == sorted(tried)
