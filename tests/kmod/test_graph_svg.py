from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ringward.kmod.graph import Graph
from ringward.kmod.graph_style import NOTE, SIZE, width
from ringward.kmod.graph_svg import svg
from tests.kmod.graph_lab import SHOWN, crowd, graph, hostile, make_lab

NS = "{http://www.w3.org/2000/svg}"


class Drawn:
    """A picture, read back."""

    def __init__(self, found: Graph, most: int = 14, title: str = "asked") -> None:
        self.text = svg(found, title, "kernel 1.0", "/lib/modules/1.0", most)
        self.root = ET.fromstring(self.text)
        self.size = (float(self.root.get("width", "")), float(self.root.get("height", "")))

    def boxes(self) -> Iterator[tuple[str, list[str], tuple[float, float, float, float]]]:
        """Yield class, texts and edges (left, top, right, bottom) of each box."""
        for group in self.root.iter(f"{NS}g"):
            rect = group.find(f"{NS}rect")
            if rect is not None:
                x, y, wide, high = (float(rect.get(name, "")) for name in ("x", "y", "width", "height"))
                texts = [text.text or "" for text in group.findall(f"{NS}text")]
                yield rect.get("class", ""), texts, (x, y, x + wide, y + high)

    def links(self) -> list[str]:
        """Return what is told of each link."""
        groups = [group for group in self.root.iter(f"{NS}g") if group.get("class") in {"one", "some"}]
        return [group.findtext(f"{NS}title", "") for group in groups]

    def texts(self) -> list[str]:
        return [text.text or "" for text in self.root.iter(f"{NS}text")]


@pytest.fixture(params=["small", "crowd", "all", "hostile"])
def drawn(request: pytest.FixtureRequest, tmp_path: Path) -> Drawn:
    if request.param == "small":
        return Drawn(graph(make_lab(tmp_path), top="live"))
    if request.param == "hostile":
        return Drawn(graph(hostile(tmp_path)))
    return Drawn(graph(crowd(tmp_path)), 1000 if request.param == "all" else 14)


def test_no_box_stands_over_another_or_outside(drawn: Drawn) -> None:
    boxes = [edges for _kind, _texts, edges in drawn.boxes()]
    for number, (left, top, right, bottom) in enumerate(boxes):
        assert 0 < left < right < drawn.size[0]
        assert 0 < top < bottom < drawn.size[1]
        for other in boxes[number + 1 :]:
            assert right <= other[0] or left >= other[2] or bottom <= other[1] or top >= other[3]


def test_texts_fit_their_boxes_and_the_paper(drawn: Drawn) -> None:
    for kind, texts, (left, _top, right, _bottom) in drawn.boxes():
        sign = 0 if "more" in kind else 20
        for text, size in zip(texts, (SIZE, NOTE), strict=False):
            assert sign + width(text, size) + 20 <= right - left + 0.1
    for text in drawn.root.findall(f"{NS}text"):
        assert width(text.text or "", 20 if text.get("class") == "title" else SIZE) < drawn.size[0]


def test_every_line_ends_at_boxes(drawn: Drawn) -> None:
    edges = [box for _kind, _texts, box in drawn.boxes()]
    lines = [path.get("d", "") for path in drawn.root.iter(f"{NS}path") if "line" in path.get("class", "")]
    drawn_lines = [line for line in lines if line.startswith("M") and "C" in line]
    assert len(drawn_lines) == len(drawn.links()) > 1
    for line in drawn_lines:
        numbers = [float(number) for number in re.findall(r"-?[0-9.]+", line)]
        for x, y in (numbers[:2], numbers[-2:]):
            near = [box for box in edges if min(abs(x - box[0]), abs(x - box[2])) <= 9.2 and box[1] <= y <= box[3]]
            assert near, (x, y)


def test_what_is_in_the_picture(tmp_path: Path) -> None:
    drawn = Drawn(graph(make_lab(tmp_path), top="live"))
    kinds = {texts[0]: (kind, *texts[1:]) for kind, texts, _edges in drawn.boxes()}
    assert kinds["asked"] == ("box  root", "install not run: never")
    assert kinds["top"] == ("box live",)
    assert kinds["soft_x"] == ("box ", "as bus:7")
    assert (kinds["own"], kinds["gone"]) == (("box builtin",), ("box absent",))
    assert kinds["only"] == ("box command", "install: run $CMDLINE_OPTS it")
    assert f"asked → soft_x: softdep pre, as bus:7 ({tmp_path}/conf/a.conf:1)" in drawn.links()
    assert "mid → base: modules.dep" in drawn.links()
    for said in ("PULLS IN", "PULLED IN BY", "loaded", "built in", "absent", "softdep, loads it after"):
        assert said in drawn.texts()


def test_what_is_needed_stands_left_and_who_needs_it_right(tmp_path: Path) -> None:
    drawn = Drawn(graph(make_lab(tmp_path)))
    left = {texts[0]: edges[0] for _kind, texts, edges in drawn.boxes() if texts[0] != "late"}
    assert left["base"] < left["mid"] < left["top"] < left["asked"] < left["user1"] < left["user2"]
    assert left["own"] == left["top"] == left["friend"]
    assert sum(texts[0] == "late" for _kind, texts, _edges in drawn.boxes()) == 2


def test_a_crowd_stays_readable(tmp_path: Path) -> None:
    found = graph(crowd(tmp_path))
    drawn = Drawn(found)
    assert drawn.size[1] < 1200
    assert drawn.texts().count("… and 186 more") == 2
    assert "pulled in by 400 modules, 200 of them directly" in " ".join(drawn.texts())
    every = Drawn(found, 1000)
    assert len(list(every.boxes())) == 401
    assert not [text for text in every.texts() if text.startswith("…")]


def test_hostile_names_are_text_and_nothing_else(tmp_path: Path) -> None:
    drawn = Drawn(graph(hostile(tmp_path)), title='<x y="')
    assert {element.tag.removeprefix(NS) for element in drawn.root.iter()} == {
        *("svg", "title", "style", "rect", "text", "path", "g", "circle"),
    }
    titles = [element.text or "" for element in drawn.root.iter(f"{NS}title")]
    assert f"asked → {SHOWN}" in " ".join(titles)
    assert 'm"<&\\x07' in drawn.texts()
    assert '<x y="' in drawn.texts()
    assert drawn.text.replace("\n", "").isprintable()


def test_alone(tmp_path: Path) -> None:
    drawn = Drawn(graph(make_lab(tmp_path), "gone"))
    assert next(texts for _kind, texts, _edges in drawn.boxes()) == ["gone"]
