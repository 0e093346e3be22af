"""Start the bootstrap in interpreters whose environment does not have this package.

This directory comes first on PYTHONPATH while faults act. Any version of Python may read this file.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))


def _load(name: str, path: str, places: "list[str] | None" = None) -> None:
    """Import a module from where it is, wherever Python would look for it."""
    from importlib.util import module_from_spec, spec_from_file_location  # noqa: PLC0415

    spec = spec_from_file_location(name, path, submodule_search_locations=places)
    if spec is not None and spec.loader is not None:
        module = sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(module)


def _of_its_own() -> "str | None":
    """Return the `sitecustomize` that the environment has of its own."""
    own = (os.path.join(path, "sitecustomize.py") for path in sys.path)
    return next(filter(os.path.isfile, own), None)


sys.path[:] = [path for path in sys.path if os.path.abspath(path) != _HERE]
_next = _of_its_own()  # before there is a listener: it does not concern the code under test
if sys.version_info >= (3, 11) and "FSFAULT_CHILD" in os.environ:
    if "pytest_fsfault" not in sys.modules:
        _load("pytest_fsfault", os.path.join(_PACKAGE, "__init__.py"), [_PACKAGE])
    from pytest_fsfault._intercept.bootstrap.dormant import start

    start()
if _next is not None:
    _load("sitecustomize", _next)
