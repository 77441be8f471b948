"""Running one command for a build."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.environment.install import BuildSite, installer_environment


@pytest.fixture
def site(tmp_path: Path, heard: Any) -> BuildSite:
    return BuildSite(directory=tmp_path, env={"PATH": os.environ["PATH"], "NAMED": "value"}, progress=heard)


@pytest.fixture
def ends(tmp_path: Path) -> Callable[[Path], bool]:
    """Wait until the process whose pid stands in a file is gone."""

    def gone(pid_file: Path) -> bool:
        pid = int(pid_file.read_text())
        for _ in range(200):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.05)
        return False

    return gone


def python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-I", "-c", code, *map(str, arguments)]


def test_output_and_exit_code(site: BuildSite, heard: Any, tmp_path: Path) -> None:
    code = "import os, sys; print(os.environ['NAMED'], os.getcwd()); print('late', file=sys.stderr); sys.exit(3)"
    (tmp_path / "work").mkdir()
    output = site.run(python(code), cwd=tmp_path / "work", stage="trying")
    assert (output.returncode, output.is_timed_out) == (3, False)
    assert sorted(output.lines) == sorted([f"value {tmp_path / 'work'}", "late"])
    assert heard.steps == ["trying"]


def test_the_log_has_all_commands_and_no_password(site: BuildSite) -> None:
    site.run(python("print('one https://u:secret@host/x')"), stage="a")
    site.run(python("print('two')"), stage="b")
    assert site.log.read_text() == "one https://***@host/x\ntwo\n"


def test_secrets_are_masked_wherever_they_stand(site: BuildSite, heard: Any) -> None:
    hiding = replace(site, secrets=("open%20sesame", "open sesame"))
    output = hiding.run(python("print('Collecting x/open sesame/y?open%20sesame')"), stage="a")
    assert output.lines == ("Collecting x/***/y?***",)
    assert site.log.read_text() == "Collecting x/***/y?***\n"
    assert not any("sesame" in step for step in heard.steps)


def test_what_an_installer_prints_becomes_a_step(site: BuildSite, heard: Any) -> None:
    said = "Resolved 12 packages in 3ms\nCollecting six==1.16 (from x)\nnoise\nInstalled 1 package in 1ms"
    site.run(python(f"print({said!r})"), stage="installing")
    assert heard.steps == [
        "installing",
        "installing: resolved 12 packages",
        "installing: collecting six==1.16",
        "installing: installed 1 package",
    ]


def test_bytes_that_are_no_text_do_no_harm(site: BuildSite) -> None:
    output = site.run(python(r"import sys; sys.stdout.buffer.write(b'\xff\n')"), stage="a")
    assert output.lines == ("\ufffd",)


def test_a_program_that_is_not_there(site: BuildSite) -> None:
    output = site.run([site.directory / "gone"], stage="a")
    assert output.returncode == 127
    assert "gone" in output.lines[0]


LINGER = (
    "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); print('up', flush=True); time.sleep(600)"
)


def test_what_takes_too_long_is_ended(site: BuildSite, ends: Callable[[Path], bool], tmp_path: Path) -> None:
    output = replace(site, timeout_s=1.0).run(python(LINGER, tmp_path / "pid"), stage="a")
    assert output.is_timed_out
    assert output.returncode != 0
    assert not (tmp_path / "pid").exists() or ends(tmp_path / "pid")  # on a loaded machine it may not have begun


def test_an_interrupt_ends_the_command(site: BuildSite, ends: Callable[[Path], bool], tmp_path: Path) -> None:
    class Interrupting:
        def step(self, text: str) -> None:
            if "collecting" in text:
                raise KeyboardInterrupt

    code = LINGER.replace("'up'", "'Collecting six'")
    with pytest.raises(KeyboardInterrupt):
        replace(site, progress=Interrupting()).run(python(code, tmp_path / "pid"), stage="a")
    assert ends(tmp_path / "pid")
    assert threading.active_count() == 1 or not any(isinstance(each, threading.Timer) for each in threading.enumerate())


def test_misleading_variables_are_left_out() -> None:
    env = {
        **dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "CONDA_PREFIX"), "x"),
        **dict.fromkeys(("UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON", "PIP_TARGET", "PIP_USER"), "x"),
        **dict.fromkeys(("PYTEST_CURRENT_TEST", "COVERAGE_PROCESS_START", "__PYVENV_LAUNCHER__"), "x"),
    }
    assert set(installer_environment(env)) == set(installer_environment({}))


def test_what_installers_need_stays() -> None:
    env = dict.fromkeys(
        ("PATH", "HOME", "LANG", "TMPDIR", "https_proxy", "SSL_CERT_FILE", "UV_CACHE_DIR", "PIP_INDEX_URL", "CC"), "x"
    )
    kept = installer_environment(env)
    assert {name: kept[name] for name in env} == env
    assert kept["UV_PYTHON_DOWNLOADS"] == "never"
    assert kept["PIP_NO_INPUT"] == "1"
