"""The picture of the documentation."""

from __future__ import annotations

from pathlib import Path

from tools.graph_picture import picture

PUBLISHED = Path(__file__).parents[1] / "docs/graph.svg"


def test_the_published_picture_is_up_to_date() -> None:
    assert PUBLISHED.read_text() == picture(), "run: make docs"


def test_it_shows_what_the_page_says() -> None:
    text = PUBLISHED.read_text()
    for said in (
        "pulls in 5 modules",
        "pulled in by 79 modules, 31 of them directly",
        "install: /bin/false",
        "as crc32c",
    ):
        assert said in text
