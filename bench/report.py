"""The table, on the terminal and as docs/bench.md."""

from __future__ import annotations

import textwrap
from pathlib import Path

from bench.row import Row

DOCUMENT = Path(__file__).parents[1] / "docs" / "bench.md"
_HEAD = ("what", "goal", "Ringward", "peer", "")


def text(rows: list[Row], facts: dict[str, str]) -> str:
    """Return the table for a terminal."""
    cells = [_HEAD, *((row.name, row.goal, row.ours, row.peer, row.verdict()) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(_HEAD))]
    lines = [f"{name}: {value}" for name, value in facts.items()] + [""]
    for number, line in enumerate(cells):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if not number:
            lines.append("  ".join("-" * width for width in widths))
            continue
        row = rows[number - 1]
        remarks = [*row.notes, *([f"VOID: {row.void}"] if row.void is not None else [])]
        for note in remarks:
            lines += textwrap.wrap(note, 110, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def markdown(rows: list[Row], facts: dict[str, str]) -> str:
    """Return the document."""
    lines = [
        "# Measurements",
        "",
        "Made by `make bench`; the programs are in `bench/`. The peer runs in turn with Ringward in the same run; a",
        "row whose events are not as many as the peer's is void. Figures are medians, with the lowest and the highest.",
        "",
        *(f"- {name}: {value}" for name, value in facts.items()),
        "",
        "| what | goal | Ringward | peer | |",
        "|---|---|---|---|---|",
        *(f"| {row.name} | {row.goal} | {row.ours} | {row.peer} | **{row.verdict()}** |" for row in rows),
        "",
        "## How",
        "",
    ]
    for row in rows:
        remarks = [*row.notes, *([f"Void: {row.void}"] if row.void is not None else [])]
        lines += [f"- {row.name}: {'; '.join(remarks)}." if remarks else f"- {row.name}."]
    return "\n".join(lines) + "\n"
