"""The law of a trial: the tree is what the calls before the fault have made of it, and nothing else."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_fsfault import inject
from pytest_fsfault._host.originals import NATIVE
from pytest_fsfault._prove.snapshots import Snapshots

NAMES = st.sampled_from(["a", "b", "c", "d/e", "d/f"])
STEPS = st.one_of(
    st.tuples(st.just("write"), NAMES, st.text("xyz", max_size=3)),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("replace"), NAMES, NAMES),
    st.tuples(st.just("remove"), NAMES, st.none()),
    st.tuples(st.just("mkdir"), NAMES, st.none()),
    st.tuples(st.just("rmdir"), NAMES, st.none()),
)


def do(root, step):
    """Do one step; what the real system refuses is passed over, what a fault refuses is not."""
    what, name, more = step
    path = root / name
    try:
        if what == "write":
            path.write_text(more)
        elif what in {"rename", "replace"}:
            getattr(os, what)(path, root / more)
        else:
            getattr(os, what)(path)
    except OSError as error:
        if error.errno == 5:  # EIO, which only the fault gives
            raise


def build(root):
    """Build a tree with a file, an empty one, and a directory."""
    (root / "a").write_text("old")
    (root / "b").touch()
    (root / "d").mkdir()


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=6), st.sampled_from(["EIO", "crash"]))
def test_the_tree_is_that_of_the_steps_before(steps, fault):
    """With the fault at any call, a plain run of the steps before it leaves the same tree, whatever follows."""
    home = tempfile.mkdtemp()
    try:
        with inject(roots=[home]) as fsfault:
            made = fsfault.sweep(
                build, faults=[fault], operations="mutate", distinct="position", persist=False
            )
            try:
                for trial in made:
                    done = []
                    with trial as root:
                        for step in steps:
                            do(root, step)
                            done.append(step)
                    trial.check(replayed(done, steps, trial), f"{done} of {steps}")
            except AssertionError as error:
                if "never touched the tree" not in str(error):
                    raise
    finally:
        shutil.rmtree(home)


def replayed(done, steps, trial):
    """Return whether the tree is that of a plain run, with or without the beginning of the failing step."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        build(root)
        for step in done:
            do(root, step)
        plain = Snapshots(NATIVE).take(place)
        failing = steps[len(done)] if len(done) < len(steps) else None
        if plain == trial.tree:
            return True
        if failing is None or failing[0] != "write":
            return False
        # Opened and emptied, and then the writing failed; closing the file may have tried it again.
        texts = ("", failing[2])
        return any(
            (root / failing[1]).write_text(text) is not None and Snapshots(NATIVE).take(place) == trial.tree
            for text in texts
        )
