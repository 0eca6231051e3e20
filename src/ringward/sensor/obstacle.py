"""Why eBPF cannot be had at all, in a few words; asked when not one event could be attached."""

from __future__ import annotations

from ringward.sensor import answers, probes
from ringward.sensor.features import FEATURES
from ringward.sensor.probes import NO, Answer, read

# Features without which there is no eBPF, whatever the hook; in the order in which they are needed.
_NEEDED = ("btf", "ring_buffer", "bpf_loop", "kernel_read")


def permission(tried: Answer, effective: int | None) -> str:
    """Return why the kernel refused the smallest program.

    Args:
        tried: the refusal.
        effective: capabilities as a mask; None: not known.

    """
    if effective is None or effective >> answers.CAP_SYS_ADMIN & 1:
        return tried.reason
    names = {answers.CAP_BPF: "CAP_BPF", answers.CAP_PERFMON: "CAP_PERFMON"}
    missing = [name for bit, name in names.items() if not effective >> bit & 1]
    if not missing:
        return tried.reason
    return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: {tried.reason}"


def obstacle() -> str | None:
    """Return the first thing that this user or this kernel lacks for any eBPF; None: nothing is found to lack."""
    tried = probes.bpf_syscall()
    if tried.state == NO:
        return permission(tried, answers.capabilities_of(read("/proc/self/status")))
    for feature in FEATURES:
        if feature.name in _NEEDED:
            state, reason = feature.probe()
            if state == NO:
                return f"no {feature.title}: {reason}" if reason else f"no {feature.title}"
    return None
