"""Whether there is a signature, and whether it says all that a server needs to know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .rule import Found, Linted

NO_SIGNATURE: Final = (
    "the model has no signature: no server can tell a right request from a wrong one, and types are guessed anew for "
    "each request"
)
NO_INPUTS: Final = "the signature declares no inputs"
HOW_TO_SIGN: Final = (
    "mlflow.models.infer_signature(inputs, predictions), or give input_example= when the model is logged"
)
MAX_FILES: Final = 200  # of the model's own code; more are a package of its own, which keeps its secrets


def find_no_inputs(linted: Linted) -> Iterator[Found]:
    """Look for a signature that says what a request carries."""
    signature = linted.model.signature
    if signature is None or signature.inputs is None:
        title = NO_SIGNATURE if signature is None else NO_INPUTS
        yield Found(title=title, expected=f"a signature: {HOW_TO_SIGN}", received="none in MLmodel")


def find_no_outputs(linted: Linted) -> Iterator[Found]:
    """Look for outputs, where there are inputs."""
    signature = linted.signature
    if signature.inputs is not None and signature.outputs is None:
        yield Found(
            title="the signature declares no outputs, so answers are only held against strict JSON, and MLServer does "
            f"not load the model at all: {HOW_TO_SIGN}"
        )


def find_no_example(linted: Linted) -> Iterator[Found]:
    """Look for an input example."""
    if linted.model.example_info is None and not linted.model.told_by:
        yield Found(
            title="the model was saved without an input example: log it with input_example=, so that it is tested on it"
        )


def find_undeclared_params(linted: Linted) -> Iterator[Found]:
    """Look into the model's own code for a `predict` that reads `params` although the signature declares none."""
    if linted.model.signature is None or linted.signature.params is not None:
        return
    for file in _own_code(linted):
        line = _line_that_reads_params(file)
        if line is not None:
            yield Found(
                title=f"`predict` reads `params` ({file.name}, line {line}), and the signature declares none: what a "
                "request sends as params never reaches it; give infer_signature(…, params={…}) its defaults"
            )
            return


def _own_code(linted: Linted) -> Iterator[Path]:
    pyfunc = linted.model.pyfunc
    if pyfunc.code_file is not None:
        yield pyfunc.code_file
    if pyfunc.code_path is not None:
        yield from sorted(pyfunc.code_path.rglob("*.py"))[:MAX_FILES]


def _line_that_reads_params(file: Path) -> int | None:
    """Return the line on which a method `predict` uses its argument `params`, None where none does."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # for another Python; the server says so where it matters
        return None
    methods = [
        node
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, ast.FunctionDef) and node.name == "predict"
    ]
    uses = (
        node.lineno
        for method in methods
        if any(argument.arg == "params" for argument in (*method.args.args, *method.args.kwonlyargs))
        for statement in method.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and node.id == "params" and isinstance(node.ctx, ast.Load)
    )
    return min(uses, default=None)
