"""The catalogue is complete, and agrees with the records and programs of the built objects."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path as FilePath

import pytest

from ringward.btf import Btf, Layout, layouts, section
from ringward.btf.layout import enum_values
from ringward.events import catalogue
from ringward.events.args import Args
from ringward.events.catalogue import CATALOGUE
from ringward.events.fields import (
    TAGS,
    UNREAD_TEXT,
    Convert,
    File,
    Flags,
    Hex,
    Path,
    RacyFile,
    RacyText,
    Spec,
    Text,
    Texts,
    U,
)
from ringward.events.hooks import RUNGS, Hook, Ladder
from ringward.events.registry import BY_NAME, GROUPS
from ringward.sensor import _native

HEADER = {"kind", "hook", "abi", "cpu", "seq", "time"}
FILE_TYPES = {"dev": "dev_nr", "path": "path_loc", "inode": "inode_nr", "ctime": "__u64", "nlink": "__u32"}
STRING_TYPES = {"str_loc", "str_list_loc", "path_loc"}
SECTION_RUNGS = {
    "tp_btf": "tp_btf",
    "lsm": "lsm",
    "lsm.s": "lsm",
    "fmod_ret": "fmod_ret",
    "fentry": "fentry",
    "fexit": "fentry",
    "kprobe": "kprobe",
    "kretprobe": "kprobe",
    "tracepoint": "tracepoint",
}

every_record = pytest.mark.parametrize(
    "cls", [cls for cls in CATALOGUE if cls.record], ids=lambda cls: cls.event_name()
)
every_event = pytest.mark.parametrize("cls", CATALOGUE, ids=lambda cls: cls.event_name())


@cache
def objects() -> dict[str, bytes]:
    """Return the built objects by name, without ``.bpf.o``."""
    folder = resources.files("ringward.sensor") / "objects"
    found = {
        entry.name.removesuffix(".bpf.o"): entry.read_bytes()
        for entry in folder.iterdir()
        if entry.name.endswith(".bpf.o")
    }
    assert found, f"no objects in {folder}: build the package (pip install -e .)"
    return found


@cache
def btf(name: str) -> Btf:
    return Btf(section(objects()[name], ".BTF"))


@cache
def records() -> dict[str, list[tuple[str, Layout]]]:
    """Return object and layout of each record, by the record's name."""
    found: dict[str, list[tuple[str, Layout]]] = {}
    for name in objects():
        for record, layout in layouts(btf(name)).items():
            found.setdefault(record, []).append((name, layout))
    return found


def members(cls: type[Args]) -> dict[str, str]:
    """Return the members of an event's record behind its header, padding left out: name and C type."""
    ((_object, layout),) = records()[cls.event_name()]
    return {
        field.name: field.ctype
        for field in layout.fields
        if field.name not in HEADER and not field.name.startswith("task.") and field.name.rsplit(".")[-1] != "pad"
    }


def ladders(cls: type[Args]) -> tuple[Ladder, ...]:
    return (cls.hooks, *cls.aids)


def all_hooks() -> list[tuple[str, Hook]]:
    return [(cls.event_name(), hook) for cls in CATALOGUE for ladder in ladders(cls) for hook in ladder]


@cache
def programs(name: str) -> dict[str, str]:
    """Return the section of each program of an object."""
    return dict(_native.Object(name, objects()[name]).programs())


def test_every_file_is_in_the_catalogue() -> None:
    folder = FilePath(catalogue.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert files == {cls.event_name() for cls in CATALOGUE}


def test_no_event_is_twice_in_the_catalogue() -> None:
    assert len(BY_NAME) == len(CATALOGUE)


@every_event
def test_the_event_stands_in_the_file_of_its_name(cls: type[Args]) -> None:
    assert cls.__module__ == f"ringward.events.catalogue.{cls.event_name()}"


@every_event
def test_intro_is_one_short_sentence_and_a_description_follows(cls: type[Args]) -> None:
    lines = (cls.__doc__ or "").split("\n")
    assert lines[0].endswith(".")
    assert len(lines[0]) <= 90
    assert len(lines) > 2
    assert lines[1] == ""
    assert len(" ".join(lines[2:]).split()) >= 30


@every_event
def test_use_case_and_issues_are_written(cls: type[Args]) -> None:
    for text in (cls.use_case, *cls.issues.split("\n\n")):
        assert len(text.split()) >= 5
        assert text.endswith(".")


@every_event
def test_every_argument_has_type_meaning_and_known_tags(cls: type[Args]) -> None:
    assert cls.specs()
    for spec in cls.specs().values():
        assert spec.ctype
        assert spec.doc.endswith(".")
        assert len(spec.doc.split()) >= 2
        assert set(spec.tags) <= set(TAGS)
        assert ("K" in spec.tags) != ("U" in spec.tags)


@every_event
def test_what_can_be_null_is_tagged_so(cls: type[Args]) -> None:
    # A string of the kernel's is null only when the kernel's memory cannot be read.
    for name, spec in cls.specs().items():
        if type(spec) in {RacyFile, File}:
            assert "OPT" in spec.tags, name


@every_event
def test_related_events_exist(cls: type[Args]) -> None:
    assert cls.related
    assert len(set(cls.related)) == len(cls.related)
    assert set(cls.related) <= set(BY_NAME) - {cls.event_name()}


@every_event
def test_group_is_one_that_can_be_named(cls: type[Args]) -> None:
    assert cls.group in {"modules", "programs", "guard", "stream", "calls"}
    assert (cls.event_name() in GROUPS[cls.group]) == cls.default


@every_event
def test_each_ladder_has_hooks_of_different_kinds_that_say_what_for(cls: type[Args]) -> None:
    for ladder in ladders(cls):
        kinds = [(hook.rung, hook.name) for hook in ladder]
        assert kinds
        assert len(set(kinds)) == len(kinds)
        for hook in ladder:
            assert hook.rung in RUNGS
            assert hook.name
            assert hook.purpose.endswith(".")
            assert not hook.loses.endswith(".")
            assert bool(hook.object) == bool(hook.programs)


@every_event
def test_a_hook_of_the_kernel_has_a_program(cls: type[Args]) -> None:
    made_in_kernel = [hook for hook in cls.hooks if hook.object]
    assert bool(made_in_kernel) == cls.record


@every_event
def test_a_class_with_a_record_has_exactly_one(cls: type[Args]) -> None:
    found = [name for name, _layout in records().get(cls.event_name(), [])]
    assert len(found) == int(cls.record), found


def test_every_record_has_a_class() -> None:
    assert {name for name, cls in BY_NAME.items() if cls.record} == set(records())


@every_record
def test_every_member_is_read_or_named_as_extra(cls: type[Args]) -> None:
    used = {member for field, spec in cls.specs().items() for member in spec.names(field)}
    there = set(members(cls))
    assert used <= there, "fields read members that the record has not"
    assert there <= used | cls.extra, "no field shows these members, and `extra` does not name them"
    assert not used & cls.extra, "both a field and `extra` name these members"
    assert cls.extra <= there | {"pad"}, "`extra` names members that the record has not"


def expected_types(spec: Spec, names: tuple[str, ...]) -> dict[str, set[str]]:
    """Return the C types that each member of a spec may have; empty: any."""
    if isinstance(spec, File | RacyFile):
        return {name: {FILE_TYPES[name.rsplit(".", 1)[1]]} for name in names}
    if isinstance(spec, Hex):
        return {name: {"uaddr"} if U in spec.tags else {"kaddr"} for name in names}
    if isinstance(spec, Flags):
        return {name: {"__u32", "__s32"} for name in names}
    kinds: dict[type[Spec], str] = {Text: "str_loc", RacyText: "str_loc", Texts: "str_list_loc", Path: "path_loc"}
    return {name: {kinds[type(spec)]} for name in names} if type(spec) in kinds else {}


def test_the_rule_for_members_finds_one_that_nothing_uses() -> None:
    class FinitModule(BY_NAME["finit_module"], frozen=True):  # type: ignore[misc]
        extra = BY_NAME["finit_module"].extra - {"attempt.result"}

    with pytest.raises(AssertionError, match="no field shows these members"):
        test_every_member_is_read_or_named_as_extra(FinitModule)


@every_record
def test_each_field_is_read_from_members_of_its_type(cls: type[Args]) -> None:
    there = members(cls)
    for field, spec in cls.specs().items():
        wanted = expected_types(spec, spec.names(field))
        for name, allowed in wanted.items():
            assert there[name] in allowed, f"{field}: {name} is {there[name]}"
        if spec.direct:
            assert not isinstance(spec, Convert)
            assert {there[name] for name in spec.names(field)}.isdisjoint(STRING_TYPES), field


def test_every_hook_names_programs_of_its_object_with_its_kind_and_target() -> None:
    for event, hook in all_hooks():
        targets = set(hook.name.split(", "))
        reached = set()
        for program in hook.programs:
            assert hook.object in objects(), event
            assert program in programs(hook.object), event
            kind, _, target = programs(hook.object)[program].partition("/")
            assert SECTION_RUNGS[kind] == hook.rung, f"{event}: {program}"
            # "module:module_load" is the tracepoint module_load of the group module.
            names = {target, target.replace("/", ":")}
            found = {name for name in targets if name in names or name.partition(":")[2] in names}
            assert found, f"{event}: {program} is attached to {target}, the hook is called {hook.name}"
            reached |= found
        assert reached == targets or not hook.programs, f"{event}: no program for {targets - reached}"


def test_every_program_is_named_by_a_hook() -> None:
    named = {(hook.object, program) for _event, hook in all_hooks() for program in hook.programs}
    built = {(name, program) for name in objects() for program in programs(name)}
    # Run by hand, at no hook.
    assert built - named == {("decide", "decide_case")}


def test_every_kind_in_the_contract_is_an_event_with_a_record() -> None:
    kinds = {name.removeprefix("KIND_").lower() for name in enum_values(btf("process"), "event_kind")}
    assert kinds - {"none", "max"} == set(records())


def test_every_hook_of_the_contract_is_a_rung() -> None:
    hooks = {name.removeprefix("HOOK_").lower() for name in enum_values(btf("process"), "hook")}
    assert hooks - {"none"} == {hook.rung for _event, hook in all_hooks() if hook.object}


def test_every_reason_of_the_contract_has_a_text() -> None:
    reasons = {name.removeprefix("UNREAD_") for name in enum_values(btf("process"), "unread")}
    assert reasons == set(UNREAD_TEXT)
