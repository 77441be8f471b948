"""The table of rules: what must work, must be refused or is open on the way into a model; one fault a rule."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ..cases import Envelope, Expectation
from ..errors import ModelServeError
from ..signature.specs import Signature
from . import predicates as when

_R: Final = Expectation.REJECT
_E: Final = Expectation.EITHER
_A: Final = Expectation.ACCEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the contract.

    Attributes:
        id: Its name in check ids, failures and the reference.
        section: The section of the contract, and the row of its table; a bare "2" is the protocol, whose cases
            `protocol_cases` makes, while `mutations` makes all others.
        expectation: What the server must do.
        why: One sentence for who reads a failure.
        applies: Whether a signature can show it.
        status: The only status that keeps it; None where any of its class does.
    """

    id: str
    section: str
    expectation: Expectation
    why: str
    applies: when.Predicate
    status: int | None = None

    @property
    def wanted(self) -> str:
        """Return what the server must do, in words."""
        return self.expectation.value + (f" with {self.status}" if self.status else "")


def rule(rule_id: str) -> Rule:
    """Return the rule of this id.

    Raises:
        ModelServeError: There is none.
    """
    if rule_id in _BY_ID:
        return _BY_ID[rule_id]
    close = difflib.get_close_matches(rule_id, _BY_ID, n=1)
    raise ModelServeError(
        f'the contract has no rule "{rule_id}"',
        facts={"rules": ", ".join(_BY_ID)},
        fix=f'Did you mean "{close[0]}"?' if close else "Take one of those above.",
    )


def status_of(rule_id: str) -> int | None:
    """Return the only status that keeps a rule; None where any of its class does, as for a rule of a plugin's own."""
    found = _BY_ID.get(rule_id)
    return None if found is None else found.status


def rules_for(signature: Signature) -> tuple[Rule, ...]:
    """Return the rules that a signature can show, in the order of the table."""
    return tuple(one for one in RULES if one.applies(signature))


def _cell(rule_id: str, section: str, expectation: Expectation, why: str) -> Rule:
    """Return a rule of single values: it applies where the table of wrong values has one for the signature."""
    return Rule(id=rule_id, section=section, expectation=expectation, why=why, applies=when.has_wrong_value(rule_id))


def _form(rule_id: str, section: str, expectation: Expectation, why: str, applies: when.Predicate) -> Rule:
    return Rule(id=rule_id, section=section, expectation=expectation, why=why, applies=applies)


def _route(rule_id: str, status: int, why: str) -> Rule:
    """Return a rule that one status alone keeps."""
    expectation = _A if status < 400 else _R
    return Rule(id=rule_id, section="2", expectation=expectation, why=why, applies=when.has_inputs, status=status)


_VALID: Final = (
    _form("valid", "1", _A, "A value that the declared type holds exactly must arrive exactly.", when.has_inputs),
    _form("input_example", "1", _A, "What a model was saved with as its example must be accepted.", when.has_inputs),
    _form("outside_domain", "0", _E, "Outside a declared domain a model may refuse.", when.has_inputs),
)
_CELLS: Final = (
    _cell("text_for_boolean", "1 boolean", _R, "Text is no boolean: any text but the empty one would become true."),
    _cell("number_for_boolean", "1 boolean", _R, "A number is no boolean."),
    _cell("text_for_number", "1 numbers", _R, "Text is no number, even where it reads like one."),
    _cell("boolean_for_number", "1 numbers", _R, "A boolean is no number."),
    _cell("fraction_for_integer", "1 integer, long", _R, "An integer cannot hold a fraction, which would be cut off."),
    _cell("integer_out_of_range", "1 integer, long", _R, "A number beyond the type would wrap around in silence."),
    _cell("integral_float", "1 integer, long", _E, "3.0 is the integer 3 in another spelling."),
    _cell("float_out_of_range", "1 float, double", _R, "A number beyond the type would become infinity."),
    _cell("inexact_integer", "1 double", _E, "A double rounds integers beyond 2^53."),
    _cell("nan_token", "1", _R, "NaN is not JSON (RFC 8259)."),
    _cell("infinity_token", "1", _R, "Infinity is not JSON (RFC 8259)."),
    _cell("number_for_string", "1 string", _R, "A number is no text, and would reach the model as a number."),
    _cell("boolean_for_string", "1 string", _R, "A boolean is no text, and would reach the model as a boolean."),
    _cell("lone_surrogate", "1 string", _E, "Half a surrogate pair is JSON, but no Unicode text."),
    _cell("bad_base64", "1 binary", _R, "Bytes travel as base64; a lenient reader drops what it does not know."),
    _cell("number_for_binary", "1 binary", _R, "A number is no base64 text."),
    _cell("boolean_for_binary", "1 binary", _R, "A boolean is no base64 text."),
    _cell("unpadded_base64", "1 binary", _E, "The bytes are clear without padding."),
    _cell("url_safe_base64", "1 binary", _E, "The URL-safe alphabet is base64, too."),
    _cell("bad_date", "1 datetime", _R, "A datetime is ISO 8601 text of a day that exists."),
    _cell("number_for_datetime", "1 datetime", _R, "A number does not say its unit nor where it counts from."),
    _cell("boolean_for_datetime", "1 datetime", _R, "A boolean is no date."),
    _cell("zoned_datetime", "1 datetime", _E, "A column without zone may take UTC, converted."),
    _cell("date_without_time", "1 datetime", _E, "A date alone may stand for its midnight."),
    _cell("datetime_out_of_range", "1 datetime", _E, "Nanoseconds reach from 1677 to 2262; beyond must not wrap."),
    _cell("list_for_scalar", "1", _R, "A list is no scalar."),
    _cell("object_for_scalar", "1", _R, "A record is no scalar."),
    _cell("null_in_required", "1", _R, "The type has no null, so that null would become a value that nobody sent."),
    _cell("null_as_missing", "1", _E, "Null may stand for a missing value."),
    _cell("scalar_for_array", "1 Array", _R, "A scalar is no list, and must not be wrapped into one."),
    _cell("object_for_array", "1 Array", _R, "A record is no list."),
    _cell("wrong_element", "1 Array", _R, "Every element of a list is of the declared type."),
    _cell("null_element", "1 Array", _E, "Null among the parts of a value may stand for a missing one."),
    _cell("list_for_object", "1 Object", _R, "A list is no record."),
    _cell("scalar_for_object", "1 Object", _R, "A scalar is no record."),
    _cell("missing_property", "1 Object", _R, "A required property must be present."),
    _cell("wrong_property", "1 Object", _R, "A property is of its declared type."),
    _cell("unknown_property", "1 Object", _E, "A property that is not declared may be refused or dropped."),
    _cell("list_for_map", "1 Map", _R, "A list is no map."),
    _cell("scalar_for_map", "1 Map", _R, "A scalar is no map."),
    _cell("wrong_map_value", "1 Map", _R, "Every value of a map is of the declared type."),
)
_STRUCTURE: Final = (
    _form("missing_column", "2 columns", _R, "A required column must be present.", when.has_column_to_miss),
    _form(
        "extra_column",
        "2 columns",
        _E,
        "A column that is not declared may be refused or dropped.",
        when.has_named_columns,
    ),
    _form(
        "duplicate_column", "2 columns", _R, "Of a column that stands twice, one would be lost.", when.has_named_columns
    ),
    _form("reordered_columns", "2 columns", _A, "Columns go by name, in any order.", when.has_columns_to_reorder),
    _form(
        "ragged_records",
        "2 columns",
        _E,
        "A row may leave out an optional column that others have.",
        when.has_key_to_miss,
    ),
    _form(
        "ragged_columns",
        "2 columns",
        _R,
        "Columns of a request are of one length; a value that is repeated to fit is one that nobody sent.",
        when.has_columns_to_lengthen,
    ),
    _form(
        "index_wrong_length",
        "2 columns",
        _R,
        "An index has a label for each row; rows must not be repeated or lost to fit it.",
        when.takes_split,
    ),
    _form("csv_wrong_cell", "2 CSV", _R, "The text of a cell reads as its column's type.", when.has_wrong_text),
    _form("tensor_rank", "1 tensor", _R, "A tensor has the declared number of dimensions.", when.has_tensors),
    _form("tensor_fixed_dimension", "1 tensor", _R, "A fixed dimension has its size.", when.has_fixed_axis),
    _form("tensor_ragged", "1 tensor", _R, "The rows of a tensor are of one size.", when.has_inner_axis),
    _form("tensor_zero_rows", "1 tensor", _E, "A batch of 0 may be refused.", when.has_batch),
    _form(
        "tensor_empty_axis",
        "1 tensor",
        _E,
        "A free dimension of size 0 leaves no value to predict on.",
        when.has_free_inner_axis,
    ),
    _form(
        "tensor_batches_differ",
        "1 tensor",
        _E,
        "Nothing says that all tensors have one batch, but a server may hold them to it.",
        when.has_batches,
    ),
    _form("missing_tensor", "1 tensor", _R, "Every named tensor must be present.", when.has_named_tensors),
    _form("extra_tensor", "1 tensor", _E, "A tensor that is not declared may be dropped.", when.has_named_tensors),
)
_PARAMS: Final = (
    _form("param_wrong_type", "1 params", _R, "A parameter is of its declared type.", when.has_params),
    _form("param_out_of_range", "1 params", _R, "A parameter fits its declared type.", when.has_param_out_of_range),
    _form(
        "param_null",
        "1 params",
        _R,
        "Null is no value of a parameter; to get its default, leave it out.",
        when.has_param_without_null,
    ),
    _form(
        "param_open",
        "1 params",
        _E,
        "What the contract leaves open of a type it leaves open of a parameter, too.",
        when.has_open_param,
    ),
    _form("param_list_for_scalar", "1 params", _R, "A list is no scalar.", when.has_param_of_shape(None)),
    _form("param_scalar_for_list", "1 params", _R, "A scalar is no list.", when.has_param_of_shape((-1,))),
    _form(
        "param_null_element",
        "1 params",
        _E,
        "Null in a list may stand for a missing one.",
        when.has_param_of_shape((-1,)),
    ),
    _form(
        "param_unknown", "1 params", _E, "A parameter that is not declared may be refused or dropped.", when.has_inputs
    ),
    _form(
        "unified_params_wrapped",
        "2 unified",
        _E,
        "Beside a row that is the body itself parameters stand at the top; wrapped, they must count or be refused.",
        when.takes_unified_params,
    ),
    _form("params_null", "2", _E, "Null for all parameters may stand for none.", when.has_params),
    _form("params_not_object", "2", _R, "Parameters are a record of names and values.", when.has_params),
)
_csv = when.carries(Envelope.CSV)
_PROTOCOL: Final = (
    _form("no_body", "2", _R, "A request without a body has nothing to predict on.", when.has_inputs),
    _form("not_json", "2", _R, "What is labelled JSON must be JSON.", when.has_inputs),
    _form("not_utf8", "2", _R, "JSON travels as UTF-8 (RFC 8259).", when.has_inputs),
    _form("top_level_list", "2", _R, "A body is a record with an envelope.", when.has_inputs),
    _form("top_level_scalar", "2", _R, "A body is a record with an envelope.", when.has_inputs),
    _form("no_envelope", "2", _R, "A body names one of the envelopes.", when.has_inputs),
    _form("two_envelopes", "2", _R, "Of two envelopes one would be ignored.", when.has_inputs),
    _form("envelope_wrong_shape", "2", _R, "An envelope holds rows in its own form.", when.has_inputs),
    _form(
        "ragged_rows",
        "2",
        _R,
        "A row has as many cells as there are columns.",
        when.takes_split,
    ),
    _form("deep_nesting", "2", _R, "A body nested without end must not exhaust the server.", when.has_inputs),
    _form("huge_integer", "2", _R, "An integer of thousands of digits must not exhaust the server.", when.has_inputs),
    _form("zero_rows", "2", _E, "No rows may give no predictions, or be refused.", when.has_columns),
    _form("unknown_top_level_key", "2", _E, "What stands beside the envelope may be ignored.", when.has_inputs),
    _form("duplicate_json_key", "2", _E, "JSON leaves open what a key that stands twice means.", when.has_inputs),
    _form("split_index", "2", _A, "An index is a label of rows, not data.", when.takes_split),
    _form("unknown_media_type", "2", _R, "A media type that the server cannot read is 415.", when.has_inputs),
    _form("other_charset", "2", _R, "JSON travels as UTF-8 (RFC 8259).", when.has_inputs),
    _form("missing_content_type", "2", _R, "Without a media type the body cannot be read.", when.has_inputs),
    _form("content_type_charset", "2", _A, "charset=utf-8 says what JSON is anyway.", when.has_inputs),
    _form("content_type_case", "2", _A, "Media types know no case (RFC 9110).", when.has_inputs),
    _form("content_type_spaces", "2", _A, "Spaces around the semicolon mean nothing (RFC 9110).", when.has_inputs),
    _form("csv_not_utf8", "2", _R, "CSV is read as UTF-8.", _csv),
    _form("csv_ragged", "2", _R, "A line has as many fields as the header.", _csv),
    _form("byte_order_mark", "2", _E, "A reader may pass over a byte order mark, or not (RFC 8259).", when.has_inputs),
    _route("body_too_large", 413, "A body over the limit is 413."),
    _route("health", 200, "A server that has loaded its model says so to GET /ping and /health."),
    _route("health_head", 200, "HEAD is GET without the body (RFC 9110); probes of load balancers use it."),
    _route("version", 200, "A server tells its version to GET /version."),
    _route("method_not_allowed", 405, "Predictions are asked for by POST, all else by GET; other methods are 405."),
    _route("unknown_path", 404, "A path that does not exist is 404."),
)

OF_VALID: Final = frozenset(one.id for one in _VALID)  # what valid requests exercise, and no mutation
RULES: Final = (*_VALID, *_CELLS, *_STRUCTURE, *_PARAMS, *_PROTOCOL)
_BY_ID: Final[Mapping[str, Rule]] = MappingProxyType({one.id: one for one in RULES})
