"""Events as the sensor makes them, for tests of what reads them."""

from __future__ import annotations

from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from ringward.events import BY_NAME, Ancestor, Args, Event, FileId, Load, Need, Origin, Process

TICK = 10_000_000
BOOT = 1_700_000_000_000_000_000


def process(**given: Any) -> Process:
    values: dict[str, Any] = {
        "id": "4321@12345",
        "pid": 4321,
        "tid": 4321,
        "start_time": 123_450_000_000,
        "ppid": 4300,
        "parent": "4300@12000",
        "uid": 1000,
        "gid": 1000,
        "euid": 1000,
        "egid": 1000,
        "loginuid": 1000,
        "sessionid": 3,
        "comm": "modprobe",
        "exe": "/usr/bin/kmod",
        "args": ("modprobe", "dummy"),
        "cwd": "/home/user",
        "cgroup": "/user.slice/user-1000.slice/session-3.scope",
        "container": None,
        "namespaces": {"mnt": 4026531841, "pid": 4026531836, "net": 4026531840, "user": 4026531837},
        "ancestors": (
            Ancestor("4300@12000", 4300, "bash", "/usr/bin/bash", ("-bash",)),
            Ancestor("1@0", 1, "systemd", "/usr/lib/systemd/systemd", ("/sbin/init",)),
        ),
    }
    return Process(**(values | given))


FILE = FileId("/usr/lib/modules/6.12.0/kernel/drivers/net/dummy.ko.xz", "8:1", 393217, 1_690_000_000_000_000_000)

ARGS: dict[str, dict[str, Any]] = {
    "create_module": {"name": "old", "name_ptr": "0x7ffe", "code": "0x0", "len": 64, "mode": 0, "flags": ()},
    "init_module": {"module_image": "0x7f00dead0000", "len": 8192, "param_values": ""},
    "finit_module": {"fd": 3, "param_values": "", "flags": (), "file": FILE},
    "delete_module": {"name": "dummy", "flags": ("O_NONBLOCK",), "refcount": 0, "holders": ()},
    "query_module": {"name": None, "which": "QM_MODULES", "buf": "0x1000", "bufsize": 4096, "ret": "0x2000"},
    "get_kernel_syms": {"table": "0x0"},
    "module_request": {"alias": "net-pf-5", "wait": True, "call_site": "0xffffffff81a00000"},
    "usermodehelper": {"path": "/sbin/modprobe"},
    "module_digest": {"digest": "ab" * 32, "size": 9000, "format": "elf", "has_signature": True, "file": FILE},
    "module_load": {
        "name": "dummy",
        "version": None,
        "srcversion": "0123456789ABCDEF",
        "taints": ("O", "E"),
        "base": "0xffffffffc0000000",
        "size": 16384,
        "uses": (),
    },
    "do_init_module": {"name": "dummy"},
    "module_free": {"name": "dummy", "version": None, "srcversion": None, "base": "0xffffffffc0000000"},
    "process_exec": {
        "path": "/sbin/modprobe",
        "exe": FileId("/usr/bin/kmod", "8:1", 1234, 1_690_000_000_000_000_000),
        "interpreter": "/sbin/modprobe",
        "args": ("modprobe", "dummy"),
        "argc": 2,
        "cwd": "/home/user",
        "old_credentials": {"uid": 1000, "gid": 1000, "euid": 1000, "egid": 1000},
    },
    "process_exit": {"code": 0, "signal": 0, "core_dumped": False},
    "process_fork": {"child_pid": 4321, "child_start_time": 123_450_000_000},
    "udev_device": {"devpath": "/devices/pci0000:00/0000:00:03.0", "modalias": "pci:v00001AF4d00001000"},
    "events_limited": {"count": 9, "subject_event": "read", "limit": "at most 5 a second"},
    "events_lost": {"count": 17, "lost_on": 1, "first_seq": 100, "last_seq": 116, "reason": "the ring was full"},
    "sensor_status": {
        "state": "deaf",
        "subject_event": "module_load",
        "attached": "tp_btf",
        "where": "module:module_load",
        "reason": "the canary did not come back",
    },
}
TAGS: dict[str, dict[str, tuple[str, ...]]] = {name: cls.tags() for name, cls in BY_NAME.items()}


def _any(hint: Any) -> Any:
    """Return a value of a field's type, for fields that ARGS has none for."""
    kinds = get_args(hint) or (hint,)
    if type(None) in kinds:
        return None
    kind = get_origin(hint) or hint
    return kind() if kind in (str, int, bool, tuple, dict) else None


def args(event: str, **given: Any) -> Args:
    hints = get_type_hints(BY_NAME[event])
    values = {name: _any(hints[name]) for name in BY_NAME[event].__struct_fields__}
    return BY_NAME[event](**(values | ARGS.get(event, {}) | given))


def event(name: str = "finit_module", *, given: dict[str, Any] | None = None, **envelope: Any) -> Event:
    """Return an event called `name`; `given` are arguments of its own, the rest members of the envelope."""
    values: dict[str, Any] = {
        "event": name,
        "time": "2026-11-21T03:00:00.123456789Z",
        "ktime": 5_000_000_000_000,
        "host": "example",
        "cpu": 1,
        "seq": 77,
        "hook": "tp_btf",
        "process": process(),
        "args": args(name, **(given or {})),
        "tags": TAGS[name],
    }
    return Event(**(values | envelope))


def load(**given: Any) -> Load:
    values: dict[str, Any] = {
        "id": "load-1",
        "origin": Origin("command", "command modprobe dummy, from bash[4300]"),
        "module": "dummy",
        "digest": "abcdef0123456789" * 4,
    }
    return Load(**(values | given))


def every_event() -> list[Event]:
    """Return one event of each kind, and a few that carry all there is to carry."""
    request = Origin(
        "request",
        "kernel asked for net-pf-5 for python3[4200]",
        alias="net-pf-5",
        request="r1",
        requester=Ancestor("4200@11000", 4200, "python3", "/usr/bin/python3", ("python3", "x.py")),
    )
    from ringward.events import Difference

    return [event(name) for name in BY_NAME] + [
        event(
            result=-38,
            error="ENOSYS",
            duration=1200,
            abi="64-bit",
            load=load(origin=request, uses=(Need("fat", "load-0"),), needed_by=Need("msdos", "load-2")),
            sources={"param_values": "kernel", "file": "entry"},
            differences=(
                Difference("param_values", "a=1", "a=2"),
                Difference("file", FILE, FileId(None, "0:44", 7, 1, deleted=True)),
            ),
            unread={"file.path": "the first components are cut"},
        ),
        event("events_lost", cpu=None, seq=None, hook="sensor", process=None),
    ]


TEXT = st.text(max_size=40) | st.sampled_from(["\x1b[31mred", "a\nb", "\u202eevil", "\u9f8d" * 30, "e\u0301", "\x9b1m"])


@st.composite
def hostile_events(draw: st.DrawFn) -> Event:
    """Events whose every text is anything."""
    name = draw(st.sampled_from(sorted(BY_NAME)))
    given = {
        key: draw(TEXT) if isinstance(value, str) else tuple(draw(st.lists(TEXT, max_size=4)))
        for key, value in ARGS.get(name, {}).items()
        if isinstance(value, str | tuple) and key not in {"flags", "taints"}
    }
    if "file" in ARGS.get(name, {}):
        given["file"] = FileId(draw(TEXT), "8:1", 1, 1)
    result = draw(st.none() | st.integers(-133, 1 << 40))
    return event(
        name,
        given=given,
        process=draw(
            st.none()
            | st.builds(
                lambda comm, exe, pid: process(comm=comm, exe=exe, pid=pid, tid=pid),
                TEXT,
                TEXT,
                st.integers(0, 1 << 22),
            )
        ),
        result=result,
        error=draw(TEXT) if result is not None and result < 0 else None,
        load=draw(
            st.none()
            | st.builds(
                lambda text, module, digest: load(
                    origin=Origin("request", text, alias=text), module=module, digest=digest
                ),
                TEXT,
                TEXT,
                TEXT,
            )
        ),
        unread=draw(st.dictionaries(TEXT, TEXT, max_size=2)),
    )
