"""What the plugin costs those who do not use it: what it loads, and what it touches."""

from __future__ import annotations

import subprocess
import sys

import pytest

ALWAYS = {
    "pytest_fsfault",
    "pytest_fsfault.plugin",
    "pytest_fsfault.hookspecs",
    "pytest_fsfault._host",
    "pytest_fsfault._host.bytecode",
    "pytest_fsfault._host.command_lines",
    "pytest_fsfault._host.loading",
    "pytest_fsfault._plugin",
    "pytest_fsfault._plugin.run",
    "pytest_fsfault._plugin.results",
    "pytest_fsfault._plugin.outcomes",
    "pytest_fsfault._plugin.seeds",
    "pytest_fsfault._plugin.gate",
    "pytest_fsfault._session",
    "pytest_fsfault._session.current_settings",
    "pytest_fsfault._session.keywords",
}
LIST = "import sys; print(*sorted(name for name in sys.modules if name.startswith('pytest_fsfault')))"
PATCHED = """
import builtins, io, os, shutil, sys, threading, time, queue
MODULES = (builtins, io, os, shutil, time, threading, queue)
def names():
    return {(m.__name__, n): v for m in MODULES for n, v in vars(m).items() if callable(v)}
"""


def python(code):
    """Return what `code` prints in a new interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_loading():
    """Loading the plugin imports nothing of what faults need."""
    assert ["pytest_fsfault", "pytest_fsfault.plugin"] == python(
        f"import pytest_fsfault.plugin; {LIST}"
    ).split()


def test_names_are_loaded_when_asked_for():
    """The package loads a public name's room when the name is asked for, and lists all of them before."""
    code = "import pytest_fsfault; print(set(pytest_fsfault.__all__) <= set(dir(pytest_fsfault))); pytest_fsfault.FsFaultError; "
    assert [
        "True",
        "pytest_fsfault",
        "pytest_fsfault._core",
        "pytest_fsfault._core.language",
        "pytest_fsfault._core.language.mistakes",
    ] == python(code + LIST).split()


def test_observing_reads_no_file():
    """The profile that only observes is known without a file, and without a reader of TOML."""
    code = (
        "import sys; from pytest_fsfault._session.profiles import built_in, lookup; before = 'tomllib' in sys.modules\n"
        "print(lookup('observe', built_in()).observe, before is ('tomllib' in sys.modules))"
    )
    assert "True True" == python(code)


def test_public_names():
    """Every public name is there and shows its public address; no other is."""
    import pytest_fsfault

    for name in pytest_fsfault.__all__:
        found = getattr(pytest_fsfault, name)
        assert "pytest_fsfault" == getattr(found, "__module__", "pytest_fsfault").partition("._")[0]
    with pytest.raises(AttributeError, match="module 'pytest_fsfault' has no attribute 'injekt'"):
        pytest_fsfault.injekt  # noqa: B018


def test_nothing_is_touched_by_loading():
    """Loading the plugin, and all of the package, patches nothing."""
    code = PATCHED + (
        "import pytest, threading; before = names(); import pytest_fsfault.plugin; from pytest_fsfault import inject\n"
        "print([name for name, value in names().items() if before.get(name) is not value])"
    )
    assert "[]" == python(code)


UNUSED = """
def test_it(tmp_path): (tmp_path / "a").write_text("b")
def test_loaded():
    import sys
    print("\\nLOADED", *sorted(name for name in sys.modules if name.startswith("pytest_fsfault")))
    assert "unittest.mock" not in sys.modules
"""


LOADERS = """
import sys
def test_it(fsfault):
    ours = [module for name, module in sys.modules.items() if name.startswith("pytest_fsfault")]
    print("\\nREWRITTEN", *(one.__name__ for one in ours if type(one.__loader__).__name__ == "AssertionRewritingHook"))
    assert "pytest_fsfault._session.session" in sys.modules
"""


def test_modules_are_loaded_by_python(pytester):
    """Python itself loads what a test under faults needs: pytest would look in each module for asserts to explain."""
    pytester.makepyfile(LOADERS)
    result = pytester.runpytest_subprocess("-s")
    result.assert_outcomes(passed=1)
    (line,) = [line for line in result.outlines if line.startswith("REWRITTEN")]
    assert {"pytest_fsfault", "pytest_fsfault.plugin"} >= set(line.split()[1:])


@pytest.mark.parametrize("arguments", [[], ["-v"], ["--fsfault-seed", "3"]])
def test_run_without_faults(pytester, monkeypatch, arguments):
    """In a run that puts no test under fault nothing but the hooks is loaded."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(UNUSED)
    result = pytester.runpytest_subprocess("-p", "fsfault", "-s", *arguments)
    result.assert_outcomes(passed=2)
    (line,) = [line for line in result.outlines if line.startswith("LOADED")]
    loaded = set(line.split()[1:])
    assert ALWAYS == loaded if not arguments[1:] else "pytest_fsfault._session.fsfault" not in loaded


GARBAGE = """
import gc, tempfile
from pytest_fsfault import inject
def session(root):
    with inject(roots=[root], profile=PROFILE): pass
with tempfile.TemporaryDirectory() as root:
    session(root)  # what is made once for all stays
    gc.collect(); gc.disable(); gc.set_debug(gc.DEBUG_SAVEALL)
    session(root)
    gc.collect()
print(sorted({type(one).__name__ for one in gc.garbage if type(one).__module__.startswith("pytest_fsfault")}))
gc.set_debug(0)
"""


@pytest.mark.parametrize("profile", ["observe", "windows"])
def test_a_session_leaves_no_garbage(profile):
    """What belongs to a session is gone with it, without a garbage collection, the Windows model included."""
    assert "[]" == python(GARBAGE.replace("PROFILE", repr(profile)))


def test_no_session_without_need(run):
    """A test that asks for no faults has no session, even beside one that does."""
    source = """
        import os, pytest
        @pytest.mark.fsfault("os.replace -> EIO or never")
        def test_it(): assert "fsfault" in repr(os.replace)
        def test_plain(): assert "fsfault" not in repr(os.replace)
    """
    run(source).assert_outcomes(passed=2)
