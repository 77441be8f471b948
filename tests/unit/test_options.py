"""Every option on the command line, in the environment, in the ini file and in the marker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.errors import SettingError
from pytest_modelserve.option import SERVER, URI, Option
from pytest_modelserve.options import BY_NAME, OPTIONS, add_to
from pytest_modelserve.precedence import settings_from, settings_from_marker, uris_from
from pytest_modelserve.settings import AUTO, Settings

FOLDER = Path("/project")


class Parser:
    """Keeps what is registered, as pytest's parser does."""

    def __init__(self) -> None:
        self.flags: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, dict[str, Any]] = {}

    def getgroup(self, name: str, description: str) -> Parser:
        return self

    def addoption(self, flag: str, **kwargs: Any) -> None:
        self.flags[flag] = kwargs

    def addini(self, key: str, text: str, **kwargs: Any) -> None:
        self.keys[key] = kwargs


class Config:
    """A pytest configuration with what was given."""

    def __init__(self, line: Mapping[str, object], ini: Mapping[str, object], inipath: Path | None) -> None:
        parser = Parser()
        add_to(parser)  # type: ignore[arg-type]
        known = {str(one["dest"]): None for one in parser.flags.values()}
        self._line = {**known, **line}
        self._ini = {**{key: one["default"] for key, one in parser.keys.items()}, **ini}
        self.inipath = inipath
        self.rootpath = FOLDER

    def getoption(self, key: str) -> object:
        return self._line[key]

    def getini(self, key: str) -> object:
        return self._ini[key]


Configure = Callable[..., Any]


@pytest.fixture
def configure() -> Configure:
    def build(line: Mapping[str, object] | None = None, ini: Mapping[str, object] | None = None, **kwargs: Any) -> Any:
        return Config(line or {}, ini or {}, kwargs.get("inipath", FOLDER / "pytest.ini"))

    return build


ODD_NAME = 'a b?#%41;:@&=+"\\'
VALUES: Mapping[str, tuple[tuple[str, object], ...]] = {
    "server": (("a", "a"), ("b", "b"), ("c", "c"), ("d", "d")),
    "v2_name": (("a", "a"), ("b", "b"), ("c", "c"), ("d", "d")),
    "env_manager": (("a", "a"), ("b", "b"), ("c", "c"), ("d", "d")),
    "workers": (("1", 1), ("2", 2), ("3", 3), ("4", 4)),
    "url": tuple((f"http://{host}", f"http://{host}") for host in "abcd"),
    "token_env": (("A", "A"), ("B", "B"), ("C", "C"), ("D", "D")),
    "headers": (
        ("X-A: 1", {"X-A": "1"}),
        ("X-A:2\nX-B: x: y", {"X-A": "2", "X-B": "x: y"}),
        ("X-C:", {"X-C": ""}),
        (" X-D : 4 ", {"X-D": "4"}),
    ),
    "conda_channels": (
        ("main=file:///m", {"main": "file:///m"}),
        ("a=https://h/a;*=/mirror", {"a": "https://h/a", "*": "file:///mirror"}),
        ("a=http://h/a\nb=http://h/b=c", {"a": "http://h/a", "b": "http://h/b=c"}),
        (" d = s3://d ", {"d": "s3://d"}),
    ),
    "rate": (("1", 1.0), ("0.5", 0.5), ("2", 2.0), ("4", 4.0)),
    "checks": tuple((text, tuple(text.split(","))) for text in ("a,b", "c", "d", "e")),
    "memory_bytes": (("4GB", 4 * 1000**3), ("512MiB", 512 * 1024**2), ("1.5 kB", 1500), ("77", 77)),
    "pass_env": tuple((text, tuple(text.split(","))) for text in ("A,B", "C", "D", "E")),
    "ignored_outputs": tuple((text, tuple(text.split(","))) for text in ("a,b", "c", "d", "e")),
    "skip": (
        ("bounded=no /proc; latency=slow host", {"bounded": "no /proc", "latency": "slow host"}),
        ("stateless=b", {"stateless": "b"}),
        ("stateless=c\nlatency=c", {"stateless": "c", "latency": "c"}),
        ("stateless = a = b", {"stateless": "a = b"}),
    ),
    **dict.fromkeys(
        ("strict", "stochastic", "redact", "insecure", "keep_server", "reuse_mlflow_envs", "build_ahead"),
        (("true", True), ("false", False), ("on", True), ("no", False)),
    ),
    "concurrency": (("1", 1), ("2", 2), ("3", 3), ("4", 4)),
    "tolerance": (("1e-6", 1e-6), ("0.5", 0.5), ("2", 2.0), ("1", 1.0)),
    "cache_limit": (("1GB", 10**9), ("2MB", 2 * 10**6), ("off", None), ("4", 4)),
    "seed": (("1", 1), ("2", 2), ("3", 3), ("0", 0)),
    "examples": (("1", 1), ("2", 2), ("3", 3), ("0", 0)),
    **dict.fromkeys(
        (
            *("budget_s", "startup_timeout_s", "request_timeout_s", "keep_idle_s"),
            *("max_p50_s", "max_p95_s", "max_p99_s"),
        ),
        (("1s", 1.0), ("2m", 120.0), ("500ms", 0.5), ("4", 4.0)),
    ),
    **{
        name: tuple((f"/{text}", Path(f"/{text}")) for text in "abcd")
        for name in (
            "python",
            "conda_exe",
            "domain_file",
            "data_file",
            "report_file",
            "cache_dir",
            "cases_dir",
            "kept_dir",
            "ca_file",
        )
    },
}


@pytest.mark.parametrize("option", [one for one in OPTIONS if one.name != URI], ids=lambda option: option.name)
def test_marker_over_command_line_over_environment_over_ini_over_default(option: Option, configure: Configure) -> None:
    (marker, line, variable, ini) = VALUES[option.name]

    def value(config: Any, environ: Mapping[str, str]) -> object:
        return getattr(settings_from(config, environ), option.name)

    by_ini, by_both = {option.key: ini[0]}, {option.variable: variable[0]}
    assert value(configure(), {}) == getattr(Settings(), option.name)
    assert option.default == (AUTO if option.name == SERVER else value(configure(), {}))
    assert value(configure(ini=by_ini), {}) == ini[1]
    assert value(configure(ini=by_ini), by_both) == variable[1]
    assert value(configure({option.key: line[0]}, by_ini), by_both) == line[1]
    settings = settings_from(configure({option.key: line[0]}, by_ini), by_both)
    assert getattr(settings_from_marker(settings, {option.name: marker[0]}), option.name) == marker[1]
    assert getattr(settings_from_marker(settings, {option.name: marker[1]}), option.name) == marker[1]


@pytest.mark.parametrize(
    "url",
    [
        *(
            "host:5000",
            "ftp://h",
            "http://",
            "http://[::1",
            "http://h:port",
            "https://h/x?api_key=secret",
            "http://h#secret",
        ),
        "u:secret@h:80",
    ],
)
def test_an_address_that_is_none_is_refused_and_never_shown(url: str, configure: Configure) -> None:
    with pytest.raises(SettingError, match="it is no address of a server") as error:
        settings_from(configure({"model_url": url}), {})
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("name", ["team/churn", "/", ".", "..", "a\nb", "a\x7f"])
def test_a_name_that_no_path_can_hold_is_refused(name: str, configure: Configure) -> None:
    with pytest.raises(SettingError, match=r"no path of /v2/models/NAME can hold|nobody can read"):
        settings_from(configure({"model_v2_name": name}), {})


@pytest.mark.parametrize("name", ["churn é", "...", ODD_NAME])
def test_any_other_name_is_taken_as_it_is(name: str, configure: Configure) -> None:
    assert settings_from(configure({"model_v2_name": name}), {}).v2_name == name


@pytest.mark.parametrize("header", ["Content-Type: a", "host:h", "X-A: a\x01b"])
def test_a_header_that_is_none_of_the_users_is_refused(header: str, configure: Configure) -> None:
    with pytest.raises(SettingError):
        settings_from(configure({"model_header": [header]}), {})


def test_headers_are_given_one_after_the_other_and_never_shown(configure: Configure) -> None:
    settings = settings_from(configure({"model_header": ["X-A: 1", "Authorization: secret"]}), {})
    assert settings.headers == {"X-A": "1", "Authorization": "secret"}
    assert "secret" not in repr(settings)
    with pytest.raises(SettingError) as error:
        settings_from(configure({"model_header": ["secret"]}), {})
    assert "write 'Name: value'" in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("channel", ["main", "main=", "=https://secret", "main=secret", "main=https://h\x01secret"])
def test_a_channel_without_an_address_is_refused_and_never_shown(channel: str, configure: Configure) -> None:
    with pytest.raises(SettingError, match="a channel has no address") as error:
        settings_from(configure({"model_conda_channel": [channel]}), {})
    assert "secret" not in str(error.value)


def test_every_setting_but_the_domain_is_an_option() -> None:
    assert {option.name for option in OPTIONS} == set(VALUES) | {URI}
    assert set(Settings.__dataclass_fields__) - {"domain"} == set(VALUES)


def test_every_option_is_registered_with_its_twins() -> None:
    parser = Parser()
    add_to(parser)  # type: ignore[arg-type]
    assert set(parser.flags) == {option.flag for option in OPTIONS}
    assert set(parser.keys) == {option.key for option in OPTIONS}
    for option in OPTIONS:
        given = parser.flags[option.flag]
        assert given["dest"] == option.key
        assert option.variable == f"PYTEST_{option.key.upper()}"
        assert option.key in given["help"]
        assert option.variable in given["help"]
        assert (given.get("const") == "true") is (not option.metavar)


def test_models_come_from_the_strongest_place_that_names_any(configure: Configure) -> None:
    option = BY_NAME[URI]
    ini = {option.key: ["c", "c"]}
    environ = {option.variable: "b, b2\nb"}
    assert uris_from(configure(), {}) == ()
    assert uris_from(configure(ini=ini), {}) == ("c",)
    assert uris_from(configure(ini=ini), environ) == ("b", "b2")
    assert uris_from(configure({option.key: ["a", "a"]}, ini), environ) == ("a",)
    assert option.default == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seed", "-1"),
        ("seed", "1.5"),
        ("examples", "many"),
        ("budget_s", "0"),
        ("memory_bytes", "half"),
        ("strict", "maybe"),
        ("skip", "bounded"),
        ("skip", "bounded= "),
        ("tolerance", "0"),
        ("tolerance", "small"),
        ("concurrency", "0"),
        ("report_file", ""),
        ("cache_dir", "~nobody-of-this-name/cache"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_place_that_said_so(name: str, text: str, configure: Configure) -> None:
    option = BY_NAME[name]
    places: list[tuple[Callable[[], object], str]] = [
        (lambda: settings_from(configure({option.key: text}), {}), "the command line"),
        (lambda: settings_from_marker(Settings(), {name: text}), "the marker served_model"),
    ]
    if text:  # an empty ini key or variable counts as not given
        variable, ini = {option.variable: text}, {option.key: text}
        places += [
            (lambda: settings_from(configure(), variable), f"the environment variable {option.variable}"),
            (lambda: settings_from(configure(ini=ini), {}), "the ini file /project/pytest.ini"),
        ]
    for read, origin in places:
        with pytest.raises(SettingError) as caught:
            read()
        assert caught.value.facts["given in"] == origin
        assert repr(text) in caught.value.happened
        assert caught.value.fix == option.help


def test_an_empty_variable_counts_as_not_given(configure: Configure) -> None:
    environ = {option.variable: "" for option in OPTIONS}
    assert settings_from(configure(ini={"model_seed": "3"}), environ) == Settings(seed=3)


def test_paths_of_the_ini_file_start_from_it_and_others_from_here(configure: Configure) -> None:
    ini = {"model_domain": "d.toml", "model_data": "/abs/data.csv"}
    settings = settings_from(
        configure(ini=ini, inipath=Path("/project/sub/tox.ini")), {"PYTEST_MODEL_REPORT": "r.json"}
    )
    assert settings.domain_file == Path("/project/sub/d.toml")
    assert settings.data_file == Path("/abs/data.csv")
    assert settings.report_file == Path("r.json")
    assert settings_from(configure(ini=ini, inipath=None), {}).domain_file == FOLDER / "d.toml"


def test_the_users_home_is_found(configure: Configure) -> None:
    assert settings_from(configure({"model_cache_dir": "~/cache"}), {}).cache_dir == Path.home() / "cache"


def test_a_marker_takes_values_as_python_has_them() -> None:
    given: dict[str, object] = {
        "checks": ["smoke", "accepts_valid"],
        "pass_env": (),
        "examples": 7,
        "strict": False,
        "budget_s": 1.5,
        "domain": {"a": {"min": 0}},
    }
    settings = settings_from_marker(Settings(strict=True, pass_env=("A",)), given)
    assert settings.checks == ("smoke", "accepts_valid")
    assert (settings.pass_env, settings.examples, settings.strict, settings.budget_s) == ((), 7, False, 1.5)
    assert settings.domain == {"a": {"min": 0}}


def test_a_marker_takes_none_for_the_default() -> None:
    weaker = Settings(seed=3, examples=5)
    assert settings_from_marker(weaker, {"seed": None, "examples": None}) == Settings()


@pytest.mark.parametrize(
    "keywords",
    [{"seed": -1}, {"seed": 1.5}, {"examples": True}, {"budget_s": 0}, {"domain": "file.toml"}],
)
def test_a_marker_is_held_to_the_same_values(keywords: dict[str, object]) -> None:
    with pytest.raises(SettingError) as caught:
        settings_from_marker(Settings(), keywords)
    assert caught.value.facts["given in"] == "the marker served_model"


@pytest.mark.parametrize("name", ["env_manger", URI])
def test_a_keyword_of_a_marker_that_is_none(name: str) -> None:
    with pytest.raises(SettingError) as caught:
        settings_from_marker(Settings(), {name: "x"})
    assert name in caught.value.happened
