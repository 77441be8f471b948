"""The `modelserve` command: what one does with a model outside a test."""

from __future__ import annotations

import argparse
import inspect
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from . import casebook, errors
from .checks.context import as_example_case
from .checks.data_rows import read_rows
from .checks.hazards import hazards_of
from .checks.table import CHECKS, STATIC_RULES
from .checks.v2_rules import V2_RULES
from .domain import Domain, as_toml, bound, from_frame, from_rows, read_data
from .environment.managers import MANAGERS
from .envs import add_envs
from .errors import ModelServeError, SettingError, did_you_mean
from .model.example import example_rows
from .model.mlmodel import Model, read_model
from .option import SERVER, Option
from .options import BY_NAME
from .pipeline import read_subject, restore_environment, server_pool
from .server.backends import backend_names
from .settings import Settings
from .signature import ColumnSchema, request_schema, response_schema
from .strategies.rules import RULES
from .strategies.showcase import example_of
from .subject import launch_spec
from .wire.payloads import Table
from .wire.values import show_value

EXIT_BROKEN: Final = 1  # the contract
EXIT_USAGE: Final = 2  # as argparse
EXIT_INFRASTRUCTURE: Final = 3
EXIT_INTERRUPTED: Final = 130  # 128 and the number of SIGINT, as shells say it
MAX_PORT: Final = 65_535
CASE_SETTINGS: Final = ("cases_dir", "kept_dir")
SERVE_SETTINGS: Final = (
    *("env_manager", "python", "conda_exe", "conda_channels"),
    *("server", "cache_dir", "pass_env", "startup_timeout_s"),
)
SERVES: Final = "Backend that serves the model."  # outside pytest there is one
ALIVE_EVERY_S: Final = 0.5  # how often `serve` looks whether its server is still there


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 a replayed case is still
    broken, 2 wrong usage, 3 something is broken, 130 after Ctrl-C.

    Ctrl-C is how `serve` ends, so that it is 0 there.
    """
    asked = _parser().parse_args(arguments)
    try:
        code: int = asked.run(asked)
        sys.stdout.flush()
    except ModelServeError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_USAGE if isinstance(error, SettingError) else EXIT_INFRASTRUCTURE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # `modelserve schema URI | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is flushed at exit
        return EXIT_INFRASTRUCTURE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="modelserve", description="Serve MLflow models and look into them.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serving = commands.add_parser("serve", help="serve a model in its own environment until Ctrl-C")
    serving.add_argument("uri", metavar="URI")
    serving.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1; any free one by default")
    for name in SERVE_SETTINGS:
        _add_setting(serving, BY_NAME[name])
    serving.set_defaults(run=_serve)

    domain = commands.add_parser("domain", help="write a first domain of a model's columns, from data or its example")
    domain.add_argument("uri", metavar="URI")
    domain.add_argument("--from", dest="data", type=Path, metavar="DATA", help="CSV, Parquet or JSON file of real rows")
    domain.set_defaults(run=_domain)

    schema = commands.add_parser("schema", help="print the JSON Schema of a model's requests and responses")
    schema.add_argument("uri", metavar="URI")
    schema.set_defaults(run=_schema)

    hazards = commands.add_parser("hazards", help="tell what the servers of others make of a model's columns")
    hazards.add_argument("uri", metavar="URI")
    hazards.set_defaults(run=_hazards)

    explain = commands.add_parser("explain", help="say what a rule of the contract, a check or an error means")
    explain.add_argument("name", metavar="NAME")
    explain.set_defaults(run=_explain)

    replaying = commands.add_parser("replay", help="send a case that broke the contract again, as its check does")
    replaying.add_argument("id", metavar="ID", help="as the failure shows it, or its first characters")
    replaying.add_argument("--uri", default="", help="another version of the model, in place of the one that failed")
    for name in (*SERVE_SETTINGS, *CASE_SETTINGS):
        _add_setting(replaying, BY_NAME[name])
    replaying.set_defaults(run=_replay)

    keeping = commands.add_parser("keep", help="make a stored case a regression case, which every run sends first")
    keeping.add_argument("id", metavar="ID", help="as the failure shows it, or its first characters")
    for name in CASE_SETTINGS:
        _add_setting(keeping, BY_NAME[name])
    keeping.set_defaults(run=_keep)

    envs = commands.add_parser("envs", help="list, find or remove cached environments")
    add_envs(envs, partial(_add_setting, option=BY_NAME["cache_dir"]))
    return parser


def _add_setting(parser: argparse.ArgumentParser, option: Option) -> None:
    """Add an option of the table under the name that it has outside pytest: `--env-manager`."""

    def parse(text: str) -> object:
        try:
            return option.parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    choices: dict[str, Callable[[], Iterable[str]]] = {"server": backend_names, "env_manager": lambda: MANAGERS}
    known = tuple(choices[option.name]()) if option.name in choices else None
    flag = option.flag.replace("--model-", "--")
    parser.add_argument(
        flag,
        dest=option.name,
        type=parse,
        action=_Together if option.repeatable and isinstance(option.default, Mapping) else "store",
        choices=known,
        default=getattr(Settings(), option.name),
        metavar=option.metavar,
        help=SERVES if option.name == SERVER else option.help,
    )


class _Together(argparse.Action):
    """Keeps what an option that may be given several times was given before."""

    def __call__(
        self, _: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, __: str | None = None
    ) -> None:
        given = values if isinstance(values, Mapping) else {}
        setattr(namespace, self.dest, {**getattr(namespace, self.dest), **given})


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: write a number from 0 to {MAX_PORT}")
    return int(text)


class _Steps:
    """Prints each step of a restore as a line on standard error."""

    def step(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")


def _serve(asked: argparse.Namespace) -> int:
    settings = Settings(**{name: getattr(asked, name) for name in SERVE_SETTINGS})
    subject = read_subject(asked.uri, settings)
    with ExitStack() as stack:
        environment = stack.enter_context(restore_environment(subject, progress=_Steps()))
        pool = stack.enter_context(server_pool(settings))
        server = stack.enter_context(pool.private(launch_spec(subject, environment, port=asked.port)))
        asked_to_stop = _stop_event()  # before anybody is told where the server is, and may end it
        sys.stdout.write(f"{asked.uri} on {server.base_url} (log: {server.log_path}); Ctrl-C ends it\n")
        sys.stdout.flush()
        if not _await_stop(asked_to_stop, server.is_alive):
            raise server.as_death()
    return 0


def _stop_event() -> threading.Event:
    """Return an event that Ctrl-C or SIGTERM sets."""
    asked_to_stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: asked_to_stop.set())
    return asked_to_stop


def _await_stop(asked_to_stop: threading.Event, is_alive: Callable[[], bool]) -> bool:
    """Wait for the event and return True, or return False once the server is gone."""
    while not asked_to_stop.wait(ALIVE_EVERY_S):
        if not is_alive():
            return False
    return True


def _domain(asked: argparse.Namespace) -> int:
    model = read_model(asked.uri)
    sys.stdout.write(as_toml(_inferred(model, asked.data)))
    return 0


def _inferred(model: Model, data: Path | None) -> Domain:
    if data is not None and model.signature and isinstance(model.signature.inputs, ColumnSchema):
        rows = read_rows(data, model.signature, is_whole=False)
        domain = from_rows(rows.columns, rows.rows, place=str(data))
    elif data is not None:
        domain = from_frame(read_data(data), place=str(data))
    else:
        example = example_rows(model)
        if not isinstance(example, Table):
            raise ModelServeError(
                "there are no rows to tell a domain from: the model has no input example of columns",
                facts={"model": model.uri},
                fix=f"Run: modelserve domain {model.uri} --from DATA.csv",
            )
        domain = from_rows(example.columns, example.rows, place="the input example")
    return bound(domain, model.signature) if model.signature else domain


def _schema(asked: argparse.Namespace) -> int:
    model = read_model(asked.uri)
    if model.signature is None:
        raise ModelServeError(f"{asked.uri} has no signature", fix="Log the model with signature= or input_example=.")
    schemas = {"request": request_schema(model.signature), "response": response_schema(model.signature)}
    sys.stdout.write(json.dumps(schemas, indent=2) + "\n")
    return 0


def _hazards(asked: argparse.Namespace) -> int:
    subject = read_subject(asked.uri, Settings())
    for hazard in hazards_of(subject.model, as_example_case(subject.model, subject.example)):
        columns = ", ".join(map(show_value, hazard.columns))
        sys.stdout.write(f"{hazard.deviation.server}  {columns}: {hazard.deviation.what} ({hazard.deviation.id})\n")
    return 0


def _explain(asked: argparse.Namespace) -> int:
    texts = _explanations()
    if asked.name not in texts:
        raise SettingError(f"nothing is called {asked.name!r} here", fix=did_you_mean(asked.name, texts))
    sys.stdout.write(f"{asked.name}: {texts[asked.name]}\n")
    if any(one.id == asked.name for one in RULES):
        shown = example_of(asked.name)
        sys.stdout.write(f"\n  example   {shown.request}\n  of        {shown.signature}\n")
    return 0


def _explanations() -> dict[str, str]:
    """Return what each rule, check and error means, by name."""
    rules = {one.id: f"{one.wanted} (contract, section {one.section})\n{one.why}" for one in RULES}
    static = {
        one.id: f"{one.weight} of {check}\n{one.meaning}\n{one.mend}"
        for check, table in STATIC_RULES.items()
        for one in table
    }
    protocol = {one.id: f"a rule of v2_conformance\n{one.meaning}" for one in V2_RULES}
    checks = {check.name: f"a check that judges the {check.judges.value}\n{check.purpose}" for check in CHECKS}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    return {
        **rules,
        **static,
        **protocol,
        **checks,
        **{kind.__name__: f"an error\n{inspect.getdoc(kind)}" for kind in kinds},
    }


def _replay(asked: argparse.Namespace) -> int:
    cases, kept = casebook.stores(asked.cases_dir, asked.kept_dir)
    settings = Settings(**{name: getattr(asked, name) for name in SERVE_SETTINGS})
    stored = casebook.find(asked.id, cases, kept)
    result = casebook.replayed(stored, settings, uri=asked.uri, progress=_Steps())
    sys.stdout.write(casebook.as_text(result))
    return 0 if result.is_mended else EXIT_BROKEN


def _keep(asked: argparse.Namespace) -> int:
    path = casebook.keep(asked.id, *casebook.stores(asked.cases_dir, asked.kept_dir))
    sys.stdout.write(f"{path}: add it to version control; every run of this model sends it first\n")
    return 0
