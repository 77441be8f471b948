"""`python serving.py FAULT serve.json --fd N`: the scoring server of the package, behind one fault."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[2]))

from zoo.servers.cast import BY_NAME
from zoo.servers.layer import Fault, Layer

import pytest_modelserve.scoring.__main__ as scoring  # the line above finds the zoo
from pytest_modelserve.scoring.app import create_app


def main() -> int:
    """Serve until a signal ends it; return the exit code."""
    name = sys.argv[1]
    fault = BY_NAME[name].fault() if name in BY_NAME else Fault()

    def create_layered(*arguments: Any) -> Callable[..., Any]:
        return Layer(create_app(*arguments), fault)

    with patch.object(scoring, "create_app", create_layered):  # the one place where a fault can stand between
        return scoring.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
