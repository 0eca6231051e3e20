"""How arguments are read."""

from __future__ import annotations

from ringward.btf.layout import enum_values
from ringward.events.syscall_kinds import FIXED, array, memory
from ringward.sensor import objects


def test_memory_is_read_at_entry_and_its_values_can_be_missing() -> None:
    one, several = memory(dict, 16), array(tuple, 64, "out", scale=8)
    assert (one.reading, one.size, one.length, one.scale) == ("in", 16, FIXED, 1)
    assert (several.reading, several.size, several.scale) == ("out", 64, 8)
    assert type(None) in one.hint.__args__
    assert type(None) in several.hint.__args__


def test_every_reading_is_one_of_the_kernel_part() -> None:
    from ringward.events.syscall_table import shipped
    from ringward.events.syscall_types import kind_of

    found = {kind_of(call, one).reading for call in shipped() for one in call.parameters}
    assert {f"READ_{name.upper()}" for name in found} == enum_values(objects.load("syscall").btf, "arg_reading").keys()
