"""The table of lint rules: breaches first, then advice, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from . import examples, mlserver, names, signature, types
from .rule import Found, Linted, LintRule

_Find = Callable[[Linted], Iterator[Found]]


def _breach(rule_id: str, find: _Find, meaning: str, mend: str) -> LintRule:
    return LintRule(id=rule_id, is_breach=True, meaning=meaning, mend=mend, find=find)


def _advice(rule_id: str, find: _Find, meaning: str, mend: str) -> LintRule:
    return LintRule(id=rule_id, is_breach=False, meaning=meaning, mend=mend, find=find)


LINT_RULES: Final = (
    _breach(
        "signature_missing",
        signature.find_no_inputs,
        "The model has no signature, or one without inputs: types are guessed anew for each request.",
        f"Log it with {signature.HOW_TO_SIGN}.",
    ),
    _breach(
        "example_breaks_signature",
        examples.find_breach_of_signature,
        "The input example, as it was given or as the request made of it, is not what the signature declares: another "
        "type, a fraction for an integer, null where the type has none, a required column that is absent.",
        "Infer the signature from rows like the example, or give an example that it allows.",
    ),
    _breach(
        "example_unreadable",
        examples.find_unreadable,
        "A file of the input example is no JSON, so that no server and no caller can read it.",
        "Log the model again with input_example=.",
    ),
    _breach(
        "examples_disagree",
        examples.find_disagreement,
        "input_example.json and serving_input_example.json hold different rows or params, read by the declared types.",
        "Log the model again with input_example=, and edit neither by hand.",
    ),
    _breach(
        "name_twice",
        names.find_twice,
        "Two columns or tensors have the same name, or names that are the same text: JSON has one place for both.",
        "Rename one of them before the model is trained and logged.",
    ),
    _breach(
        "name_unreachable",
        names.find_unreachable,
        "An input is named by empty text, or by the integer 0 at another place than the first: MLflow takes that for "
        "no name, and never finds it in a request (mlflow#26069).",
        "Rename it before the model is trained and logged.",
    ),
    _advice(
        "example_missing",
        signature.find_no_example,
        "The model has no input example, so that nothing is known that it must predict on.",
        "Log it with input_example=, some rows of real data.",
    ),
    _advice(
        "outputs_undeclared",
        signature.find_no_outputs,
        "The signature declares no outputs: no caller knows what to expect, and MLServer does not load the model.",
        f"Log it with {signature.HOW_TO_SIGN}.",
    ),
    _advice(
        "params_undeclared",
        signature.find_undeclared_params,
        "The model's own code reads params in `predict`, and the signature declares none, so that none arrives "
        "(mlflow#18522).",
        "Give infer_signature(…, params={…}) each param with its default.",
    ),
    _advice(
        "example_not_json",
        examples.find_bare_tokens,
        "The saved request holds NaN or Infinity, which MLflow writes and reads, and which is no JSON (RFC 8259): "
        "other servers refuse it.",
        "Nothing, where the model takes null for them: that is what is sent. Else give an example without gaps.",
    ),
    _advice(
        "optional_without_null",
        types.find_optional_without_null,
        "A column that may be left out has a type without null: MLflow's server answers 400 to null in it.",
        "Declare double, or string for a flag, if callers send null for what they do not know.",
    ),
    _advice(
        "integer_beside_gaps",
        types.find_integers_beside_gaps,
        "The example has gaps in other columns, and integers cannot have any; MLflow warns of that when it logs a "
        "model.",
        "Turn integers that real rows can lack into float64 before infer_signature.",
    ),
    _advice(
        "numbers_as_text",
        types.find_numbers_as_text,
        "A column is declared string, and every value of the example is a number.",
        "Convert it before infer_signature if it is a number; leave it if it is a code.",
    ),
    _advice(
        "dates_as_text",
        types.find_dates_as_text,
        "A column is declared string, and every value of the example is a date.",
        "Convert it by pandas.to_datetime before infer_signature, if the model can take that.",
    ),
    _advice(
        "name_integer",
        names.find_integers,
        "A name is an integer, which only dataframe_split can carry, or a text that reads like a place.",
        "Name columns by what is in them before the model is trained and logged.",
    ),
    _advice(
        "name_spaced",
        names.find_spaces,
        "A name begins or ends with a space, which callers lose.",
        "Strip the names before the model is trained and logged.",
    ),
    _advice(
        "name_lookalike",
        names.find_lookalikes,
        "Two names differ in nothing that a person sees.",
        "Rename one of them before the model is trained and logged.",
    ),
    _advice(
        "name_of_protocol",
        names.find_names_of_protocol,
        "A column is called like an envelope, or `messages`, `prompt` or `input`, which switch MLflow's server to its "
        "LLM mode at the top of a body.",
        "Send it in an envelope, or rename it before the model is logged.",
    ),
    _advice(
        "param_like_column",
        names.find_params_like_columns,
        "A param has the name of a column of a model whose bodies may be taken whole: the param gets both.",
        "Rename the param.",
    ),
    _advice(
        "mlserver_load",
        mlserver.find_unloadable,
        "MLServer cannot load the model, although MLflow's own server can.",
        "Declare dates as text, or serve by another server.",
    ),
    _advice(
        "mlserver_input",
        mlserver.find_untakeable,
        "MLServer cannot take an input by the Open Inference Protocol, or only in a way of its own.",
        "Send it to /invocations, or declare columns of plain types.",
    ),
    _advice(
        "mlserver_output",
        mlserver.find_unanswerable,
        "MLServer cannot encode the declared outputs for the Open Inference Protocol.",
        "Return an array, or a frame of numbers with names; or ask /invocations.",
    ),
)
