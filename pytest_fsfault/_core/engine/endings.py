"""What ends the code under test: a simulated crash, and a loop without progress."""

from __future__ import annotations


class SimulatedCrash(BaseException):
    """Propagates through the code under test as if its process had died.

    A `BaseException`, so that no ``except Exception`` survives it. It is raised again at every later
    intercepted call, and nothing more happens to the tree.
    """

    __module__ = "pytest_fsfault"


class RetryStorm(BaseException):
    """End a loop that met the same injected error 10,000 times without progress.

    A `BaseException`, since the loop that it has to end swallows every other exception.
    """

    __module__ = "pytest_fsfault"
