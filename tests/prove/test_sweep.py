"""A sweep tries each fault at each distinct call: which trials there are, in which order, in which tree."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import tempfile
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from skips import marked, posix_fact

from pytest_fsfault import FsFaultError, Trial, inject
from pytest_fsfault._host.originals import NATIVE
from pytest_fsfault._prove import sweep as sweeps
from pytest_fsfault._session.showing import evidence_of

from .conftest import NEW, OLD, overwrite, prepare, swap


def told(trials):
    """Return what each faulted trial was about: operation, name, fault, and ``*`` for one that persists."""
    return [
        (entry.operation, os.path.basename(entry.path), trial.fault + "*" * trial.persistent)
        for trial in trials[1:]
        for entry in trial.injected[:1]
    ]


def test_the_first_trial_has_no_fault(sweep):
    """It gives the old and the new tree, and all trials know these."""
    trials = sweep(overwrite, faults=["EACCES"])
    first = trials[0]
    assert (None, "0", (), False) == (first.fault, first.id, first.injected, first.crashed)
    assert all(isinstance(trial, Trial) for trial in trials)
    for trial in trials:
        assert trial.before is first.before
        assert trial.after is first.after
    assert sorted(OLD) == [path for path in sorted(first.before) if path != "pkg"]
    assert len(NEW["pkg/a.py"]) == first.after["pkg/a.py"].size
    assert first.tree == first.after


def test_each_fault_at_each_call_once_and_for_good(sweep):
    """By default: first, middle and last call of each stack of lines, each plausible fault, once and persistent."""
    trials = sweep(overwrite, faults=["EACCES", "ENOSPC"])
    opens = [
        ("open", name, fault)
        for name in ("a.py", "b.py", "c.py")
        for fault in ("EACCES", "EACCES*", "ENOSPC", "ENOSPC*")
    ]
    writes = [
        ("file.write", name, fault) for name in ("a.py", "b.py", "c.py") for fault in ("ENOSPC", "ENOSPC*")
    ]
    expected = [row for name in ("a.py", "b.py", "c.py") for row in (*opens, *writes) if row[1] == name]
    assert expected == told(trials)
    assert [str(number) for number in range(19)] == [trial.id for trial in trials]


def many(count):
    """Return an installer of so many files."""

    def install(root):
        for number in range(count):
            (root / f"{number}.py").write_text("x")

    return install


@pytest.mark.parametrize(
    ("distinct", "names"),
    [
        ("call stack", ["0.py", "49.py", "99.py"]),
        ("call site", ["0.py", "49.py", "99.py"]),
        ("position", [f"{number}.py" for number in range(100)]),
    ],
)
def test_which_calls_are_distinct(sweep, distinct, names):
    """The cost grows with the lines that call, not with the files, unless every position is asked for."""
    trials = sweep(many(100), faults=["EACCES"], operations="open", persist=False, distinct=distinct)
    assert names == [name for _, name, _ in told(trials)]


def test_the_way_to_a_line_makes_a_call_distinct(sweep):
    """A helper that two lines call is two stacks, and one call site."""

    def save(root, name):
        (root / name).write_text("x")

    def install(root):
        save(root, "one")
        save(root, "two")

    wanted = {"faults": ["EACCES"], "operations": "open", "persist": False}
    assert ["one", "two"] == [name for _, name, _ in told(sweep(install, **wanted))]
    found = told(sweep(install, distinct="call site", **wanted))
    assert ["one", "two"] == [name for _, name, _ in found]  # the first and the last of one line

    def install_three(root):
        for name in "abcde":
            save(root, name)
        for name in "fghij":
            save(root, name)

    assert ["a", "c", "e", "f", "h", "j"] == [name for _, name, _ in told(sweep(install_three, **wanted))]
    found = told(sweep(install_three, distinct="call site", **wanted))
    assert ["a", "e", "j"] == [name for _, name, _ in found]


def test_recursion_is_folded(sweep):
    """A tree of any depth is removed by a few distinct stacks."""

    def build(root):
        for depth in (3, 9):
            top = root / f"d{depth}"
            path = top.joinpath(*map(str, range(depth)))
            path.mkdir(parents=True)
            (path / "file").touch()

    def remove(path):
        for entry in sorted(path.iterdir()):
            if entry.is_dir():
                remove(entry)
            else:
                entry.unlink()
        path.rmdir()

    def uninstall(root):
        for entry in sorted(root.iterdir()):
            remove(entry)

    trials = sweep(uninstall, build=build, faults=["EACCES"], persist=False)
    assert {"os.remove", "os.rmdir"} == {operation for operation, _, _ in told(trials)}
    assert len(trials) <= 1 + 2 + 3 + 3


def test_only_plausible_faults(sweep):
    """A full disk does not hinder deletion."""
    trials = sweep(
        lambda root: shutil.rmtree(root / "pkg"), faults=["ENOSPC", "ENOTEMPTY", "EBUSY"], persist=False
    )
    assert {"os.remove": {"EBUSY"}, "os.rmdir": {"ENOTEMPTY", "EBUSY"}} == {
        operation: {fault for other, _, fault in told(trials) if other == operation}
        for operation, _, _ in told(trials)
    }


def test_any_fault_of_a_rule(sweep):
    """Delays, short transfers and errors after the deed are faults as well; `fault` is the text."""
    faults = ["delay 2s", "short 2 then ENOSPC", "ERROR_ACCESS_DENIED after"]
    trials = sweep(overwrite, faults=faults, persist=False)
    assert set(faults) == {trial.fault for trial in trials[1:]}
    delayed = next(trial for trial in trials if trial.fault == "delay 2s")
    assert 2.0 == sum(wait.seconds for wait in delayed._record.outcome.waits)
    assert delayed.tree == delayed.after
    cut = next(trial for trial in trials if trial.fault and trial.fault.startswith("short"))
    assert (errno.ENOSPC, "short") == (cut.error.errno, cut.injected[0].outcome)


def test_what_persists_meets_the_same_path_again(sweep):
    """Once: the second try succeeds. Persistent: no try on that path does, and other paths are free."""

    def stubborn(root):
        for name, text in NEW.items():
            for _ in range(3):
                try:
                    (root / name).write_text(text)
                except OSError:
                    continue
                break

    once, always = sweep(stubborn, faults=["EACCES"], operations="open", limit=2)[1:]
    assert (1, True) == (len(once.injected), once.tree == once.after)
    assert (3, ["~ pkg/a.py 5 -> 9 bytes"]) == (
        len(always.injected),
        always.tree.diff(always.after).splitlines(),
    )


def test_a_second_fault_after_the_first(sweep):
    """With ``depth=2`` the way back is tried, too."""

    def careful(root):
        os.rename(root / "pkg", root / "old")
        try:
            os.rename(root / "none-yet", root / "pkg") if False else os.mkdir(root / "pkg")
        except OSError:
            os.rename(root / "old", root / "pkg")
            raise

    trials = sweep(careful, faults=["EACCES"], persist=False, depth=2)
    assert ["0", "1", "2", "2.1"] == [trial.id for trial in trials]
    deepest = trials[-1]
    assert "EACCES, then EACCES" == deepest.fault
    assert ["os.mkdir", "os.rename"] == [entry.operation for entry in deepest.injected]
    assert "old" in deepest.tree
    assert "pkg" not in deepest.tree


def test_a_limit_counts_faulted_trials(sweep):
    """The first trial is not one of them."""
    assert ["0", "1", "2", "3"] == [trial.id for trial in sweep(overwrite, faults=["EACCES"], limit=3)]


def test_shards_share_the_trials(sweep):
    """Each trial is in exactly one of them, the first in all; one may be empty."""
    whole = [trial.id for trial in sweep(overwrite, faults=["EACCES"])]
    shares = [[t.id for t in sweep(overwrite, faults=["EACCES"], shard=f"{k}/4")] for k in (1, 2, 3, 4)]
    assert sorted(whole) == sorted(["0", *(number for share in shares for number in share[1:])])
    assert ["0"] == [t.id for t in sweep(overwrite, faults=["EACCES"], shard="40/40")]


def test_one_trial_alone(sweep):
    """It is the same one as among the others, after the first."""
    every = sweep(overwrite, faults=["EACCES"])
    alone = sweep(overwrite, faults=["EACCES"], only="3")
    assert ["0", "3"] == [trial.id for trial in alone]
    assert told([every[0], every[3]]) == told(alone)
    assert ["0"] == [trial.id for trial in sweep(overwrite, faults=["EACCES"], only="0")]


def test_one_trial_with_two_faults_alone(sweep):
    """The trial with the first of them runs before it."""

    def back(root):
        try:
            os.mkdir(root / "x")
        except OSError:
            os.mkdir(root / "y")
            raise

    assert ["0", "1", "1.2"] == [
        trial.id for trial in sweep(back, faults=["EACCES", "EROFS"], persist=False, depth=2, only="1.2")
    ]


def test_the_same_trials_in_the_same_order(sweep):
    """Whatever chance does in between."""
    first = told(sweep(swap, faults=["ERROR_ACCESS_DENIED", "crash"]))
    random.seed(5)
    assert first == told(sweep(swap, faults=["ERROR_ACCESS_DENIED", "crash"]))


@pytest.mark.parametrize(
    "listing",
    marked(
        ["listdir", "scandir", "iterdir", "descriptor"],
        {"descriptor": posix_fact("a directory that is opened")},
    ),
)
def test_listings_are_sorted(sweep, listing):
    """So that a directory is walked in the same order on every machine."""
    names = [f"{number:x}" for number in range(40)]

    def build(root):
        for name in sorted(names, key=hash):
            (root / name).touch()

    seen = []

    def walk(root):
        if listing == "listdir":
            seen.append(os.listdir(root))
        elif listing == "scandir":
            with os.scandir(root) as entries:
                seen.append([entry.name for entry in entries])
        elif listing == "iterdir":
            seen.append([path.name for path in root.iterdir()])
        else:
            descriptor = os.open(root, os.O_RDONLY)
            with os.scandir(descriptor) as entries:
                seen.append([entry.name for entry in entries])
            os.close(descriptor)
        (root / "done").touch()

    sweep(walk, build=build, faults=["EACCES"])
    assert all(sorted(names) == found for found in seen)


def test_each_trial_has_a_fresh_tree_at_the_same_place(sweep):
    """Nothing of one trial is there in the next."""
    seen = []

    def body(root):
        seen.append((str(root), sorted(path.name for path in root.iterdir()), os.stat(root).st_ino))
        (root / "left").touch()
        (root / "pkg/a.py").unlink()

    trials = sweep(body, faults=["EACCES"])
    assert {(str(trials[0].root), ("pkg",))} == {(root, tuple(names)) for root, names, _ in seen}


def test_what_is_put_beside_the_tree_is_gone_with_it(sweep):
    """The directory in which the tree stands belongs to the trial, and is watched."""
    seen = []

    def body(root):
        seen.append([path.name for path in root.parent.iterdir()])
        os.rename(root, root.with_name("stash"))
        os.mkdir(root)

    trials = sweep(body, faults=["EACCES"], operations="os.rename, os.mkdir", persist=False)
    assert [["root"]] * 3 == seen
    assert ["os.rename", "os.mkdir"] == [operation for operation, _, _ in told(trials)]


def test_a_body_that_enters_the_tree(sweep):
    """The current directory is as before when its block has ended."""
    before = os.getcwd()

    def body(root):
        os.chdir(root / "pkg")
        Path("x").mkdir()

    places = []
    sweep(body, lambda trial: (places.append(os.getcwd()), trial.check(True, "")), faults=["EACCES", "crash"])
    assert {before} == set(places)


def test_nothing_is_left_behind(tmp_path, sweep, monkeypatch):
    """A sweep that passes removes its directory."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sweep(overwrite, faults=["EACCES"])
    assert [] == list(tmp_path.iterdir())


def test_a_body_that_deletes_the_root(sweep):
    """The tree is then missing, and the next trial has one again."""
    trials = sweep(shutil.rmtree, faults=["EACCES"], persist=False)
    assert "missing" == trials[0].after.kind
    assert all(trial.before["pkg/a.py"] for trial in trials)


def test_a_tree_that_cannot_be_put_aside(sweep, monkeypatch):
    """As on Windows while somebody has a file of it open: one sentence."""
    real = NATIVE.rename

    def rename(source, target):
        if "aside" in target:
            raise PermissionError(13, "Access is denied")
        real(source, target)

    monkeypatch.setattr(NATIVE, "rename", rename)
    with pytest.raises(FsFaultError) as caught:
        sweep(overwrite, faults=["EACCES"])
    assert (
        "the tree of trial 0 is still in use ([Errno 13] Access is denied); let the body close what it opens"
    ) == str(caught.value)


@posix_fact("modes of files, and symbolic links that anybody may make")
def test_a_tree_that_is_slow_to_build_is_copied(sweep, monkeypatch):
    """Copies have the same content, modes, times and links."""
    built = []
    monkeypatch.setattr("pytest_fsfault._prove.workspace._WORTH", -1.0)
    ticks = iter(range(0, 10_000, 100))
    monkeypatch.setattr(
        "pytest_fsfault._prove.workspace.perf_counter", lambda: next(ticks) / (1 if len(built) < 2 else 1e9)
    )

    def build(root):
        built.append(root)
        prepare(root)
        os.symlink("a.py", root / "pkg/link")
        os.link(root / "pkg/a.py", root / "pkg/hard")
        (root / "pkg/b.py").chmod(0o400)
        os.utime(root / "pkg/b.py", (5, 5))
        (root / "locked").mkdir(mode=0o500)

    times = set()

    def body(root):
        times.add(os.stat(root / "pkg/b.py").st_mtime)
        (root / "pkg/c.py").unlink()

    def unchanged(trial):
        trial.check(trial.injected == () or trial.tree == trial.before, trial.before.diff(trial.tree))

    trials = sweep(body, unchanged, build=build, faults=["EACCES"])
    assert 3 == len(trials)
    assert {5.0} == times


@pytest.mark.usefixtures("built_each_time")
def test_a_tree_that_is_another_each_time_is_copied(sweep):
    """Else the old tree would be a matter of chance."""
    built = []

    def build(root):
        built.append(root)
        (root / "id").write_text(uuid.uuid4().hex)

    trials = sweep(
        lambda root: (root / "x").mkdir(),
        lambda trial: trial.check_atomic(),
        build=build,
        faults=["EACCES"],
    )
    assert (3, 2) == (len(trials), len(built))


def test_random_names_are_found_again(sweep):
    """A temporary file has another name in each trial; its calls are known by where they come from."""

    def install(root):
        handle, name = tempfile.mkstemp(dir=root)
        os.close(handle)
        os.replace(name, root / "pkg/a.py")

    trials = sweep(install, faults=["ERROR_ACCESS_DENIED"])
    assert ["os.open", "os.open", "os.replace", "os.replace"] == [
        operation for operation, _, _ in told(trials)
    ]


def test_names_that_look_steady_and_are_not(sweep):
    """A trial whose fault has missed runs once more, by the order of its calls; it has one verdict."""

    def install(root):
        (root / uuid.uuid4().hex).mkdir()

    trials = sweep(install, faults=["EACCES"], persist=False)
    assert ["0", "1", "1"] == [trial.id for trial in trials]
    assert [False, False, True] == [bool(trial.injected) for trial in trials]


def test_another_way_each_time_is_told(verdict):
    """A fault that did not happen is no success."""
    turns = iter(range(100))

    def fickle(root):
        if next(turns) == 0:
            (root / "first").write_text("x")
        else:
            os.mkdir(root / "other")

    assert (
        "the sweep: the fault did not happen: the body made different calls than in the first trial; "
        "it must be deterministic"
    ) in verdict(fickle, faults=["EACCES"], operations="open")


def test_threads_in_the_body(sweep):
    """Their calls are swept like those of the main thread, in an order that does not depend on them."""

    def install(root):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: (root / name).write_text("new"), sorted(OLD)))

    found = told(sweep(install, faults=["EACCES"], operations="open", persist=False))
    assert 3 == len(found)
    assert {"open"} == {operation for operation, _, _ in found}


def test_nothing_meets_a_fault_outside_the_block(tmp_path):
    """Neither `prepare` nor the checks nor what stands in the loop, not even the session's own rules."""
    seen = []

    def build(root):
        prepare(root)
        os.replace(root / "pkg/a.py", root / "pkg/a2.py")

    with inject("os.replace -> EACCES", "open -> delay 1s or never", roots=[tmp_path]) as fsfault:
        for trial in fsfault.sweep(build, faults=["EROFS"], operations="os.mkdir"):
            (tmp_path / "outside").write_text("x")
            os.replace(tmp_path / "outside", tmp_path / "moved")
            with trial as root:
                os.mkdir(root / "x")
                try:
                    os.replace(root / "pkg/b.py", root / "pkg/b2.py")
                except PermissionError:
                    seen.append(trial.id)
            trial.check_rerun(
                lambda root: os.replace(root / "pkg/b.py", root / "pkg/b3.py") or (root / "x").mkdir(),
                ignore=["pkg/*"],
            )
        assert [] == [entry for entry in fsfault.journal if entry.operation == "open"]
    assert ["0"] == seen  # the session's rule acts in the block


def test_the_gate_is_as_before(tmp_path):
    """After the loop the session's rules act again."""
    with inject("os.mkdir -> EACCES", roots=[tmp_path]) as fsfault:
        for trial in fsfault.sweep(prepare, faults=["EROFS"], operations="open"):
            with trial as root:
                overwrite(root)
            trial.check_error()
        with pytest.raises(PermissionError):
            os.mkdir(tmp_path / "x")


def test_two_sweeps_in_one_test(tmp_path):
    """The trials of the second have its number before theirs, where one is asked for alone."""
    with inject(roots=[tmp_path]) as fsfault:
        for _ in range(2):
            for trial in fsfault.sweep(prepare, faults=["EACCES"], limit=1):
                with trial as root:
                    overwrite(root)
                trial.check_error()
        rows = evidence_of(fsfault._session)["sweeps"]
    assert ["0", "1", "2-0", "2-1"] == [row["id"] for row in rows if row["applies"]]


def test_what_a_session_tells_of_its_sweeps(tmp_path):
    """How many trials there were, and which faults they met."""
    with inject(roots=[tmp_path]) as fsfault:
        for trial in fsfault.sweep(prepare, faults=["EACCES", "ENOSPC"], persist=False):
            with trial as root:
                overwrite(root)
            trial.check_error()
        told = evidence_of(fsfault._session)
    assert [["file.write", "ENOSPC", 3], ["open", "EACCES", 3], ["open", "ENOSPC", 3]] == told["counts"]
    ran = [row for row in told["sweeps"] if row["applies"] and row["fault"]]
    assert [str(number) for number in range(1, 10)] == [row["id"] for row in ran]
    assert [] == [row for row in ran if row["verdicts"]]
    assert {("file.write", "EACCES")} >= {
        (row["operation"], row["fault"]) for row in told["sweeps"] if not row["applies"]
    }


def test_an_endless_sweep_is_refused(sweep, monkeypatch):
    """There is a ceiling, and it says what to do."""
    monkeypatch.setattr(sweeps, "CEILING", 20)
    with pytest.raises(AssertionError) as caught:
        sweep(many(100), faults=["EACCES"], distinct="position", operations="open")
    assert (
        "the sweep would have more than 20 trials; name fewer operations= or faults=, take distinct='call stack', "
        "or give a limit= or a shard="
    ) == str(caught.value)
    assert 6 == len(sweep(many(100), faults=["EACCES"], distinct="position", operations="open", limit=5))
    assert 21 == len(
        sweep(many(100), faults=["EACCES"], distinct="position", operations="open", shard="1/10")
    )


def test_a_sweep_may_run_in_another_thread(tmp_path):
    """Whoever runs the loop is the one whose calls come first."""
    found = []

    def run():
        with inject(roots=[tmp_path]) as fsfault:
            for trial in fsfault.sweep(prepare, faults=["EACCES"], operations="open", persist=False):
                found.append(trial)
                with trial as root:
                    overwrite(root)
                trial.check_error()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert 4 == len(found)


@posix_fact("programs such as cp and touch")
def test_what_a_native_program_does_is_noticed(tmp_path):
    """No fault reaches it: with ``strict="all"`` the test fails, and says which file was changed."""

    def install(root):
        (root / "made").mkdir()
        subprocess.run(["cp", "-r", str(root / "pkg"), str(root / "made/copy")], check=True)
        os.rename(root / "made/copy", root / "made/renamed")
        subprocess.run(["touch", str(root / "pkg/native")], check=True)

    def run(strict):
        with inject(roots=[tmp_path], strict=strict, native=False) as fsfault:
            for trial in fsfault.sweep(prepare, faults=["EACCES"], limit=1):
                with trial as root:
                    install(root)
                trial.check_error()

    run(True)
    with pytest.raises(AssertionError) as caught:
        run("all")
    assert (
        "pkg/native was changed although no call of ours changed it: a native program or C code did, which no fault "
        "reaches"
    ) == str(caught.value)


def test_reading_is_no_change(sweep):
    """An `open` for reading on the same line, of a file that is in neither tree, is not counted."""

    def install(root):
        (root / "cached").write_text("x")
        shutil.copyfile(root / "cached", root / "pkg.tmp")
        os.replace(root / "pkg.tmp", root / "pkg/a.py")
        (root / "cached").unlink()

    trials = sweep(install, faults=["EACCES"], operations="mutate", persist=False)
    assert [
        ("open", "cached", "EACCES"),
        ("open", "pkg.tmp", "EACCES"),
        ("os.replace", "pkg.tmp", "EACCES"),
        ("os.remove", "cached", "EACCES"),
    ] == told(trials)
