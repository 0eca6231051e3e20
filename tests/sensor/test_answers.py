"""What files and tries say about a capability."""

from __future__ import annotations

import errno

import pytest

from ringward.sensor import answers, features
from ringward.sensor.features import NEEDED, Capability, Feature, look, verdict
from ringward.sensor.probes import (
    NO,
    UNKNOWN,
    YES,
    Answer,
    Text,
    classify_errno,
    classify_fired,
    classify_ftrace,
    classify_helper,
    classify_kprobe_pmu,
    helper,
)

NONE = Text("/x", None, errno.ENOENT)
CLOSED = Text("/x", None, errno.EACCES)
MOUNTS = Text("/proc/mounts", "debugfs /sys/kernel/debug debugfs rw 0 0\ntracefs /sys/kernel/tracing tracefs rw 0 0")
NO_MOUNTS = Text("/proc/mounts", "sysfs /sys sysfs rw 0 0")


def text(value: str) -> Text:
    return Text("/x", value)


@pytest.mark.parametrize(
    ("answer", "state", "says"),
    [
        (answers.modules_of(NONE), NO, "CONFIG_MODULES"),
        (answers.modules_of(CLOSED), UNKNOWN, "EACCES"),
        (answers.modules_of(text("a 1 0 -\nb 1 0 -")), YES, "2 loaded"),
        (answers.modules_of(text("")), YES, "0 loaded"),
        (answers.loading_of(text("0")), YES, "= 0"),
        (answers.loading_of(text("1")), NO, "next boot"),
        (answers.autoload_of(text("/sbin/modprobe"), lambda _path: True), YES, "/sbin/modprobe"),
        (answers.autoload_of(text("/sbin/modprobe"), lambda _path: False), NO, "no executable"),
        (answers.autoload_of(text(""), lambda _path: True), NO, "empty"),
        (answers.signatures_of(text("N"), text(""), text("[none] integrity")), NO, "and loads"),
        (answers.signatures_of(text("N"), text(""), text("none [integrity]")), YES, "lockdown: integrity"),
        (answers.signatures_of(text("N"), text(""), NONE), UNKNOWN, "not known"),
        (answers.signatures_of(text("Y"), text(""), NONE), YES, "= Y"),
        (answers.signatures_of(NONE, text(""), NONE), NO, "CONFIG_MODULE_SIG"),
        (answers.signatures_of(NONE, NONE, NONE), NO, "no loadable"),
        (answers.compression_of(text("xz")), YES, "xz"),
        (answers.memory_loads_of(30, text("a/b.ko: c.ko\nc.ko:"), NONE), NO, "no module is compressed"),
        (answers.memory_loads_of(30, text("a/b.ko.xz: c.ko.xz"), text("xz")), YES, "kmod 30 unpacks .xz itself"),
        (answers.memory_loads_of(34, text("a/b.ko.xz:"), text("xz")), NO, "the kernel, which unpacks xz"),
        (answers.memory_loads_of(34, text("a/b.ko.zst:"), text("xz")), YES, "unpacks .zst itself"),
        (answers.memory_loads_of(34, text("a/b.ko.gz:"), NONE), YES, "unpacks .gz itself"),
        (answers.memory_loads_of(None, text("a/b.ko.gz:"), NONE), UNKNOWN, "does not say"),
        (answers.memory_loads_of(34, CLOSED, NONE), UNKNOWN, "EACCES"),
        (answers.compression_of(NONE), NO, "MODULE_DECOMPRESS"),
        (answers.btf_of(b"\x9f\xeb", 0), YES, ""),
        (answers.btf_of(b"\x7fE", 0), NO, "7f45"),
        (answers.btf_of(None, errno.ENOENT), NO, "CONFIG_DEBUG_INFO_BTF"),
        (answers.btf_of(None, errno.EACCES), UNKNOWN, "EACCES"),
        (answers.memlock_of(1 << 24, 65536), YES, "65536"),
        (answers.memlock_of(0, 65536), NO, "CAP_SYS_RESOURCE"),
        (answers.memlock_of(0, -1), YES, "unlimited"),
        (answers.memlock_of(None, 65536), UNKNOWN, "could not be read"),
        (answers.mounted_of(MOUNTS, "tracefs"), YES, "/sys/kernel/tracing"),
        (answers.mounted_of(NO_MOUNTS, "tracefs"), NO, "not mounted"),
        (answers.mounted_of(CLOSED, "tracefs"), UNKNOWN, "EACCES"),
        (answers.switch_of(text("1"), "k", "m"), YES, "k = 1"),
        (answers.switch_of(text("0"), "k", "m"), NO, "k = 0"),
        (answers.switch_of(NONE, "k", "m"), NO, "m"),
        (answers.switch_of(NONE, "k", ""), UNKNOWN, "ENOENT"),
        (answers.kprobes_of(Answer(NO, "none"), text("1"), MOUNTS), NO, "none"),
        (answers.kprobes_of(None, NONE, NO_MOUNTS), UNKNOWN, "debugfs is not mounted"),
        (answers.kprobes_of(None, text("0"), MOUNTS), NO, "= 0"),
        (answers.kprobes_of(None, text("1"), MOUNTS), YES, "= 1"),
    ],
)
def test_files(answer: Answer, state: str, says: str) -> None:
    assert answer.state == state
    assert says in answer.reason


FIRED, DEAF = Answer(YES, "made to fire"), Answer(NO, "it is attached and does not run")


@pytest.mark.parametrize(
    ("fired", "active", "state", "says"),
    [
        (FIRED, text("lockdown,bpf"), YES, "lockdown,bpf"),
        (FIRED, NONE, YES, "securityfs is not mounted"),
        # Attached without error, and the list says that it can never run.
        (Answer(YES, "attached; not tried"), text("lockdown,yama"), NO, "lockdown,yama"),
        (DEAF, text("lockdown,yama"), NO, "does not run"),
    ],
)
def test_lsm(fired: Answer, active: Text, state: str, says: str) -> None:
    answer = answers.lsm_of(fired, active)
    assert answer.state == state
    assert says in answer.reason


def test_lockdown_is_tried_and_not_only_read() -> None:
    refused = Answer(NO, "program of this type cannot use helper")
    answer = answers.lockdown_of(text("none integrity [confidentiality]"), refused)
    assert answer == (NO, "program of this type cannot use helper; lockdown: confidentiality")
    assert answers.lockdown_of(NONE, Answer(YES, "")).state == YES
    assert "not known" in answers.lockdown_of(NONE, Answer(YES, "")).reason


@pytest.mark.parametrize(
    ("switch", "version", "cmdline", "state", "says"),
    [
        (text("none voluntary (full)"), "SMP PREEMPT_DYNAMIC", "", YES, "full"),
        (text("none (voluntary) full"), "SMP PREEMPT_DYNAMIC", "", NO, "voluntary"),
        (text("none voluntary full (lazy)"), "SMP PREEMPT_DYNAMIC", "", YES, "lazy"),
        (NONE, "SMP PREEMPT_DYNAMIC", "quiet preempt=full", UNKNOWN, "preempt=full"),
        (CLOSED, "SMP PREEMPT_DYNAMIC", "", UNKNOWN, "EACCES"),
        (NONE, "SMP PREEMPT_RT", "", YES, "PREEMPT_RT"),
        (NONE, "SMP PREEMPT Debian", "", YES, "PREEMPT"),
        (NONE, "SMP Debian", "", NO, "no PREEMPT"),
    ],
)
def test_preemption(switch: Text, version: str, cmdline: str, state: str, says: str) -> None:
    answer = answers.preemption_of(switch, NONE, text(version), text(cmdline), MOUNTS)
    assert answer.state == state
    assert says in answer.reason


def test_a_refused_program_names_what_is_missing() -> None:
    refused = Answer(NO, "Operation not permitted (EPERM)")
    answer = answers.permission_of(refused, 1 << answers.CAP_BPF, text("2"))
    assert answer.state == NO
    assert "CAP_PERFMON is missing" in answer.reason
    assert "CAP_BPF is missing" not in answer.reason
    assert "unprivileged_bpf_disabled = 2" in answer.reason
    assert "missing" not in answers.permission_of(refused, 1 << answers.CAP_SYS_ADMIN, NONE).reason
    assert answers.permission_of(Answer(YES, ""), None, NONE) == (YES, "")


def test_capabilities_are_a_mask_or_unknown() -> None:
    assert answers.capabilities_of(text("Name:\tx\nCapEff:\t00000000000000ff\n")) == 255
    for status in ("", "CapEff:", "CapEff:\tlots"):
        assert answers.capabilities_of(text(status)) is None


@pytest.mark.parametrize(
    ("result", "log", "state"),
    [
        (3, "", YES),
        (-errno.EINVAL, "4: (85) call bpf_loop#181\nR2 type=scalar expected=func\nprocessed 5 insns", YES),
        (-errno.EINVAL, "4: (85) call unknown#181\ninvalid func unknown#181\nprocessed 5 insns", NO),
        (-errno.EINVAL, "4: (85) call bpf_x#9\nunknown func bpf_x#9\nprocessed 5 insns", NO),
        (-errno.EINVAL, "program of this type cannot use helper bpf_probe_read_kernel#113\n", NO),
        (-errno.EPERM, "", NO),
        (-errno.ENOMEM, "", UNKNOWN),
    ],
)
def test_helpers(result: int, log: str, state: str) -> None:
    assert classify_helper(result, log).state == state


@pytest.mark.parametrize(
    ("load", "attach", "runs", "state", "says"),
    [
        (-errno.EPERM, None, None, NO, "load: Operation not permitted (EPERM)"),
        (3, -524, None, NO, "attach: Operation is not supported (ENOTSUPP)"),
        (3, 4, None, YES, "not tried"),
        (3, 4, 0, NO, "does not run"),
        (3, 4, 1, YES, "made to fire"),
    ],
)
def test_firing(load: int, attach: int | None, runs: int | None, state: str, says: str) -> None:
    answer = classify_fired(load, "", attach, runs)
    assert answer.state == state
    assert says in answer.reason


def test_kprobe_pmu() -> None:
    absent = classify_kprobe_pmu(NONE, sysfs=True)
    assert absent is not None
    assert absent.state == NO
    for pmu, sysfs in ((NONE, False), (CLOSED, True), (text("x"), True)):
        unclear = classify_kprobe_pmu(pmu, sysfs=sysfs)
        assert unclear is not None
        assert unclear.state == UNKNOWN
    assert classify_kprobe_pmu(text("6"), sysfs=True) is None


def test_function_hooks_are_not_tried_while_ftrace_is_off() -> None:
    refused = classify_ftrace(text("0"))
    assert refused is not None
    assert refused.state == NO
    for other in (text("1"), NONE, CLOSED):
        assert classify_ftrace(other) is None


def test_without_permission_the_remedy_is_permission() -> None:
    def refuse() -> Answer:
        return Answer(NO, "EPERM")

    found = look([Feature("bpf", "a", refuse, "", "root"), Feature("fentry", "b", refuse, "", "sysctl")])
    assert [c.remedy for c in found] == ["root", "permission for eBPF comes first"]
    assert look([Feature("fentry", "b", refuse, "", "sysctl")])[0].remedy == "sysctl"
    assert {feature.name for feature in features.FEATURES} >= features.NEED_BPF


def test_an_errno_is_told_in_words() -> None:
    assert classify_errno(-errno.ENOMEM) == (NO, "Cannot allocate memory (ENOMEM)")
    assert classify_errno(0).state == YES


def capability(name: str, state: str) -> Capability:
    return Capability(name, name, state, "", True, "", "")


def all_yes() -> dict[str, str]:
    return {name: YES for group in NEEDED for name in group}


@pytest.mark.parametrize(
    ("change", "state", "says"),
    [
        ({}, YES, "everything"),
        ({"fentry": NO}, YES, "everything"),
        ({"fentry": NO, "kprobe": NO}, NO, "fentry or kprobe"),
        ({"fentry": NO, "kprobe": UNKNOWN}, UNKNOWN, "fentry or kprobe"),
        ({"btf": NO, "tp_btf": UNKNOWN}, NO, "btf, tp_btf (not known)"),
    ],
)
def test_verdict(change: dict[str, str], state: str, says: str) -> None:
    answer = verdict([capability(*item) for item in {**all_yes(), **change}.items()])
    assert answer.state == state
    assert says in answer.reason


def test_what_was_not_asked_for_is_not_known() -> None:
    assert verdict([]).state == UNKNOWN


def test_a_try_that_breaks_does_not_hide_the_others() -> None:
    def broken() -> Answer:
        raise ZeroDivisionError("boom")

    one = Feature("one", "One", broken, "", "")
    two = Feature("two", "Two", lambda: Answer(YES, "there"), "", "")
    found = look([one, two])
    assert [(c.state, c.reason) for c in found] == [(UNKNOWN, "ZeroDivisionError: boom"), (YES, "there")]


def test_every_need_is_a_feature_with_its_texts() -> None:
    names = [feature.name for feature in features.FEATURES]
    assert len(names) == len(set(names))
    assert {name for group in NEEDED for name in group} <= set(names)
    for feature in features.FEATURES:
        assert feature.title
        assert feature.remedy


def test_a_helper_that_no_kernel_has_is_not_there() -> None:
    assert helper(99_999).state == NO
