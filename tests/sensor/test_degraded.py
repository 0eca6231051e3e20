"""The source without eBPF says what is missing, and never more than uevents tell."""

from __future__ import annotations

import os

import pytest

from ringward.events import BY_NAME, select
from ringward.sensor.degraded import SEEN, UeventSource, advice
from ringward.sensor.info import SensorError, Totals


def test_advice_is_one_line_that_says_what_to_do():
    as_user = advice("Operation not permitted", root=False)
    assert "\n" not in as_user
    assert "Operation not permitted" in as_user
    assert "run as root" in as_user
    assert "ringward doctor" in advice("Operation not permitted", root=True)


def test_what_uevents_cannot_tell_is_missing_with_the_reason():
    source = UeventSource(select([]), Totals(), "no BTF")
    source.close()
    assert set(source.info.attached) == set(SEEN)
    for name, how in source.info.attached.items():
        # As the event's page says it.
        hook = BY_NAME[name].hooks[-1]
        assert (how.rung, how.where, how.loses) == ("uevent", hook.name, hook.loses)
        assert how.loses
    assert source.info.missing["finit_module"] == "no BTF"
    assert not set(source.info.missing) & set(SEEN)
    assert source.info.kind == "uevent"
    assert source.info.degraded is not None
    assert "no BTF" in source.info.degraded
    assert source.info.kernel == os.uname().release


def test_the_stream_begins_with_what_can_be_seen_and_what_not():
    source = UeventSource(select(["module_load", "finit_module"]), Totals(), "no BTF")
    told = [(e.args.state, e.args.subject_event, e.args.attached, e.args.reason) for e in source.look()]
    assert told == [("attached", "module_load", "uevent", None), ("missing", "finit_module", None, "no BTF")]
    assert source.look() == []
    assert source.close() == []


def test_asked_for_it_is_not_degraded():
    source = UeventSource(select(["modules"]), Totals(), None)
    source.close()
    assert source.info.degraded is None


def test_programs_alone_cannot_be_watched():
    with pytest.raises(SensorError, match=r"^process_exec: needs eBPF: no BTF; uevents tell"):
        UeventSource(select(["process_exec"]), Totals(), "no BTF")
