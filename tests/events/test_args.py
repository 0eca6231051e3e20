"""The base of the catalogue's classes: names, specs and tags out of the class itself."""

from __future__ import annotations

from typing import Annotated, ClassVar

import pytest

from ringward.events import Args
from ringward.events.fields import OPT, K, Spec, Text


class TwoWords(Args, frozen=True):
    """An event for this test alone."""

    group: ClassVar[str] = "modules"
    hooks = ()
    use_case = ""
    issues = ""
    related = ()

    name: Annotated[str | None, Text("char[]", "A name.", K, OPT)]
    size: Annotated[int, Spec("u64", "A size.")]


class Nameless(Args, frozen=True):
    """An event without a name among its arguments."""

    group: ClassVar[str] = "modules"
    hooks = ()
    use_case = ""
    issues = ""
    related = ()

    size: Annotated[int, Spec("u64", "A size.")]


def test_the_name_of_an_event_is_that_of_its_class() -> None:
    assert TwoWords.event_name() == "two_words"
    assert Nameless.event_name() == "nameless"


def test_specs_are_in_the_order_of_the_fields() -> None:
    assert list(TwoWords.specs()) == ["name", "size"]
    assert TwoWords.specs()["name"].ctype == "char[]"


def test_tags_of_each_field() -> None:
    assert TwoWords.tags() == {"name": ("K", "OPT"), "size": ("K",)}


@pytest.mark.parametrize("hint", [int, Annotated[int, "no spec"], int | None])
def test_a_field_without_a_spec_is_refused(hint: object) -> None:
    broken = type("Broken", (Args,), {"__annotations__": {"field": hint}, "__module__": __name__}, frozen=True)
    with pytest.raises(TypeError, match=r"Broken\.field has no spec: write Annotated"):
        broken.specs()


def test_the_subject_is_the_name_where_there_is_one() -> None:
    assert TwoWords(name="fat", size=1).subject() == "fat"
    assert TwoWords(name=None, size=1).subject() == ""
    assert Nameless(size=1).subject() == ""


def test_arguments_do_not_change() -> None:
    with pytest.raises(AttributeError):
        TwoWords(name="fat", size=1).size = 2  # type: ignore[misc]


def test_an_event_is_shown_and_has_a_record_unless_it_says_otherwise() -> None:
    assert (TwoWords.default, TwoWords.record, TwoWords.aids, TwoWords.extra) == (True, True, (), frozenset())
