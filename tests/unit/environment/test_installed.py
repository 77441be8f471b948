"""Which package brought a module, and by which requirement of the model it came."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_modelserve.environment.installed import InstalledPackages
from pytest_modelserve.environment.origins import brought_by, declared_by
from pytest_modelserve.environment.pins import markers_of
from pytest_modelserve.environment.spec import EnvironmentSpec

SITE = "lib/python3.11/site-packages"
NONE = frozenset[str]()


def install(
    prefix: Path, name: str, *requires: str, record: str | None = None, top: str = "", installer: str = ""
) -> None:
    info = prefix / SITE / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
    for file, text in {"RECORD": record or "", "top_level.txt": top, "INSTALLER": installer}.items():
        if text:
            (info / file).write_text(text)


@pytest.fixture
def env(tmp_path: Path) -> Path:
    prefix = tmp_path / "env"
    install(prefix, "Scikit_Learn", "scipy>=1", "joblib; extra == 'fast'", record="sklearn/__init__.py,sha256=x,1\n")
    install(prefix, "scipy", "numpy", record='"scipy/__init__.py",,\nscipy/stats.py,,\n')
    install(prefix, "numpy", record="numpy/__init__.py,,\n", installer="conda\n")
    install(prefix, "joblib", top="joblib\n_joblib\n")
    install(prefix, "mlflow", "mlflow-skinny", "scipy", "nonsense !", record="mlflow/cli.py,,\n")
    install(prefix, "mlflow-skinny", record="mlflow/__init__.py,,\nsix.py,,\n")
    install(prefix, "windows", record="win.py,,\n")
    return prefix


@pytest.mark.parametrize(
    ("module", "file", "owners"),
    [
        ("sklearn", "sklearn/__init__.py", ("scikit-learn",)),
        ("scipy.stats", "scipy/stats.py", ("scipy",)),
        ("scipy.other", "scipy/other.py", ()),
        ("joblib", "joblib/__init__.py", ("joblib",)),  # without a record of its files
        ("_joblib.part", "_joblib/part.so", ("joblib",)),
        ("six", "six.py", ("mlflow-skinny",)),
        ("unknown", "unknown.py", ()),
    ],
)
def test_the_package_that_brought_a_module(module: str, file: str, owners: tuple[str, ...], env: Path) -> None:
    assert InstalledPackages.of(env, "3.11.7").owners_of(module, env / SITE / file) == owners


def test_a_file_elsewhere_has_no_owner(env: Path, tmp_path: Path) -> None:
    packages = InstalledPackages.of(env, "3.11.7")
    assert packages.owners_of("scipy", tmp_path / "scipy" / "__init__.py") == ()
    assert InstalledPackages.of(tmp_path / "none", "3.11.7").owners_of("scipy", env / SITE / "scipy/stats.py") == ()


def test_an_environment_behind_a_link_is_the_same(env: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(env)
    packages = InstalledPackages.of(tmp_path / "link", "3.11.7")
    assert packages.owners_of("scipy", env / SITE / "scipy/stats.py") == ("scipy",)


def test_what_the_metadata_say(env: Path) -> None:
    packages = InstalledPackages.of(env, "3.11.7")
    assert [str(one) for one in packages.requirements_of("scikit-learn")] == ["scipy>=1"]
    assert [one.name for one in packages.requirements_of("scikit-learn", frozenset({"fast"}))] == ["scipy", "joblib"]
    assert [one.name for one in packages.requirements_of("mlflow")] == ["mlflow-skinny", "scipy"]
    assert packages.spelled("scikit-learn") == "Scikit_Learn"


def test_what_no_requirement_has_to_name(env: Path) -> None:
    (env / SITE / "joblib-1.0.dist-info" / "direct_url.json").write_text('{"url": "file:///model/joblib"}')
    (env / SITE / "scipy-1.0.dist-info" / "INSTALLER").write_text("uv\n")
    packages = InstalledPackages.of(env, "3.11.7")
    assert {name for name in packages.by_name if packages.is_named_elsewhere(name)} == {"numpy", "joblib"}


@pytest.mark.parametrize(
    ("roots", "came"),
    [
        ({}, {}),
        ({"scikit-learn": NONE}, {"scikit-learn": "scikit-learn", "scipy": "scikit-learn", "numpy": "scikit-learn"}),
        ({"absent": NONE}, {}),
    ],
)
def test_by_which_requirement_a_package_came(roots: dict[str, frozenset[str]], came: dict[str, str], env: Path) -> None:
    assert brought_by(InstalledPackages.of(env, "3.11.7"), roots) == came


def test_the_nearest_requirement_is_named_and_extras_count(env: Path) -> None:
    roots = {"mlflow": NONE, "scikit-learn": frozenset({"fast"}), "scipy": NONE}
    came = brought_by(InstalledPackages.of(env, "3.11.7"), roots)
    assert (came["scipy"], came["numpy"], came["joblib"]) == ("scipy", "scipy", "scikit-learn")
    assert "windows" not in came


def test_packages_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    install(tmp_path, "a", "b")
    install(tmp_path, "b", "a")
    assert brought_by(InstalledPackages.of(tmp_path, "3.11.7"), {"a": NONE}) == {"a": "a", "b": "a"}


@pytest.mark.parametrize(
    ("requirements", "declared"),
    [
        ("Scikit.Learn[fast]==1\nscikit-learn[more]\n", {"scikit-learn": {"fast", "more"}}),
        ("setuptools==70\n", {"setuptools": set()}),  # named for the model itself, not only as a tool
        ("old==1; python_version < '3.8'\nnew; python_version >= '3.8'\n", {"new": set()}),
        ("-c limits.txt\nnumpy\n", {"numpy": set()}),
        ("wheels/tinypkg-1.0-py3-none-any.whl\n", {"tinypkg": set()}),
        ("# nothing\n", {}),
    ],
)
def test_what_requirements_name(requirements: str, declared: dict[str, set[str]], model: Callable[..., Path]) -> None:
    tools = "python: 3.11.7\nbuild_dependencies: [pip==23.2, setuptools==70]\ndependencies: [-r requirements.txt]\n"
    files = {"python_env.yaml": tools, "requirements.txt": requirements, "limits.txt": "scipy<2\n"}
    directory = model({**files, "wheels/tinypkg-1.0-py3-none-any.whl": b""})
    assert declared_by(EnvironmentSpec.read(directory), markers_of("3.11.7")) == declared
