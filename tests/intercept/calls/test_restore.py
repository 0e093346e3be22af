"""Afterwards everything is as it was, whatever happened in between; and wrappers pass for their originals."""

# ruff: noqa: BLE001  # how a call is written is what is tested here

from __future__ import annotations

import copy
import importlib
import inspect
import io
import os
import pickle
import shutil
import subprocess
import sys
import threading
import types
from pathlib import Path
from unittest import mock

import pytest

from pytest_fsfault import inject
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.calls import audit_hook
from pytest_fsfault._intercept.calls.wrapper import WRAPPERS
from pytest_fsfault._intercept.interceptor import interceptor

from .originals import displaced

FUNCTIONS = [
    (module, name)
    for module, name in ORIGINALS
    if (module, name) in WRAPPERS
    or (module == "os" and name in {"replace", "unlink", "remove", "stat", "open", "read"})
]


@pytest.fixture(scope="module", autouse=True)
def _make_wrappers(tmp_path_factory):
    """Make the wrappers, once per process."""
    with inject("os.stat -> EIO or never", roots=[tmp_path_factory.mktemp("roots")]):
        pass


def patched():
    """Return how many names are patched now."""
    return len(displaced())


@pytest.mark.parametrize(
    "error", [KeyError, OSError, AssertionError, KeyboardInterrupt, SystemExit, GeneratorExit]
)
def test_after_any_exception_everything_is_restored(error, tmp_path):
    """The exception goes up as it is, and nothing is verified."""
    with pytest.raises(error), inject("os.stat -> EIO", roots=[tmp_path]):
        assert patched() > 35
        raise error
    assert [] == displaced()
    assert not audit_hook._listening


def test_after_a_failed_verdict_everything_is_restored(tmp_path):
    """First restore, then verify."""
    with pytest.raises(AssertionError), inject("os.stat -> EIO", roots=[tmp_path]):
        pass
    assert [] == displaced()


@pytest.mark.parametrize("strict", [True, "all"])
@pytest.mark.parametrize("where", ["install", "_start_clock", "set_gates"])
def test_after_a_failing_start_everything_is_restored(where, strict, tmp_path, monkeypatch):
    """Half an installation is none."""
    with inject(roots=[tmp_path]):
        owner = interceptor()._installation if where == "install" else interceptor()
    real = getattr(owner, where)

    def fail(*args, **kwargs):
        if where == "install":
            real(*args, **kwargs)
        if where != "set_gates" or any(gate.faults for gate in args[0]):
            raise RuntimeError("no")
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, where, fail)
        faults = inject("os.stat -> EIO", roots=[tmp_path], strict=strict)
        with pytest.raises(RuntimeError, match="no"), faults:
            pass
    assert [] == displaced()
    assert () == interceptor().state.engines


def test_only_the_last_session_restores(tmp_path):
    """The inner one leaves the outer's wrappers in place."""
    with inject(roots=[tmp_path]):
        before = patched()
        with inject(roots=[tmp_path]):
            assert before == patched()
        assert before == patched()
    assert [] == displaced()


def test_a_wrapper_that_somebody_keeps_is_inert(tmp_path):
    """It is the original's call, without a decision, once the block has ended."""
    with inject("os.stat -> EIO or never", roots=[tmp_path]):
        kept = os.stat
    assert ORIGINALS["os", "stat"] is not kept
    assert kept(tmp_path) == os.stat(tmp_path)


def test_a_thread_that_outlives_the_block_goes_on(tmp_path):
    """It meets no fault after the end, and no error of ours."""
    errors, stop = [], threading.Event()

    def work():
        while not stop.is_set():
            try:
                os.stat(tmp_path)
                os.replace(tmp_path / "f", tmp_path / "f")
            except OSError:
                continue
            except BaseException as error:
                errors.append(error)
                return

    (tmp_path / "f").touch()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        with inject(
            "os.stat -> EIO when 50%", "os.replace -> EBUSY or never", roots=[tmp_path], strict=False
        ):
            os.access(tmp_path, os.R_OK)
    stop.set()
    for thread in threads:
        thread.join()
    assert [] == errors


@pytest.mark.parametrize(("module", "name"), FUNCTIONS)
def test_a_wrapper_passes_for_its_original(module, name, tmp_path):
    """Name, documentation and signature; it hashes, copies and pickles as one object."""
    scope = {"os": os, "io": io, "shutil": shutil}[module]
    real = getattr(scope, name)
    with inject("os.stat -> EIO or never", roots=[tmp_path]):
        ours = getattr(scope, name)
        assert ours is not real
        assert (real.__name__, real.__qualname__, real.__module__, real.__doc__) == (
            ours.__name__, ours.__qualname__, ours.__module__, ours.__doc__,
        )  # fmt: skip
        assert signature(real) == signature(ours)
        assert [ours, ours, ours] == [copy.copy(ours), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))]
        assert {ours: 1}[getattr(scope, name)]
        assert ours != real
    assert real is getattr(scope, name)


def signature(function):
    """Return a function's signature, or what is said of one that does not tell."""
    try:
        return inspect.signature(function)
    except ValueError as error:
        return type(error)


def test_functions_compare_as_usual(tmp_path):
    """`func in (os.unlink, os.remove)` stands in many an error handler."""
    with inject("os.stat -> EIO or never", roots=[tmp_path]):
        function = os.unlink
        assert function in (os.unlink, os.remove)
        assert function not in (os.remove, os.rmdir)
        assert os.unlink is os.unlink
        assert open is io.open


def test_a_wrapper_is_not_bound_by_a_class(tmp_path):
    """As with a builtin, the instance is no argument."""
    with inject("os.link -> EIO or never", roots=[tmp_path]):
        holder = type("Holder", (), {"exists": os.stat, "remove": os.rmdir})
        assert holder().exists(tmp_path) == os.stat(tmp_path)


@pytest.mark.parametrize(
    "name", ["supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids"]
)
def test_the_sets_of_abilities_hold_wrappers_and_originals(name, tmp_path):
    """Else `shutil` would silently take another way."""
    before = set(getattr(os, name))
    with inject("os.stat -> EIO or never", roots=[tmp_path]):
        known = {function for function in before if ("os", function.__name__) in WRAPPERS}
        assert {getattr(os, function.__name__) for function in known} <= getattr(os, name)
        assert before <= getattr(os, name)
    assert before == getattr(os, name)


def test_functions_keep_their_attributes(tmp_path):
    """`shutil.rmtree` tells whether it is safe from symlink attacks."""
    real = shutil.rmtree.avoids_symlink_attacks
    with inject("os.stat -> EIO or never", roots=[tmp_path]):
        assert real is shutil.rmtree.avoids_symlink_attacks


SOURCE = "from os import replace\nfrom io import open\nimport os\nkept = [os.stat]\nnever = None\n"


def test_a_module_imported_under_faults_gets_the_originals(tmp_path, monkeypatch):
    """Its names held wrappers; the next session finds them again."""
    (tmp_path / "imported_under_faults.py").write_text(SOURCE)
    (tmp_path / "a").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with inject("os.stat -> EIO or never", roots=[tmp_path]):
        module = importlib.import_module("imported_under_faults")
        assert module.replace is os.replace
    assert (os.replace, io.open) == (module.replace, module.open)
    for _ in range(2):
        with inject("os.replace -> EBUSY", roots=[tmp_path]) as fsfault, pytest.raises(OSError, match="busy"):
            module.replace(tmp_path / "a", tmp_path / "b")
        assert ["os.replace -> EBUSY: call 1"] == [entry.reason for entry in fsfault.journal]
    assert module.replace is os.replace
    del sys.modules["imported_under_faults"]


ALONE = """
import os, shutil, sys, time, types
from pytest_fsfault import inject
from pytest_fsfault._intercept.interceptor import interceptor
from pytest_fsfault._intercept.calls.wrapper import WRAPPERS

module = types.ModuleType("made_here")
sys.modules["made_here"] = module

def session(*names):
    with inject("os.stat *.never -> EIO or never", roots=[sys.argv[1]]):
        for owner, name in names:
            setattr(module, f"{owner}_{name}", getattr(sys.modules[owner], name))
        os.replace(shutil.copy(sys.argv[2], sys.argv[1]), f"{sys.argv[1]}/b")
        time.sleep(1)

session()
exchange = interceptor()._installation._early_bound
print(exchange._count() == exchange._references)
originals = {(wrapper.function.module, wrapper.function.function): wrapper.real for wrapper in WRAPPERS.values()}
originals["time", "sleep"] = time.sleep
for number, names in enumerate([[name] for name in originals] + [list(originals)]):
    vars(module).pop("_".join(names[0]), None)
    session(*names)
    wrong = [name for name in names if getattr(module, "_".join(name)) is not originals[name]]
    if wrong or exchange._count() != exchange._references:
        print(number, wrong)
print(len(originals) > 35)
"""


def test_a_single_name_that_was_bound_under_faults_is_found(tmp_path):
    """Where nobody holds a wrapper nothing is looked for: so each name counts, and none is counted for nothing."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "a").touch()
    command = [sys.executable, "-c", ALONE, str(root), str(tmp_path / "a")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ("True\nTrue\n", "") == (done.stdout, done.stderr)


def test_a_memory_made_before_the_rules_changed_is_dropped(tmp_path):
    """Only those that were used are told: among them is each that remembers a path."""
    path, other = str(tmp_path / "a"), str(tmp_path / "b")
    Path(path).touch()
    with inject(roots=[tmp_path]) as fsfault:
        for _ in range(2):
            os.replace(path, other)
            os.replace(other, path)
            os.stat(path)
        fsfault.add("os.replace -> EBUSY")
        fsfault.add("os.stat -> EIO")
        for call in (lambda: os.replace(path, other), lambda: os.stat(path)):
            with pytest.raises(OSError, match=r"busy|Input/output"):
                call()
    with inject("os.replace -> EBUSY", roots=[tmp_path]), pytest.raises(OSError, match="busy"):
        os.replace(path, other)


def test_a_module_reloaded_under_faults_gets_the_originals(tmp_path, monkeypatch):
    """Its dictionary keeps its size."""
    (tmp_path / "reloaded_under_faults.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("reloaded_under_faults")
    with inject("os.stat -> EIO or never", roots=[tmp_path]):
        importlib.reload(module)
    assert (os.replace, io.open) == (module.replace, module.open)
    del sys.modules["reloaded_under_faults"]


@pytest.fixture
def reloaded():
    """Load `shutil` again, and put back what was there."""
    before = dict(vars(shutil))
    importlib.reload(shutil)
    yield
    vars(shutil).update(before)


@pytest.mark.usefixtures("reloaded")
def test_functions_of_a_module_that_was_loaded_again_are_met(tmp_path):
    """They are Python's own as the first ones were, and the ones that are put back."""
    again = shutil.copy2
    (tmp_path / "a").touch()
    with inject("shutil.copy2 -> EBUSY when once", roots=[tmp_path]):
        with pytest.raises(OSError, match="busy"):
            shutil.copy2(tmp_path / "a", tmp_path / "b")
        assert (tmp_path / "b") == shutil.copy2(tmp_path / "a", tmp_path / "b")
    assert again is shutil.copy2


def test_a_function_that_looks_alike_is_left_alone(tmp_path, monkeypatch):
    """What a test has put there, of other code, is not taken for Python's."""
    monkeypatch.setattr(shutil, "copy2", lambda *_: "mine")
    with inject("shutil.copy2 -> EBUSY or never", roots=[tmp_path]):
        assert "mine" == shutil.copy2(tmp_path / "a", tmp_path / "b")


def test_a_module_made_between_sessions_is_found(tmp_path):
    """The scan is remembered by the size of each dictionary, and each new one is looked at."""
    module = types.ModuleType("made_between_sessions")
    sys.modules[module.__name__] = module
    with inject("os.stat -> EIO or never", roots=[tmp_path]):
        pass
    module.function = os.stat
    with inject("os.stat -> EBUSY", roots=[tmp_path]), pytest.raises(OSError, match="busy"):
        module.function(tmp_path)
    assert module.function is os.stat
    del sys.modules[module.__name__]


def test_a_mock_that_was_there_before_stays(tmp_path):
    """It decides for itself; afterwards it is undone as usual."""
    with mock.patch("os.replace", return_value=7) as replace:
        with inject("os.replace -> EBUSY or never", roots=[tmp_path]):
            assert os.replace is replace
            assert 7 == os.replace(tmp_path / "a", tmp_path / "b")
        assert os.replace is replace
    assert os.replace is ORIGINALS["os", "replace"]


def test_a_mock_inside_the_block_is_undone_inside(tmp_path):
    """What comes back is our wrapper, which goes with the block."""
    with inject("os.stat -> EBUSY", roots=[tmp_path]):
        with mock.patch("os.stat", return_value=7, autospec=True):
            assert 7 == os.stat(tmp_path)
        with pytest.raises(OSError, match="busy"):
            os.stat(tmp_path)
    assert [] == displaced()


def test_a_mock_made_inside_and_undone_after_is_swept(tmp_path):
    """It puts our wrapper back after we left: that is inert, and goes with the next sweep or session."""
    patch = mock.patch("os.stat", return_value=7)
    with inject("os.stat -> EBUSY or never", roots=[tmp_path]):
        patch.start()
    patch.stop()
    assert os.stat(tmp_path) == ORIGINALS["os", "stat"](tmp_path)
    interceptor().sweep()
    assert os.stat is ORIGINALS["os", "stat"]


def test_a_block_cannot_be_entered_twice_at_once_but_again(tmp_path):
    """The second time is a new session."""
    block = inject("os.stat -> EBUSY", roots=[tmp_path])
    for _ in range(2):
        with block, pytest.raises(OSError, match="busy"):
            os.stat(tmp_path)
