from __future__ import annotations

import pytest
from hypothesis import given

from ringward.events import BY_NAME, Event
from ringward.output.template import Template, TemplateError, fields
from tests.output.event_factory import event, every_event, hostile_events, load

ALL = tuple(BY_NAME)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{event} {process.comm}[{process.pid}]", "finit_module modprobe[4321]"),
        ("{args.fd}", "3"),
        ("{args.file.path}", "/usr/lib/modules/6.12.0/kernel/drivers/net/dummy.ko.xz"),
        ("{args.name}", "-"),  # other events have it
        ("{load.origin.text}", "command modprobe dummy, from bash[4300]"),
        ("{load.needed_by.name}", "-"),
        ("{process.namespaces.mnt}", "4026531841"),
        ("{process.namespaces.nonsense}", "-"),
        ("{process.ancestors.0.comm} {process.ancestors.9.comm}", "bash -"),
        ("{process.args}", "modprobe dummy"),
        ("{process.container}", "-"),
        ("{unread.result}", "-"),
        ("{tags.fd}", "K"),
        ("{result}/{error}", "0/-"),
        ("{subject} {outcome} {cause}", "dummy ok command modprobe dummy, from bash[4300] < systemd[1]"),
        ("{digest:12}|", "abcdef01234~|"),
        ("{event:14}|{event:>14}|", "finit_module  |  finit_module|"),
        ("{{{event}}}", "{finit_module}"),
        (r"a\tb\nc\\d", "a\tb\nc\\d"),
        ("no field", "no field"),
        ("", ""),
    ],
)
def test_render(text: str, shown: str) -> None:
    assert Template(text, ALL).render(event(load=load(), result=0)) == shown


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{proces.comm}", "process.comm"),
        ("{args.param_value}", "args.param_values"),
        ("{args}{eventt}", "event"),
        ("{load.orign.text}", "load.origin.text"),
        ("{process.comm.x}", "process.comm"),
        ("{}", "fields begin with: event"),
    ],
)
def test_an_unknown_field_gets_the_nearest_names(text: str, names: str) -> None:
    with pytest.raises(TemplateError, match="no field") as raised:
        Template(text, ALL)
    assert names in str(raised.value)


@pytest.mark.parametrize("text", ["{event", "event}", "{a{b}}", "{event:x}", "{event!r}", "{event.__class__}", "{0}"])
def test_what_is_no_field_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        Template(text, ALL)


def test_arguments_are_checked_against_the_events_that_can_come() -> None:
    Template("{args.alias}", ("module_request",))
    with pytest.raises(TemplateError, match=r"no field .args\.alias."):
        Template("{args.alias}", ("delete_module",))


def test_every_field_that_is_offered_is_accepted_and_rendered() -> None:
    offered = list(fields(ALL))
    assert "process.ancestors.0.exe" in offered
    assert "load.origin.requester.comm" in offered
    template = Template("\x1f".join(f"{{{name}}}" for name in offered), ALL)
    for made in every_event():
        assert template.render(made).count("\x1f") == len(offered) - 1


@given(hostile_events())
def test_no_event_adds_a_line_or_a_control_character(made: Event) -> None:
    shown = Template("{process.comm}{args}{load.origin.text}{unread}{subject}", ALL).render(made)
    assert shown.isprintable()
