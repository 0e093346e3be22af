"""The list of what a child loads as it attaches is whole, and in the order in which it is needed."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="another system has some modules of its own")

PREAMBLE = """
import sys
def ours(): return [name for name in sys.modules if name.startswith("pytest_fsfault.")]
class Spy:
    asked = []
    def find_spec(self, name, path=None, target=None):
        if name.startswith("pytest_fsfault."): self.asked.append(name)
def attach():
    import pytest_fsfault._intercept.bootstrap.dormant
    import pytest_fsfault._intercept.children.rendezvous
    import pytest_fsfault._host.bytecode
    from pytest_fsfault._intercept.bootstrap.modules import MODULES
    yield MODULES
    import pytest_fsfault._intercept.children.child.attach
    import pytest_fsfault._intercept.interceptor
    import pytest_fsfault._intercept.children.child.needed
"""
LOADED = """
loading = attach()
listed = next(loading)
before = set(ours())
list(loading)
print(sorted(set(ours()) - before - set(listed)), sorted(set(listed) - set(ours())))
"""
IN_ORDER = """
from importlib import import_module
sys.meta_path.insert(0, Spy())
for name in next(attach()):
    Spy.asked.clear()
    import_module(name)
    if Spy.asked != [name]: print(name, "comes before", Spy.asked[1:])
"""


def python(code):
    """Return what `code` prints in a new interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


def test_what_attaching_loads_is_listed():
    """No module is missing, so that none is looked for, and none is loaded that no child needs."""
    assert ["[] []"] == python(LOADED), (
        "modules that are missing in the list, and those that are too many there"
    )


def test_each_comes_after_what_it_imports():
    """The import of one asks for no other, since that one was before."""
    assert [] == python(IN_ORDER)
