"""What the tries say, beside bpftool, the kernel's configuration, and hooks that are switched off."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from ringward.sensor.features import look, verdict
from ringward.sensor.probes import kmod_version
from vmtest.trees import kernel_entry

YES_NO = {True: "yes", False: "no"}
FTRACE, KPROBES = Path("/proc/sys/kernel/ftrace_enabled"), Path("/sys/kernel/debug/kprobes/enabled")


@cache
def config() -> dict[str, str]:
    """Return the configuration that the running kernel was built with."""
    own = Path("/proc/config.gz")
    release = os.uname().release
    if own.exists():
        text = gzip.decompress(own.read_bytes()).decode()
    else:
        text = (kernel_entry(release) / "boot" / f"config-{release}").read_text()
    lines = [line.partition("=") for line in text.splitlines() if line.startswith("CONFIG_")]
    return {name: value for name, _, value in lines}


@cache
def bpftool() -> dict:
    done = subprocess.run(["bpftool", "-j", "feature", "probe", "kernel"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def states() -> dict[str, str]:
    return {found.name: found.state for found in look()}


def test_bpftool_says_the_same():
    found, tool = states(), bpftool()
    types = tool["program_types"]
    assert found["ring_buffer"] == YES_NO[tool["map_types"]["have_ringbuf_map_type"]]
    helpers = tool["helpers"]["raw_tracepoint_available_helpers"]
    assert found["bpf_loop"] == YES_NO["bpf_loop" in helpers]
    assert found["kernel_read"] == YES_NO["bpf_probe_read_kernel" in helpers]
    assert found["bpf"] == YES_NO[tool["syscall_config"]["have_bpf_syscall"]]
    assert found["fentry"] == YES_NO[types["have_tracing_prog_type"]]
    active = Path("/sys/kernel/security/lsm")
    listed = not active.exists() or "bpf" in active.read_text().split(",")
    assert found["lsm"] == YES_NO[types["have_lsm_prog_type"] and listed]
    assert found["fmod_ret"] == YES_NO[types["have_tracing_prog_type"]]
    modprobe = subprocess.run(["modprobe", "-V"], capture_output=True, text=True, check=True).stdout.split()
    assert kmod_version() == int(modprobe[2])


def test_the_configuration_says_the_same():
    found, built = states(), config()

    def on(name: str) -> bool:
        return built.get(f"CONFIG_{name}") == "y"

    assert found["modules"] == YES_NO[on("MODULES")]
    assert found["loading"] == YES_NO[on("MODULES")]
    assert found["btf"] == YES_NO[on("DEBUG_INFO_BTF")]
    assert found["kprobe"] == YES_NO[on("KPROBE_EVENTS")]
    assert found["decompression"] == YES_NO[on("MODULE_DECOMPRESS")]
    assert found["ftrace_enabled"] == YES_NO[on("DYNAMIC_FTRACE")]
    assert found["uevent"] == YES_NO[on("NET")]
    assert found["sig_enforce"] == YES_NO[on("MODULE_SIG_FORCE")]


def test_the_verdict_is_the_exit_status():
    done = subprocess.run(
        [sys.executable, "-m", "ringward", "doctor", "--json"], capture_output=True, text=True, check=False
    )
    data = json.loads(done.stdout)
    assert data["ready"] == verdict(look()).state
    assert done.returncode == {"yes": 0, "no": 1, "unknown": 3}[data["ready"]]
    assert data["ready"] == YES_NO[config().get("CONFIG_MODULES") == "y"]


def test_without_privilege_the_reason_is_the_kernels():
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
    done = subprocess.run(
        [*command, sys.executable, "-m", "ringward", "doctor", "--json"], capture_output=True, text=True, check=False
    )
    found = {c["name"]: c for c in json.loads(done.stdout)["capabilities"]}
    assert done.returncode == 1
    for name in ("bpf", "tp_btf", "fentry", "ring_buffer", "bpf_loop", "kernel_read"):
        assert found[name]["state"] == "no", found[name]
        assert "EPERM" in found[name]["reason"]
    assert "CAP_BPF is missing" in found["bpf"]["reason"]
    assert found["uevent"]["state"] == "yes"


@contextmanager
def off(switch: Path) -> Iterator[None]:
    before = switch.read_text()
    switch.write_text("0")
    try:
        yield
    finally:
        switch.write_text(before)


@pytest.mark.guest
def test_a_deaf_hook_is_not_taken_for_a_working_one():
    assert states()["fentry"] == states()["kprobe"] == "yes"
    with off(FTRACE):
        found = {c.name: c for c in look()}
        assert found["ftrace_enabled"].state == "no"
        assert {found[name].state for name in ("fentry", "fmod_ret", "lsm", "kprobe")} == {"no"}
        # Trying would break ftrace until the next boot: see ringward.sensor.probes.classify_ftrace.
        assert found["fentry"].reason.startswith("not tried: kernel.ftrace_enabled = 0")
        assert found["tp_btf"].state == "yes", "tracepoints do not need ftrace"
    with off(KPROBES):
        found = {c.name: c for c in look()}
        assert found["kprobes_enabled"].state == found["kprobe"].state == "no"
        assert found["fentry"].state == "yes"
    assert states()["fentry"] == states()["kprobe"] == "yes"


def test_nothing_stays_attached():
    def ours() -> list[int]:
        done = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, text=True, check=True)
        return [p["id"] for p in json.loads(done.stdout) if p.get("name") == "ringward_probe"]

    look()
    end = time.monotonic() + 10
    while left := ours():  # the kernel frees a program some time after its last descriptor is closed
        assert time.monotonic() < end, f"programs {left} stay"
        time.sleep(0.1)
