"""Strategies for values with parts: lists, records, maps, vectors, chats, and JSON of any form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..signature.datatypes import Object, ValueType
from .edges import ROLES, is_chat_message
from .levels import PLAUSIBLE_NUMBER, flushed

_MOST: Final = 5  # elements of a drawn list: longer ones are edges, since each element costs choices
_SAFE_INTEGER: Final = 2**53  # the range that every JSON reader keeps


def texts(*, min_size: int = 0, max_size: int, with_controls: bool = False) -> SearchStrategy[str]:
    """Return text of any script that UTF-8 can carry, control characters only where asked for."""
    alphabet = (
        st.characters(codec="utf-8") if with_controls else st.characters(codec="utf-8", exclude_categories=["Cc"])
    )
    return st.text(alphabet, min_size=min_size, max_size=max_size)


def arrays(items: SearchStrategy[object], *, max_size: int | None = None) -> SearchStrategy[object]:
    """Return lists, the empty one too."""
    return st.lists(items, max_size=_MOST if max_size is None else min(max_size, _MOST)).map(_same)


def vectors(items: SearchStrategy[object]) -> SearchStrategy[object]:
    """Return lists of at least one number."""
    return st.lists(items, min_size=1, max_size=_MOST).map(_same)


def maps(values: SearchStrategy[object]) -> SearchStrategy[object]:
    """Return records with any text as keys."""
    return st.dictionaries(texts(max_size=10), values, max_size=_MOST).map(_same)


def objects(kind: Object, inner: Callable[[ValueType], SearchStrategy[object]]) -> SearchStrategy[object]:
    """Return records of an Object, each optional property absent at times.

    Args:
        kind: The type; a chat message gets only roles that every chat model knows.
        inner: Gives the strategy of a property's type.
    """
    roles = st.sampled_from(ROLES)
    is_chat = is_chat_message(kind)
    parts: dict[str, SearchStrategy[object]] = {
        item.name: roles if is_chat and item.name == "role" else inner(item.type) for item in kind.properties
    }
    optional = {item.name for item in kind.properties if not item.required}
    return st.fixed_dictionaries(
        {name: part for name, part in parts.items() if name not in optional},
        optional={name: part for name, part in parts.items() if name in optional},
    ).map(_same)


def chat_messages(
    *, min_size: int = 1, max_size: int = 6, content: SearchStrategy[str] | None = None
) -> SearchStrategy[list[dict[str, str]]]:
    """Return conversations: an optional system message, then user and assistant in turn, the user last.

    Args:
        min_size: The fewest messages, at least 1.
        max_size: The most messages.
        content: What messages say; any text of up to 200 characters by default.
    """
    said = texts(min_size=1, max_size=200)
    turns = st.lists(content or said, min_size=min_size, max_size=max_size)
    return st.builds(_conversation, turns, st.booleans())


def any_json() -> SearchStrategy[object]:
    """Return JSON values of any form, null included."""
    leaves: SearchStrategy[object] = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-_SAFE_INTEGER, _SAFE_INTEGER),
        st.floats(-PLAUSIBLE_NUMBER, PLAUSIBLE_NUMBER).map(flushed),
        texts(max_size=20),
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(max_size=5), inner, max_size=3),
        max_leaves=8,
    )


def _conversation(turns: list[str], has_system: bool) -> list[dict[str, str]]:  # noqa: FBT001 # drawn by position
    has_system = has_system and len(turns) > 1
    spoken = turns[1:] if has_system else turns
    messages = [
        {"role": "user" if (len(spoken) - at) % 2 else "assistant", "content": text} for at, text in enumerate(spoken)
    ]
    return [{"role": "system", "content": turns[0]}, *messages] if has_system else messages


def _same(value: object) -> object:
    return value
