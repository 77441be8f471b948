"""Which values a column takes in earnest: what a signature, which knows only types, cannot say."""

from __future__ import annotations

from .bind import bound
from .infer import as_toml, from_frame, from_rows, read_data
from .read import from_metadata, from_table, read_file, read_ini
from .spec import ColumnDomain, Domain, Origin, merged

__all__ = [
    "ColumnDomain",
    "Domain",
    "Origin",
    "as_toml",
    "bound",
    "from_frame",
    "from_metadata",
    "from_rows",
    "from_table",
    "merged",
    "read_data",
    "read_file",
    "read_ini",
]
