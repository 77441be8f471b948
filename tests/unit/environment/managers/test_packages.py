"""Commands of the installers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from pytest_modelserve.environment.managers.packages import PipInstaller, UvInstaller, find_uv
from pytest_modelserve.environment.restoration import RestoreRequest


def test_uv_is_told_where_and_what(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path], wheelhouse: Path
) -> None:
    request = request_for(model({"requirements.txt": "--pre\na==1\n"}))
    installer = UvInstaller.told(Path("/bin/uv"), request)
    command = installer.command(Path("/env/bin/python"), Path("/folder/lines.txt"))
    assert command[:5] == ["/bin/uv", "pip", "install", "--python", "/env/bin/python"]
    assert command[-2:] == ["-r", "/folder/lines.txt"]
    assert set(command[5:-2]) == {"--no-index", "--prerelease=allow"}
    assert installer.environment({"A": "b"})["A"] == "b"
    assert installer.environment({})["UV_FIND_LINKS"] == str(wheelhouse)


def test_uv_caches_on_our_disk_unless_told(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path], offline: dict[str, str]
) -> None:
    directory = model({"requirements.txt": "a==1\n"})
    same_disk = UvInstaller.told(Path("uv"), request_for(directory))
    assert "UV_CACHE_DIR" not in same_disk.added
    elsewhere = request_for(directory, env={**offline, "HOME": "/proc"}, root=Path.cwd() / "cache")
    assert UvInstaller.told(Path("uv"), elsewhere).added["UV_CACHE_DIR"] == str(Path.cwd() / "cache" / "uv")
    chosen = request_for(directory, env={**offline, "HOME": "/proc", "UV_CACHE_DIR": "/mine"})
    assert "UV_CACHE_DIR" not in UvInstaller.told(Path("uv"), chosen).added


def test_pip_runs_isolated_in_the_environment() -> None:
    command = PipInstaller().command(Path("/env/bin/python"), Path("/folder/lines.txt"))
    assert command[:4] == ["/env/bin/python", "-I", "-m", "pip"]
    assert "--no-compile" in command
    assert PipInstaller().environment({"A": "b"}) == {"A": "b"}


def test_uv_is_found_with_us() -> None:
    found = find_uv({})
    assert found
    assert found.parent == Path(sys.executable).parent
