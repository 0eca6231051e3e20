"""Every kind of answer of ``ringward blocked``, and the real attempt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringward.kmod.blocked import Answer
from ringward.kmod.blocked.answer import (
    ABSENT,
    AS_DEPENDENCY,
    BLOCKED,
    BUILT_IN,
    BY_ALIAS,
    BY_COMMAND,
    BY_FILE,
    BY_NAME,
    BY_SOFTDEP,
    CLOSED,
    GOVERNED,
    IGNORING,
    LOADED,
    MODPROBE,
    OPEN,
    UNKNOWN,
)
from ringward.kmod.tree import Tree
from ringward.kmod.triggers import ANYONE, NAMESPACE
from tests.kernel.blocked_scenes import (
    HELPER,
    apply,
    as_nobody,
    ask,
    ask_for_bridges,
    bind_aead,
    configure,
    gets_in,
    go_every_way,
    mount_minix,
    open_appletalk,
    run,
    unload,
)
from tests.kernel.module_scenes import CONFIG
from tests.kernel.programs import open_folder
from tests.kernel.witness import listed

pytestmark = [pytest.mark.guest, pytest.mark.modules]


@pytest.fixture(autouse=True)
def _cleaned() -> Iterator[None]:
    before = set(listed())
    files = set(CONFIG.parent.iterdir())
    yield
    unload(before)
    for file in set(CONFIG.parent.iterdir()) - files:
        file.unlink()


def opened(answer: Answer) -> list[str]:
    return list(dict.fromkeys(way.kind for way in answer.open(*GOVERNED)))


SCENES: dict[str, tuple[str, list[str], list[str]]] = {
    "nothing": ("appletalk", [], [BY_NAME, BY_ALIAS]),
    "blacklist": ("appletalk", ["blacklist appletalk"], [BY_NAME]),
    "blacklist of a dependency": ("psnap", ["blacklist psnap"], [BY_NAME, AS_DEPENDENCY]),
    "install": ("psnap", ["install psnap /bin/false"], []),
    "install, quiet": ("psnap", ["install psnap /bin/true"], []),
    "install by a pattern": ("psnap", ["install psna* /bin/false"], []),
    "install of who needs it": ("psnap", ["install appletalk /bin/false"], [BY_NAME, AS_DEPENDENCY]),
    "install of what it needs": ("psnap", ["install llc /bin/false"], []),
    "quiet install of what it needs": ("psnap", ["install llc /bin/true"], []),
    "install and softdep": ("loop", ["install loop /bin/false", "softdep loop pre: dummy"], [BY_NAME, BY_ALIAS]),
    "install and softdep of nothing": ("loop", ["install loop /bin/false", "softdep loop pre: nothing-here"], []),
    "install and empty softdep": (
        "loop",
        ["install loop /bin/false", "softdep loop pre:", "softdep loop pre: dummy"],
        [],
    ),
    "second install": ("loop", ["install loop /sbin/modprobe -i loop", "install loop /bin/false"], [BY_NAME, BY_ALIAS]),
    "names that are turned away": (
        "loop",
        ["softdep dummy post: loop", "blacklist loop", "alias loop off"],
        [],
    ),
    "softdep of another, by alias": (
        "loop",
        ["softdep dummy post: block-major-7-1", "blacklist loop"],
        [BY_NAME, BY_SOFTDEP],
    ),
    "softdep of what does not exist": (
        "loop",
        ["alias own-name nowhere", "softdep nowhere pre: block-major-7-1", "blacklist loop"],
        [BY_NAME, BY_SOFTDEP],
    ),
    "softdep behind what does not exist": (
        "loop",
        ["alias own-name nowhere", "softdep nowhere post: block-major-7-1", "blacklist loop"],
        [BY_NAME],
    ),
    "command of another": (
        "loop",
        ["install loop /bin/false", "install own-name /sbin/modprobe -i loop"],
        [BY_COMMAND],
    ),
    "command that asks by name": (
        "loop",
        ["install own-name /sbin/modprobe loop", "blacklist loop"],
        [BY_NAME, BY_COMMAND],
    ),
    "alias off": ("appletalk", ["alias net-pf-5 off", "alias appletalk off"], []),
    "misspelt": ("loop", ["install lop /bin/false", "blacklist loop.ko", "blacklist lo*"], [BY_NAME, BY_ALIAS]),
}
"""Module, configuration, and the ways of modprobe that are open."""


@pytest.mark.parametrize("name", SCENES)
def test_each_way_is_as_it_says(name: str) -> None:
    module, lines, kinds = SCENES[name]
    configure(*lines)
    answer = ask(module)
    # Nothing of a symbol that nobody asks for, and of what 6.1 has besides.
    found = [way.kind for way in answer.open(*GOVERNED) if way.names not in (["symbol:*"], ["ipddp"])]
    assert list(dict.fromkeys(found)) == kinds
    assert answer.word == (OPEN if opened(answer) else BLOCKED)
    go_every_way(answer)


@pytest.mark.parametrize(
    "name",
    [
        "nothing",
        "blacklist",
        "install and softdep",
        "second install",
        "softdep of another, by alias",
        "command of another",
    ],
)
def test_its_lines_close_it_but_for_root(name: str) -> None:
    module, lines, _ = SCENES[name]
    configure(*lines)
    apply(ask(module))
    answer = ask(module)
    assert (answer.word, answer.by, opened(answer)) == (BLOCKED, MODPROBE, [])
    assert [way.kind for way in answer.open(IGNORING, BY_FILE)] == [IGNORING, BY_FILE]
    go_every_way(answer)


def test_a_dependency_that_is_loaded_opens_the_way() -> None:
    configure("install llc /bin/false")
    assert ask("psnap").word == BLOCKED
    run(["modprobe", "-i", "llc"])
    answer = ask("psnap")
    assert answer.word == OPEN
    assert gets_in("psnap", lambda: run(["modprobe", "psnap"]))


REQUESTS: dict[str, tuple[str, Callable[[], None], str]] = {
    "net-pf-5": ("appletalk", open_appletalk, ANYONE),
    "bridge": ("bridge", ask_for_bridges, ANYONE),
    "algif-aead": ("algif_aead", bind_aead, ANYONE),
    "fs-minix": ("minix", mount_minix, NAMESPACE),
}
"""Module, and a call of a process without privilege for which the kernel asks for it."""


def asks(answer: Answer) -> set[str]:
    """Return who can have the module loaded."""
    return {who for way in answer.open(*GOVERNED) for who in way.who}


@pytest.mark.parametrize("request_", REQUESTS)
def test_who_has_no_privilege_can_have_it_loaded(request_: str) -> None:
    module, call, who = REQUESTS[request_]
    assert who in asks(ask(module))
    assert gets_in(module, lambda: as_nobody(call))


@pytest.mark.parametrize(("request_", "closed"), [("net-pf-5", True), ("bridge", False), ("algif-aead", False)])
def test_a_blacklist_does_not_count_where_the_kernel_asks_by_name(request_: str, closed: bool) -> None:
    module, call, who = REQUESTS[request_]
    configure(f"blacklist {module}")
    by_alias = [way.result for way in ask(module).ways if way.kind == BY_ALIAS]
    assert set(by_alias) == {CLOSED}
    by_name = next(way for way in ask(module).ways if way.kind == BY_NAME)
    assert (who in by_name.who) is not closed
    assert gets_in(module, lambda: as_nobody(call)) is not closed


@pytest.mark.parametrize("request_", REQUESTS)
def test_its_lines_close_it_for_those_without_privilege(request_: str) -> None:
    module, call, _ = REQUESTS[request_]
    apply(ask(module))
    assert ask(module).word == BLOCKED
    assert not gets_in(module, lambda: as_nobody(call))


@pytest.fixture
def no_helper() -> Iterator[None]:
    before = HELPER.read_text()
    HELPER.write_text("/bin/true\n")
    yield
    HELPER.write_text(before)


@pytest.mark.parametrize("request_", ["net-pf-5", "bridge"])
@pytest.mark.usefixtures("no_helper")
def test_a_kernel_that_calls_nobody_asks_nobody(request_: str) -> None:
    module, call, who = REQUESTS[request_]
    answer = ask(module)
    assert who not in asks(answer)
    assert not gets_in(module, lambda: as_nobody(call))
    assert answer.word == OPEN
    assert gets_in(module, lambda: run(["modprobe", module]))


@pytest.mark.parametrize("loads", [True, False])
def test_what_a_command_does_is_not_guessed(loads: bool) -> None:
    folder = open_folder()
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{'exec /sbin/modprobe -i loop' if loads else 'exit 1'}\n")
    program.chmod(0o755)
    configure(f"install loop {program}")
    answer = ask("loop")
    assert answer.word == UNKNOWN
    assert "what that does cannot be told" in answer.useless[0].why
    assert gets_in("loop", lambda: run(["modprobe", "loop"])) is loads
    apply(answer)
    assert ask("loop").word == BLOCKED
    assert not gets_in("loop", lambda: run(["modprobe", "loop"]))


def test_a_file_that_is_not_read() -> None:
    (CONFIG.parent / "ringward-test").write_text("install loop /bin/false\n")
    answer = ask("loop")
    assert answer.word == OPEN
    assert [each.place for each in answer.useless] == [f"{CONFIG.parent}/ringward-test:1"]
    assert gets_in("loop", lambda: run(["modprobe", "loop"]))


def test_a_part_of_the_kernel() -> None:
    builtins = Tree("", os.uname().release).builtins()
    name = next(each for each in builtins if Path(f"/sys/module/{each}").is_dir())
    configure(f"install {name} /bin/false", f"blacklist {name}")
    answer = ask(name)
    assert (answer.word, len(answer.useless)) == (BUILT_IN, 2)
    assert subprocess.run(["modprobe", "--first-time", name], capture_output=True, check=False).returncode == 1
    assert subprocess.run(["modprobe", name], capture_output=True, check=False).returncode == 0
    assert name not in listed()


def test_what_is_loaded() -> None:
    run(["modprobe", "loop"])
    configure("install loop /bin/false")
    answer = ask("loop")
    assert (answer.word, opened(answer)) == (LOADED, [])
    subprocess.run(answer.remedies[0].lines[0].split(), check=True)
    assert "loop" not in listed()
    assert ask("loop").word == BLOCKED


def test_what_is_not_there() -> None:
    assert ask("ringward-nothing").word == ABSENT
    assert subprocess.run(["modprobe", "ringward-nothing"], capture_output=True, check=False).returncode == 1


def test_the_command() -> None:
    configure("blacklist appletalk", "install loop /bin/false")
    command = [sys.executable, "-m", "ringward", "blocked", "appletalk", "loop"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert (done.returncode, found["running"], found["status"]) == (1, True, 1)
    assert [each["word"] for each in found["answers"]] == [OPEN, BLOCKED]
    by_file = [way for each in found["answers"] for way in each["ways"] if way["kind"] == BY_FILE]
    assert {way["result"] for way in by_file} == {OPEN}
    loop = subprocess.run([*command[:-2], "loop"], capture_output=True, check=False)
    assert loop.returncode == 0
