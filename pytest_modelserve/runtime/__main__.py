"""The worker's entry: `<model's python> -I …/runtime/__main__.py serve CONFIG.json FD` or `… load CONFIG.json`.

It gives our package a private name instead of a place on `sys.path`, so that the model can import exactly what its
environment has.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

_PACKAGE = "_modelserve_runtime"
_FOLDER = os.path.dirname(os.path.realpath(__file__))


def main() -> None:
    """Run the mode that the command line asks for; the process ends with it."""
    _leave_path()
    _import_package()
    mode, config_file, *rest = sys.argv[1:]
    del sys.argv[1:]  # they are none of the model's business
    if mode == "serve":
        importlib.import_module(_PACKAGE + ".worker").serve(config_file, int(rest[0]))
    elif mode == "load":
        importlib.import_module(_PACKAGE + ".smoke").load(config_file)
    else:
        raise SystemExit("expected the mode serve or load, got {!r}".format(mode))


def _leave_path() -> None:
    """Take this file's folder off `sys.path`, where the interpreter puts it unless it was started with `-I`."""
    if sys.path and os.path.realpath(sys.path[0]) == _FOLDER:
        del sys.path[0]


def _import_package() -> None:
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, os.path.join(_FOLDER, "__init__.py"), submodule_search_locations=[_FOLDER]
    )
    if spec is None or spec.loader is None:
        raise ImportError("cannot import the worker from {}".format(_FOLDER))
    module = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    main()
