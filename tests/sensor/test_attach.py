"""Loading and attaching: the next hook for each that a kernel refuses, and nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.events import BY_NAME, GROUPS
from ringward.sensor import SensorError, _native, attach, probes
from ringward.sensor.attach import Attached, attachments, last_reason
from ringward.sensor.info import NoModulesError
from ringward.sensor.ladder import CONTEXT_EVENTS
from tests.btf.built import tool
from tests.sensor.made_up_kernel import MadeUp, refusal, use

ALL = tuple(name for name, cls in BY_NAME.items() if cls.record and cls.group != "guard")
NO_MODULES = "this kernel has no module support (no /proc/modules)"
EPERM = (1, "Operation not permitted")


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as found:
        yield found


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_the_best_hooks_are_attached_and_close_leaves_nothing(patch: pytest.MonkeyPatch) -> None:
    kernel = use(patch, MadeUp())
    before = open_files()
    attached, choice = attach.attach(ALL, {})
    assert choice.missing == {}
    assert sorted(kernel.attached) == sorted(p for programs in choice.programs().values() for p in programs)
    assert sorted(file.name for file in attached.files()) == sorted(choice.programs())
    attached.close()
    assert (kernel.attached, kernel.objects) == ([], [])
    assert open_files() == before


def test_a_program_that_is_refused_at_load_gives_way_to_the_next(patch: pytest.MonkeyPatch) -> None:
    use(patch, MadeUp(load={"lsm_post_read_file", "fentry_post_read_file"}))
    attached, choice = attach.attach(["module_digest"], {})
    assert choice.hooks["module_digest"].rung == "kprobe"
    attached.close()


def test_one_that_is_refused_at_attach_gives_way_to_the_next(patch: pytest.MonkeyPatch) -> None:
    kernel = use(patch, MadeUp(attach={"tp_btf_sys_exit"}))
    attached, choice = attach.attach(["finit_module"], {})
    assert choice.hooks["finit_module"].rung == "fentry"
    assert "tp_btf_sys_enter" not in kernel.attached
    assert "tp_btf_sys_exit" not in kernel.attached
    attached.close()
    assert kernel.attached == []


def test_an_object_that_is_not_needed_any_more_is_unloaded(patch: pytest.MonkeyPatch) -> None:
    """The aids of an event that cannot be seen at all came first."""
    calls = {p for hook in BY_NAME["finit_module"].hooks for p in hook.programs}
    kernel = use(patch, MadeUp(load=calls))
    attached, choice = attach.attach(["finit_module", "module_load"], {})
    assert "finit_module" in choice.missing
    assert "ringward_copies" not in kernel.objects
    assert sorted(kernel.attached) == sorted(p for programs in choice.programs().values() for p in programs)
    attached.close()


def test_what_cannot_be_had_at_all_has_the_reason_of_each_rung(patch: pytest.MonkeyPatch) -> None:
    digest = {p for hook in BY_NAME["module_digest"].hooks for p in hook.programs}
    use(patch, MadeUp(load=digest))
    attached, choice = attach.attach(["module_digest", "module_load"], {})
    assert choice.missing["module_digest"] == "Invalid argument (R1 type=scalar expected=fp)"
    attached.close()


def test_nothing_at_all_is_an_error_that_says_why_and_leaves_nothing(patch: pytest.MonkeyPatch) -> None:
    every = {
        p for cls in BY_NAME.values() for ladder in (cls.hooks, *cls.aids) for hook in ladder for p in hook.programs
    }
    kernel = use(patch, MadeUp(load=every, error=lambda program: refusal(program, *EPERM)))
    before = open_files()
    patch.setattr(attach, "obstacle", lambda: None)
    with pytest.raises(SensorError, match=r"^Operation not permitted \(R1 type=scalar expected=fp\)$"):
        attach.attach(ALL, {})
    # What is lacking altogether is told once, not as each program's refusal.
    patch.setattr(attach, "obstacle", lambda: "no permission")
    with pytest.raises(SensorError, match=r"^no permission$"):
        attach.attach(ALL, {})
    assert kernel.objects == []
    assert open_files() == before


def switch_ftrace(patch: pytest.MonkeyPatch, folder: Path, text: str | None) -> None:
    switch = folder / "ftrace_enabled"
    if text is not None:
        switch.write_text(text)
    patch.setattr(attach.probes, "FTRACE_ENABLED", str(switch))


@pytest.mark.parametrize("forced", [None, "fentry", "kprobe", "lsm"])
def test_no_function_is_hooked_while_ftrace_is_switched_off(
    patch: pytest.MonkeyPatch, tmp_path: Path, forced: str | None
) -> None:
    """Attaching then breaks ftrace until the next boot (`ringward.sensor.probes.classify_ftrace`)."""
    switch_ftrace(patch, tmp_path, "0\n")
    kernel = use(patch, MadeUp())
    attached, choice = attach.attach(ALL, {}, forced)
    hooks = (*choice.hooks.values(), *choice.aids.values())
    assert {hook.rung for hook in hooks} <= {"tp_btf", "tracepoint"}
    assert not [name for name in kernel.attached if name.startswith(("fentry", "fexit", "lsm", "kprobe", "kretprobe"))]
    assert "module_digest" in choice.missing
    assert "finit_module" in choice.missing or "finit_module: strndup_user" in choice.missing
    for label in {"module_digest", "finit_module: strndup_user", "finit_module"} & set(choice.missing):
        assert choice.missing[label].startswith("not tried: kernel.ftrace_enabled = 0")
        assert choice.missing[label].endswith("sysctl kernel.ftrace_enabled=1")
    for name in ("finit_module", "module_load", "process_exec"):
        # A rung that was forced is not replaced.
        assert (name in choice.hooks) == (forced not in {hook.rung for hook in BY_NAME[name].hooks})
    attached.close()


def test_the_rung_under_a_refused_one_is_a_tracepoint_while_ftrace_is_off(
    patch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    switch_ftrace(patch, tmp_path, "0\n")
    use(patch, MadeUp(attach={"tp_btf_sys_exit"}))
    attached, choice = attach.attach(["finit_module"], {})
    assert choice.hooks["finit_module"].rung == "tracepoint"
    attached.close()


@pytest.mark.parametrize("text", ["1\n", None], ids=["on", "no such switch"])
def test_functions_are_hooked_where_ftrace_is_not_switched_off(
    patch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    switch_ftrace(patch, tmp_path, text)
    use(patch, MadeUp())
    attached, choice = attach.attach(ALL, {}, "fentry")
    assert choice.hooks["module_digest"].rung == "fentry"
    attached.close()


def test_a_kernel_without_modules_still_has_calls_and_programs(patch: pytest.MonkeyPatch) -> None:
    use(patch, MadeUp(), modules=False)
    attached, choice = attach.attach(ALL, {})
    assert {"finit_module", "create_module", "process_exec"} <= set(choice.hooks)
    assert choice.missing["module_load"] == choice.missing["module_digest"] == NO_MODULES
    attached.close()
    with pytest.raises(NoModulesError, match="no module support"):
        attach.attach(["module_load"], {})


def test_nothing_asked_for_but_the_stream_itself_is_no_fault(patch: pytest.MonkeyPatch) -> None:
    use(patch, MadeUp())
    attached, choice = attach.attach(GROUPS["stream"], {})
    assert set(choice.hooks) == set(CONTEXT_EVENTS)
    attached.close()
    use(patch, MadeUp(load=set(PROGRAMS)))
    patch.setattr(attach, "obstacle", lambda: None)
    with pytest.raises(SensorError, match="the sensor's own"):
        attach.attach(GROUPS["stream"], {})


@pytest.mark.parametrize(
    ("names", "jit", "can"),
    [
        (b"\0task\0bpf_rdonly_cast\0", "1", True),
        (b"\0task\0bpf_rdonly_cast\0", "0", False),
        (b"\0bpf_rdonly_cast_x\0", "1", False),
        (None, "1", False),
    ],
)
def test_structures_are_cast_where_the_kernel_has_the_function(
    tmp_path: Path, names: bytes | None, jit: str, can: bool
) -> None:
    if names is not None:
        (tmp_path / "btf").write_bytes(names)
    (tmp_path / "jit").write_text(f"{jit}\n")
    assert probes.can_cast(str(tmp_path / "btf"), str(tmp_path / "jit")) is can


def test_knobs_and_the_size_of_the_ring_reach_the_objects(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(probes, "can_cast", lambda: True)
    kernel = use(patch, MadeUp())
    attached, _choice = attach.attach(
        ["finit_module", "create_module"], {"only_uid_set": 1, "only_uid": 77}, None, 65536
    )
    assert kernel.sizes == {"events": 65536}
    for file in attached.files():
        value = kernel.values[f"ringward_{file.name}"]
        knobs = {name: int.from_bytes(value[at : at + size], "little") for name, (at, size) in file.knobs().items()}
        assert (knobs["only_uid_set"], knobs["only_uid"]) == (1, 77)
        assert knobs.get("can_cast", 1) == 1
        if file.name == "module_syscall":
            # KIND_CREATE_MODULE and KIND_FINIT_MODULE of bpf/events.h.
            assert knobs["tp_btf_kinds"] == 1 << 1 | 1 << 3
    attached.close()


def test_only_what_is_seen_by_the_raw_hook_is_in_its_mask(patch: pytest.MonkeyPatch) -> None:
    kernel = use(patch, MadeUp())
    attached, choice = attach.attach(["finit_module", "create_module"], {}, "kprobe")
    assert choice.hooks["finit_module"].rung == "kprobe"
    (file,) = [file for file in attached.files() if file.name == "module_syscall"]
    at, size = file.knobs()["tp_btf_kinds"]
    assert int.from_bytes(kernel.values["ringward_module_syscall"][at : at + size], "little") == 1 << 1
    attached.close()


def test_runs_that_the_kernel_skipped_are_told_by_program_and_reason(patch: pytest.MonkeyPatch) -> None:
    kernel = use(patch, MadeUp())
    attached, _choice = attach.attach(["process_exec", "module_digest"], {}, "kprobe")
    kernel.missed = {"kprobe_post_read_file": 7}
    kprobe, tracing = 2, 26  # include/uapi/linux/bpf.h: enum bpf_prog_type
    patch.setattr(attach._native, "program_info", lambda _fd: {"type": kprobe, "recursion_misses": 3})
    found = attached.skipped()
    assert found["the kernel skipped the probe of kprobe_post_read_file: probes of too many calls were under way"] == 7
    assert found["the kernel skipped kprobe_post_read_file: another eBPF program was under way on that CPU"] == 3
    assert sorted({reason.split(":")[0].rpartition(" ")[2] for reason in found}) == sorted(kernel.attached)
    patch.setattr(attach._native, "program_info", lambda _fd: {"type": tracing, "recursion_misses": 0})
    assert not any("another eBPF program" in reason for reason in attached.skipped())
    attached.close()


PROGRAMS = sorted(
    {p for cls in BY_NAME.values() for ladder in (cls.hooks, *cls.aids) for h in ladder for p in h.programs}
)


@settings(max_examples=40)
@given(st.sets(st.sampled_from(PROGRAMS)), st.sets(st.sampled_from(PROGRAMS)), st.sampled_from([22, 1]))
def test_whatever_is_refused_the_rest_is_attached_and_nothing_stays(
    load: set[str], attaching: set[str], number: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kernel = use(patch, MadeUp(load, attaching, lambda program: refusal(program, number, os.strerror(number))))
        before = open_files()
        try:
            attached, choice = attach.attach(ALL, {})
        except SensorError as error:
            assert str(error)  # noqa: PT017 - the other outcome is asserted below
        else:
            assert set(choice.hooks) | set(choice.missing) >= set(ALL)
            chosen = [p for programs in choice.programs().values() for p in programs]
            assert sorted(kernel.attached) == sorted(chosen)
            assert not set(chosen) & (load | attaching)
            attached.close()
        assert (kernel.attached, kernel.objects) == ([], [])
        assert open_files() == before


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("", "Operation not permitted"),
        (
            "libbpf: prog 'x': BPF program load failed: Operation not permitted\nlibbpf: failed to load object 'x'\n",
            "Operation not permitted",
        ),
        (
            (
                "libbpf: Failed to bump RLIMIT_MEMLOCK (err = -1), you might need to do it explicitly!\n"
                "libbpf: Error in bpf_object__probe_loading(): Operation not permitted(1). Make sure your kernel"
                " supports BPF (CONFIG_BPF_SYSCALL=y) and/or that RLIMIT_MEMLOCK is set to big enough value.\n"
            ),
            "Operation not permitted",
        ),
        ("libbpf: permission error while running as root; try raising 'ulimit -l'?\n", "Operation not permitted"),
        ("a\nlibbpf: prog 'f': failed to find kernel BTF type ID\n\n", "Operation not permitted (prog 'f': failed to"),
        ("first\n" + "x" * 400, "Operation not permitted (" + "x" * 160 + ")"),
    ],
)
def test_the_reason_is_one_line_of_the_kernels(log: str, reason: str) -> None:
    found = last_reason(_native.BpfError(*EPERM, "load", log))
    assert found == reason if ":" not in reason else found.startswith(reason)
    assert "\n" not in found


def test_a_kind_of_program_that_is_not_permitted_is_not_tried_again(patch: pytest.MonkeyPatch) -> None:
    fentry = {p for p in PROGRAMS if p.startswith(("fentry", "fexit"))}
    tries: list[str] = []

    def error(program: str) -> _native.BpfError:
        tries.append(program)
        return refusal(program, *EPERM)

    use(patch, MadeUp(load=fentry, error=error))
    attached, choice = attach.attach(ALL, {}, "fentry")
    assert not any(hook.rung == "fentry" for hook in (*choice.hooks.values(), *choice.aids.values()))
    # Each object was tried once, not each of its programs.
    assert len(tries) <= 8
    attached.close()


def programs_in_the_kernel() -> dict[int, dict[str, Any]]:
    done = subprocess.run([tool("bpftool"), "-j", "prog", "show"], check=True, capture_output=True, text=True)
    return {program["id"]: program for program in json.loads(done.stdout)}


def test_what_is_attached_is_in_the_kernel_and_goes_with_close() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs CAP_BPF and CAP_PERFMON: not root")
    attached, choice = attach.attach(["create_module", "process_exec"], {})
    try:
        told = attachments(attached, choice)
        ids = {number for found in told.values() for number in found.programs}
        there = programs_in_the_kernel()
        assert ids <= set(there)
        names = {program[:15] for programs in choice.programs().values() for program in programs}
        assert {there[number]["name"][:15] for number in ids} == names
        assert set(attached.program_fds()) == {p for programs in choice.programs().values() for p in programs}
        done = subprocess.run([tool("bpftool"), "-j", "link", "show"], check=True, capture_output=True, text=True)
        assert ids <= {link["prog_id"] for link in json.loads(done.stdout)}
    finally:
        attached.close()
    # The kernel frees them after a grace period.
    end = time.monotonic() + 20
    while ids & set(programs_in_the_kernel()):
        assert time.monotonic() < end, "programs stay in the kernel after close"
        time.sleep(0.1)


def test_closing_twice_is_closing_once() -> None:
    attached = Attached()
    attached.close()
    attached.close()
    assert attached.files() == []
