"""What a server needs beside a model's requirements fits, or is told with the pin or the Python that rules it out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_modelserve.environment.additions import NO_ADDITIONS, Additions, advised, require_fit, told_of
from pytest_modelserve.environment.requirements import Requirement
from pytest_modelserve.environment.spec import EnvironmentSpec
from pytest_modelserve.errors import EnvironmentBroken, InstallFailed, RequirementsError

SERVER = Additions(wanted_by="a-server", requirements=("a-server==1", "pandas<3"), python=">=3.9,<3.13")


@pytest.fixture
def requirements(model: Callable[..., Path]) -> Callable[[str], tuple[Requirement, ...]]:
    def read(text: str) -> tuple[Requirement, ...]:
        return EnvironmentSpec.read(model({"requirements.txt": text, "limits.txt": "pandas==3.1\n"})).requirements

    return read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "numpy==2.2.6\n",
        "pandas==2.3.3\n",
        "pandas\n",
        "pandas>=2\n",
        "pandas==3.*\n",  # the installer says so
        "pandas==3.1 ; python_version < '3.9'\n",  # not for this Python
        "a_server==1\n",
        "git+https://example.org/pandas.git\n",
        "./pandas-3.0-py3-none-any.whl ; python_version < '3.0'\n",
    ],
)
def test_what_pins_nothing_else_fits(text: str, model: Callable[..., Path]) -> None:
    directory = model({"requirements.txt": text, "pandas-3.0-py3-none-any.whl": b""})
    require_fit(SERVER, EnvironmentSpec.read(directory).requirements, "3.11.7")


@pytest.mark.parametrize(
    ("text", "told", "asked"),
    [
        ("pandas==3.1\n", "pandas==3.1 against pandas<3", "pandas==3.1 (requirements.txt, line 1)"),
        (
            "numpy\nPandas==3.0.0rc1\n",
            "Pandas==3.0.0rc1 against pandas<3",
            "Pandas==3.0.0rc1 (requirements.txt, line 2)",
        ),
        ("a.server==2\n", "a.server==2 against a-server==1", "a.server==2 (requirements.txt, line 1)"),
        ("-c limits.txt\n", "pandas==3.1 against pandas<3", "pandas==3.1 (limits.txt, line 1)"),
        (
            "a-server==2\npandas==3.1\n",
            "a-server==2 against a-server==1; pandas==3.1 against pandas<3",
            "a-server==2 (requirements.txt, line 1)\npandas==3.1 (requirements.txt, line 2)",
        ),
    ],
)
def test_a_pin_that_rules_an_addition_out_is_named(
    text: str, told: str, asked: str, requirements: Callable[[str], tuple[Requirement, ...]]
) -> None:
    with pytest.raises(RequirementsError) as caught:
        require_fit(SERVER, requirements(text), "3.11.7")
    assert caught.value.happened == f"a-server cannot live with the model's requirements: {told}"
    assert caught.value.facts == {"asked for": asked}
    assert caught.value.fix.endswith("--model-server=builtin.")


@pytest.mark.parametrize(
    ("version", "fits"), [("3.8.18", False), ("3.9.0", True), ("3.12.11", True), ("3.13.0", False)]
)
def test_the_python_must_be_one_that_the_server_runs_on(version: str, fits: bool) -> None:
    if fits:
        require_fit(SERVER, (), version)
        return
    with pytest.raises(RequirementsError) as caught:
        require_fit(SERVER, (), version)
    told = f"a-server does not run on the model's Python {version}: it needs >=3.9,<3.13"
    assert caught.value.happened == told


def test_no_additions_fit_everywhere() -> None:
    require_fit(NO_ADDITIONS, (), "2.7.18")
    assert list(told_of(NO_ADDITIONS, ["a==1"], ["a==2"])) == []
    assert NO_ADDITIONS.stage == "installing the requirements"
    assert NO_ADDITIONS.as_requirements() == ()


def test_each_addition_is_a_line_that_an_error_can_name() -> None:
    first, second = SERVER.as_requirements()
    assert (first.name, first.place) == ("a-server", "added for a-server, line 1")
    assert (second.name, second.text, second.is_constraint) == ("pandas", "pandas<3", False)
    assert SERVER.stage == "installing the requirements with what a-server needs"


@pytest.mark.parametrize(
    ("error", "additions", "fix"),
    [
        (RequirementsError("x", fix="Change one."), SERVER, "Change one, or serve it by another server, such as "),
        (RequirementsError("x", fix="Change one."), NO_ADDITIONS, "Change one."),
        (InstallFailed("x", fix="Free space."), SERVER, "Free space."),
    ],
)
def test_another_server_is_a_way_out_where_additions_are_at_fault(
    error: EnvironmentBroken, additions: Additions, fix: str
) -> None:
    assert advised(error, additions) is error
    assert error.fix.startswith(fix)
    assert ("--model-server=builtin" in error.fix) is (additions is SERVER and isinstance(error, RequirementsError))


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (None, []),
        (["numpy==2", "pandas==2"], []),
        (["numpy==2", "pandas==2", "tool==1"], []),  # what is no longer there is no other version
        (["numpy==1", "pandas==2"], ["numpy 1 -> 2"]),
        (["numpy==1", "pandas==1"], ["numpy 1 -> 2, pandas 1 -> 2"]),
    ],
)
def test_other_versions_than_in_the_models_own_environment_are_told(own: list[str] | None, expected: list[str]) -> None:
    first, *others = told_of(SERVER, ["a-server==1", "numpy==2", "pandas==2"], own)
    assert "a-server==1, pandas<3: a requirement that the model forgot may have come with these" in first
    assert [line.partition("other versions: ")[2] for line in others] == expected


def test_many_other_versions_are_counted() -> None:
    own = [f"p{number:02}==1" for number in range(12)]
    _, line = told_of(SERVER, [f"p{number:02}==2" for number in range(12)], own)
    assert line.endswith("p07 1 -> 2 and 4 more")
