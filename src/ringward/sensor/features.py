"""What this kernel and this user can give: each capability with the kernel's own answer.

`look` asks everything; `verdict` says whether the default events can be seen.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ringward.sensor import answers, probes
from ringward.sensor.probes import NO, UNKNOWN, YES, Answer, read

LOCKDOWN = "/sys/kernel/security/lockdown"


@dataclass(frozen=True)
class Feature:
    """One capability.

    Attributes:
        name: for scripts.
        title: for people.
        probe: asks the kernel.
        loses: what is not to be had without it; empty: it is a state that only informs.
        remedy: how to get it.

    """

    name: str
    title: str
    probe: Callable[[], Answer]
    loses: str
    remedy: str


class Capability(msgspec.Struct, frozen=True):
    """A feature and the kernel's answer."""

    name: str
    title: str
    state: str
    """yes, no, or unknown: could not look."""
    reason: str
    """In the kernel's own words where it gave any; empty for a plain yes."""
    needed: bool
    """The default events need it, or one of a group of which this is one (`NEEDED`)."""
    loses: str
    remedy: str


NEEDED: tuple[tuple[str, ...], ...] = (
    ("modules",),
    ("btf",),
    ("bpf",),
    ("tp_btf",),
    ("fentry", "kprobe"),
    ("ring_buffer",),
    ("bpf_loop",),
    ("kernel_read",),
)
"""What the default events need: one of each group."""


def _btf() -> Answer:
    try:
        with Path("/sys/kernel/btf/vmlinux").open("rb") as file:
            return answers.btf_of(file.read(2), 0)
    except OSError as error:
        return answers.btf_of(None, error.errno or errno.EIO)


def _effective() -> int | None:
    return answers.capabilities_of(read("/proc/self/status"))


def _executable(path: str) -> bool:
    return Path(path).is_file() and os.access(path, os.X_OK)


def _kprobes_enabled() -> Answer:
    return answers.kprobes_of(probes.no_kprobes(), read("/sys/kernel/debug/kprobes/enabled"), read("/proc/mounts"))


def _preemption() -> Answer:
    return answers.preemption_of(
        read("/sys/kernel/debug/sched/preempt"),
        read("/sys/kernel/realtime"),
        read("/proc/version"),
        read("/proc/cmdline"),
        read("/proc/mounts"),
    )


_ROOT = "run as root, or give CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN"
_OTHER_KERNEL = "use a kernel that has it; Debian's stock kernels do"
FEATURES: tuple[Feature, ...] = (
    Feature(
        "modules",
        "kernel modules",
        lambda: answers.modules_of(read("/proc/modules")),
        "every module event but the attempts, which all fail with ENOSYS",
        "nothing is needed where no module can be loaded; else use a kernel with CONFIG_MODULES",
    ),
    Feature("btf", "kernel types (BTF)", _btf, "every eBPF hook", _OTHER_KERNEL),
    Feature(
        "bpf",
        "permission for eBPF",
        lambda: answers.permission_of(
            probes.bpf_syscall(), _effective(), read("/proc/sys/kernel/unprivileged_bpf_disabled")
        ),
        "every event but module_load and module_free by uevent",
        _ROOT,
    ),
    Feature(
        "tp_btf",
        "typed raw tracepoints",
        lambda: probes.by_btf(probes.PROG_TRACING, probes.TRACE_RAW_TP, probes.FIRED_TRACEPOINT),
        "program events, module_load, module_free, module_request; attempts of 32-bit and stopped callers",
        _ROOT,
    ),
    Feature(
        "fentry",
        "fentry and fexit",
        lambda: probes.by_btf(probes.PROG_TRACING, probes.TRACE_FENTRY, probes.FIRED_FUNCTION),
        "nothing where kprobes work; else the digest, the kernel's copies of arguments, results of init",
        "sysctl kernel.ftrace_enabled=1; a kernel with BPF trampolines (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS)",
    ),
    Feature(
        "kprobe",
        "kprobes",
        probes.kprobe,
        "nothing where fentry works; else the digest, the kernel's copies of arguments, results of init",
        "echo 1 > /sys/kernel/debug/kprobes/enabled; a kernel with CONFIG_KPROBE_EVENTS",
    ),
    Feature("ring_buffer", "ring buffer of 8 MiB", probes.ring, "every eBPF hook", "raise RLIMIT_MEMLOCK: ulimit -l"),
    Feature(
        "bpf_loop",
        "loops in eBPF (bpf_loop)",
        lambda: probes.helper(probes.HELPER_LOOP),
        "paths, lists of modules, digests",
        "a kernel from 5.17 on",
    ),
    Feature(
        "kernel_read",
        "kernel memory for eBPF",
        lambda: answers.lockdown_of(read(LOCKDOWN), probes.helper(probes.HELPER_PROBE_READ_KERNEL)),
        "every eBPF hook: lockdown=confidentiality forbids what they read",
        "boot with lockdown=integrity or less",
    ),
    Feature(
        "lsm",
        "BPF among the security modules",
        lambda: answers.lsm_of(
            probes.by_btf(probes.PROG_LSM, probes.LSM_MAC, probes.FIRED_LSM), read("/sys/kernel/security/lsm")
        ),
        "nothing for watching; the guard then denies modules and requests by fmod_ret alone, which is weaker, and"
        " removals not at all; starts of programs are judged by user space, after they began",
        "add bpf to lsm= on the kernel's command line",
    ),
    Feature(
        "fmod_ret",
        "results changed by eBPF",
        lambda: probes.by_btf(probes.PROG_TRACING, probes.MODIFY_RETURN, probes.FIRED_SECURITY),
        "nothing where BPF is among the security modules; else the guard denies nothing",
        "add bpf to lsm= on the kernel's command line",
    ),
    Feature(
        "memlock",
        "limit of locked memory",
        lambda: answers.memlock_of(_effective(), resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]),
        "nothing on kernels from 5.11 on, which count eBPF memory by cgroup",
        "give CAP_SYS_RESOURCE, or raise the limit: ulimit -l",
    ),
    Feature(
        "ftrace_enabled",
        "ftrace switched on",
        lambda: answers.switch_of(
            read(probes.FTRACE_ENABLED),
            "kernel.ftrace_enabled",
            "the kernel is built without function tracing (CONFIG_DYNAMIC_FTRACE)",
        ),
        "fentry, fexit and most kprobes: they stay attached and do not run",
        "sysctl kernel.ftrace_enabled=1",
    ),
    Feature(
        "kprobes_enabled",
        "kprobes switched on",
        _kprobes_enabled,
        "kprobes: they stay attached and do not run",
        "mount -t debugfs debugfs /sys/kernel/debug; echo 1 > /sys/kernel/debug/kprobes/enabled",
    ),
    Feature(
        "tracefs",
        "tracefs",
        lambda: answers.mounted_of(read("/proc/mounts"), "tracefs"),
        "the tracepoint rung, the last fallback for attempts",
        "mount -t tracefs tracefs /sys/kernel/tracing",
    ),
    Feature(
        "uevent",
        "uevent netlink",
        probes.uevent,
        "the fallback without eBPF: module_load and module_free",
        "a kernel with CONFIG_NET, outside a sandbox that forbids AF_NETLINK",
    ),
    Feature(
        "loading",
        "loading is open",
        lambda: answers.loading_of(read("/proc/sys/kernel/modules_disabled")),
        "",
        "only a reboot opens it again",
    ),
    Feature(
        "autoload",
        "loading on request",
        lambda: answers.autoload_of(read("/proc/sys/kernel/modprobe"), _executable),
        "",
        "sysctl kernel.modprobe=/sbin/modprobe",
    ),
    Feature(
        "sig_enforce",
        "only signed modules",
        lambda: answers.signatures_of(
            read("/sys/module/module/parameters/sig_enforce"), read("/proc/modules"), read(LOCKDOWN)
        ),
        "",
        "boot with module.sig_enforce=1",
    ),
    Feature(
        "decompression",
        "compressed images in the kernel",
        lambda: answers.compression_of(read("/sys/module/compression")),
        "",
        "a kernel with CONFIG_MODULE_DECOMPRESS",
    ),
    Feature(
        "memory_loads",
        "modprobe loads from memory",
        lambda: answers.memory_loads_of(
            probes.kmod_version(),
            read(f"/lib/modules/{os.uname().release}/modules.dep"),
            read("/sys/module/compression"),
        ),
        "",
        "a kmod from 31 on, and a kernel with CONFIG_MODULE_DECOMPRESS",
    ),
    Feature("preemption", "preemptible kernel", _preemption, "", "boot with preempt=full"),
)


NEED_BPF = frozenset({"tp_btf", "fentry", "fmod_ret", "kprobe", "ring_buffer", "bpf_loop", "kernel_read", "lsm"})
"""Features that nobody has whom the kernel refuses eBPF altogether."""


def look(features: Iterable[Feature] = FEATURES) -> tuple[Capability, ...]:
    """Ask the kernel for each feature. A try that fails in an unforeseen way is unknown, with its error."""
    needed = {name for group in NEEDED for name in group}
    found: list[Capability] = []
    refused = False
    for feature in features:
        try:
            state, reason = feature.probe()
        except Exception as error:  # noqa: BLE001 - one try must not hide the others
            state, reason = UNKNOWN, f"{type(error).__name__}: {error}"
        refused |= feature.name == "bpf" and state == NO
        remedy = "permission for eBPF comes first" if refused and feature.name in NEED_BPF else feature.remedy
        found.append(
            Capability(feature.name, feature.title, state, reason, feature.name in needed, feature.loses, remedy)
        )
    return tuple(found)


def verdict(capabilities: Iterable[Capability]) -> Answer:
    """Say whether the default events can be seen whole: yes, no, or unknown, and what is missing."""
    states = {capability.name: capability.state for capability in capabilities}
    missing: list[str] = []
    unclear: list[str] = []
    for group in NEEDED:
        found = [states.get(name, UNKNOWN) for name in group]
        if YES in found:
            continue
        (unclear if UNKNOWN in found else missing).append(" or ".join(group))
    if missing:
        return Answer(NO, f"missing: {', '.join(missing + [f'{name} (not known)' for name in unclear])}")
    if unclear:
        return Answer(UNKNOWN, f"not known: {', '.join(unclear)}")
    return Answer(YES, "everything that the default events need is there")
