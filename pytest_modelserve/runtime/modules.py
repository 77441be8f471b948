"""Records which modules the model's process has imported, and from where."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any, Dict, List, Optional, Set, Tuple

from .own_code import OwnCode
from .store import GrowingFile

_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


class ModuleLog:
    """Appends one JSON line for each module that was not there before: its name, its file, and when it came.

    Those of the model directory also say what they import, and so does a line without a name for the functions that
    came out of a pickle. Our own are left out, and those in the folder `left_out`.
    """

    def __init__(self, path: str, left_out: str = "", model_dir: str = "") -> None:
        self._file = GrowingFile(path)
        self._own = OwnCode(model_dir)
        self._left_out = (_OWN_FOLDER, os.path.join(left_out, "")) if left_out else (_OWN_FOLDER,)
        self._known: Set[str] = set()
        self._n_known = 0
        self._lock = threading.Lock()

    @property
    def path(self) -> str:
        """Return the file."""
        return self._file.path

    def note(self, phase: str, model: Any = None) -> None:
        """Write the modules that are new; cheap where there is none.

        Args:
            phase: When they came: `load` or `predict`.
            model: What was loaded, of whose functions out of a pickle it is written what they import.

        Raises:
            OSError: They cannot be written.
        """
        if len(sys.modules) == self._n_known:
            return
        with self._lock:
            self._n_known = len(sys.modules)
            new = [(name, module) for name, module in list(sys.modules.items()) if name not in self._known]
            self._known.update(name for name, _ in new)
            lines = self._lines_of(new, phase, model)
            if lines:
                self._file.append(lines)

    def _lines_of(self, modules: List[Tuple[str, Any]], phase: str, model: Any) -> bytes:
        files = [(name, _file_of(module)) for name, module in modules]
        theirs = [(name, file) for name, file in files if file is None or not file.startswith(self._left_out)]
        documents = [self._document(str(name), file, phase) for name, file in theirs]
        pickled = self._own.imports_of_pickled(model)
        if pickled:
            documents.append({"name": "", "file": None, "phase": phase, "imports": pickled})
        return "".join(json.dumps(document) + "\n" for document in documents).encode("ascii")

    def _document(self, name: str, file: Optional[str], phase: str) -> Dict[str, Any]:
        document: Dict[str, Any] = {"name": name, "file": file, "phase": phase}
        if self._own.holds(file):
            document["imports"] = self._own.imports_of(sys.modules.get(name))
        return document


def _file_of(module: Any) -> Optional[str]:
    """Return the file of a module, without waking those that load themselves when they are looked at."""
    try:
        file = object.__getattribute__(module, "__dict__").get("__file__")
    except Exception:  # anything may stand in sys.modules
        return None
    return file if isinstance(file, str) else None
