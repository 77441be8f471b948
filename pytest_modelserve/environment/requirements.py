"""Requirement lines as pip reads them: joined, stripped of comments, `-r` and `-c` followed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from packaging import requirements as pep508
from packaging.utils import canonicalize_name

from ..errors import RequirementsError
from .indexes import without_credentials

_INCLUDE: Final = re.compile(r"(?:(-r|-c)\s*|(--requirement|--constraint)(?:\s+|\s*=\s*))(?P<target>\S.*)")
_EDITABLE: Final = re.compile(r"(?:-e\s*|--editable(?:\s+|\s*=\s*))(?P<target>\S.*)")
_BARE: Final = re.compile(r"(?P<folder>[\w.-]+)(\[[^]]*\])?")
_FIND_LINKS: Final = re.compile(r"(?:-f\s*|--find-links(?:\s+|\s*=\s*))(?P<target>\S.*)")
_COMMENT: Final = re.compile(r"(^|\s+)#.*$")
_LINE_OPTIONS: Final = re.compile(r"\s+--(?:hash|config-settings?|global-option)\b.*$")
_ARCHIVES: Final = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz")
_CONDA_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)\s*=\s*([^=\s].*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement, or one constraint, with the place it stands at.

    Attributes:
        text: As written, joined and without comment.
        file: Relative to the model directory.
        line: Counted from 1.
        is_constraint: Whether it only limits what others require.
        name: The canonical project name, empty where the line is a path or a bare URL.
        location: The path on this machine that it names, as written; empty where it names none.
    """

    text: str
    file: str
    line: int
    is_constraint: bool = False
    name: str = ""
    location: str = ""

    @property
    def is_editable(self) -> bool:
        """Whether its sources are to be used where they stand."""
        return bool(_EDITABLE.fullmatch(self.text))

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line still to be read: what stands where."""

    text: str
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expanded:
    """All that a list of requirement lines comes to.

    Attributes:
        requirements: Requirements and constraints in the order read.
        options: Lines that set the installer's options (`--index-url …`), as written.
        local_files: Path as written to the SHA-256 of the file, or of all files of the folder, that it names.
    """

    requirements: tuple[Requirement, ...]
    options: tuple[str, ...]
    local_files: tuple[tuple[str, str], ...]


def expand(entries: Sequence[Entry], directory: Path) -> Expanded:
    """Read requirement lines and all files that they include.

    Included files are looked up beside the file that names them, local packages in the model directory, as pip does
    when it runs there.

    Raises:
        RequirementsError: If a line is no requirement, or a file that one names is missing, unreadable or includes
            itself.
    """
    reader = _Reader(directory=directory)
    for entry in entries:
        reader.read(entry, directory, is_constraint=False)
    return Expanded(
        requirements=tuple(reader.requirements),
        options=tuple(reader.options),
        local_files=tuple(sorted(reader.local_files.items())),
    )


def is_include(line: str) -> bool:
    """Tell whether a line names a file of further lines."""
    return bool(_INCLUDE.fullmatch(line))


def digest_of(path: Path) -> str:
    """Hash a file, or names and contents of all files below a folder.

    Raises:
        OSError: If something cannot be read.
    """
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    whole = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            whole.update(f"{file.relative_to(path).as_posix()}\0{digest_of(file)}\n".encode())
    return whole.hexdigest()


@dataclass(slots=True, kw_only=True)
class _Reader:
    directory: Path
    requirements: list[Requirement] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    local_files: dict[str, str] = field(default_factory=dict)
    open_files: list[Path] = field(default_factory=list)

    def read(self, entry: Entry, folder: Path, *, is_constraint: bool) -> None:
        try:
            self._read(entry, folder, is_constraint=is_constraint)
        except (OSError, ValueError) as error:  # a name that no file can have, a file that nobody may read
            raise _bad(
                entry,
                f"what it names cannot be read: {error}",
                fix=f"See that `{entry.text}` names a file, folder or package that is there and may be read.",
            ) from error

    def _read(self, entry: Entry, folder: Path, *, is_constraint: bool) -> None:
        text = entry.text
        if include := _INCLUDE.fullmatch(text):
            narrows = is_constraint or (include[1] or include[2]) in {"-c", "--constraint"}
            self._include(entry, _unquoted(include["target"]), folder, is_constraint=narrows)
        elif editable := _EDITABLE.fullmatch(text):
            target = _unquoted(editable["target"])
            bare = _BARE.fullmatch(target)  # names a folder of the model, if that has it
            is_folder = bare is not None and (self.directory / bare["folder"]).is_dir()
            self._take(entry, f"./{target}" if is_folder else target, is_constraint=is_constraint)
        elif text.startswith("-"):
            self.options.append(text)
            if links := _FIND_LINKS.fullmatch(text):
                self._hash_links(_unquoted(links["target"]), folder)
        else:
            self._take(entry, _LINE_OPTIONS.sub("", text), is_constraint=is_constraint)

    def _include(self, entry: Entry, target: str, folder: Path, *, is_constraint: bool) -> None:
        if "://" in target and not target.startswith("file:"):
            self.options.append(entry.text)  # fetched by the installer; only the address can be known here
            return
        path = folder / (_path_of_url(target) if target.startswith("file:") else target)
        if path.resolve() in self.open_files:
            raise _bad(entry, f"{target} includes itself", fix=f"Remove `{entry.text}` from {entry.file}.")
        self.open_files.append(path.resolve())
        for line in _lines_of(path, entry, self.directory):
            self.read(line, path.parent, is_constraint=is_constraint)
        self.open_files.pop()

    def _take(self, entry: Entry, text: str, *, is_constraint: bool) -> None:
        local = _local_target(text)
        if local is not None:
            self.local_files[local] = self._local_digest(entry, local)
        name = "" if _is_location(text) else _project_name(entry, text)
        self.requirements.append(
            Requirement(
                text=entry.text,
                file=entry.file,
                line=entry.line,
                is_constraint=is_constraint,
                name=name,
                location=local or "",
            )
        )

    def _hash_links(self, target: str, folder: Path) -> None:
        """Hash packages that lie in the model directory; a folder elsewhere is like an index, which may change."""
        for base in (folder, self.directory):
            path = base / target
            if path.exists() and path.resolve().is_relative_to(self.directory.resolve()):
                self.local_files[target] = digest_of(path)
                return

    def _local_digest(self, entry: Entry, target: str) -> str:
        if (self.directory / target).exists():
            return digest_of(self.directory / target)
        raise _bad(
            entry,
            f"{target} is not there",
            fix=f"Put {target} into the model directory, from which paths are counted in every file, "
            "or name a package that an index has.",
        )


def _lines_of(path: Path, entry: Entry, directory: Path) -> Iterator[Entry]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not there" if isinstance(error, FileNotFoundError) else str(error)
        raise _bad(
            entry,
            f"{path.name} cannot be read: {reason}",
            fix=f"Put {path.name} into the model directory, or remove `{entry.text}`.",
        ) from error
    file = path.relative_to(directory).as_posix() if path.is_relative_to(directory) else str(path)
    for line, joined in _joined(text):
        if stripped := _COMMENT.sub("", joined).strip():
            yield Entry(text=stripped, file=file, line=line)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    first, parts = 1, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if not parts:
            first = number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            parts.append(line[:-1].strip())
            continue
        yield first, " ".join([*parts, line.strip()])
        parts.clear()
    if parts:
        yield first, " ".join(parts)


def _unquoted(text: str) -> str:
    return text.strip().strip("\"'")


def _is_location(text: str) -> bool:
    head = text.partition(" ")[0].partition("[")[0]
    return ("@" not in text.partition("://")[0] and "://" in head) or _is_path(text) or head.startswith("file:")


def _is_path(text: str) -> bool:
    head = text.partition(" ")[0].partition(";")[0]
    plain = head.partition("[")[0]
    return "://" not in head and (plain.startswith((".", "/")) or "/" in plain or plain.lower().endswith(_ARCHIVES))


def _local_target(text: str) -> str | None:
    if not _is_path(text):
        location = text.partition("@")[2].strip() if re.match(r"[\w.-]+\s*(\[[^]]*\])?\s*@", text) else text
        location = location.partition(" ")[0]
        return _path_of_url(location) if location.startswith("file:") else None
    return text.partition(" ")[0].partition(";")[0].partition("[")[0]


def _path_of_url(url: str) -> str:
    return unquote(urlsplit(url).path)


def _project_name(entry: Entry, text: str) -> str:
    try:
        return str(canonicalize_name(pep508.Requirement(text).name))
    except pep508.InvalidRequirement as error:
        pin = _CONDA_PIN.match(text)
        fix = f"Write `{pin[1]}=={pin[2]}`." if pin else "Write it as `name==version`."
        reason = str(error).splitlines()[0]
        raise _bad(entry, f"`{text}` is no requirement: {reason}", fix=fix) from error


def _bad(entry: Entry, reason: str, *, fix: str) -> RequirementsError:
    return RequirementsError(
        f"{entry.file}, line {entry.line}: {without_credentials(reason)}",
        facts={"file": entry.file, "line": entry.line, "text": without_credentials(entry.text)},
        fix=without_credentials(fix),
    )
