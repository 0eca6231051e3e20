"""What the picture of a graph is made of: colours, signs, and how wide a text is."""

from __future__ import annotations

import unicodedata
from html import escape

from ringward.kmod import graph_words as words
from ringward.kmod.graph import WEAK
from ringward.kmod.names import printable
from ringward.kmod.step import DEPENDENCY, POST, PRE

ADVANCE = 0.62
"""Width of a character, in its size: that of DejaVu Sans Mono and Menlo is 0.602, of Courier 0.6."""
TITLE, SIZE, NOTE, LEGEND = 20, 13, 11, 12
"""Sizes of the fonts; the legend's is the smaller one to measure by, as its letters are of different widths."""
LONGEST = 40
"""Characters of a name that are shown; the whole one is told when the pointer rests on it."""
TIP = 9
"""Length of the tip of an arrow."""

STYLE = """
  .paper { fill: #ffffff; stroke: #d0d7de }
  text { fill: #1f2328; font: 13px "DejaVu Sans Mono", Menlo, Consolas, monospace }
  .title { font: bold 20px system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
  .sub, .legend, .head { fill: #59636e; font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
  .head { font-weight: bold; letter-spacing: 0.06em }
  .note, .rest { fill: #59636e; font-size: 11px }
  .rest { font-size: 13px; font-style: italic }
  .named { font-weight: bold }
  .box { fill: #ffffff; stroke: #8c959f; stroke-width: 1.2 }
  .box.live, .box.coming, .box.going { fill: #dafbe1; stroke: #1a7f37 }
  .box.builtin { fill: #f3e8ff; stroke: #8250df }
  .box.command { fill: #fff8c5; stroke: #9a6700 }
  .box.absent { fill: #ffebe9; stroke: #cf222e; stroke-dasharray: 4 3 }
  .box.more { fill: none; stroke-dasharray: 2 3 }
  .box.root { stroke-width: 2.6 }
  .mark { fill: none; stroke: #59636e; stroke-width: 1.6 }
  .mark.live, .mark.coming, .mark.going { fill: #1a7f37; stroke: #1a7f37 }
  .mark.builtin { fill: #8250df; stroke: #8250df }
  .mark.command { stroke: #9a6700 }
  .mark.absent { stroke: #cf222e }
  .line { fill: none; stroke: #6e7781; stroke-width: 1.4 }
  .tip { fill: #6e7781 }
  .line.pre { stroke: #0969da; stroke-dasharray: 7 4 }
  .tip.pre { fill: #0969da }
  .line.post { stroke: #bc4c00; stroke-dasharray: 7 3 2 3 }
  .tip.post { fill: #bc4c00 }
  .line.weak { stroke: #8c959f; stroke-dasharray: 1.5 4 }
  .tip.weak { fill: #8c959f }
  .some { opacity: 0.45 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc }
    .sub, .legend, .head, .note, .rest { fill: #9198a1 }
    .box { fill: #151b23; stroke: #656c76 }
    .box.live, .box.coming, .box.going { fill: #12351f; stroke: #3fb950 }
    .box.builtin { fill: #2b1d45; stroke: #ab7df8 }
    .box.command { fill: #3a2d08; stroke: #d29922 }
    .box.absent { fill: #3d1416; stroke: #f85149 }
    .mark { stroke: #9198a1 }
    .mark.live, .mark.coming, .mark.going { fill: #3fb950; stroke: #3fb950 }
    .mark.builtin { fill: #ab7df8; stroke: #ab7df8 }
    .mark.command { stroke: #d29922 }
    .mark.absent { stroke: #f85149 }
    .line { stroke: #848d97 }
    .tip { fill: #848d97 }
    .line.pre { stroke: #4493f8 }
    .tip.pre { fill: #4493f8 }
    .line.post { stroke: #f0883e }
    .tip.post { fill: #f0883e }
    .line.weak { stroke: #656c76 }
    .tip.weak { fill: #656c76 }
  }
"""
"""Light, and dark where the viewer asks for it; the paper is painted, so that either can be read on any page."""
LINES = {DEPENDENCY: "hard", PRE: "pre", POST: "post", WEAK: "weak"}
MARKS = {
    words.LOADED: "live",
    "being loaded": "coming",
    "being unloaded": "going",
    "built in": "builtin",
    "only a command": "command",
    "absent": "absent",
}
"""What a box is, in words -> its class."""


def width(text: str, size: float) -> float:
    """Return what a text takes at most, in pixels, in a font of that size; wide characters count twice."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text) * size * ADVANCE


def short(text: str) -> str:
    """Return a text that can be shown in a box: printable, and of a long one its begin and end."""
    text = printable(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 11]}…{text[-10:]}"


def filled(texts: list[str], wide: float) -> list[str]:
    """Return texts as lines of that width, several in one where they fit."""
    lines: list[str] = []
    for text in texts:
        if lines and width(f"{lines[-1]} · {text}", SIZE) <= wide:
            lines[-1] += f" · {text}"
        else:
            lines.append(text)
    return lines


def text_at(x: float, y: float, text: str, kind: str, more: str = "") -> str:
    """Return a text; `more` are further attributes."""
    name = f' class="{kind}"' if kind else ""
    return f'<text{name} x="{x:.1f}" y="{y:.1f}"{more}>{escape(text)}</text>'


def mark(kind: str, x: float, y: float) -> str:
    """Return the sign of a state around a point: it differs in shape, not only in colour."""
    shape = {
        "builtin": f"M{x - 4.5} {y - 4.5}h9v9h-9Z",
        "absent": f"M{x - 4} {y - 4}l8 8m0 -8l-8 8",
        "command": f"M{x - 3} {y - 5}l7 5l-7 5Z",
    }.get(kind)
    name = f'class="mark {kind}"'.replace(' "', '"')
    if shape:
        return f'<path {name} d="{shape}"/>'
    return f'<circle {name} cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'


def sample(kind: str) -> str:
    """Return a short arrow that points at the origin, for the legend."""
    return (
        f'<path class="line {kind}" d="M36 -4.5H{TIP}"/><path class="tip {kind}" d="M0 -4.5L{TIP} -8.5L{TIP} -0.5Z"/>'
    )
