"""Modules that ask where they are, and a package of them for the length of a test."""

from __future__ import annotations

import builtins
import importlib
import os
import platform
import sys
import textwrap

import pytest

#: What a module sees of this system, and what it sees of a pretended Windows.
HERE = (sys.platform, os.name, platform.system())
WINDOWS = ("win32", "nt", "Windows")

BODY = """\
import os, platform, sys
def look():
    return sys.platform, os.name, platform.system()
"""

#: The ways to import the three modules.
SOURCES = {
    "import": BODY,
    "renamed": """\
        import os as _os, platform as p, sys as _sys
        def look(): return _sys.platform, _os.name, p.system()
        """,
    "os.path": """\
        import os.path, platform, sys
        def look(): return sys.platform, os.name, platform.system()
        """,
    "early": """\
        from sys import platform as where, path
        from os import (
            name, path, sep,
        )
        from platform import system
        def look(): return where, name, system()
        """,
    "early, conditionally": """\
        try:
            if True:
                from sys import platform; from os import name as os_name
        except ImportError: raise
        from platform import system
        def look(): return platform, os_name, system()
        """,
    "starred": """\
        from sys import *; from os import *
        where = lambda: (platform, name)
        from platform import system
        def look(): return *where(), system()
        """,
    "in the function": """\
        def look():
            import os, platform, sys
            return sys.platform, os.name, platform.system()
        """,
    "from, in the function": """\
        def look():
            from os import name
            from platform import system
            from sys import platform
            return platform, name, system()
        """,
    "os.path, in the function": """\
        def look():
            import os.path, platform as p
            from sys import platform
            return platform, os.name, p.system()
        """,
    "__import__": """\
        def look():
            name = __import__(name="os", globals=globals()).name
            system = __import__("platform", globals(), None, (), 0).system
            return __import__("sys", globals()).platform, name, system()
        """,
}


def written(tmp_path, monkeypatch):
    """Yield a function that writes a package and returns one that imports its modules; verify at the end.

    Nothing may remain: neither in the import system, nor in what everybody sees.
    """
    if os.name == "nt":
        pytest.skip("left to Windows: pretend has nothing to do there")
    monkeypatch.syspath_prepend(str(tmp_path))
    modules, before = set(sys.modules), (builtins.__import__, list(sys.meta_path), *HERE)

    def write(**sources):
        home = tmp_path / "mypkg"
        home.mkdir(exist_ok=True)
        for name, source in {"__init__": "", **sources}.items():
            (home / f"{name}.py").write_text(textwrap.dedent(source))
        importlib.invalidate_caches()
        return lambda name: importlib.import_module(f"mypkg.{name}")

    yield write
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] in {"mypkg", "other"}:
            del sys.modules[name]
    after = builtins.__import__, list(sys.meta_path), sys.platform, os.name, platform.system()
    assert before == after
