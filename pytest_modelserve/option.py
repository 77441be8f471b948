"""What an option is: a setting with its names on the command line, in the ini file and in the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .setting_texts import parse_text
from .settings import AUTO, Settings

URI: Final = "uri"
SERVER: Final = "server"
URL: Final = "url"
SERVED_MODEL: Final = "served_model"  # the marker, and the fixture that takes what it asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One row of the table.

    Attributes:
        name: The setting's name, which is also the marker's keyword.
        flag: On the command line.
        help: One sentence for --help and the reference.
        parse: Makes the value from text.
        metavar: What stands for the value in --help; empty for a switch.
        repeatable: Whether it may be given several times; the ini key is then a list.
        is_secret: Whether its text may hold a secret, and is not shown.
    """

    name: str
    flag: str
    help: str
    parse: Callable[[str], object] = parse_text
    metavar: str = ""
    repeatable: bool = False
    is_secret: bool = False

    @property
    def key(self) -> str:
        """Return the ini key, which is also where pytest stores the command line's value."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        """Return the environment variable."""
        return f"PYTEST_{self.key.upper()}"

    @property
    def default(self) -> object:
        """Return the value where nobody says."""
        named: Mapping[str, object] = {URI: (), SERVER: AUTO}
        return named[self.name] if self.name in named else getattr(Settings(), self.name)
