"""pip's settings, found where pip finds them and said to uv."""

from __future__ import annotations

import os
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.environment.indexes import (
    as_identity,
    as_uv,
    index_identity,
    read_pip_settings,
    secrets_in,
    without_credentials,
)
from pytest_modelserve.errors import RequirementsError


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Only files below the test's directory, besides the machine's own /etc/pip.conf."""
    return {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "xdg")}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_files_and_variables_rank_as_in_pip(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path / "xdg/pip/pip.conf", "[global]\nindex-url = site\nretries = 1\n[install]\nfind-links = site\n")
    write(tmp_path / ".pip/pip.conf", "[global]\nindex-url = legacy\n")
    write(tmp_path / ".config/pip/pip.conf", "[global]\nindex_url = user\ntimeout = 3\n[install]\ntimeout = 4\n")
    write(tmp_path / "named.conf", "[global]\ntimeout = 5\n")
    settings = read_pip_settings({**env, "PIP_CONFIG_FILE": str(tmp_path / "named.conf"), "PIP_RETRIES": "9"})
    chosen = {name: settings[name] for name in ("index-url", "timeout", "find-links", "retries")}
    assert chosen == {"index-url": "user", "timeout": "5", "find-links": "site", "retries": "9"}


def test_the_null_device_turns_files_off(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path / ".config/pip/pip.conf", "[global]\nindex-url = user\n")
    settings = read_pip_settings(
        {**env, "PIP_CONFIG_FILE": os.devnull, "PIP_EXTRA_INDEX_URL": "one two", "PIP_PRE": ""}
    )
    assert settings == {"config-file": os.devnull, "extra-index-url": "one two"}


def test_a_broken_file_is_named(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path / ".config/pip/pip.conf", "index-url = no section\n")
    with pytest.raises(RequirementsError) as caught:
        read_pip_settings(env)
    assert caught.value.facts["file"] == tmp_path / ".config/pip/pip.conf"


def test_settings_become_variables_of_uv(tmp_path: Path) -> None:
    settings = {
        "index-url": "https://u:p@one/simple",
        "extra-index-url": "https://two\nhttps://three",
        "find-links": "/wheels /more",
        "cert": "ca.pem",
        "trusted-host": "one",
        "constraint": str(tmp_path / "c.txt"),
    }
    added, flags = as_uv(settings, {}, ())
    assert added == {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": "https://u:p@one/simple",
        "UV_EXTRA_INDEX_URL": "https://two https://three",
        "UV_FIND_LINKS": "/wheels,/more",
        "SSL_CERT_FILE": str(Path("ca.pem").absolute()),
        "UV_INSECURE_HOST": "one",
        "UV_CONSTRAINT": str(tmp_path / "c.txt"),
    }
    assert flags == []


def test_switches_become_flags_of_uv() -> None:
    settings = {"no-index": "true", "pre": "0", "no-binary": "numpy,scipy", "only-binary": "pandas"}
    _, flags = as_uv(settings, {}, ())
    assert flags == ["--no-index", "--no-binary=numpy", "--no-binary=scipy", "--only-binary=pandas"]


def test_what_the_user_told_uv_stands() -> None:
    env = {"UV_INDEX_URL": "mine", "UV_INDEX_STRATEGY": "first-index", "SSL_CERT_FILE": "mine"}
    added, _ = as_uv({"index-url": "pips", "cert": "/pips", "find-links": "/pips"}, env, ())
    assert added == {"UV_FIND_LINKS": "/pips"}


@pytest.mark.parametrize("option", ["--index-url https://theirs", "--index-url=https://theirs", "-i https://theirs"])
def test_the_index_of_the_requirements_is_stronger_than_the_setting(option: str) -> None:
    added, _ = as_uv({"index-url": "https://ours", "extra-index-url": "https://also"}, {}, (option,))
    assert "UV_DEFAULT_INDEX" not in added
    assert added["UV_EXTRA_INDEX_URL"] == "https://also"


def test_option_lines_that_uv_ignores_become_flags() -> None:
    _, flags = as_uv({}, {}, ("--pre", "--trusted-host one", "--trusted-host=two"))
    assert flags == ["--prerelease=allow", "--allow-insecure-host=one", "--allow-insecure-host=two"]


def test_the_identity_has_what_decides_and_no_secret() -> None:
    settings = {"index-url": "https://user:secret@one/simple", "timeout": "3", "cert": "/ca.pem"}
    identity = index_identity(
        settings, {"UV_RESOLUTION": "lowest", "UV_HTTP_TIMEOUT": "3", "UV_INDEX": "https://t@two"}
    )
    assert identity == {"index-url": "https://one/simple", "UV_RESOLUTION": "lowest", "UV_INDEX": "https://two"}


def test_credentials_are_masked() -> None:
    text = "from https://user:p%40ss@host/simple and git+ssh://git@host/a, not me@example.com"
    assert without_credentials(text) == "from https://***@host/simple and git+ssh://***@host/a, not me@example.com"


@pytest.mark.parametrize(
    ("text", "shown", "identity"),
    [
        ("https://h/t/s3cret/ch", "https://h/t/***/ch", "https://h/t/***/ch"),
        ("'https://u:p@h/conda/t/s-3/ch/noarch'", "'https://***@h/conda/t/***/ch/noarch'", None),
        ("a https://h/t/one b http://h/t/two/c", "a https://h/t/*** b http://h/t/***/c", None),
        ("file:///srv/t/s3cret/ch", "file:///srv/t/***/ch", "file:///srv/t/s3cret/ch"),
        ("see /srv/t/folder", "see /srv/t/folder", "see /srv/t/folder"),
    ],
)
def test_tokens_of_conda_channels_are_masked(text: str, shown: str, identity: str | None) -> None:
    assert without_credentials(text) == shown
    assert as_identity(text) == (identity or shown.replace("***@", ""))


def test_files_that_settings_name_count_by_content(tmp_path: Path, env: dict[str, str]) -> None:
    limits = tmp_path / "limits.txt"
    seen = set()
    for text in ("a<1", "a<2"):
        write(limits, text)
        for config in ("", "no-index = true"):
            write(tmp_path / ".config/uv/uv.toml", config)
            seen.add(tuple(index_identity({"constraint": str(limits)}, env).items()))
    assert len(seen) == 4
    write(tmp_path / ".config/uv/uv.toml", "offline = true")
    assert str(tmp_path / ".config/uv/uv.toml") not in index_identity({}, {**env, "UV_NO_CONFIG": "1"})
    assert str(tmp_path / ".config/uv/uv.toml") in index_identity({}, {**env, "UV_NO_CONFIG": "0"})
    write(tmp_path / "xdg/uv/uv.toml", "offline = true")
    system = str(tmp_path / "xdg/uv/uv.toml")
    assert system in index_identity({}, {**env, "XDG_CONFIG_DIRS": f"/nowhere:{tmp_path / 'xdg'}"})
    chosen = {**env, "UV_CONFIG_FILE": str(limits)}
    assert str(limits) in index_identity({}, chosen)


WORDS = st.text(string.ascii_letters + string.digits + "%._~!$&*+,;=-:", min_size=1)


@given(user=WORDS, password=WORDS, around=st.text(alphabet="ab \n'\"", max_size=5))
def test_no_password_is_left_whatever_it_is(user: str, password: str, around: str) -> None:
    text = f"{around}https://{user}:{password}@host/simple{around}"
    assert without_credentials(text) == f"{around}https://***@host/simple{around}"
    assert without_credentials(text, "") == f"{around}https://host/simple{around}"


def test_values_taken_from_the_environment_are_secrets() -> None:
    texts = [
        "--index-url https://me:${INDEX_TOKEN}@host/${PART}",
        "a @ https://${ABSENT}/a.whl",
        "b ; ${lower}",
        "$PLAIN",
    ]
    env = {"INDEX_TOKEN": "open sesame", "PART": "abc", "PLAIN": "plain text", "lower": "lower case"}
    assert secrets_in(texts, env) == ("open%20sesame", "open sesame")
