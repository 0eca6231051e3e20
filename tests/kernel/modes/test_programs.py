"""Where bpf is not among the security modules user space judges the starts of programs, and every event says so."""

from __future__ import annotations

import subprocess
import time

import pytest

from ringward.events import Event
from ringward.guard.programs import begin
from ringward.guard.session import Session
from tests.kernel.monitor import digest_of, tiny
from tests.kernel.programs import folder_fixture  # noqa: F401 - a fixture
from tests.kernel.witness import SECONDS

pytestmark = pytest.mark.guest


def test_user_space_judges_later_and_says_so(folder):
    judge = begin(())
    assert judge.weaker is not None
    assert judge.weaker.startswith("bpf is not among the active security modules: ")
    session = Session(None, ["program_verdict"], lambda _events: None, programs=judge)
    try:
        program = tiny(folder)
        process = subprocess.Popen([program])
        process.wait()
        found: list[Event] = []
        end = time.monotonic() + SECONDS
        while not found and time.monotonic() < end:
            told = [event for event in session.poll(0.1) if event.event == "program_verdict"]
            found = [event for event in told if event.process and event.process.pid == process.pid]
        (event,) = found
        args = event.args
        assert (args.verdict, args.how, event.hook, args.digest) == ("unknown", "later", "sensor", digest_of(program))
    finally:
        session.close()
        judge.close()
