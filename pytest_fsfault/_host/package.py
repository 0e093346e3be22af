"""Where this package stands, and which modules are machinery: whatever runs or debugs the tests."""

from __future__ import annotations

import os

#: The version of this package.
__version__ = "0.4.0"
#: The directory of this package, with a separator at its end.
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
#: The rooms that stand between a caller and the system; the rest of the package works for itself.
BETWEEN = tuple(PACKAGE + room + os.sep for room in ("_intercept", "_core", "_windows", "_host"))
#: The directory of the standard library, with a separator at its end.
STDLIB = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
#: Top-level packages that run the tests, or debug them: neither faults nor virtual time reach their own work.
MACHINERY = frozenset(
    [
        "_pytest",
        "pytest",
        "pluggy",
        "xdist",
        "execnet",
        "coverage",
        "hypothesis",
        "pytest_cov",
        "pytest_randomly",
        "pytest_timeout",
        "bdb",
        "pdb",
        "pdbpp",
        "ipdb",
        "pudb",
        "IPython",
        "debugpy",
        "pydevd",
        "_pydev_bundle",
        "_pydevd_bundle",
        "_pydevd_frame_eval",
    ]
)
#: Modules of theirs that call what a test hands over, as in ``pytest.raises(OSError, os.remove, path)``.
HANDED_ON = frozenset(["_pytest.raises", "_pytest.recwarn"])
