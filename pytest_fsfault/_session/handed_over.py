"""Call what a user has handed over as code of the user's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_fsfault._host.package import PACKAGE
from pytest_fsfault._intercept.interceptor import interceptor

if TYPE_CHECKING:
    from collections.abc import Callable

# pytest leaves the frames of this module out of tracebacks: they are not the user's.
__tracebackhide__ = True


def on_behalf(function: Callable[..., object]) -> Callable[..., object]:
    """Return `function` such that its calls come from the line of the user's that is running.

    A function of Python, such as `os.remove` or `shutil.rmtree`, would be called by this package alone, and no fault
    meets that.
    """
    callers = interceptor().callers
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is not None and callers.is_project(code.co_filename, getattr(function, "__module__", None) or ""):
        return function
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back  # type: ignore[assignment]
    site = callers.locate(frame)
    if site is None:
        return function
    file, _, line = site.rpartition(":")
    text = "\n" * (int(line) - 1) + "lambda *arguments: function(*arguments)"
    made: Callable[..., object] = eval(  # noqa: S307  # a text of ours
        compile(text, file, "eval"), {"__name__": "__main__", "function": function}
    )
    return made
