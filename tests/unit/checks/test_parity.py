"""The environment held against the recorded files, its packages against each other, its modules against both."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.parity import MAX_LINES, NOT_RECORDED, PARITY_RULES, RUNTIME, environment_parity
from pytest_modelserve.checks.serving import environment_restores
from pytest_modelserve.results import CheckResult, Outcome

Serve = Callable[..., CheckContext]
Parity = Callable[..., CheckResult]
SITE = "lib/python3.11/site-packages"


def texts(result: CheckResult) -> list[str]:
    return [advice.text for advice in result.advice]


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    env = tmp_path / "env"
    (env / SITE).mkdir(parents=True)
    return env


@pytest.fixture
def parity(serve: Serve, tmp_path: Path, prefix: Path) -> Parity:
    """Run the check on a model with these requirement files, in an environment with these packages."""

    def run(
        requirements: str = "numpy==2.2.6\n",
        freeze: tuple[str, ...] = ("numpy==2.2.6",),
        *,
        python_env: str = "python: 3.11.7\nbuild_dependencies: [pip==23.2]\ndependencies: [-r requirements.txt]\n",
        modules: list[dict[str, Any]] | None = None,
        **environment: Any,
    ) -> CheckResult:
        (tmp_path / "requirements.txt").write_text(requirements)
        (tmp_path / "python_env.yaml").write_text(python_env)
        if modules is not None:
            (tmp_path / "modules.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in modules))
        context = serve(lambda rows: rows, None)
        packages = (*freeze, "pip==23.2")
        changed = replace(context.environment, prefix=prefix, freeze=packages, **environment)
        return environment_parity(replace(context, environment=changed), "")

    return run


def test_an_environment_as_it_was_recorded(parity: Parity) -> None:
    result = parity(modules=[])
    assert (result.outcome, result.failure, result.advice, result.requests) == (Outcome.PASSED, None, (), 0)


def test_one_failure_lists_every_package_with_its_line(parity: Parity) -> None:
    result = parity(
        "numpy==2.2.6\nPandas==2.0\nscikit_learn>=1.5  # why\nabsent==1\n",
        ("numpy==2.2.6", "pandas==2.3.3", "scikit-learn==1.4.0"),
    )
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert result.failure.rule == "unmet_pin"
    assert result.failure.is_redacted
    assert result.failure.title == (
        "the environment is not what the model recorded: Pandas==2.0, installed is 2.3.3; "
        "scikit_learn>=1.5, installed is 1.4.0; absent==1 is not installed"
    )
    for said in (
        "Pandas==2.0, installed is 2.3.3  (requirements.txt, line 2)",
        "requirements.txt, line 2: write `pandas==2.3.3`",
        "requirements.txt, line 4: absent==1 brought nothing",
        "models:/m/1",
    ):
        assert said in result.failure.text
    assert "numpy" not in result.failure.text


def test_a_failure_keeps_the_passwords_of_addresses(parity: Parity) -> None:
    address = "https://bob:SECRETPW@pkgs.example/{}-1.0-py3-none-any.whl"
    lines = "".join(f"{name} @ {address.format(name)}\n" for name in ("foo", "absent"))
    result = parity(lines, ("foo==1.1",), modules=[])
    assert result.failure is not None
    assert "foo @ https://***@pkgs.example/foo-1.0-py3-none-any.whl, installed is 1.1" in result.failure.title
    assert "absent @ https://***@pkgs.example/absent-1.0-py3-none-any.whl brought nothing" in result.failure.text
    assert "SECRETPW" not in repr(result)


def test_an_environment_of_conda_is_held_to_conda_yaml_alone(parity: Parity, tmp_path: Path) -> None:
    lines = ("dependencies:", "- python=3.11.7", "- pip:", "  - numpy==2.2.6", "  - six==1.16.0")
    (tmp_path / "conda.yaml").write_text("\n".join(lines))
    result = parity("numpy==1.26\n", ("numpy==2.2.6", "six==1.17.0"), manager="conda", modules=[])
    assert result.failure is not None
    assert result.failure.title == ("the environment is not what the model recorded: six==1.16.0, installed is 1.17.0")
    assert "conda.yaml, line 5" in result.failure.text


def test_what_pip_put_in_the_place_of_condas_package_is_a_breach(parity: Parity, tmp_path: Path, prefix: Path) -> None:
    lines = ("dependencies:", "- python=3.11.7", "- numpy=1.24.4", "- pip:", "  - six")
    (tmp_path / "conda.yaml").write_text("\n".join(lines))
    (prefix / "conda-meta").mkdir()
    for name, version in (("python", "3.11.7"), ("numpy", "1.24.4"), ("pip", "23.2")):
        files = [f"{SITE}/{name}-{version}.dist-info/METADATA"]
        record = {"name": name, "version": version, "build": "0", "files": files}
        (prefix / "conda-meta" / f"{name}.json").write_text(json.dumps(record))
    result = parity("", ("numpy==2.3.0", "six==1.17.0"), manager="conda", modules=[])
    assert result.failure is not None
    assert result.failure.rule == "unmet_pin"
    assert result.failure.title == "the environment is not what the model recorded: numpy=1.24.4, installed is 2.3.0"
    assert "(conda.yaml, line 3)" in result.failure.text
    assert parity("", ("numpy==1.24.4", "six==1.17.0"), manager="conda", modules=[]).failure is None


def test_a_range_of_pythons_is_told_as_it_stands(parity: Parity, tmp_path: Path) -> None:
    (tmp_path / "conda.yaml").write_text("dependencies: ['python>=3.9,<3.12']")
    assert texts(parity("", (), manager="conda", modules=[])) == [
        "the model records no one Python but `python>=3.9,<3.12`: it runs on 3.11.7, and elsewhere on any other"
    ]


def test_a_long_list_is_cut(parity: Parity) -> None:
    result = parity("".join(f"absent{at}==1\n" for at in range(MAX_LINES + 5)))
    assert result.failure is not None
    assert f"absent{MAX_LINES - 1}==1" in result.failure.text
    assert f"absent{MAX_LINES}==1" not in result.failure.text
    assert "and 5 more" in result.failure.text
    assert result.failure.title.endswith(f"and {MAX_LINES + 2} more")


def test_build_tools_are_told_and_not_failed(parity: Parity) -> None:
    tools = "python: 3.11.7\nbuild_dependencies: [pip==22.0, wheel==0.40]\ndependencies: [-r requirements.txt]\n"
    result = parity(python_env=tools, modules=[])
    assert result.outcome is Outcome.PASSED
    (said,) = texts(result)
    assert "pip==22.0, installed is 23.2; wheel==0.40 is not installed" in said


@pytest.mark.parametrize(
    ("declared", "running", "said"),
    [
        ("python: 3.11.7\n", "3.11.7", []),
        ("python: 3.11.9\n", "3.11.7", []),  # another patch is told when the environment is restored
        ("python: 3.10.13\n", "3.11.7", ["the model recorded Python 3.10.13 and runs on 3.11.7, as it was asked to"]),
        ("", "3.11.7", ["the model records no Python: it runs on 3.11.7, and elsewhere on any other"]),
    ],
)
def test_another_python_is_said_loudly(declared: str, running: str, said: list[str], parity: Parity) -> None:
    result = parity(python_env=f"{declared}dependencies: [-r requirements.txt]\n", modules=[], python_version=running)
    assert (result.outcome, texts(result)) == (Outcome.PASSED, said)


def test_packages_that_contradict_each_other(parity: Parity, prefix: Path) -> None:
    for name, needs in (("app", "Requires-Dist: numpy<2\n"), ("numpy", "")):
        info = prefix / SITE / f"{name}-2.2.6.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.2.6\n{needs}")
    result = parity()
    assert result.failure is not None
    assert result.failure.rule == "package_conflict"
    assert "app 2.2.6 requires numpy<2, installed is 2.2.6" in result.failure.title


def test_modules_of_the_environment_and_of_the_model(parity: Parity, prefix: Path, tmp_path: Path) -> None:
    files = (f"{prefix}/{SITE}/numpy/__init__.py", f"{prefix}/lib/python3.11/json/__init__.py", f"{tmp_path}/code/m.py")
    modules = [{"name": "m", "file": file, "phase": "load"} for file in (*files, str(RUNTIME / "worker.py"))]
    result = parity(modules=[*modules, {"name": "sys", "file": None, "phase": "load"}])
    assert (result.outcome, result.advice) == (Outcome.PASSED, ())


def test_a_module_of_the_tests_is_named_with_its_file_and_phase(parity: Parity) -> None:
    module = {"name": "pytest", "file": pytest.__file__, "phase": "predict"}
    result = parity(modules=[module])
    assert result.failure is not None
    assert (result.failure.rule, result.failure.title) == (
        "foreign_module",
        "the model imports from outside its environment: pytest",
    )
    assert f"pytest from {pytest.__file__}, at predict" in result.failure.text


def test_modules_of_one_package_are_one_line(parity: Parity) -> None:
    folder = Path(pytest.__file__).parent
    names = ("pytest.sub", "pytest", "pytest.other")
    modules = [{"name": name, "file": str(folder / f"{name}.py"), "phase": "load"} for name in names]
    result = parity(modules=modules)
    assert result.failure is not None
    assert result.failure.title.endswith(": pytest")
    assert result.failure.received == f"pytest from {folder / 'pytest.py'} and 2 more modules, at load"


def test_several_breaches_are_one_failure(parity: Parity) -> None:
    module = {"name": "pytest", "file": pytest.__file__, "phase": "load"}
    result = parity("numpy==1\n", modules=[module])
    assert result.failure is not None
    assert result.failure.rule == "unmet_pin"
    assert "pytest from" in result.failure.text


def test_a_module_that_was_written_while_the_model_ran_is_advice(
    parity: Parity, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As tensorflow's autograph writes them."""
    generated = tmp_path_factory.mktemp("generated") / "__autograph_generated_file.py"
    assert generated.is_relative_to(tempfile.gettempdir())
    result = parity(modules=[{"name": "generated", "file": str(generated), "phase": "predict"}])
    assert result.outcome is Outcome.PASSED
    assert texts(result) == ["modules were written and imported while the model ran: generated"]


def test_modules_that_were_not_recorded_are_said_so(parity: Parity) -> None:
    result = parity()
    assert (result.outcome, texts(result)) == (Outcome.PASSED, [NOT_RECORDED])


def test_local_proves_nothing_and_says_so(parity: Parity, serve: Serve) -> None:
    result = parity("numpy==1\n", manager="local")
    assert (result.outcome, result.applies, result.failure) == (Outcome.SKIPPED, False, None)
    assert "local runs the model with the packages of the tests" in result.reason

    context = serve(lambda rows: rows, None)
    restored = environment_restores(replace(context, environment=replace(context.environment, manager="local")), "")
    assert restored.outcome is Outcome.PASSED
    assert result.reason in texts(restored)


def test_every_rule_has_an_id_of_its_own() -> None:
    weights = {rule.id: rule.weight for rule in PARITY_RULES}
    assert len(weights) == len(PARITY_RULES)
    assert [name for name, weight in weights.items() if weight == "breach"] == [
        "unmet_pin",
        "package_conflict",
        "foreign_module",
    ]
    assert [name for name, weight in weights.items() if weight == "advice"] == [
        "undeclared_import",
        "late_import",
        "loose_pin",
    ]
