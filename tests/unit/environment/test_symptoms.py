"""Last words of real installers, and what they mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_modelserve.environment.install import Output
from pytest_modelserve.environment.requirements import Requirement
from pytest_modelserve.environment.symptoms import as_error
from pytest_modelserve.errors import EnvironmentBroken, InstallFailed, RequirementsError

ASKED = (
    Requirement(text="six==99.1", file="requirements.txt", line=1, name="six"),
    Requirement(text="requests==2.31.0", file="requirements.txt", line=2, name="requests"),
    Requirement(text="urllib3==1.20", file="requirements.txt", line=3, name="urllib3"),
    Requirement(text="./libs/own[fast]", file="requirements.txt", line=4, location="./libs/own"),
    Requirement(
        text="./w/win-1.0-cp311-cp311-win_amd64.whl",
        file="r.txt",
        line=5,
        location="./w/win-1.0-cp311-cp311-win_amd64.whl",
    ),
)
UV_CONFLICT = """\
error: No solution found when resolving dependencies
  cause: Because requests==2.31.0 depends on urllib3>=1.21.1,<3 and you require requests==2.31.0, we can conclude"""
PIP_CONFLICT = """\
ERROR: Cannot install -r requirements.txt (line 2) and urllib3==1.20 because these package versions have conflicts.
    The user requested urllib3==1.20
    requests 2.31.0 depends on urllib3<3 and >=1.21.1
ERROR: ResolutionImpossible: for help visit"""
PIP_HASH = """\
ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the versions, …
    six==99.1 from https://host/six-99.1.whl:"""
PIP_OFFLINE = """\
WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError('<…>')': /simple/six/
ERROR: Could not find a version that satisfies the requirement six==99.1 (from versions: none)
ERROR: No matching distribution found for six==99.1"""
PIP_SOME_HASHES = """\
ERROR: Hashes are required in --require-hashes mode, but they are missing from some requirements. Here is a list …
    urllib3==1.20 --hash=sha256:a11165e40ef0"""
PIP_DEEP = """\
ERROR: Could not find a version that satisfies the requirement deep>1 (from requests) (from versions: none)
ERROR: No matching distribution found for deep>1 (from requests)"""
UV_DEEP = """\
error: No solution found when resolving dependencies
  cause: Because deep was not found in the package registry and all versions of requests depend on deep>1, we can"""
UV_PLATFORM = "Because six==99.1 has no wheels with a matching platform tag (e.g., `manylinux_2_36_x86_64`) and you"
UV_SYNC_PLATFORM = (
    "error: Distribution `six==99.1 @ registry+https://h/` can't be installed because it doesn't have a source"
)
UV_WHEEL = "  cause: A path (w/win-1.0-cp311-cp311-win_amd64.whl) dependency is incompatible with the current platform"
UV_WHEEL_OF_OLD = "A path dependency is incompatible with the current platform: w/win-1.0-cp311-cp311-win_amd64.whl"
UV_PASSWORD = """\
  cause: Because six was not found in the package registry and you require six==99.1, we can conclude that your
hint: An index URL (https://h/simple) returned a 401 Unauthorized error, which could mean a lack of credentials"""
PIP_WHEEL = "ERROR: win-1.0-cp311-cp311-win_amd64.whl is not a supported wheel on this platform."
UV_PYTHON = (
    "Because the current Python version (3.11.7) does not satisfy Python<3.9 and six==99.1 depends on Python<3.9"
)
UV_REQUIRED = "error: Required uv version `==0.4.0` does not match the running version `0.13.9`. Update `uv` by running"
PIP_BUILD = """\
× Encountered error while generating package metadata.
╰─> numpy"""


def error_of(text: str, returncode: int = 1, *, is_timed_out: bool = False) -> EnvironmentBroken:
    output = Output(returncode=returncode, lines=tuple(text.splitlines()), is_timed_out=is_timed_out)
    return as_error(output, ASKED, stage="installing the requirements", log=Path("/kept/failure.log"))


@pytest.mark.parametrize(
    ("text", "kind", "happened", "asked_for"),
    [
        ("Because six was not found in the package registry and", RequirementsError, "no index has six", "six==99.1"),
        (
            "because there is no version of six==99.1 and you",
            RequirementsError,
            "no such version: six==99.1",
            "six==99.1",
        ),
        (
            "ERROR: No matching distribution found for six==99.1",
            RequirementsError,
            "no index has six==99.1",
            "six==99.1",
        ),
        ("Because deep was not found in the package registry", RequirementsError, "no index has deep", None),
        (UV_CONFLICT, RequirementsError, "cannot be met together", "requests==2.31.0"),
        (PIP_CONFLICT, RequirementsError, "contradict each other", "requests==2.31.0"),
        ("error: Failed\n cause: Hash mismatch for `six==99.1`", RequirementsError, "another hash", "six==99.1"),
        (PIP_HASH, RequirementsError, "another hash", "six==99.1"),
        ("ERROR: Hashes are required in --require-hashes mode", RequirementsError, "some have none", None),
        ("error: Couldn't parse requirement in `r.txt`", RequirementsError, "cannot read", None),
        (PIP_SOME_HASHES, RequirementsError, "some have none", "urllib3==1.20"),
        (PIP_DEEP, RequirementsError, "no index has deep>1", "requests==2.31.0"),
        (UV_DEEP, RequirementsError, "no index has deep", "requests==2.31.0"),
        (UV_PLATFORM, RequirementsError, "six==99.1 is for another platform", "six==99.1"),
        (UV_SYNC_PLATFORM, RequirementsError, "six==99.1 is for another platform", "six==99.1"),
        (UV_WHEEL, RequirementsError, "win_amd64.whl is for another platform", "./w/win-1.0"),
        (UV_WHEEL_OF_OLD, RequirementsError, "win_amd64.whl is for another platform", "./w/win-1.0"),
        (PIP_WHEEL, RequirementsError, "win_amd64.whl is for another platform", "./w/win-1.0"),
        (UV_PYTHON, RequirementsError, "six==99.1 does not run on this Python", "six==99.1"),
        (
            "ERROR: Package 'six' requires a different Python: 3.11.7 not in '<3.9'",
            RequirementsError,
            "six",
            "six==99.1",
        ),
        ("error: Distribution not found at: file:///w/libs/own", RequirementsError, "is not there", "./libs/own"),
        ("error: The lockfile at `uv.lock` uses an unsupported schema", RequirementsError, "cannot follow", None),
        ("error: Failed to parse `uv.lock`", RequirementsError, "cannot follow", None),
        ("  x Failed to build `own @ file:///w/libs/own`", InstallFailed, "own has no wheel", "./libs/own[fast]"),
        ("error: Failed to build `six==99.1`", InstallFailed, "six==99.1 has no wheel", "six==99.1"),
        ("error: No space left on device (os error 28)", InstallFailed, "No space left on device", None),
        ("error: Failed to fetch: http://h/\n cause: Connection refused", InstallFailed, "could not be reached", None),
        (UV_PASSWORD, InstallFailed, "asks for a password", None),
        ("WARNING: 401 Error, Credentials not correct for http://h/\n" + PIP_DEEP, InstallFailed, "a password", None),
        (PIP_OFFLINE, InstallFailed, "could not be reached", None),
        ("error: Failed to build `numpy==1.19.0`", InstallFailed, "numpy==1.19.0 has no wheel", None),
        (PIP_BUILD, InstallFailed, "numpy has no wheel", None),
        (UV_REQUIRED, InstallFailed, "ask for uv ==0.4.0", None),
        ("Segmentation fault", InstallFailed, "exit code 1", None),
        ("", InstallFailed, "exit code 1", None),
    ],
)
def test_words_and_meaning(text: str, kind: type[EnvironmentBroken], happened: str, asked_for: str | None) -> None:
    error = error_of(text)
    assert type(error) is kind
    assert happened in error.happened
    assert error.fix
    named = str(error.facts.get("asked for", ""))
    assert named.startswith(asked_for) if asked_for else not named


def test_the_place_of_the_requirement_is_told() -> None:
    asked_for = str(error_of(UV_CONFLICT).facts["asked for"]).splitlines()
    assert asked_for == ["requests==2.31.0 (requirements.txt, line 2)", "urllib3==1.20 (requirements.txt, line 3)"]


def test_a_full_disk_wins_over_what_it_causes() -> None:
    error = error_of("error: Failed to fetch: http://h/\n  cause: No space left on device (os error 28)")
    assert "disk is full" in error.happened


def test_a_signal_and_a_timeout_are_told() -> None:
    assert "signal 9" in error_of("", -9).happened
    late = error_of("Because six was not found in the package registry", -15, is_timed_out=True)
    assert (type(late), "took too long" in late.happened) == (InstallFailed, True)


def test_the_last_lines_of_the_log_are_shown() -> None:
    log = str(error_of("\n".join(f"line {number}" for number in range(100))).facts["log"]).splitlines()
    assert log[0] == "last lines of /kept/failure.log:"
    assert log[1:] == [f"  line {number}" for number in range(80, 100)]
