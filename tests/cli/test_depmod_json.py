from __future__ import annotations

import json
from typing import Any

import jsonschema

from ringward.cli.depmod_json import document
from ringward.kmod.depmod.cycles import Cycles
from ringward.kmod.depmod.module import Module, Place
from ringward.kmod.depmod.run import Options, Result
from ringward.kmod.depmod.scan import Duplicate
from ringward.kmod.depmod.symbols import Unresolved
from ringward.kmod.errors import KmodError
from ringward.kmod.schema import schema


def result() -> Result:
    a, b = Module("a", "/m/k/a.ko", "k/a.ko"), Module("b", "/else/b.ko")
    a.needs, b.needs = [b], [a]
    found = Result([a, b], [Duplicate("a", "/m/k/a.ko", "/m/x/a.ko", "override x.conf:1")])
    found.damaged = {b: KmodError("/else/b.ko", "cut off", 7)}
    found.unresolved = [Unresolved(a, "x", version=True), Unresolved(a, "y", version=False)]
    found.cycles = Cycles()
    found.cycles.paths, found.cycles.modules, found.cycles.complete = [[a, b]], [a, b], False
    return found


def shown(found: Result | None, written: list[str], *, looked: bool = True) -> Any:
    options = Options(Place("/m"), "1.2.3")
    options.report_missing = looked
    answer = json.loads(document(Place("/out"), options, found, written))
    jsonschema.validate(answer, schema())
    assert set(answer) == set(schema()["$defs"]["depmod"]["properties"])  # type: ignore[index]
    return answer


def test_all_that_was_found() -> None:
    assert shown(result(), ["modules.dep"]) == {
        "v": 1,
        "tool": "depmod",
        "directory": "/m",
        "output": "/out",
        "version": "1.2.3",
        "up_to_date": False,
        "written": ["modules.dep"],
        "modules": [
            {"name": "a", "path": "k/a.ko", "needs": ["b"]},
            {"name": "b", "path": "/else/b.ko", "needs": ["a"]},
        ],
        "duplicates": [{"name": "a", "kept": "/m/k/a.ko", "dropped": "/m/x/a.ko", "why": "override x.conf:1"}],
        "damaged": [{"name": "b", "path": "/else/b.ko", "why": "offset 7: cut off"}],
        "unresolved": [
            {"module": "a", "symbol": "x", "why": "version"},
            {"module": "a", "symbol": "y", "why": "unknown"},
        ],
        "cycles": [["a", "b"]],
        "cycles_complete": False,
        "modules_in_cycles": ["a", "b"],
    }


def test_what_was_not_looked_at_is_null() -> None:
    assert shown(result(), [], looked=False)["unresolved"] is None
    found = shown(None, [])
    assert found["up_to_date"] is True
    assert {name for name, value in found.items() if value is None} == {
        "modules",
        "duplicates",
        "damaged",
        "unresolved",
        "cycles",
        "cycles_complete",
        "modules_in_cycles",
    }
