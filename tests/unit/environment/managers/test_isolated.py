"""What managers with an environment of their own share, with a creator and an installer that only pretend."""

from __future__ import annotations

import ast
import errno
import os
import shutil
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.environment import cache
from pytest_modelserve.environment.additions import Additions
from pytest_modelserve.environment.eviction import list_cached, prune
from pytest_modelserve.environment.install import BuildSite
from pytest_modelserve.environment.interpreter import Interpreter
from pytest_modelserve.environment.managers.isolated import restore_isolated
from pytest_modelserve.environment.restoration import Environment, RestoreRequest
from pytest_modelserve.errors import InstallFailed, InterpreterMissing, RequirementsError
from pytest_modelserve.lifeline import Lease

ADDITIONS = Additions(wanted_by="a-server", requirements=("a-server==1", "uvloop<0.22"), python=">=3.9")
LINES_FILE = ".modelserve-requirements.txt"


@dataclass(slots=True)
class FakeCreator:
    """Link the interpreter where the environment's would be."""

    name: str = "fake"
    n_made: int = 0

    def create(self, site: BuildSite, interpreter: Interpreter) -> None:
        self.n_made += 1
        site.python.parent.mkdir(parents=True)
        site.python.symlink_to(interpreter.path)


@dataclass(slots=True)
class FakeInstaller:
    """Run a program in place of an installer; remember what it was given."""

    name: str = "fake"
    code: str = ""
    wanted: list[list[str]] = field(default_factory=list)
    seen: list[list[str]] = field(default_factory=list)

    def command(self, python: Path, requirements: Path) -> list[str]:
        self.wanted.append(requirements.read_text().splitlines())
        self.seen.append(sorted(path.name for path in requirements.parent.iterdir()))
        return [str(python), "-I", "-c", self.code]

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        return dict(env)


FILES = {
    "python_env.yaml": "build_dependencies:\n- wheel==0.40\ndependencies:\n- -r requirements.txt\n",
    "requirements.txt": "tinypkg==1.0\n",
    "weights/model.pkl": "x",
}


@pytest.fixture
def asked(request_for: Callable[..., RestoreRequest], model: Callable[..., Path]) -> RestoreRequest:
    return request_for(model(FILES), python=Path(sys.executable))


@pytest.fixture
def restored(asked: RestoreRequest) -> Callable[..., Environment]:
    def done(installer: FakeInstaller | None = None, **changes: Any) -> Environment:
        return restore_isolated(replace(asked, **changes), FakeCreator(), installer or FakeInstaller())

    return done


def test_build_tools_first_then_requirements_together_with_additions(restored: Callable[..., Environment]) -> None:
    installer = FakeInstaller()
    restored(installer, additions=ADDITIONS).close()
    assert installer.wanted == [["wheel==0.40"], ["-r requirements.txt", "a-server==1", "uvloop<0.22"]]
    assert installer.seen[0] == sorted([LINES_FILE, "python_env.yaml", "requirements.txt", "weights"])


def test_the_environment_describes_itself(restored: Callable[..., Environment], asked: RestoreRequest) -> None:
    with restored() as environment:
        assert (environment.manager, environment.cached) == ("fake", False)
        assert environment.python == environment.prefix / "bin" / "python"
        assert environment.python.resolve() == Path(sys.executable).resolve()
        assert environment.python_version == sys.version.split()[0]
        assert environment.prefix.is_relative_to(asked.root / "envs" / environment.digest[:32])


def test_a_second_restore_runs_nothing(restored: Callable[..., Environment]) -> None:
    installer = FakeInstaller()
    with restored(installer) as first, restored(installer) as second:
        assert second.cached
        assert (second.digest, second.python, second.freeze) == (first.digest, first.python, first.freeze)
        assert second.elapsed_s < first.elapsed_s
    assert len(installer.wanted) == 2


def test_additions_make_another_environment_and_leave_the_models_own_as_it_is(
    restored: Callable[..., Environment],
) -> None:
    with restored() as own, restored(additions=ADDITIONS) as other, restored() as again:
        assert (own.added, other.added) == ((), ADDITIONS.requirements)
        assert (other.cached, again.cached) == (False, True)
        assert other.digest != own.digest == again.digest
        assert other.prefix != own.prefix == again.prefix
        assert own.notes == again.notes
        assert "for a-server an environment of its own has the model's requirements and a-server==1" in other.notes[-1]


def test_the_digest_without_additions_is_what_it_was_before_there_were_any(
    restored: Callable[..., Environment],
) -> None:
    with restored() as environment, restored(additions=Additions(wanted_by="builtin")) as same:
        assert (same.digest, same.cached) == (environment.digest, True)


def test_additions_that_do_not_fit_are_told_before_anything_is_built(restored: Callable[..., Environment]) -> None:
    installer = FakeInstaller()
    with pytest.raises(RequirementsError) as caught:
        restored(installer, additions=replace(ADDITIONS, requirements=("tinypkg>1",)))
    assert caught.value.happened == "a-server cannot live with the model's requirements: tinypkg==1.0 against tinypkg>1"
    assert installer.wanted == []


def test_an_open_environment_is_not_pruned(restored: Callable[..., Environment], asked: RestoreRequest) -> None:
    environment = restored()
    assert prune(asked.root, max_bytes=0, max_age_s=0) == ()
    environment.close()
    assert len(prune(asked.root, max_bytes=0, max_age_s=0)) == 1
    environment.close()


def test_a_failing_installer_is_an_error_with_its_log(
    restored: Callable[..., Environment], asked: RestoreRequest
) -> None:
    code = "import sys; sys.exit('Because tinypkg was not found in the package registry and you require it')"
    with pytest.raises(RequirementsError) as caught:
        restored(FakeInstaller(code=code))
    error = caught.value
    assert error.happened == "installing the build tools failed: no index has tinypkg"
    assert error.facts["asked for"] == "tinypkg==1.0 (requirements.txt, line 1)"
    log = Path(str(error.facts["log"]).splitlines()[0].removeprefix("last lines of ").removesuffix(":"))
    assert "Because tinypkg" in log.read_text()
    assert all(each.manager == "" for each in list_cached(asked.root))


def test_a_failing_build_is_told_once_a_run(restored: Callable[..., Environment]) -> None:
    failing = FakeInstaller(code="raise SystemExit('No space left on device')")
    for _ in range(2):
        with pytest.raises(InstallFailed, match="disk is full"):
            restored(failing, run_id="one")
    assert len(failing.wanted) == 1
    restored(run_id="two").close()


def test_variables_that_mislead_do_not_reach_the_installer(
    restored: Callable[..., Environment], asked: RestoreRequest
) -> None:
    code = "import os, sys; sys.exit('PYTHONDONTWRITEBYTECODE' in os.environ or 'PYTHONPATH' in os.environ)"
    restored(FakeInstaller(code=code), env={**asked.env, "PYTHONPATH": "/x", "PYTHONDONTWRITEBYTECODE": "1"}).close()


def test_a_read_only_model_is_left_alone(restored: Callable[..., Environment], asked: RestoreRequest) -> None:
    directory = asked.spec.directory
    before = sorted(directory.rglob("*"))
    for path in [directory, *before]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        restored().close()
        assert sorted(directory.rglob("*")) == before
    finally:
        for path in [directory, *before]:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def test_no_files_is_an_error_that_names_local(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path]
) -> None:
    with pytest.raises(RequirementsError) as caught:
        restore_isolated(request_for(model({"MLmodel": ""})), FakeCreator(), FakeInstaller())
    assert "no environment files" in caught.value.happened
    assert "local" in caught.value.fix


def test_no_interpreter(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path], offline: dict[str, str]
) -> None:
    request = request_for(model({"python_env.yaml": "python: '3.2.1'\n"}), env={**offline, "PATH": ""})
    with pytest.raises(InterpreterMissing):
        restore_isolated(request, FakeCreator(), FakeInstaller())


def test_a_cache_that_cannot_be_written(restored: Callable[..., Environment], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InstallFailed) as caught:
        restored(root=tmp_path / "file" / "cache")
    assert caught.value.facts["cache"] == tmp_path / "file" / "cache"


def test_loading_once_is_the_last_step(restored: Callable[..., Environment], heard: Any) -> None:
    with restored(smoke=("-c", "import sys; assert sys.flags.isolated and not sys.dont_write_bytecode")) as environment:
        assert heard.steps[-1] == "loading the model once"
        assert not any("load" in note for note in environment.notes)


def test_the_model_is_loaded_without_what_the_installer_sees(
    restored: Callable[..., Environment], offline: dict[str, str], tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    with restored(
        env={**offline, "INDEX_PASSWORD": "secret"},
        smoke=("-c", f"import os; open({str(seen)!r}, 'w').write(repr(dict(os.environ)))"),
        smoke_env=lambda prefix: {"VIRTUAL_ENV": str(prefix)},
    ) as environment:
        variables = ast.literal_eval(seen.read_text())
        assert variables["VIRTUAL_ENV"] == str(environment.prefix)
        assert variables.keys() <= {"VIRTUAL_ENV", "LC_CTYPE", "__CF_USER_TEXT_ENCODING"}  # what Python and macOS add


FORGOTTEN = (
    "Add `scikit-survival` to the model's requirements (it brings `sksurv`) and log it again, "
    "or try --model-env-manager=local."
)


@pytest.mark.parametrize(
    ("code", "note"),
    [
        ("import nosuchmodule.part", "the model imports 'nosuchmodule', which its requirements do not bring"),
        ("raise ModuleNotFoundError(\"No module named 'sksurv'\")", FORGOTTEN),
        ("print('one'); raise SystemExit(3)", "loading the model once failed (exit code 3): one"),
        ("import time; time.sleep(600)", "loading the model once failed (0.5 s were not enough): "),
    ],
)
def test_a_model_that_does_not_load_is_a_note(restored: Callable[..., Environment], code: str, note: str) -> None:
    timeout_s = 0.5 if "sleep" in code else 60.0
    for _ in range(2):  # built, then found
        with restored(smoke=("-c", code), smoke_timeout_s=timeout_s) as environment:
            assert note in environment.notes


def test_how_the_load_went_is_not_told_of_another_model(
    restored: Callable[..., Environment], asked: RestoreRequest
) -> None:
    restored(smoke=("-c", "import nosuchmodule")).close()
    twin = replace(asked.spec, directory=asked.spec.directory.with_name("twin"))
    with restored(spec=twin, smoke=("-c", "")) as environment:
        assert environment.cached
        assert not any("nosuchmodule" in note for note in environment.notes)


def test_the_note_on_the_interpreter_comes_with_a_hit_too(
    restored: Callable[..., Environment], asked: RestoreRequest
) -> None:
    spec = replace(asked.spec, python="3.2.1")
    for _ in range(2):
        with restored(spec=spec) as environment:
            assert environment.notes[0].startswith("the model recorded Python 3.2.1; using ")


def test_an_interrupt_leaves_nothing(restored: Callable[..., Environment], asked: RestoreRequest) -> None:
    class Interrupting:
        def step(self, text: str) -> None:
            if text == "installing the requirements":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restored(progress=Interrupting())
    (folder,) = (asked.root / "envs").iterdir()
    assert list(folder.iterdir()) == []
    assert list((asked.root / "locks").glob("*.status*")) == []


def test_a_relative_cache_will_do(restored: Callable[..., Environment], tmp_path: Path) -> None:
    near = Path(os.path.relpath(tmp_path / "near"))
    with restored(root=near) as environment:
        assert environment.prefix.is_absolute()
        assert environment.python.exists()


def test_a_disk_that_is_full_for_us_too(restored: Callable[..., Environment]) -> None:
    class Full:
        def step(self, text: str) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InstallFailed) as caught:
        restored(progress=Full())
    assert caught.value.happened == "the environment could not be made: the disk is full"


def test_what_the_load_is_told_is_a_file_that_is_gone_afterwards(restored: Callable[..., Environment]) -> None:
    code = "import json, sys; print(json.load(open(sys.argv[1]))['model_dir'], file=open(sys.argv[1] + '.seen', 'w'))"
    with restored(smoke=("-c", code), smoke_config={"model_dir": "/m"}) as environment:
        folder = environment.prefix.parent
        assert (folder / "smoke.json.seen").read_text() == "/m\n"
        assert not (folder / "smoke.json").exists()
        assert not any("loading the model" in note for note in environment.notes)


def test_a_model_that_used_it_is_noted_and_does_not_decide(
    restored: Callable[..., Environment], asked: RestoreRequest
) -> None:
    with restored(model_uri="models:/a/1") as first, restored(model_uri="models:/a/2") as second, restored() as third:
        assert first.digest == second.digest == third.digest
        assert (second.cached, third.cached) == (True, True)
    (listed,) = list_cached(asked.root)
    assert {use.uri for use in listed.uses} == {"models:/a/1", "models:/a/2"}
    assert {use.directory for use in listed.uses} == {asked.spec.directory}


@pytest.mark.parametrize(
    ("number", "happened"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the cache cannot be written")],
)
@pytest.mark.parametrize("where", ["create", "install", "pointer"])
def test_a_disk_that_refuses_is_told_and_the_next_try_works(
    restored: Callable[..., Environment],
    asked: RestoreRequest,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    number: int,
    happened: str,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    targets = {
        "create": (FakeCreator, "create"),
        "install": (BuildSite, "run"),
        "pointer": (cache, "write_whole"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*targets[where], refuse)
        with pytest.raises(InstallFailed) as caught:
            restored(run_id="one")
    assert happened in caught.value.happened
    assert "--model-cache-dir" in caught.value.fix
    assert list(asked.root.glob("envs/*/g-*")) == list(asked.root.glob("envs/*/*.json*")) == []
    assert list(asked.root.glob("locks/*.status*")) == []
    restored(run_id="one").close()


@pytest.mark.parametrize(("n_loose", "end"), [(1, ": p0"), (5, "p3, p4"), (7, "p4 and 2 more")])
def test_packages_that_the_build_decides_are_noted(
    restored: Callable[..., Environment], asked: RestoreRequest, n_loose: int, end: str
) -> None:
    spec = replace(asked.spec, loose=tuple(f"p{number}" for number in range(n_loose)), notes=("one", "two"))
    with restored(spec=spec) as environment:
        (at,) = [at for at, note in enumerate(environment.notes) if note.startswith("without an exact version")]
        assert environment.notes[at - 2 : at] == ("one", "two")
        assert environment.notes[at].endswith(end)


def test_where_no_share_can_be_had_there_is_no_lease(
    restored: Callable[..., Environment], asked: RestoreRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored().close()
    shutil.rmtree(asked.root / "locks")

    def refused(path: Path, *, mode: int = 0, is_needed: bool = True) -> Lease:
        if is_needed:
            raise PermissionError(errno.EACCES, "not yours", path)
        return Lease(path, is_needed=False)

    monkeypatch.setattr(cache, "Lease", refused)
    with restored() as environment:
        assert (environment.cached, environment.lease) == (True, None)
