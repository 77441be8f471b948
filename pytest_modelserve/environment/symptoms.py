"""What an installer's last words mean: requirements that cannot be had, or an install that went wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from ..errors import EnvironmentBroken, InstallFailed, RequirementsError
from .indexes import without_credentials
from .install import Output
from .requirements import Requirement

_TAIL_LINES: Final = 20


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
        r"Hash mismatch for `([^`]+)`|THESE PACKAGES DO NOT MATCH THE HASHES[^\n]*\n\s*(\S+)",
        RequirementsError,
        "a package has another hash than its requirement records",
        "Compare the hash with the index's; a mirror may serve another file.",
    ),
    _symptom(
        r"In --require-hashes mode|in `--require-hashes` mode|Hashes are required in --require-hashes mode",
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
    _symptom(  # pip goes on without an index that it cannot reach, and then finds nothing
        r"(?s)after connection broken by.*from versions: none",
        InstallFailed,
        "the package index could not be reached",
        _NETWORK,
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
        _CHECK_INDEX,
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
    named = _named(subject, text, requirements) if symptom.kind is RequirementsError else ()
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
    """Give the requirements that the installer names; what they require in turn is not among them."""
    name = canonicalize_name(re.split(r"[^\w.-]", subject, maxsplit=1)[0])
    if subject:
        return tuple(each for each in requirements if each.name == name)
    starts = ("No solution found", "Cannot install", "cannot be solved", "UnsatisfiableError", "Could not solve")
    explained = next(filter(None, (text.partition(start)[2] for start in starts)), "")
    words = {str(canonicalize_name(word)) for word in re.findall(r"[A-Za-z0-9][\w.-]*", explained)}
    return tuple(each for each in requirements if each.name in words)
