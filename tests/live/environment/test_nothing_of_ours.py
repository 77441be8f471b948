"""A whole run leaves the model's environment as the build left it: not a package, not a file, not even bytecode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_modelserve.environment.freeze import read_freeze
from pytest_modelserve.environment.restoration import Environment
from pytest_modelserve.pipeline import read_subject, restore_environment
from pytest_modelserve.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.alone,  # a test beside it that loads more of the same environment leaves bytecode there
]

IRIS: Final = Path(__file__).parents[3] / "example_models" / "iris_classifier"
BACKENDS: Final = ("builtin", "mlflow")  # mlserver has an environment of its own, whose additions the report names


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All that an environment consists of: packages, and each file's size and time of change."""

    freeze: tuple[str, ...]
    files: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, environment: Environment) -> Contents:
        prefix = environment.prefix
        whole = ((path, path.lstat()) for path in prefix.rglob("*") if path.is_symlink() or not path.is_dir())
        files = {path.relative_to(prefix).as_posix(): (status.st_size, status.st_mtime_ns) for path, status in whole}
        return cls(freeze=read_freeze(prefix), files=files)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_leaves_the_environment_as_it_was_built(backend: str, contract: Any, cache_dir: Path) -> None:
    settings = Settings(cache_dir=cache_dir, server=backend)
    with restore_environment(read_subject(str(IRIS), settings)) as environment:
        before = Contents.of(environment)
        run = contract(IRIS, "--model-server", backend, "--model-checks", "smoke,environment_parity")
        after = Contents.of(environment)
    assert run.exit_code == 0, run.output
    assert run.model["environment"]["cached"]
    assert before.freeze == after.freeze == tuple(run.model["environment"]["freeze"])
    assert before.files.keys() == after.files.keys()  # bytecode among them: the build has left all that a start loads
    assert before.files == after.files
    assert any(name.endswith(".pyc") for name in before.files)
