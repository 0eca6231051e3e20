"""What a sensor is to wake on, by its real sources."""

from __future__ import annotations

import os
import threading
import time

import pytest

from ringward.sensor import Sensor

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs CAP_BPF and CAP_PERFMON: not root")


@needs_root
@pytest.mark.parametrize("hook", ["tp_btf", "uevent"])
def test_what_it_is_to_wake_on_ends_a_poll_in_which_nothing_comes(hook: str) -> None:
    reader, writer = os.pipe()
    try:
        with Sensor(["create_module" if hook == "tp_btf" else "module_load"], hook=hook, canary_seconds=None) as found:
            while found.poll(0.2):
                pass
            found.wake_on(reader)
            later = threading.Timer(0.2, os.write, (writer, b"!"))
            start = time.monotonic()
            later.start()
            assert found.poll(60) == []
            assert 0.2 <= time.monotonic() - start < 50
            later.join()
            assert found.poll(60) == [], "as long as it is readable"
            assert time.monotonic() - start < 50
    finally:
        os.close(reader)
        os.close(writer)
