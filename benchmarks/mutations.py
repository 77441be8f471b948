"""The small changes that `mutants.py` makes to a module, each an edit of its text, so that it reads as a diff.

Changed are comparisons, boolean and arithmetic operators, negations, numbers by one, booleans, words, regular
expressions, conditions, returned values, members of enums and of literals, `any` and `all`, `min` and `max`, the
handlers of exceptions, the kind of error raised, and statements, which are dropped.

Left alone are docstrings and annotations, texts (strings with a space, all of a `raise` and of a line for the log), and
`strict=True` of `zip`, which like an assertion holds the code's own parts together and nothing that a request says.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from mutant_edits import Mutant, Places

COMPARISONS: Final = {
    ast.Lt: ("<", ("<=", ">=")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
}
ARITHMETIC: Final = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "//"),
    ast.Pow: ("**", "*"),
    ast.LShift: ("<<", ">>"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
}
CALLS: Final = {"any": "all", "all": "any", "min": "max", "max": "min"}
METHODS: Final = {"argmax": "argmin", "argmin": "argmax", "rfind": "find", "fullmatch": "match", "search": "match"}
PLAIN_METHODS: Final = frozenset({"strip", "lower", "tolist", "upper"})  # dropped
ENUMS: Final = frozenset({"Envelope", "DataType", "Media", "ErrorCode", "DecidedBy", "Storage", "Datatype"})
ERRORS: Final = {"NotParsed": "NotAllowed", "NotAllowed": "NotParsed", "NotEncodable": "NotParsed"}
ERRORS_OF: Final = "pytest_modelserve.scoring.errors"
QUANTIFIERS: Final = {"?": ("",), "*": ("+",), "+": ("*",)}


def find_mutants(module: str, text: str) -> list[Mutant]:
    """Return every mutant of a module that compiles, in the order of its lines, none twice."""
    finder = _Finder(module, text)
    finder.visit(ast.parse(text))
    found: dict[str, Mutant] = {}
    for mutant in sorted(finder.found, key=lambda one: (one.start, one.end, one.becomes)):
        changed = mutant.apply(text)
        if changed != text and _compiles(changed):
            found.setdefault(changed, mutant)
    return list(found.values())


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True


class _Finder(Places, ast.NodeVisitor):
    def __init__(self, module: str, text: str) -> None:
        super().__init__(module, text)
        self._assigned: set[str] = set()
        self._is_text = False
        self._alone: ast.stmt | None = None  # below a condition: dropping it is deciding the condition

    # statements

    def visit(self, node: ast.AST) -> None:
        before = self._statement
        if isinstance(node, ast.stmt):
            self._statement = node
            self._drop(node)
        super().visit(node)
        self._statement = before

    def _drop(self, node: ast.stmt) -> None:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if (isinstance(node, ast.Expr) and not is_text and not self._is_log(node.value)) or (
            isinstance(node, ast.Raise | ast.Continue | ast.Break) and self._alone is not node
        ):
            self._replace(node, "pass")
        elif isinstance(node, ast.Assign) and self._function is not None:
            target = node.targets[0]
            names = {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
            if not isinstance(target, ast.Name) or names <= self._assigned:
                self._replace(node, "pass")
            self._assigned |= names

    @staticmethod
    def _is_log(node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_logger.")

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._names.append(node.name)
        outer, self._function = self._function, self._function or node
        if outer is None:
            self._assigned = {arg.arg for arg in (*node.args.args, *node.args.kwonlyargs)}
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        for child in node.body:
            self.visit(child)
        self._function = outer
        self._names.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._names.append(node.name)
        for child in node.body:
            self.visit(child)
        self._names.pop()

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:  # its annotation is left alone
        if node.value is not None and not ast.unparse(node.annotation).startswith("TypeAlias"):
            self.visit(node.value)

    def visit_Import(self, _node: ast.Import) -> None:
        """Leave imports alone."""

    def visit_ImportFrom(self, _node: ast.ImportFrom) -> None:
        """Leave imports alone."""

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        old, new = ARITHMETIC[type(node.op)]
        self._replace_between(node.target, node.value, re.escape(f"{old}="), f"{new}=")
        self._replace_between(node.target, node.value, re.escape(f"{old}="), "=")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        if isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            if new := ERRORS.get(node.exc.func.id):
                known = f"{new},".encode() in self._raw or f"{new}\n".encode() in self._raw
                self._replace(node.exc.func, new if known else f'__import__("{ERRORS_OF}", fromlist=["*"]).{new}')
            outer, self._is_text = self._is_text, True
            self.generic_visit(node)
            self._is_text = outer

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not isinstance(node.value, ast.Constant):
            self._replace(node.value, "None")
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self._replace(node.type, "()")
            if isinstance(node.type, ast.Tuple):
                for gone in node.type.elts:
                    kept = [self._source(one) for one in node.type.elts if one is not gone]
                    self._replace(node.type, f"({', '.join(kept)},)")
        for child in node.body:
            self.visit(child)

    # conditions

    def _decide(self, test: ast.expr) -> None:
        if isinstance(test, ast.Constant):
            return
        text = self._source(test)
        has_name = any(isinstance(part, ast.NamedExpr) for part in ast.walk(test))
        self._replace(test, f"(({text}) or True)" if has_name else "True")
        self._replace(test, f"(({text}) and False)" if has_name else "False")

    def visit_If(self, node: ast.If) -> None:
        self._decide(node.test)
        if len(node.body) == 1 and not node.orelse:
            self._alone = node.body[0]
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._decide(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._decide(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._decide(test)
        self.generic_visit(node)

    # expressions

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for at, op in enumerate(node.ops):
            old, news = COMPARISONS[type(op)]
            pattern = r"not\s+in" if old == "not in" else r"is\s+not" if old == "is not" else re.escape(old)
            for new in news:
                self._replace_between(sides[at], sides[at + 1], pattern, new)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._replace_between(left, right, rf"\b{old}\b", new)
        for gone in node.values:
            kept = [self._source(one) for one in node.values if one is not gone]
            self._replace(node, f"({f' {old} '.join(f'({part})' for part in kept)})")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub | ast.Invert):
            self._replace(node, f"({self._source(node.operand)})")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in ARITHMETIC:
            old, new = ARITHMETIC[type(node.op)]
            self._replace_between(node.left, node.right, re.escape(old), new)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if self._is_log(node):
            return
        name = ast.unparse(node.func)
        if name in CALLS:
            self._replace(node.func, CALLS[name])
        if isinstance(node.func, ast.Attribute):
            _start, end = self._span(node.func)
            if new := METHODS.get(node.func.attr):
                self._add(end - len(node.func.attr), end, new)
            if node.func.attr in PLAIN_METHODS and not node.args:
                self._replace(node, self._source(node.func.value))
        if name == "re.compile":
            self._change_pattern(node.args[0])
            return
        outer = self._is_text
        self._is_text = outer or name in {"Misfit", *ERRORS, "_unavailable", "TypeVar"}
        self.visit(node.func)
        for argument in node.args:
            self.visit(argument)
        for keyword in node.keywords:
            if keyword.arg != "strict":
                self.visit(keyword.value)
        self._is_text = outer

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and node.value.id in ENUMS and node.attr.isupper():
            _start, end = self._span(node)
            self._add(end - len(node.attr), end, self._other_member(node.value.id, node.attr))
        self.generic_visit(node)

    @staticmethod
    def _other_member(enum: str, member: str) -> str:
        first = {
            "Envelope": ("INPUTS", "INSTANCES"),
            "DataType": ("STRING", "DOUBLE"),
            "Media": ("JSON", "CSV"),
            "ErrorCode": ("BAD_REQUEST", "INTERNAL_ERROR"),
            "DecidedBy": ("PARSER", "SERVER"),
            "Storage": ("NESTED", "TEXT"),
            "Datatype": ("BYTES", "FP64"),
        }[enum]
        return first[1] if member == first[0] else first[0]

    def visit_Set(self, node: ast.Set) -> None:
        self._drop_elements(node, "{", "}")

    def visit_Tuple(self, node: ast.Tuple) -> None:
        if isinstance(node.ctx, ast.Load) and self._function is None:
            self._drop_elements(node, "(", ",)")
        else:
            self.generic_visit(node)

    def _drop_elements(self, node: ast.Set | ast.Tuple, opening: str, closing: str) -> None:
        for gone in node.elts if len(node.elts) > 1 else ():
            kept = [self._source(one) for one in node.elts if one is not gone]
            self._replace(node, f"{opening}{', '.join(kept)}{closing}")
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key in node.keys if self._function is None else ():
            if key is not None and not isinstance(key, ast.Constant):
                self._replace(key, f'("no key", {self._source(key)})')
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        is_text = any(isinstance(part, ast.Constant) and " " in str(part.value) for part in node.values)
        if is_text or self._is_text:
            return
        if any(isinstance(part, ast.FormattedValue) for part in node.values):
            self._replace(node, '""')

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._replace(node, str(not value))
        elif isinstance(value, int | float):
            self._replace(node, repr(value + 1))
            self._replace(node, f"({value - 1!r})")
        elif isinstance(value, str | bytes) and not self._is_text and not isinstance(self._statement, ast.Expr):
            space = " " if isinstance(value, str) else b" "
            if space not in value and not self._is_slots():
                self._replace(node, repr(value + ("~" if isinstance(value, str) else b"~")))

    def _is_slots(self) -> bool:
        return isinstance(self._statement, ast.Assign) and ast.unparse(self._statement.targets[0]) == "__slots__"

    def _change_pattern(self, node: ast.expr) -> None:
        """Loosen and tighten a regular expression at each of its quantifiers and counts, where the result is one."""
        source = self._source(node)
        start, _ = self._span(node)
        offset_of = {at: len(source[:at].encode()) for at in range(len(source) + 1)}
        edits: list[tuple[int, int, str]] = []
        for found in re.finditer(r"(?<![\\(])[?*+](?![^\[]*\])", source):
            edits += [(found.start(), found.end(), new) for new in QUANTIFIERS[found.group()]]
        for found in re.finditer(r"(?<=[{,])\d+(?=[,}])", source):
            edits += [(found.start(), found.end(), str(int(found.group()) + step)) for step in (1, -1)]
        edits += [(found.start(), found.end(), "") for found in re.finditer(r"\\Z|\(\?<=[^)]*\)", source)]
        for found in re.finditer(r"\[(?!\^)([^\]]+)\]", source):  # each character or range of a class left out
            for part in re.finditer(r"\\x..-\\x..|\\?.-\\?[^\]]|\\?.", found.group(1)):
                if found.group(1) != part.group():
                    at = found.start(1) + part.start()
                    edits.append((at, at + len(part.group()), ""))
        for first, last, new in edits:
            changed = source[:first] + new + source[last:]
            try:
                re.compile(ast.literal_eval(f"({changed})"))
            except (re.error, SyntaxError):
                continue
            self._add(start + offset_of[first], start + offset_of[last], new)
