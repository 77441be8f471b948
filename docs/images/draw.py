"""Draws what a command printed as a picture; it needs rich, which nothing else here needs.

Use: `COMMAND 2>&1 | python docs/images/draw.py '$ COMMAND' > docs/images/run.svg`
"""

from __future__ import annotations

import io
import re
import sys

from rich.console import Console
from rich.text import Text

COLUMNS = 118


def main() -> None:
    """Read standard input with its colours, and write an SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text(sys.argv[1], style="bold"))
    console.print(Text.from_ansi(sys.stdin.read().rstrip("\n")))
    picture = console.export_svg(title="pytest-modelserve")
    sys.stdout.write(re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL))  # they lie on another host


if __name__ == "__main__":
    main()
