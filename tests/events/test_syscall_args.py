"""Classes made from the table."""

from __future__ import annotations

import msgspec
import pytest

from ringward.events.syscall_args import call_class, call_names, field_name, written
from ringward.events.syscall_values import Descriptor, PathValue


def test_every_event_has_a_class_with_a_field_for_each_argument() -> None:
    for name in call_names():
        cls = call_class(name)
        assert cls.event_name() == name
        assert cls.__struct_fields__ == tuple(field_name(one.name) for one in cls.call.parameters)
        assert set(cls.tags()) == set(cls.__struct_fields__)
        assert all(("K" in tags) != ("U" in tags) for tags in cls.tags().values())


def test_arguments_are_the_same_out_of_json() -> None:
    cls = call_class("openat")
    made = cls(Descriptor("AT_FDCWD", "/tmp"), PathValue("x", "/tmp/x"), ("O_RDONLY",), "0")
    assert msgspec.json.decode(msgspec.json.encode(made), type=cls) == made


def test_a_line_has_the_whole_path_and_not_where_it_begins() -> None:
    cls = call_class("openat")
    made = cls(Descriptor("AT_FDCWD", "/tmp"), PathValue("x", "/tmp/x"), ("O_RDONLY", "O_CLOEXEC"), "0")
    assert made.subject() == '"/tmp/x", O_RDONLY|O_CLOEXEC, 0'
    assert call_class("close")(Descriptor(3, "pipe:[7]")).subject() == "3<pipe:[7]>"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ((), "0"),
        (("A", "B"), "A|B"),
        ({"a": 1, "b": ("X",)}, "{a=1, b=X}"),
        (({"a": 1},), "[{a=1}]"),
        (["sh", 'a "b"', "\x1b"], r'["sh", "a \"b\"", "\u001b"]'),
        (PathValue("x", None), '"x"'),
        (Descriptor(9, None), "9"),
        (5, "5"),
        (0x7F0000000000, "0x7f0000000000"),
    ],
)
def test_values_in_a_line(value: object, text: str) -> None:
    assert written(value) == text


def test_a_field_is_no_word_of_python_nor_a_member_of_every_event() -> None:
    assert field_name("from") == "from_"
    assert field_name("group") == "group_"
    assert field_name("filename") == "filename"


def test_there_is_no_class_of_what_is_no_call() -> None:
    with pytest.raises(KeyError):
        call_class("opennat")
