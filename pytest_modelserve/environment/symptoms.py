"""What an installer's last words mean: requirements that cannot be had, or an install that went wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from packaging.utils import canonicalize_name

from ..errors import EnvironmentBroken, InstallFailed, RequirementsError
from .indexes import without_credentials
from .install import Output
from .requirements import Requirement

_TAIL_LINES: Final = 20
_EXPLAINED: Final = (  # what comes after one of them names the requirements
    *("No solution found", "Cannot install", "satisfies the requirement"),
    *("cannot be solved", "UnsatisfiableError", "Could not solve"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Symptom:
    pattern: re.Pattern[str]
    kind: type[EnvironmentBroken]
    happened: str  # {0} is the pattern's first group
    fix: str


def _symptom(pattern: str, kind: type[EnvironmentBroken], happened: str, fix: str) -> _Symptom:
    return _Symptom(pattern=re.compile(pattern), kind=kind, happened=happened, fix=fix)


_CHECK_INDEX: Final = (
    "Check the name, the version and the index (PIP_INDEX_URL, UV_DEFAULT_INDEX), then log the model again."
)
_OTHER_PLATFORM: Final = "Give the line a marker, such as `; sys_platform == 'win32'`, or name a version for this one."
_CHECK_PINS: Final = "Change one of the versions so that they agree, then log the model again."
_NETWORK: Final = "Check the network, the proxy and the index address, and run again."
# The first that fits wins: a full disk also makes a download fail, a failed download also leaves nothing to resolve.
_SYMPTOMS: Final = (
    _symptom(
        r"No space left on device|Disk quota exceeded",
        InstallFailed,
        "the disk is full (No space left on device)",
        "Free space (`modelserve envs prune` removes unused environments), or choose another cache directory.",
    ),
    _symptom(
        r"Required uv version `([^`]+)` does not match",
        InstallFailed,
        "the settings ask for uv {0}, and this is another",
        "Install that uv, or change `required-version` where it stands: in `[tool.uv]` of the model's pyproject.toml, "
        "which --model-env-manager=virtualenv does not follow, or in your uv.toml.",
    ),
    _symptom(
        r"Hash mismatch for `([^`]+)`|THESE PACKAGES DO NOT MATCH THE HASHES[^\n]*\n\s*(\S+)",
        RequirementsError,
        "a package has another hash than its requirement records",
        "Compare the hash with the index's; a mirror may serve another file.",
    ),
    _symptom(
        r"(?:In --require-hashes mode|in `--require-hashes` mode|Hashes are required in --require-hashes mode)"
        r"(?:[^\n]*\n\s+([\w.-]+))?",
        RequirementsError,
        "some requirements have a hash and some have none",
        "Give every requirement a hash, or none; uv takes both, so try --model-env-manager=uv.",
    ),
    _symptom(
        r"invalid match spec: ([^\n]*)|InvalidMatchSpec: ([^\n]*)|InvalidVersionSpec: ([^\n]*)",
        RequirementsError,
        "conda cannot read a package of conda.yaml: {0}",
        "Write it as `name=version`, such as `python=3.11.7`.",
    ),
    _symptom(  # before the packages, none of which is found where a channel is not
        r"a conda channel could not be read: ([^\n]*)|(UnavailableInvalidChannel: [^\n]*)|(CondaHTTPError: [^\n]*)"
        r"|(CondaConnectionError[^\n]*)",
        InstallFailed,
        "a channel could not be read: {0}",
        "Check the address of the channel and the network, or name another place by --model-conda-channel NAME=URL.",
    ),
    _symptom(  # the words of py-rattler, of conda with either solver, and of mamba
        r"No candidates were found for ([^\n]+?)\.?(?:\n|$)|(?:nothing provides requested|nothing provides) ([^\n]+)"
        r"|(?:PackagesNotFound\w*Error|ResolvePackageNotFound):[^\n]*\s+- ([^\n]+)"
        r"|─ ([^\n]+?) does not exist \(perhaps a typo",
        RequirementsError,
        "no channel has {0}",
        "Check the name and the version, or add the channel that has it to conda.yaml, then log the model again.",
    ),
    _symptom(
        r"conda packages cannot be solved|UnsatisfiableError|LibMambaUnsatisfiableError"
        r"|Could not solve for environment specs",
        RequirementsError,
        "the conda packages cannot be had together",
        "Change one of the versions so that they agree, then log the model again.",
    ),
    _symptom(
        r"401 Unauthorized|403 Forbidden|HTTP error 40[13]|40[13] Client Error|401 Error, Credentials not correct",
        InstallFailed,
        "the package index asks for a password, or refuses the one that it got",
        "Give it in .netrc, in the index address, or for an index of uv.lock by UV_INDEX_<NAME>_USERNAME and "
        "UV_INDEX_<NAME>_PASSWORD.",
    ),
    _symptom(  # pip goes on without an index that it cannot reach, and then finds nothing
        r"(?s)after connection broken by.*from versions: none",
        InstallFailed,
        "the package index could not be reached",
        _NETWORK,
    ),
    _symptom(
        r"(\S+) has no wheels with a matching (?:platform|Python|Python ABI) tag|"
        r"A path \((\S+)\) dependency is incompatible with the current platform|"
        r"A path dependency is incompatible with the current platform: (\S+)|(\S+\.whl) is not a supported wheel on|"
        r"Distribution `(\S+) @[^`]*` can't be installed because it doesn't have",
        RequirementsError,
        "{0} is for another platform or another Python",
        _OTHER_PLATFORM,
    ),
    _symptom(
        r"Package '([^']+)' requires a different Python|"
        r"does not satisfy Python\S* and (?:all versions of )?(\S+) depend",
        RequirementsError,
        "{0} does not run on this Python",
        "Pin a version that does, or log the model again with the Python that it was trained on.",
    ),
    _symptom(
        r"Distribution not found at: (\S+)",
        RequirementsError,
        "what is named by its path is not there: {0}",
        "Put it into the model directory, or name a package that an index has, then log the model again.",
    ),
    _symptom(
        r"The lockfile at `uv\.lock`|Failed to parse `uv\.lock`",
        RequirementsError,
        "this uv cannot follow the model's uv.lock",
        "Update uv, or use --model-env-manager=virtualenv, which follows the requirement files.",
    ),
    _symptom(
        r"(?s)Because (?:only )?(\S+) was not found in the (?:package registry|provided package locations|cache)",
        RequirementsError,
        "no index has {0}",
        _CHECK_INDEX,
    ),
    _symptom(
        r"[Bb]ecause there (?:is|are) no versions? of (\S+)",
        RequirementsError,
        "there is no such version: {0}",
        _CHECK_INDEX,
    ),
    _symptom(
        r"No matching distribution found for (\S[^\n]*)",
        RequirementsError,
        "no index has {0} for this Python",
        f"{_CHECK_INDEX} If it is for another platform: {_OTHER_PLATFORM[0].lower()}{_OTHER_PLATFORM[1:]}",
    ),
    _symptom(r"ResolutionImpossible", RequirementsError, "the requirements contradict each other", _CHECK_PINS),
    _symptom(r"No solution found", RequirementsError, "the requirements cannot be met together", _CHECK_PINS),
    _symptom(
        r"Couldn't parse requirement|Invalid requirement|Error parsing included file|Unexpected '",
        RequirementsError,
        "the installer cannot read the requirements",
        "Correct the line, or log the model again.",
    ),
    _symptom(
        r"Failed to build `?([^\s`]+)|Failed building wheel for (\S+)|generating package metadata\.\s*╰─> (\S+)",
        InstallFailed,
        "{0} has no wheel for this Python and could not be built",
        "Pin a version that has a wheel for this Python, or install what its build asks for.",
    ),
    _symptom(
        r"(?:Failed to fetch|[Cc]onnect(?:ion)? (?:refused|error|timed out)|dns error|NewConnectionError)",
        InstallFailed,
        "the package index could not be reached",
        _NETWORK,
    ),
)


def as_error(output: Output, requirements: Sequence[Requirement], *, stage: str, log: Path) -> EnvironmentBroken:
    """Turn the output of an installer that failed into the error to raise.

    Args:
        output: How it ended.
        requirements: The model's, so that the error can name the one at fault.
        stage: What the installer was doing.
        log: Where its output can be read.
    """
    text = "\n".join(output.lines)
    found = _found(text)
    tail = "\n".join(["last lines of " + str(log) + ":", *(f"  {line}" for line in output.lines[-_TAIL_LINES:])])
    if output.is_timed_out:
        return InstallFailed(
            f"{stage} took too long and was ended", facts={"log": tail}, fix="See the log for what it waited for."
        )
    if found is None:
        how = f"signal {-output.returncode}" if output.returncode < 0 else f"exit code {output.returncode}"
        return InstallFailed(f"{stage} failed ({how})", facts={"log": tail}, fix="See the last lines of the log.")
    symptom, subject = found
    named = _named(subject, text, requirements) if subject or symptom.kind is RequirementsError else ()
    lines = "\n".join(f"{without_credentials(each.text)} ({each.place})" for each in named)
    facts: dict[str, object] = {"asked for": lines} if lines else {}
    happened = f"{stage} failed: {symptom.happened.format(subject)}"
    return symptom.kind(happened, facts=facts | {"log": tail}, fix=symptom.fix)


def _found(text: str) -> tuple[_Symptom, str] | None:
    for symptom in _SYMPTOMS:
        if match := symptom.pattern.search(text):
            return symptom, next((group for group in match.groups() if group), "").rstrip(",.")
    return None


def _named(subject: str, text: str, requirements: Sequence[Requirement]) -> tuple[Requirement, ...]:
    """Give the requirements that the installer names; of one that another requires, those in its explanation."""
    name = canonicalize_name(re.split(r"[^\w.-]", subject, maxsplit=1)[0])
    if subject:
        lines = "\n".join(line for line in text.splitlines() if subject in line)
        if found := tuple(each for each in requirements if (name and each.name == name) or _is_at(each, lines)):
            return found
    explained = "".join(text.partition(start)[2] for start in _EXPLAINED)
    words = {str(canonicalize_name(word)) for word in re.findall(r"[A-Za-z0-9][\w.-]*", explained)}
    return tuple(each for each in requirements if each.name in words)


def _is_at(requirement: Requirement, lines: str) -> bool:
    """Tell whether lines name the file or the folder that stands for a requirement."""
    location = requirement.location
    return (
        bool(location) and re.search(rf"(?<![\w.-]){re.escape(PurePath(location).name)}(?![\w.-])", lines) is not None
    )
