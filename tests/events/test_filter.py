from __future__ import annotations

import fnmatch
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.events import Ancestor, Event, FileId, Load, Origin
from ringward.events.filter import Filter, arg_names, check_arg
from ringward.events.registry import UnknownNameError
from tests.output.event_factory import FILE, event, process

REQUESTED = Load("1", Origin("request", "x", requester=Ancestor("77@1", 77, "mount")))
IN_CONTAINER = process(container="0123456789abcdef", cgroup="/docker/0123456789abcdef")


@pytest.mark.parametrize(
    ("only", "made", "verdict"),
    [
        ({}, event(), True),
        ({"events": frozenset({"finit_module"})}, event(), True),
        ({"events": frozenset({"module_load"})}, event(), False),
        ({"comms": ("modprobe",)}, event(), True),
        ({"comms": ("insmod", "mod*")}, event(), True),
        ({"comms": ("insmod",)}, event(), False),
        ({"comms": ("MODPROBE",)}, event(), False),
        ({"comms": ("mod",)}, event(), False),
        ({"comms": ("[im]*",)}, event(), True),
        ({"comms": ("*",)}, event(process=None), None),
        ({"pids": frozenset({4321})}, event(), True),
        ({"pids": frozenset({99})}, event(), False),
        ({"pids": frozenset({99})}, event(process=process(tid=99)), True),
        ({"pids": frozenset({4300})}, event(), False),
        ({"pids": frozenset({4300}), "follow": True}, event(), True),
        ({"pids": frozenset({77}), "follow": True}, event(load=REQUESTED), True),
        ({"pids": frozenset({77})}, event(load=REQUESTED), False),
        ({"pids": frozenset({78}), "follow": True}, event(load=REQUESTED), False),
        ({"pids": frozenset({1}), "follow": True}, event(process=None), None),
        ({"uids": frozenset({1000})}, event(), True),
        ({"uids": frozenset({0})}, event(), False),
        ({"uids": frozenset({0, 1000})}, event(), True),
        ({"uids": frozenset({0})}, event(process=None), None),
        ({"exes": ("/usr/bin/*",)}, event(), True),
        ({"exes": ("/bin/*",)}, event(), False),
        ({"exes": ("*",)}, event(process=process(exe=None)), None),
        ({"failed": True}, event(result=-1, error="EPERM"), True),
        ({"failed": True}, event(result=0), False),
        ({"failed": True}, event(), False),
        ({"failed": True}, event(unread={"result": "the call has not returned after 1.0 s"}), None),
        ({"exes": ("*",)}, event(process=process(exe=None, kthread=True)), False),
        ({"container": "0123"}, event(process=IN_CONTAINER), True),
        ({"container": "123"}, event(process=IN_CONTAINER), False),
        ({"container": "0123"}, event(), False),
        ({"container": "0123"}, event(process=process(cgroup=None)), None),
        ({"args": (("fd", "3"),)}, event(), True),
        ({"args": (("fd", "4"),)}, event(), False),
        ({"args": (("name", "*"),)}, event(), False),  # finit_module has none
        ({"args": (("param_values", "*=1"),)}, event(given={"param_values": "a=1"}), True),
        ({"args": (("param_values", "*"),)}, event(given={"param_values": None}), None),
        ({"args": (("file", "*/dummy.ko*"),)}, event(), True),
        ({"args": (("file.path", "/tmp/*"),)}, event(), False),
        ({"args": (("file.dev", "8:1"),)}, event(), True),
        ({"args": (("file.path", "*"),)}, event(given={"file": None}), None),
        ({"args": (("file", "*"),)}, event(given={"file": FileId(None, "8:1", 1, 1)}), None),
        ({"args": (("flags", "*VERMAGIC"),)}, event(given={"flags": ("A", "MODULE_INIT_IGNORE_VERMAGIC")}), True),
        ({"args": (("flags", "*"),)}, event(given={"flags": ()}), True),
        ({"args": (("args", "modprobe dummy"),)}, event("process_exec"), True),
        ({"args": (("args", "dummy"),)}, event("process_exec"), True),
        ({"args": (("wait", "true"),)}, event("module_request"), True),
        ({"args": (("wait", "True"),)}, event("module_request"), False),
        ({"args": (("old_credentials", '*"uid":1000*'),)}, event("process_exec"), True),
        ({"args": (("fd", "3"), ("param_values", "x"))}, event(), False),
        # Several kinds: all of them. A kind that says no outweighs one that cannot tell.
        ({"comms": ("modprobe",), "uids": frozenset({0})}, event(), False),
        ({"exes": ("*",), "uids": frozenset({0})}, event(process=process(exe=None)), False),
        ({"exes": ("*",), "uids": frozenset({1000})}, event(process=process(exe=None)), None),
        # The stream's own events are always wanted.
        ({"comms": ("x",), "failed": True, "args": (("fd", "9"),)}, event("events_lost", process=None), True),
        ({"events": frozenset({"module_load"})}, event("sensor_status", process=None), True),
    ],
)
def test_truth_table(only: dict[str, Any], made: Event, verdict: bool | None) -> None:
    found = Filter(**only)
    assert found.judge(made) is verdict
    assert found.match(made) is (verdict is True)


@given(st.lists(st.text(max_size=6), min_size=1, max_size=3), st.text(max_size=8))
def test_globs_are_those_of_fnmatch(globs: list[str], comm: str) -> None:
    made = event(process=process(comm=comm))
    assert Filter(comms=tuple(globs)).match(made) == any(fnmatch.fnmatchcase(comm, glob) for glob in globs)


@pytest.mark.parametrize(
    ("comms", "found"),
    [
        (("modprobe",), "modprobe"),
        ((), None),
        (("a", "b"), None),
        (("mod*",), None),
        (("m?d",), None),
        (("[m]od",), None),
        (("x" * 15,), "x" * 15),
        (("x" * 16,), None),
        (("\u00fc" * 8,), None),  # 16 bytes
    ],
)
def test_the_name_that_the_kernel_can_compare(comms: tuple[str, ...], found: str | None) -> None:
    assert Filter(comms=comms).kernel_comm == found


def test_the_users_and_processes_that_the_kernel_can_compare() -> None:
    assert Filter(uids=frozenset({0})).kernel_uid == 0
    assert Filter(uids=frozenset({0, 1})).kernel_uid is None
    assert Filter().kernel_uid is None
    assert Filter(pids=frozenset({1, 2})).kernel_pids == {1, 2}
    assert Filter(pids=frozenset({1}), follow=True).kernel_pids == frozenset()
    assert Filter().kernel_pids == frozenset()


def test_filters_are_values() -> None:
    assert Filter(comms=("a",)) == Filter(comms=("a",))
    assert hash(Filter(comms=("a",))) == hash(Filter(comms=("a",)))
    assert "_checks" not in repr(Filter())
    with pytest.raises(AttributeError):
        Filter().failed = True  # type: ignore[misc]


def test_names_of_arguments() -> None:
    names = arg_names(("finit_module", "delete_module"))
    assert {"fd", "file", "file.path", "file.inode", "name", "holders"} <= set(names)
    assert "alias" not in names
    assert all(hasattr(FILE, name.split(".")[1]) for name in names if "." in name)
    for name in names:
        check_arg(name, ("finit_module", "delete_module"))


def test_an_unknown_argument_gets_the_nearest_names() -> None:
    with pytest.raises(UnknownNameError, match=r"no argument named 'param_value'; did you mean param_values"):
        check_arg("param_value", ("finit_module",))
    with pytest.raises(UnknownNameError, match="no argument named 'alias'"):
        check_arg("alias", ("finit_module",))
