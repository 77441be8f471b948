"""Whether installed packages agree with each other."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_modelserve.environment.consistency import find_conflicts
from pytest_modelserve.environment.installed import InstalledPackages


def install(prefix: Path, name: str, version: str, *requires: str) -> None:
    info = prefix / "lib" / "python3.11" / "site-packages" / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "NumPy>=2",
        "numpy[extra]>=2; python_version >= '3.8'",
        "numpy<1; python_version < '3.8'",
        "absent; extra == 'test'",
        "absent; sys_platform == 'nowhere'",
        "numpy @ https://host/numpy.zip",
        "preview>=1.0",
        "old>=1",
        "no requirement at all!",
    ],
)
def test_requirements_that_are_met(line: str, tmp_path: Path) -> None:
    install(tmp_path, "numpy", "2.2.6")
    install(tmp_path, "preview", "1.1rc1")
    install(tmp_path, "old", "2004d-final")
    install(tmp_path, "app", "1.0", line)
    assert list(find_conflicts(InstalledPackages.of(tmp_path, "3.11.7"))) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("numpy<2", "app 1.0 requires numpy<2, installed is 2.2.6"),
        ("numpy==1.*; python_version >= '3.11'", "app 1.0 requires numpy==1.*, installed is 2.2.6"),
        ("Absent_Package>=3", "app 1.0 requires Absent_Package>=3, which is not installed"),
    ],
)
def test_requirements_that_are_not(line: str, said: str, tmp_path: Path) -> None:
    install(tmp_path, "numpy", "2.2.6")
    install(tmp_path, "app", "1.0", line)
    assert list(find_conflicts(InstalledPackages.of(tmp_path, "3.11.7"))) == [said]


def test_conflicts_are_told_by_name(tmp_path: Path) -> None:
    install(tmp_path, "z", "1", "absent")
    install(tmp_path, "a", "1", "absent")
    assert [one.partition(" ")[0] for one in find_conflicts(InstalledPackages.of(tmp_path, "3.11.7"))] == ["a", "z"]


def test_a_half_removed_package_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "lib/python3.11/site-packages/half-2.dist-info").mkdir(parents=True)
    assert list(find_conflicts(InstalledPackages.of(tmp_path, "3.11.7"))) == []


def test_an_empty_prefix_has_no_conflicts(tmp_path: Path) -> None:
    assert list(find_conflicts(InstalledPackages.of(tmp_path, "3.11.7"))) == []


def test_the_running_environment_reads(tmp_path: Path) -> None:
    found = list(find_conflicts(InstalledPackages.of(Path(sys.prefix), sys.version.split()[0])))
    assert not [one for one in found if one.startswith("pytest ")], found
