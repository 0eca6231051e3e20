"""``ringward trust rule``: the rules that stand beside the digests."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any

from ringward.cli import terminal
from ringward.cli import trust_options as common
from ringward.cli.errors import INCOMPLETE, CannotRunError, UsageError
from ringward.cli.parser import Parser
from ringward.cli.trust_text import plural, table
from ringward.output.text import safe
from ringward.trust import files, shapes
from ringward.trust.entry import plain
from ringward.trust.resolve_rules import resolve
from ringward.trust.rule_fields import CONDITIONS, KEYS, FieldError, make, text
from ringward.trust.rule_files import DIRECTORY, ENDING, read, read_rules, tables
from ringward.trust.rules import Action, Operation, Rule
from ringward.trust.store import PATH, StoreError, open_store

_TRUTHS = ("container", "kernel_thread")
_EPILOG = """Conditions of several kinds: all of them; several values of one kind: any of them. A deny
rule holds when any parameter or flag of the load is named in it, an allow rule when all are.
Precedence: a rule that denies; a trusted digest; a rule that allows a signer; any other that
allows; the default of the guard's mode. Globs of packages and paths may be any; elsewhere a
pattern is the whole, or its beginning and a '*'."""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the action's arguments."""
    parser = Parser("ringward trust rule", f"Rules that allow or deny: text files in {DIRECTORY}.", _EPILOG)
    parser.add_argument("--rules", metavar="DIR", default=DIRECTORY, help=f"default: {DIRECTORY}")
    doing = parser.add_subparsers(dest="doing", required=True, metavar="list|add|remove", parser_class=_Sub)
    listing = doing.add_parser("list")
    listing.add_argument("--database", metavar="FILE", default=PATH, help="whose digests the rules are looked up in")
    common.add_output(listing)
    adding = doing.add_parser("add")
    adding.add_argument("id", metavar="NAME", help="of the rule, and of its file")
    adding.add_argument("action", choices=[str(action) for action in Action])
    adding.add_argument("--on", action="append", choices=[str(each) for each in Operation], help="default: modules")
    for key in sorted(CONDITIONS[Operation.MODULES]):
        option = f"--{key.replace('_', '-')}"
        if key in _TRUTHS:
            adding.add_argument(option, choices=("true", "false"))
        else:
            adding.add_argument(option, action="append", metavar=key.upper())
    adding.add_argument("--message", metavar="TEXT", help="for whoever is blocked")
    adding.add_argument("--link", metavar="URL", help="for whoever is blocked")
    common.add_dry_run(adding)
    removing = doing.add_parser("remove")
    removing.add_argument("id", metavar="NAME")
    common.add_dry_run(removing)
    return parser


class _Sub(Parser):
    """The parser of one word, made as argparse makes it."""

    def __init__(self, *, prog: str) -> None:
        super().__init__(prog, "")


def table_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the rule that the options say, as it stands in a file."""
    found: dict[str, Any] = {}
    for key in KEYS:
        value = getattr(options, key, None)
        if value is None:
            continue
        if key in _TRUTHS:
            value = value == "true"
        elif key == "uid":
            value = [int(each) if each.isdigit() else each for each in value]
        found[key] = value[0] if isinstance(value, list) and len(value) == 1 else value
    return found


def add(options: argparse.Namespace) -> int:
    """Write a file for one rule; return the exit status."""
    written = table_of(options)
    try:
        make(written)
    except FieldError as error:
        raise UsageError(str(error)) from error
    there = read_rules(options.rules)
    path = f"{options.rules}/{options.id}{ENDING}"
    same = next((rule for rule in there if rule.id == options.id), None)
    if same or os.path.lexists(path):
        raise UsageError(f"there is a rule of that name: {same.where if same else path}")
    new = text(written)
    print(f"{path} {'would be' if options.dry_run else 'is'} written:\n{new}", end="")
    if not options.dry_run:
        write(path, new)
    return 0


def write(path: str, contents: str) -> None:
    """Put a file of rules in its place.

    Raises:
        CannotRunError: it cannot be written.

    """
    draft = f"{path}{files.DRAFT}"
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)  # noqa: PTH103, PTH120 - paths are text here
        files.remove(draft)
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with open(fd, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            file.write(contents)
        files.replace(draft, path)
    except OSError as error:
        raise CannotRunError(f"{path} could not be written: {error.strerror}; is this root?") from error


def remove(options: argparse.Namespace) -> int:
    """Remove the file of one rule; return the exit status."""
    rule = next((each for each in read_rules(options.rules) if each.id == options.id), None)
    if rule is None:
        raise UsageError(f"there is no rule '{options.id}' in {options.rules}")
    path, _, line = rule.where.rpartition(":")
    if len(tables(read(path))) > 1:
        raise UsageError(f"'{options.id}' is not alone in its file: take it out there, {path}:{line}")
    print(f"{path} {'would be' if options.dry_run else 'is'} removed:\n{read(path)}", end="")
    if not options.dry_run:
        try:
            os.unlink(path)  # noqa: PTH108 - paths are text here
        except OSError as error:
            raise CannotRunError(f"{path} could not be removed: {error.strerror}; is this root?") from error
    return 0


def conditions(rule: Rule) -> str:
    """Return what a rule wants, in one line."""
    ranges = [str(low) if low == high else f"{low}-{high}" for low, high in rule.uids]
    parts: list[tuple[str, Sequence[object]]] = [
        ("name", rule.names),
        ("digest", [digest.hex()[:12] for digest in sorted(rule.digests)]),
        ("package", rule.packages),
        ("signer", rule.signers),
        ("path", rule.paths),
        ("parameter", rule.parameters),
        ("flag", [] if rule.flags is None else [str(flag.name).lower().replace("_", "-") for flag in rule.flags]),
        ("alias", rule.aliases),
        ("origin", [origin.name.lower() for origin in sorted(rule.origins)]),
        ("uid", ranges),
        ("program", rule.programs),
        ("container", [] if rule.container is None else [rule.container]),
        ("kernel_thread", [] if rule.kernel_thread is None else [rule.kernel_thread]),
    ]
    return "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in parts if values)


def show(options: argparse.Namespace) -> int:
    """Print the rules; return the exit status."""
    rules = read_rules(options.rules)
    idle: tuple[str, ...] = ()
    why = ""
    try:
        with open_store(options.database) as store:
            idle = resolve(store.connection, rules).idle
            why = store.warning
    except StoreError as error:
        why = f"what the rules are for was not looked up: {error}"
    if common.wants_json(options):
        shown = [
            shapes.RuleShown(
                id=rule.id,
                action=str(rule.action),
                on=sorted(map(str, rule.operations)),
                conditions=plain(conditions(rule)),
                message=rule.message or None,
                link=rule.link or None,
                where=plain(rule.where),
                idle=None if why else rule.id in idle,
            )
            for rule in rules
        ]
        common.print_json(shapes.Rules(rules=shown, warning=plain(why) or None))
    else:
        cells = [
            [rule.id, rule.action, ",".join(sorted(rule.operations)), rule.where, conditions(rule)] for rule in rules
        ]
        if cells:
            print("\n".join(table(("RULE", "SAYS", "ON", "WHERE", "CONDITIONS"), cells, terminal.width(1))))
        print(f"{plural(len(rules), 'rule')} in {safe(options.rules)}, in this order")
        for name in idle:
            common.warn(f"rule {name}: no digest of the database is what it wants")
        if why:
            common.warn(why)
    return INCOMPLETE if why else 0


def main(argv: list[str]) -> int:
    """Run the action; return its exit status."""
    options = make_parser().parse_args(argv)
    return {"list": show, "add": add, "remove": remove}[options.doing](options)
