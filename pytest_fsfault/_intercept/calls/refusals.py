"""What a function does with a refusal that it does not raise: `os.access` answers, `shutil.rmtree` asks a handler."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # Asks the engines, who make the call by what is handed to it, if they make it.
    _Ask = Callable[[Callable[[], Any]], Any]
    _Handling = Callable[[_Ask, Callable[[], Any], tuple[Any, ...], Mapping[str, Any]], Any]


def handled(
    operation: str, ask: _Ask, perform: Callable[[], Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Return what `ask` does with `perform`, which makes the call; do with a refusal what the function would do."""
    handling = HANDLING.get(operation)
    return ask(perform) if handling is None else handling(ask, perform, args, kwargs)


def _access(ask: _Ask, perform: Callable[[], Any], _args: tuple[Any, ...], _kwargs: Mapping[str, Any]) -> Any:
    """Answer that there is no access, as on Windows."""
    try:
        return ask(perform)
    except OSError:
        return False


def _rmtree(ask: _Ask, perform: Callable[[], Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Do nothing with ``ignore_errors``; a handler gets `os.rmdir`, the path, and the error."""
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
        if any(error is one for one in own) or not _pass_on(error, args, kwargs):
            raise
        return None


def _pass_on(error: OSError, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
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


#: The functions that do so, by their operation.
HANDLING: Mapping[str, _Handling] = {"os.access": _access, "shutil.rmtree": _rmtree}
