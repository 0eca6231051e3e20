"""A load by what still runs in the initramfs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest

from tests.kernel.calls import built, image_of
from tests.kernel.conftest import Watch

pytestmark = [pytest.mark.guest, pytest.mark.modules]
MODULE = "tcp_vegas"


def test_its_origin_is_named(watch: Callable[..., Watch]) -> None:
    w = watch("finit_module", canary_seconds=None)
    done = subprocess.run([built("initramfs"), image_of(MODULE)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    subprocess.run(["rmmod", MODULE], check=True)
    subprocess.run(["insmod", image_of(MODULE)], check=True)
    subprocess.run(["rmmod", MODULE], check=True)
    told = re.fullmatch(r"pid=(\d+) result=0\n", done.stdout)
    assert told, done.stdout
    w.until(lambda _: len(w.of("finit_module")) == 2)
    within, outside = w.of("finit_module")
    assert within.process.pid == int(told[1])
    assert (within.load.origin.kind, within.load.origin.text) == ("initramfs", "initramfs: initramfs")
    assert outside.load.origin.kind == "command"
