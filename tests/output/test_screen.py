from __future__ import annotations

import msgspec
import pytest

from ringward.events import BY_NAME, select
from ringward.events.registry import CALLS
from ringward.output.screen import lacks, screen
from ringward.output.text import columns
from ringward.sensor.info import Attachment, ModuleCounts, SensorInfo
from ringward.version import VERSION

DEFAULT = select([])


def info(**given: object) -> SensorInfo:
    tracepoint = Attachment("tp_btf", "sys_enter", "")
    values: dict[str, object] = {
        "kernel": "6.12.1",
        "host": "example",
        "kind": "ebpf",
        "attached": {name: tracepoint for name in BY_NAME if name not in ("module_digest", "do_init_module")}
        | {"module_digest": Attachment("lsm", "x", ""), "do_init_module": Attachment("fentry", "x", "late ones")},
        "missing": {},
        "degraded": None,
        "modules": ModuleCounts(142, 2, 3),
        "modules_unread": None,
    }
    return SensorInfo(**(values | given))  # type: ignore[arg-type]


def test_all_of_it_is_told() -> None:
    lines = screen(info(), DEFAULT, 200)
    assert lines[0] == f"Ringward {VERSION} on example, kernel 6.12.1"
    assert lines[1].startswith("  tp_btf   create_module init_module finit_module")
    assert "process_fork" not in "\n".join(lines)  # not asked for
    assert "  lsm      module_digest" in lines
    assert "  fentry   do_init_module" in lines
    assert "  partly   do_init_module: not seen: late ones" in lines
    assert lines[-1] == "  modules  142 loaded, 2 unsigned, 3 out of tree"


def test_what_is_missing_has_its_reason_once() -> None:
    missing = {
        "module_digest": "no BTF",
        "do_init_module": "no BTF",
        "process_fork": "not asked for",
        "finit_module: strndup_user": "no BTF",
        "delete_module: find_module": "error -524",
    }
    attached = {name: one for name, one in info().attached.items() if name not in missing}
    lines = screen(info(missing=missing, attached=attached), DEFAULT, 200)
    assert "  missing  module_digest do_init_module: no BTF" in lines
    assert "  partly   delete_module without find_module: error -524" in lines
    assert sum("no BTF" in line for line in lines) == 1
    assert "not asked for" not in "\n".join(lines)


def test_a_kernel_without_modules_says_so() -> None:
    reason = "this kernel has no module support"
    without = info(modules=None, modules_unread=reason)
    assert f"  modules  {reason}" in screen(without, DEFAULT, 80)
    missing = info(modules=None, modules_unread=reason, missing={"module_load": reason})
    lines = screen(missing, DEFAULT, 80)
    assert lines[-1] == f"  missing  module_load: {reason}", "told once"


def test_degraded_stands_at_the_top() -> None:
    lines = screen(info(degraded="no eBPF: run as root", missing={"module_load": "no eBPF"}), DEFAULT, 80)
    assert lines[1] == "  degraded no eBPF: run as root, or try: ringward replay"
    assert "  missing  module_load" in lines  # why is told once


def test_a_recording_tells_of_the_past() -> None:
    lines = screen(info(degraded="no eBPF"), DEFAULT, 80, recorded=True)
    assert lines[:2] == [f"Ringward {VERSION} recorded on example, kernel 6.12.1", "  degraded no eBPF"]


@pytest.mark.parametrize("width", [40, 80, 140])
def test_it_fits(width: int) -> None:
    missing = dict.fromkeys(BY_NAME, "a reason that is longer than a line of the terminal can be, " * 3)
    for found in (info(), info(missing=missing, degraded="d" * 300)):
        assert all(columns(line) <= width for line in screen(found, BY_NAME, width))


def test_on_80_columns_it_leaves_room_for_events() -> None:
    assert len(screen(info(), DEFAULT, 80)) <= 10


def test_a_recording_cannot_smuggle_in_escape_sequences() -> None:
    hostile = msgspec.structs.replace(
        info(), kernel="\x1b[2J", host="\u202e", degraded="\x07", missing={"module_load": "\x9b"}
    )
    assert all(line.isprintable() for line in [*screen(hostile, DEFAULT, 80), *lacks(hostile, DEFAULT)])


def test_lacks_are_one_line_a_reason() -> None:
    missing = {"module_load": "a", "module_free": "a", "process_exec": "b", "process_exec: x": "c", "process_fork": "d"}
    assert lacks(info(missing=missing), DEFAULT) == [
        "not seen: module_load module_free: a",
        "not seen: process_exec: b",
    ]
    assert lacks(info(), DEFAULT) == []
    assert lacks(info(degraded="why", missing=missing), DEFAULT) == ["degraded: why, or try: ringward replay"]


def test_nothing_of_it_does_anything_to_a_terminal() -> None:
    """The words are a recording's, which anybody may have written."""
    odd = "\x1b[2J\u202e"
    attached = {name: Attachment(odd, odd, odd) for name in DEFAULT}
    for given in (info(kernel=odd, host=odd, attached=attached, modules=None, modules_unread=odd), info(degraded=odd)):
        assert all(line.isprintable() for line in screen(given, DEFAULT, 60, recorded=True))


def test_system_calls_are_told_by_name_unless_there_are_many() -> None:
    how = Attachment("tp_btf", "sys_enter", "")
    one = info(attached={"openat": how, "syscall": how})
    assert any("openat" in line for line in screen(one, {"openat"}, 80))
    assert any("syscall" in line for line in screen(one, set(CALLS), 80))
    assert not any("openat" in line for line in screen(one, set(CALLS), 80))
    assert lacks(info(attached={}, missing={"openat": "why"}), {"openat"}) == ["not seen: openat: why"]
