"""The published retry policies: how often they try, how long they wait, and what they leave alone."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from importlib import import_module
from random import Random
from typing import NamedTuple

import pip
import pytest
from pip._internal.utils.filesystem import replace as replace_of_pip

from pytest_fsfault import FsFault, FsFaultError, SimulatedCrash, inject, windows_error
from pytest_fsfault.policies import (
    POLICIES,
    Policy,
    conda,
    graceful_fs_rename,
    pip_replace,
    rustup_rename,
    uv_rename,
)

ALL = pytest.mark.parametrize("name", POLICIES)
DENIED, SHARING = "ERROR_ACCESS_DENIED", "ERROR_SHARING_VIOLATION"
# What stops by the clock counts the time that calls take as well, here 100 µs each: in graceful-fs and pnpm that
# makes one call less, of 607.
ENDLESS = [
    ("pip_replace", SHARING, {}, 5, 1.0, "1 s, 5 calls"),
    ("pip_rmtree", SHARING, {}, 7, 3.0, "3 s, 7 calls"),
    ("uv_rename", DENIED, {}, 11, 10.23, "10.23 s, 11 calls"),
    ("graceful_fs_rename", SHARING, {}, 606, 59.95, "60 s, about 600 calls"),
    ("rustup_rename", DENIED, {"luck": lambda: 1.0}, 27, 317.81, "up to 318 s, 27 calls"),
    ("rustup_rename_as_commented", DENIED, {}, 22, 28.656, "28.656 s, 22 calls"),
    ("pnpm_rename", SHARING, {}, 606, 59.95, "60 s, about 600 calls"),
    ("rimraf", SHARING, {}, 24, 0.165, "0.165 s, 24 calls"),
    ("git_for_windows", SHARING, {}, 6, 0.071, "0.071 s, 6 calls"),
    ("llvm_rename", SHARING, {}, 400, 1.99, "1.99 s, 400 calls"),
    ("conda", SHARING, {"luck": lambda: 0.0}, 7, 6.3, "6.3 to 6.9 s, 7 calls"),
    ("conda", SHARING, {"luck": lambda: 1.0}, 7, 6.9, "6.3 to 6.9 s, 7 calls"),
    ("hatch_wait", SHARING, {}, 11, 5.0, "5 s, 11 calls"),
]
FAULTS = {f"WinError {code}": windows_error(code, "new") for code in (2, 4, 5, 32, 33, 112)} | {
    code: OSError(getattr(errno, code), "no")
    for code in ("EACCES", "EPERM", "EBUSY", "EMFILE", "ENFILE", "ENOENT")
}
HELD = {"WinError 5", "WinError 32", "WinError 33"}
RETRIED = {
    "pip_replace": {*FAULTS},
    "pip_rmtree": {*FAULTS},
    "uv_rename": {"WinError 5"},
    "graceful_fs_rename": HELD | {"EACCES", "EPERM", "EBUSY"},
    "rustup_rename": {"WinError 5", "EACCES", "EPERM"},
    "rustup_rename_as_commented": {"WinError 5", "EACCES", "EPERM"},
    "pnpm_rename": HELD | {"EPERM", "EBUSY"},
    "rimraf": {"WinError 4", "WinError 32", "WinError 33", "EBUSY", "EMFILE", "ENFILE"},
    "git_for_windows": {"WinError 5", "WinError 32"},
    "llvm_rename": {*FAULTS} - {"WinError 2", "ENOENT"},
    "conda": HELD | {"EACCES", "EPERM"},
    "hatch_wait": {*FAULTS},
}


class Run(NamedTuple):
    """How a call of os.replace by a policy ended: the errors that it met, and the one that was raised."""

    session: FsFault
    met: list[OSError]
    raised: OSError | None

    @property
    def calls(self):
        """How often os.replace was called."""
        return len(self.session.journal.of("os.replace"))

    @property
    def slept(self):
        """The waits, in seconds."""
        return self.session.clock.slept


@pytest.fixture
def replace(tmp_path):
    """Return a function that calls os.replace by a policy, under a fault. The target does not exist."""
    new, old = tmp_path / "new", tmp_path / "old"

    def run(retrying, fault):
        met = []

        def move(*paths):
            try:
                os.replace(*paths)
            except OSError as error:
                met.append(error)
                raise

        new.write_text("new")
        with inject(f"os.replace -> {fault}", roots=[tmp_path]) as fsfault:
            try:
                retrying(move, new, old)
            except OSError as error:
                return Run(fsfault, met, error)
        return Run(fsfault, met, None)

    return run


def test_all_are_listed():
    """The table names every policy by its function, with a source and what it does."""
    assert list(POLICIES) == list(RETRIED) == list(dict.fromkeys(row[0] for row in ENDLESS))
    for name, policy in POLICIES.items():
        assert name == policy.name == policy.factory.__name__
        assert policy.factory is getattr(import_module("pytest_fsfault.policies"), name)
        assert "https://github.com/" == policy.source.url[:19]
        assert all([policy.source.project, policy.source.function, policy.retries])
        assert policy.jitter == (name in {"rustup_rename", "conda"})


def test_the_table_is_read_only():
    """Nobody changes the table by accident."""
    with pytest.raises(TypeError):
        POLICIES["mine"] = POLICIES["conda"]


@ALL
def test_each_is_fresh(name):
    """A policy makes a new object each time: what one run leaves in it is not there for the next."""
    policy = POLICIES[name]
    assert policy() is not policy()


@pytest.mark.parametrize(("name", "fault", "options", "tries", "seconds", "budget"), ENDLESS)
def test_budget(name, fault, options, tries, seconds, budget, replace):
    """Under a fault that does not end a policy makes so many calls in so many seconds; then the last error is raised."""
    policy = POLICIES[name]
    ran = replace(policy(**options), fault)
    assert (tries, pytest.approx(seconds)) == (ran.calls, sum(ran.slept))
    assert ran.raised is ran.met[-1]
    assert budget == policy.budget


@pytest.mark.parametrize(
    ("name", "waits"),
    [
        ("pip_replace", [250, 250, 250, 250]),
        ("pip_rmtree", [500, 500, 500, 500, 500, 500]),
        ("uv_rename", [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120]),
        ("graceful_fs_rename", [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 100]),
        ("rustup_rename_as_commented", [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144]),
        ("pnpm_rename", [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 100]),
        ("rimraf", [2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 27, 33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("git_for_windows", [0, 1, 10, 20, 40]),
        ("llvm_rename", [*[10] * 199, *[0] * 200]),
        ("hatch_wait", [500] * 10),
    ],
)
def test_waits(name, waits, replace):
    """The waits of each policy, in milliseconds."""
    fault = DENIED if name != "rimraf" else SHARING
    slept = replace(POLICIES[name](), fault).slept
    assert waits == [pytest.approx(1000 * wait) for wait in slept[: len(waits)]]


@pytest.mark.parametrize(("name", "fault", "options", "tries", "seconds", "budget"), ENDLESS)
def test_a_passing_fault_is_survived(name, fault, options, tries, seconds, budget, replace, tmp_path):
    """A fault that ends before the last call costs all the waits, and the function succeeds."""
    ran = replace(POLICIES[name](**options), f"{fault} when first {tries - 1}")
    assert (None, tries) == (ran.raised, ran.calls)
    assert pytest.approx(seconds) == sum(ran.slept)
    assert ["old"] == os.listdir(tmp_path)


@pytest.mark.parametrize("fault", sorted(FAULTS))
@ALL
def test_which_errors_are_retried(name, fault):
    """Of each error: it is retried, or it is raised at once, the very one that happened, without a wait."""
    error = FAULTS[fault]
    errors, waits = [error], []

    def fail_once():
        if errors:
            raise errors.pop()
        return "done"

    try:
        ended = POLICIES[name](sleep=waits.append)(fail_once)
    except OSError as raised:
        ended = raised
    assert (("done", 1) if fault in RETRIED[name] else (error, 0)) == (ended, len(waits))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, SimulatedCrash])
@ALL
def test_no_policy_holds_up_an_end(name, kind):
    """What ends the program, or a trial, goes through at once."""
    tried = []

    def end():
        tried.append(1)
        raise kind

    with pytest.raises(kind):
        POLICIES[name](sleep=tried.append)(end)
    assert [1] == tried


@ALL
def test_other_exceptions(name, tmp_path):
    """Only pip retries what is no OSError."""
    tried = []

    def fail():
        tried.append(1)
        raise ValueError("no number")

    with inject(roots=[tmp_path]), pytest.raises(ValueError, match="no number"):
        POLICIES[name]()(fail)
    assert {"pip_replace": 5, "pip_rmtree": 7}.get(name, 1) == len(tried)


def test_in_a_loop(tmp_path):
    """A policy runs a block as well, and waits on the virtual clock there."""
    (tmp_path / "new").write_text("new")
    with inject("os.replace -> WinError 5 when first 3", roots=[tmp_path]) as fsfault:
        for attempt in uv_rename():
            with attempt:
                os.replace(tmp_path / "new", tmp_path / "old")
    assert [0.01, 0.02, 0.04] == fsfault.clock.slept
    fsfault.assert_retried("os.replace", attempts=4, within=0.08)


def test_as_a_decorator(tmp_path):
    """A policy decorates a function."""
    (tmp_path / "new").write_text("new")

    @uv_rename().wraps
    def move():
        os.replace(tmp_path / "new", tmp_path / "old")

    with inject("os.replace -> WinError 5 when first 2", roots=[tmp_path]) as fsfault:
        move()
    assert [0.01, 0.02] == fsfault.clock.slept


@ALL
def test_own_sleep(name):
    """A policy waits by the function that it is given, and by nothing else."""
    waits = []
    code = 32 if name == "rimraf" else 5

    def fail():
        if not waits:
            raise windows_error(code, "new")

    POLICIES[name](sleep=waits.append)(fail)
    assert 1 == len(waits)


@pytest.mark.skipif(pip.__version__ != "26.3", reason="another release may have another policy")
@pytest.mark.parametrize("fault", ["ERROR_ACCESS_DENIED", "ERROR_DISK_FULL", "EIO"])
@pytest.mark.parametrize("when", ["always", "first 2", "first 4", "for 300ms", "for 1s"])
def test_as_pip_itself(fault, when, replace):
    """The function of pip itself does the same: as many calls, the same waits, the same end."""
    ours = replace(pip_replace(), f"{fault} when {when}")
    theirs = replace(lambda _, new, old: replace_of_pip(new, old), f"{fault} when {when}")
    assert (theirs.calls, theirs.slept) == (ours.calls, ours.slept)
    assert type(theirs.raised) is type(ours.raised)


@pytest.mark.parametrize(
    # What is below a file is not known to be missing, but on Windows.
    ("target", "tries"), [(None, 2), ("missing", 2), ("file", 1), ("file/below", 2 if os.name == "nt" else 1)]
)  # fmt: skip
def test_graceful_fs_wants_no_target(target, tries, tmp_path):
    """Where the target exists, or may, graceful-fs gives up at once; an error that names none is retried."""
    (tmp_path / "file").write_text("a file")
    met = []

    def fail():
        met.append(1)
        if len(met) == 1:
            raise windows_error(32, "new", target and str(tmp_path / target))

    with suppress(PermissionError):
        graceful_fs_rename(sleep=lambda _: None)(fail)
    assert tries == len(met)


def test_llvm_opens_before_it_renames(replace):
    """An error that is no denied access ends LLVM's retries with the last try to open the source."""
    ran = replace(POLICIES["llvm_rename"](), "ERROR_DISK_FULL")
    assert (200, pytest.approx(1.99)) == (ran.calls, sum(ran.slept))
    assert ran.raised is ran.met[-1]


def test_jitter_of_rustup(replace):
    """Each wait of rustup is a part of the longest; of whole seconds that part is rounded up, as the crate does it."""
    slept = replace(rustup_rename(luck=lambda: 0.1), DENIED).slept
    seconds = {0: 0.0001, 1: 0.0001, 2: 0.0002, 15: 0.0987, 16: 1.0597, 17: 1.0584, 25: 13.0393}
    assert seconds == {index: pytest.approx(slept[index], abs=1e-9) for index in seconds}


@pytest.mark.parametrize("factory", [conda, rustup_rename])
def test_luck(factory, replace):
    """The same seed gives the same waits, another one others, and none gives others each time."""
    lucks = [{"luck": Random(seed).random} for seed in (7, 7, 8)] + [{}, {}]
    runs = [replace(factory(**luck), DENIED).slept for luck in lucks]
    assert runs[0] == runs[1]
    assert 4 == len({tuple(slept) for slept in runs})


def test_a_policy_of_ones_own():
    """Users describe theirs in the same way."""
    mine = Policy("mine", uv_rename, POLICIES["uv_rename"].source, "5", "10.23 s")
    waits = []

    def fail():
        raise windows_error(5, "new")

    with pytest.raises(PermissionError):
        mine(sleep=waits.append)(fail)
    assert 10 == len(waits)


@ALL
def test_mistaken_sleep(name):
    """A number is no way to wait."""
    with pytest.raises(FsFaultError) as caught:
        POLICIES[name](sleep=3)
    assert "sleep=3 is not a function; write one that waits for the seconds it is given" == str(caught.value)


@pytest.mark.parametrize("factory", [conda, rustup_rename])
def test_mistaken_luck(factory):
    """A seed is no luck."""
    with pytest.raises(FsFaultError) as caught:
        factory(luck=7)
    assert (
        "luck=7 is not a function; write one that returns numbers from 0 to 1, such as "
        "random.Random(7).random" == str(caught.value)
    )


def test_without_tenacity(monkeypatch):
    """Who lacks tenacity is told what to install."""
    monkeypatch.setitem(sys.modules, "tenacity", None)
    monkeypatch.delitem(sys.modules, "pytest_fsfault.policies")
    with pytest.raises(ImportError) as caught:
        import_module("pytest_fsfault.policies")
    assert (
        'pytest_fsfault.policies needs tenacity; install it with: pip install "pytest-fsfault[tenacity]"'
        == str(caught.value)
    )
