"""uv beside settings that are not the model's: those of a project around the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_modelserve.environment.restoration import Environment, RestoreRequest
from pytest_modelserve.environment.restore import restore
from pytest_modelserve.errors import EnvironmentBroken

Restored = Callable[..., Environment]
OWN = '[project]\nname = "churn"\nversion = "0.1"\nrequires-python = ">=3.8"\ndependencies = ["tinypkg"]\n'
OLDER = '[tool.uv]\nconstraint-dependencies = ["tinypkg<2"]\n'
CATCHING = '[project]\nname = "around"\nversion = "0"\n[tool.uv.workspace]\nmembers = ["cache/envs/*/*/work"]\n'
LOCK = """\
version = 1
requires-python = ">=3.8"

[[package]]
name = "tinypkg"
version = "2.0"
source = { registry = "WHEELHOUSE" }
wheels = [{ path = "tinypkg-2.0-py3-none-any.whl" }]

[[package]]
name = "churn"
version = "0.1"
source = { virtual = "." }
dependencies = [{ name = "tinypkg" }]
"""


def wanted_of(environment: Environment) -> tuple[str, ...]:
    """Leave out what `python -m venv` puts in, and `virtualenv` therefore too."""
    return tuple(line for line in environment.freeze if not line.startswith(("pip==", "setuptools==")))


@pytest.fixture
def restored(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path], tmp_path: Path, wheelhouse: Path
) -> Restored:
    """Build in a cache inside a project."""

    def done(files: dict[str, str], around: dict[str, str], **others: object) -> Environment:
        for name, text in around.items():
            (tmp_path / name).write_text(text)
        written = {name: text.replace("WHEELHOUSE", str(wheelhouse)) for name, text in files.items()}
        return restore(request_for(model({"requirements.txt": "tinypkg\n", **written}), **others))

    return done


@pytest.mark.parametrize("manager", ["uv", "virtualenv"])
@pytest.mark.parametrize("files", [{}, {"pyproject.toml": OWN}], ids=["no project", "a project of its own"])
@pytest.mark.parametrize(
    "around",
    [
        pytest.param({"pyproject.toml": OLDER}, id="constraints"),
        pytest.param({"uv.toml": 'override-dependencies = ["tinypkg==1.0"]\n'}, id="overrides"),
        pytest.param({"pyproject.toml": CATCHING + OLDER}, id="a workspace"),
        pytest.param({"pyproject.toml": '[tool.uv]\nrequired-version = "==0.4.0"\n'}, id="another uv"),
    ],
)
def test_a_project_around_the_cache_decides_nothing(
    restored: Restored, files: dict[str, str], around: dict[str, str], manager: str
) -> None:
    with restored(files, around, manager=manager) as environment:
        assert wanted_of(environment) == ("tinypkg==2.0",)


@pytest.mark.parametrize("files", [{}, {"pyproject.toml": OWN}], ids=["lock alone", "with its project"])
@pytest.mark.parametrize("around", [CATCHING, OLDER, "[tool.uv]\nno-binary = true\n"])
def test_a_lock_is_followed_in_a_cache_inside_a_project(restored: Restored, files: dict[str, str], around: str) -> None:
    with restored({"uv.lock": LOCK, **files}, {"pyproject.toml": around}) as environment:
        assert wanted_of(environment) == ("tinypkg==2.0",)


def test_a_lock_without_a_project_is_not_taken_for_that_of_the_project_around(
    restored: Restored, wheelhouse: Path
) -> None:
    around = {"pyproject.toml": OWN, "uv.lock": LOCK.replace("WHEELHOUSE", str(wheelhouse))}
    rootless = LOCK[: LOCK.rindex("[[package]]")]
    with restored({"uv.lock": rootless, "requirements.txt": "tinypkg==1.0\n"}, around) as environment:
        assert wanted_of(environment) == ("tinypkg==1.0",)


@pytest.mark.parametrize("manager", ["uv", "virtualenv"])
def test_settings_of_the_user_still_count(
    restored: Restored, offline: dict[str, str], tmp_path: Path, manager: str
) -> None:
    settings = Path(offline["HOME"], ".config", "uv", "uv.toml")
    settings.parent.mkdir(parents=True)
    with restored({}, {}, manager=manager) as without:
        assert wanted_of(without) == ("tinypkg==2.0",)
    settings.write_text('constraint-dependencies = ["tinypkg<2"]\n')
    with restored({}, {}, manager=manager) as environment:
        assert wanted_of(environment) == ("tinypkg==1.0",)
        assert environment.digest != without.digest


def test_the_models_own_settings_count_for_uv_as_in_mlflow_and_for_no_other(restored: Restored) -> None:
    files = {"pyproject.toml": OWN + OLDER}
    with restored(files, {}) as by_uv, restored(files, {}, manager="virtualenv") as by_virtualenv:
        assert wanted_of(by_uv) == ("tinypkg==1.0",)
        assert wanted_of(by_virtualenv) == ("tinypkg==2.0",)


def test_a_uv_that_the_model_demands_is_named(restored: Restored) -> None:
    files = {"pyproject.toml": '[tool.uv]\nrequired-version = "==0.4.0"\n'}
    with pytest.raises(EnvironmentBroken) as caught:
        restored(files, {})
    assert "==0.4.0" in caught.value.happened
    assert "pyproject.toml" in caught.value.fix
    with restored(files, {}, manager="virtualenv") as environment:
        assert wanted_of(environment) == ("tinypkg==2.0",)


@pytest.mark.parametrize("text", ["tool = {uv = {link-mode = 'copy'}}\n", "[tool.uv.workspace]\nmembers = []\n"])
def test_a_project_file_that_takes_no_addition_is_left_as_it_is(restored: Restored, text: str) -> None:
    with restored({"pyproject.toml": text}, {}) as environment:
        assert wanted_of(environment) == ("tinypkg==2.0",)
