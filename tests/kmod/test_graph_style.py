from __future__ import annotations

import re
import shutil
import subprocess
from xml.etree import ElementTree as ET

import pytest

from ringward.kmod import graph_style as style
from ringward.kmod import graph_words as words
from ringward.kmod.graph import WEAK
from ringward.kmod.step import DEPENDENCY, POST, PRE


def test_every_class_has_a_style_in_light_and_dark() -> None:
    light, _, dark = style.STYLE.partition("@media")
    for kind in set(style.MARKS.values()):
        assert f".box.{kind}" in light
        assert f".box.{kind}" in dark
    for kind in set(style.LINES.values()) - {"hard"}:
        assert f".line.{kind} " in light
        assert f".line.{kind} " in dark
    assert set(style.LINES) == {DEPENDENCY, PRE, POST, WEAK}
    assert set(style.MARKS) == set(words.EVERY_STATE) - {words.NOT_LOADED, words.UNKNOWN}


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2: relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("part", [0, 1])
def test_text_can_be_read_on_every_box_and_on_the_paper(part: int) -> None:
    rules = style.STYLE.split("@media")[part]
    (text,) = re.findall(r"\n +text \{ fill: (#\w+)", rules)
    (faint,) = re.findall(r"\n +\.sub.*? \{ fill: (#\w+)", rules)
    grounds = re.findall(r"\n +\.(?:box|paper)[^{]* \{ fill: (#\w+)", rules)
    assert len(grounds) == 6
    assert all(contrast(text, ground) >= 7 for ground in grounds)
    assert all(contrast(faint, ground) >= 4.5 for ground in grounds)


def test_texts_are_measured_and_cut() -> None:
    assert style.width("abc", 10) == pytest.approx(18.6)
    assert style.width("漢字", 10) == style.width("abcd", 10)
    assert style.short("a" * 40) == "a" * 40
    assert len(style.short("a" * 60 + "end")) == style.LONGEST
    assert style.short("a" * 60 + "end").endswith("…aaaaaaaend")
    assert style.short("a\n\x1b\udcff") == "a\\n\\x1b\\udcff"


def test_the_fonts_are_no_wider_than_that() -> None:
    """fontconfig's monospace, where there is one, against the advance that boxes are made for."""
    if shutil.which("rsvg-convert") is None:
        pytest.skip("rsvg-convert is not installed")
    text = "m" * 50
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="20">'
    wide = style.width(text, style.SIZE)
    for width, inked in ((wide, True), (2 * wide, False)):
        # What stands behind the measured width is painted only when the text is wider.
        left = 0 if inked else wide
        source = head.format(width - left) + f'<style>{style.STYLE}</style><text x="{-left}" y="14">{text}</text></svg>'
        done = subprocess.run(["rsvg-convert", "-f", "png"], input=source.encode(), capture_output=True, check=True)
        empty = head.format(width - left) + "</svg>"
        blank = subprocess.run(["rsvg-convert", "-f", "png"], input=empty.encode(), capture_output=True, check=True)
        assert (done.stdout != blank.stdout) == inked


def test_lines_are_filled() -> None:
    assert style.filled(["aa", "bb", "cc" * 20], 100) == ["aa · bb", "cc" * 20]
    assert style.filled([], 100) == []


@pytest.mark.parametrize("kind", ["", *style.MARKS.values()])
def test_signs_are_shapes(kind: str) -> None:
    element = ET.fromstring(style.mark(kind, 5, 5))
    assert element.get("class") == f"mark {kind}".strip()
    assert element.tag == ("path" if kind in {"builtin", "absent", "command"} else "circle")
    assert len(ET.fromstring(f"<g>{style.sample('pre')}</g>")) == 2


def test_text_is_escaped() -> None:
    element = ET.fromstring(style.text_at(1, 2, 'a<&>"', "x", ' y2="1"'))
    assert (element.text, element.get("class"), element.get("y2")) == ('a<&>"', "x", "1")
