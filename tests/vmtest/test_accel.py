# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from vmtest import accel
from vmtest.accel import PROBE_STATUS, Accelerator, choose_accelerator, decide, device_problem, recall

QEMU = shutil.which("qemu-system-x86_64")
needs_qemu = pytest.mark.skipif(QEMU is None, reason="qemu-system-x86_64 is not installed (qemu-system-x86)")


def test_kvm_only_when_the_probe_ran_its_code() -> None:
    assert decide(PROBE_STATUS, "").name == "kvm"
    assert decide(PROBE_STATUS, "warning: x\n").name == "kvm"
    for status in (0, 1, -6, -11, 3):
        assert decide(status, "").name == "tcg"
    assert decide(None, "").name == "tcg"


def test_the_reason_is_the_first_error_of_qemu() -> None:
    stderr = "qemu: error: failed to set MSR 0x10a to 0x69\nqemu: kvm.c: Assertion failed.\n"
    assert str(decide(-6, stderr)) == (
        "software emulation (KVM: qemu: error: failed to set MSR 0x10a to 0x69 (probe status -6))"
    )
    assert "hung" in decide(None, "").reason


def test_device_that_is_not_there_or_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "kvm"
    assert device_problem(device) == f"{device} does not exist"
    device.touch()
    assert device_problem(device) is None
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "no permission" in str(device_problem(device))


def test_a_kept_answer_is_for_this_machine_and_one_hour() -> None:
    text = json.dumps({"key": "k", "time": 1000.0, "name": "tcg", "reason": "r"})
    assert recall(text, "k", 1000.0 + 3599) == Accelerator("tcg", "r")
    assert recall(text, "k", 1000.0 + 3600) is None
    assert recall(text, "k", 999.0) is None  # the clock was set back
    assert recall(text, "other boot", 1000.0) is None
    for broken in ("", "{", "[]", "{}", '{"key": "k", "time": "x", "name": "tcg", "reason": ""}'):
        assert recall(broken, "k", 1000.0) is None


def test_the_probe_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGWARD_CACHE", str(tmp_path))
    qemu, device = tmp_path / "qemu", tmp_path / "kvm"
    qemu.write_text(f"#!/bin/sh\necho x >>{tmp_path}/runs\nexit {PROBE_STATUS}\n")
    qemu.chmod(0o755)
    device.touch()
    answers = {choose_accelerator(str(qemu), device) for _ in range(3)}
    assert {answer.name for answer in answers} == {"kvm"}
    assert (tmp_path / "runs").read_text() == "x\n"


@needs_qemu
def test_the_probe_code_runs_where_code_can_run(tmp_path: Path) -> None:
    """Software emulation can run it everywhere, so another end under KVM is KVM's."""
    rom = accel.write_rom(tmp_path / "rom")
    command = accel.probe_command(str(QEMU), rom, "tcg", "max")
    assert accel.run_probe(command) == (PROBE_STATUS, "")


@needs_qemu
def test_a_machine_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rom = tmp_path / "rom"
    rom.write_bytes(b"\xf4" * 65536)
    monkeypatch.setattr(accel, "PROBE_SECONDS", 1.0)
    assert accel.run_probe(accel.probe_command(str(QEMU), rom, "tcg", "max")) == (None, "")
