from __future__ import annotations

from ringward.events.member_docs import member_docs


class Base:
    a: int
    """Of the base."""


class Shape(Base):
    b: int = 1
    """What b is,
    in two lines."""
    c: str
    d: str
    """What d is."""


def test_the_text_below_each_member() -> None:
    assert member_docs(Shape) == {"b": "What b is, in two lines.", "d": "What d is."}
    assert member_docs(Base) == {"a": "Of the base."}
