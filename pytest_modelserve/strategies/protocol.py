"""Requests that break or stretch the protocol itself, whatever the model takes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from ..cases import NO_PARAMS, Case, Document, Envelope, Payload, RawBody, Table, Tensors
from ..signature.datatypes import AnyType
from ..signature.specs import ColumnSchema, Signature, TensorSchema
from ..wire.capacity import can_carry, is_list_of_values
from ..wire.envelopes import JSON_TYPE, encode
from .carriers import FLAT, envelopes_for, plain_payload
from .faults import stand_in, with_token
from .rules import rule
from .wrong_values import Token

_DEEP: Final = 100_000  # levels: far beyond the recursion limit of any reader
_TOO_LARGE: Final = "body_too_large"
_DIGITS: Final = 5_000  # beyond the 4,300 that Python converts
_Found: TypeAlias = "Iterator[tuple[str, str, Payload | Case]]"
_JSON_ENVELOPES: Final = tuple(envelope for envelope in Envelope if envelope not in FLAT)


def protocol_cases(
    signature: Signature,
    base: Case,
    *,
    max_body_bytes: int | None = None,
    rules: Collection[str] | None = None,
) -> Iterator[Case]:
    """Yield requests that break the protocol in one way, and others that stretch it and must work, in a fixed order.

    Args:
        signature: What the model takes; nothing is yielded where it declares no inputs.
        base: A case that the server must accept, of a table or tensors, in a JSON envelope.
        max_body_bytes: The server's limit; without one no body beyond it is made.
        rules: The ids of the rules to show; all of them by default.

    Raises:
        EncodeError: The base's envelope cannot carry its payload.
    """
    if signature.inputs is None or not isinstance(base.payload, Table | Tensors):
        return
    if base.envelope is Envelope.UNIFIED:  # has no envelope to break
        base = replace(base, envelope=Envelope.DATAFRAME_SPLIT)
    made = _Protocol(signature=signature, base=base, max_body_bytes=max_body_bytes)
    families = [made.bodies, made.envelopes, made.tables, made.limits, made.keys, made.headers, made.flat, made.routes]
    if rules is None or _TOO_LARGE in rules:
        families.append(made.too_large)
    for family in families:
        for rule_id, label, payload in family():
            if rules is None or rule_id in rules:
                yield _as_case(base, rule_id, label, payload)


def _as_case(base: Case, rule_id: str, label: str, payload: Payload | Case) -> Case:
    case = payload if isinstance(payload, Case) else replace(base, payload=payload, params=NO_PARAMS)
    return replace(case, expectation=rule(rule_id).expectation, rule=rule_id, label=label)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Protocol:
    """The valid request, and the families of requests made from it: rule, label, payload."""

    signature: Signature
    base: Case
    max_body_bytes: int | None

    @property
    def body(self) -> bytes:
        return encode(self.base.payload, self.base.envelope, self.base.params, signature=self.signature)[0]

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def key(self) -> str:
        return self.base.envelope.value

    def bodies(self) -> _Found:
        body, inner = self.body, self.document[self.key]
        yield "no_body", "empty body", RawBody(body=b"")
        yield "not_json", "no JSON at all", RawBody(body=b"not json")
        yield "not_json", "JSON cut short", RawBody(body=body[:-1])
        yield "not_json", "something after the end", RawBody(body=body + b"]")
        yield "not_json", "two documents", RawBody(body=body + body)
        yield "not_json", "trailing comma", RawBody(body=body[:-1] + b",}")
        yield "not_json", "comment", RawBody(body=b"/* rows */" + body)
        yield "not_json", "single quotes", RawBody(body=b"{'" + self.key.encode() + b"': []}")
        yield "not_utf8", "a byte that UTF-8 has not", RawBody(body=b'{"modelserve_note": "\xff", ' + body[1:])
        yield "not_utf8", "UTF-16", RawBody(body=body.decode().encode("utf-16"))
        yield "byte_order_mark", "UTF-8 with a byte order mark", RawBody(body=b"\xef\xbb\xbf" + body)
        yield "top_level_list", "the rows without envelope", Document(value=[inner])
        yield "top_level_list", "empty list", Document(value=[])
        for value in (1, "text", None, True):
            yield "top_level_scalar", f"the body is {json.dumps(value)}", Document(value=value)

    def envelopes(self) -> _Found:
        document = self.document
        inner = document[self.key]
        others = [one for one in envelopes_for(self.signature, _JSON_ENVELOPES) if one is not self.base.envelope]
        beside = next(iter(others), Envelope.INPUTS if self.key != "inputs" else Envelope.INSTANCES)
        second = inner
        if beside in others and can_carry(self.base.payload, beside, self.signature):
            second = json.loads(encode(self.base.payload, beside, signature=self.signature)[0])[beside.value]
        yield "no_envelope", "empty record", Document(value={})
        yield "no_envelope", "only params", Document(value={"params": {}})
        yield "no_envelope", "a misspelled envelope", Document(value={f"{self.key}s": inner})
        yield "no_envelope", "the split form of MLflow 1", Document(value={"columns": ["a"], "data": [[1]]})
        yield "two_envelopes", f"{self.key} and {beside.value}", Document(value={**document, beside.value: second})
        if Envelope.UNIFIED in others and can_carry(self.base.payload, Envelope.UNIFIED, self.signature):
            row = json.loads(encode(self.base.payload, Envelope.UNIFIED, signature=self.signature)[0])
            yield "two_envelopes", f"{self.key}, and the row as the body itself", Document(value={**document, **row})
        for wrong in self._wrong_inner():
            yield "envelope_wrong_shape", f"{self.key} is {json.dumps(wrong)[:60]}", Document(value={self.key: wrong})
        if self.signature.params:
            yield "params_null", "params is null", Document(value={**document, "params": None})
            wrong_params: tuple[object, ...] = ([], 1, "text", False)
            for params in wrong_params:
                value = {**document, "params": params}
                yield "params_not_object", f"params is {json.dumps(params)}", Document(value=value)

    def _wrong_inner(self) -> list[Any]:
        inner = self.document[self.key]
        if self.base.envelope is Envelope.DATAFRAME_SPLIT:
            return [None, "text", 1, [], {}, {"columns": ["a"]}, {**inner, "columns": "a"}, {**inner, "data": "a"}]
        if self.base.envelope is Envelope.DATAFRAME_RECORDS:
            return [None, "text", 1, {}, [1], [None], [[1]]]
        if isinstance(self.signature.inputs, TensorSchema) and not self.signature.inputs.is_named:
            # a tensor without dimensions takes null for NaN
            return [None, {"a": inner}] if self.signature.inputs.tensors[0].shape else [{"a": inner}]
        return [None] if is_list_of_values(self.signature) else [None, 1]

    def tables(self) -> _Found:
        table = self.base.payload
        if not isinstance(table, Table) or not table.rows:
            return
        split = replace(self.base, envelope=Envelope.DATAFRAME_SPLIT)
        if Envelope.DATAFRAME_SPLIT in envelopes_for(self.signature):
            last = table.rows[-1]
            for row, name in ((last[:-1], "short"), ((*last, last[-1]), "long")):
                rows = (*table.rows[:-1], row)
                yield "ragged_rows", f"the last row is too {name}", replace(split, payload=replace(table, rows=rows))
            for start, name in ((0, "from 0"), (5, "from 5"), (-1, "from -1")):
                index = tuple(range(start, start + len(table.rows)))
                yield "split_index", f"index {name}", replace(split, payload=replace(table, index=index))
            repeated = replace(table, index=(7,) * len(table.rows))
            yield "split_index", "the same label for every row", replace(split, payload=repeated)
            yield "zero_rows", "dataframe_split without rows", replace(split, payload=replace(table, rows=()))
        else:
            yield "zero_rows", f"{self.key} without rows", Document(value={self.key: []})
        if Envelope.DATAFRAME_RECORDS in envelopes_for(self.signature):
            yield "zero_rows", "dataframe_records without rows", Document(value={"dataframe_records": []})

    def limits(self) -> _Found:
        nested = b"[" * _DEEP + b"]" * _DEEP
        yield (
            "deep_nesting",
            f"{_DEEP:,} lists in the envelope",
            RawBody(body=f'{{"{self.key}": '.encode() + nested + b"}"),
        )
        aside = b'{"modelserve_note": ' + nested + b", " + self.body[1:]
        yield "deep_nesting", f"{_DEEP:,} lists beside the envelope", RawBody(body=aside)
        records = b'{"a":' * _DEEP + b"1" + b"}" * _DEEP
        yield "deep_nesting", f"{_DEEP:,} records", RawBody(body=records)
        yield from self._huge_integer()

    def too_large(self) -> _Found:
        """A family of its own: it takes long to make."""
        if self.max_body_bytes is not None:
            padded = self.body + b" " * (self.max_body_bytes + 1 - len(self.body))
            yield _TOO_LARGE, f"{len(padded):,} bytes for {self.max_body_bytes:,}", RawBody(body=padded)

    def _huge_integer(self) -> _Found:
        value, token = stand_in(Token("9" * _DIGITS))
        payload = self.base.payload
        label = f"an integer of {_DIGITS:,} digits"
        match self.signature.inputs, payload:
            case ColumnSchema() as schema, Table() as table:
                plain = {
                    name for name, spec in zip(schema.names, schema.columns, strict=True) if spec.type != AnyType()
                }
                at = next((at for at, name in enumerate(table.columns) if name in plain), None)
                if at is not None:
                    row = (*table.rows[0][:at], value, *table.rows[0][at + 1 :])
                    broken = replace(self.base, payload=replace(table, rows=(row, *table.rows[1:])))
                    yield "huge_integer", f'{label} in "{table.columns[at]}"', with_token(broken, token, self.signature)
        aside = f'{{"modelserve_note": {token}, '.encode() + self.body[1:]
        yield "huge_integer", f"{label} beside the envelope", RawBody(body=aside)

    def keys(self) -> _Found:
        beside = {**self.document, "modelserve_note": 1}
        yield "unknown_top_level_key", 'with "modelserve_note"', Document(value=beside)
        if Envelope.UNIFIED not in envelopes_for(self.signature):  # what tells a row that is the body itself
            yield "unknown_top_level_key", 'with "input"', Document(value={**self.document, "input": 1})
        inner = json.dumps(self.document[self.key]).encode()
        twice = f'{{"{self.key}": '.encode() + inner + b", " + self.body[1:]
        yield "duplicate_json_key", f"{self.key} stands twice", RawBody(body=twice)
        if can_carry(self.base.payload, Envelope.DATAFRAME_RECORDS, self.signature):
            yield from self._record_with_a_key_twice()

    def _record_with_a_key_twice(self) -> _Found:
        body = encode(self.base.payload, Envelope.DATAFRAME_RECORDS, signature=self.signature)[0]
        name, value = next(iter(json.loads(body)["dataframe_records"][0].items()))
        pair = f"{json.dumps(name)}: {json.dumps(value)}, ".encode()
        yield (
            "duplicate_json_key",
            f'"{name}" stands twice in a row',
            RawBody(body=body.replace(b"{", b"{" + pair, 2)[len(pair) :]),
        )

    def headers(self) -> _Found:
        def typed(content_type: str | None) -> RawBody:
            return RawBody(body=self.body, content_type=content_type)

        for media_type in ("text/plain", "application/xml", "application/octet-stream", "multipart/form-data", "json"):
            yield "unknown_media_type", media_type, typed(media_type)
        for charset in ("latin-1", "utf-16"):
            yield "other_charset", charset, typed(f"{JSON_TYPE}; charset={charset}")
        yield "missing_content_type", "no Content-Type", typed(None)
        for charset in ("charset=utf-8", "charset=UTF-8", 'charset="utf-8"', "Charset=utf-8"):
            yield "content_type_charset", charset, typed(f"{JSON_TYPE}; {charset}")
        for media_type in ("APPLICATION/JSON", "Application/Json"):
            yield "content_type_case", media_type, typed(media_type)
        for content_type in (f"{JSON_TYPE};charset=utf-8", f"{JSON_TYPE} ; charset=utf-8"):
            yield "content_type_spaces", content_type, typed(content_type)

    def flat(self) -> _Found:
        if Envelope.CSV not in envelopes_for(self.signature):
            return
        sent = self.base.payload
        if not can_carry(sent, Envelope.CSV, self.signature):
            sent = plain_payload(self.signature) or sent
        body, media_type = encode(sent, Envelope.CSV, signature=self.signature)
        rows = body.rstrip(b"\r\n")
        lines = rows.splitlines()
        yield "csv_not_utf8", "a byte that UTF-8 has not", RawBody(body=rows + b"\xff\n", content_type=media_type)
        yield "csv_ragged", "the last line is too long", RawBody(body=rows + b",1\n", content_type=media_type)
        if b'"' not in rows:  # else a line of the body need not be one of the table
            longer = b"\n".join([lines[0], *(line + b",1" for line in lines[1:])])
            yield "csv_ragged", "every line is longer than the header", RawBody(body=longer, content_type=media_type)
            if b"," in lines[-1]:
                cut = b"\n".join([*lines[:-1], lines[-1].rpartition(b",")[0]])
                yield "csv_ragged", "the last line is too short", RawBody(body=cut, content_type=media_type)

    def routes(self) -> _Found:
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
            yield "method_not_allowed", f"{method} /invocations", RawBody(body=self.body, method=method)
        for method, path in (("POST", "/ping"), ("DELETE", "/health"), ("POST", "/version")):
            yield "method_not_allowed", f"{method} {path}", _asked(method, path)
        yield "unknown_path", "POST /modelserve-no-such-path", RawBody(body=self.body, path="/modelserve-no-such-path")
        yield "unknown_path", "GET /modelserve-no-such-path", _asked("GET", "/modelserve-no-such-path")
        for path in ("/ping", "/health"):
            yield "health", f"GET {path}", _asked("GET", path)
            yield "health_head", f"HEAD {path}", _asked("HEAD", path)
        yield "version", "GET /version", _asked("GET", "/version")


def _asked(method: str, path: str) -> RawBody:
    return RawBody(body=b"", content_type=None, method=method, path=path)
