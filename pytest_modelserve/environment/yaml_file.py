"""Read-only view of a YAML mapping that knows the line of every value, so that errors can name it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from ..errors import RequirementsError
from .requirements import Entry

_TEXT: Final = "tag:yaml.org,2002:str"
_NULL: Final = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlFile:
    """A YAML file whose top is a mapping.

    Attributes:
        path: For reading and for messages.
        values: Name to node, in the file's order.
    """

    path: Path
    values: dict[str, yaml.Node]

    @classmethod
    def read(cls, path: Path) -> YamlFile:
        """Parse the file.

        Raises:
            RequirementsError: If it cannot be read, is no YAML, or its top is no mapping.
        """
        try:
            root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            is_deep = isinstance(error, RecursionError)
            reason = "lists stand in lists too deeply" if is_deep else " ".join(str(error).split())
            raise RequirementsError(
                f"{path.name} cannot be read: {reason}",
                facts={"file": path},
                fix="Correct the file, or log the model again.",
            ) from error
        if not isinstance(root, yaml.MappingNode):
            kind = "empty" if root is None else f"a {shape_of(root)}"
            raise RequirementsError(
                f"{path.name} is {kind}, not a mapping", facts={"file": path}, fix="Log the model again."
            )
        return cls(path=path, values={str(key.value): value for key, value in root.value})

    def text(self, name: str) -> str | None:
        """Read one string, None where it is absent or null.

        Raises:
            RequirementsError: If the value is anything but a string; `3.10` without quotes is the number 3.1.
        """
        node = self.values.get(name)
        if node is None or node.tag == _NULL:
            return None
        if isinstance(node, yaml.ScalarNode) and node.tag == _TEXT:
            return str(node.value)
        kind = node.tag.rpartition(":")[2]
        shown = node.value if isinstance(node, yaml.ScalarNode) else f"a {shape_of(node)}"
        wanted = f"{name}: '{shown}'" if isinstance(node, yaml.ScalarNode) else f"{name}: '…'"
        reads = f" ({float(shown):g})" if kind == "float" else ""
        raise self.bad(
            node, f"`{name}: {shown}` is a {kind}{reads}, not a text", fix=f"Put quotes around it: `{wanted}`."
        )

    def entries(self, name: str) -> tuple[Entry, ...]:
        """Read a list of strings with their lines, empty where it is absent or null.

        Raises:
            RequirementsError: If the value is no list of strings.
        """
        node = self.values.get(name)
        return () if node is None or node.tag == _NULL else self.strings_of(name, node)

    def strings_of(self, name: str, node: yaml.Node) -> tuple[Entry, ...]:
        """Read a node that must be a list of strings; `name` is for the message.

        Raises:
            RequirementsError: If it is anything else.
        """
        if not isinstance(node, yaml.SequenceNode):
            raise self.bad(
                node, f"`{name}` is a {shape_of(node)}, not a list", fix=f"Write `{name}` as a list of strings."
            )
        return tuple(self.string_of(name, item) for item in node.value)

    def string_of(self, name: str, item: yaml.Node) -> Entry:
        """Read one item of the list `name`, which must be a string.

        Raises:
            RequirementsError: If it is anything else.
        """
        if not isinstance(item, yaml.ScalarNode) or item.tag != _TEXT:
            shown = item.value if isinstance(item, yaml.ScalarNode) else f"a {shape_of(item)}"
            raise self.bad(item, f"`{name}` holds {shown}, which is not a text", fix="Put quotes around it.")
        return Entry(text=str(item.value).strip(), file=self.path.name, line=item.start_mark.line + 1)

    def bad(self, node: yaml.Node, reason: str, *, fix: str) -> RequirementsError:
        """Build the error for a value of this file."""
        line = node.start_mark.line + 1
        return RequirementsError(
            f"{self.path.name}, line {line}: {reason}", facts={"file": self.path, "line": line}, fix=fix
        )


def shape_of(node: yaml.Node) -> str:
    """Name what stands there: scalar, sequence or mapping."""
    return type(node).__name__.removesuffix("Node").lower()
