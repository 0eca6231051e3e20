"""Where an event can be seen: a ladder of hooks, the best first."""

from __future__ import annotations

from dataclasses import dataclass

RUNGS = {
    "tp_btf": "raw tracepoint (BTF-typed)",
    "lsm": "BPF LSM",
    "fmod_ret": "fmod_ret (ftrace)",
    "fentry": "fentry/fexit (ftrace)",
    "kprobe": "kprobe/kretprobe",
    "tracepoint": "tracepoint",
    "uevent": "uevent netlink",
    "sensor": "the sensor itself",
}


@dataclass(frozen=True, slots=True)
class Hook:
    """One way to see an event.

    Attributes:
        name: of the kernel function or tracepoint.
        rung: kind of attachment, a key of RUNGS.
        purpose: what is read there, one sentence.
        object: eBPF object in bpf/, without ``.bpf.c``; empty when none is needed.
        programs: of that object; all must attach.
        loses: what is not seen this way; empty when nothing is.
        every_call: how many programs each system call of the machine passes, whichever it is.

    """

    name: str
    rung: str
    purpose: str
    object: str = ""
    programs: tuple[str, ...] = ()
    loses: str = ""
    every_call: int = 0


Ladder = tuple[Hook, ...]
