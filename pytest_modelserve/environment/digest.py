"""The key of an environment: one hash over everything that decides what a build becomes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from .indexes import as_identity
from .interpreter import Interpreter
from .spec import EnvironmentSpec

_SCHEMA: Final = 1  # raised when a build would come out differently for the same inputs


def environment_digest(
    spec: EnvironmentSpec, interpreter: Interpreter, *, recipe: Mapping[str, object], indexes: Mapping[str, str]
) -> str:
    """Hash what decides an environment; models that ask for the same share one.

    The model's path, its weights and its run are not in it; passwords in addresses neither.

    Args:
        spec: What the model asks for.
        interpreter: What it is built with.
        recipe: How: manager, engine, extra requirements.
        indexes: Settings of pip and uv, from `indexes.index_identity`.
    """
    described = {
        "schema": _SCHEMA,
        "recipe": dict(recipe),
        "interpreter": [
            str(interpreter.path),
            interpreter.version,
            interpreter.implementation,
            interpreter.machine,
            interpreter.libc,
            interpreter.abi,
        ],
        "source": spec.source,
        "build": [as_identity(line) for line in spec.build_dependencies],
        "main": [as_identity(line) for line in spec.dependencies],
        "requirements": [[as_identity(each.text), each.is_constraint] for each in spec.requirements],
        "options": [as_identity(line) for line in spec.options],
        "files": spec.files,
        "indexes": dict(indexes),
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
