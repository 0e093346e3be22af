"""What this system has for connections between a parent and its children: sockets, or named pipes on Windows."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from pytest_fsfault._intercept.children.named_pipes import connect
    from pytest_fsfault._intercept.children.parent_pipes import PipeListener as Listener
else:
    from pytest_fsfault._intercept.children.transport import Listener, connect

__all__ = ["Listener", "connect"]
