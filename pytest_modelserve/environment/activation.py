"""What a process sees of the environment that it works in, where that is more than its Python tells."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def activated(prefix: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to add for a conda environment; none for a virtual one, whose Python knows all.

    Programs of conda packages, compilers among them, are found on PATH alone. The packages of the user's home are
    kept out, since conda's Python would import them and a virtual environment's does not.
    """
    if not (prefix / "conda-meta").is_dir():
        return {}
    path = os.pathsep.join(filter(None, (str(prefix / "bin"), env.get("PATH", os.defpath))))
    return {"CONDA_PREFIX": str(prefix), "PATH": path, "PYTHONNOUSERSITE": "1"}
