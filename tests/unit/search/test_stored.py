"""Cases as files: what is written is what is sent again, whatever it holds, and nothing broken is taken for a case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.cases import Case, Document, Envelope, Expectation, Level, RawBody, Table, Tensors
from pytest_modelserve.errors import ModelServeError
from pytest_modelserve.search.stored import CaseStore, StoredCase, as_case, name_of, stored_form
from pytest_modelserve.signature import Signature
from pytest_modelserve.signature.datatypes import Array, DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, TensorSchema, TensorSpec

COLUMNS = Signature(
    inputs=ColumnSchema(
        columns=(
            ColumnSpec(name="id", type=DataType.LONG),
            ColumnSpec(name="at", type=DataType.DATETIME),
            ColumnSpec(name="raw", type=DataType.BINARY),
            ColumnSpec(name="many", type=Array(items=DataType.DOUBLE)),
            ColumnSpec(name="text", type=DataType.STRING, required=False),
        )
    )
)
TENSORS = Signature(
    inputs=TensorSchema(
        tensors=(TensorSpec(name="a", dtype="float32", shape=(-1, 2)), TensorSpec(name="b", dtype="int64", shape=(-1,)))
    )
)
ROW = (2**53 + 1, np.datetime64("1969-12-31T23:59:59.000000001", "ns"), b"\x00\xff", [1.5, -0.0], "\u200b")
TABLE = Table(columns=("id", "at", "raw", "many", "text"), rows=(ROW,))
ARRAYS = Tensors(arrays={"a": np.array([[1.5, -0.0]], dtype="float32"), "b": np.array([2**62], dtype="int64")})


def stored_of(case: Case, signature: Signature | None, **changes: Any) -> StoredCase:
    form = stored_form(case, signature)
    fields: dict[str, Any] = {
        "uri": "models/churn",
        "check": "accepts_valid[inputs]",
        "key": "rejected",
        "title": "a valid request was rejected",
        "rule": case.rule,
        "expectation": case.expectation.value,
        "label": case.label,
        "level": int(case.level),
        "envelope": form.envelope,
        "method": form.method,
        "path": form.path,
        "content_type": form.content_type,
        "body": form.body,
        "seed": 7,
    }
    return StoredCase(**{**fields, **changes})


@pytest.mark.parametrize(
    ("case", "signature", "kind"),
    [
        (Case(payload=TABLE, envelope=Envelope.DATAFRAME_SPLIT, params={"k": 1}), COLUMNS, Table),
        (Case(payload=TABLE, envelope=Envelope.DATAFRAME_RECORDS), COLUMNS, Table),
        (Case(payload=ARRAYS, envelope=Envelope.INPUTS), TENSORS, Tensors),
        (Case(payload=Table(columns=("id",), rows=(("1",),)), rule="text_for_number"), COLUMNS, Table),
        (Case(payload=TABLE, envelope=Envelope.DATAFRAME_SPLIT), None, RawBody),
        (Case(payload=Document(value=[1])), COLUMNS, RawBody),
        (Case(payload=RawBody(body=b"\xff\x00", content_type=None, method="PUT", path="/x")), COLUMNS, RawBody),
    ],
)
def test_a_case_is_sent_again_as_it_was(case: Case, signature: Signature | None, kind: type, tmp_path: Path) -> None:
    store = CaseStore(tmp_path / "cases")
    written = stored_of(case, signature)
    assert store.write(written).read_bytes() == written.body
    read = store.read(written.id)
    assert read == written
    again = as_case(read, signature)
    assert isinstance(again.payload, kind)
    assert stored_form(again, signature).body == written.body
    assert (again.rule, again.expectation, again.label, again.level) == (
        case.rule,
        case.expectation,
        case.label,
        case.level,
    )


def test_rows_come_back_typed() -> None:
    case = Case(payload=TABLE, expectation=Expectation.EITHER, level=Level.EXTREME, label="all")
    again = as_case(stored_of(case, COLUMNS), COLUMNS)
    assert repr(again.payload) == repr(TABLE)
    assert again == Case(payload=again.payload, expectation=Expectation.EITHER, level=Level.EXTREME, label="all")


def test_an_id_is_that_of_model_check_failure_and_bytes() -> None:
    case = Case(payload=TABLE)
    first = stored_of(case, COLUMNS)
    assert first.id == stored_of(case, COLUMNS, seed=8, title="told otherwise", label="x").id
    others = [
        stored_of(case, COLUMNS, **change)
        for change in ({"uri": "models/other"}, {"check": "c"}, {"key": "k"}, {"body": b"{}"}, {"content_type": None})
    ]
    assert len({first.id, *(one.id for one in others)}) == 1 + len(others)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("models:/churn/5", "models:/churn"),
        ("models:/churn@champion", "models:/churn"),
        ("models:/m-0123", "models:/m-0123"),
        ("models:/a/b/7", "models:/a/b"),
        ("models/churn", "models/churn"),
        ("runs:/r1/model", "runs:/r1/model"),
    ],
)
def test_a_model_has_one_name_over_its_versions(uri: str, name: str) -> None:
    assert name_of(uri) == name


def test_cases_are_found_by_model_and_by_the_beginning_of_their_id(tmp_path: Path) -> None:
    store = CaseStore(tmp_path / "cases")
    mine = [stored_of(Case(payload=TABLE), COLUMNS, uri=f"models:/churn/{at}", key=f"k{at}") for at in range(3)]
    other = stored_of(Case(payload=TABLE), COLUMNS, uri="models:/other/1")
    for stored in (*mine, other):
        store.write(stored)
    assert {one.id for one in store.all_of("models:/churn/9")} == {one.id for one in mine}
    assert store.read(other.id[:11]) == other
    assert store.holds(other.id[:4])
    assert not store.holds("../")
    store.remove(other)
    store.remove(other)
    assert list(store.all_of("models:/other/1")) == []
    assert list(CaseStore(tmp_path / "none").all_of("m")) == []


@pytest.mark.parametrize("case_id", ["", "zzzz", "*", "../x"])
def test_no_case_or_several_is_an_error_with_what_there_is(case_id: str, tmp_path: Path) -> None:
    store = CaseStore(tmp_path)
    for key in ("a", "b"):
        store.write(stored_of(Case(payload=TABLE), COLUMNS, key=key))
    with pytest.raises(ModelServeError) as caught:
        store.read(case_id)
    assert repr(case_id) in caught.value.happened
    assert caught.value.facts["folder"] == tmp_path


def test_version_control_leaves_stored_cases_alone_and_takes_kept_ones(tmp_path: Path) -> None:
    stored = stored_of(Case(payload=TABLE), COLUMNS)
    CaseStore(tmp_path / "scratch").write(stored)
    CaseStore(tmp_path / "kept", is_scratch=False).write(stored)
    assert (tmp_path / "scratch" / ".gitignore").read_text() == "*\n"
    assert sorted(path.suffix for path in (tmp_path / "kept").iterdir()) == [".body", ".json"]


def _without_body(store: CaseStore, stored: StoredCase) -> None:
    store.body_path(stored.id).unlink()


def _with_other_body(store: CaseStore, stored: StoredCase) -> None:
    store.body_path(stored.id).write_bytes(b"{}")


def _torn(store: CaseStore, stored: StoredCase) -> None:
    (store.folder / f"{stored.id}.json").write_text("{")


def _of_another_form(store: CaseStore, stored: StoredCase) -> None:
    path = store.folder / f"{stored.id}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": "modelserve-case/0"}))


@pytest.mark.parametrize("damage", [_without_body, _with_other_body, _torn, _of_another_form])
def test_a_damaged_case_is_told(damage: Any, tmp_path: Path) -> None:
    store, stored = CaseStore(tmp_path), stored_of(Case(payload=TABLE), COLUMNS)
    store.write(stored)
    damage(store, stored)
    with pytest.raises(ModelServeError) as caught:
        list(store.all_of(stored.uri))
    assert stored.id in caught.value.happened
