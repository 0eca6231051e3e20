"""What a file of /proc or /sys, or a try, says about a capability: pure decisions, one a capability."""

from __future__ import annotations

import errno
import resource
from collections.abc import Callable
from pathlib import Path

from ringward.sensor.probes import NO, UNKNOWN, YES, Answer, Text, words

# include/uapi/linux/capability.h
CAP_SYS_ADMIN, CAP_SYS_RESOURCE, CAP_PERFMON, CAP_BPF = 21, 24, 38, 39


def absent(text: Text, meaning: str) -> Answer:
    """Return the answer for a file that could not be read; `meaning`: what it means that there is none."""
    if text.error == errno.ENOENT and meaning:
        return Answer(NO, f"no {text.path}: {meaning}")
    return Answer(UNKNOWN, f"{text.path}: {words(text.error)}")


def modules_of(modules: Text) -> Answer:
    """/proc/modules: whether the kernel can load modules at all."""
    if modules.text is None:
        return absent(modules, "the kernel is built without loadable modules (CONFIG_MODULES)")
    return Answer(YES, f"{len(modules.text.splitlines())} loaded")


def loading_of(disabled: Text) -> Answer:
    """kernel.modules_disabled: whether loading is still open."""
    if disabled.text is None:
        return absent(disabled, "the kernel is built without loadable modules (CONFIG_MODULES)")
    if disabled.text == "0":
        return Answer(YES, "kernel.modules_disabled = 0")
    return Answer(NO, f"kernel.modules_disabled = {disabled.text}: closed until the next boot")


def autoload_of(modprobe: Text, executable: Callable[[str], bool]) -> Answer:
    """kernel.modprobe: the program that the kernel starts for a request."""
    if modprobe.text is None:
        return absent(modprobe, "the kernel is built without loadable modules (CONFIG_MODULES)")
    if not modprobe.text:
        return Answer(NO, "kernel.modprobe is empty: the kernel starts nothing for a request")
    if not executable(modprobe.text):
        return Answer(NO, f"kernel.modprobe = {modprobe.text}, which is no executable file")
    return Answer(YES, f"kernel.modprobe = {modprobe.text}")


def lockdown_mode(lockdown: Text) -> str | None:
    """Return none, integrity or confidentiality; None when it is not known."""
    words_of = (lockdown.text or "").split()
    return next((word.strip("[]") for word in words_of if word.startswith("[")), None)


def signatures_of(enforce: Text, modules: Text, lockdown: Text) -> Answer:
    """module.sig_enforce, or any lockdown: whether unsigned modules are refused (kernel/module/signing.c)."""
    if modules.text is None and modules.error == errno.ENOENT:
        return Answer(NO, "there are no loadable modules")
    if enforce.text is None:
        return absent(enforce, "the kernel is built without module signatures (CONFIG_MODULE_SIG)")
    said = f"module.sig_enforce = {enforce.text}"
    mode = lockdown_mode(lockdown)
    if enforce.text in ("Y", "1"):
        return Answer(YES, said)
    if mode is None:
        return Answer(UNKNOWN, f"{said}; whether lockdown refuses unsigned modules is not known")
    if mode != "none":
        return Answer(YES, f"lockdown: {mode}; {said}")
    return Answer(NO, f"{said}: an unsigned module taints the kernel and loads")


def compression_of(compression: Text) -> Answer:
    """/sys/module/compression (kernel/module/decompress.c): whether the kernel unpacks images itself."""
    if compression.text is None:
        return absent(compression, "modules are unpacked by modprobe (no CONFIG_MODULE_DECOMPRESS)")
    return Answer(YES, compression.text)


# https://git.kernel.org/pub/scm/utils/kernel/kmod/kmod.git/tree/NEWS: from 31 on it lets the kernel unpack.
_KMOD_PASSES_FILES = 31


def memory_loads_of(kmod: int | None, dep: Text, compression: Text) -> Answer:
    """Say whether modprobe hands modules over from memory, by init_module(2); a rule against that would stop it.

    Args:
        kmod: version of the installed modprobe; None: not known.
        dep: modules.dep of the running kernel.
        compression: /sys/module/compression, what the kernel unpacks itself.

    """
    if dep.text is None:
        return Answer(UNKNOWN, f"{dep.path}: {words(dep.error or errno.EINVAL)}")
    kinds = {Path(line.partition(":")[0]).suffix for line in dep.text.splitlines()} - {"", ".ko"}
    if not kinds:
        return Answer(NO, "no module is compressed: modprobe passes the files to the kernel")
    if kmod is None:
        return Answer(UNKNOWN, "modprobe does not say which version it is")
    unpacks = {"gzip": ".gz", "xz": ".xz", "zstd": ".zst"}.get(compression.text or "")
    if kmod >= _KMOD_PASSES_FILES and kinds == {unpacks}:
        return Answer(NO, f"kmod {kmod} passes compressed files to the kernel, which unpacks {compression.text}")
    return Answer(YES, f"kmod {kmod} unpacks {', '.join(sorted(kinds))} itself: a rule against no-file stops it")


def btf_of(first: bytes | None, number: int) -> Answer:
    """/sys/kernel/btf/vmlinux by its first bytes: the kernel's own types."""
    if first is None:
        text = Text("/sys/kernel/btf/vmlinux", None, number)
        return absent(text, "the kernel is built without CONFIG_DEBUG_INFO_BTF")
    # include/uapi/linux/btf.h: BTF_MAGIC
    if first[:2] in (b"\x9f\xeb", b"\xeb\x9f"):
        return Answer(YES, "")
    return Answer(NO, f"/sys/kernel/btf/vmlinux begins with {first[:2].hex()}, which is no BTF")


def capabilities_of(status: Text) -> int | None:
    """/proc/self/status: the effective capabilities as a mask; None when they cannot be told."""
    for line in (status.text or "").splitlines():
        if line.startswith("CapEff:"):
            try:
                return int(line.split()[1], 16)
            except (IndexError, ValueError):
                return None
    return None


def permission_of(tried: Answer, effective: int | None, unprivileged: Text) -> Answer:
    """Add to a refused program which capabilities are missing, and what the sysctl says."""
    if tried.state == YES:
        return tried
    names = {CAP_BPF: "CAP_BPF", CAP_PERFMON: "CAP_PERFMON"}
    parts = [tried.reason]
    if effective is None:
        parts.append("the capabilities could not be read")
    elif not effective >> CAP_SYS_ADMIN & 1:
        parts += [f"{name} is missing" for bit, name in names.items() if not effective >> bit & 1]
    if unprivileged.text is not None:
        parts.append(f"kernel.unprivileged_bpf_disabled = {unprivileged.text}")
    return Answer(tried.state, "; ".join(parts))


def memlock_of(effective: int | None, limit: int) -> Answer:
    """CAP_SYS_RESOURCE, by which the limit of locked memory can be raised."""
    shown = "unlimited" if limit == resource.RLIM_INFINITY else f"{limit} bytes"
    if effective is None:
        return Answer(UNKNOWN, "the capabilities could not be read")
    if effective >> CAP_SYS_RESOURCE & 1 or limit == resource.RLIM_INFINITY:
        return Answer(YES, f"RLIMIT_MEMLOCK is {shown}")
    return Answer(NO, f"CAP_SYS_RESOURCE is missing, RLIMIT_MEMLOCK is {shown}")


def switch_of(text: Text, name: str, meaning: str) -> Answer:
    """Read a file that holds 1 for on and 0 for off."""
    if text.text is None:
        return absent(text, meaning)
    return Answer(YES if text.text != "0" else NO, f"{name} = {text.text}")


def kprobes_of(pmu: Answer | None, enabled: Text, mounts: Text) -> Answer:
    """Debugfs kprobes/enabled; `pmu`: why the kernel has no kprobes at all, or None."""
    if pmu:
        return pmu
    if enabled.text is None and enabled.error == errno.ENOENT and mounted_of(mounts, "debugfs").state == NO:
        return Answer(UNKNOWN, "debugfs is not mounted")
    return switch_of(enabled, "kprobes/enabled", "")


def mounted_of(mounts: Text, kind: str) -> Answer:
    """/proc/mounts: whether a file system of that kind is mounted, and where."""
    if mounts.text is None:
        return absent(mounts, "")
    found = [line.split() for line in mounts.text.splitlines()]
    places = [fields[1] for fields in found if len(fields) > 2 and fields[2] == kind]
    return Answer(YES, places[0]) if places else Answer(NO, f"{kind} is not mounted")


def lsm_of(fired: Answer, active: Text) -> Answer:
    """Weigh a BPF LSM program that was made to fire, beside the list of active security modules."""
    if active.text is not None:
        listed = "bpf" in active.text.split(",")
        reason = f"active: {active.text}"
    elif active.error == errno.ENOENT:
        listed, reason = True, f"no {active.path}: securityfs is not mounted"
    else:
        listed, reason = True, f"{active.path}: {words(active.error)}"
    if fired.state == YES and not listed:
        return Answer(NO, reason)
    return Answer(fired.state, f"{fired.reason}; {reason}")


def lockdown_of(lockdown: Text, readable: Answer) -> Answer:
    """Whether eBPF may read kernel memory (by trying), and what the lockdown file says of why not."""
    if lockdown.text is not None:
        said = f"lockdown: {lockdown_mode(lockdown) or lockdown.text}"
    elif lockdown.error == errno.ENOENT:
        said = f"lockdown not known: no {lockdown.path} (securityfs is not mounted, or no lockdown LSM)"
    else:
        said = f"lockdown not known: {words(lockdown.error)}"
    return Answer(readable.state, f"{readable.reason}; {said}" if readable.reason else said)


def preemption_of(switch: Text, realtime: Text, version: Text, cmdline: Text, mounts: Text) -> Answer:
    """Say how the kernel preempts; yes: it can preempt a task in the kernel."""
    if realtime.text == "1" or "PREEMPT_RT" in (version.text or ""):
        return Answer(YES, "PREEMPT_RT")
    if switch.text is not None:
        mode = next((word.strip("()") for word in switch.text.split() if word.startswith("(")), "")
        if mode:
            return Answer(NO if mode in ("none", "voluntary") else YES, mode)
    asked = [word for word in (cmdline.text or "").split() if word.startswith("preempt=")]
    if version.text is None:
        return absent(version, "")
    if "PREEMPT_DYNAMIC" in version.text:
        said = f"{asked[-1]} on the command line" if asked else "chosen at boot"
        why = f"{switch.path}: {words(switch.error or errno.EINVAL)}"
        if switch.error == errno.ENOENT and mounted_of(mounts, "debugfs").state == NO:
            why = "debugfs is not mounted"
        return Answer(UNKNOWN, f"PREEMPT_DYNAMIC, {said}; {why}")
    return Answer(YES, "PREEMPT") if "PREEMPT" in version.text.split() else Answer(NO, "the version names no PREEMPT")
