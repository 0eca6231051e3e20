"""What is lacking for eBPF altogether: one thing, the first, in a few words."""

from __future__ import annotations

import dataclasses

import pytest

from ringward.sensor import answers, obstacle
from ringward.sensor.features import FEATURES
from ringward.sensor.probes import NO, UNKNOWN, YES, Answer, Text

REFUSED = Answer(NO, "Operation not permitted (EPERM)")


@pytest.mark.parametrize(
    ("effective", "told"),
    [
        (0, "CAP_BPF and CAP_PERFMON are missing: Operation not permitted (EPERM)"),
        (1 << answers.CAP_BPF, "CAP_PERFMON is missing: Operation not permitted (EPERM)"),
        (1 << answers.CAP_PERFMON, "CAP_BPF is missing: Operation not permitted (EPERM)"),
        # Everything is there: a seccomp filter or a security module refuses it, and the kernel does not say which.
        (1 << answers.CAP_BPF | 1 << answers.CAP_PERFMON, "Operation not permitted (EPERM)"),
        (1 << answers.CAP_SYS_ADMIN, "Operation not permitted (EPERM)"),
        (None, "Operation not permitted (EPERM)"),
    ],
)
def test_capabilities_that_are_missing_are_named(effective: int | None, told: str) -> None:
    assert obstacle.permission(REFUSED, effective) == told


def asked(patch: pytest.MonkeyPatch, bpf: Answer, **states: Answer) -> str | None:
    """Return the obstacle of a machine whose features answer like this; the others are there."""
    patch.setattr(obstacle.probes, "bpf_syscall", lambda: bpf)
    patch.setattr(obstacle, "read", lambda path: Text(path, "CapEff:\t0000000000000000", 0))
    found = [dataclasses.replace(f, probe=lambda f=f: states.get(f.name, Answer(YES, ""))) for f in FEATURES]
    patch.setattr(obstacle, "FEATURES", tuple(found))
    return obstacle.obstacle()


def test_the_first_obstacle_is_told_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    no = Answer(NO, "why")
    both = "CAP_BPF and CAP_PERFMON are missing: Operation not permitted (EPERM)"
    assert asked(monkeypatch, REFUSED, btf=no, ring_buffer=no) == both
    assert asked(monkeypatch, Answer(YES, ""), btf=no, ring_buffer=no) == "no kernel types (BTF): why"
    assert asked(monkeypatch, Answer(YES, ""), kernel_read=Answer(NO, "")) == "no kernel memory for eBPF"
    assert asked(monkeypatch, Answer(YES, ""), bpf_loop=no) == "no loops in eBPF (bpf_loop): why"


def test_what_is_no_obstacle_or_not_known_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    no = Answer(NO, "why")
    assert asked(monkeypatch, Answer(YES, ""), lsm=no, fentry=no, kprobe=no, tracefs=no, memlock=no) is None
    assert asked(monkeypatch, Answer(YES, ""), btf=Answer(UNKNOWN, "could not look")) is None
