"""``ringward trust verify``: the machine beside the database."""

from __future__ import annotations

import argparse
import sys

from ringward.cli import terminal
from ringward.cli import trust_options as common
from ringward.cli.errors import BAD_ANSWER, INCOMPLETE
from ringward.cli.trust_text import fault_lines, plural, table
from ringward.output.text import safe
from ringward.trust import rows, shapes
from ringward.trust.compare import compare
from ringward.trust.entry import plain, short


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the action's arguments."""
    parser = common.make_parser(
        "verify",
        "Read every program, library, script and kernel module of the machine, and compare it with the\n"
        "database. Nothing is taken from an earlier look. Changed: a file that the database knows has\n"
        "other bytes than were trusted there. Missing: it is not there. New: a file that nothing vouches\n"
        "for.",
        "exit status: 0 all is as it should be; 1 something differs; 3 nothing differs, but not all could be looked at",
    )
    common.add_system(parser)
    common.add_output(parser)
    return parser


def main(argv: list[str]) -> int:
    """Run the action; return its exit status."""
    options = make_parser().parse_args(argv)
    with common.open_database(options) as store:
        found = common.look(common.scope(options))
        answer = compare(found, rows.entries(store.connection))
    if common.wants_json(options):
        common.print_json(
            shapes.Verified(
                database=plain(store.path),
                warning=plain(store.warning) or None,
                mismatches=[shapes.differs(one) for one in answer.mismatches],
                same=answer.same,
                old=answer.old,
                unseen=[shapes.Place(plain(fault.path), plain(fault.why)) for fault in found.faults],
            )
        )
    else:
        if answer.mismatches:
            cells = [
                [one.state, short(one.item.digest), one.item.kind, one.why, one.item.path] for one in answer.mismatches
            ]
            print("\n".join(table(("STATE", "ID", "KIND", "WHY", "PATH"), cells, terminal.width(1))))
        for line in fault_lines(found.faults, common.most(options)):
            print(line, file=sys.stderr)
        print(
            f"{plural(answer.same, 'file')} as in {safe(store.path)}, {plural(len(answer.mismatches), 'mismatch')}"
            + (f"; {plural(answer.old, 'entry')} of what is not installed any more" if answer.old else "")
        )
    if answer.mismatches:
        return BAD_ANSWER
    return INCOMPLETE if found.faults or store.warning else 0
