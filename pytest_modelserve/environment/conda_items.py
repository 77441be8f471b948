"""The list of dependencies in a conda.yaml, as all managers read it: texts, and one mapping for what pip installs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import yaml

from .requirements import Entry
from .yaml_file import YamlFile, shape_of

_NULL: Final = "tag:yaml.org,2002:null"


def items_of(file: YamlFile) -> Sequence[yaml.Node]:
    """Give what stands in `dependencies`, nothing where it is absent or null.

    Raises:
        RequirementsError: If it is no list.
    """
    node = file.values.get("dependencies")
    if node is None or node.tag == _NULL:
        return ()
    if not isinstance(node, yaml.SequenceNode):
        raise file.bad(node, f"`dependencies` is a {shape_of(node)}, not a list", fix="Write `dependencies` as a list.")
    return list(node.value)


def pip_section(file: YamlFile, item: yaml.MappingNode) -> tuple[Entry, ...]:
    """Read the lines below `pip:`; conda takes it with nothing below too.

    Raises:
        RequirementsError: If the mapping holds anything else, or no list of strings.
    """
    sections = {str(key.value): value for key, value in item.value}
    if set(sections) != {"pip"}:
        raise file.bad(
            item,
            f"`dependencies` holds a mapping with {', '.join(sections) or 'nothing'}",
            fix="Write a package as a text, such as `python=3.11.7`; only `pip:` with a list may be a mapping.",
        )
    node = sections["pip"]
    return () if node.tag == _NULL else file.strings_of("pip", node)
