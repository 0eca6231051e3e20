"""A kernel whose active security modules do not include bpf: LSM programs attach there and never run.

It takes a boot of its own, the second of `boots` in tools/run_tests.py: ``python -m vmtest -k KERNEL --append WORDS --
python -m pytest tests/kernel/modes``.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringward.sensor import Sensor, SensorError, ebpf
from tests.kernel.calls import by, call, image_of, seen
from tests.kernel.conftest import Watch
from tests.kernel.witness import sha256sum

ASKED = "lsm=lockdown,yama" in Path("/proc/cmdline").read_text().split()
SECURITYFS = Path("/sys/kernel/security")
MODULE = "tcp_vegas"
pytestmark = [
    pytest.mark.modules,
    pytest.mark.guest,
    pytest.mark.skipif(not ASKED, reason="not booted with lsm=lockdown,yama: takes a guest of its own"),
]


@pytest.fixture
def no_securityfs() -> Iterator[None]:
    subprocess.run(["umount", str(SECURITYFS)], check=True)
    yield
    subprocess.run(["mount", "-t", "securityfs", "securityfs", str(SECURITYFS)], check=True)


def test_the_next_rung_is_taken_and_hears(watch: Callable[..., Watch]) -> None:
    assert "bpf" not in (SECURITYFS / "lsm").read_text().strip().split(",")
    w = watch("finit_module", "module_digest", canary_seconds=None)
    assert w.info.attached["module_digest"].rung == "fentry"
    load = call("64", "finit_module", f"fd:{image_of(MODULE)}", "s:alpha=3", 0)
    unload = call("64", "delete_module", f"s:{MODULE}", 0x800)
    assert (load.result, unload.result) == (0, 0)
    assert seen(w, load).load.digest == sha256sum(image_of(MODULE))
    (digest,) = by(w, load, "module_digest")
    assert (digest.hook, digest.args.digest) == ("fentry", sha256sum(image_of(MODULE)))


def test_asked_for_it_is_refused_with_what_the_kernel_says() -> None:
    active = (SECURITYFS / "lsm").read_text().strip()
    with pytest.raises(SensorError, match=f"bpf is not among the active security modules: {active}"):
        Sensor(["module_digest"], hook="lsm").open()


def test_where_that_cannot_be_read_the_canary_tells(
    watch: Callable[..., Watch], no_securityfs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ebpf, "LOUD_CANARIES", 1)
    w = watch("finit_module", "module_digest", canary_seconds=1.0)
    assert w.info.attached["module_digest"].rung == "lsm", "attaching it is no proof"
    w.until(lambda events: [e for e in events if e.event == "sensor_status" and e.args.state == "deaf"])
    (deaf,) = (e for e in w.events if e.event == "sensor_status" and e.args.state == "deaf")
    assert (deaf.args.subject_event, deaf.args.attached) == ("module_digest", "lsm")
    load = call("64", "finit_module", f"fd:{image_of(MODULE)}", "s:alpha=3", 0)
    unload = call("64", "delete_module", f"s:{MODULE}", 0x800)
    assert (load.result, unload.result) == (0, 0)
    event = seen(w, load)
    assert event.load.digest is None
    assert "load.module_digest" in event.unread
