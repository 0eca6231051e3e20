"""The event `udev_device`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import OPT, Convert, K, Spec, Tail, U, decode
from ringward.events.hooks import Hook

_OBJECT = "udev"
_STAGES = ("received", "processed")  # bpf/events.h: enum udev_stage


def _stage(_tail: Tail, value: int) -> str:
    return _STAGES[value] if value < len(_STAGES) else str(value)


def find_property(properties: bytes, key: bytes) -> str | None:
    """Return a property's value out of ``KEY=VALUE`` strings, each with its NUL; the last one counts."""
    prefix = key + b"="
    values = [part[len(prefix) :] for part in properties.split(b"\0") if part.startswith(prefix)]
    return decode(values[-1]) if values else None


def _property(key: str) -> Callable[[Tail, int], str | None]:
    def read(tail: Tail, loc: int) -> str | None:
        if not loc >> 16:
            tail.missing(key.lower(), loc)
            return None
        # A cut list ends in the middle of a property.
        whole, _, _ = tail.raw(loc).rpartition(b"\0")
        value = find_property(whole, key.encode())
        if value is None and loc & 0x8000:
            tail.missing(key.lower(), f"not in the first {loc & 0x7FFF} bytes of the properties")
        elif value is None:
            tail.missing(key.lower(), "the device has no such property")
        return value

    return read


def _seqnum(tail: Tail, loc: int) -> int | None:
    text = _property("SEQNUM")(tail, loc)
    if text is None or (text.isascii() and text.isdigit()):
        return None if text is None else int(text)
    tail.missing("seqnum", f"not a number: {text[:32]}")
    return None


class UdevDevice(Args, frozen=True):
    """udev works on a device.

    udevd hands a device to an idle worker in a message to that worker alone: `received`, in the
    worker. When the worker is done it tells all listeners: `processed`, in the worker. Between
    the two, what the worker loads is for that device. A worker's first device comes with its
    fork, unseen: what a worker loads before it has received anything is for the device that
    it next names as processed.
    """

    group: ClassVar[str] = "modules"
    default: ClassVar[bool] = False
    hooks = (
        Hook(
            "skb_recv_datagram, netlink_unicast",
            "fentry",
            "The message as the worker takes it, before it is copied; the worker's own as it is sent.",
            _OBJECT,
            ("fexit_skb_recv_datagram", "fentry_netlink_unicast"),
        ),
        Hook(
            "skb_recv_datagram, netlink_unicast",
            "kprobe",
            "As fentry, where the kernel has no BPF trampolines.",
            _OBJECT,
            ("kprobe_skb_recv_datagram", "kretprobe_skb_recv_datagram", "kprobe_netlink_unicast"),
        ),
    )
    use_case = (
        "Learn for which device udev loaded a module: udev's workers load by themselves, without modprobe, and no "
        "request of the kernel precedes them. The event is the origin of such a load; shown only when asked for by "
        "name."
    )
    issues = (
        "The message is libudev's own (systemd, src/libsystemd/sd-device/device-monitor.c), not an interface of the "
        "kernel. A udev that is not systemd's may do without it; loads then have the origin udev with the device "
        "unread.\n\n"
        "The properties are what the sender wrote, and at most 3072 bytes of them are read.\n\n"
        "`sender` is a number in the sender's own pid namespace.\n\n"
        "The first device of a worker is known only when the worker is done with it: see the description."
    )
    related = ("finit_module", "init_module", "module_load")

    stage: Annotated[
        str,
        Convert(
            "enum udev_stage",
            "received: the process takes the device; processed: it tells all listeners that it is done.",
            K,
            members=("stage",),
            function=_stage,
        ),
    ]
    action: Annotated[
        str | None,
        Convert("char[]", "ACTION: add, change, bind.", U, OPT, members=("properties",), function=_property("ACTION")),
    ]
    devpath: Annotated[
        str | None,
        Convert(
            "char[]",
            "DEVPATH: the device's path below /sys.",
            U,
            OPT,
            members=("properties",),
            function=_property("DEVPATH"),
        ),
    ]
    subsystem: Annotated[
        str | None,
        Convert(
            "char[]",
            "SUBSYSTEM: the device's class or bus.",
            U,
            OPT,
            members=("properties",),
            function=_property("SUBSYSTEM"),
        ),
    ]
    modalias: Annotated[
        str | None,
        Convert(
            "char[]",
            "MODALIAS: what modules.alias is searched for.",
            U,
            OPT,
            members=("properties",),
            function=_property("MODALIAS"),
        ),
    ]
    seqnum: Annotated[
        int | None,
        Convert("char[]", "SEQNUM: number of the kernel's uevent.", U, OPT, members=("properties",), function=_seqnum),
    ]
    sender: Annotated[int, Spec("u32", "The process that sent the message, as its own pid namespace has it.")]
    sender_uid: Annotated[int, Spec("kuid_t", "Its user, in the initial user namespace.")]

    def subject(self) -> str:
        """Return the device."""
        return self.devpath or ""
