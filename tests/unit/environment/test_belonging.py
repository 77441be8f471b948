"""Which files an environment may import."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_modelserve.environment.belonging import Belongings

SITE = "lib/python3.11/site-packages"


def write(file: Path, text: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A virtual environment of a Python in another place, whose packages are not the environment's."""
    base = tmp_path / "python" / "3.11.7"
    write(base / "lib/python3.11/json/__init__.py")
    write(base / "lib/python3.11/lib-dynload/_json.so")
    write(base / SITE / "pip/__init__.py")
    write(base / "bin/python3.11")
    (tmp_path / "python" / "3.11").symlink_to("3.11.7")
    env = tmp_path / "env"
    write(env / SITE / "numpy/__init__.py")
    write(env / "pyvenv.cfg", f"home = {tmp_path}/python/3.11/bin\nimplementation = CPython\n")
    (env / "bin").mkdir()
    (env / "bin" / "python").symlink_to(base / "bin" / "python3.11")
    (env / "lib64").symlink_to("lib")
    return env


@pytest.mark.parametrize(
    ("file", "is_held"),
    [
        (f"env/{SITE}/numpy/__init__.py", True),
        ("env/lib64/python3.11/site-packages/numpy/__init__.py", True),
        ("python/3.11.7/lib/python3.11/json/__init__.py", True),
        ("python/3.11/lib/python3.11/json/__init__.py", True),
        ("python/3.11.7/lib/python3.11/lib-dynload/_json.so", True),
        ("python/3.11.7/lib/python311.zip/json/__init__.py", True),
        (f"python/3.11.7/{SITE}/pip/__init__.py", False),
        ("python/3.11.7/lib/python3.11/dist-packages/apt.py", False),
        ("python/3.11.7/lib/python3.12/json/__init__.py", False),
        ("python/3.11.7/tool.py", False),
        ("elsewhere/code.py", False),
        ("environment/code.py", False),
        ("model/code/loader.py", True),
    ],
)
def test_places(file: str, is_held: bool, prefix: Path, tmp_path: Path) -> None:
    found = Belongings.of(prefix, "3.11.7", also=[tmp_path / "model"])
    assert found.hold(tmp_path / file) is is_held


def test_files_that_are_links_belong_where_they_stand(prefix: Path, tmp_path: Path) -> None:
    """As uv installs with the link mode `symlink`."""
    cached = write(tmp_path / "cache" / "pandas.py")
    link = prefix / SITE / "pandas.py"
    link.symlink_to(cached)
    found = Belongings.of(prefix, "3.11.7")
    assert found.hold(link)
    assert not found.hold(cached)


def test_an_environment_behind_a_link(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(prefix)
    found = Belongings.of(tmp_path / "linked", "3.11.7")
    assert found.hold(prefix / SITE / "numpy/__init__.py")
    assert found.hold(tmp_path / "linked" / SITE / "numpy/__init__.py")


def test_pth_files_name_further_places(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (prefix / SITE / "vendored").mkdir()
    lines = f"# comment\nimport os; os.getcwd()\n{tmp_path}/package\nvendored\n{tmp_path}/gone\n\n"
    write(prefix / SITE / "own.pth", lines)
    found = Belongings.of(prefix, "3.11.7")
    assert found.hold(tmp_path / "package/code.py")
    assert not found.hold(tmp_path / "gone/code.py")


@pytest.mark.parametrize(
    ("document", "is_held"),
    [
        ({"url": "file://{root}/my%20package", "dir_info": {"editable": True}}, True),
        ({"url": "file://{root}/my%20package", "dir_info": {}}, False),
        ({"url": "https://host/package", "vcs_info": {}}, False),
    ],
)
def test_an_editable_install_names_its_folder(
    document: dict[str, object], is_held: bool, prefix: Path, tmp_path: Path
) -> None:
    info = prefix / SITE / "mine-1.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    write(info / "direct_url.json", json.dumps(document).replace("{root}", str(tmp_path)))
    assert Belongings.of(prefix, "3.11.7").hold(tmp_path / "my package" / "mine.py") is is_held


def test_a_prefix_that_is_no_virtual_environment_has_its_own_library(tmp_path: Path) -> None:
    """As conda makes them."""
    found = Belongings.of(tmp_path / "conda", "3.11.7")
    assert found.hold(tmp_path / "conda/lib/python3.11/json/__init__.py")
    assert not found.hold(tmp_path / "other/lib/python3.11/json/__init__.py")
