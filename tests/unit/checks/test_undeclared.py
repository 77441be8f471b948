"""What a model imports and its requirements do not name is told with the line to add, and what they leave open."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_modelserve.checks.imported import Imported, ImportedModule
from pytest_modelserve.checks.undeclared import LATE, LOOSE, MAX_NAMED, MAX_PASTED, UNDECLARED, Ledger, advise
from pytest_modelserve.environment.restoration import Environment
from pytest_modelserve.environment.spec import EnvironmentSpec
from pytest_modelserve.results import Advice

SITE = "lib/python3.11/site-packages"
TOOLS = "python: 3.11.7\nbuild_dependencies: [setuptools==70]\ndependencies: [-r requirements.txt]\n"
PACKAGES = {
    "scikit-learn": ("1.7.2", "sklearn", "scipy"),
    "scipy": ("1.14.1", "scipy", ""),
    "setuptools": ("70", "pkg_resources", ""),
    "mlserver": ("1.7.1", "mlserver", "grpcio"),
    "grpcio": ("1.60", "grpc", ""),
    "orphan": ("1.0", "orphan", ""),
    "torch": ("2.1.0+cpu", "torch", ""),
}
FREEZE = tuple(f"{name}=={version}" for name, (version, _, _) in PACKAGES.items())
BUILT = Environment(
    manager="uv",
    python=Path("bin/python"),
    python_version="3.11.7",
    prefix=Path(),
    digest="",
    cached=True,
    elapsed_s=0.0,
    freeze=FREEZE,
)
Advised = Callable[..., tuple[Advice, ...]]


def install(prefix: Path, name: str, version: str, module: str, needs: str = "") -> None:
    info = prefix / SITE / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    wanted = f"Requires-Dist: {needs}\n" if needs else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wanted}")
    (info / "RECORD").write_text(f"{module}/__init__.py,,\n")


@pytest.fixture
def advised(tmp_path: Path) -> Advised:
    """Give the advice on a model with these requirements that imports these modules."""
    prefix = tmp_path / "env"
    for name, (version, module, needs) in PACKAGES.items():
        install(prefix, name, version, module, needs)
    (prefix / "pyvenv.cfg").touch()
    os.utime(prefix / "pyvenv.cfg", (1_700_000_000, 1_700_000_000))
    model = tmp_path / "model"
    (model / "scipy").mkdir(parents=True)
    (model / "python_env.yaml").write_text(TOOLS)

    def ask(
        requirements: str, *imports: str, late: tuple[str, ...] = (), added: tuple[str, ...] = (), manager: str = "uv"
    ) -> tuple[Advice, ...]:
        (model / "requirements.txt").write_text(requirements)
        environment = replace(BUILT, prefix=prefix, manager=manager, added=added)
        there = (
            ImportedModule(
                name=module, file=prefix / SITE / module / "__init__.py", phase="predict" if module in late else "load"
            )
            for _, module, _ in PACKAGES.values()
        )
        imported = Imported(modules=tuple(there), asked_for=frozenset(imports))
        return tuple(advise(Ledger.of(environment, EnvironmentSpec.read(model)), imported))

    return ask


def test_what_is_named_and_pinned_is_no_advice(advised: Advised) -> None:
    assert advised("scikit-learn==1.7.2\nscipy==1.14.1\n", "sklearn.svm", "scipy.stats", "json", "absent") == ()


def test_what_only_others_import_is_not_the_models_business(advised: Advised) -> None:
    assert advised("scikit-learn==1.7.2\n", "sklearn") == ()


@pytest.mark.parametrize(
    ("imports", "why", "line"),
    [
        ("scipy.stats", "it came with scikit-learn", "scipy==1.14.1"),
        ("pkg_resources", "it came with the tools for building", "setuptools==70"),
        ("grpc", "it came with what the server needs, and is missing where another one serves", "grpcio==1.60"),
        ("orphan", "nothing that they name brings it", "orphan==1.0"),
        ("torch", "nothing that they name brings it", "torch==2.1.0"),
    ],
)
def test_why_a_package_is_there_that_nobody_named(imports: str, why: str, line: str, advised: Advised) -> None:
    sentence, block = advised("scikit-learn==1.7.2\n", imports, added=("mlserver==1.7.1",))
    module = imports.partition(".")[0]
    assert sentence.text == f"the model imports `{module}`, which its requirements do not name: {why}"
    assert block.text == f"in the model's requirements, add this line:\n      {line}"
    assert (sentence.kind, block.kind) == (UNDECLARED, UNDECLARED)


@pytest.mark.parametrize(
    ("line", "needs", "is_told"),
    [
        ("orphan[fast]==1.0", "scipy ; extra == 'fast'", False),
        ("Orphan[FAST]==1.0", "scipy>=1 ; python_version > '3' and extra == 'fast'", False),
        ("orphan[all]==1.0", "orphan[fast] ; extra == 'all'\nRequires-Dist: scipy ; extra == 'fast'", False),
        ("orphan[other]==1.0", "scipy ; extra == 'fast'", True),
        ("orphan==1.0", "scipy ; extra == 'fast'", True),
        ("orphan[fast]==1.0", "scipy", True),  # it is there without the extra
        ("orphan[fast]==1.0", "scipy\nRequires-Dist: scipy>=1 ; extra == 'fast'", True),
        ("orphan[fast]==1.0", "scikit-learn ; extra == 'fast'", True),  # which the extra does not name itself
        ("absent[fast]==1.0", "scipy ; extra == 'fast'", True),
    ],
)
def test_what_a_declared_extra_names_is_named(
    line: str, needs: str, is_told: bool, advised: Advised, tmp_path: Path
) -> None:
    metadata = tmp_path / "env" / SITE / "orphan-1.0.dist-info" / "METADATA"
    metadata.write_text(f"{metadata.read_text()}Requires-Dist: {needs}\n")
    assert bool(advised(f"{line}\n", "scipy")) is is_told


def test_what_a_constraint_limits_is_not_named_by_it(advised: Advised, tmp_path: Path) -> None:
    (tmp_path / "model" / "limits.txt").write_text("scipy==1.14.1\n")
    kinds = [one.kind for one in advised("scikit-learn==1.7.2\n-c limits.txt\n", "scipy")]
    assert kinds == [UNDECLARED, UNDECLARED]


@pytest.mark.parametrize(
    ("file", "text"), [("INSTALLER", "conda"), ("direct_url.json", '{"url": "file:///model/scipy", "dir_info": {}}')]
)
def test_a_package_that_no_line_has_to_name(file: str, text: str, advised: Advised, tmp_path: Path) -> None:
    (tmp_path / "env" / SITE / "scipy-1.14.1.dist-info" / file).write_text(text)
    assert advised("scikit-learn==1.7.2\n./scipy\n", "scipy") == ()


def test_what_is_imported_only_by_a_prediction(advised: Advised) -> None:
    first, second, _ = advised("scikit-learn==1.7.2\n", "sklearn", "scipy", late=("scipy",))
    assert first.text.startswith("the model imports `scipy` at predict, which its requirements do not name")
    assert second.kind == LATE
    assert second.text.startswith("the model imports `scipy` only when it predicts")
    (only,) = advised("scikit-learn==1.7.2\n", "sklearn", late=("sklearn",))
    assert only.kind == LATE


def test_loose_lines_are_told_with_the_day_and_what_settles_them(advised: Advised) -> None:
    sentence, block = advised("scikit-learn>=1.5\nscipy==1.14.1\n", "sklearn")
    assert sentence.kind == block.kind == LOOSE
    assert sentence.text.startswith("the build of 2023-11-1")
    assert sentence.text.endswith(
        "decided which version is installed, and a later one may decide otherwise: `scikit-learn>=1.5`"
    )
    assert block.text == (
        "in the model's requirements, put in place of those without a version this line:\n      scikit-learn==1.7.2"
    )


def test_one_block_has_all_lines(advised: Advised) -> None:
    *_, block = advised("scikit-learn\ntorch>2\n", "scipy", "orphan")
    assert block.text.splitlines() == [
        "in the model's requirements, add these lines, or put them in place of those without a version:",
        "      scipy==1.14.1",
        "      orphan==1.0",
        "      scikit-learn==1.7.2",
        "      torch==2.1.0",
    ]


def test_the_lock_file_of_uv_settles_what_uv_installs(advised: Advised, tmp_path: Path) -> None:
    (tmp_path / "model" / "uv.lock").touch()
    assert advised("scikit-learn\n") == ()
    assert [one.kind for one in advised("scikit-learn\n", manager="virtualenv")] == [LOOSE, LOOSE]


def test_many_are_counted_in_sentences_and_whole_in_the_block(advised: Advised, tmp_path: Path) -> None:
    names = [f"many{at}" for at in range(MAX_PASTED + 3)]
    for name in names:
        install(tmp_path / "env", name, "1", name)
    site = tmp_path / "env" / SITE
    modules = tuple(ImportedModule(name=name, file=site / name / "__init__.py") for name in names)
    advised("")  # writes the model
    ledger = Ledger.of(replace(BUILT, prefix=tmp_path / "env"), EnvironmentSpec.read(tmp_path / "model"))
    found = list(advise(ledger, Imported(modules=modules, asked_for=frozenset(names))))
    *sentences, block = (one.text for one in found)
    assert len(sentences) == MAX_NAMED + 1
    assert sentences[-1].startswith(f"the model imports more that its requirements do not name: `many{MAX_NAMED}`, ")
    assert block.splitlines()[-1].strip() == "# and 3 more"
