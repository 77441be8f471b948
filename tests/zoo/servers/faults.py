"""The faults of the zoo's servers, each a few lines of what a server was seen to do."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from .layer import PREDICT, Asked, Fault, Lost, Reply

MICROSECONDS: Final = re.compile(rb'(\d\d:\d\d:\d\d)\.\d+"')
FRACTION: Final = re.compile(rb'(?<=\d\d:\d\d:\d\d\.)\d+(?=")')
LARGE: Final = 1 << 20  # bytes of a body


def mapped(document: Any, change: Callable[[Any], Any]) -> Any:
    """Return a document with every value in it changed that is neither a list nor a record."""
    if isinstance(document, dict):
        return {name: mapped(value, change) for name, value in document.items()}
    if isinstance(document, list):
        return [mapped(value, change) for value in document]
    return change(document)


def with_rows(document: Any, change: Callable[[list[str], list[Any]], tuple[list[str], list[Any]]]) -> Any:
    """Return a request in `dataframe_split` with other columns and rows, any other as it is."""
    split = document.get("dataframe_split") if isinstance(document, dict) else None
    if not isinstance(split, dict) or not {"columns", "data"} <= split.keys():
        return document
    columns, data = change(split["columns"], split["data"])
    return {**document, "dataframe_split": {**split, "columns": columns, "data": data}}


class BareNan(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        return reply.with_predictions(lambda found: mapped(found, lambda one: float("nan") if one is None else one))


class ErrorWith200(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        return replace(reply, status=200) if 400 <= reply.status < 500 and asked.path == PREDICT else reply


class TruncatedFloats(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        def cut(one: Any) -> Any:
            return float(f"{one:.6g}") if isinstance(one, float) else one

        return reply.with_predictions(lambda found: mapped(found, cut))


class RowsOutOfOrder(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        return reply.with_predictions(lambda found: found[::-1] if isinstance(found, list) else found)


class StaleAnswers(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        if reply.status != 200 or asked.path != PREDICT:
            return reply
        before: Reply = self.kept.setdefault(len(asked.body), reply)
        return replace(reply, body=before.body)


class LeakedTraceback(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        if not 400 <= reply.status < 500 or asked.path != PREDICT:
            return reply
        return reply.saying({**(reply.document or {}), "stack_trace": "".join(traceback.format_stack())})


class LeakedEnvironment(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        if not 400 <= reply.status < 500 or asked.path != PREDICT:
            return reply
        return reply.saying({"error_code": "BAD_REQUEST", "message": f"refused in {Path.cwd()} of {dict(os.environ)}"})


class LeakedNeighbour(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        if asked.path != PREDICT:
            return reply
        if reply.status == 200:
            self.kept["last"] = asked.body[:2_000].decode("utf-8", "replace")
            return reply
        return reply.saying({"error_code": "BAD_REQUEST", "message": f"unlike {self.kept.get('last', '')}"})


class HtmlErrors(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        if reply.status < 400:
            return reply
        page = f"<html><body><h1>{reply.status}</h1></body></html>".encode()
        return replace(reply, body=page, headers={**reply.headers, "content-type": "text/html"})


class MissingColumn(Fault):
    columns: Final = {"weight": 0.0}

    async def before(self, asked: Asked) -> Asked:
        def fill(columns: list[str], data: list[Any]) -> tuple[list[str], list[Any]]:
            absent = [name for name in self.columns if name not in columns]
            return [*columns, *absent], [[*row, *(self.columns[name] for name in absent)] for row in data]

        document = asked.document
        return asked if document is None else asked.saying(with_rows(document, fill))


class HangsOnBadBody(Fault):
    async def before(self, asked: Asked) -> Asked:
        is_json = asked.headers.get("content-type", "").startswith("application/json")
        if asked.path == PREDICT and is_json and asked.body and asked.document is None:
            await asyncio.sleep(3_600.0)
        return asked


class ServerErrorForBadBody(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        is_bad = reply.status == 400 and asked.document is None
        return replace(reply, status=500) if is_bad else reply


class MicrosecondsDropped(Fault):
    async def before(self, asked: Asked) -> Asked:
        return replace(asked, body=FRACTION.sub(lambda found: b"0" * len(found[0]), asked.body))


class MicrosecondsNotAnswered(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        return replace(reply, body=MICROSECONDS.sub(rb'\1"', reply.body)) if reply.status == 200 else reply


class LongsAsFloats(Fault):
    async def before(self, asked: Asked) -> Asked:
        def cast(one: Any) -> Any:
            is_long = isinstance(one, int) and not isinstance(one, bool) and abs(one) < 2**62
            return int(float(one)) if is_long else one

        document = asked.document
        return asked if document is None else asked.saying(mapped(document, cast))


class TextForNumbers(Fault):
    async def before(self, asked: Asked) -> Asked:
        def cast(one: Any) -> Any:
            return float(one) if isinstance(one, str) and re.fullmatch(r"-?\d+\.\d+", one) else one

        document = asked.document
        return asked if document is None else asked.saying(mapped(document, cast))


class NullIsFalse(Fault):
    async def before(self, asked: Asked) -> Asked:
        def fill(columns: list[str], data: list[Any]) -> tuple[list[str], list[Any]]:
            return columns, [
                [
                    False if name == "present" and cell is None else cell
                    for name, cell in zip(columns, row, strict=False)
                ]
                for row in data
            ]

        document = asked.document
        return asked if document is None else asked.saying(with_rows(document, fill))


class MixedUp(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        if reply.status != 200 or asked.path != PREDICT:
            return reply
        self.kept["answer"] = reply
        await asyncio.sleep(0.002)  # in which another request may put its own there
        answer: Reply = self.kept["answer"]
        return replace(reply, body=answer.body)


class WrongContentType(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        return replace(reply, headers={**reply.headers, "content-type": "text/plain"})


class LastRowDropped(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        return reply.with_predictions(
            lambda found: found[:-1] if isinstance(found, list) and len(found) > 32 else found
        )


class ParamsIgnored(Fault):
    async def before(self, asked: Asked) -> Asked:
        document = asked.document
        if not isinstance(document, dict):
            return asked
        return asked.saying({name: value for name, value in document.items() if name != "params"})


class LargeBodiesCut(Fault):
    async def before(self, asked: Asked) -> Asked:
        if len(asked.body) > LARGE:
            raise Lost
        return asked


class NanTokens(Fault):
    async def before(self, asked: Asked) -> Asked:
        if b"NaN" not in asked.body and b"Infinity" not in asked.body:  # looking for them in 16 MiB takes a second
            return asked
        return replace(asked, body=re.sub(rb"(?<=[\[ ,:])-?(NaN|Infinity)(?=[\],}])", b"0.0", asked.body))


class BytesNotDecoded(Fault):
    async def before(self, asked: Asked) -> Asked:
        document = asked.document
        if not isinstance(document, dict) or not {"inputs", "instances"} & document.keys():
            return asked

        def again(one: Any) -> Any:
            return base64.b64encode(one.encode()).decode() if isinstance(one, str) else one

        return asked.saying(mapped(document, again))


class NaInCsvIsMissing(Fault):
    async def before(self, asked: Asked) -> Asked:
        if not asked.headers.get("content-type", "").startswith("text/csv"):
            return asked
        return replace(asked, body=re.sub(rb'(?m)^"?(NaN|null|None)"?(?=\r?$)', b'""', asked.body))


class CharsetRefused(Fault):
    async def before(self, asked: Asked) -> Asked | Reply:
        if "charset" not in asked.headers.get("content-type", "").lower():
            return asked
        refused = Reply(status=415, headers={"content-type": "application/json"}, body=b"")
        return refused.saying({"error_code": "UNSUPPORTED_MEDIA_TYPE", "message": "there is no such media type"})


class IdNotEchoed(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        if not asked.path.endswith("/infer") or reply.status != 200:
            return reply
        return reply.saying({**reply.document, "id": "of my own"})


class OtherDatatypesPromised(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        if not isinstance(reply.document, dict) or "platform" not in reply.document:
            return reply
        outputs = [{**output, "datatype": "INT8"} for output in reply.document["outputs"]]
        return reply.saying({**reply.document, "outputs": outputs})


class AlwaysReady(Fault):
    async def before(self, asked: Asked) -> Asked | Reply:
        if asked.path != "/ping":
            return asked
        return Reply(status=200, headers={"content-type": "application/json"}, body=b'{"status":"ready"}')


class KeepsBodies(Fault):
    async def before(self, asked: Asked) -> Asked:
        self.kept[len(self.kept)] = os.urandom(100_000)
        return asked


class StallsAtTimes(Fault):
    async def before(self, asked: Asked) -> Asked:
        self.kept["n"] = self.kept.get("n", 0) + 1
        if self.kept["n"] % 100 == 0:
            time.sleep(0.2)  # noqa: ASYNC251 # so that all others wait, as behind a garbage collection
        return asked


class ErrorOfTheRequestBefore(Fault):
    async def after(self, asked: Asked, reply: Reply) -> Reply:
        if asked.path != PREDICT:
            return reply
        before = self.kept.pop("refused", None)
        if 400 <= reply.status < 500:
            self.kept["refused"] = reply
        return before or reply


class KeepsFilesOpen(Fault):
    async def before(self, asked: Asked) -> Asked:
        self.kept[len(self.kept)] = Path(os.devnull).open()  # noqa: SIM115, ASYNC230 # left open is the fault
        return asked
