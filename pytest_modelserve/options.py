"""Every option, ini key and environment variable in one table: it feeds --help, the settings and the reference page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from .option import SERVER, URI, URL, Option
from .setting_texts import (
    parse_channels,
    parse_count,
    parse_headers,
    parse_limit,
    parse_names,
    parse_number,
    parse_path,
    parse_positive,
    parse_python,
    parse_seconds,
    parse_size,
    parse_skips,
    parse_switch,
    parse_url,
    parse_v2_name,
)

if TYPE_CHECKING:
    import pytest


OPTIONS: Final = (
    Option(
        name=URI,
        flag="--model-uri",
        help="Model to serve: a directory, or a file: URI. On the command line, with no test file named, its whole "
        "contract is checked. A relative path begins where pytest was started, in the ini file beside that file.",
        metavar="URI",
        repeatable=True,
    ),
    Option(
        name=SERVER,
        flag="--model-server",
        help="Backend that serves the model: builtin, mlflow for the server of its own mlflow, or mlserver. With "
        "several of them the contract is checked on each, and their answers are compared. The default, auto, checks on "
        "builtin and compares its answers with those of mlflow where the model requires mlflow.",
        metavar="NAME",
        repeatable=True,
    ),
    Option(
        name=URL,
        flag="--model-url",
        help="Server that runs already and is checked in place of one started here: a container, a staging endpoint. "
        "The model of --model-uri tells the signature, without it the server itself; --model-server says which program "
        "runs there. What takes the spy, or a server of one's own, is skipped.",
        parse=parse_url,
        metavar="URL",
        is_secret=True,
    ),
    Option(
        name="headers",
        flag="--model-header",
        help="Header that is sent with every request to --model-url, such as 'X-Tenant: north'.",
        parse=parse_headers,
        metavar="'NAME: VALUE'",
        repeatable=True,
        is_secret=True,
    ),
    Option(
        name="token_env",
        flag="--model-token-env",
        help="Environment variable that holds a bearer token for --model-url; the token itself is never shown.",
        metavar="NAME",
    ),
    Option(
        name="ca_file",
        flag="--model-ca-file",
        help="Certificates (PEM) that count at --model-url, in place of the usual ones.",
        parse=parse_path,
        metavar="FILE",
    ),
    Option(
        name="insecure", flag="--model-insecure", help="Let any certificate count at --model-url.", parse=parse_switch
    ),
    Option(
        name="rate",
        flag="--model-rate",
        help="Requests that are sent to --model-url a second at the most, by all xdist workers together.",
        parse=parse_positive,
        metavar="N",
    ),
    Option(
        name="workers",
        flag="--model-workers",
        help="Processes of their own in which the server predicts, for servers that have such: mlserver. 0 is "
        "none, so that it predicts in its own; of 2 and more the spy sees nothing.",
        parse=parse_count,
        metavar="N",
    ),
    Option(
        name="v2_name",
        flag="--model-v2-name",
        help="Name of the model in the Open Inference Protocol (V2): under which it is served, or is asked for at "
        "--model-url. It has no slash.",
        parse=parse_v2_name,
        metavar="NAME",
    ),
    Option(
        name="env_manager",
        flag="--model-env-manager",
        help="What restores the model's environment: uv, virtualenv, conda, or local for the running interpreter.",
        metavar="NAME",
    ),
    Option(
        name="conda_exe",
        flag="--model-conda-exe",
        help="The conda, mamba or micromamba for the env manager conda; by default that of MLFLOW_CONDA_HOME, "
        "CONDA_EXE or MAMBA_EXE, else the first on PATH, else py-rattler.",
        parse=parse_path,
        metavar="PATH",
    ),
    Option(
        name="conda_channels",
        flag="--model-conda-channel",
        help="Where a channel of conda.yaml is: a mirror or a folder; for the name *, where all others are, by name.",
        parse=parse_channels,
        metavar="NAME=URL",
        repeatable=True,
        is_secret=True,
    ),
    Option(
        name="python",
        flag="--model-python",
        help="Interpreter for the model's environment, by path or by version (3.10, 3.10.13), in place of the version "
        "that the model declares.",
        parse=parse_python,
        metavar="PYTHON",
    ),
    Option(
        name="build_ahead",
        flag="--model-build-ahead",
        help="Whether the environments of later tests are built while others run: true, the default, or false.",
        parse=parse_switch,
        metavar="SWITCH",
    ),
    Option(
        name="reuse_mlflow_envs",
        flag="--model-reuse-mlflow-envs",
        help="Use an environment that MLflow built for the model, where all of it is what the model records.",
        parse=parse_switch,
    ),
    Option(
        name="checks",
        flag="--model-checks",
        help="Checks to run, by name or by preset (smoke, default, full), separated by commas.",
        parse=parse_names,
        metavar="NAMES",
    ),
    Option(
        name="skip",
        flag="--model-skip",
        help="Checks to leave out, each with its reason, separated by semicolons or lines: "
        "batch_invariant=a row depends on those before it.",
        parse=parse_skips,
        metavar="NAME=REASON",
    ),
    Option(name="strict", flag="--model-strict", help="Let advice fail.", parse=parse_switch),
    Option(
        name="seed",
        flag="--model-seed",
        help="Seed of every search; by default the model's digest decides.",
        parse=parse_count,
        metavar="N",
    ),
    Option(
        name="examples",
        flag="--model-examples",
        help="Random cases that a search draws after the edge cases.",
        parse=parse_count,
        metavar="N",
    ),
    Option(
        name="budget_s",
        flag="--model-budget",
        help="Longest time for all checks of one model on one server together, such as 60s or 10m, starts of "
        "servers not counted.",
        parse=parse_seconds,
        metavar="TIME",
    ),
    Option(
        name="tolerance",
        flag="--model-tolerance",
        help="How far two answers to the same rows may differ, relative to their size; by default 1e-9 for 64-bit "
        "floats and 1e-4 for 32-bit ones.",
        parse=parse_positive,
        metavar="X",
    ),
    Option(
        name="concurrency",
        flag="--model-concurrency",
        help="Requests that are sent at the same time where concurrency is checked.",
        parse=parse_number,
        metavar="N",
    ),
    Option(
        name="stochastic",
        flag="--model-stochastic",
        help="Say that the model answers the same request differently on purpose.",
        parse=parse_switch,
    ),
    Option(
        name="ignored_outputs",
        flag="--model-ignore-outputs",
        help="Output columns, such as an id or a time, that answers to equal requests need not share, separated by "
        "commas.",
        parse=parse_names,
        metavar="NAMES",
    ),
    *(
        Option(
            name=f"max_p{percent}_s",
            flag=f"--model-max-p{percent}",
            help=f"Longest {percent}th percentile of the latency that passes, such as 20ms.",
            parse=parse_seconds,
            metavar="TIME",
        )
        for percent in (50, 95, 99)
    ),
    Option(
        name="redact",
        flag="--model-redact",
        help="Keep the values of rows out of every report, and store no case; shapes, types and kinds of values stay.",
        parse=parse_switch,
    ),
    Option(
        name="cases_dir",
        flag="--model-cases-dir",
        help="Folder of the cases that broke the contract, which the next run sends first; by default "
        ".modelserve/cases below rootdir.",
        parse=parse_path,
        metavar="DIR",
    ),
    Option(
        name="kept_dir",
        flag="--model-kept-dir",
        help="Folder of the cases that `modelserve keep` made regression cases; by default modelserve_cases below "
        "rootdir.",
        parse=parse_path,
        metavar="DIR",
    ),
    Option(
        name="domain_file",
        flag="--model-domain",
        help="File (TOML, JSON or YAML) that declares which values the columns take.",
        parse=parse_path,
        metavar="FILE",
    ),
    Option(
        name="data_file",
        flag="--model-data",
        help="File (CSV, Parquet or JSON) with rows of real data that the model must take.",
        parse=parse_path,
        metavar="FILE",
    ),
    Option(
        name="report_file",
        flag="--model-report",
        help="File for the JSON report of the contract; written after Ctrl-C too, as far as the run came.",
        parse=parse_path,
        metavar="FILE",
    ),
    Option(
        name="cache_dir",
        flag="--model-cache-dir",
        help="Directory for environments, in place of the user's cache directory.",
        parse=parse_path,
        metavar="DIR",
    ),
    Option(
        name="cache_limit",
        flag="--model-cache-limit",
        help="Largest size of all cached environments, such as 20GB: at the end of the run the longest unused go until "
        "the rest is no larger, but for what this run or another process uses. off, the default, removes none.",
        parse=parse_limit,
        metavar="SIZE",
    ),
    Option(
        name="keep_server",
        flag="--model-keep-server",
        help="Leave the server to the next run, which then starts at once; it ends when nobody has used it for "
        "--model-keep-idle, an hour by default, or by pytest --xkill.",
        parse=parse_switch,
    ),
    Option(
        name="keep_idle_s",
        flag="--model-keep-idle",
        help="How long a server that is kept waits for its next use.",
        parse=parse_seconds,
        metavar="TIME",
    ),
    Option(
        name="memory_bytes",
        flag="--model-memory",
        help="Resident memory that all servers may hold together, such as 4GB: before another is started, those that "
        "no test uses now are let go, the least recently used first, and started again when a test asks for them. By "
        "default half of the memory that is free as the run starts.",
        parse=parse_size,
        metavar="SIZE",
    ),
    Option(
        name="pass_env",
        flag="--model-pass-env",
        help="Environment variables that the model's process may see, separated by commas, beside PATH, HOME, the "
        "locale, those that MLmodel names, and those by which libraries and devices are found.",
        parse=parse_names,
        metavar="NAMES",
    ),
    Option(
        name="startup_timeout_s",
        flag="--model-startup-timeout",
        help="Longest time that a server may take to get ready.",
        parse=parse_seconds,
        metavar="TIME",
    ),
    Option(
        name="request_timeout_s",
        flag="--model-request-timeout",
        help="Longest time for one prediction; by default the larger of 10s and fifty times the input example's.",
        parse=parse_seconds,
        metavar="TIME",
    ),
)

BY_NAME: Final[Mapping[str, Option]] = {option.name: option for option in OPTIONS}


def add_to(parser: pytest.Parser) -> None:
    """Register every option and ini key with pytest."""
    group = parser.getgroup("modelserve", "contract tests of served models")
    for option in OPTIONS:
        text = f"{option.help} [ini: {option.key}, environment: {option.variable}]"
        if option.repeatable:
            group.addoption(option.flag, action="append", dest=option.key, metavar=option.metavar, help=text)
            parser.addini(option.key, option.help, type="linelist", default=[])
        elif option.metavar:
            group.addoption(option.flag, action="store", dest=option.key, metavar=option.metavar, help=text)
            parser.addini(option.key, option.help, type="string", default="")
        else:
            group.addoption(option.flag, action="store_const", const="true", dest=option.key, help=text)
            parser.addini(option.key, option.help, type="string", default="")
