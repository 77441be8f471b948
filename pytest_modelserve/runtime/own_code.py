"""What the model's own code imports, read from its byte code: nothing is hooked, and nothing runs for it.

A hook on `import` would stand in every traceback of the model, and would be slower than the whole reading. Own code are
the modules that lie in the model directory, and the functions that came out of a pickle by value, which no module has.
"""

from __future__ import annotations

import dis
import gc
import os
import sys
from collections import deque
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple

_PICKLER = "cloudpickle"  # what brings functions by value
_IMPORT = dis.opmap["IMPORT_NAME"]  # every instruction is two bytes, the first says which
_MOST_OBJECTS = 20_000  # of a model; the author's own functions lie near its surface, and each thousand takes 0.5 ms
_MOST_HELD = 1_000  # by one object: a table of data holds many, and they are alike


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

    def imports_of_pickled(self, model: Any) -> List[str]:
        """Return the dotted names that the functions of a model out of a pickle import or refer to, sorted.

        Args:
            model: The loaded model.
        """
        if not self._roots or _PICKLER not in sys.modules:
            return []
        found: Set[str] = set()
        seen: Dict[int, Mapping[str, Any]] = {}
        for function in _pickled_functions(model):
            seen[id(function.__globals__)] = function.__globals__
            found.update(name for name, _ in _imports(function.__code__))
            found.update(_inner(function.__code__))
        for names in seen.values():
            found.update(_referred(names))
        return sorted(found)


def _pickled_functions(model: Any) -> Iterator[FunctionType]:
    """Yield the functions out of a pickle that a model leads to, the near ones first.

    The heap of the process has many more that nobody wrote: libraries generate them for their own use, as scipy does
    for its distributions. Nothing of the model runs for it, since the garbage collector is asked what an object holds.
    """
    seen: Dict[int, Any] = {}  # the objects too, or another one could get the place of one that is gone
    waiting = deque([model])
    while waiting and len(seen) < _MOST_OBJECTS:
        each = waiting.popleft()
        if id(each) in seen or not gc.is_tracked(each):
            continue
        seen[id(each)] = each
        if type(each) is FunctionType and _is_homeless(each):
            yield each
        waiting.extend(_held_by(each))


def _held_by(each: Any) -> Iterable[Any]:
    """Return what to look at next of what an object holds: of modules nothing, and nothing of what modules have."""
    kind = type(each)  # isinstance would ask an object that stands for another one, and it may raise
    if issubclass(kind, ModuleType) or (issubclass(kind, type) and not _is_homeless_class(each)):
        return ()
    held = gc.get_referents(each)[:_MOST_HELD]
    if kind is not FunctionType:
        return [*held, kind]  # Python 3.8 does not count its class
    names = each.__globals__
    near = [one for one in held if one is not names]
    if _is_homeless(each):
        left_out = names.get("__builtins__")
        near += [one for one in list(names.values()) if one is not left_out]
    return near


def _is_homeless_class(kind: Any) -> bool:
    """Tell whether no module has a class by its name, as it is with one out of a pickle."""
    name = type.__getattribute__(kind, "__module__")
    home = sys.modules.get(name) if isinstance(name, str) else None
    return _names_of(home).get(type.__getattribute__(kind, "__qualname__")) is not kind


def _names_of(module: Any) -> Mapping[str, Any]:
    """Return what a module has, without waking those that load themselves when they are looked at."""
    names: Mapping[str, Any] = (
        object.__getattribute__(module, "__dict__") if issubclass(type(module), ModuleType) else {}
    )
    return names


def _is_homeless(function: FunctionType) -> bool:
    """Tell whether a function has globals that no loader filled and no module has, as one out of a pickle has.

    cloudpickle takes the name and the package of its module along, which code that a library generates does not have.
    """
    names = function.__globals__
    name = names.get("__name__")
    if not isinstance(name, str) or "__package__" not in names or "__loader__" in names:
        return False
    return _names_of(sys.modules.get(name)) is not names


def _referred(names: Mapping[str, Any]) -> Iterator[str]:
    """Yield the modules that the globals of a pickled function come from."""
    for value in list(names.values()):
        if type(value) is ModuleType:
            yield value.__name__
        elif issubclass(type(value), (type, FunctionType, BuiltinFunctionType)):
            is_class = issubclass(type(value), type)
            home = (type if is_class else object).__getattribute__(value, "__module__")
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
    if _IMPORT not in code.co_code[::2]:  # most functions import nothing, and taking code apart takes its time
        return
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
