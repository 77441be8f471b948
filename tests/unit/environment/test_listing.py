"""Lists in notes."""

from __future__ import annotations

import pytest

from pytest_modelserve.environment.listing import listed, loose_note


@pytest.mark.parametrize(
    ("n", "text"),
    [(0, ""), (1, "p0"), (3, "p0, p1, p2"), (4, "p0, p1, p2 and 1 more"), (9, "p0, p1, p2 and 6 more")],
)
def test_what_is_not_shown_is_counted(n: int, text: str) -> None:
    assert listed([f"p{number}" for number in range(n)], n_shown=3) == text


def test_texts_with_commas_are_told_apart() -> None:
    assert listed(["a>1,<2", "b"], separator="; ") == "a>1,<2; b"


def test_nothing_loose_is_no_note() -> None:
    assert loose_note([]) == ""
    assert loose_note(["a", "b"]) == "without an exact version, so the first build decides: a, b"
