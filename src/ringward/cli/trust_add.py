"""``ringward trust add``: trust files as they are, a digest, or an alias."""

from __future__ import annotations

import argparse
import os
import re

from ringward.cli import trust_options as common
from ringward.cli.errors import UsageError
from ringward.trust import change as changes
from ringward.trust import rows
from ringward.trust.entry import Entry, Item, Kind, Source, Who, alias
from ringward.trust.judge import judge
from ringward.trust.login import who
from ringward.trust.look import LookError, look
from ringward.trust.places import Places
from ringward.trust.sources.modules import Certificates, version_of

_KINDS = [str(kind) for kind in Kind if kind is not Kind.ALIAS]


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the action's arguments."""
    parser = common.make_parser(
        "add",
        "Trust files as they are at this moment, by their digests: of a compressed module two. Or a digest\n"
        "by itself, or an alias that the kernel may ask for.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="a program, library, script or kernel module")
    parser.add_argument("--digest", action="append", default=[], metavar="SHA256", help="64 hexadecimal digits")
    parser.add_argument("--kind", choices=_KINDS, help="of --digest")
    parser.add_argument("--alias", action="append", default=[], metavar="ALIAS", help="that `modprobe` is asked for")
    parser.add_argument("--certificate", action="append", default=[], metavar="FILE", help="for modules' signatures")
    common.add_reason(parser)
    common.add_dry_run(parser)
    common.add_output(parser)
    return parser


def of_file(name: str, places: Places, certificates: Certificates, by: Who, reason: str) -> list[Entry]:
    """Return the entries of a file.

    Raises:
        UsageError: it cannot be looked at, or is no code.

    """
    path = os.path.realpath(name)
    if os.path.isdir(path):  # noqa: PTH112 - paths are text here
        raise UsageError(f"{name} is a directory: ringward trust init --directory {path}")
    try:
        looked, _, _ = look(path, trusted=certificates.of(version_of(path)), name=path)
    except LookError as error:
        raise UsageError(f"{name}: could not look: {error}") from error
    if looked.kind is None:
        raise UsageError(f"{name} is no ELF program or library, no executable script, and no kernel module")
    found = judge(looked, places.shown(path), (), Source.HAND, version_of(path))
    return [Entry(one.item, Source.HAND, by, reason) for one in found]


def main(argv: list[str]) -> int:
    """Run the action; return its exit status."""
    options = make_parser().parse_args(argv)
    if not options.files and not options.digest and not options.alias:
        raise UsageError("what? name files, a --digest or an --alias")
    if options.digest and not options.kind:
        raise UsageError(f"--digest needs --kind: {', '.join(_KINDS)}")
    by = who()
    places = Places()
    certificates = Certificates(places, tuple(options.certificate))
    new = [one for name in options.files for one in of_file(name, places, certificates, by, options.reason)]
    for digest in options.digest:
        if not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
            raise UsageError(f"--digest: '{digest}' is not 64 hexadecimal digits")
        new.append(Entry(Item(bytes.fromhex(digest), options.kind, ""), Source.HAND, by, options.reason))
    new += [Entry(alias(text), Source.HAND, by, options.reason) for text in options.alias]
    with common.open_database(options, write=True) as store:
        change = changes.of_entries(new, rows.entries(store.connection), rows.pendings(store.connection))
        common.announce(options, change)
        if change and not options.dry_run:
            with store.change() as connection:
                change.apply(connection)
        return common.finish(options, "add", store, change)
