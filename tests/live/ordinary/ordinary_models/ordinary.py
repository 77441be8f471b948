"""What an author has in hand when a model is saved: the fitted model, its example, and what else MLflow is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

SEED: Final = 7
PICKLED: Final = {"serialization_format": "cloudpickle"}  # the default until MLflow 3; skops refuses trees unasked
SERVED: Final = Path(__file__).parent / "served"  # models as code, which MLflow copies


@dataclass(frozen=True, kw_only=True)
class Ordinary:
    """A fitted model with what its author gives to MLflow.

    Attributes:
        flavor: The module of MLflow that saves it.
        model: What `save_model` takes first; nothing for a python_function, which `options` describe.
        example: The input example.
        signature: What the author says of it; MLflow infers one from the example where this is None.
        options: Further arguments of `save_model`.
        artifact: What was fitted, beside code that is a file.
        is_logged: Whether it is logged in a run rather than saved.
    """

    flavor: str
    model: Any = None
    example: Any
    signature: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    artifact: Any = None
    is_logged: bool = False
