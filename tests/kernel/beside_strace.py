"""Whether an event's arguments say what strace says of the same call."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Any

from ringward.events import Event
from ringward.events.syscall_values import Descriptor, PathValue
from tests.kernel.strace import Call, split

OF_ITS_OWN = {
    "st_dev", "st_rdev", "st_atime", "st_mtime", "st_ctime", "st_blksize", "st_blocks", "stx_atime", "stx_btime",
    "stx_ctime", "stx_mtime", "f_type", "f_fsid",
}  # fmt: skip
"""Members that strace prints in another form: makedev(), seconds with a comment and nanoseconds, names of magics."""
POINTS = "iov_base"
"""A member of which strace prints what it points to; Ringward has the address."""
ALIKE = {
    "sa_family": "family", "sun_path": "path", "sin_port": "port", "sin6_port": "port", "sin_addr": "address",
    "sin6_addr": "address",
}  # fmt: skip


def said(value: Any) -> str:
    """Return an argument as strace writes it."""
    if isinstance(value, PathValue):
        return f'"{value.given}"'
    if isinstance(value, Descriptor):
        return str(value.fd)
    if isinstance(value, tuple):
        words = all(isinstance(one, str) and (one.isupper() or "_" in one) for one in value)
        return "|".join(value) or "0" if words else f"[{', '.join(map(said, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={said(one)}" for name, one in value.items()) + "}"
    return "NULL" if value is None else str(value)


def number(text: str) -> str:
    """Return a number in decimal, products and octal as strace writes them included; else the text."""
    text = text.strip('"')
    if re.fullmatch(r"\d+\*\d+", text):
        left, right = text.split("*")
        return str(int(left) * int(right))
    found = re.fullmatch(r"(?:htons|inet_addr)\((.*)\)", text)
    if found:
        return number(found[1])
    if re.fullmatch(r"0[0-7]+", text):
        return str(int(text, 8))
    return str(int(text, 16)) if re.fullmatch(r"0x[0-9a-f]+", text) else text.replace("RLIM64_", "RLIM_")


def members(text: str) -> dict[str, str]:
    """Return the members of a structure as strace writes it."""
    if "inet_pton" in text:
        text = re.sub(r'inet_pton\(AF_INET6, ("[^"]*"), &sin6_addr\)', r"sin6_addr=\1", text)
    pairs = (part.partition("=") for part in split(text[1:-1]))
    return {ALIKE.get(name, name): value for name, _, value in pairs}


def same(value: Any, text: str) -> bool:
    """Return whether an argument says what strace says."""
    if isinstance(value, dict) and text.startswith("{"):
        theirs = members(text)
        common = value.keys() & theirs.keys() - OF_ITS_OWN
        assert common, (value, text)
        return all(same(value[name], theirs[name]) for name in common if name != POINTS or theirs[name][0] != '"')
    if isinstance(value, list):
        value = tuple(value)
    if text.startswith("S_IF"):
        return value == text
    if isinstance(value, tuple) and text.startswith("["):
        inner = text[1:-1]
        if any(isinstance(one, dict) for one in value):
            return len(value) == len(split(inner)) and all(map(same, value, split(inner)))
        names = [f"SIG{one}" for one in inner.split()] if inner.isupper() else split(inner)
        return [number(str(one)) for one in value] == [number(one) for one in names]
    if isinstance(value, tuple):
        return set(said(value).split("|")) == set(text.split("|"))
    union = re.fullmatch(r"\{u32=\d+, u64=(\d+)\}", text)  # of epoll_event
    return number(said(value)) == number(union[1] if union else text)


def told(event: Event, name: str, text: str) -> bool:
    """Return whether an event's argument says what strace says; strace has the address of what was not read."""
    value = getattr(event.args, name)
    if value is None and text.startswith("0x"):
        return event.unread[name] != "the caller passed NULL"
    return same(value, text)


def differences(events: list[Event], traced: list[Call]) -> tuple[int, dict[tuple[str, str], tuple[str, str]]]:
    """Return how many arguments were compared; and of those that differ, by event and name, what each says."""
    compared = 0
    differ = {}
    for event, call in zip(events, traced, strict=True):
        names = event.args.__struct_fields__
        assert len(call.args) <= len(names)
        for name, text in zip_longest(names, call.args, fillvalue=""):
            compared += 1
            if not told(event, name, text):
                differ[event.event, name] = said(getattr(event.args, name)), text
    return compared, differ
