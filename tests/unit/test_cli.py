"""The `modelserve` command: what each part prints, and the codes that it ends with."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import psutil
import pytest

from pytest_modelserve import cli
from pytest_modelserve.errors import ModelUriError
from pytest_modelserve.settings import Settings

INPUTS = [{"name": "n", "type": "long", "required": True}, {"name": "word", "type": "string", "required": True}]
EXAMPLE = {"columns": ["n", "word"], "data": [[1, "a"], [20, "b"]]}
LOADER = """
class Echo:
    def predict(self, data):
        return data[["n"]].rename(columns={"n": "y"})

def _load_pyfunc(path):
    return Echo()
"""

Capture = pytest.CaptureFixture[str]
Serve = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model directory that serves in the running interpreter."""
    path = tmp_path / "model"
    (path / "code").mkdir(parents=True)
    (path / "code" / "echo_loader.py").write_text(LOADER)
    (path / "input_example.json").write_text(json.dumps(EXAMPLE))
    (path / "serving_input_example.json").write_text(json.dumps({"dataframe_split": EXAMPLE}))
    document = {
        "flavors": {"python_function": {"loader_module": "echo_loader", "code": "code"}},
        "signature": {
            "inputs": json.dumps(INPUTS),
            "outputs": json.dumps([{"name": "y", "type": "long"}]),
            "params": None,
        },
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "type": "dataframe",
            "pandas_orient": "split",
        },
    }
    (path / "MLmodel").write_text(json.dumps(document))
    return path


@pytest.fixture
def serve(model: Path, tmp_path: Path) -> Iterator[Serve]:
    """Start `modelserve serve` as a shell does, in a process group of its own."""
    started = []

    def start(*options: str) -> subprocess.Popen[str]:
        words = ("serve", str(model), "--env-manager=local", f"--cache-dir={tmp_path / 'cache'}", *options)
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys; from pytest_modelserve.cli import main; sys.exit(main())", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def served_url(process: subprocess.Popen[str]) -> str:
    """Return the address that the first line on standard output names."""
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, line + (process.stderr.read() if process.stderr else "")
    return found[0]


def test_serve_answers_until_it_is_asked_to_stop_and_leaves_nothing(serve: Serve) -> None:
    process = serve()
    url = served_url(process)
    with urllib.request.urlopen(f"{url}/ping", timeout=10) as answer:
        assert answer.status == 200
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    with pytest.raises(OSError, match=r"refused"):
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=5)


def test_ctrl_c_while_it_starts_leaves_nothing(serve: Serve, model: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    (model / "code" / "echo_loader.py").write_text(
        f"import pathlib, time\npathlib.Path({str(started)!r}).touch()\ntime.sleep(60)\n{LOADER}"
    )
    process = serve()
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == cli.EXIT_INTERRUPTED, errors
    assert "Traceback" not in errors
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


def test_serve_says_which_port_is_taken(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = serve(f"--port={port}")
        _, errors = process.communicate(timeout=60)
    assert process.returncode == cli.EXIT_INFRASTRUCTURE
    assert f"ServerError: port {port} on 127.0.0.1 is taken by another process" in errors
    assert "Traceback" not in errors


def test_serve_ends_with_a_server_that_died(serve: Serve) -> None:
    process = serve()
    served_url(process)
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()
    _, errors = process.communicate(timeout=20)
    assert process.returncode == cli.EXIT_INFRASTRUCTURE
    assert "ServerExited: " in errors


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["bogus"],
        ["serve"],
        ["serve", "model", "--port=99999"],
        ["serve", "model", "--port=-1"],
        ["serve", "model", "--env-manager=vu"],
        ["serve", "model", "--server=builtn"],
        ["serve", "model", "--conda-channel=main"],
        ["serve", "model", "--startup-timeout=soon"],
        ["envs"],
        ["envs", "prune", "--keep-gb=-1"],
    ],
)
def test_wrong_usage_is_2(capsys: Capture, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == cli.EXIT_USAGE
    assert "usage: modelserve" in capsys.readouterr().err


def test_places_of_channels_add_up(monkeypatch: pytest.MonkeyPatch, capsys: Capture, model: Path) -> None:
    seen: list[Settings] = []

    def read(uri: str, settings: Settings) -> None:
        seen.append(settings)
        raise ModelUriError("no more of it is wanted")

    monkeypatch.setattr(cli, "read_subject", read)
    words = ("--env-manager=conda", "--conda-channel=a=file:///a", "--conda-channel", "b=https://h/b;c=/c")
    assert cli.main(["serve", str(model), *words]) == cli.EXIT_INFRASTRUCTURE
    assert "no more of it is wanted" in capsys.readouterr().err
    assert dict(seen[0].conda_channels) == {"a": "file:///a", "b": "https://h/b", "c": "file:///c"}
    assert dict(Settings().conda_channels) == {}


def test_hazards_name_columns_and_what_a_server_makes_of_them(capsys: Capture, model: Path) -> None:
    document = json.loads((model / "MLmodel").read_text())
    (model / "MLmodel").write_text(json.dumps({**document, "mlflow_version": "3.17.2"}))
    assert cli.main(["hazards", str(model)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'mlflow  "n": Text that reads like a number becomes one. (text_is_number)' in lines
    assert any(line.startswith('mlserver  "n": ') for line in lines)


@pytest.mark.parametrize("command", ["serve", "schema", "domain", "hazards"])
def test_a_model_that_is_not_there_is_3(capsys: Capture, tmp_path: Path, command: str) -> None:
    assert cli.main([command, str(tmp_path / "gone")]) == cli.EXIT_INFRASTRUCTURE
    assert capsys.readouterr().err.startswith("ModelUriError: there is no model at ")


def test_schema_prints_the_schemas_of_request_and_response(capsys: Capture, model: Path) -> None:
    assert cli.main(["schema", str(model)]) == 0
    schemas = json.loads(capsys.readouterr().out)
    assert set(schemas) == {"request", "response"}
    valid = jsonschema.Draft202012Validator(schemas["request"]).is_valid
    assert valid({"dataframe_split": EXAMPLE})
    assert not valid({"dataframe_split": {"columns": ["n"], "data": [["x"]]}})
    assert jsonschema.Draft202012Validator(schemas["response"]).is_valid({"predictions": [{"y": 1}]})


def test_schema_of_a_model_without_signature_is_3(capsys: Capture, model: Path) -> None:
    document = json.loads((model / "MLmodel").read_text())
    (model / "MLmodel").write_text(json.dumps({**document, "signature": None}))
    assert cli.main(["schema", str(model)]) == cli.EXIT_INFRASTRUCTURE
    assert f"{model} has no signature" in capsys.readouterr().err


def test_schema_into_a_closed_pipe_ends_quietly(model: Path) -> None:
    code = f"import sys; from pytest_modelserve.cli import main; sys.exit(main(['schema', {str(model)!r}]))"
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=closed, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (cli.EXIT_INFRASTRUCTURE, "")


def test_domain_is_written_from_the_example_or_from_data(capsys: Capture, model: Path, tmp_path: Path) -> None:
    assert cli.main(["domain", str(model)]) == 0
    assert '["n"]' in capsys.readouterr().out
    data = tmp_path / "rows.csv"
    data.write_text("n,word\n-5,x\n7,y\n")
    assert cli.main(["domain", str(model), "--from", str(data)]) == 0
    written = tmp_path / "domain.toml"
    written.write_text(capsys.readouterr().out)
    from pytest_modelserve.domain import read_file

    column = read_file(written).columns["n"]
    assert (column.min, column.max) == (-5, 7)


def test_domain_of_a_model_without_example_says_where_rows_could_come_from(capsys: Capture, model: Path) -> None:
    document = json.loads((model / "MLmodel").read_text())
    del document["saved_input_example_info"]
    (model / "MLmodel").write_text(json.dumps(document))
    assert cli.main(["domain", str(model)]) == cli.EXIT_INFRASTRUCTURE
    assert f"Run: modelserve domain {model} --from DATA.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("null_in_required", "reject (contract, section 1)"),
        ("examples_disagree", "breach of signature_lint"),
        ("optional_without_null", "advice of signature_lint"),
        ("unmet_pin", "breach of environment_parity"),
        ("server_starts", "a check that judges the server"),
        ("ServerExited", "Report a server that ended by itself."),
    ],
)
def test_explain_knows_rules_checks_and_errors(capsys: Capture, name: str, told: str) -> None:
    assert cli.main(["explain", name]) == 0
    output = capsys.readouterr().out
    assert output.startswith(f"{name}: ")
    assert told in output


def test_explain_shows_a_rule_as_the_reference_does(capsys: Capture) -> None:
    assert cli.main(["explain", "body_too_large"]) == 0
    first, why, _, example, signature = capsys.readouterr().out.splitlines()
    assert first == "body_too_large: reject with 413 (contract, section 2)"
    assert why == "A body over the limit is 413."
    assert example.startswith('  example   {"dataframe_split": {"columns": ["x"], "data": [[1]]}} ')
    assert signature == "  of        'x': long (required)"


def test_explain_offers_the_closest_name(capsys: Capture) -> None:
    assert cli.main(["explain", "null_in_require"]) == cli.EXIT_USAGE
    assert "Did you mean 'null_in_required'?" in capsys.readouterr().err


def test_a_domain_is_told_from_data_by_the_signature(capsys: Capture, model: Path, tmp_path: Path) -> None:
    document = json.loads((model / "MLmodel").read_text())
    inputs = [{"name": "when", "type": "datetime", "required": True}, *INPUTS]
    document["signature"] = {"inputs": json.dumps(inputs), "outputs": None}
    (model / "MLmodel").write_text(json.dumps(document))
    data = tmp_path / "some.csv"
    data.write_text("target,when,word\n0,2024-01-01,001\n1,2024-02-01,NA\n")
    assert cli.main(["domain", str(model), f"--from={data}"]) == 0
    told = capsys.readouterr().out
    assert 'min = "2024-01-01T00:00:00.000000000"' in told
    assert "[word]\nmax_length = 3\nnullable = false" in told.replace('"word"', "word")
    assert "target" not in told
