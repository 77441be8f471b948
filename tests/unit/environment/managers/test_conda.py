"""The conda manager with a program that stands for conda: it writes down what it was asked and makes a small prefix."""

from __future__ import annotations

import importlib.util
import json
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from pytest_modelserve.environment.activation import activated
from pytest_modelserve.environment.additions import Additions
from pytest_modelserve.environment.conda_channels import Channels, CondaSettings
from pytest_modelserve.environment.conda_file import CondaSpec, read_conda
from pytest_modelserve.environment.freeze import read_conda_packages
from pytest_modelserve.environment.managers.conda import Conda
from pytest_modelserve.environment.managers.conda_engines import Executable, Rattler, find_engine
from pytest_modelserve.environment.restoration import Environment, RestoreRequest
from pytest_modelserve.errors import EnvironmentBroken, InstallFailed, RequirementsError

PROGRAM: Final = """\
#!{python}
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
words = sys.argv[1:]
prefix, file = (pathlib.Path(words[words.index(flag) + 1]) for flag in ("-p", "-f"))
asked = dict(words=words, file=file.read_text(), cwd=os.getcwd(), env=dict(os.environ))
(here / "asked.json").write_text(json.dumps(asked))
if (here / "last words").exists():
    sys.exit((here / "last words").read_text())
if not (here / "no python").exists():
    base = pathlib.Path(sys._base_executable)
    (prefix / "lib" / "python{{}}.{{}}".format(*sys.version_info) / "site-packages").mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "bin" / "python").symlink_to(base)
    (prefix / "pyvenv.cfg").write_text(f"home = {{base.parent}}\\n")  # or the installer would fill the base
(prefix / "conda-meta").mkdir(parents=True)
for name, version in (("python", "3.x"), ("zlib", "1.3")):
    (prefix / "conda-meta" / f"{{name}}.json").write_text(json.dumps(dict(name=name, version=version, build="0")))
if (here / "activates").exists():
    (prefix / "etc/conda/activate.d").mkdir(parents=True)
    (prefix / "etc/conda/activate.d/gdal.sh").touch()
print("Solving environment: done")
"""
CONDA_YAML: Final = """\
channels:
- conda-forge
- company
dependencies:
- python=3.11.7
- company::zlib
- pip:
  - -r requirements.txt
"""
FILES: Final = {"conda.yaml": CONDA_YAML, "requirements.txt": "leanpkg==1.0\n"}
MAMBA: Final = """\
error    libmamba Could not solve for environment specs
    The following package could not be installed
    └─ zlib =9 * does not exist (perhaps a typo or a missing channel).
"""
HAS_RATTLER: Final = importlib.util.find_spec("rattler") is not None


@dataclass(frozen=True, slots=True)
class Program:
    """A program in a folder of its own, beside which the tests lay what it is to do."""

    path: Path

    @property
    def asked(self) -> dict[str, Any]:
        asked: dict[str, Any] = json.loads((self.path.parent / "asked.json").read_text())
        return asked

    def told(self, name: str, text: str = "") -> None:
        (self.path.parent / name).write_text(text)


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Program]:
    def made(name: str = "conda") -> Program:
        path = tmp_path / "conda's own" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(PROGRAM.format(python=sys.executable))
        path.chmod(0o755)
        return Program(path)

    return made


@pytest.fixture
def restored(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path], offline: Mapping[str, str]
) -> Callable[..., Environment]:
    def done(program: Program, files: Mapping[str, str] = FILES, **changes: Any) -> Environment:
        places = changes.pop("places", {})
        env = {**offline, **changes.pop("env", {})}
        conda = CondaSettings(executable=program.path, places=places)
        return Conda().restore(request_for(model(files), manager="conda", conda=conda, env=env, **changes))

    return done


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("conda", ["env", "create", "-p", "PREFIX", "-f", "FILE"]),
        ("mamba", ["env", "create", "-p", "PREFIX", "-f", "FILE"]),
        ("micromamba", ["create", "-p", "PREFIX", "-f", "FILE", "--yes"]),
    ],
)
def test_each_program_is_asked_in_its_words(
    name: str, words: list[str], program: Callable[..., Program], restored: Callable[..., Environment]
) -> None:
    conda = program(name)
    with restored(conda) as environment:
        asked = conda.asked
        prefix, file = (asked["words"][asked["words"].index(flag) + 1] for flag in ("-p", "-f"))
        shown = [{prefix: "PREFIX", file: "FILE"}.get(word, word) for word in asked["words"]]
        assert shown == words
        assert prefix == str(environment.prefix)
        assert yaml.safe_load(asked["file"]) == {
            "channels": ["conda-forge", "company"],
            "dependencies": ["python=3.11.7", "company::zlib", "pip"],
        }
        assert not Path(file).exists()  # an address in it may hold a password
        assert environment.freeze == ("leanpkg==1.0", "tinypkg==1.0")  # by uv, below its prefix
        assert (environment.manager, environment.python_version) == ("conda", sys.version.split()[0])
        assert environment.python == environment.prefix / "bin" / "python"
        assert not [note for note in environment.notes if "python=3.x" in note]  # nobody is advised of what is right


def test_moved_channels_are_addresses_and_no_others_are_asked(
    program: Callable[..., Program], restored: Callable[..., Environment]
) -> None:
    conda = program()
    restored(conda, places={"company": "file:///srv/company"}).close()
    assert yaml.safe_load(conda.asked["file"]) == {
        "channels": ["conda-forge", "file:///srv/company"],
        "dependencies": ["python=3.11.7", "file:///srv/company::zlib", "pip"],
    }
    assert conda.asked["env"]["CONDA_CHANNELS"] == "conda-forge,file:///srv/company"


def test_no_defaults_is_said_by_a_variable(
    program: Callable[..., Program], restored: Callable[..., Environment]
) -> None:
    """conda of 2026 takes `nodefaults` in the file for the name of a channel."""
    conda = program()
    text = CONDA_YAML.replace("- company\n", "- nodefaults\n- company\n", 1)
    restored(conda, {**FILES, "conda.yaml": text}).close()
    assert yaml.safe_load(conda.asked["file"])["channels"] == ["conda-forge", "company"]
    assert conda.asked["env"]["CONDA_CHANNELS"] == "conda-forge,company"
    restored(conda, FILES).close()
    assert "CONDA_CHANNELS" not in conda.asked["env"]


def test_a_read_only_model_is_left_alone(
    program: Callable[..., Program], restored: Callable[..., Environment], model: Callable[..., Path]
) -> None:
    directory = model(FILES)
    before = {path: path.read_bytes() for path in directory.iterdir()}
    conda = program()
    directory.chmod(stat.S_IRUSR | stat.S_IXUSR)
    for path in before:
        path.chmod(stat.S_IRUSR)
    try:
        with restored(conda, {}):
            assert {path: path.read_bytes() for path in directory.iterdir()} == before
    finally:
        directory.chmod(stat.S_IRWXU)
        for path in before:
            path.chmod(stat.S_IRUSR | stat.S_IWUSR)


def test_the_programs_settings_pass_and_the_active_environment_does_not(
    program: Callable[..., Program], restored: Callable[..., Environment], tmp_path: Path
) -> None:
    conda = program()
    own = {"CONDA_PREFIX": "/base", "CONDA_PREFIX_1": "/x", "CONDA_SHLVL": "1", "PYTHONPATH": "/y"}
    restored(conda, env={**own, "CONDA_SSL_VERIFY": "false", "CONDA_CHANNEL_PRIORITY": "flexible"}).close()
    env = conda.asked["env"]
    assert not set(own) & set(env)
    assert (env["CONDA_SSL_VERIFY"], env["CONDA_CHANNEL_PRIORITY"]) == ("false", "flexible")
    assert (env["MAMBA_ALWAYS_YES"], env["CONDA_ALWAYS_YES"]) == ("true", "true")
    assert env["CONDA_PKGS_DIRS"] == str(tmp_path / "cache" / "conda" / "pkgs")


def test_the_priority_of_channels_is_condas_own_default(
    program: Callable[..., Program], restored: Callable[..., Environment]
) -> None:
    """A file with `[pytorch, conda-forge]` that conda can restore may have no solution where channels are strict."""
    conda = program()
    restored(conda).close()
    assert not [name for name in conda.asked["env"] if name.endswith("CHANNEL_PRIORITY")]


@pytest.mark.parametrize("place", ["variable", ".condarc"])
def test_where_the_user_keeps_packages_stands(
    place: str, program: Callable[..., Program], restored: Callable[..., Environment], offline: Mapping[str, str]
) -> None:
    conda = program()
    if place == ".condarc":
        Path(offline["HOME"], ".condarc").write_text("pkgs_dirs:\n- /mine\n")
    restored(conda, env={"CONDA_PKGS_DIRS": "/mine"} if place == "variable" else {}).close()
    assert conda.asked["env"].get("CONDA_PKGS_DIRS") == ("/mine" if place == "variable" else None)


def test_steps_are_told(program: Callable[..., Program], restored: Callable[..., Environment], heard: Any) -> None:
    restored(program()).close()
    assert heard.steps[:2] == [
        "installing the conda packages by conda",
        "installing the conda packages by conda: solving",
    ]


def test_what_decides_is_in_the_digest(
    program: Callable[..., Program], restored: Callable[..., Environment], model: Callable[..., Path]
) -> None:
    conda, mamba = program(), program("mamba")
    condarc = conda.path.with_name("condarc")
    condarc.write_text("channels: [mine]\n")
    secret = {"company": "https://user:one@host/c"}
    ways: list[Callable[[], Environment]] = [
        lambda: restored(conda),
        lambda: restored(mamba),
        lambda: restored(conda, places=secret),
        lambda: restored(conda, env={"CONDA_OVERRIDE_CUDA": "12"}),
        lambda: restored(conda, env={"CONDA_CHANNEL_PRIORITY": "flexible"}),
        lambda: restored(conda, env={"CONDARC": str(condarc)}),
        lambda: restored(conda, {"requirements.txt": "leanpkg==1.0\ntinypkg\n"}),
        lambda: restored(conda, {"conda.yaml": CONDA_YAML.replace("=3.11.7", "=3.11.8")}),
    ]
    digests = []
    for way in ways:
        with way() as environment:
            digests.append(environment.digest)
    assert len(set(digests)) == len(ways)
    model({**FILES})
    with restored(conda, places={"company": "https://user:two@host/c"}) as again:
        assert (again.digest, again.cached) == (digests[2], True)


@pytest.mark.parametrize(
    ("variable", "is_deciding"),
    [
        ("CONDA_SUBDIR=linux-aarch64", True),
        ("CONDA_CHANNEL_PRIORITY=flexible", True),
        ("CONDA_CHANNEL_ALIAS=https://mirror", True),
        ("CONDA_PINNED_PACKAGES=numpy=1.26", True),
        ("CONDA_REPODATA_FNS=current_repodata.json", True),
        ("MAMBA_CHANNEL_PRIORITY=disabled", True),
        ("CONDA_PREFIX=/active", False),
        ("CONDA_PREFIX_1=/base", False),
        ("CONDA_EXE=/opt/conda/bin/conda", False),
        ("CONDA_PKGS_DIRS=/packages", False),
        ("PATH=/usr/bin", False),
    ],
)
def test_what_a_program_is_told_by_a_variable_decides(variable: str, is_deciding: bool, tmp_path: Path) -> None:
    engine = Executable(program=tmp_path / "root" / "bin" / "conda", packages=tmp_path)
    name, _, value = variable.partition("=")
    home = {"HOME": str(tmp_path)}
    assert (engine.identity({**home, name: value}) != engine.identity(home)) is is_deciding


@pytest.mark.parametrize(
    "file",
    [
        *("home/.condarc", "home/.mambarc", "home/.conda/condarc", "home/.config/conda/.condarc", "root/.condarc"),
        *("root/condarc.d/company.yml", "named"),
    ],
)
def test_what_a_program_is_told_by_a_file_decides(file: str, tmp_path: Path) -> None:
    engine = Executable(program=tmp_path / "root" / "bin" / "conda", packages=tmp_path)
    env = {"HOME": str(tmp_path / "home"), "CONDARC": str(tmp_path / "named")}
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    seen = [engine.identity(env)]
    for text in ("channel_priority: strict", "channel_alias: https://user:one@h", "channel_alias: https://user:two@h"):
        path.write_text(text)
        seen.append(engine.identity(env))
    assert len(set(seen[:3])) == 3
    assert seen[2] == seen[3]


def test_a_wish_for_another_python_is_refused(
    program: Callable[..., Program], restored: Callable[..., Environment]
) -> None:
    conda = program()
    with pytest.raises(EnvironmentBroken, match="--model-python cannot choose another") as caught:
        restored(conda, python=Path(sys.executable))
    assert caught.value.facts == {"--model-python": Path(sys.executable), "conda.yaml": "python=3.11.7"}
    assert not (conda.path.parent / "asked.json").exists()


def test_a_model_without_conda_yaml_is_told_what_to_do(
    program: Callable[..., Program], request_for: Callable[..., RestoreRequest], model: Callable[..., Path]
) -> None:
    with pytest.raises(RequirementsError, match=r"the model has no conda\.yaml"):
        Conda().restore(
            request_for(model({"requirements.txt": "six\n"}), conda=CondaSettings(executable=program().path))
        )


def test_packages_without_a_python(program: Callable[..., Program], restored: Callable[..., Environment]) -> None:
    conda = program()
    conda.told("no python")
    with pytest.raises(RequirementsError) as caught:
        restored(conda)
    assert caught.value.happened == "conda.yaml brings no Python"
    assert caught.value.facts["installed"] == "python=3.x=0\nzlib=1.3=0"


def test_a_server_that_does_not_run_on_condas_python_is_told(
    program: Callable[..., Program], restored: Callable[..., Environment]
) -> None:
    with pytest.raises(RequirementsError, match=r"a-server does not run on the model's Python"):
        restored(program(), additions=Additions(wanted_by="a-server", requirements=("x",), python="<3.5"))


def test_scripts_of_activation_are_told(program: Callable[..., Program], restored: Callable[..., Environment]) -> None:
    conda = program()
    conda.told("activates")
    with restored(conda) as environment:
        assert "scripts by which `conda activate` would set variables are not run: gdal.sh" in environment.notes


@pytest.mark.parametrize(
    ("last_words", "kind", "happened", "asked_for"),
    [
        (
            "PackagesNotFoundError: The following packages are not available from current channels:\n\n  - zlib=9",
            RequirementsError,
            "no channel has zlib=9",
            "company::zlib (conda.yaml, line 6)",
        ),
        (
            (
                "PackagesNotFoundInChannelsError: The following packages are not available from current channels:\n\n"
                "  - python=3.11.99\n\nCurrent channels:\n\n  - file:///c/linux-64"
            ),
            RequirementsError,
            "no channel has python=3.11.99",
            "python=3.11.7 (conda.yaml, line 5)",
        ),
        (
            "ResolvePackageNotFound: \n  - python=3.11.7\n",
            RequirementsError,
            "no channel has python=3.11.7",
            "python=3.11.7 (conda.yaml, line 5)",
        ),
        (
            "LibMambaUnsatisfiableError: Encountered problems:\n  - nothing provides requested zlib 9*\n",
            RequirementsError,
            "no channel has zlib 9*",
            "company::zlib (conda.yaml, line 6)",
        ),
        (
            MAMBA,
            RequirementsError,
            "no channel has zlib =9 *",
            "company::zlib (conda.yaml, line 6)",
        ),
        (
            "UnsatisfiableError: zlib conflicts with\npython=3.11.7",
            RequirementsError,
            "cannot be had together",
            "python=3.11.7 (conda.yaml, line 5)\ncompany::zlib (conda.yaml, line 6)",
        ),
        ("UnavailableInvalidChannel: HTTP 404 for channel company", InstallFailed, "a channel could not be read", None),
        ("CondaHTTPError: HTTP 000 CONNECTION FAILED", InstallFailed, "a channel could not be read", None),
        ("InvalidMatchSpec: Invalid spec 'zlib=='", RequirementsError, "cannot read a package of conda.yaml", None),
        ("[Errno 28] No space left on device", InstallFailed, "the disk is full", None),
        ("something else", InstallFailed, "installing the conda packages by conda failed (exit code 1)", None),
    ],
)
def test_last_words(
    last_words: str,
    kind: type[EnvironmentBroken],
    happened: str,
    asked_for: str | None,
    program: Callable[..., Program],
    restored: Callable[..., Environment],
) -> None:
    conda = program()
    conda.told("last words", last_words)
    with pytest.raises(kind) as caught:
        restored(conda)
    assert happened in caught.value.happened
    assert caught.value.facts.get("asked for") == asked_for
    assert caught.value.fix


def test_the_secrets_of_channels_are_read_nowhere(
    program: Callable[..., Program], restored: Callable[..., Environment], tmp_path: Path
) -> None:
    conda = program()
    text = CONDA_YAML.replace("- company\n", "- https://h/${MYTOKEN}/ch\n", 1)
    words = "https://h/s3cret/ch file:///c/t/t0ken/ch s3cret"
    conda.told("last words", f"PackagesNotFoundError: not available:\n\n  - zlib=9\n\nCurrent channels:\n\n {words}")
    with pytest.raises(RequirementsError) as caught:
        restored(conda, {**FILES, "conda.yaml": text}, env={"MYTOKEN": "s3cret"})
    written = [path for path in (tmp_path / "cache").rglob("failure.*") if path.is_file()]
    assert {path.name for path in written} == {"failure.log", "failure.json"}
    for text in (str(caught.value), *(path.read_text() for path in written)):
        assert "s3cret" not in text
        assert "t0ken" not in text
    assert "/t/***/ch" in next(path for path in written if path.suffix == ".log").read_text()


@pytest.fixture
def programs(tmp_path: Path) -> Callable[..., Path]:
    """Make empty programs in a folder, and return the folder."""

    def made(folder: str, *names: str) -> Path:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            (tmp_path / folder / name).touch(0o755)
        return tmp_path / folder

    return made


def test_the_order_in_which_an_engine_is_looked_for(programs: Callable[..., Path], tmp_path: Path) -> None:
    path = programs("path", "micromamba", "mamba")
    home = programs("home/bin", "conda", "mamba")
    programs(".", "setting", "exe", "mexe")
    env = {
        "PATH": str(path),
        "MAMBA_EXE": str(tmp_path / "mexe"),
        "CONDA_EXE": str(tmp_path / "exe"),
        "MLFLOW_CONDA_CREATE_ENV_CMD": "mamba",
        "MLFLOW_CONDA_HOME": str(home.parent),
    }

    def found(settings: CondaSettings = CondaSettings()) -> Path:  # noqa: B008  # frozen
        engine = find_engine(settings, tmp_path, env)
        assert isinstance(engine, Executable)
        return engine.program

    assert found(CondaSettings(executable=tmp_path / "setting")) == tmp_path / "setting"
    for name, expected in [
        ("MLFLOW_CONDA_CREATE_ENV_CMD", home / "mamba"),
        ("MLFLOW_CONDA_HOME", home / "conda"),
        ("CONDA_EXE", tmp_path / "exe"),
        ("MAMBA_EXE", tmp_path / "mexe"),
    ]:
        assert found() == expected
        del env[name]
    assert found() == path / "mamba"
    programs("path", "conda")
    assert found() == path / "conda"
    env["CONDA_EXE"] = str(tmp_path / "removed since")
    assert found() == path / "conda"


@pytest.mark.parametrize(
    ("settings", "env", "place"),
    [
        (CondaSettings(executable=Path("/nowhere/conda")), {}, "--model-conda-exe"),
        (CondaSettings(), {"MLFLOW_CONDA_HOME": "/nowhere"}, "MLFLOW_CONDA_HOME"),
    ],
)
def test_a_named_program_that_is_not_there(
    settings: CondaSettings, env: Mapping[str, str], place: str, tmp_path: Path
) -> None:
    with pytest.raises(InstallFailed) as caught:
        find_engine(settings, tmp_path, {"PATH": "", **env})
    assert list(caught.value.facts) == [place]


def test_without_any_engine_the_ways_out_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InstallFailed) as caught:
        find_engine(CondaSettings(), tmp_path, {"PATH": str(tmp_path)})
    assert "pip install 'pytest-modelserve[conda]'" in caught.value.fix
    assert "--model-env-manager=uv" in caught.value.fix


def test_rattler_is_the_last_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    engine = find_engine(CondaSettings(), tmp_path, {"PATH": str(tmp_path)})
    assert engine == Rattler(cache=tmp_path / "conda")
    engine = find_engine(CondaSettings(), tmp_path, {"PATH": str(tmp_path), "RATTLER_CACHE_DIR": "/mine"})
    assert engine == Rattler(cache=Path("/mine"))
    said = {"CONDA_OVERRIDE_CUDA": "12", "CONDA_PREFIX": "/x"}
    env = engine.environment({"A": "1"}, Channels(spec=CondaSpec(directory=tmp_path), places={}, env=said))
    assert env == {"A": "1", "CONDA_OVERRIDE_CUDA": "12"}


def test_the_order_for_rattler(model: Callable[..., Path], tmp_path: Path) -> None:
    channels = Channels(spec=read_conda(model(FILES)), places={"company": "file:///c"}, env={})
    command = Rattler(cache=tmp_path).command(tmp_path, tmp_path / "env", channels)
    assert command[:2] == [sys.executable, "-I"]
    assert json.loads(Path(command[-1]).read_text()) == {
        "channels": ["https://conda.anaconda.org/conda-forge", "file:///c"],
        "packages": ["python=3.11.7", "file:///c::zlib", "pip"],
        "prefix": str(tmp_path / "env"),
        "cache": str(tmp_path),
    }


@pytest.mark.skipif(not HAS_RATTLER, reason="py-rattler is not installed")
def test_rattler_says_which_channel_it_cannot_read(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path], tmp_path: Path, offline: Mapping[str, str]
) -> None:
    conda = CondaSettings(places={"conda-forge": (tmp_path / "nowhere").as_uri(), "company": "file:///nowhere"})
    env = {**offline, "PATH": "/usr/bin:/bin"}
    with pytest.raises(InstallFailed, match="a channel could not be read: could not find subdir"):
        Conda().restore(request_for(model(FILES), conda=conda, env=env))


def test_what_a_conda_prefix_adds(tmp_path: Path) -> None:
    assert activated(tmp_path, {"PATH": "/bin"}) == {}
    (tmp_path / "conda-meta").mkdir()
    assert activated(tmp_path, {"PATH": "/bin"}) == {
        "CONDA_PREFIX": str(tmp_path),
        "PATH": f"{tmp_path}/bin:/bin",
        "PYTHONNOUSERSITE": "1",
    }
    assert read_conda_packages(tmp_path) == ()
