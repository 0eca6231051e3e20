from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import pytest

from ringward.events import Event
from ringward.events.filter import Filter
from ringward.guard import session
from ringward.guard.session import ASIDE, Session
from ringward.sensor.info import Attachment, SensorError, SensorInfo, Totals
from ringward.sensor.origin import Cause, origin
from ringward.trust.rules import Mode, Operation, Policy
from tests.output.event_factory import event, process


class Sensor:
    """A sensor of prepared events, whose hooks are heard after some polls."""

    made: list[Sensor]
    missing: dict[str, str]
    batches: list[list[Event]]
    deaf: frozenset[str]
    polls_until_heard: int

    def __init__(
        self,
        names: list[str],
        *,
        elsewhere: object,
        on_demand: bool,
        judge: Callable[[Event, Cause], Iterable[Event]] | None,
    ) -> None:
        self.names, self.elsewhere, self.on_demand, self.judge = names, elsewhere, on_demand, judge
        self.totals = Totals()
        self.polls = 0
        type(self).made.append(self)

    def open(self) -> SensorInfo:
        return SensorInfo("6.1", "here", "ebpf", {}, self.missing, None, None, "not looked at")

    @property
    def unheard(self) -> frozenset[str]:
        found = {"module_verdict"} if self.polls < self.polls_until_heard else set()
        return frozenset(found) | self.deaf

    def wake_on(self, fd: int) -> None:
        self.waker = fd

    def poll(self, _timeout: float) -> list[Event]:
        self.polls += 1
        return self.batches.pop(0) if self.batches else []

    def close(self) -> list[Event]:
        return [event("module_load", given={"name": "late"})]


class Holder:
    def __init__(self, *judged: str) -> None:
        self.attachments = {name: Attachment("lsm", "x", "") for name in judged}
        self.modes: Callable[[int], Mode] | None = None
        self.kept: list[str] = []
        self.silent: list[str] = []
        self.passing: dict[str, str] = {}
        self.unreached: dict[str, str] = {}

    def deaf(self) -> list[str]:
        return self.silent

    def undecided(self) -> dict[str, str]:
        return dict(self.passing)

    def policy_at(self, time: int) -> Policy | None:
        if self.modes is None:
            return None
        return Policy((), None, (0,), {Operation.MODULES: self.modes(time)})  # type: ignore[arg-type]

    def keep_loaded(self, name: str) -> None:
        self.kept.append(name)


@pytest.fixture
def sensor(monkeypatch: pytest.MonkeyPatch) -> type[Sensor]:
    for name, value in {"made": [], "missing": {}, "batches": [], "deaf": frozenset(), "polls_until_heard": 0}.items():
        monkeypatch.setattr(Sensor, name, value, raising=False)
    monkeypatch.setattr(session, "Sensor", Sensor)
    monkeypatch.setattr(session, "PROOF_NS", 50_000_000)
    return Sensor


def opened(holder: Holder, *shown: str, only: Filter | None = None) -> tuple[Session, list[list[Event]]]:
    heard: list[list[Event]] = []
    return Session(holder, shown, heard.append, only), heard  # type: ignore[arg-type]


def names(events: list[Event]) -> list[str]:
    return [one.event for one in events]


def test_it_watches_verdicts_and_what_they_are_joined_with(sensor: type[Sensor]) -> None:
    holder = Holder("module_verdict", "module_verdict: strndup_user")
    opened(holder)
    assert sensor.made[0].names == ["module_verdict", *ASIDE]
    assert sensor.made[0].elsewhere is holder
    assert sensor.made[0].on_demand


def test_all_is_heard_and_what_is_wanted_is_shown(sensor: type[Sensor]) -> None:
    batch = [event("module_verdict"), event("init_module"), event("events_lost")]
    sensor.batches = [batch]
    made, heard = opened(Holder("module_verdict"), "module_verdict")
    assert names(made.poll(0)) == ["module_verdict", "events_lost"]
    assert made.poll(0) == []
    assert heard == [batch, []]
    assert made.totals.filtered == 0


def test_a_filter_counts_what_it_leaves_out(sensor: type[Sensor]) -> None:
    sensor.batches = [[event("module_verdict", process=None), event("module_verdict")]]
    made, _heard = opened(Holder("module_verdict"), "module_verdict", only=Filter(comms=("modprobe",)))
    assert len(made.poll(0)) == 1
    assert made.totals.filtered == 1


def test_a_module_that_was_loaded_is_held_where_removals_are_judged(sensor: type[Sensor]) -> None:
    for judged, kept in (("unload_verdict", ["dummy", "late"]), ("module_verdict", [])):
        sensor.batches = [[event("module_load", given={"name": "dummy"}), event("module_load", given={"name": None})]]
        holder = Holder(judged)
        made, _heard = opened(holder)
        made.poll(0)
        made.close()
        assert holder.kept == kept


def by_hand(*, lost: bool = False) -> Cause:
    return Cause(origin(process(), None, None), initramfs=False, lost=lost)


def test_a_call_that_linux_has_not_had_for_long_is_judged_where_loads_are(sensor: type[Sensor]) -> None:
    holder = Holder("unload_verdict")
    opened(holder)
    assert sensor.made[0].judge is None
    holder = Holder("module_verdict")
    opened(holder)
    judge = sensor.made[1].judge
    assert judge is not None
    assert list(judge(event("create_module"), by_hand())) == [], "there is no policy yet"
    holder.modes = lambda time: Mode.MONITOR if time >= 9 else Mode.ENFORCE
    found = [one for time in (8, 9) for one in judge(event("create_module", ktime=time), by_hand())]
    assert [(one.args.verdict, one.args.mode, one.args.origin) for one in found] == [
        ("deny", "enforce", "command"),
        ("deny", "monitor", "command"),
    ]


@pytest.mark.parametrize("why", ["usermodehelper", "module_request", "lost", "lost before", ""])
def test_where_a_request_may_be_unseen_no_call_is_said_to_be_made_by_hand(sensor: type[Sensor], why: str) -> None:
    if why in ("usermodehelper", "module_request"):
        sensor.missing = {why: "no such function"}
    holder = Holder("module_verdict")
    holder.modes = lambda _time: Mode.MONITOR
    made, _heard = opened(holder)
    judge = sensor.made[0].judge
    assert judge is not None
    if why == "lost before":
        made.totals.lose(1)
    (found,) = judge(event("create_module"), by_hand(lost=why == "lost"))
    assert found.args.origin == (None if why else "command")
    said = {"": "", "lost": "records were lost", "lost before": "records were lost"}.get(why, "no such function")
    assert said in found.unread.get("origin", "")


def test_proved_when_each_hook_was_heard(sensor: type[Sensor]) -> None:
    first: list[Any] = [event("sensor_status")]
    sensor.batches, sensor.polls_until_heard = [first, [event("events_lost")]], 2
    sensor.deaf = frozenset({"init_module"})
    made, heard = opened(Holder("module_verdict"))
    made.prove()
    assert heard == []
    assert names(made.poll(0)) == ["sensor_status", "events_lost"]


def test_what_came_before_the_proof_is_not_lost_when_it_ends_at_once(sensor: type[Sensor]) -> None:
    sensor.batches = [[event("module_verdict")]]
    made, heard = opened(Holder("module_verdict"), "module_verdict")
    made.prove()
    assert names(made.close()) == ["module_verdict"]
    assert names([one for batch in heard for one in batch]) == ["module_verdict", "module_load"]
    assert names(made.close()) == []


def test_a_hook_that_does_not_run_is_no_guard(sensor: type[Sensor]) -> None:
    sensor.deaf = frozenset({"module_verdict"})
    made, _heard = opened(Holder("module_verdict"))
    with pytest.raises(SensorError, match="cannot guard: module_verdict: the hook is attached and does not run"):
        made.prove()


def test_a_hook_of_its_own_protection_that_goes_deaf_is_an_alarm(
    sensor: type[Sensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "AGAIN_NS", 0)
    holder = Holder("self_verdict")
    made, heard = opened(holder)
    assert made.poll(0) == []
    holder.silent = ["bpf_map"]
    (alarm,) = made.poll(0)
    assert (alarm.event, alarm.args.state, alarm.args.subject_event) == ("sensor_status", "deaf", "self_verdict")
    assert alarm.args.reason.endswith("bpf_map")
    assert heard[-1] == [alarm]
    assert made.poll(0) == []
    holder.silent = []
    (alarm,) = made.poll(0)
    assert (alarm.args.state, alarm.args.reason) == ("heard", None)
    holder.silent = ["file_open"]
    with pytest.raises(SensorError, match="file_open"):
        made.prove()


def test_any_hook_of_a_guard_that_protects_itself_is_proved(
    sensor: type[Sensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "AGAIN_NS", 0)
    holder = Holder("self_verdict", "module_verdict", "unload_verdict")
    made, _heard = opened(holder)
    assert made.poll(0) == []
    holder.passing, holder.silent = {"module_verdict": "images in memory"}, ["file_open"]
    first, second = made.poll(0)
    assert [(one.args.state, one.args.subject_event) for one in (first, second)] == [
        ("deaf", "module_verdict"),
        ("deaf", "self_verdict"),
    ]
    assert first.args.reason == "attached, and did not decide on a canary: images in memory"
    assert made.poll(0) == []
    holder.passing = {"unload_verdict": "removals"}
    assert [(one.args.state, one.args.subject_event) for one in made.poll(0)] == [
        ("heard", "module_verdict"),
        ("deaf", "unload_verdict"),
    ]
    holder.silent = []
    with pytest.raises(SensorError, match="cannot guard: removals: the hook is attached and does not run"):
        made.prove()


def test_a_hook_that_cannot_be_made_to_decide_is_told_once(
    sensor: type[Sensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "AGAIN_NS", 0)
    label = "module_verdict: kernfs_init_security"
    holder = Holder("module_verdict", label)
    made, _heard = opened(holder)
    assert made.poll(0) == []
    holder.unreached = {label: "folders of modules"}
    (told,) = made.poll(0)
    assert (told.args.state, told.args.subject_event) == ("unproved", label)
    assert told.args.reason == "cannot be made to decide here: folders of modules"
    assert made.poll(0) == []
    holder.passing = {label: "folders of modules"}
    (told,) = made.poll(0)
    assert told.args.state == "deaf"
    holder.passing = holder.unreached = {}
    (told,) = made.poll(0)
    assert told.args.state == "heard"


class Programs:
    """A judge of programs whose hooks can go deaf."""

    events = ("program_verdict",)
    elsewhere = None
    attachments: ClassVar = {"program_verdict": Attachment("lsm", "x", "")}
    unreached: ClassVar = {}

    def __init__(self) -> None:
        self.passing: dict[str, str] = {}

    def undecided(self) -> dict[str, str]:
        return self.passing

    def refresh(self) -> None:
        """Nothing is mounted."""

    def verdicts(self, _event: Event) -> list[Event]:
        return []


def test_hooks_of_programs_are_proved_too(sensor: type[Sensor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "AGAIN_NS", 0)
    programs = Programs()
    made = Session(None, (), lambda _events: None, programs=programs)  # type: ignore[arg-type]
    assert made.poll(0) == []
    programs.passing = {"program_verdict": "files truncated"}
    (told,) = made.poll(0)
    assert (told.args.state, told.args.subject_event) == ("deaf", "program_verdict")
