"""`ringward doctor`: table, JSON, exit status."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ringward.cli import doctor
from ringward.cli.errors import UsageError
from ringward.sensor.features import FEATURES, NEEDED, Capability
from ringward.sensor.probes import NO, UNKNOWN, YES


def found(**states: str) -> tuple[Capability, ...]:
    needed = {name for group in NEEDED for name in group}
    return tuple(
        Capability(f.name, f.title, states.get(f.name, YES), "the reason", f.name in needed, f.loses, f.remedy)
        for f in FEATURES
    )


@pytest.mark.parametrize(("state", "status"), [(YES, 0), (NO, 1), (UNKNOWN, 3)])
def test_the_status_is_the_answer(monkeypatch, capsys, state: str, status: int) -> None:
    monkeypatch.setattr(doctor, "look", lambda: found(btf=state))
    assert doctor.main([]) == status
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"default events: {state}; ")


def test_what_is_missing_says_what_is_lost_and_how_to_get_it() -> None:
    report = doctor.make_report(found(btf=NO), "6.1", 0)
    text = "\n".join(doctor.lines(report, 80))
    btf = next(f for f in FEATURES if f.name == "btf")
    assert f"lost: {btf.loses}" in text
    assert f"get it: {btf.remedy}" in text
    assert text.count("lost: ") == 1
    assert text.splitlines()[-1] == "default events: no; missing: btf"


def test_a_state_that_only_informs_has_no_remedy() -> None:
    report = doctor.make_report(found(sig_enforce=NO), "6.1", 0)
    assert not [line for line in doctor.lines(report, 80) if "get it" in line]
    assert report.ready == YES


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits(width: int) -> None:
    states = {feature.name: NO for feature in FEATURES}
    report = doctor.make_report(found(**states), "6.1.0-56-amd64", 0)
    assert max(map(len, doctor.lines(report, width))) <= width


def test_json_is_whole_and_versioned(monkeypatch, capsys) -> None:
    monkeypatch.setattr(doctor, "look", lambda: found(kprobe=UNKNOWN))
    assert doctor.main(["--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == doctor.SCHEMA == 1
    assert (data["kernel"], data["user"], data["ready"]) == (os.uname().release, os.geteuid(), YES)
    assert [c["name"] for c in data["capabilities"]] == [f.name for f in FEATURES]
    assert set(data["capabilities"][0]) == {"name", "title", "state", "reason", "needed", "loses", "remedy"}
    assert doctor.main(["--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == data


def test_a_bad_option_is_a_usage_fault() -> None:
    with pytest.raises(UsageError, match="invalid choice"):
        doctor.main(["--output", "xml"])


def test_this_machine_is_told_as_it_is(capsys) -> None:
    status = doctor.main(["--json"])
    data = json.loads(capsys.readouterr().out)
    states = {c["name"]: c["state"] for c in data["capabilities"]}
    assert states["modules"] == (YES if Path("/proc/modules").exists() else NO)
    assert states["btf"] == (YES if Path("/sys/kernel/btf/vmlinux").exists() else NO)
    assert status == {YES: 0, NO: 1, UNKNOWN: 3}[data["ready"]]
