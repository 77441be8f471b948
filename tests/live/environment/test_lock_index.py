"""A uv.lock whose packages lie on an index that wants a password."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_modelserve.environment.managers.uv import Uv
from pytest_modelserve.environment.restoration import Environment, RestoreRequest
from pytest_modelserve.environment.spec import EnvironmentSpec
from pytest_modelserve.errors import InstallFailed

PROJECT: Final = """\
[project]
name = "churn"
version = "0.1"
requires-python = ">=3.8"
dependencies = ["hiddenpkg"]
[[tool.uv.index]]
name = "mine"
url = "{index}/private"
"""
LOCK: Final = """\
version = 1
requires-python = ">=3.8"
[[package]]
name = "hiddenpkg"
version = "1.0"
source = {{ registry = "{index}/private" }}
wheels = [{{ url = "{index}/private/hiddenpkg/hiddenpkg-1.0-py3-none-any.whl" }}]
[[package]]
name = "churn"
version = "0.1"
source = {{ virtual = "." }}
dependencies = [{{ name = "hiddenpkg" }}]
"""


@pytest.fixture
def restored(index: Any, make_model: Callable[..., Path], tmp_path: Path) -> Callable[[str], Environment]:
    """Restore the environment with a password."""
    files = {
        "uv.lock": LOCK.format(index=index.url),
        "pyproject.toml": PROJECT.format(index=index.url),
        "requirements.txt": f"--extra-index-url {index.url}/private\nhiddenpkg==1.0\ntinypkg==1.0\n",
    }
    spec = EnvironmentSpec.read(make_model(files))
    (tmp_path / "home").mkdir()

    def done(password: str) -> Environment:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "PIP_CONFIG_FILE": os.devnull}
        env |= {"PIP_INDEX_URL": f"{index.url}/simple", "UV_INDEX_MINE_USERNAME": "me", "UV_HTTP_RETRIES": "0"}
        env |= {"UV_INDEX_MINE_PASSWORD": password}
        return Uv().restore(RestoreRequest(spec=spec, root=tmp_path / "cache", python=Path(sys.executable), env=env))

    return done


def test_the_password_of_the_index_is_used_and_not_told(
    restored: Callable[[str], Environment], index: Any, tmp_path: Path
) -> None:
    before = index.n_allowed
    with restored("sesame%open") as environment:
        assert environment.freeze == ("hiddenpkg==1.0", "tinypkg==1.0")
        assert "tinypkg==1.0 (requirements.txt, line 3)" in environment.notes[-1]
    assert index.n_allowed > before
    told = [path.read_text(errors="replace") for path in (tmp_path / "cache" / "envs").glob("*/**/*.log")]
    assert told
    assert not any("sesame" in text for text in told)


def test_a_wrong_password_is_told_as_one(restored: Callable[[str], Environment]) -> None:
    with pytest.raises(InstallFailed) as caught:
        restored("guessed")
    assert caught.value.happened.startswith(
        "installing what uv.lock pins failed: the package index asks for a password"
    )
    assert "guessed" not in str(caught.value)
