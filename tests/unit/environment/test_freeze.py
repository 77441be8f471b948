"""Reading what is installed without starting its Python."""

from __future__ import annotations

from pathlib import Path

from pytest_modelserve.environment.freeze import freeze_running, read_freeze


def install(prefix: Path, name: str, version: str, lib: str = "lib") -> None:
    info = prefix / lib / "python3.11" / "site-packages" / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_names_are_canonical_and_sorted(tmp_path: Path) -> None:
    install(tmp_path, "Zope.Interface", "5.0")
    install(tmp_path, "a_b", "1.0+cpu")
    assert read_freeze(tmp_path) == ("a-b==1.0+cpu", "zope-interface==5.0")


def test_binary_packages_beside_pure_ones(tmp_path: Path) -> None:
    install(tmp_path, "pure", "1")
    install(tmp_path, "binary", "2", lib="lib64")
    assert read_freeze(tmp_path) == ("binary==2", "pure==1")


def test_lib64_that_is_a_link_counts_once(tmp_path: Path) -> None:
    install(tmp_path, "pure", "1")
    (tmp_path / "lib64").symlink_to("lib")
    assert read_freeze(tmp_path) == ("pure==1",)


def test_a_half_removed_package_is_left_out(tmp_path: Path) -> None:
    install(tmp_path, "whole", "1")
    (tmp_path / "lib/python3.11/site-packages/half-2.dist-info").mkdir()
    assert read_freeze(tmp_path) == ("whole==1",)


def test_an_empty_prefix_has_nothing(tmp_path: Path) -> None:
    assert read_freeze(tmp_path) == ()


def test_the_running_interpreter_has_pytest() -> None:
    freeze = freeze_running()
    assert any(line.startswith("pytest==") for line in freeze)
    names = [line.partition("==")[0] for line in freeze]
    assert names == sorted(names)
