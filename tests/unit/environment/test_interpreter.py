"""Finding interpreters: real programs that answer, or do not."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from pytest_modelserve.environment.answers import Answers
from pytest_modelserve.environment.interpreter import Choice, Places, find_interpreter, find_interpreters
from pytest_modelserve.errors import InterpreterMissing

Plant = Callable[..., Path]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Make an executable that claims to be a Python, or does what `body` says, and counts its calls."""

    def planted(path: str, version: str = "3.10.13", /, *, body: str = "", **others: object) -> Path:
        executable = tmp_path / path
        executable.parent.mkdir(parents=True, exist_ok=True)
        answer = {"path": str(executable), "version": version, "implementation": "cpython", **others}
        says = body or f"echo '{json.dumps(answer)}'"
        executable.write_text(f"#!/bin/sh\necho call >> '{executable}.calls'\n{says}\n")
        executable.chmod(0o755)
        return executable

    return planted


@pytest.fixture
def places(tmp_path: Path) -> Places:
    path = (tmp_path / "bin", tmp_path / "pyenv/shims")
    return Places(pyenv=tmp_path / "pyenv", uv=tmp_path / "uv", path=path, conda=(tmp_path / "conda/envs/a",))


@pytest.fixture
def find(tmp_path: Path, places: Places) -> Callable[..., Choice]:
    """Look in the planted places; every call reads what the last one saved."""

    def found(wanted: str | None, **others: Path | str) -> Choice:
        return find_interpreter(wanted, places=places, answers=Answers(tmp_path / "answers.json"), **others)

    return found


def n_calls(executable: Path) -> int:
    calls = executable.with_name(f"{executable.name}.calls")
    return len(calls.read_text().splitlines()) if calls.exists() else 0


@pytest.mark.parametrize(
    "path",
    [
        "pyenv/versions/3.10.13/bin/python",
        "uv/cpython-3.10.13-linux/bin/python",
        "bin/python3.10",
        "conda/envs/a/bin/python",
    ],
)
def test_the_same_patch_is_taken_wherever_it_is(plant: Plant, find: Callable[..., Choice], path: str) -> None:
    plant("bin/python3.11", "3.11.1")
    plant("pyenv/versions/3.10.2/bin/python", "3.10.2")
    exact = plant(path)
    choice = find("3.10.13")
    assert choice.interpreter.path == exact
    assert choice.note == ""


def test_the_newest_patch_of_the_minor_version_is_noted(plant: Plant, find: Callable[..., Choice]) -> None:
    for version in ("3.11.2", "3.11.10", "3.11.9", "3.12.0"):
        plant(f"pyenv/versions/{version}/bin/python", version)
    choice = find("3.11.5")
    assert choice.interpreter.version == "3.11.10"
    assert choice.note == "the model recorded Python 3.11.5; using 3.11.10"


def test_a_version_without_patch_needs_no_note(plant: Plant, find: Callable[..., Choice]) -> None:
    plant("bin/python3.11", "3.11.2")
    plant("bin/python3.1", "3.1.5")
    assert find("3.1") == Choice(interpreter=find("3.1").interpreter)
    assert find("3.1").interpreter.version == "3.1.5"


def test_another_minor_version_is_an_error_that_says_how_to_get_it(
    plant: Plant, find: Callable[..., Choice], tmp_path: Path
) -> None:
    plant("bin/python3.11", "3.11.2")
    with pytest.raises(InterpreterMissing) as caught:
        find("3.10.13")
    assert caught.value.facts["wanted"] == "3.10.13"
    assert caught.value.facts["found"] == f"3.11.2 at {tmp_path / 'bin/python3.11'}"
    assert caught.value.happened == "no Python 3.10 was found; the model recorded 3.10.13"
    looked_in = str(caught.value.facts["looked in"]).splitlines()
    assert looked_in == [
        str(tmp_path / name) for name in ("pyenv/versions", "uv", "bin", "pyenv/shims", "conda/envs/a")
    ]
    assert "uv python install 3.10.13" in caught.value.fix
    assert "pyenv install 3.10.13" in caught.value.fix
    assert "conda create -n py3.10 python=3.10.13" in caught.value.fix


@pytest.mark.parametrize("body", ["exit 127", "echo Python 3.10.13", "echo '{}'", "echo '[1]'", "kill -9 $$"])
def test_a_broken_shim_is_passed_over_and_asked_once(plant: Plant, find: Callable[..., Choice], body: str) -> None:
    shim = plant("bin/python3", body=body)
    right = plant("bin/python3.10")
    assert find("3.10.99").interpreter.path == right
    assert find("3.10.99").interpreter.path == right
    assert n_calls(shim) == 1


def test_what_cannot_be_executed_is_passed_over(plant: Plant, find: Callable[..., Choice], tmp_path: Path) -> None:
    plant("bin/python3").chmod(0o644)
    (tmp_path / "bin/python3.9").symlink_to(tmp_path / "gone")
    (tmp_path / "bin/python3.8").mkdir()
    right = plant("bin/python3.10")
    assert find("3.10.99").interpreter.path == right


def test_shims_of_pyenv_are_not_asked(plant: Plant, find: Callable[..., Choice]) -> None:
    shim = plant("pyenv/shims/python3.10")
    with pytest.raises(InterpreterMissing):
        find("3.10.13")
    assert n_calls(shim) == 0


@pytest.mark.parametrize("alien", [{"implementation": "pypy"}, {"is_free_threaded": True}])
def test_other_kinds_of_python_are_passed_over(
    plant: Plant, find: Callable[..., Choice], alien: dict[str, object]
) -> None:
    plant("bin/python3.10", **alien)
    with pytest.raises(InterpreterMissing):
        find("3.10.13")


def test_an_answer_is_kept_until_the_file_changes(plant: Plant, find: Callable[..., Choice]) -> None:
    executable = plant("bin/python3.10", "3.10.1")
    assert [find("3.10").interpreter.version for _ in range(3)] == ["3.10.1"] * 3
    assert n_calls(executable) == 1
    plant("bin/python3.10", "3.10.22")
    assert find("3.10").interpreter.version == "3.10.22"


def test_an_answer_about_a_python_that_is_gone_is_not_used(
    plant: Plant, find: Callable[..., Choice], tmp_path: Path
) -> None:
    behind = plant("elsewhere/python", "3.10.1")
    plant("bin/python3.10", path=str(behind))
    assert find("3.10").interpreter.path == behind
    behind.unlink()
    with pytest.raises(InterpreterMissing):
        find("3.10")


def test_a_torn_answers_file_is_begun_anew(plant: Plant, find: Callable[..., Choice], tmp_path: Path) -> None:
    plant("bin/python3.10")
    (tmp_path / "answers.json").write_text('{"schema": 1, "kno')
    assert find("3.10").interpreter.version == "3.10.13"
    assert json.loads((tmp_path / "answers.json").read_text())["schema"] == 1


def test_threads_may_save_at_once(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def learn(number: int) -> None:
        answers = Answers(tmp_path / "answers.json")
        answers.learn(tmp_path / str(number), {"version": str(number)})
        start.wait()
        answers.save()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(learn, range(8))) == [None] * 8
    assert len(json.loads((tmp_path / "answers.json").read_text())["known"]) >= 1
    assert [path.name for path in tmp_path.iterdir()] == ["answers.json"]


def test_links_to_one_python_count_once(plant: Plant, places: Places, tmp_path: Path) -> None:
    real = plant("pyenv/versions/3.10.13/bin/python")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3.10").symlink_to(real)
    plant("bin/python3", path=str(real))
    assert len(list(find_interpreters(places, Answers(tmp_path / "answers.json")))) == 1


def test_an_explicit_path_stands_and_is_noted(plant: Plant, find: Callable[..., Choice]) -> None:
    plant("bin/python3.10")
    chosen = plant("mine/py", "3.12.1")
    choice = find("3.10.13", explicit=chosen)
    assert choice.interpreter.path == chosen
    assert choice.note == "the model recorded Python 3.10.13; using 3.12.1, as you chose"
    assert find("3.12", explicit=chosen).note == ""
    assert find(None, explicit=chosen).note == ""


@pytest.mark.parametrize(
    ("wanted", "asked", "taken", "note"),
    [
        ("3.10.13", "3.12", "3.12.4", "the model recorded Python 3.10.13; using 3.12.4, as you chose"),
        ("3.10.13", "3.12.1", "3.12.1", "the model recorded Python 3.10.13; using 3.12.1, as you chose"),
        ("3.12.1", "3.12.1", "3.12.1", ""),
        (None, "3.12", "3.12.4", ""),
        ("3.12", "3.12.9", "3.12.4", "you asked for Python 3.12.9; using 3.12.4"),
        (
            "3.11",
            "3.12.9",
            "3.12.4",
            "you asked for Python 3.12.9; using 3.12.4; the model recorded Python 3.11; using 3.12.4, as you chose",
        ),
    ],
)
def test_an_explicit_version_is_looked_for(
    plant: Plant, find: Callable[..., Choice], wanted: str | None, asked: str, taken: str, note: str
) -> None:
    for version in ("3.10.13", "3.12.1", "3.12.4"):
        plant(f"pyenv/versions/{version}/bin/python", version)
    choice = find(wanted, explicit=asked)
    assert (choice.interpreter.version, choice.note) == (taken, note)


def test_an_explicit_version_that_is_not_there(plant: Plant, find: Callable[..., Choice]) -> None:
    plant("bin/python3.10")
    with pytest.raises(InterpreterMissing) as caught:
        find("3.10.13", explicit="3.9")
    assert caught.value.happened == "no Python 3.9 was found; you asked for 3.9"
    assert "uv python install 3.9" in caught.value.fix


def test_answers_that_cannot_be_saved_are_asked_again(plant: Plant, tmp_path: Path, places: Places) -> None:
    executable = plant("bin/python3.10")
    (tmp_path / "file").touch()
    for n_asked in (1, 2):
        answers = Answers(tmp_path / "file" / "answers.json")
        assert find_interpreter("3.10", places=places, answers=answers).interpreter.path == executable
        assert n_calls(executable) == n_asked


@pytest.mark.parametrize("known", ["[]", "null", '{"/bin/python": {}}', '{"/bin/python": {"answer": {}}}'])
def test_answers_of_another_shape_are_none(tmp_path: Path, known: str) -> None:
    (tmp_path / "answers.json").write_text(f'{{"schema": 1, "known": {known}}}')
    assert Answers(tmp_path / "answers.json").known(Path("/bin/python")) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("is_root_theirs", [True, False])
def test_answers_that_somebody_else_may_have_written_are_none(
    plant: Plant, tmp_path: Path, places: Places, is_root_theirs: bool
) -> None:
    executable, evil = plant("bin/python3.10"), plant("evil/python3.10")
    root = tmp_path / "cache"
    find_interpreter("3.10", places=places, answers=Answers.of_cache(root))
    assert Answers.of_cache(root).known(executable) is not None
    path = root / "interpreters.json"
    forged = path.read_text().replace(f'"path": "{executable}"', f'"path": "{evil}"')
    path.write_text(forged)
    trusted = find_interpreter("3.10", places=places, answers=Answers.of_cache(root))
    assert trusted.interpreter.path == evil  # whoever writes there decides
    root.chmod(0o777)
    os.chown(root if is_root_theirs else path, 61234, 61234)
    answers = Answers.of_cache(root)
    assert find_interpreter("3.10", places=places, answers=answers).interpreter.path == executable
    assert path.read_text() == forged


def test_an_explicit_path_that_does_not_run(find: Callable[..., Choice], tmp_path: Path) -> None:
    with pytest.raises(InterpreterMissing) as caught:
        find("3.10.13", explicit=tmp_path / "gone")
    assert str(tmp_path / "gone") in caught.value.happened


def test_the_running_interpreter_describes_itself(tmp_path: Path) -> None:
    places = Places(running=(Path(sys.executable),))
    choice = find_interpreter(None, places=places, answers=Answers(tmp_path / "a.json"))
    assert choice.interpreter.version == sys.version.split()[0]
    assert choice.interpreter.abi.startswith("cpython-3")
    assert not (choice.interpreter.path.parent.parent / "pyvenv.cfg").exists()  # behind the virtual environment
    assert "no Python version" in choice.note


def test_no_usable_running_interpreter(plant: Plant, tmp_path: Path) -> None:
    places = Places(running=(plant("bin/pypy", implementation="pypy"),))
    with pytest.raises(InterpreterMissing):
        find_interpreter(None, places=places, answers=Answers(tmp_path / "a.json"))


def test_places_come_from_the_variables(tmp_path: Path) -> None:
    custom = Places.of({"HOME": "/h", "PYENV_ROOT": "/p", "UV_PYTHON_INSTALL_DIR": "/u", "PATH": "/a::/b"})
    assert (custom.pyenv, custom.uv, custom.path) == (Path("/p"), Path("/u"), (Path("/a"), Path("/b")))
    usual = Places.of({"HOME": "/h"})
    assert (usual.pyenv, usual.uv, usual.path) == (Path("/h/.pyenv"), Path("/h/.local/share/uv/python"), ())
    assert Places.of({"HOME": "/h", "XDG_DATA_HOME": "/d"}).uv == Path("/d/uv/python")


@pytest.mark.parametrize("is_linked", [False, True])
def test_a_python_of_the_cache_carries_no_other_environment(is_linked: bool, plant: Plant, tmp_path: Path) -> None:
    """conda lists what it makes in the cache; an environment made with such a Python would break when it is pruned."""
    cache = tmp_path / "cache"
    plant("cache/envs/key/g-1/env/bin/python")
    (tmp_path / ".conda").mkdir()
    listed, bin_ = cache / "envs" / "key" / "g-1" / "env", tmp_path / "path"
    bin_.mkdir()
    if is_linked:
        (bin_ / "python3.10").symlink_to(listed / "bin" / "python")
    else:
        (tmp_path / ".conda" / "environments.txt").write_text(f"{listed}\n")
    env = {"HOME": str(tmp_path), "PATH": str(bin_)}

    def found(root: Path) -> list[Path]:
        return [each for each in Places.of(env, cache=root).candidates() if each != Path(sys.executable)]

    assert found(cache) == []
    assert found(tmp_path / "elsewhere") == [bin_ / "python3.10" if is_linked else listed / "bin" / "python"]


def test_places_that_cannot_be_listed_are_passed_over(plant: Plant, tmp_path: Path) -> None:
    right = plant("bin/python3.10")
    bad = (tmp_path / "gone", right, tmp_path / ("long" * 2000))
    places = Places(path=(*bad, tmp_path / "bin"))
    found = find_interpreter("3.10.13", places=places, answers=Answers(tmp_path / "a.json"))
    assert found.interpreter.path == right


VERSIONS = st.builds("3.{}.{}".format, st.integers(8, 13), st.integers(0, 20))


@given(there=st.sets(VERSIONS, max_size=12), wanted=VERSIONS)
def test_the_choice_is_the_same_patch_else_the_newest_of_the_minor(
    tmp_path_factory: pytest.TempPathFactory, there: set[str], wanted: str
) -> None:
    root = tmp_path_factory.mktemp("pyenv")
    answers = Answers(root / "answers.json")
    for version in there:
        executable = root / "versions" / version / "bin" / "python"
        executable.parent.mkdir(parents=True)
        executable.touch()
        answers.learn(executable, {"path": str(executable), "version": version})
    fitting = [Version(version) for version in there if version.rpartition(".")[0] == wanted.rpartition(".")[0]]
    if not fitting:
        with pytest.raises(InterpreterMissing) as caught:
            find_interpreter(wanted, places=Places(pyenv=root), answers=answers)
        assert len(str(caught.value.facts["found"]).splitlines()) == max(len(there), 1)
        return
    choice = find_interpreter(wanted, places=Places(pyenv=root), answers=answers)
    assert choice.interpreter.version == (wanted if wanted in there else str(max(fitting)))
    assert bool(choice.note) is (wanted not in there)
