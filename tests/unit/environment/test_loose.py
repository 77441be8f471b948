"""Which requirement lines leave the version to the day of the build, and what would settle each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_modelserve.environment.loose import built_on, find_loose, pin_of
from pytest_modelserve.environment.pins import markers_of
from pytest_modelserve.environment.requirements import Entry, expand

INSTALLED = {"numpy": "2.2.6", "torch": "2.1.0+cpu", "mlflow": "3.17.2", "pip": "26.3", "old": "2004d-final"}


def lines(text: str, folder: Path) -> list[str]:
    (folder / "requirements.txt").write_text(text)
    (folder / "limits.txt").write_text("numpy==2.2.6\n")
    found = expand([Entry(text="-r requirements.txt", file="python_env.yaml", line=1)], folder).requirements
    return [one.line for one in find_loose(found, INSTALLED, markers_of("3.11.7"))]


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("numpy", ["numpy==2.2.6"]),
        ("NumPy>=2,<3", ["NumPy==2.2.6"]),
        ("numpy==2.2.*", ["numpy==2.2.6"]),
        ("numpy~=2.2.0", ["numpy==2.2.6"]),
        ("torch>=2", ["torch==2.1.0"]),  # no index of PyPI has the local part
        ("mlflow[extras,db]>=3", ["mlflow[db,extras]==3.17.2"]),
        ("numpy>1; python_version >= '3.8'", ['numpy==2.2.6 ; python_version >= "3.8"']),
        ("old", ["old===2004d-final"]),
        ("numpy\nnumpy>=2", ["numpy==2.2.6"]),
        ("torch\nnumpy", ["torch==2.1.0", "numpy==2.2.6"]),
        (
            "numpy==1; python_version < '3.8'\nnumpy; python_version >= '3.8'",
            ['numpy==2.2.6 ; python_version >= "3.8"'],
        ),
    ],
)
def test_a_loose_line_and_what_settles_it(text: str, settled: list[str], tmp_path: Path) -> None:
    assert lines(text, tmp_path) == settled


@pytest.mark.parametrize(
    "text",
    [
        "numpy==2.2.6",
        "numpy===2.2.6",
        "numpy>=2,==2.2.6",
        "numpy>=2\n-c limits.txt",
        "numpy>=2\nnumpy==2.2.6",
        "numpy; python_version < '3.8'",
        "numpy @ https://host/numpy-2.2.6-py3-none-any.whl",
        "https://host/numpy-2.2.6-py3-none-any.whl",
        "pip",
        "absent>=1",  # which is a pin that is not met
    ],
)
def test_what_is_settled(text: str, tmp_path: Path) -> None:
    assert lines(text, tmp_path) == []


def test_the_place_of_a_loose_line_is_kept(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("# a\nnumpy\n")
    found = expand([Entry(text="-r requirements.txt", file="python_env.yaml", line=1)], tmp_path).requirements
    (one,) = find_loose(found, INSTALLED, markers_of("3.11.7"))
    assert (one.name, one.requirement.place) == ("numpy", "requirements.txt, line 2")


@pytest.mark.parametrize(
    ("version", "line"), [("1.0", "a==1.0"), ("1.0rc1+x.y", "a==1.0rc1"), ("not one", "a===not one")]
)
def test_a_pin(version: str, line: str) -> None:
    assert pin_of("a", version) == line


def test_the_day_of_a_build(tmp_path: Path) -> None:
    assert built_on(tmp_path) == ""
    config = tmp_path / "pyvenv.cfg"
    config.touch()
    os.utime(config, (1_700_000_000, 1_700_000_000))
    assert built_on(tmp_path) in {"2023-11-14", "2023-11-15"}  # by the clock of the place
    (tmp_path / "conda-meta").mkdir()
    os.utime(tmp_path / "conda-meta", (1_600_000_000, 1_600_000_000))
    assert built_on(tmp_path) in {"2023-11-14", "2023-11-15"}
