"""Many modules of the package are loaded at once, and the interpreter is as it was."""

import subprocess
import sys

import pytest

# `load` in a new interpreter: here all of the package may be there.
PREAMBLE = """
import gc, sys
from contextlib import suppress
from pytest_fsfault._host import bytecode, loading
def state(): return [*sys.meta_path], sys.meta_path is FINDERS, gc.isenabled(), gc.get_freeze_count() < 1_000
FINDERS = sys.meta_path
BEFORE = state()
"""


def python(code):
    """Return what `code` prints in a new interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


ASKED = """
class Spy:
    asked = []
    def find_spec(self, name, path=None, target=None): self.asked.append(name)
FINDERS.insert(0, Spy())
BEFORE = state()
loading.load("_core.clock", "_core.language.globs")
print({"pytest_fsfault._core.clock", "pytest_fsfault._core.language.globs"} <= sys.modules.keys(), BEFORE == state())
print([name for name in Spy.asked if name.startswith("pytest_fsfault")])
Spy.asked.clear()
sys.meta_path = None  # whoever looked for a module would fail
loading.load("_core.clock", "_core.language.globs")
"""


def test_no_other_finder_is_asked():
    """Modules of the package are found on its path; what is there already is not looked for."""
    assert ["True True", "[]"] == python(ASKED).splitlines()


def test_a_collector_that_rests_is_left_alone():
    """Who has switched the collector off, or frozen its objects, finds it so."""
    code = """
gc.disable(); gc.freeze()
loading.load("_core.clock")
print(sys.meta_path is FINDERS, gc.isenabled(), gc.get_freeze_count() > 1_000)
"""
    assert "True False True" == python(code)


def test_what_fails_is_told():
    """A module that is not there raises as an import of it does, and nothing is left."""
    code = """
try: loading.load("_core.clocks")
except ModuleNotFoundError as error: print(error)
print(BEFORE == state())
"""
    assert ["No module named 'pytest_fsfault._core.clocks'", "True"] == python(code).splitlines()


CHANGED = """
real = loading.import_module
def import_module(name):
    sys.meta_path.insert(0, "another")  # as a thread may do meanwhile
    sys.meta_path.remove(FINDERS[-1])
    return real(name)
loading.import_module = import_module
last = FINDERS[-1]
with suppress(ImportError, AttributeError): loading.load("_core.clock")
print(sys.meta_path is FINDERS, FINDERS == ["another", *BEFORE[0][:-1]])
"""


def test_finders_of_others_stay():
    """What others add to the finders, or take from them, in the meantime is not undone."""
    assert "True True" == python(CHANGED)


INTERRUPTED = """
class Interrupted(BaseException): pass
def interrupted(step):
    seen = 0
    def trace(frame, event, _):
        nonlocal seen
        if frame.f_code.co_filename not in {loading.__file__, bytecode.__file__}: return None
        seen += 1
        if seen == step: raise Interrupted
        return trace
    sys.modules.pop("pytest_fsfault._core.stamps", None)
    with suppress(Interrupted):
        sys.settrace(trace)
        loading.load("_core.stamps")
    sys.settrace(None)
    return seen
steps = interrupted(0)
lost = [step for step in range(1, steps + 1) if not interrupted(step) or BEFORE != state()]
print(steps > 30, lost)
"""


@pytest.mark.skipif(sys.gettrace() is not None, reason="something else traces this run")
def test_an_interrupt_leaves_nothing():
    """An exception from a signal handler at any line, call or return leaves finders and collector as they were."""
    assert "True []" == python(INTERRUPTED)
