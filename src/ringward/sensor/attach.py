"""Load and attach what was chosen; what the kernel refuses is left out, and the next hook is tried."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ringward.events.hooks import Hook
from ringward.events.registry import GROUPS, records
from ringward.sensor import _native, objects, probes
from ringward.sensor.info import Attachment, NoModulesError, SensorError
from ringward.sensor.ladder import Choice, Refusals, choose
from ringward.sensor.obstacle import obstacle

_FAILED = re.compile(r"prog '(\w+)': (?:failed to load|failed to attach|BPF program load failed|failed to find)")
_TRIES = 64
# include/uapi/linux/bpf.h: BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_TRACEPOINT
_ONE_AT_A_TIME = (2, 5)
# What patches the entry of a function: a BPF trampoline, or a kprobe there, is a user of ftrace.
_BY_FTRACE = ("fentry", "fmod_ret", "lsm", "kprobe")
# What hooks functions that only a kernel with CONFIG_MODULES has.
_NO_MODULES = "this kernel has no module support (no /proc/modules)"
_MODULE_OBJECTS = ("copies", "digest", "module", "request", "udev")


def last_reason(error: _native.BpfError) -> str:
    """Return the kernel's own reason in one line: errno and the last line that says something."""
    _number, text, _what, log = error.args
    lines = [line.strip() for line in log.splitlines()]
    noise = (
        "processed ",
        "-- END",
        "-- BEGIN",
        "libbpf: failed to load object",
        "failed to load:",
        "ulimit",
        "load attributes",
        "probe_loading",
        "bump RLIMIT_MEMLOCK",
        f"BPF program load failed: {text}",
    )
    useful = [line for line in lines if line and not any(part in line for part in noise)]
    detail = useful[-1].removeprefix("libbpf: ") if useful else ""
    return f"{text} ({detail[:160]})" if detail else text


class Attached:
    """Objects and links, and the maps that they share. The kernel drops them when we end, but what is pinned.

    Args:
        ring_bytes: size of the ring buffer; None: as the object has it.
        shared: descriptors of maps that there are already, by name; they are duplicated.
        entries: how many entries a map has, by name, where the object's own number is not wanted.

    """

    def __init__(
        self,
        ring_bytes: int | None = None,
        shared: Mapping[str, int] | None = None,
        entries: Mapping[str, int] | None = None,
    ) -> None:
        # A ring buffer's entries are its bytes.
        self._entries = {**(entries or {}), **({"events": ring_bytes} if ring_bytes else {})}
        self._objects: dict[str, _native.Object] = {}
        self._links: dict[str, dict[str, _native.Link]] = {}
        self._states: dict[str, object] = {}
        self._shared = {name: os.dup(fd) for name, fd in (shared or {}).items()}

    def close(self) -> None:
        """Detach and unload."""
        for name in list(self._objects):
            self.unload(name)
        for fd in self._shared.values():
            os.close(fd)
        self._shared.clear()

    def __del__(self) -> None:
        self.close()

    def files(self) -> list[objects.ObjectFile]:
        """Return the objects that are loaded."""
        return [objects.load(name) for name in sorted(self._objects)]

    def map_fd(self, name: str) -> int:
        """Return the descriptor of a map that the objects share."""
        return self._shared[name]

    def map_fds(self) -> dict[str, int]:
        """Return the descriptors of all of them."""
        return dict(self._shared)

    def link_fds(self) -> dict[str, int]:
        """Return the descriptor of each attached program's link."""
        return {program: link.fileno() for links in self._links.values() for program, link in links.items()}

    def program_fds(self) -> dict[str, int]:
        """Return the descriptor of each attached program."""
        return {
            program: self._objects[name].program_fd(program) for name, links in self._links.items() for program in links
        }

    def load(self, name: str, programs: set[str], knobs: dict[str, int | bytes]) -> None:
        """Load and attach the chosen programs of one object, unless that is so already.

        Raises:
            _native.BpfError: the kernel refused one; nothing of the object stays.

        """
        state = (frozenset(programs), tuple(sorted(knobs.items())))
        if self._states.get(name) == state:
            return
        self.unload(name)
        file = objects.load(name)
        objects.check(file)
        obj = _native.Object(f"ringward_{name}", file.data)
        for program, _section in obj.programs():
            obj.set_autoload(program, program in programs)
        rodata = next((m for m in obj.maps() if m.endswith(".rodata")), None)
        initial = obj.initial_value(rodata) if rodata else None
        if rodata and initial is not None:
            obj.set_initial_value(rodata, file.with_knobs(initial, knobs))
        own = [m for m in obj.maps() if "." not in m]
        self._share(obj, own)
        obj.load()
        for map_name in own:
            if map_name not in self._shared:
                self._shared[map_name] = os.dup(obj.map_fd(map_name))
        self._objects[name] = obj
        links = self._links[name] = {}
        try:
            for program in sorted(programs):
                links[program] = obj.attach(program)
        except _native.BpfError:
            self.unload(name)
            raise
        self._states[name] = state

    def _share(self, obj: _native.Object, maps: list[str]) -> None:
        """Give an object the maps that others have made before it."""
        for name in maps:
            if name in self._shared:
                obj.reuse_map(name, self._shared[name])
            elif name in self._entries:
                obj.resize_map(name, self._entries[name])

    def detach(self, name: str) -> None:
        """Detach the programs of one object, if it is there; its maps stay."""
        self._states.pop(name, None)
        for link in self._links.pop(name, {}).values():
            link.close()

    def unload(self, name: str) -> None:
        """Detach and unload one object."""
        self.detach(name)
        obj = self._objects.pop(name, None)
        if obj:
            obj.close()

    def keep_only(self, names: Iterable[str]) -> None:
        """Detach and unload every object but these."""
        for name in set(self._objects) - set(names):
            self.unload(name)

    def program_id(self, name: str, program: str) -> int:
        """Return a program's id in the kernel."""
        return int(_native.program_info(self._objects[name].program_fd(program))["id"])

    def skipped(self) -> dict[str, int]:
        """Return how often the kernel did not run a program at its hook, by the reason for a person.

        kernel/bpf/trampoline.c, kernel/trace/bpf_trace.c: a program is not entered again on the same
        CPU; one of a kprobe or tracepoint not while any other of these runs there (counted since commit
        dd8657894c11 ("bpf: Count missed stats in trace_call_bpf") (in v6.7)).
        """
        found: dict[str, int] = {}
        for name, links in self._links.items():
            for program, link in links.items():
                info = _native.program_info(self._objects[name].program_fd(program))
                busy = "another eBPF program" if info["type"] in _ONE_AT_A_TIME else "another run of it"
                count = int(info["recursion_misses"])
                found[f"the kernel skipped {program}: {busy} was under way on that CPU"] = count
                reason = f"the kernel skipped the probe of {program}: probes of too many calls were under way"
                found[reason] = link.missed() or 0
        return found


def _refuse(refused: Refusals, error: _native.BpfError, programs: set[str], hooks: dict[str, Hook]) -> None:
    """Note which program the kernel did not take; all of them when it does not say."""
    found = _FAILED.findall(error.args[3])
    culprits = [name for name in found if name in programs] or sorted(programs)
    reason = last_reason(error)
    for culprit in culprits:
        refused.programs[culprit] = reason
        hook = hooks.get(culprit)
        # A kind of program that may not be loaded at all need not be tried again.
        if hook and hook.rung in ("fentry", "lsm", "kprobe") and error.args[0] in (1, 13):
            refused.rungs[hook.rung] = reason


def _knobs(choice: Choice, base: dict[str, int | bytes], kinds: dict[str, int]) -> dict[str, int | bytes]:
    mask = sum(
        1 << kinds[f"KIND_{name.upper()}"]
        for name, hook in choice.hooks.items()
        if hook.object == "module_syscall" and hook.rung == "tp_btf"
    )
    return {**base, "tp_btf_kinds": mask}


def never_run() -> dict[str, str]:
    """Return the rungs whose programs must not be attached here, as they would not run; only what is certain."""
    switched_off = probes.classify_ftrace(probes.read(probes.FTRACE_ENABLED))
    if switched_off:
        return dict.fromkeys(_BY_FTRACE, switched_off.reason)
    active = Path("/sys/kernel/security/lsm")
    try:
        names = active.read_text("utf-8", "backslashreplace").strip()
    except OSError:
        # No securityfs: its canary will tell.
        return {}
    return {} if "bpf" in names.split(",") else {"lsm": f"bpf is not among the active security modules: {names}"}


def attach(
    events: Iterable[str],
    knobs: dict[str, int | bytes],
    forced: str | None = None,
    ring_bytes: int | None = None,
    shared: Mapping[str, int] | None = None,
    entries: Mapping[str, int] | None = None,
    *,
    follow: bool = True,
) -> tuple[Attached, Choice]:
    """Load and attach the best hooks that this kernel takes.

    Args:
        events: names.
        knobs: of the objects' read-only data.
        forced: a rung that is taken by every event that has it.
        ring_bytes: size of the ring buffer.
        shared: maps that there are already.
        entries: of maps (see `Attached`).
        follow: processes are followed.

    Raises:
        NoModulesError: only events were asked for that need a kernel with modules.
        SensorError: not one event of those asked for can be seen with eBPF.

    """
    wanted = set(records(events))
    refused = Refusals(rungs=never_run())
    if not Path("/proc/modules").exists():
        refused.objects.update(dict.fromkeys(_MODULE_OBJECTS, _NO_MODULES))
    attached = Attached(ring_bytes, shared, entries)
    knobs = {"can_cast": int(probes.can_cast()), **knobs}
    for _ in range(_TRIES):
        choice = choose(wanted, refused, forced, follow=follow)
        if not choice.programs() or not (wanted & set(choice.hooks) or wanted <= set(GROUPS["stream"])):
            break
        if _try(attached, choice, knobs, refused):
            return attached, choice
    attached.close()
    reasons = dict.fromkeys(choice.missing[name] for name in choice.missing if name in wanted)
    others = [reason for reason in reasons if reason != _NO_MODULES]
    if reasons and not others:
        raise NoModulesError(_NO_MODULES)
    raise SensorError(obstacle() or "; ".join(others) or "no hook of the sensor's own could be attached")


def _try(attached: Attached, choice: Choice, knobs: dict[str, int | bytes], refused: Refusals) -> bool:
    """Bring the kernel to what is chosen; False after noting in `refused` what it did not take."""
    hooks = {p: hook for hook in (*choice.hooks.values(), *choice.aids.values()) for p in hook.programs}
    kinds = objects.enums(objects.load("process"))["event_kind"]
    complete = True
    attached.keep_only(choice.programs())
    for name, programs in sorted(choice.programs().items()):
        try:
            attached.load(name, programs, _knobs(choice, knobs, kinds))
        except _native.BpfError as error:
            _refuse(refused, error, programs, hooks)
            complete = False
    return complete


def attachments(attached: Attached, choice: Choice) -> dict[str, Attachment]:
    """Return how each event and aid is attached."""
    return {
        name: Attachment(
            hook.rung,
            hook.name,
            hook.loses,
            tuple(attached.program_id(hook.object, program) for program in hook.programs),
        )
        for name, hook in (*choice.hooks.items(), *choice.aids.items())
        if hook.object
    }
