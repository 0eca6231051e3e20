from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringward.kmod.plan_report import plan as as_values
from tests.kmod.plan_lab import PlanLab, module


@pytest.fixture
def told(tmp_path: Path) -> Any:
    lab = PlanLab(tmp_path / "lab")
    lab.modules({"user": [], "absent": []}, missing=["absent"])
    lab.files(user=module("user", wants={"commit_creds": 0x22}))
    lab.configure("blacklist user", "alias to user", "alias to nowhere")
    return as_values(lab.plan("user", "to", "absent"))


def test_what_was_asked(told: Any) -> None:
    assert [(each["asked"], each["source"]) for each in told["asked"]] == [
        ("user", "modules.dep"),
        ("to", "alias"),
        ("absent", "modules.dep"),
    ]
    assert told["asked"][1]["notes"][0]["directive"]["line"] == 3


def test_what_is_known_of_a_step(told: Any) -> None:
    user, skipped, nothing, absent = told["steps"]
    assert (user["action"], user["module"], user["state"], user["accepted"]) == ("insmod", "user", None, "yes")
    assert "result" not in user
    assert user["notes"][0]["directive"]["text"] == "blacklist user"
    assert [each["what"] for each in user["checks"]][:2] == ["loading", "vermagic"]
    assert user["sensitive"] == [
        {"symbol": "commit_creds", "group": "credentials", "good_for": "changes who a process is"}
    ]
    assert user["file"]["signature"]["result"] == "unsigned"
    assert user["file"]["taint"] == [{"letter": "E", "certain": True, "why": "it is not signed"}]
    assert len(user["file"]["sha256"]["file"]) == 64
    assert (skipped["action"], skipped["why"], skipped["directive"]["line"]) == ("skip", "blacklisted", 1)
    assert (nothing["action"], nothing["accepted"], nothing["file"]) == ("nothing", None, None)
    assert absent["why_no_file"].endswith("No such file or directory")
    assert absent["accepted"] == "could not look"
