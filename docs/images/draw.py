"""Draws what a command printed as a picture; it needs rich, which nothing else here needs.

Use: `COMMAND 2>&1 | python docs/images/draw.py '$ COMMAND' > docs/images/run.svg`
"""

from __future__ import annotations

import io
import sys

from rich.console import Console
from rich.text import Text

COLUMNS = 108


def main() -> None:
    """Read standard input with its colours, and write an SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text(sys.argv[1], style="bold"))
    console.print(Text.from_ansi(sys.stdin.read().rstrip("\n")))
    sys.stdout.write(console.export_svg(title="pytest-modelserve"))


if __name__ == "__main__":
    main()
