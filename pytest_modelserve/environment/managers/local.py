"""The `local` manager: the running interpreter as it is, nothing installed."""

from __future__ import annotations

import hashlib
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..freeze import freeze_running
from ..interpreter import minor_of
from ..listing import listed
from ..pins import find_unmet, versions_of
from ..restoration import Environment, RestoreRequest
from ..spec import BUILD_TOOLS


class Local:
    """Take the running interpreter; what it lacks of the model's pins is noted."""

    name = "local"

    def restore(self, request: RestoreRequest) -> Environment:
        """Describe the running interpreter as the model's environment; no file is written."""
        started = time.monotonic()
        freeze = freeze_running()
        identity = "\n".join([sys.executable, sys.version, *freeze])
        return Environment(
            manager=self.name,
            python=Path(sys.executable),
            python_version=platform.python_version(),
            prefix=Path(sys.prefix),
            digest=hashlib.sha256(identity.encode()).hexdigest(),
            cached=True,
            elapsed_s=time.monotonic() - started,
            freeze=freeze,
            notes=tuple(_notes(request, freeze)),
        )


def _notes(request: RestoreRequest, freeze: Sequence[str]) -> Iterator[str]:
    wanted, running = request.spec.python, platform.python_version()
    if not request.spec.is_declared:
        yield "the model has no environment files, so nothing could be compared"
    if wanted and minor_of(wanted) != minor_of(running):
        yield f"the model recorded Python {wanted}; local runs {running}"
    wanted_here = [each for each in request.spec.requirements if each.name and each.name not in BUILD_TOOLS]
    found = find_unmet(wanted_here, versions_of(freeze), python_version=running)
    if unmet := [each.text for each in found]:
        yield f"local differs from the model's requirements: {listed(unmet, separator='; ')}"
