"""The catalogue as pages: text for a terminal, Markdown for docs/events, JSON for programs.

``python -m ringward.events.pages docs/events`` writes the Markdown pages and their index, and
removes generated pages of events that are no more.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ringward.events.args import Args
from ringward.events.fields import TAGS, Flags, Spec
from ringward.events.hooks import RUNGS, Hook, Ladder
from ringward.events.registry import BY_NAME, GROUPS, UnknownNameError

WIDTH = 80
"""Columns of text pages."""
_MARKDOWN_WIDTH = 100
_SOURCE = "src/ringward/events/catalogue"
_MARK = f"> Generated from {_SOURCE}/"


class Argument(msgspec.Struct, frozen=True):
    """One argument of an event."""

    name: str
    ctype: str
    tags: tuple[str, ...]
    doc: str


class HookPage(msgspec.Struct, frozen=True):
    """One way to see an event. `loses` is what is not seen this way; empty: nothing."""

    name: str
    rung: str
    type: str
    purpose: str
    loses: str
    object: str
    programs: tuple[str, ...]


class Related(msgspec.Struct, frozen=True):
    """Another event, and its intro."""

    name: str
    intro: str


class Page(msgspec.Struct, frozen=True):
    """Everything that the catalogue says about one event; paragraphs are separated by a blank line."""

    name: str
    group: str
    default: bool
    record: bool
    intro: str
    description: str
    arguments: tuple[Argument, ...]
    tags: dict[str, str]
    hooks: tuple[HookPage, ...]
    aids: tuple[tuple[HookPage, ...], ...]
    use_case: str
    issues: str
    related: tuple[Related, ...]

    @property
    def shown(self) -> str:
        """When the event is shown: always, yes (with its group), by name."""
        if self.group == "stream":
            return "always"
        return "yes" if self.default else "by name"

    @property
    def rungs(self) -> list[str]:
        """The kinds of its hooks, each once, the first that is tried first."""
        return list(dict.fromkeys(hook.rung for hook in self.hooks))


def _intro(cls: type[Args]) -> tuple[str, str]:
    """Return the first line and the rest of a class's docstring."""
    first, _, rest = inspect.cleandoc(cls.__doc__ or "").partition("\n")
    return first, rest.strip()


def _hook(hook: Hook) -> HookPage:
    return HookPage(hook.name, hook.rung, RUNGS[hook.rung], hook.purpose, hook.loses, hook.object, hook.programs)


def _argument(name: str, spec: Spec) -> Argument:
    doc = spec.doc
    if isinstance(spec, Flags) and spec.bits:
        doc += f" Known: {', '.join(f'{text} ({bit:#x})' for bit, text in spec.bits.items())}."
    return Argument(name, spec.ctype, spec.tags, doc)


def _hooks(ladder: Ladder) -> tuple[HookPage, ...]:
    return tuple(_hook(hook) for hook in ladder)


def page(name: str) -> Page:
    """Return the page of the event called `name`.

    Raises:
        UnknownNameError: there is no such event; the message gives the nearest names.

    """
    if name not in BY_NAME:
        raise UnknownNameError("event", name, BY_NAME)
    cls = BY_NAME[name]
    intro, description = _intro(cls)
    return Page(
        name=name,
        group=cls.group,
        default=cls.default,
        record=cls.record,
        intro=intro,
        description="\n\n".join(_paragraphs(description)),
        arguments=tuple(_argument(key, spec) for key, spec in cls.specs().items()),
        tags=TAGS,
        hooks=_hooks(cls.hooks),
        aids=tuple(_hooks(ladder) for ladder in cls.aids),
        use_case=cls.use_case,
        issues=cls.issues,
        related=tuple(Related(other, _intro(BY_NAME[other])[0]) for other in cls.related),
    )


def all_pages() -> tuple[Page, ...]:
    """Return the page of every event, in the catalogue's order."""
    return tuple(page(name) for name in BY_NAME)


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _fill(text: str, width: int, first: str = "", rest: str | None = None) -> str:
    """Return one paragraph in lines of at most `width` columns; names and paths stay whole."""
    return textwrap.fill(
        text,
        width,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _sentence(intro: str) -> str:
    """Return an intro as it follows ``name -``: a word in lower case, an abbreviation as it is."""
    first, _, _ = intro.partition(" ")
    return intro[0].lower() + intro[1:] if first[1:] == first[1:].lower() else intro


def _order(number: int, total: int) -> str:
    if total == 1:
        return "the only way"
    return "first choice" if number == 0 else f"fallback {number} of {total - 1}"


# --- text ---------------------------------------------------------------------------------------


def to_text(found: Page, width: int = WIDTH) -> str:
    """Return the page for a terminal of `width` columns, without the last newline."""
    return "\n".join(_text_lines(found, width))


def _text_lines(found: Page, width: int) -> Iterator[str]:
    yield _fill(f"{found.name} - {_sentence(found.intro)}", width, rest="    ")
    yield f"    group {found.group}; shown: {found.shown}"
    yield from _text_section("DESCRIPTION", found.description, width)
    yield "\nARGUMENTS"
    for argument in found.arguments:
        yield f"    {argument.name}  {argument.ctype}  [{', '.join(argument.tags)}]"
        yield _fill(argument.doc, width, " " * 8)
    yield "\nAVAILABLE TAGS"
    for tag, meaning in found.tags.items():
        yield _fill(f"{tag:<8}{meaning}", width, "    ", " " * 12)
    yield "\nHOOKS"
    for i, hook in enumerate(found.hooks):
        yield from _text_hook(hook, _order(i, len(found.hooks)), width)
    if found.aids:
        yield "\nHOOKS THAT ADD TO IT"
    for ladder in found.aids:
        for i, hook in enumerate(ladder):
            yield from _text_hook(hook, _order(i, len(ladder)), width)
    yield from _text_section("EXAMPLE USE CASE", found.use_case, width)
    yield from _text_section("ISSUES", found.issues, width)
    yield "\nRELATED EVENTS"
    for other in found.related:
        yield _fill(f"{other.name} - {_sentence(other.intro)}", width, "    ", " " * 8)


def _text_section(title: str, text: str, width: int) -> Iterator[str]:
    yield f"\n{title}"
    yield "\n\n".join(_fill(part, width, "    ") for part in _paragraphs(text))


def _text_hook(hook: HookPage, order: str, width: int) -> Iterator[str]:
    yield _fill(hook.name, width, "    ")
    yield _fill(f"{hook.type}; {order}", width, " " * 8)
    yield _fill(hook.purpose, width, " " * 8)
    if hook.loses:
        yield _fill(f"Not seen this way: {hook.loses}.", width, " " * 8)


def to_table(found: tuple[Page, ...], width: int = WIDTH) -> str:
    """Return one line an event: name, group, when it is shown, kinds of hooks; the intro where there is room."""
    rows = [("EVENT", "GROUP", "SHOWN", "HOOKS", "")]
    rows += [(p.name, p.group, p.shown, ", ".join(p.rungs), p.intro) for p in found]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    room = width - sum(widths) - 2 * 4
    lines = []
    for row in rows:
        line = "  ".join(f"{cell:<{size}}" for cell, size in zip(row[:4], widths, strict=True))
        if room >= WIDTH // 2:
            line += "  " + (row[4] if len(row[4]) <= room else row[4][: room - 1] + "…")
        lines.append(line.rstrip())
    return "\n".join(lines)


# --- Markdown -----------------------------------------------------------------------------------


def to_markdown(found: Page) -> str:
    """Return the page as docs/events has it."""
    return "\n\n".join(_markdown_parts(found)) + "\n"


def _markdown_parts(found: Page) -> Iterator[str]:
    yield f"# {found.name}"
    yield "## Intro"
    yield _wrap(f"{found.name} - {_sentence(found.intro)}")
    yield "## Description"
    yield _body(found.description)
    yield "## Arguments"
    yield "\n".join(_item(f"`{a.name}`: `{a.ctype}` [{', '.join(a.tags)}] - {a.doc}") for a in found.arguments)
    yield "### Available Tags"
    yield "\n".join(_item(f"{tag} - {meaning}") for tag, meaning in found.tags.items())
    yield "## Hooks"
    for i, hook in enumerate(found.hooks):
        yield from _markdown_hook(hook, _order(i, len(found.hooks)))
    if found.aids:
        yield "The event is seen without the hooks below; they add to it."
    for ladder in found.aids:
        for i, hook in enumerate(ladder):
            yield from _markdown_hook(hook, f"adds to the event; {_order(i, len(ladder))}")
    yield "## Example Use Case"
    yield _body(found.use_case)
    yield "## Issues"
    yield "\n".join(_item(part) for part in _paragraphs(found.issues))
    yield "## Related Events"
    yield "\n".join(_item(f"[{o.name}]({o.name}.md) - {_sentence(o.intro)}") for o in found.related)
    yield f"{_MARK}{found.name}.py; change that file, never this page."


def _markdown_hook(hook: HookPage, order: str) -> Iterator[str]:
    yield f"### {hook.name}"
    yield "#### Type"
    yield _wrap(f"{hook.type}; {order}")
    yield "#### Purpose"
    yield _wrap(hook.purpose)
    if hook.loses:
        yield _wrap(f"Not seen this way: {hook.loses}.")


def _wrap(text: str) -> str:
    return _fill(text, _MARKDOWN_WIDTH)


def _body(text: str) -> str:
    return "\n\n".join(_wrap(part) for part in _paragraphs(text))


def _item(text: str) -> str:
    return _fill(text, _MARKDOWN_WIDTH, "* ", "  ")


def index(found: tuple[Page, ...]) -> str:
    """Return docs/events/README.md: all events, and what the names of groups stand for."""
    rows = ["| event | group | shown | first hook | what it is |", "|---|---|---|---|---|"]
    rows += [
        f"| [{p.name}]({p.name}.md) | {p.group} | {p.shown} | {p.hooks[0].name} ({p.hooks[0].rung}) | {p.intro} |"
        for p in found
    ]
    groups = [_item(f"`{name}`: {', '.join(events)}") for name, events in GROUPS.items()]
    shown = (
        "`shown`: `yes` with its group (`modules` and `programs` unless others are named), `by name` only when it"
        " is named, `always` whatever was named."
    )
    parts = (
        "# Events",
        "\n".join(rows),
        _wrap(shown),
        "Groups, as `ringward watch` takes them:",
        "\n".join(groups),
        f"{_MARK}; change that, then run `python -m ringward.events.pages docs/events`.",
    )
    return "\n\n".join(parts) + "\n"


# --- files --------------------------------------------------------------------------------------


def files() -> dict[str, str]:
    """Return what docs/events must hold, by file name."""
    found = all_pages()
    return {"README.md": index(found)} | {f"{p.name}.md": to_markdown(p) for p in found}


def faults(folder: Path) -> list[str]:
    """Return what is wrong with the pages in `folder`: missing, out of date, or stale; empty when nothing is."""
    wanted = files()
    there = {path.name: path for path in folder.glob("*.md")}
    found = [f"{name}: missing" for name in wanted if name not in there]
    found += [
        f"{name}: out of date" for name, text in wanted.items() if name in there and there[name].read_text() != text
    ]
    return found + [f"{name}: stale, no event has this name" for name in sorted(set(there) - set(wanted))]


def write(folder: Path) -> None:
    """Bring `folder` to what `files` says; other files than generated pages are left alone.

    Raises:
        OSError: it cannot be written.

    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = files()
    for name, text in wanted.items():
        (folder / name).write_text(text)
    for path in folder.glob("*.md"):
        if path.name not in wanted and _MARK in path.read_text():
            path.unlink()


def main(argv: list[str]) -> int:
    """Write the pages into the folder that `argv` names; return the exit status."""
    parser = argparse.ArgumentParser("python -m ringward.events.pages", description="Write the catalogue's pages.")
    parser.add_argument("folder", type=Path, help="docs/events of the source tree")
    write(parser.parse_args(argv).folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
