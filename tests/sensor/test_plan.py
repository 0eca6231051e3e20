from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringward.btf.layout import Field
from ringward.events.fields import Convert, Hex, Spec
from ringward.events.registry import BY_NAME
from ringward.sensor import _native
from ringward.sensor.decode import DecodeError, Record
from ringward.sensor.plan import extra_names, member, plan
from tests.sensor.kernel_records import layouts


@pytest.mark.parametrize(
    ("code", "kind"), [("B", "u"), ("h", "s"), ("I", "u"), ("q", "s"), ("Q", "u"), ("16s", "b"), ("32s", "b")]
)
def test_a_member_is_unsigned_signed_or_bytes(code: str, kind: str) -> None:
    assert member(Field("x", "", 8, 4, code)) == ("x", 8, 4, kind)


@pytest.mark.parametrize("name", sorted(layouts()))
def test_every_field_has_a_reading_of_its_own_members(name: str) -> None:
    cls, layout = BY_NAME[name], layouts()[name]
    _name, _cls, size, readings, extra = plan(name, cls, layout)
    assert size == layout.size
    assert [field for _how, field, *_ in readings] == list(cls.__struct_fields__)
    for how, field, function, members, _aux in readings:
        spec = cls.specs()[field]
        assert tuple(one[0] for one in members) == spec.names(field)
        assert (how == "number") == spec.direct
        assert callable(function) != spec.direct
        if isinstance(spec, Convert):
            assert how == "call"
    assert [one[0] for one in extra] == extra_names(cls, layout)
    assert "pad" not in extra_names(cls, layout)


@pytest.mark.parametrize("reads", [True, False])
def test_a_spec_that_was_derived_is_taken_for_its_base_when_it_reads_as_that(reads: bool) -> None:
    class Odd(Hex):
        if reads:

            def convert(self, field: str) -> Callable[..., str]:
                return lambda _tail, value: f"{field}{value}"

    class Args(BY_NAME["module_free"], frozen=True):  # type: ignore[misc]
        @classmethod
        def specs(cls) -> dict[str, Spec]:
            return {"base": Odd("void *", "")}

    assert plan("module_free", Args, layouts()["module_free"])[3][0][0] == ("call" if reads else "hex")


def test_a_field_that_is_looked_up_needs_no_member() -> None:
    known = {"name_is_loaded": ({"a"}, 0, "why")}
    found = plan("create_module", BY_NAME["create_module"], layouts()["create_module"], known)[3]
    assert ("known", "name_is_loaded", None, (), ({"a"}, 0, "why")) in found


def native(*readings: Any, size: int = 128, extra: Any = ()) -> _native.Decoder:
    plans = {1: ("x", BY_NAME["module_free"], size, readings, extra)}
    return _native.Decoder(Record, object, DecodeError, {}, {0: "none"}, {0: "64-bit"}, 24, 96, plans)  # type: ignore[arg-type]


A = ("a", 120, 8, "u")


@pytest.mark.parametrize(
    "reading",
    [
        ("number", "a", None, (("a", 121, 8, "u"),), None),
        ("number", "a", None, (("a", 0xFFFFFFFF, 8, "u"),), None),
        ("number", "a", None, (("a", 0, 0xFFFFFFFF, "b"),), None),
        ("number", "a", None, (("a", 0, 3, "u"),), None),
        ("number", "a", None, (), None),
        ("hex", "a", None, (("a", 0, 32, "b"),), None),
        ("file", "a", None, (A,) * 4, None),
        ("call", "a", None, (A,) * 17, None),
        ("nonsense", "a", None, (A,), None),
        ("known", "a", None, (), ({1}, 0, "no field before it")),
        ("known", "a", None, (), ({1}, -1, "")),
        ("known", "a", None, (), None),
        ("number", b"a", None, (A,), None),
        (),
    ],
)
def test_a_plan_that_would_read_outside_a_record_is_refused(reading: Any) -> None:
    assert native(("number", "a", None, (A,), None))
    with pytest.raises((ValueError, TypeError)):
        native(reading)


def test_members_outside_a_record_are_refused_as_extra_too() -> None:
    with pytest.raises(ValueError, match="does not lie in its record"):
        native(extra=(("a", 128, 1, "u"),))


@pytest.mark.parametrize("number", [-1, 64, 1 << 70])
def test_kinds_that_have_no_place_are_refused(number: int) -> None:
    plans = {number: ("x", BY_NAME["module_free"], 128, (), ())}
    with pytest.raises((ValueError, OverflowError)):
        _native.Decoder(Record, object, DecodeError, {}, {}, {}, 24, 96, plans)  # type: ignore[arg-type]
