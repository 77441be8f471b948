"""What conda.yaml pins for conda, held against conda's records and what can be imported."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pytest_modelserve.environment.conda_file import CondaSpec, read_conda
from pytest_modelserve.environment.conda_pins import find_unmet_conda, told_of_python
from pytest_modelserve.environment.spec import EnvironmentSpec

SITE = "lib/python3.11/site-packages"


@pytest.fixture
def spec_of(model: Callable[..., Path]) -> Callable[..., CondaSpec]:
    def read(*packages: str) -> CondaSpec:
        return read_conda(model({"conda.yaml": json.dumps({"dependencies": packages})}))

    return read


@pytest.fixture
def prefix(tmp_path: Path) -> Callable[..., Path]:
    """Record packages of conda as `name=version`, with the `.dist-info` folders that they brought."""

    def made(*packages: str, dist_infos: Sequence[str] = ()) -> Path:
        (tmp_path / "env" / "conda-meta").mkdir(parents=True)
        for package in packages:
            name, _, version = package.partition("=")
            brought = [f"{SITE}/{each}.dist-info/METADATA" for each in dist_infos]
            record = {"name": name, "version": version, "build": "0", "files": ["bin/a", *brought]}
            (tmp_path / "env" / "conda-meta" / f"{name}-{version}-0.json").write_text(json.dumps(record))
        return tmp_path / "env"

    return made


@pytest.mark.parametrize(
    ("pin", "installed", "is_met"),
    [
        ("python=3.11.7", "3.11.7", True),
        ("python=3.11.7", "3.11.8", False),
        ("python=3.11", "3.11.8", True),
        ("python=3.1", "3.11.8", False),
        ("python==3.11", "3.11.8", False),
        ("python==3.11", "3.11.0", True),
        ("python 3.11.7 h1_0", "3.11.7", True),
        ("python=3.11=h1_0", "3.11.8", False),
        ("python=2024a", "2024a", True),
        ("python=1_2", "1_3", False),
        ("python>=3.12", "3.11.7", True),
        ("python", "3.11.7", True),
    ],
)
def test_the_version_that_conda_recorded(
    pin: str, installed: str, is_met: bool, spec_of: Callable[..., CondaSpec], prefix: Callable[..., Path]
) -> None:
    unmet = list(find_unmet_conda(spec_of(pin), prefix(f"python={installed}"), ()))
    assert [(each.requirement.text, each.installed) for each in unmet] == ([] if is_met else [(pin, installed)])


@pytest.mark.parametrize(
    ("pin", "brought", "importable", "installed"),
    [
        ("numpy=1.24.4", "numpy-1.24.4", "numpy==2.3.0", "2.3.0"),
        ("numpy=1.24.4", "numpy-1.24.4", "numpy==1.24.4", None),
        ("numpy=1.24", "numpy-1.24.4", "numpy==1.24.9", None),
        ("pytorch=2.1.0", "torch-2.1.0", "torch==2.5.0", "2.5.0"),
        ("ruamel_yaml=0.18.6", "ruamel.yaml-0.18.6", "ruamel-yaml==0.17", "0.17"),
        ("python-dateutil=2.9.0", "python_dateutil-2.9.0.post0", "python-dateutil==2.9.0.post0", None),
        ("tzdata=2024a", "", "tzdata==2025.2", None),  # conda's is no Python package, which pandas brings beside it
    ],
)
def test_what_something_else_replaced(
    pin: str,
    brought: str,
    importable: str,
    installed: str | None,
    spec_of: Callable[..., CondaSpec],
    prefix: Callable[..., Path],
) -> None:
    there = prefix(pin, dist_infos=[brought] if brought else [])
    unmet = list(find_unmet_conda(spec_of(pin), there, [importable]))
    assert [each.installed for each in unmet] == ([] if installed is None else [installed])


def test_a_package_that_conda_did_not_install(spec_of: Callable[..., CondaSpec], prefix: Callable[..., Path]) -> None:
    (unmet,) = find_unmet_conda(spec_of("python=3.11.7", "other::Zlib=1.3.1"), prefix("python=3.11.7"), ())
    assert (unmet.text, unmet.name) == ("other::zlib=1.3.1 is not installed", "zlib")
    assert unmet.requirement.place == "conda.yaml, line 1"


def test_an_environment_that_conda_did_not_make(
    spec_of: Callable[..., CondaSpec], prefix: Callable[..., Path], tmp_path: Path
) -> None:
    spec = spec_of("python=3.11.7")
    assert list(find_unmet_conda(spec, tmp_path / "elsewhere", ())) == []
    assert list(find_unmet_conda(EnvironmentSpec(directory=tmp_path), prefix("python=3.12.1"), ())) == []


@pytest.mark.parametrize(
    ("package", "told"),
    [
        ("python>=3.9,<3.12", "the model records no one Python but `python>=3.9,<3.12`"),
        ("python", "the model records no Python"),
        ("zlib=1", "the model records no Python"),
    ],
)
def test_what_is_told_of_a_python_that_is_not_pinned(
    package: str, told: str, spec_of: Callable[..., CondaSpec], tmp_path: Path
) -> None:
    assert told_of_python(spec_of(package)) == told
    assert told_of_python(EnvironmentSpec(directory=tmp_path)) == "the model records no Python"
