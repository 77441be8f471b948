"""What the model's own code imports, read from its byte code: nothing is hooked, and nothing runs for it.

A hook on `import` would stand in every traceback of the model, and would be slower than the whole reading. Own code are
the modules that lie in the model directory, and the functions that came out of a pickle by value, which no module has.
"""

from __future__ import annotations

import dis
import gc
import os
import sys
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

_PICKLER = "cloudpickle"  # what brings functions by value


class OwnCode:
    """Tells which modules are the model's, and what they import.

    Args:
        model_dir: The model directory; empty where no module is the model's.
    """

    def __init__(self, model_dir: str) -> None:
        roots = {os.path.join(root(model_dir), "") for root in (os.path.abspath, os.path.realpath)}
        self._roots = tuple(roots) if model_dir else ()

    def holds(self, file: Optional[str]) -> bool:
        """Tell whether a file lies in the model directory."""
        return file is not None and bool(self._roots) and os.path.abspath(file).startswith(self._roots)

    def imports_of(self, module: Any) -> List[str]:
        """Return the dotted names that a module of the model imports, sorted; its own relative ones are left out.

        What its outermost lines would import, and did not since their branch was not taken, is left out, too.
        """
        try:
            spec = module.__spec__
            code = spec.loader.get_code(spec.name)
        except Exception:  # a loader of the model's own, a file that is gone: what it imports cannot be told
            return []
        if code is None:  # compiled to machine code
            return []
        return sorted(
            {name for name, bound in _imports(code) if not bound or bound in vars(module)} | set(_inner(code))
        )

    def imports_of_pickled(self) -> List[str]:
        """Return the dotted names that functions out of a pickle import or refer to, sorted."""
        if not self._roots or _PICKLER not in sys.modules:
            return []
        found: Set[str] = set()
        seen: Dict[int, Mapping[str, Any]] = {}
        for function in gc.get_objects():
            if type(function) is FunctionType and _is_homeless(function):
                seen[id(function.__globals__)] = function.__globals__
                found.update(name for name, _ in _imports(function.__code__))
                found.update(_inner(function.__code__))
        for names in seen.values():
            found.update(_referred(names))
        return sorted(found)


def _is_homeless(function: FunctionType) -> bool:
    """Tell whether a function has globals that no loader filled and no module has, as one out of a pickle has.

    cloudpickle takes the name and the package of its module along, which code that a library generates does not have.
    """
    names = function.__globals__
    name = names.get("__name__")
    if not isinstance(name, str) or "__package__" not in names or "__loader__" in names:
        return False
    home = sys.modules.get(name)
    return home is None or getattr(home, "__dict__", None) is not names


def _referred(names: Mapping[str, Any]) -> Iterator[str]:
    """Yield the modules that the globals of a pickled function come from."""
    for value in list(names.values()):
        if type(value) is ModuleType:
            yield value.__name__
        elif isinstance(value, (type, FunctionType, BuiltinFunctionType)):
            home = getattr(value, "__module__", None)
            if isinstance(home, str) and home in sys.modules and home != "__main__":
                yield home


def _inner(code: CodeType) -> Iterator[str]:
    """Yield what the functions and classes in a piece of code import, at any depth."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            for name, _ in _imports(constant):
                yield name
            for name in _inner(constant):
                yield name


def _imports(code: CodeType) -> Iterator[Tuple[str, str]]:
    """Yield the absolute names that a piece of code imports itself, each with the first name that it then stores."""
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    for at, step in enumerate(steps):
        if step.opname != "IMPORT_NAME":
            continue
        level = steps[at - 2].argval  # before it stand its level and its list of names, in every Python
        if level == 0:
            yield str(step.argval), _stored(steps[at + 1 :])


def _stored(steps: List[Any]) -> str:
    for step in steps:
        if step.opname in ("STORE_NAME", "STORE_GLOBAL"):
            return str(step.argval)
        if step.opname == "IMPORT_NAME":
            break
    return ""
