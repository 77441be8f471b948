"""Which environment variables a served model sees: those that production would set too, and none by accident."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

# PYTHONHASHSEED is not here: production runs with a random one, and a model that depends on it is broken.
ALWAYS_PASSED: Final = (
    *("HOME", "LOGNAME", "USER", "TMPDIR", "TZ"),
    *("LANG", "LANGUAGE", "LC_*"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),  # where libraries are found
    *("CUDA_*", "NVIDIA_*", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"),  # which devices there are
    *("OMP_*", "KMP_*", "MKL_*", "OPENBLAS_*", "NUMEXPR_*", "VECLIB_*"),  # how many threads a library starts
)


def select(environ: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    """Return the variables whose names match one of the patterns, sorted; `*` stands for any text."""
    wanted = tuple(patterns)
    return {name: environ[name] for name in sorted(environ) if any(fnmatchcase(name, pattern) for pattern in wanted)}


def build_worker_env(
    environ: Mapping[str, str], prefix: Path, *, names: Iterable[str] = (), patterns: Iterable[str] = ()
) -> dict[str, str]:
    """Return the complete environment of a process that runs in a model's environment, as if that were activated.

    The scripts by which packages of conda would set variables of their own are not run.

    Args:
        environ: Where values are taken from.
        prefix: The root of the model's environment.
        names: What the model asks to see besides `ALWAYS_PASSED`: exact, or a model could ask for everything.
        patterns: What the user lets it see, as for `select`.
    """
    path = os.pathsep.join(filter(None, (str(prefix / "bin"), environ.get("PATH", os.defpath))))
    asked = {name: environ[name] for name in names if name in environ}
    own = "CONDA_PREFIX" if (prefix / "conda-meta").is_dir() else "VIRTUAL_ENV"
    return {**select(environ, (*ALWAYS_PASSED, *patterns)), **asked, "PATH": path, own: str(prefix)}
