"""Where tensors on the wire differ from their specs: dtype, shape and names."""

from __future__ import annotations

from ..signature.specs import TensorSchema, TensorSpec
from .breach import BreachKind, Found, Place, Told
from .scalars import tensor_misfit
from .values import show_value


def tensor_breaches(document: object, schema: TensorSchema, n_rows: int | None) -> Found:
    """Yield every place where tensors on the wire differ from their specs.

    Named tensors come as an object of them, or as a list of records; the only one also bare. The number of rows
    counts where the first dimension is free.
    """
    only = schema.tensors[0]
    if only.name is None or (len(schema.tensors) == 1 and _is_bare(document)):
        yield from _tensor(document, only, Place(column=only.name), n_rows)
        return
    names = [str(spec.name) for spec in schema.tensors]
    if isinstance(document, list) and all(isinstance(row, dict) for row in document):
        keys = list(dict.fromkeys(key for row in document for key in row)) if document else names
        document = {key: [row.get(key) for row in document] for key in keys}
    if not isinstance(document, dict):
        yield Place().breach(BreachKind.FORM, f"an object with {show_value(names)}", document)
        return
    for name, spec in zip(names, schema.tensors, strict=True):
        if name in document:
            yield from _tensor(document[name], spec, Place().in_column(name), n_rows)
        else:
            seen = Told(f"no such tensor, only {show_value(list(document))}")
            yield Place().in_column(name).breach(BreachKind.MISSING, _tensor_text(spec), seen)
    for key, item in document.items():
        if key not in names:
            yield Place().in_column(key).breach(BreachKind.EXTRA, f"only {show_value(names)}", item)


def _is_bare(document: object) -> bool:
    return isinstance(document, list) and not (document and all(isinstance(row, dict) for row in document))


def _tensor(document: object, spec: TensorSpec, place: Place, n_rows: int | None) -> Found:
    if n_rows is not None and spec.shape[:1] == (-1,) and isinstance(document, list) and len(document) != n_rows:
        yield place.breach(BreachKind.ROWS, f"{n_rows} rows", Told(f"{len(document)} rows"))
    yield from _Axes(spec).walk(document, 0, place)


class _Axes:
    """The sizes of one tensor's dimensions, as its first parts show them."""

    def __init__(self, spec: TensorSpec) -> None:
        self._spec = spec
        self._seen: dict[int, int] = {}

    def walk(self, value: object, depth: int, place: Place) -> Found:
        shape = self._spec.shape
        if depth == len(shape):
            yield from self._leaf(value, place)
        elif not isinstance(value, list):
            yield place.breach(BreachKind.SHAPE, _tensor_text(self._spec), value)
        elif shape[depth] not in {-1, len(value)}:
            size = Told(f"{len(value)} instead of {shape[depth]} in dimension {depth}")
            yield place.breach(BreachKind.SHAPE, _tensor_text(self._spec), size)
        elif self._seen.setdefault(depth, len(value)) != len(value):
            size = Told(f"{len(value)} in dimension {depth}, {self._seen[depth]} in the parts before")
            yield place.breach(BreachKind.RAGGED, _tensor_text(self._spec), size)
        else:
            for at, item in enumerate(value):
                yield from self.walk(item, depth + 1, place.at(at) if depth else place.in_row(at))

    def _leaf(self, value: object, place: Place) -> Found:
        if self._spec.dtype == "object":
            return
        if isinstance(value, list):
            yield place.breach(BreachKind.SHAPE, _tensor_text(self._spec), value)
        elif value is None:
            yield place.breach(BreachKind.NULL, self._spec.dtype, value)
        else:
            wrong = tensor_misfit(value, self._spec.dtype)
            if wrong:
                yield place.breach(wrong, self._spec.dtype, value)


def _tensor_text(spec: TensorSpec) -> str:
    return f"{spec.dtype} of shape {spec.shape}"
