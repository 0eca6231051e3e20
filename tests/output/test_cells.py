from __future__ import annotations

from typing import Any

import pytest

from ringward.events import Ancestor, Difference, Event, Load, Need, Origin
from ringward.output import cells
from tests.output.event_factory import FILE, event, load, process

REQUEST = Origin(
    "request",
    "kernel asked for net-pf-5 for python3[42]",
    alias="net-pf-5",
    request="1a",
    requester=Ancestor("42@1", 42, "python3"),
)
FROM_BASH = ("from bash[4300] < systemd[1]", "from bash < systemd", "from bash[4300]", "from bash", "bash")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"result": 0}, "ok"),
        ({"result": 7}, "7"),
        ({"result": -38, "error": "ENOSYS"}, "ENOSYS"),
        ({"result": -4095}, "-4095"),
        ({}, ""),
        ({"unread": {"result": "the call has not returned after 1.0 s"}}, "in progress 1.0s"),
        ({"unread": {"result": "the call had not returned when Ringward ended"}}, "in progress"),
        ({"unread": {"result": "the record was full"}}, "?"),
    ],
)
def test_outcome(given: dict[str, Any], shown: str) -> None:
    assert cells.outcome(event(**given)) == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({}, ""),
        ({"differences": (Difference("param_values", "a", "b"),)}, "!"),
        ({"unread": {"param_values": "the page was not in memory, or nothing is mapped there"}}, "?"),
        ({"unread": {"param_values": "the caller passed NULL"}}, ""),
        ({"unread": {"file": "the hook that reads it is not attached"}}, ""),
        ({"unread": {"result": "the call has not returned after 1.0 s"}}, ""),
        ({"unread": {"old_credentials": "the kernel itself started the program"}}, ""),
        ({"unread": {"version": "the kernel has none"}}, ""),
        ({"unread": {"file": "the kernel refused before it got there"}, "result": -1, "error": "EPERM"}, ""),
        ({"unread": {"file": "the kernel refused before it got there"}, "result": 0}, "?"),
        ({"unread": {"fd": "the record was full"}, "differences": (Difference("fd", 1, 2),)}, "!?"),
    ],
)
def test_marks(given: dict[str, Any], shown: str) -> None:
    assert cells.marks(event(**given)) == shown


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (event(load=load(module="fat")), "fat"),
        (event(load=load(module=None)), "dummy"),  # of the file's name
        (event(given={"file": None}), "fd 3"),
        (
            event(given={"param_values": "a=1", "flags": ("MODULE_INIT_IGNORE_VERMAGIC", "0x80")}),
            "dummy IGNORE_VERMAGIC 0x80 a=1",
        ),
        (event(given={"flags": ("MODULE_INIT_COMPRESSED_FILE",)}), "dummy"),
        (event("init_module"), "image of 8192 bytes"),
        (event("init_module", load=load(module="fat")), "fat"),
        (event("delete_module"), "dummy"),
        (event("delete_module", given={"name": None}), "?"),
        (event("delete_module", given={"holders": ("a", "b")}, result=-11, error="EAGAIN"), "dummy held by a,b"),
        (event("delete_module", given={"refcount": 2}, result=-11, error="EAGAIN"), "dummy in use 2x"),
        (event("delete_module", given={"flags": ("O_TRUNC",)}, result=0), "dummy O_TRUNC"),
        (event("module_load"), "dummy taints OE"),
        (event("module_request"), "net-pf-5"),
        (event("process_exec"), "modprobe dummy"),
        (event("process_exit", given={"code": 3}), "status 3"),
        (event("process_exit", given={"signal": 11, "core_dumped": True}), "signal 11 (SIGSEGV), core dumped"),
        (event("process_exit", given={"signal": 60}), "signal 60 (real-time signal)"),
    ],
)
def test_subject(made: Event, shown: str) -> None:
    assert cells.subject(made) == shown


def test_digest() -> None:
    assert cells.digest(event(load=load(digest="ab" * 32))) == "ab" * 32
    assert cells.digest(event(load=load(digest=None))) == "-"
    assert cells.digest(event()) == "-"
    assert cells.digest(event("module_digest", given={"digest": "cd" * 32})) == "cd" * 32
    assert cells.digest(event("module_digest", given={"digest": None})) == "-"
    assert cells.digest(event("program_verdict", given={"digest": "ef" * 32})) == "ef" * 32
    assert cells.digest(event("delete_module", load=load())) == ""


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (
            event(load=Load("1", REQUEST)),
            (
                "kernel asked for net-pf-5 for python3[42]",
                "net-pf-5 by python3[42]",
                "net-pf-5 by python3",
                "net-pf-5",
                "request",
            ),
        ),
        (event(load=Load("1", REQUEST, needed_by=Need("msdos", "2"))), ("needed by msdos", "for msdos")),
        (
            event(load=Load("1", Origin("udev", "udev for /devices/pci/x", device="/devices/pci/x"))),
            ("udev for /devices/pci/x", "udev /devices/pci/x", "udev x", "udev"),
        ),
        (event(load=Load("1", Origin("udev", "udev, device not seen"))), ("udev, device not seen", "udev")),
        (event(load=Load("1", Origin("modules-load", "modules-load.d"))), ("modules-load.d", "modules-load")),
        (
            event(load=Load("1", Origin("command", "insmod x, by bash[4300]"))),
            (
                "insmod x, by bash[4300] < systemd[1]",
                "insmod x, by bash[4300]",
                "by bash[4300] < systemd[1]",
                "by bash < systemd",
                "by bash[4300]",
                "by bash",
                "command",
            ),
        ),
        (
            event(load=Load("1", Origin("command", "insmod x")), process=process(ancestors=())),
            ("insmod x", "command"),
        ),
        (event("delete_module"), FROM_BASH),
        (event("delete_module", load=Load("1", REQUEST)), FROM_BASH),
        (
            event("delete_module", process=process(ancestors=(Ancestor("7@1", 7, unread="gone"),))),
            ("from ?[7]", "from ?", "?"),
        ),
        (event("delete_module", process=process(ancestors=())), ("",)),
        (event("process_exec"), ("",)),
        (event("events_lost", process=None), ("",)),
    ],
)
def test_causes_from_long_to_short(made: Event, shown: tuple[str, ...]) -> None:
    assert cells.causes(made) == shown


def test_the_file_of_the_examples_is_what_the_tests_say() -> None:
    assert FILE.path is not None
    assert FILE.path.endswith("/dummy.ko.xz")
