"""Put a model that MLflow has just saved into its place beside this folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1]
LOADERS = Path(__file__).resolve().parent / "loaders"


def save_into(name: str, save: Callable[[str], None]) -> Path:
    """Save to a fresh folder first, so that a failure leaves the model that is there.

    Args:
        name: The folder's name under `example_models`.
        save: Writes the model to the path that it is given.
    """
    target = EXAMPLES / name
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / name
        save(str(fresh))
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(fresh, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def without_mlflow(path: str) -> None:
    """Take the requirement `mlflow` out of a saved model, which MLflow always adds.

    A model whose loader is its own code needs no MLflow to run.
    """
    for name in ("requirements.txt", "conda.yaml"):
        file = Path(path) / name
        lines = file.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.strip().removeprefix("- ").startswith("mlflow")]
        file.write_text("\n".join(kept) + "\n", encoding="utf-8")
