"""conda.yaml, in full."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pytest_modelserve.environment.conda_channels import Channels, as_flags
from pytest_modelserve.environment.conda_file import CondaSpec, read_conda, read_recorded
from pytest_modelserve.environment.digest import environment_digest
from pytest_modelserve.environment.interpreter import Interpreter
from pytest_modelserve.errors import RequirementsError

Write = Callable[..., Path]
FULL = """\
channels:
- conda-forge
- nodefaults
dependencies:
- python=3.11.7
- conda-forge/linux-64::Numpy >=1.26,<2
- pip<=23
- pip:
  - --extra-index-url https://user:secret@host/simple
  - -r requirements.txt
  - six==1.16.0
name: mlflow-env
"""


@pytest.fixture
def spec_of(model: Write) -> Callable[..., CondaSpec]:
    """Read a conda.yaml of these channels and packages."""

    def read(*packages: str, channels: tuple[str, ...] = ("conda-forge",), pip: tuple[str, ...] = ()) -> CondaSpec:
        lines = ["channels:", *(f"- {each}" for each in channels), "dependencies:", *(f"- {each}" for each in packages)]
        lines += ["- pip:", *(f"  - {each}" for each in pip)] if pip else []
        return read_conda(model({"conda.yaml": "\n".join(lines)}))

    return read


def test_all_of_it_is_read(model: Write) -> None:
    spec = read_conda(
        model({"conda.yaml": FULL, "requirements.txt": "pandas==2.2\n", "python_env.yaml": "python: '3.9'"})
    )
    assert (spec.source, spec.python, spec.is_declared) == ("conda.yaml", "3.11.7", True)
    assert (spec.channels, spec.has_defaults) == (("conda-forge",), False)
    assert [(each.name, each.text, each.channel, each.line) for each in spec.packages] == [
        ("python", "python=3.11.7", "", 5),
        ("numpy", "numpy >=1.26,<2", "conda-forge", 6),
        ("pip", "pip<=23", "", 7),
    ]
    assert spec.dependencies == (
        "--extra-index-url https://user:secret@host/simple",
        "-r requirements.txt",
        "six==1.16.0",
    )
    assert [(each.text, each.place) for each in spec.requirements] == [
        ("pandas==2.2", "requirements.txt, line 1"),
        ("six==1.16.0", "conda.yaml, line 11"),
    ]
    assert [name for name, _ in spec.files] == ["conda.yaml"]
    assert spec.notes == ("without an exact version, so the first build decides: numpy",)


def test_requirements_that_nobody_names_do_not_count(spec_of: Callable[..., CondaSpec], model: Write) -> None:
    model({"requirements.txt": "pandas==2.2\n"})
    spec = spec_of("python=3.10")
    assert (spec.requirements, spec.dependencies, [each.name for each in spec.packages]) == ((), (), ["python"])


def test_pip_is_added_where_it_is_needed_and_not_named(spec_of: Callable[..., CondaSpec]) -> None:
    assert [each.text for each in spec_of("python=3.10", pip=("six",)).packages] == ["python=3.10", "pip"]
    assert [each.text for each in spec_of("python=3.10").packages] == ["python=3.10"]


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("python=3.11.7", "3.11.7"),
        ("python==3.11.7", "3.11.7"),
        ("python=3.10", "3.10"),
        ("python 3.10.*", "3.10"),
        ("python=3.10.*", "3.10"),
        ("python=3.11.7=h1_0_cpython", "3.11.7"),
        ("conda-forge::python=3.9.18", "3.9.18"),
        ("python", None),
        ("'python>=3.9'", None),
        ("'python>=3.9,<3.11'", None),
        ("python=3", None),
        ("python-dateutil=2.9.0", None),
    ],
)
def test_the_python_that_is_pinned(package: str, version: str | None, spec_of: Callable[..., CondaSpec]) -> None:
    assert spec_of(package).python == version


@pytest.mark.parametrize(
    ("package", "is_loose"),
    [
        ("numpy=1.26.4", False),
        ("numpy==1.26", False),
        ("numpy 1.26.4 py311_0", False),
        ("numpy=1.26.4=py311h64a7726_0", False),
        ("numpy=1.26=py311_0", False),
        ("pytorch=2.1.0=*cuda*", False),
        ("pytorch=2.1.0[build=*cuda*]", False),
        ("numpy=1.26", True),
        ("python = 3.11", True),
        ("numpy~=1.26.4", True),
        ("numpy!=1.26.4", True),
        ("numpy=1.26.*", True),
        ("numpy>=1", True),
        ("numpy", True),
        ("setuptools", False),
    ],
)
def test_what_is_loose_is_told(package: str, is_loose: bool, spec_of: Callable[..., CondaSpec]) -> None:
    assert bool(spec_of("python=3.11.7", f"'{package}'").notes) is is_loose


def test_a_constraint_pins_a_line_of_pip(spec_of: Callable[..., CondaSpec], model: Write) -> None:
    model({"limits.txt": "six==1.16.0\n"})
    assert spec_of("python=3.11.7", pip=("six", "attrs", "-c limits.txt")).notes == (
        "without an exact version, so the first build decides: attrs",
    )


@pytest.mark.parametrize(
    ("text", "line", "happened"),
    [
        ("dependencies:\n- python=3.11\n- 3.10\n", 3, "`dependencies` holds 3.10, which is not a text"),
        ("dependencies:\n- python: 3.10\n", 2, "`dependencies` holds a mapping with python"),
        (
            "dependencies:\n- python\n- pip:\n  - six\n  npm:\n  - x\n",
            3,
            "`dependencies` holds a mapping with pip, npm",
        ),
        ("dependencies:\n- pip: six\n", 2, "`pip` is a scalar, not a list"),
        ("dependencies:\n- python\n- pip:\n  - 1.0\n", 4, "`pip` holds 1.0, which is not a text"),
        ("dependencies: python\n", 1, "`dependencies` is a scalar, not a list"),
        ("channels: conda-forge\ndependencies:\n- python\n", 1, "`channels` is a scalar, not a list"),
        ("channels:\n- 1\ndependencies:\n- python\n", 2, "`channels` holds 1, which is not a text"),
        ("dependencies:\n- python\n- '=1.0'\n", 3, "`=1.0` is no package for conda"),
        ("dependencies:\n- python\n- https://host/pkg.conda\n", 3, "`https://host/pkg.conda` is no package for conda"),
        ("dependencies:\n- python\n- pip:\n  - six=1.0\n", 4, "`six=1.0` is no requirement"),
    ],
)
def test_what_is_broken_is_told_with_its_line(text: str, line: int, happened: str, model: Write) -> None:
    with pytest.raises(RequirementsError) as caught:
        read_conda(model({"conda.yaml": text}))
    assert caught.value.happened.startswith(f"conda.yaml, line {line}: {happened}")
    assert caught.value.fix


@pytest.mark.parametrize("text", ["name: x\n", "dependencies:\n", "dependencies: []\n"])
def test_a_file_without_packages_brings_no_python(text: str, model: Write) -> None:
    with pytest.raises(RequirementsError, match="no dependencies for conda"):
        read_conda(model({"conda.yaml": text}))


@pytest.mark.parametrize(
    ("field", "name"),
    [(None, "conda.yaml"), ("env.yaml", "env.yaml"), ({"conda": "c.yaml", "virtualenv": "p"}, "c.yaml")],
)
def test_mlmodel_names_the_file(field: Mapping[str, object] | str | None, name: str, model: Write) -> None:
    directory = model({name: "dependencies: [python=3.11]\n"})
    assert read_recorded("conda", directory, field).source == name
    with pytest.raises(RequirementsError) as caught:
        read_recorded("conda", directory / "nowhere", field)
    assert caught.value.happened == f"the model has no {name}, which is all that conda follows"
    assert "--model-env-manager=virtualenv" in caught.value.fix


def test_a_model_that_names_none_for_conda_has_none(model: Write) -> None:
    with pytest.raises(RequirementsError, match=r"the model has no conda\.yaml"):
        read_recorded("conda", model({"conda.yaml": FULL}), {"virtualenv": "python_env.yaml"})


def test_other_managers_read_what_they_did(model: Write) -> None:
    spec = read_recorded("uv", model({"conda.yaml": FULL, "requirements.txt": "six\n"}), None)
    assert not isinstance(spec, CondaSpec)
    assert spec.dependencies == ("-r requirements.txt",)


def test_variables_are_told(model: Write) -> None:
    spec = read_conda(model({"conda.yaml": "dependencies: [python=3.11.7]\nvariables:\n  MY_HOME: x\n"}))
    assert spec.notes == (
        "`variables` of conda.yaml are not set for the server: pass them by --model-pass-env: MY_HOME",
    )


@pytest.mark.parametrize(
    ("channels", "places", "addresses"),
    [
        ((), {}, ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")),
        (("conda-forge", "nodefaults"), {}, ("https://conda.anaconda.org/conda-forge",)),
        (("b", "a", "b"), {}, ("https://conda.anaconda.org/b", "https://conda.anaconda.org/a")),
        (("conda-forge",), {"conda-forge": "file:///here/"}, ("file:///here",)),
        (("a", "b"), {"*": "file:///all/", "b": "file:///b"}, ("file:///all/a", "file:///b")),
        (("https://h/c/", "/srv/chan"), {"*": "file:///all"}, ("https://h/c", "file:///srv/chan")),
        (("https://h/t/${TOKEN}/c",), {}, ("https://h/t/s3cret/c",)),
        (("defaults",), {"defaults": "https://mirror/main"}, ("https://mirror/main",)),
    ],
)
def test_where_channels_are(
    channels: tuple[str, ...], places: dict[str, str], addresses: tuple[str, ...], spec_of: Callable[..., CondaSpec]
) -> None:
    spec = spec_of("python=3.11.7", channels=channels)
    assert Channels(spec=spec, places=places, env={"TOKEN": "s3cret"}).addresses == addresses


def test_a_channel_in_the_model_directory(spec_of: Callable[..., CondaSpec]) -> None:
    spec = spec_of("python", channels=("./channel",))
    (address,) = Channels(spec=spec, places={}, env={}).addresses
    assert address == (spec.directory / "channel").resolve().as_uri()


def test_a_package_may_name_its_channel(spec_of: Callable[..., CondaSpec]) -> None:
    spec = spec_of("python", "other::six=1", "conda-forge::attrs")
    usual = Channels(spec=spec, places={}, env={})
    moved = Channels(spec=spec, places={"other": "file:///o"}, env={})
    assert usual.named == ("conda-forge", "other")

    def texts(channels: Channels, *, is_spelled_out: bool) -> list[str]:
        return [channels.spec_text(each, is_spelled_out=is_spelled_out) for each in spec.packages]

    assert texts(usual, is_spelled_out=False) == ["python", "other::six=1", "conda-forge::attrs"]
    assert texts(moved, is_spelled_out=False) == ["python", "file:///o::six=1", "conda-forge::attrs"]
    alias = "https://conda.anaconda.org"
    assert texts(usual, is_spelled_out=True) == ["python", f"{alias}/other::six=1", f"{alias}/conda-forge::attrs"]
    assert (usual.is_moved, moved.is_moved) == (False, True)
    assert (usual.as_written(), moved.as_written()) == (("conda-forge", "other"), ("conda-forge", "file:///o"))


def test_secrets_are_no_part_of_what_decides_and_are_never_shown(spec_of: Callable[..., CondaSpec]) -> None:
    places = {"a": "https://user:secret@h/a", "b": "https://h/t/secret/b"}
    channels = Channels(spec=spec_of("python", channels=("a", "b")), places=places, env={})
    assert channels.identity() == ("https://h/a", "https://h/t/***/b")
    assert list(as_flags(places)) == ["a=https://h/a", "b=https://h/t/***/b"]


def test_what_a_variable_lets_in_does_not_decide_and_is_a_secret(spec_of: Callable[..., CondaSpec]) -> None:
    spec = spec_of("python", "'https://h/$other/d::six'", channels=("https://h/${CI_JOB_TOKEN}/c", "b"))
    env = {"CI_JOB_TOKEN": "job 1", "other": "seven", "PATH": "/usr/bin"}
    one, two = (Channels(spec=spec, places={"b": "https://h/${CI_JOB_TOKEN}/b"}, env=each) for each in (env, {}))
    assert one.addresses != two.addresses
    assert one.identity() == two.identity()
    assert sorted(one.secrets()) == ["job 1", "job%201", "seven"]
    assert two.secrets() == ()


def test_files_that_the_pip_section_names_are_part_of_the_digest(
    spec_of: Callable[..., CondaSpec], model: Write, interpreter: Interpreter
) -> None:
    seen = set()
    for text, pin in (("six", "python=3.11.7"), ("six<2", "python=3.11.7"), ("six<2", "python=3.11.8")):
        model({"limits.txt": text})
        spec = spec_of(pin, pip=("six", "-c limits.txt"))
        seen.add(environment_digest(spec, interpreter, recipe={}, indexes={}))
    assert len(seen) == 3
