"""Put a forked process under a filter of its own, so that its parent is asked about the native programs it starts.

What is started by a thread of the parent inherits the filter of that thread; a fork of the parent has none.
"""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_fsfault._core.engine.interfaces import Sessions


def enter(engines: tuple[Sessions, ...], site: str | None) -> None:
    """Install the filter that the parent wants, if it wants one, and hand its listener over.

    `site` is the line that has forked. A process that is under a filter already is left as it is.
    """
    engine: Any = engines[0] if engines else None
    if engine is None or site is None:
        return
    answer = engine.ask("filter")
    code = answer[1] if answer[0] == "filter" else None
    if code is None:
        return
    from pytest_fsfault._intercept.calls.repeating import repeat_broken_calls  # noqa: PLC0415
    from pytest_fsfault._intercept.native.notify import Installer  # noqa: PLC0415  # loaded before the fork
    from pytest_fsfault._intercept.native.numbers import MACHINES  # noqa: PLC0415

    try:
        listener = Installer(MACHINES[platform.machine()][0].numbers["seccomp"], code).install()
    except OSError:
        return  # EBUSY: it has one
    repeat_broken_calls()
    engine.ask("listening", listener, site)
    os.close(listener)
