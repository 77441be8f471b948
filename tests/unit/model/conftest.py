"""Model directories: real ones that many MLflow versions wrote, and ones made for one test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

DATA = Path(__file__).parent / "data"

SavedModel = Callable[[str], Path]
MakeModel = Callable[..., Path]


@pytest.fixture
def saved() -> SavedModel:
    """Return the directory of a model that MLflow saved."""
    return lambda name: DATA / name


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """Write a model directory: top-level fields of MLmodel, fields of its python_function flavor, further files."""

    def make(*, pyfunc: Mapping[str, Any] | None = None, files: Mapping[str, str] | None = None, **fields: Any) -> Path:
        root = tmp_path / "model"
        flavor = {"loader_module": "churn", **(pyfunc or {})}
        document = {"flavors": {"python_function": flavor}, **fields}
        for name, text in {"MLmodel": yaml.safe_dump(document), **(files or {})}.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return root

    return make
