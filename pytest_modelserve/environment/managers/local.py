"""The `local` manager: the running interpreter as it is, nothing installed."""

from __future__ import annotations

import hashlib
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508

from ..freeze import freeze_running
from ..interpreter import minor_of
from ..requirements import Requirement
from ..restoration import Environment, RestoreRequest
from ..spec import BUILD_TOOLS

_SHOWN: Final = 5  # a note is a line; the report has the whole freeze


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
    versions = dict(line.split("==", 1) for line in freeze)
    unmet = [text for each in request.spec.requirements if (text := _unmet(each, versions))]
    if unmet:
        more = f" and {len(unmet) - _SHOWN} more" if len(unmet) > _SHOWN else ""
        yield f"local differs from the model's requirements: {'; '.join(unmet[:_SHOWN])}{more}"


def _unmet(requirement: Requirement, versions: dict[str, str]) -> str:
    """Say what is there instead of a requirement; empty where it is met or cannot be compared."""
    if not requirement.name or requirement.name in BUILD_TOOLS:
        return ""
    try:
        wanted = Pep508(requirement.text.partition(" --")[0])
    except InvalidRequirement:  # an editable line; what it installs has no version to compare
        return ""
    if wanted.marker and not wanted.marker.evaluate():
        return ""
    there = versions.get(requirement.name)
    if there is None:
        return "" if requirement.is_constraint else f"{requirement.text} is not installed"
    return "" if wanted.specifier.contains(there, prereleases=True) else f"{requirement.text}, installed is {there}"
