"""What the native part does of a program's life without asking Python: paths, a second program, an early end."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.sensor import process_table
from ringward.sensor.exec_path import ExecPaths, is_plain
from ringward.sensor.process_table import ProcessTable
from ringward.sensor.programs import Programs
from tests.sensor.joined import INIT, Twins
from tests.sensor.kernel_records import FAULT, Kernel, Value, decoder
from tests.sensor.test_programs import DEFAULT, life, tables, taken

DECODER = decoder()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python does nothing for the native part."""
    for name in ("started", "ended"):
        monkeypatch.setattr(Programs, name, lambda *_given: None)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "exec_",
    [
        {"interpreter": "./kmod", "cwd": "/usr/bin"},
        {"interpreter": "bin/kmod", "cwd": "/usr"},
        {"interpreter": "./é", "cwd": "/ü", "exe__path": "/ü/é"},
        {"interpreter": "./x", "cwd": "/", "exe__path": "/x"},
        {"interpreter": "/dev/fd/3"},
        {"interpreter": "/gone", "exe__nlink": 0},
    ],
)
def test_a_path_that_explains_itself_is_told_by_the_native_part_alone(exec_: dict[str, Value]) -> None:
    events, back = taken(*life(Kernel(), **exec_))
    assert back is None
    assert [event.event for event in events] == ["process_exec", "process_exit"]
    assert events[0].args.interpreter == exec_["interpreter"]


PARTS = st.sampled_from(["a", "b", "é", ".", "..", "", "a/b", "dev/fd", "3"])
PATHS = st.builds(
    lambda lead, parts: lead + "/".join(parts), st.sampled_from(["", "/", "./", "//"]), st.lists(PARTS, max_size=3)
)
FILES = st.builds(lambda parts: "/" + "/".join(parts), st.lists(st.sampled_from(["a", "b", "é"]), max_size=3))


@settings(max_examples=200, deadline=None)
@given(
    PATHS, FILES, FILES, st.integers(1, 2), st.integers(0, 1), st.sampled_from(["/", "/a", FAULT]), st.integers(0, 2)
)
def test_the_native_part_explains_what_python_explains(
    asked: str, cwd: str, exe: str, inode: int, nlink: int, root: Value, other: int
) -> None:
    kernel = Kernel()
    proc, fork = kernel.fork(INIT)
    given = {"interpreter": asked, "cwd": cwd, "exe__path": exe, "exe__inode": inode, "exe__nlink": nlink, "root": root}
    record = kernel.exec(proc, **given)
    args: Any = DECODER.one(record).args
    paths = ExecPaths(lambda *_given: exe)
    # What is remembered is of this very exec, or of one in another namespace or folder.
    process: Any = SimpleNamespace(namespaces={"mnt": proc.mnt + (other == 1)})
    paths.difference(msgspec.structs.replace(args, cwd="/b") if other == 2 else args, process)
    key = (proc.mnt, args.root, asked, None if asked.startswith("/") else cwd, exe, inode)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Programs, "started", lambda *_given: None)
        events, _back = taken(fork, record, paths=paths, one=DECODER)
    assert len(events) == (is_plain(args) or key in paths.explained)


@pytest.mark.usefixtures("alone")
def test_links_are_followed_once() -> None:
    kernel = Kernel()
    paths = ExecPaths(lambda *_given: "/usr/bin/kmod")
    linked: dict[str, Value] = {"interpreter": "/sbin/modprobe"}
    assert taken(*life(kernel, **linked), paths=paths) == ([], "process_exec")
    proc, _fork = kernel.fork(INIT)
    args = DECODER.one(kernel.exec(proc, **linked)).args
    process: Any = SimpleNamespace(namespaces={"mnt": proc.mnt})
    assert paths.difference(args, process) == (None, None)
    for again in (linked, linked | {"cwd": "/tmp"}):
        events, back = taken(*life(kernel, **again), paths=paths)
        assert (len(events), back) == (2, None)
    for other in ({"exe__inode": 78}, {"root": "/srv"}, {"interpreter": "/sbin/insmod"}, {"interpreter": "modprobe"}):
        assert taken(*life(kernel, **(linked | other)), paths=paths) == ([], "process_exec"), other


@pytest.mark.usefixtures("alone")
def test_one_that_goes_on_as_another_program_is_told_by_the_native_part_alone() -> None:
    kernel = Kernel()
    proc, fork = kernel.fork(INIT)
    child, forked = kernel.fork(proc)
    starts = [kernel.exec(proc, "/usr/bin/env"), forked, kernel.exec(child, "/bin/one"), kernel.exec(proc, "/bin/two")]
    events, back = taken(fork, *starts, kernel.exec(child, "/bin/three"), kernel.exit(proc), kernel.exit(child))
    assert back is None
    assert [event.process.exe for event in events if event.process] == [
        "/usr/bin/env",
        "/bin/one",
        "/bin/two",
        "/bin/three",
        "/bin/two",
        "/bin/three",
    ]
    lines = [event.process.ancestors[0].exe for event in events if event.process and event.process.pid == child.pid]
    assert lines == ["/usr/bin/env", "/bin/two", "/bin/two"]


@pytest.mark.usefixtures("alone")
def test_the_end_of_one_that_has_started_nothing_is_told_by_the_native_part_alone() -> None:
    kernel = Kernel()
    shell, fork = kernel.fork(INIT)
    inner, forked = kernel.fork(shell, comm="inner")
    events, back = taken(fork, kernel.exec(shell, "/bin/sh"), forked, kernel.exit(inner, 7))
    assert back is None
    start, end = (event.process for event in events)
    assert start is not None
    assert end is not None
    assert (end.pid, end.comm, end.exe, end.args) == (inner.pid, "inner", "/bin/sh", start.args)
    assert [one.exe for one in end.ancestors] == ["/bin/sh", None]


ENDS: list[dict[str, Any]] = [
    {},
    {"comm": "other"},
    {"uid": 1000},
    {"tid": 9},
    {"flags": 8},
    {"mnt": 0},
    {"mnt": 5},
]


@pytest.mark.parametrize("kept", [1, 2, 256])
@pytest.mark.parametrize("end", ENDS)
def test_one_that_has_changed_since_its_start_ends_as_python_says(
    end: dict[str, Any], kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_table, "CONTEXTS_OF_ONE", kept)
    monkeypatch.setattr(process_table, "KEPT_CONTEXTS", 3)
    twins = Twins(emit=DEFAULT)
    for cgroup in ("/a", "/docker/" + "ab" * 32, FAULT):
        shell, fork = twins.kernel.fork(INIT)
        inner, forked = twins.kernel.fork(shell)
        twins.feed(fork, twins.kernel.exec(shell, "/bin/sh", cgroup_path=cgroup), forked)
        for proc in (inner, shell):
            (told,) = twins.feed(twins.kernel.exit(replace(proc, **end)))
            assert told.event == "process_exit"
            one, other = tables(twins)
            assert one == other


@pytest.mark.parametrize("name", ["ancestors", "container_id"])
def test_a_fault_at_an_early_end_is_not_swallowed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    shell, fork = kernel.fork(INIT)
    outer, forked = kernel.fork(shell)
    records = [fork, kernel.exec(shell, "/bin/sh"), forked, kernel.exec(outer, "/bin/sh", cgroup_path="/other")]
    inner, last = kernel.fork(shell)
    told: list[object] = []
    real = getattr(ProcessTable if name == "ancestors" else process_table, name)

    def broken(*given: Any) -> Any:
        told.append(given[-1])
        if len(told) > 2:
            raise LookupError(f"no {name}")
        return real(*given)

    monkeypatch.setattr(ProcessTable if name == "ancestors" else process_table, name, broken)
    with pytest.raises(LookupError, match=f"no {name}"):
        taken(*records, last, kernel.exit(replace(inner, parent=outer)))
    assert len(told) == 3
