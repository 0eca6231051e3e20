"""A kernel with x32 switched on: such calls do what they ask for, and every function hook sees them.

Debian's kernels have it off (``syscall.x32=y`` on the command line turns it on); see
`test_lsm_without_bpf.py` for the boot.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kernel.calls import by, call, image_of, seen
from tests.kernel.conftest import Watch

ASKED = "syscall.x32=y" in Path("/proc/cmdline").read_text().split()
MODULE = "tcp_vegas"
pytestmark = [
    pytest.mark.modules,
    pytest.mark.guest,
    pytest.mark.skipif(not ASKED, reason="not booted with syscall.x32=y: takes a guest of its own"),
]


@pytest.mark.parametrize("hook", ["tp_btf", "fentry", "kprobe"])
def test_a_load_and_its_unload(watch: Callable[..., Watch], hook: str) -> None:
    w = watch("modules", hook=hook, canary_seconds=None)
    load = call("x32", "finit_module", f"fd:{image_of(MODULE)}", "s:alpha=9", 0)
    delete = call("x32", "delete_module", f"s:{MODULE}", 0x800)
    assert (load.result, delete.result) == (0, 0)
    event = seen(w, load)
    assert (event.abi, event.hook, event.result) == ("x32", hook, 0)
    assert (event.args.param_values, event.sources["param_values"]) == ("alpha=9", "kernel")
    assert {step.load.id for step in by(w, load)} == {event.load.id}
    assert {step.event for step in by(w, load)} == {"module_digest", "module_load", "do_init_module", "finit_module"}
    event = seen(w, delete)
    assert (event.abi, event.hook, event.result, event.args.name) == ("x32", hook, 0, MODULE)


def test_the_tracepoints_do_not_see_them(watch: Callable[..., Watch]) -> None:
    w = watch("finit_module", "delete_module", hook="tracepoint", canary_seconds=None)
    missed = call("x32", "delete_module", f"s:{MODULE}", 0x800)
    other = call("64", "delete_module", f"s:{MODULE}", 0x800)
    assert seen(w, other).hook == "tracepoint"
    assert by(w, missed, "delete_module") == []
