"""Pages say what the catalogue says, and docs/events is what they say."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ringward.events import pages
from ringward.events.fields import TAGS, Flags
from ringward.events.registry import BY_NAME, UnknownNameError

DOCS = Path(__file__).parents[2] / "docs" / "events"
HEADINGS = [
    "## Intro",
    "## Description",
    "## Arguments",
    "### Available Tags",
    "## Hooks",
    "## Example Use Case",
    "## Issues",
    "## Related Events",
]

every_page = pytest.mark.parametrize("found", pages.all_pages(), ids=lambda page: page.name)


def test_committed_pages_are_up_to_date() -> None:
    assert pages.faults(DOCS) == [], "run: python -m ringward.events.pages docs/events"


def test_missing_old_and_stale_pages_are_found(tmp_path: Path) -> None:
    pages.write(tmp_path)
    assert pages.faults(tmp_path) == []
    (tmp_path / "finit_module.md").unlink()
    (tmp_path / "init_module.md").write_text("old\n")
    (tmp_path / "module_gone.md").write_text("anything\n")
    assert [fault.partition(",")[0] for fault in pages.faults(tmp_path)] == [
        "finit_module.md: missing",
        "init_module.md: out of date",
        "module_gone.md: stale",
    ]


def test_the_command_writes_pages_and_removes_only_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "docs" / "events"
    pages.write(folder)
    shutil.copy(folder / "finit_module.md", folder / "module_gone.md")
    (folder / "finit_module.md").write_text("old\n")
    (folder / "notes.md").write_text("by hand\n")
    done = subprocess.run(
        [sys.executable, "-m", "ringward.events.pages", str(folder)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert {path.name for path in folder.iterdir()} == {*pages.files(), "notes.md"}
    assert (folder / "finit_module.md").read_text() == pages.to_markdown(pages.page("finit_module"))


@every_page
def test_markdown_has_the_headings_of_the_documents_in_order(found: pages.Page) -> None:
    lines = pages.to_markdown(found).splitlines()
    assert lines[0] == f"# {found.name}"
    assert [line for line in lines if line in HEADINGS] == HEADINGS
    assert lines.count("#### Type") == lines.count("#### Purpose")
    assert lines.count("#### Type") == len(found.hooks) + sum(len(ladder) for ladder in found.aids)


@every_page
def test_markdown_has_every_argument_hook_and_limit_in_order(found: pages.Page) -> None:
    cls = BY_NAME[found.name]
    text = " ".join(pages.to_markdown(found).split())
    at = 0
    for name, spec in cls.specs().items():
        # Line breaks become blanks; the type's own blanks stay.
        at = text.index(f"* `{name}`: `{spec.ctype}` [{', '.join(spec.tags)}] - {spec.doc}", at)
    for hook in (*cls.hooks, *(hook for ladder in cls.aids for hook in ladder)):
        at = text.index(f"### {hook.name} #### Type", at)
        at = text.index(hook.purpose, at)
        if hook.loses:
            at = text.index(f"Not seen this way: {hook.loses}.", at)
    for part in (*cls.use_case.split("\n\n"), *cls.issues.split("\n\n")):
        at = text.index(part, at)
    for other in cls.related:
        at = text.index(f"[{other}]({other}.md)", at)
    for tag, meaning in TAGS.items():
        assert f"* {tag} - {meaning}" in text


@every_page
def test_text_fits_the_terminal(found: pages.Page) -> None:
    for width in (80, 120):
        lines = pages.to_text(found, width).splitlines()
        assert max(map(len, lines)) <= width, max(lines, key=len)
        assert not [line for line in lines if line != line.rstrip()]


@every_page
def test_text_says_what_the_catalogue_says(found: pages.Page) -> None:
    text = " ".join(pages.to_text(found).split())
    cls = BY_NAME[found.name]
    parts = [spec.doc for spec in cls.specs().values()]
    parts += [hook.purpose for hook in (*cls.hooks, *(hook for ladder in cls.aids for hook in ladder))]
    parts += [*cls.issues.split("\n\n"), *cls.use_case.split("\n\n"), *cls.related, *TAGS]
    assert [part for part in parts if part not in text] == []


@every_page
def test_json_gives_the_page_back(found: pages.Page) -> None:
    raw = msgspec.json.encode(found)
    assert msgspec.json.decode(raw, type=pages.Page) == found
    assert [argument["name"] for argument in json.loads(raw)["arguments"]] == list(BY_NAME[found.name].specs())


def test_flags_are_listed_by_name_and_value() -> None:
    (flags,) = (a for a in pages.page("finit_module").arguments if a.name == "flags")
    spec = BY_NAME["finit_module"].specs()["flags"]
    assert isinstance(spec, Flags)
    assert spec.bits
    for bit, name in spec.bits.items():
        assert f"{name} ({bit:#x})" in flags.doc


def test_fallbacks_are_numbered() -> None:
    text = pages.to_text(pages.page("finit_module"))
    positions = [text.index(word) for word in ("first choice", "fallback 1 of 3", "fallback 2 of 3", "fallback 3 of 3")]
    assert positions == sorted(positions)
    assert "the only way" in pages.to_text(pages.page("process_exec"))


def test_unknown_event_gives_the_nearest_names() -> None:
    with pytest.raises(UnknownNameError, match="did you mean finit_module"):
        pages.page("finit_modul")


def test_index_has_a_line_for_every_event() -> None:
    lines = pages.index(pages.all_pages()).splitlines()
    for name, cls in BY_NAME.items():
        (line,) = [line for line in lines if line.startswith(f"| [{name}]({name}.md) |")]
        assert f"| {cls.group} |" in line
        assert cls.hooks[0].name in line


def test_table_has_a_line_for_every_event_and_fits() -> None:
    narrow = pages.to_table(pages.all_pages(), 80).splitlines()
    assert [line.split()[0] for line in narrow[1:]] == list(BY_NAME)
    assert max(map(len, narrow)) <= 80
    wide = pages.to_table(pages.all_pages(), 200).splitlines()
    assert max(map(len, wide)) <= 200
    assert all(page.intro in line for page, line in zip(pages.all_pages(), wide[1:], strict=True))


@pytest.mark.parametrize("width", [115, 120, 130])
def test_table_cuts_an_intro_that_has_no_room(width: int) -> None:
    lines = pages.to_table(pages.all_pages(), width).splitlines()
    assert max(map(len, lines)) <= width
    assert any(line.endswith("…") for line in lines)
