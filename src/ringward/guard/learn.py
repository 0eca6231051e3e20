"""What the guard saw and nothing vouches for: images, programs and aliases that wait for somebody's decision."""

from __future__ import annotations

from ringward.events.catalogue.autoload_verdict import AutoloadVerdict
from ringward.events.catalogue.module_verdict import ModuleVerdict
from ringward.events.catalogue.program_verdict import ProgramVerdict
from ringward.events.context import Event
from ringward.trust.entry import Item, Kind, Pending, Seen, alias

_COMPRESSED = "MODULE_INIT_COMPRESSED_FILE"


def pending(event: Event, offset: int) -> Pending | None:
    """Return the image or alias of a verdict as one that waits; None: it is known, or could not be read.

    Learned in the mode learn; denied, or to be denied, in the others. What a rule denies is no question of trust.

    Args:
        event: any.
        offset: between the time since boot and that of day, nanoseconds (`ringward.sensor.clock.Clock`).

    """
    args = event.args
    if not isinstance(args, ModuleVerdict | AutoloadVerdict) or args.made_by != "default":
        return None
    learns = args.mode == "learn"
    if not learns and args.verdict != "deny":
        return None
    done = "refused" if args.refused else "loaded" if isinstance(args, ModuleVerdict) else "asked for"
    item = _image(args) if isinstance(args, ModuleVerdict) else alias(args.alias) if args.alias else None
    return _waiting(event, offset, item, done, learns=learns) if item else None


def _image(args: ModuleVerdict) -> Item | None:
    if args.digest is None:
        return None
    path = args.file.path if args.file and args.file.path else ""
    compressed = args.flags is not None and _COMPRESSED in args.flags
    return Item(
        bytes.fromhex(args.digest),
        Kind.MODULE_FILE if compressed else Kind.MODULE_IMAGE,
        path,
        name=args.name or "",
    )


def started(event: Event, offset: int, *, learns: bool) -> Pending | None:
    """Return the digest of a file that was started as one that waits; None: it is known, or could not be made.

    Args:
        event: any.
        offset: as for `pending`.
        learns: learned; else it would be denied where starts are.

    """
    args = event.args
    if not isinstance(args, ProgramVerdict) or args.verdict == "known" or args.digest is None:
        return None
    path = args.file.path if args.file and args.file.path else args.path or ""
    kind = Kind.SCRIPT if args.role == "script" else Kind.PROGRAM
    return _waiting(event, offset, Item(bytes.fromhex(args.digest), kind, path), "started", learns=learns)


def _waiting(event: Event, offset: int, item: Item, done: str, *, learns: bool) -> Pending:
    seconds = (event.ktime + offset) // 1_000_000_000
    who = event.process.comm if event.process else "?"
    why = f"{done}, by {who}, and nothing vouches for it"
    return Pending(item, Seen.LEARNED if learns else Seen.DENIED, why, seconds, seconds)
