"""Bad input gets one sentence, before anything is done; a loop that proves nothing fails the test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_fsfault import FsFaultError, inject

from .conftest import overwrite, prepare


@pytest.fixture
def fsfault(tmp_path):
    """Return a session without rules."""
    with inject(roots=[tmp_path], strict=False) as fsfault:
        yield fsfault
        for sweep in fsfault._proofs.sweeps if fsfault._proofs else ():
            sweep.finished = True


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (
            {"faults": ["ERROR_ACES_DENIED"]},
            (
                "fault 'ERROR_ACES_DENIED': 'ERROR_ACES_DENIED' is not a valid error name (column 1): write a known Windows name, "
                "or its number as in 'WinError 32'; did you mean 'ERROR_ACCESS_DENIED'?"
            ),
        ),
        ({"faults": []}, "faults=[] injects nothing; write one at least, such as 'ERROR_ACCESS_DENIED'"),
        ({"faults": "crash"}, "faults='crash' is a single fault; write faults=('crash',)"),
        ({"faults": 5}, "faults=5 is not a list of faults; write faults=('ERROR_ACCESS_DENIED',)"),
        (
            {"faults": [5]},
            "5 is not a fault; write a fault such as 'ERROR_ACCESS_DENIED', 'delay 250ms', 'short 512' or 'crash'",
        ),
        (
            {"operations": "os.replce"},
            "operations 'os.replce': unknown operation 'os.replce' (column 1); did you mean 'os.replace'?",
        ),
        (
            {"distinct": "line"},
            "distinct='line' is not known; write 'call stack', 'call site' or 'position'",
        ),
        (
            {"distinct": "call stak"},
            "distinct='call stak' is not known; write 'call stack', 'call site' or 'position'; did you mean 'call stack'?",
        ),
        (
            {"persist": "yes"},
            "persist='yes' is not valid; write (False, True), (False,) for faults that happen once, or (True,)",
        ),
        (
            {"persist": ()},
            "persist=() is not valid; write (False, True), (False,) for faults that happen once, or (True,)",
        ),
        ({"depth": 0}, "depth=0 is not valid; write 1 (one fault) to 3"),
        ({"depth": 9}, "depth=9 is not valid; write 1 (one fault) to 3"),
        ({"limit": 0}, "limit=0 is not valid; write a number of trials from 1 up"),
        ({"limit": True}, "limit=True is not valid; write a number of trials from 1 up"),
        ({"shard": "5/4"}, "shard='5/4' is not valid; write '1/4' to '4/4'"),
        ({"shard": "0/4"}, "shard='0/4' is not valid; write '1/4' to '4/4'"),
        ({"shard": "1/0"}, "shard='1/0' is not valid; write '1/1' to '1/1'"),
        (
            {"shard": "half"},
            "shard='half' is not valid; write a share and the number of shares, such as '1/4'",
        ),
        (
            {"expect": "OSError"},
            "expect='OSError' is not a tuple of exceptions; write expect=(InstallationError,)",
        ),
        (
            {"expect": (int,)},
            f"expect={(int,)!r} is not a tuple of exceptions; write expect=(InstallationError,)",
        ),
        (
            {"only": "seven"},
            "'seven' is not the ID of a trial; write one as the sweep prints it, such as '7'",
        ),
        ({"only": 7}, "7 is not the ID of a trial; write one as the sweep prints it, such as '7'"),
        (
            {"prepare": None},
            "prepare=None is not a function; write one that builds a tree in the directory that it is given",
        ),
    ],
)
def test_what_cannot_be_asked_for(fsfault, tmp_path, wanted, text):
    """Nothing is made on the disk for it."""
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FsFaultError) as caught:
        fsfault.sweep(**{"prepare": prepare, **wanted})
    assert text == str(caught.value)
    assert before == sorted(tmp_path.iterdir())


def run(fsfault, body=overwrite, check=lambda trial: trial.check(True, ""), build=prepare, **wanted):
    """Run a sweep."""
    for trial in fsfault.sweep(build, **wanted):
        with trial as root:
            body(root)
        check(trial)


def told(fsfault, kind, **keywords):
    """Return what a sweep raises."""
    with pytest.raises(kind) as caught:
        run(fsfault, **keywords)
    return str(caught.value)


def test_a_prepare_that_fails(fsfault):
    """It says for which trial."""

    def build(root):
        raise LookupError("no wheel")

    assert (
        "prepare failed for trial 0: LookupError: no wheel; prepare has to build the same tree each time, in the empty "
        "directory that it is given"
    ) == told(fsfault, FsFaultError, build=build)


@pytest.mark.usefixtures("built_each_time")
def test_a_prepare_that_fails_later(fsfault):
    """The original error is the cause."""
    turns = []

    def build(root):
        turns.append(root)
        if len(turns) == 2:
            (root / "missing").unlink()
        prepare(root)

    with pytest.raises(FsFaultError, match=r"^prepare failed for trial 1: FileNotFoundError: ") as caught:
        run(fsfault, build=build)
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_a_prepare_that_builds_something_else_each_time(fsfault):
    """A first tree that cannot be copied, because of what else was left, has to be built alike."""
    turns = []
    opened = []

    def build(root):
        turns.append(root)
        (root / "f").write_text("x" * len(turns))
        opened.append(open(root / "f"))

    try:
        assert (
            "prepare has built another tree for trial 1, and left more behind than files, which a copy of the first "
            "tree would lack; let it build the same each time:\n~ f 1 -> 2 bytes"
        ) == told(fsfault, FsFaultError, build=build, body=lambda root: (root / "x").mkdir())
    finally:
        for file in opened:
            file.close()


def test_a_body_that_never_touches_the_tree(fsfault, tmp_path):
    """Where it worked instead is told."""
    assert (
        "the body never touched the tree: no call of mutate below the directory that `with trial as root` gives"
    ) == told(fsfault, AssertionError, body=lambda root: None)
    assert (
        "the body never touched the tree: no call of os.mkdir below the directory that `with trial as root` gives; it "
        f"called os.mkdir on {tmp_path.as_posix()}/elsewhere"
    ) == told(
        fsfault,
        AssertionError,
        operations="os.mkdir",
        body=lambda root: Path(tmp_path, "elsewhere").mkdir(exist_ok=True),
    )


def test_a_baseline_that_fails_a_check(fsfault):
    """The sweep ends at once."""
    text = told(fsfault, AssertionError, check=lambda trial: trial.check(False, "it has no RECORD"))
    assert text.startswith(
        "the first trial failed, in which no fault acts:\n\ntrial 0: no fault\n  check: it has no RECORD\n"
    )


def test_faults_that_nothing_can_meet(fsfault):
    """A sweep that tried nothing proves nothing."""
    assert "the sweep tried nothing: ENOSPC can meet none of the calls (os.remove)" == told(
        fsfault, AssertionError, faults=["ENOSPC"], body=lambda root: os.remove(root / "pkg/a.py")
    )


def test_a_trial_that_does_not_exist(fsfault):
    """The range is told."""
    assert "there is no trial 999: the trials of this sweep are 0 to 6" == told(
        fsfault, AssertionError, faults=["EACCES"], only="999"
    )
    assert "there is no trial 1.5: the trials of this sweep are 0 to 6" == told(
        fsfault, AssertionError, faults=["EACCES"], only="1.5"
    )


def test_a_loop_that_checks_nothing(fsfault):
    """Running is no proof."""
    assert (
        "the sweep checked nothing: call trial.check_atomic(), or another check, after the block of each trial"
    ) == told(fsfault, AssertionError, faults=["EACCES"], check=lambda trial: None)


def test_a_trial_that_is_not_run(fsfault):
    """Each trial needs its block."""
    with pytest.raises(AssertionError) as caught:
        for _trial in fsfault.sweep(prepare):
            pass
    assert "trial 0 was not run: write `with trial as root:` in the loop, for every trial" == str(
        caught.value
    )


def test_a_block_that_is_entered_twice(fsfault):
    """A trial is one run."""
    with pytest.raises(FsFaultError) as caught:
        for trial in fsfault.sweep(prepare):
            with trial as root:
                overwrite(root)
            with trial as root:
                overwrite(root)
    assert ("trial 0 has had its block: write `with trial as root:` once for each trial of the loop") == str(
        caught.value
    )


def test_a_trial_that_is_still_running(fsfault):
    """The next one begins after its block."""
    trials = iter(fsfault.sweep(prepare))
    trial = next(trials)
    with trial:
        with pytest.raises(FsFaultError) as caught:
            next(trials)
    assert "trial 0 is still running; the next one begins after its block" == str(caught.value)


def test_the_new_tree_before_it_is_known(fsfault):
    """The first trial has to make it."""
    with pytest.raises(FsFaultError) as caught:
        for trial in fsfault.sweep(prepare):
            assert trial.before
            assert trial.after
    assert "the new tree is not known before the block of the first trial has ended" == str(caught.value)


def test_a_sweep_in_a_sweep(fsfault):
    """One at a time."""
    with pytest.raises(FsFaultError) as caught:
        for _ in fsfault.sweep(prepare):
            fsfault.sweep(prepare)
    assert "a sweep is running: let its loop end before the next one begins" == str(caught.value)


@pytest.mark.parametrize(
    ("trials", "text"),
    [
        (0, "a sweep was made and never run: write `for trial in fsfault.sweep(...)`"),
        (1, "a sweep was left early, after 0 faulted trials: let its loop end"),
        (3, "a sweep was left early, after 1 faulted trial: let its loop end"),
    ],
)
def test_a_loop_that_was_left(tmp_path, trials, text):
    """What it has not tried might have failed; it is told at the end of the block, and nothing stays behind."""
    with pytest.raises(AssertionError) as caught:
        with inject(roots=[tmp_path]) as fsfault:
            made = fsfault.sweep(prepare, faults=["EACCES"])
            for _ in range(trials):
                trial = next(made)
                with trial as root:
                    overwrite(root)
                trial.check(True, "")
    assert text == str(caught.value)
    assert [] == list(tmp_path.iterdir())


def test_a_session_that_is_over(tmp_path):
    """Nothing would happen."""
    with inject(roots=[tmp_path]) as fsfault:
        pass
    for ask in (
        lambda: fsfault.sweep(prepare),
        lambda: fsfault.tolerance(overwrite, prepare=prepare, hold="x"),
        lambda: fsfault.self_replace("x", overwrite),
    ):
        with pytest.raises(FsFaultError, match=r"^this session of faults is over"):
            ask()
