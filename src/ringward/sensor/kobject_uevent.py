"""The kernel's uevents of modules: messages to structs, and what /sys/module adds; pure but for that.

Format: lib/kobject_uevent.c, ``ACTION@DEVPATH`` and then ``KEY=VALUE``, each with its NUL. A
module is announced after its init succeeded (since commit 38dc717e9715, v5.12) and again when
it goes; attempts, arguments and failures are not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from ringward.events.fields import decode


class Uevent(NamedTuple):
    """One message of the kernel."""

    action: str
    devpath: str
    subsystem: str | None
    seqnum: int | None
    properties: dict[str, str]


def read_seqnum(text: str | None) -> int | None:
    """Return a SEQNUM (u64, decimal); None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 20 else None


def parse(data: bytes) -> Uevent | None:
    """Return the message; None for what is not one of the kernel's (libudev's own, cut, garbage)."""
    head, *rest = data.split(b"\0")
    action, at, devpath = head.partition(b"@")
    if not at or not action or not devpath.startswith(b"/") or not data.endswith(b"\0"):
        return None
    properties: dict[str, str] = {}
    for part in rest[:-1]:
        key, equals, value = part.partition(b"=")
        if not key or not equals:
            return None
        properties[decode(key)] = decode(value)
    # The head repeats two of the properties; a message in which they disagree is not the kernel's.
    if properties.get("ACTION") != decode(action) or properties.get("DEVPATH") != decode(devpath):
        return None
    return Uevent(
        decode(action),
        decode(devpath),
        properties.get("SUBSYSTEM"),
        read_seqnum(properties.get("SEQNUM")),
        properties,
    )


def module_name(uevent: Uevent) -> str | None:
    """Return the module that came or went by this message; None when it is about anything else.

    A message that somebody provoked by writing to /sys/module/NAME/uevent has SYNTH_UUID and is
    about nothing that happened.
    """
    folder, _, name = uevent.devpath.rpartition("/")
    if folder != "/module" or uevent.subsystem != "module" or name in ("", ".", ".."):
        return None
    if uevent.action not in ("add", "remove") or "SYNTH_UUID" in uevent.properties:
        return None
    return name


class Facts(NamedTuple):
    """What /sys/module/NAME gives of a module; `unread`: why a value is None."""

    values: dict[str, Any]
    unread: dict[str, str]


def read_module(name: str, root: Path = Path("/sys/module")) -> Facts:
    """Return version, srcversion, taints, size and uses of a loaded module, read now."""
    values: dict[str, Any] = dict.fromkeys(("version", "srcversion", "taints", "size", "uses"))
    unread: dict[str, str] = {}
    folder = root / name
    if not folder.is_dir():
        reason = f"the module was gone before {folder} could be read"
        return Facts(values, dict.fromkeys(values, reason))
    files = {"version": "version", "srcversion": "srcversion", "taints": "taint", "size": "coresize"}
    for field, file in files.items():
        try:
            text = (folder / file).read_text(errors="backslashreplace").strip()
            values[field] = tuple(text) if field == "taints" else int(text) if field == "size" else text
        except FileNotFoundError:
            unread[field] = "the module has none" if "version" in field else f"no {folder / file}"
        except (OSError, ValueError) as error:
            unread[field] = f"{folder / file}: {getattr(error, 'strerror', None) or error}"
    try:
        values["uses"] = tuple(sorted(entry.parent.parent.name for entry in root.glob(f"*/holders/{name}")))
    except OSError as error:
        unread["uses"] = f"{root}: {error.strerror}"
    return Facts(values, unread)
