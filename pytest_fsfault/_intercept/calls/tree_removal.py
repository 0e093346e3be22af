"""A refusal of `shutil.rmtree` goes where the caller wants its errors: to a handler, or nowhere."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def handle_refusal(
    ask: Callable[[Callable[[], Any]], Any],
    perform: Callable[[], Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Return what `ask` does with what makes the call; do with a refusal what `rmtree` does with an error of its own.

    That is nothing with ``ignore_errors``; a handler gets `os.rmdir`, the path, and the error.
    """
    own: list[BaseException] = []

    def performed() -> Any:
        try:
            return perform()
        except BaseException as error:
            own.append(error)  # the function has asked the handler, which let it pass
            raise

    try:
        return ask(performed)
    except OSError as error:
        if any(error is one for one in own) or not _handle(error, args, kwargs):
            raise
        return None


def _handle(error: OSError, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Hand an error to whom the arguments of a call name; return whether they name anyone."""
    if args[1] if len(args) > 1 else kwargs.get("ignore_errors"):
        return True
    onexc, onerror = kwargs.get("onexc"), args[2] if len(args) > 2 else kwargs.get("onerror")  # noqa: PLR2004
    path = args[0] if args else kwargs["path"]
    rmdir = vars(shutil)["os"].rmdir  # a fake one, where `rmtree` works on a fake file system
    if onexc is not None:
        onexc(rmdir, path, error)
    elif onerror is not None:
        onerror(rmdir, path, (type(error), error, error.__traceback__))
    return onexc is not None or onerror is not None
