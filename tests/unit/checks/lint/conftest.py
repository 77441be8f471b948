"""Models as a signature and an example, to be looked at without running them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.checks.lint.rule import Found, Linted
from pytest_modelserve.model.example import read_example
from pytest_modelserve.model.example_sides import read_sides
from pytest_modelserve.model.flavor import PyfuncFlavor
from pytest_modelserve.model.mlmodel import ExampleInfo, Model
from pytest_modelserve.signature import parse_signature

Make = Callable[..., Linted]


def said(found: Iterator[Found]) -> list[str]:
    """Return the titles of what was found."""
    return [one.title for one in found]


@pytest.fixture(name="said")
def said_fixture() -> Callable[[Iterator[Found]], list[str]]:
    """Return the titles of what was found."""
    return said


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Build what a rule works with: sides of a signature as MLflow writes them, and the files of an example.

    `given` is the text or the JSON of input_example.json, `served` that of serving_input_example.json.
    """

    def build(
        inputs: Sequence[Mapping[str, Any]] | None = None,
        outputs: Sequence[Mapping[str, Any]] | None = None,
        params: Sequence[Mapping[str, Any]] | None = None,
        *,
        given: object = None,
        served: object = None,
        kind: str = "dataframe",
        has_params: bool = False,
        is_from_type_hint: bool = False,
        metadata: Mapping[str, object] | None = None,
        **known: Any,
    ) -> Linted:
        mapping = {
            side: None if specs is None else json.dumps(specs)
            for side, specs in (("inputs", inputs), ("outputs", outputs), ("params", params))
        }
        info = None
        if given is not None:
            path, serving = tmp_path / "input_example.json", tmp_path / "serving_input_example.json"
            path.write_text(given if isinstance(given, str) else json.dumps(given))
            if served is not None:
                serving.write_text(served if isinstance(served, str) else json.dumps(served))
            info = ExampleInfo(
                path=path, kind=kind, serving_path=serving if served is not None else None, has_params=has_params
            )
        has_signature = any(specs is not None for specs in (inputs, outputs, params))
        model = Model(
            uri="m",
            resolved="m",
            path=tmp_path,
            digest="d",
            pyfunc=PyfuncFlavor(loader_module="m", data_path=tmp_path),
            flavors={},
            signature=parse_signature(mapping, is_from_type_hint=is_from_type_hint) if has_signature else None,
            is_signature_from_type_hint=is_from_type_hint,
            example_info=info,
            metadata=metadata or {},
        )
        linted = Linted(model=model, sides=read_sides(model))
        try:
            example = read_example(model)
        except Exception:  # noqa: BLE001 # a broken example is what some rules are about
            example = None
        return replace(linted, example=example, **known)

    return build
