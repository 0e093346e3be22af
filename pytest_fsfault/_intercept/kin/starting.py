"""Let a new interpreter become kin, if a process under faults has started it.

This is run by each interpreter of an environment that has this package, before anything else: it imports next
to nothing until it knows.
"""

import os
import sys

_KEY = "FSFAULT_CHILD"
_OLDEST = (3, 11)
# The helper of `multiprocessing` does nothing on files that anybody tests.
_TRACKER = "multiprocessing.resource_tracker"


def start() -> None:
    """Become kin of the process that the environment names, if it is there."""
    directory = os.environ.get(_KEY)
    if not directory or sys.version_info < _OLDEST or any(_TRACKER in word for word in sys.orig_argv):
        return
    if not os.path.exists(os.path.join(directory, "s")):
        return
    from pytest_fsfault._intercept.kin.joining import start as join  # noqa: PLC0415

    join(directory)
