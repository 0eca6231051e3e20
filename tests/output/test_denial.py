from __future__ import annotations

from typing import Any

import pytest

from ringward.events import Event, FileId
from ringward.output.denial import lines, reason, request, sentence, what
from ringward.trust.entry import alias, short
from ringward.trust.rules import Action, Rule
from tests.output.event_factory import event

DIGEST = "ab" * 32
RULE = Rule("no-bad", Action.DENY, message="not here", link="https://example.org/x", where="/etc/r.toml:3")


def denied(event_name: str = "module_verdict", **given: Any) -> Event:
    values = {"verdict": "deny", "refused": True, "mode": "enforce", "made_by": "default", "rule": None}
    if event_name == "module_verdict":
        values |= {"digest": DIGEST, "name": "bad", "stage": "image"}
    return event(event_name, given=values | given)


def test_an_unknown_module() -> None:
    assert lines(denied(), None) == [
        f"ringward: refused: kernel module bad (sha256 {DIGEST}, from memory)",
        "ringward: nothing vouches for it",
        f"ringward: an administrator lets it in with: ringward trust approve {DIGEST[:12]}",
    ]


def test_one_that_a_rule_denies_cannot_be_approved() -> None:
    file = FileId("/tmp/bad.ko", "0:1", 1, 1)
    found = denied(made_by="deny rule", rule="no-bad", file=file, param_values="a=1")
    assert lines(found, RULE) == [
        f"ringward: refused: kernel module bad with a=1 (sha256 {DIGEST}, /tmp/bad.ko)",
        "ringward: rule no-bad: not here (https://example.org/x)",
    ]
    assert request(found) == ""


@pytest.mark.parametrize(
    ("given", "rule", "text"),
    [
        ({"made_by": "fault"}, None, "the kernel had no room for one more decision: try again"),
        ({"rule": "r"}, None, "rule r"),
        ({"rule": "r"}, Rule("r", Action.DENY, where="f:1"), "rule r (f:1)"),
        (
            {"rule": "r", "fact_unread": True},
            Rule("r", Action.DENY, message="m"),
            "rule r, as what it asks for could not be read: m",
        ),
    ],
)
def test_reasons(given: dict[str, Any], rule: Rule | None, text: str) -> None:
    assert reason(denied(**given), rule) == text


def test_what_could_not_be_read_is_said() -> None:
    assert what(denied(digest=None, name=None)) == "kernel module (no name) (its digest could not be made, from memory)"
    assert request(denied(digest=None)) == ""
    assert "alias could not be read" in what(denied("autoload_verdict", alias=None))
    assert "name could not be read" in what(denied("unload_verdict", name=None))


def test_requests_and_removals() -> None:
    found = denied("autoload_verdict", alias="net-pf-5")
    assert (what(found), reason(found, None)) == ("the kernel's request for net-pf-5", "nothing vouches for it")
    assert request(found) == f"ringward trust approve {short(alias('net-pf-5').digest)}"
    assert request(denied("autoload_verdict", alias="x", made_by="deny rule", rule="r")) == ""
    assert request(denied("autoload_verdict", alias=None)) == ""
    removal = denied("unload_verdict", name="dummy")
    assert (what(removal), reason(removal, None)) == ("removal of kernel module dummy", "no rule allows it")


def test_other_events_are_none() -> None:
    other = event("module_load")
    assert (what(other), reason(other, None), request(other)) == ("", "", "")


def test_one_line_for_the_log() -> None:
    text = sentence(denied(refused=False, mode="monitor"), None)
    assert text.startswith(f"would refuse kernel module bad (sha256 {DIGEST}, from memory), by modprobe (pid 4321, uid")
    assert text.endswith(f"nothing vouches for it; to let it in: ringward trust approve {DIGEST[:12]}")
    assert sentence(denied(), None).startswith("refused ")


def test_nothing_of_the_event_moves_the_cursor() -> None:
    found = denied(name="\x1b[2J", param_values="\r\n\u202e")
    for text in (*lines(found, None), sentence(found, None)):
        assert text.isprintable()


def test_the_start_of_an_unknown_program() -> None:
    values = {"verdict": "unknown", "digest": DIGEST, "role": "script", "path": "/x"}
    found = event("program_verdict", given=values)
    assert sentence(found, None) == (
        f"started script /x (sha256 {DIGEST}), by modprobe (pid 4321, uid 1000): nothing vouches for it;"
        f" to let it in: ringward trust approve {DIGEST[:12]}"
    )
    real = event("program_verdict", given=values | {"digest": None, "file": FileId("/real", "0:1", 1, 1)})
    assert sentence(real, None) == (
        "started script /real (its digest could not be made), by modprobe (pid 4321, uid 1000): nothing vouches for it"
    )
