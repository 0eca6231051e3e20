from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest

from ringward.cli import insmod, kmod, lsmod, rmmod
from ringward.kmod import schema
from tests.kmod.tiny_module import build

ROOT = Path(__file__).parents[2]


def strict() -> dict[str, object]:
    """Return the schema with no member allowed that it does not name."""
    found = copy.deepcopy(schema.schema())

    def close(part: object) -> None:
        if isinstance(part, dict):
            if part.get("type") == "object" and "properties" in part:
                part["additionalProperties"] = False
            for value in part.values():
                close(value)

    close(found)
    return found


def parts(part: object) -> Iterator[dict[str, object]]:
    """Yield every schema inside one."""
    if isinstance(part, dict):
        if "properties" in part or "description" in part:
            yield part
        for value in part.values():
            yield from parts(value)


def test_the_published_file_is_up_to_date() -> None:
    assert (ROOT / schema.PUBLISHED).read_text() == schema.document(), "run: python -m ringward.kmod.schema"


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.schema())
    assert all(part.get("description") for part in parts(schema.schema()["$defs"]) if "const" not in part)


@pytest.fixture
def printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, object]]:
    def run(main: Callable[[list[str]], int], *words: str) -> dict[str, object]:
        main([*words, "--json", "--sysroot", str(tmp_path)])
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    return run


def test_what_is_printed_fits(printed: Callable[..., dict[str, object]], tmp_path: Path) -> None:
    build(tmp_path, "fat", "license=GPL")
    (tmp_path / "lib/modules/1.0").mkdir(parents=True)
    (tmp_path / "lib/modules/1.0/modules.devname").write_text("fuse fuse c10:229\n")
    told = [
        printed(insmod.main, "/fat.ko"),
        printed(insmod.main, "/fat.ko", "a=1"),
        printed(lsmod.main),
        printed(kmod.main, "list"),
        printed(rmmod.main, "fat", "nowhere"),
        printed(kmod.main, "static-nodes", "--set-version", "1.0"),
    ]
    assert [one["tool"] for one in told] == ["insmod", "insmod", "lsmod", "lsmod", "rmmod", "static-nodes"]
    for one in told:
        jsonschema.validate(one, strict())
    for one in told:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**one, "extra": 1}, strict())
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({key: value for key, value in one.items() if key != "tool"}, strict())


def test_a_kernel_that_cannot_unload_fits(printed: Callable[..., dict[str, object]], tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/modules").write_text("loop 4096 - - Loading 0x0 (O+)\n")
    jsonschema.validate(printed(lsmod.main), strict())
