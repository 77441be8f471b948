"""Let schemathesis ask for what JSON Schema can say in full: rows as records, with params.

SCHEMATHESIS_HOOKS=schemathesis_hooks schemathesis run http://127.0.0.1:5001/openapi.json
"""

from __future__ import annotations

from typing import Any, Final

import schemathesis

ENVELOPE: Final = "dataframe_records"
JSON: Final = "application/json"


@schemathesis.hook
def before_load_schema(_context: object, raw_schema: dict[str, Any]) -> None:
    """Leave one envelope of `/invocations`, and no media type but JSON."""
    request = raw_schema["paths"]["/invocations"]["post"]["requestBody"]
    declared = request["content"][JSON]["schema"]["properties"]
    taken = {name: declared[name] for name in (ENVELOPE, "params") if name in declared}
    body = {"type": "object", "properties": taken, "required": [ENVELOPE]}
    request["content"] = {JSON: {"schema": body}}
