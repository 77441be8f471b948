"""Where MLServer does not keep the Open Inference Protocol (V2), of which it was the reference.

Each entry was seen on MLServer, by its example; `benchmarks/deviations.py` sends them again.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from .bodies import Parts, digit_tensor, flight_tensors, iris_tensors, whole
from .deviation import FAILS, FAULT, Deviation, Example

_SERVER: Final = "https://github.com/SeldonIO/MLServer/blob/1.7.1"
_ERRORS: Final = f"{_SERVER}/mlserver/rest/errors.py#L18"  # the only type of exception that it answers
_OUTPUTS: Final = "https://github.com/SeldonIO/MLServer/issues/2212"
_COLUMN: Final = f"{_SERVER}/mlserver/codecs/pandas.py#L22"
_INFER: Final = "/v2/models/mlflow-model/infer"
_BROKEN: Final = frozenset({"protocol"})
_TAKEN: Final = "^it was answered 200, not 4xx$"
_COLUMNS: Final = frozenset(
    {
        "boolean",
        "integer",
        "long",
        "float",
        "double",
        "string",
        "binary",
        "datetime",
        "array",
        "object",
        "map",
        "anytype",
    }
)
"""The types of columns, for what does not hold of tensors."""
_FAULT: Final = "Internal Server Error"
_REFUSABLE: Final = frozenset({"reject", "either"})
_of: Final = partial(Deviation, server="mlserver", versions="==1.7.1")  # the last release


def _infer(model: str, status: int, body: Parts, answer: str = "", *, reaches: bool = False) -> Example:
    return Example(model=model, status=status, body=body, path=_INFER, answer=answer, reaches=reaches)


_iris: Final = partial(_infer, "iris_classifier")
_flight: Final = partial(_infer, "flight_delays")


MLSERVER_V2: Final = (
    _of(
        id="v2_validation_in_detail",
        rules=("unknown_datatype", "missing_part", "wrong_id", "no_request", "wrong_size"),
        kinds=_BROKEN,
        what='What is no request by its form is refused by 422 with `{"detail": …}` in place of `{"error": …}`.',
        link=_ERRORS,
        answer=r'^422 \{"detail":',
        change='^the refusal is no JSON object with a string under "error"$',
        is_steady=False,
        example=_iris(422, whole("[]"), r'^\{"detail":'),
    ),
    _of(
        id="v2_refusal_fails",
        rules=(
            *("wrong_datatype", "wrong_value", "out_of_datatype", "wrong_size", "wrong_dimensions", "missing_input"),
            *("missing_part", "input_twice"),
        ),
        kinds=FAILS,
        answer=FAULT,
        what="Tensors that it cannot read, or the signature does not take, are answered 500, as plain text.",
        link=_ERRORS,
        wanted=_REFUSABLE,
        is_steady=False,
        example=_iris(500, iris_tensors(without="sepal length (cm)"), _FAULT),
    ),
    _of(
        id="v2_id_fails",
        rules=("id_echo",),
        kinds=frozenset({"answer_fails", "server_error"}),  # where the spy does not tell which
        what="An id beyond Latin-1, or with a control character, fails after the prediction: it is put into a header.",
        link=f"{_SERVER}/mlserver/cloudevents.py#L74",
        label="[^\x20-\x7e]|\\\\x",
        answer=FAULT,
        example=_iris(500, iris_tensors(', "id": "\\u2713"'), _FAULT, reaches=True),
    ),
    _of(
        id="v2_output_is_named_otherwise",
        rules=("metadata_matches",),
        kinds=_BROKEN,
        what="The only output of a model that names none is output-0 in the metadata and output-1 in the answer.",
        link=_OUTPUTS,
        change="^the metadata promise the outputs 'output-0', the answer has 'output-1'$",
        is_steady=False,
        example=_iris(200, iris_tensors(), '"name":"output-1"', reaches=True),
    ),
    _of(
        id="v2_output_has_another_rank",
        rules=("metadata_matches",),
        kinds=_BROKEN,
        what="An output of one dimension is [-1] in the metadata and [n, 1] in the answer.",
        link=_OUTPUTS,
        change=r"^the metadata promise \[-1\] for .*, the answer has \[\d+, 1\]$",
        is_steady=False,
        example=_infer("digits_onnx", 200, digit_tensor(), r'"name":"label","shape":\[1,1\]', reaches=True),
    ),
    _of(
        id="v2_outputs_asked_for_are_ignored",
        rules=("requested_outputs",),
        kinds=_BROKEN,
        what="A request that names outputs is answered with all of them.",
        link=f"{_SERVER}/mlserver/types/dataplane.py#L118",
        change="^asked for .* alone, it answered ",
        is_steady=False,  # a model with one output does not show it
        example=_iris(200, iris_tensors(', "outputs": [{"name": "another"}]'), '"name":"output-1"', reaches=True),
    ),
    _of(
        id="v2_unknown_output_is_ignored",
        rules=("unknown_output",),
        kinds=_BROKEN,
        what="A request for an output that the model does not have is answered as if it asked for none.",
        link=f"{_SERVER}/mlserver/types/dataplane.py#L118",
        change=_TAKEN,
        example=_iris(200, iris_tensors(', "outputs": [{"name": "another"}]'), '"name":"output-1"', reaches=True),
    ),
    _of(
        id="v2_last_of_two_wins",
        rules=("input_twice",),
        kinds=_BROKEN,
        types=_COLUMNS,
        what="Of a column that stands twice the last is taken.",
        link=f"{_SERVER}/mlserver/codecs/pandas.py#L169",
        change=_TAKEN,
        is_steady=False,  # of a tensor that stands twice it says that there is one too many
        example=_iris(
            200,
            iris_tensors(more='{"name": "sepal length (cm)", "shape": [1, 1], "datatype": "FP64", "data": [9.0]}'),
            '"data":',
            reaches=True,
        ),
    ),
    _of(
        id="v2_shape_of_a_column_is_ignored",
        rules=("wrong_dimensions",),
        kinds=_BROKEN,
        types=_COLUMNS,
        what="A column may have any dimensions: it is made one of as many rows as the first says.",
        link=_COLUMN,
        change=_TAKEN,
        is_steady=False,
        example=_iris(200, iris_tensors(shape="[1, 1, 1, 1]"), '"data":', reaches=True),
    ),
    _of(
        id="v2_negative_size_is_filled",
        rules=("wrong_size",),
        kinds=_BROKEN,
        what="A negative size becomes the one that the data fills.",
        link=f"{_SERVER}/mlserver/codecs/numpy.py#L163",
        label="^a negative size$",
        change=_TAKEN,
        is_steady=False,  # of text no size is looked at
        example=_iris(200, iris_tensors(shape="[-1, 1]"), '"data":', reaches=True),
    ),
    _of(
        id="v2_text_is_size",
        rules=("wrong_size",),
        kinds=_BROKEN,
        what="A size that is a text of a number is taken for the number.",
        link=f"{_SERVER}/mlserver/types/dataplane.py#L83",
        label="^sizes that are texts$",
        change=_TAKEN,
        example=_iris(200, iris_tensors(shape='["1", "1"]'), '"data":', reaches=True),
    ),
    _of(
        id="v2_shape_of_text_is_ignored",
        rules=("wrong_size",),
        kinds=_BROKEN,
        what="Of a column of text the shape is not looked at, whatever it says.",
        link=_COLUMN,
        types=frozenset({"string", "binary", "datetime"}),
        change=_TAKEN,
        is_steady=False,
        example=_flight(200, flight_tensors(shape="[2, 1]"), '"data":', reaches=True),
    ),
    _of(
        id="v2_nested_text_is_lost",
        rules=("flat_or_nested",),
        kinds=FAILS,
        answer=FAULT,
        what="Text that is nested by its shape becomes empty text, of which no date can be made.",
        link=f"{_SERVER}/mlserver/codecs/string.py#L28",
        types=frozenset({"datetime"}),
        example=_flight(500, flight_tensors(departure='[["2013-08-06T15:59:00"]]'), _FAULT),
    ),
    _of(
        id="v2_nested_text_is_empty",
        rules=("flat_or_nested",),
        kinds=_BROKEN,
        what="Text that is nested by its shape reaches the model as empty text.",
        link=f"{_SERVER}/mlserver/codecs/string.py#L28",
        types=frozenset({"string"}),
        change="from flat data",
        is_steady=False,
        example=Example(
            model="flight_delays",
            status=200,
            body=flight_tensors(carrier='[["9E"]]'),
            path=_INFER,
            reaches=True,
            received=r"\(?''",
        ),
    ),
)
