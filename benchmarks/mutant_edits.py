"""One change of one module as an edit of its text, and the place where a walk through the module makes it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of one module.

    Attributes:
        module: Its file's name without `.py`.
        function: The function or method that is changed, such as `Reader.read`; empty at the module's level.
        is_inside: Whether the change lies in that function's body, so that its code alone can be exchanged.
        line: Of the change, from 1.
        lines: Of the statement that holds it, first and last.
        start: Where the changed text begins, in bytes.
        end: Where it ends.
        becomes: What stands there instead.
    """

    module: str
    function: str
    is_inside: bool
    line: int
    lines: tuple[int, int]
    start: int
    end: int
    becomes: str

    def apply(self, text: str) -> str:
        """Return the module's text with the change."""
        raw = text.encode()
        return (raw[: self.start] + self.becomes.encode() + raw[self.end :]).decode()

    def diff(self, text: str) -> tuple[str, str]:
        """Return the changed lines before and after, each joined to one."""
        raw = text.encode()
        first = raw.rfind(b"\n", 0, self.start) + 1
        last = raw.find(b"\n", self.end)
        before = raw[first:last]
        after = raw[first : self.start] + self.becomes.encode() + raw[self.end : last]
        return _joined(before), _joined(after)


def _joined(lines: bytes) -> str:
    return " ".join(lines.decode().split())


class Places:
    """Knows where a visitor of a module is, and writes down the changes that it makes there.

    Args:
        module: Its file's name without `.py`.
        text: What stands in it.

    Attributes:
        found: The changes so far.
    """

    def __init__(self, module: str, text: str) -> None:
        self.found: list[Mutant] = []
        self._module = module
        self._raw = text.encode()
        self._starts = [0]
        for line in self._raw.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._names: list[str] = []  # of the classes and functions around
        self._function: ast.FunctionDef | ast.AsyncFunctionDef | None = None  # the outermost
        self._statement: ast.stmt | None = None

    def _at(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _source(self, node: ast.expr | ast.stmt) -> str:
        start, end = self._span(node)
        return self._raw[start:end].decode()

    def _add(self, start: int, end: int, becomes: str) -> None:
        line = self._raw.count(b"\n", 0, start) + 1
        statement = self._statement
        inside = self._function is not None and self._at(self._function.body[0].lineno, 0) <= start
        if statement is not None and "super()" in self._source(statement):  # its cell goes with it
            inside = False
        lines = (line, line) if statement is None else (statement.lineno, _head_end(statement))
        self.found.append(
            Mutant(
                module=self._module,
                function=".".join(self._names),
                is_inside=inside,
                line=line,
                lines=(min(line, lines[0]), max(line, lines[1])),
                start=start,
                end=end,
                becomes=becomes,
            )
        )

    def _replace(self, node: ast.expr | ast.stmt, becomes: str) -> None:
        self._add(*self._span(node), becomes)

    def _replace_between(self, left: ast.expr, right: ast.expr, pattern: str, becomes: str) -> None:
        start, end = self._span(left)[1], self._span(right)[0]
        if found := re.search(pattern, self._raw[start:end].decode()):
            self._add(start + found.start(), start + found.end(), becomes)


def _head_end(statement: ast.stmt) -> int:
    """Return the last line of a statement without the statements below it."""
    body = getattr(statement, "body", None)
    if body and isinstance(body, list):
        return max(statement.lineno, body[0].lineno - 1)
    return statement.end_lineno or statement.lineno
