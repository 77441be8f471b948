"""`modelserve envs`: what it prints, finds and removes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pytest_modelserve import cli, envs
from pytest_modelserve.environment.cache import CachedBuild, EnvironmentCache, Slot
from pytest_modelserve.environment.progress import Progress
from pytest_modelserve.environment.usage import record_use
from pytest_modelserve.settings import Settings

Capture = pytest.CaptureFixture[str]
Built = Callable[..., CachedBuild]
SIZE = 64 * 1024


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """Build an environment of some 64 KiB for models, used last so many days ago."""

    def done(key: str, *uris: str, days: float = 0) -> CachedBuild:
        def build(directory: Path, progress: Progress) -> Mapping[str, object]:
            (directory / "python").write_bytes(os.urandom(SIZE))
            return {"python": "python", "manager": "uv", "python_version": "3.11.7"}

        found = EnvironmentCache(tmp_path).obtain(key, build)
        slot = Slot(root=tmp_path, key=key)
        for uri in uris:
            record_use(slot.folder, uri, tmp_path / "models" / uri)
        used = time.time() - days * envs.DAY_S
        os.utime(slot.pointer, (used, used))
        return found

    return done


def called(root: Path, *words: str) -> int:
    return cli.main(["envs", *words, f"--cache-dir={root}"])


def left(root: Path) -> set[str]:
    return {path.name for path in (root / "envs").iterdir()}


def test_envs_of_an_empty_cache(capsys: Capture, tmp_path: Path) -> None:
    cache = f"--cache-dir={tmp_path}"
    assert cli.main(["envs", "path", cache]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'envs'}\n"
    assert cli.main(["envs", "list", cache]) == 0
    assert cli.main(["envs", "prune", cache]) == 0
    assert capsys.readouterr().out == ""


def test_envs_lists_and_prunes_what_is_cached(capsys: Capture, tmp_path: Path) -> None:
    directory = tmp_path / "envs" / ("a" * 40)
    directory.mkdir(parents=True)
    (directory / "half").write_text("built")
    cache = f"--cache-dir={tmp_path}"
    assert cli.main(["envs", "list", cache]) == 0
    listed = capsys.readouterr().out
    assert str(directory) in listed
    assert "unfinished" in listed
    assert cli.main(["envs", "prune", cache]) == 0
    assert capsys.readouterr().out.startswith("removed ")
    assert not directory.exists()


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ((), set()),
        (("--unused-days=30",), {"new"}),
        (("--unused-days=365",), {"new", "old"}),
        (("--keep-gb=1",), {"new", "old"}),
        (("--keep-gb=0",), set()),
        (("--unused-days=30", "--keep-gb=1"), {"new"}),
    ],
)
def test_prune_removes_only_what_is_asked_for(tmp_path: Path, words: tuple[str, ...], left: set[str]) -> None:
    for name, age_days in (("new", 1), ("old", 100)):
        folder = tmp_path / "envs" / name
        folder.mkdir(parents=True)
        (folder / "half").write_text("built")
        last_used = time.time() - age_days * envs.DAY_S
        os.utime(folder, (last_used, last_used))
    assert cli.main(["envs", "prune", f"--cache-dir={tmp_path}", *words]) == 0
    assert {path.name for path in (tmp_path / "envs").iterdir()} == left


def test_list_tells_models_and_the_whole(capsys: Capture, tmp_path: Path, built: Built) -> None:
    built("a" * 32, *(f"models:/m{number}/1" for number in range(5))).lease.close()
    used = built("b" * 32, "models:/other/1", days=1)
    assert called(tmp_path, "list") == 0
    first, *models, more, second, other, total = capsys.readouterr().out.splitlines()
    assert first.startswith("aaaaaaaaaaaa   0.00 GB")
    assert "uv Python 3.11.7  " in first
    assert {line.split()[2] for line in models} < {f"models:/m{number}/1" for number in range(5)}
    assert (len(models), more) == (3, "    and 2 more")
    assert second.startswith("bbbbbbbbbbbb")
    assert "uv Python 3.11.7, in use  " in second
    assert other.endswith("models:/other/1")
    assert total == f"2 environments, 0.00 GB in {tmp_path}"
    used.lease.close()


@pytest.fixture
def package(tmp_path: Path) -> Callable[[str], Path]:
    """Unpack a package of conda in the cache."""

    def made(name: str) -> Path:
        folder = tmp_path / "conda" / "pkgs" / name
        (folder / "info").mkdir(parents=True)
        (folder / "info" / "index.json").write_text("{}")
        (folder / "file").write_bytes(os.urandom(SIZE))
        return folder

    return made


def test_list_counts_the_packages_of_conda(
    capsys: Capture, tmp_path: Path, built: Built, package: Callable[[str], Path]
) -> None:
    built("a" * 32, "models:/m/1").lease.close()
    for number in range(100):
        package(f"zlib-{number}-0")
    assert called(tmp_path, "list") == 0
    *_, packages, total = capsys.readouterr().out.splitlines()
    assert packages == f"conda packages  0.01 GB  {tmp_path / 'conda'}"
    assert total == f"1 environments, 0.01 GB in {tmp_path}"


def test_prune_takes_packages_that_no_environment_has(
    capsys: Capture, tmp_path: Path, built: Built, package: Callable[[str], Path]
) -> None:
    used, gone = built("a" * 32, days=1), built("b" * 32)
    gone.lease.close()
    kept, lost = package("zlib-1-0"), package("zlib-2-0")
    os.link(kept / "file", used.directory / "file")
    os.link(lost / "file", gone.directory / "file")
    assert called(tmp_path, "prune", "--unused-days=1") == 0  # which removes no environment
    assert lost.exists()
    assert called(tmp_path, "prune") == 0
    assert (kept.exists(), lost.exists()) == (True, False)
    assert "removed 1 conda packages that no environment has" in capsys.readouterr().out
    used.lease.close()


def test_a_limit_takes_the_packages_of_what_it_removes(
    tmp_path: Path, built: Built, package: Callable[[str], Path]
) -> None:
    built("a", days=2).lease.close()
    lost = package("zlib-2-0")
    for limit, stays in ((10 * SIZE, True), (0, False)):
        envs.limit_cache(Settings(cache_dir=tmp_path, cache_limit=limit), started=time.time())
        assert lost.exists() is stays


def test_list_as_json(capsys: Capture, tmp_path: Path, built: Built) -> None:
    environment = built("a" * 32, "models:/m/1")
    assert called(tmp_path, "list", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["key"] == "a" * 32
    assert (found["manager"], found["python_version"], found["is_in_use"]) == ("uv", "3.11.7", True)
    assert (found["directory"], found["disk_bytes"] >= SIZE) == (str(environment.directory), True)
    assert time.time() - found["last_used"] < 60
    (use,) = found["uses"]
    assert (use["uri"], use["directory"]) == ("models:/m/1", str(tmp_path / "models" / "models:/m/1"))
    environment.lease.close()


def test_path_of_a_model_is_that_of_the_environment_it_used_last(
    capsys: Capture, tmp_path: Path, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    built("old", "model", days=0).lease.close()
    newer = built("new", "model", days=3)
    for note in Slot(root=tmp_path, key="old").folder.glob("models/*.json"):
        os.utime(note, (1, 1))
    assert called(tmp_path, "path", "model") == 0
    assert capsys.readouterr().out == f"{newer.directory}\n"
    monkeypatch.chdir(tmp_path)  # the same model by another name of its directory
    assert called(tmp_path, "path", "models/model") == 0
    assert capsys.readouterr().out == f"{newer.directory}\n"
    newer.lease.close()


def test_a_model_that_used_none_is_told_what_there_is(capsys: Capture, tmp_path: Path, built: Built) -> None:
    built("a" * 32, "model").lease.close()
    for words in (("path", "other"), ("prune", "other")):
        assert called(tmp_path, *words) == cli.EXIT_INFRASTRUCTURE
        told = capsys.readouterr().err
        assert "no cached environment is known by 'other'" in told
        assert "aaaaaaaaaaaa" in told
    assert left(tmp_path) == {"a" * 32}


@pytest.mark.parametrize(
    ("what", "stays"),
    [
        (("aaaa",), {"bbbb1", "bbbb2"}),
        (("bbbb2",), {"aaaa1", "bbbb1"}),
        (("one",), {"bbbb2"}),
        (("two", "aaaa1"), {"bbbb1"}),
    ],
)
def test_prune_takes_keys_and_models(tmp_path: Path, built: Built, what: tuple[str, ...], stays: set[str]) -> None:
    for key, uri in (("aaaa1", "one"), ("bbbb1", "one"), ("bbbb2", "two")):
        built(key, uri).lease.close()
    assert called(tmp_path, "prune", *what) == 0
    assert left(tmp_path) == stays


def test_characters_that_two_keys_begin_with_name_none(capsys: Capture, tmp_path: Path, built: Built) -> None:
    for key in ("aaaa1", "bbbb1", "bbbb12"):
        built(key).lease.close()
    for words in (("prune", "aaaa1", "bbbb"), ("path", "bbbb")):
        assert called(tmp_path, *words) == cli.EXIT_INFRASTRUCTURE
        told = capsys.readouterr().err
        assert "2 cached environments have keys that begin with 'bbbb'" in told
        assert ("bbbb12" in told, "aaaa1" in told) == (True, False)
    assert left(tmp_path) == {"aaaa1", "bbbb1", "bbbb12"}
    assert called(tmp_path, "prune", "bbbb1") == 0  # a whole key
    assert left(tmp_path) == {"aaaa1", "bbbb12"}


@pytest.mark.parametrize("words", [("prune", ""), ("prune", "aaaa1", " "), ("path", "")])
def test_an_empty_name_is_a_wrong_usage(capsys: Capture, tmp_path: Path, built: Built, words: tuple[str, ...]) -> None:
    built("aaaa1").lease.close()
    with pytest.raises(SystemExit) as ended:
        called(tmp_path, *words)
    assert ended.value.code == 2
    assert "names nothing: write a key, or a model's URI" in capsys.readouterr().err
    assert left(tmp_path) == {"aaaa1"}


def test_prune_says_what_it_had_to_leave(capsys: Capture, tmp_path: Path, built: Built) -> None:
    used = built("aaaa1", "one")
    assert called(tmp_path, "prune", "one") == 0
    assert capsys.readouterr().out.startswith("left aaaa1 ")
    assert left(tmp_path) == {"aaaa1"}
    used.lease.close()


def test_prune_empties_the_folders_of_servers_that_do_not_run(capsys: Capture, tmp_path: Path) -> None:
    home = tmp_path / "servers" / "builtin-1"
    (home / "run-1").mkdir(parents=True)
    (home / "server.log").touch()
    assert called(tmp_path, "prune", "--unused-days=1") == 0
    assert (home / "run-1").exists()
    assert called(tmp_path, "prune") == 0
    assert capsys.readouterr().out == "removed the files of 1 servers that do not run\n"
    assert [path.name for path in home.iterdir()] == ["start.lock"]


def test_inputs_that_earlier_versions_left_go(tmp_path: Path) -> None:
    (tmp_path / "smoke").mkdir()
    for name, days in (("old.json", 2), ("new.json", 0)):
        (tmp_path / "smoke" / name).touch()
        used = time.time() - days * envs.DAY_S
        os.utime(tmp_path / "smoke" / name, (used, used))
    assert called(tmp_path, "prune") == 0
    assert [path.name for path in (tmp_path / "smoke").iterdir()] == ["new.json"]


@pytest.mark.parametrize(
    ("limit", "stays"),
    [
        (None, {"a", "b", "c", "d"}),
        (10**9, {"a", "b", "c", "d"}),
        (3 * SIZE, {"b", "c", "d"}),
        (2 * SIZE, {"c", "d"}),
        (0, {"c", "d"}),
    ],
)
def test_a_limit_spares_what_the_run_used_and_what_is_in_use(
    tmp_path: Path, built: Built, limit: int | None, stays: set[str]
) -> None:
    for key, days in (("a", 3), ("b", 2), ("d", 0)):
        built(key, days=days).lease.close()
    used = built("c", days=4)
    envs.limit_cache(Settings(cache_dir=tmp_path, cache_limit=limit), started=time.time() - 60)
    assert left(tmp_path) == stays
    used.lease.close()


def test_a_limit_goes_by_the_sizes_after_the_build(tmp_path: Path, built: Built) -> None:
    for key, days in (("a", 3), ("b", 2)):
        environment = built(key, days=days)
        (environment.directory / "more").write_bytes(os.urandom(10 * SIZE))
        environment.lease.close()
    envs.limit_cache(Settings(cache_dir=tmp_path, cache_limit=3 * SIZE), started=time.time())
    assert left(tmp_path) == {"a", "b"}
    assert called(tmp_path, "prune", f"--keep-gb={3 * SIZE / envs.GIGABYTE}") == 0
    assert left(tmp_path) == set()
