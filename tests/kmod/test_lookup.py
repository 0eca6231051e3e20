from __future__ import annotations

from pathlib import Path

import pytest

from ringward.kmod import lookup
from ringward.kmod.directive import Directive
from ringward.kmod.lookup import Directives, Lookup, Names, is_pattern
from tests.kmod.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path / "lab")
    found.modules(
        {"a-x": [], "b": [], "c": []},
        aliases=[("pci:*", "b"), ("pci:*7", "a_x"), ("own", "c"), ("cmd", "c")],
        symbols=[("s", "b")],
        builtin=["own"],
        builtin_aliases=[("bus:*", "own")],
    )
    found.configure("alias short b", "alias sh* c", "alias c b", "install cmd true", "remove gone true")
    return found


def ask(lab: Lab, name: str) -> Lookup:
    return Names(lab.tree(), lab.config()).lookup(name)


@pytest.mark.parametrize(
    ("name", "source", "modules"),
    [
        ("short", lookup.ALIAS, ["b", "c"]),
        ("c", lookup.ALIAS, ["b"]),  # an alias hides the module of its name
        ("a-x", lookup.DEP, ["a_x"]),
        ("symbol:s", lookup.SYMBOL, ["b"]),
        ("cmd", lookup.COMMAND, ["cmd"]),  # and a command the alias of modules.alias
        ("gone", lookup.COMMAND, ["gone"]),
        ("pci:7", lookup.MODULES_ALIAS, ["a_x", "b"]),
        ("own", lookup.MODULES_ALIAS, ["c"]),
        ("bus:1", lookup.BUILTIN_ALIAS, ["own"]),
        ("no", lookup.NOTHING, []),
    ],
)
def test_the_first_source_that_knows_a_name_answers(lab: Lab, name: str, source: str, modules: list[str]) -> None:
    found = ask(lab, name)
    assert (found.asked, found.source, [hit.name for hit in found.hits]) == (name, source, modules)


def test_builtin_modules(lab: Lab) -> None:
    lab.modules({}, builtin=["own"])
    found = ask(lab, "own")
    assert (found.source, found.hits[0].name, found.hits[0].builtin) == (lookup.BUILTIN, "own", True)


def test_where_a_hit_comes_from(lab: Lab) -> None:
    first, second = ask(lab, "short").hits
    assert (first.alias, first.pattern) == ("short", "short")
    assert (second.alias, second.pattern) == ("sh*", "sh*")
    assert first.directive is not None
    assert (first.directive.place, first.directive.text) == (f"{lab.conf}/a.conf:1", "alias short b")
    hit = ask(lab, "pci:-7").hits[0]
    assert (hit.alias, hit.pattern, hit.directive) == ("pci:_7", "pci:*7", None)
    named = ask(lab, "a-x").hits[0]
    assert (named.alias, named.pattern, named.directive) == (None, "", None)
    command = ask(lab, "cmd").hits[0].directive
    assert command is not None
    assert command.kind == "install"


def test_an_unclosed_bracket_has_a_reason(lab: Lab) -> None:
    found = ask(lab, "a[b")
    assert (found.source, found.hits, found.name) == (lookup.NOTHING, [], "a[b")
    assert "'['" in found.why


def test_a_file_is_named_by_its_path(lab: Lab) -> None:
    found = Names(lab.tree(), lab.config()).file("./some/snd-x.ko.xz")
    assert (found.name, found.hits[0].name, found.hits[0].path) == ("snd_x", "snd_x", "./some/snd-x.ko.xz")


def test_directives_are_found_in_their_order() -> None:
    keys = ["a", "?", "b", "a", "[ab]", "\\a", "a*"]
    directives = Directives(
        [Directive("softdep", key, str(number), "f", number, "") for number, key in enumerate(keys)]
    )
    assert [found.line for found in directives.all("a")] == [0, 1, 3, 4, 5, 6]
    assert [found.line for found in directives.all("b")] == [1, 2, 4]
    assert directives.all("") == []


def test_what_is_a_pattern() -> None:
    assert [is_pattern(key) for key in ("a", "a*", "a?", "a[b]", "a\\b")] == [False, True, True, True, True]
