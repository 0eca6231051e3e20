"""The same event through every hook that the kernel has for it: what each tells, and what it loses."""

from __future__ import annotations

import errno
import json
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ringward.events import Event
from ringward.events.registry import BY_NAME, select
from tests.kernel.calls import Called, bpftool, by, call, image_of, marked
from tests.kernel.conftest import Watch, module_file
from tests.kernel.witness import sha256sum

pytestmark = [pytest.mark.modules, pytest.mark.guest]

MODULE = "tcp_vegas"
RUNGS = ("tp_btf", "fentry", "kprobe", "tracepoint", "lsm")
TRACING = Path("/sys/kernel/tracing")
KPROBES = Path("/sys/kernel/debug/kprobes/list")
EVENTS = (*(name for name in select(["modules"]) if BY_NAME[name].record), "usermodehelper")
# Addresses of this boot or of one process.
VOLATILE = {"base", "module_image", "name_ptr", "call_site"}

Told = list[dict[str, Any]]


def told(event: Event) -> dict[str, Any]:
    """Return what an event says, without what differs from one call to the next."""
    args = {name: value for name, value in msgspec.to_builtins(event.args).items() if name not in VOLATILE}
    load = event.load and {
        "module": event.load.module,
        "digest": event.load.digest,
        "uses": [need.name for need in event.load.uses],
        "needed_by": event.load.needed_by and event.load.needed_by.name,
        "origin": event.load.origin and event.load.origin.kind,
    }
    return {
        "event": event.event,
        "abi": event.abi,
        "args": args,
        "result": event.result,
        "error": event.error,
        "sources": event.sources,
        "unread": event.unread,
        "differences": msgspec.to_builtins(event.differences),
        "load": load,
    }


def appletalk() -> int:
    """Open a socket of a family that a module provides; return 0 or the errno."""
    try:
        socket.socket(socket.AF_APPLETALK, socket.SOCK_DGRAM).close()
    except OSError as error:
        return error.errno or -1
    return 0


class Story:
    """The same calls under one forced rung, and what was told of each."""

    def __init__(self, watch: Watch, garbage: Path) -> None:
        self.watch = watch
        self.info = watch.info
        self.calls: dict[str, Called] = {}
        self.links = {link["prog_id"]: link for link in bpftool("link", "show") if "prog_id" in link}
        self.programs = {program["id"]: program for program in bpftool("prog", "show")}
        self.targets = targets()
        image, msdos = image_of(MODULE), image_of("msdos")
        subprocess.run(["modprobe", "fat"], check=True)
        self._call("load", "64", "finit_module", f"fd:{image}", "s:alpha=3", 0)
        self._call("load what is loaded", "64", "finit_module", f"fd:{image}", "s:alpha=4", 0)
        self._call("unload", "64", "delete_module", f"s:{MODULE}", 0x800)
        self._call("load from memory", "64", "init_module", f"image:{image}", f"size:{image}", "cold:alpha=5")
        self._call("forced unload", "64", "delete_module", f"cold:{MODULE}", 0xA00)
        self._call("garbage", "64", "finit_module", f"fd:{garbage}", "s:alpha=6", 0)
        self._call("garbage from memory", "64", "init_module", f"image:{garbage}", f"size:{garbage}", "null")
        self._call("load with a need", "64", "finit_module", f"fd:{msdos}", "s:", 0)
        self._call("unload in use", "64", "delete_module", "s:fat", 0x800)
        self._call("unload the user", "64", "delete_module", "s:msdos", 0x800)
        self._call("unload the used", "64", "delete_module", "s:fat", 0x800)
        self._call("load without its need", "64", "finit_module", f"fd:{msdos}", "s:", 0)
        self._call("32-bit load", "ia32", "finit_module", f"fd:{image}", "s:alpha=7", 0)
        self._call("32-bit unload", "ia32", "delete_module", f"s:{MODULE}", 0x800)
        self._call("x32", "x32", "delete_module", f"s:{MODULE}", 0x800)
        self._call("stopped", "64", "delete_module", f"s:{MODULE}", 0x800, stop="errno")
        self.autoload_error = appletalk()
        marked(watch)
        self.autoload = [e for e in watch.events if e.load and e.process and e.process.comm != "call"]
        subprocess.run(["rmmod", "appletalk", "psnap", "llc"], check=True)
        self.events = {what: by(watch, made) for what, made in self.calls.items()}
        lost = [event.args for event in watch.events if event.event == "events_lost"]
        assert not lost, "the story has gaps"

    def _call(self, what: str, abi: str, name: str, *arguments: str | int, stop: str = "") -> None:
        self.calls[what] = call(abi, name, *arguments, stop=stop)

    def told(self, what: str) -> Told:
        """Return what was told of one call, in the order of its steps."""
        return sorted((told(event) for event in self.events[what]), key=lambda one: one["event"])

    def autoloaded(self) -> Told:
        """Return what was told of the autoload."""
        events = [told(e) for e in self.autoload if e.event in BY_NAME and BY_NAME[e.event].group == "modules"]
        return sorted(events, key=lambda one: json.dumps(one, sort_keys=True, default=str))


def targets() -> dict[str, set[str]]:
    """Return what the kernel itself lists: functions with a trampoline, kprobes, kretprobes, tracepoints."""
    functions = (TRACING / "enabled_functions").read_text().replace("\n\t", " ")
    direct = re.findall(r"^(\S+) .*direct", functions, re.MULTILINE)
    probes = re.findall(r"^\S+ +([kr]) +([\w.]+)\+0x", KPROBES.read_text(), re.MULTILINE)
    perf = bpftool("perf", "show")
    return {
        "trampoline": set(direct),
        "k": {name for kind, name in probes if kind == "k"},
        "r": {name for kind, name in probes if kind == "r"},
        "tracepoint": {one["tracepoint"] for one in perf if one.get("fd_type") == "tracepoint"},
    }


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Story]:
    found = {}
    garbage = tmp_path_factory.mktemp("rungs") / "garbage"
    garbage.write_bytes(b"not a module " * 10)
    for rung in RUNGS:
        watch = Watch(*EVENTS, hook=rung, canary_seconds=None)
        found[rung] = Story(watch, garbage)
        watch.sensor.close()
    return found


def has(event: str, rung: str) -> bool:
    return any(hook.rung == rung for hook in BY_NAME[event].hooks)


@pytest.mark.parametrize("rung", RUNGS)
def test_a_forced_rung_is_taken_by_every_event_that_has_it(stories: dict[str, Story], rung: str) -> None:
    info = stories[rung].info
    taken = {name: info.attached[name].rung for name in EVENTS}
    expected = {name: rung if has(name, rung) else BY_NAME[name].hooks[0].rung for name in EVENTS}
    assert (taken, info.missing) == (expected, {})
    for name, found in info.attached.items():
        event, _, aid = name.partition(": ")
        ladder = next(a for a in BY_NAME[event].aids if a[0].name == aid) if aid else BY_NAME[event].hooks
        assert found.rung == (rung if any(hook.rung == rung for hook in ladder) else ladder[0].rung)


TYPES = {
    "tp_btf": ("tracing", {"raw_tracepoint"}, {None}),
    "fentry": ("tracing", {"tracing"}, {"trace_fentry", "trace_fexit"}),
    "lsm": ("lsm", {"tracing"}, {"lsm_mac"}),
    "kprobe": ("kprobe", {"perf_event"}, {None}),
    "tracepoint": ("tracepoint", {"perf_event"}, {None}),
}


@pytest.mark.parametrize("rung", RUNGS)
def test_bpftool_says_that_it_is_attached_like_that(stories: dict[str, Story], rung: str) -> None:
    story = stories[rung]
    for name, attachment in story.info.attached.items():
        kind, links, attach_types = TYPES[attachment.rung]
        assert attachment.programs, name
        for number in attachment.programs:
            link = story.links[number]
            assert story.programs[number]["type"] == kind, name
            assert link["type"] in links, (name, link)
            assert link.get("attach_type") in attach_types, (name, link)


def functions(attachment: Any) -> set[str]:
    return set(attachment.where.split(", "))


@pytest.mark.parametrize("rung", RUNGS)
def test_the_kernel_lists_what_it_is_attached_to(stories: dict[str, Story], rung: str) -> None:
    story = stories[rung]
    looked = 0
    for name, attachment in story.info.attached.items():
        where = functions(attachment)
        if attachment.rung == "fentry":
            assert where <= story.targets["trampoline"], name
        elif attachment.rung == "lsm":
            assert {f"bpf_lsm_{hook}" for hook in where} <= story.targets["trampoline"], name
        elif attachment.rung == "kprobe":
            assert where <= story.targets["k"] | story.targets["r"], name
        elif attachment.rung == "tracepoint":
            assert {point.split(":")[1] for point in where} <= story.targets["tracepoint"], name
        else:
            points = {story.links[number]["tp_name"] for number in attachment.programs}
            assert {point.split(":")[-1] for point in where} == points, name
        looked += attachment.rung == rung
    assert looked > 0


# What the first sentence of each `Hook.loses` of _syscall.ladder() names.
CALLS = {"init_module", "finit_module", "delete_module"}
LOST = {
    "tp_btf": set(),
    "lsm": set(),
    "fentry": {"stopped", "x32"},
    "kprobe": {"stopped", "x32"},
    "tracepoint": {"stopped", "x32", "32-bit load", "32-bit unload"},
}


def test_the_calls_were_what_they_should_be(stories: dict[str, Story]) -> None:
    for story in stories.values():
        results = {what: made.result for what, made in story.calls.items()}
        assert results == {
            "load": 0,
            "load what is loaded": -errno.EEXIST,
            "unload": 0,
            "load from memory": 0,
            "forced unload": 0,
            "garbage": -errno.ENOEXEC,
            "garbage from memory": -errno.ENOEXEC,
            "load with a need": 0,
            "unload in use": -errno.EWOULDBLOCK,
            "unload the user": 0,
            "unload the used": 0,
            "load without its need": -errno.ENOENT,
            "32-bit load": 0,
            "32-bit unload": 0,
            "x32": -errno.ENOSYS if "syscall.x32" not in Path("/proc/cmdline").read_text() else -errno.ENOENT,
            "stopped": -errno.EPERM,
        }
        assert story.autoload_error == 0, "the socket should have had appletalk loaded"


@pytest.mark.parametrize("rung", RUNGS[1:])
def test_the_rungs_tell_the_same_but_for_what_each_loses(stories: dict[str, Story], rung: str) -> None:
    first, story = stories["tp_btf"], stories[rung]
    for what in story.calls:
        expected, found = first.told(what), story.told(what)
        if what in LOST[rung]:
            assert [one for one in found if one["event"] in CALLS] == [], f"{what}: {rung} says that it is lost"
            # The steps in the kernel are seen, and belong to no call that was seen.
            expected = [{**one, "load": None} for one in expected if one["event"] not in CALLS]
            found = [{**one, "load": None} for one in found]
        assert found == expected, what
    assert story.autoloaded() == first.autoloaded()
    assert {one["event"] for one in first.autoloaded()} >= {"module_request", "usermodehelper", "module_digest"}


def test_what_is_lost_is_what_the_ladder_says() -> None:
    for name in CALLS:
        loses = {hook.rung: hook.loses for hook in BY_NAME[name].hooks}
        assert loses["tp_btf"] == ""
        for rung in ("fentry", "kprobe", "tracepoint"):
            assert "seccomp" in loses[rung]
            assert "x32" in loses[rung]
        assert "32-bit" in loses["tracepoint"]
        assert "32-bit" not in loses["fentry"] + loses["kprobe"]


@pytest.mark.parametrize("rung", RUNGS)
def test_each_event_names_the_hook_that_saw_it(stories: dict[str, Story], rung: str) -> None:
    story = stories[rung]
    seen = {(event.event, event.hook) for events in story.events.values() for event in events}
    seen |= {(event.event, event.hook) for event in story.autoload if event.event in EVENTS}
    dead = {"create_module", "query_module", "get_kernel_syms"}
    assert seen >= {(name, rung) for name in EVENTS if has(name, rung)} - {(name, rung) for name in dead}
    assert all(hook == story.info.attached[name].rung for name, hook in seen)


@pytest.mark.parametrize("rung", ["lsm", "fentry", "kprobe"])
def test_the_digest_of_each_rung_is_that_of_sha256sum(stories: dict[str, Story], rung: str) -> None:
    story = stories[rung]
    digest = sha256sum(image_of(MODULE))
    for what in ("load", "load from memory", "32-bit load", "load what is loaded"):
        (event,) = (event for event in story.events[what] if event.event == "module_digest")
        assert (event.hook, event.args.digest, event.args.format) == (rung, digest, "elf"), what
        assert event.args.size == image_of(MODULE).stat().st_size
    (linked,) = (e for e in story.autoload if e.event == "module_load" and e.args.name == "appletalk")
    (event,) = (e for e in story.autoload if e.event == "module_digest" and e.load.id == linked.load.id)
    given = module_file("appletalk")
    expected = sha256sum(given) if event.args.format != "elf" else sha256sum(image_of("appletalk"))
    assert (event.hook, event.args.digest) == (rung, expected)
