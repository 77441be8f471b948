"""Makes each faulty server a backend of its own name, found as any package's backend is: by entry point."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pytest_modelserve.server.backends import ENTRY_POINT_GROUP, ServeRequest
from pytest_modelserve.server.backends.builtin import BuiltinBackend
from pytest_modelserve.server.launch import LaunchSpec

from .cast import SERVERS

SERVING: Final = Path(__file__).parent / "serving.py"
TWIN: Final = "healthy"
FAR: Final = "far"  # after the name of a backend whose spy nobody can read
UNSEEN_CALLS: Final = "unseen.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyBackend:
    """Serves as `builtin` does, behind one fault.

    Attributes:
        fault: Its name; `TWIN` for none.
        has_spy: Whether the checks find the record of the model's calls.
    """

    fault: str
    has_spy: bool

    @property
    def name(self) -> str:
        """Return the name by which it is asked for."""
        return backend_name(self.fault, has_spy=self.has_spy)

    def launch(self, request: ServeRequest) -> LaunchSpec:
        """Return what it takes to serve the model."""
        spec = BuiltinBackend().launch(request)
        files = dict(spec.files)
        if not self.has_spy:
            (name,) = files
            files[name] = json.dumps({**json.loads(files[name]), "calls_file": UNSEEN_CALLS}).encode()
        program, rest = spec.command[0], spec.command[3:]
        return replace(
            spec,
            name=f"{spec.name}-{self.name}",
            backend=spec.backend if self.has_spy else self.name,
            command=(program, str(SERVING), self.fault, *rest),
            files=files,
        )


def backend_name(fault: str, *, has_spy: bool) -> str:
    """Return the name of a backend."""
    return fault if has_spy else f"{fault}-{FAR}"


def add_backends(folder: Path) -> None:
    """Let the package find every faulty server, and both twins, from now on in this process.

    Args:
        folder: Where the metadata of a package is written that declares them.
    """
    metadata = folder / "zoo_servers-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-servers\nVersion: 1\n")
    faults = [(server.name, server.has_spy) for server in SERVERS] + [(TWIN, True), (TWIN, False)]
    names = [backend_name(fault, has_spy=has_spy) for fault, has_spy in faults]
    lines = [f"{name} = {__name__}:{name.replace('-', '__')}" for name in names]
    (metadata / "entry_points.txt").write_text("\n".join([f"[{ENTRY_POINT_GROUP}]", *lines, ""]))
    sys.path.append(str(folder))


def __getattr__(name: str) -> Callable[[], FaultyBackend]:
    fault, _, far = name.partition("__")
    if fault != TWIN and fault not in {server.name for server in SERVERS}:
        raise AttributeError(name)
    return lambda: FaultyBackend(fault=fault, has_spy=far != FAR)
