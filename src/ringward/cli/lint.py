"""``ringward lint``: directives of modprobe.d, depmod.d and the kernel command line that do not do what they say."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ringward.cli import terminal
from ringward.cli.errors import BAD_ANSWER, INCOMPLETE, UsageError
from ringward.cli.parser import Parser
from ringward.cli.tool_log import stdout
from ringward.kmod.config import load_config
from ringward.kmod.config_files import read
from ringward.kmod.depmod_config import load_depmod_config
from ringward.kmod.lint import FINDING, RULES, Finding, lint
from ringward.kmod.names import printable
from ringward.kmod.sysroot import inside
from ringward.kmod.tree import DEP, Tree

_WIDEST = 120


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``ringward lint --json`` prints (docs/schema/kmod-v1.json: lint)."""

    v: int = 1
    tool: str = "lint"
    kernel: str | None
    """Release of the kernel whose modules were looked at; null: none were."""
    findings: list[Finding]
    """Notes among them, whatever --all says."""
    unseen: list[str]
    """What could not be looked at, and why; paths without the sysroot."""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "ringward lint",
        "Find directives of modprobe.d, depmod.d and the kernel command line that do not do what they say.",
        "exit status: 0 nothing found; 1 something found; 3 nothing found, but not all could be looked at",
    )
    parser.add_argument("--all", action="store_true", help="notes, too: what works as it says, but surprises")
    parser.add_argument(
        "-C",
        "--config",
        action="append",
        metavar="PATH",
        help="a file or directory instead of the default directories of modprobe; may be repeated",
    )
    parser.add_argument("--sysroot", metavar="DIR", default="", help="look at the system below DIR")
    parser.add_argument("-S", "--set-version", metavar="VERSION", help="the kernel whose modules are looked at")
    parser.add_argument("--cmdline", metavar="TEXT", help="the kernel command line instead of /proc/cmdline")
    parser.add_argument("--rules", action="store_true", help="list the rules, and look at nothing")
    parser.add_argument("--output", choices=("text", "json"), default="text", help="text (default) or json")
    parser.add_argument("--json", action="store_const", dest="output", const="json", help="short for --output json")
    return parser


def find_tree(sysroot: str, version: str | None) -> tuple[Tree | None, str]:
    """Return the module directory to look at, or None; and why it has no modules, or "".

    Args:
        sysroot: "" is this system, whose running kernel is meant without a version.
        version: of the kernel; None: below a sysroot the only one that there is.

    Raises:
        UsageError: there are several.

    """
    if version is None and sysroot:
        try:
            versions = sorted(entry.name for entry in Path(inside(sysroot, "/lib/modules")).iterdir())
        except OSError:
            versions = []
        if len(versions) > 1:
            raise UsageError(f"there are modules of several kernels; name one with -S: {', '.join(versions)}")
        version = versions[0] if versions else ""
        if not version:
            return None, "there are no modules in /lib/modules: rules that need them were not applied"
    tree = Tree("", version or os.uname().release, root=sysroot)
    if not tree.exists(f"{tree.directory}/{DEP}"):
        return (
            tree,
            f"there is no {tree.directory}/{DEP}: rules that need modules were not applied; name a kernel with -S",
        )
    return tree, ""


def look(options: argparse.Namespace) -> Report:
    """Return the report.

    Raises:
        UsageError: which modules are meant is not clear.

    """
    root = options.sysroot.rstrip("/") if options.sysroot != "/" else ""
    if options.sysroot and not Path(options.sysroot).is_dir():
        raise UsageError(f"there is no directory {options.sysroot}")
    tree, why = find_tree(root, options.set_version)

    def text(path: str) -> str | None:
        try:
            return read(inside(root, path))
        except OSError:
            return None

    module_dir = tree.real(tree.directory) if tree else None
    config = load_config(options.config, root=root, cmdline=options.cmdline, module_dir=module_dir)
    modules = None if why else tree
    found = lint(config, modules, text, None if options.config else load_depmod_config(root=root))
    unseen = ([why] if why else []) + found.unseen
    return Report(kernel=modules.version if modules else None, findings=found.findings, unseen=unseen)


def _encodable(text: str) -> str:
    """Return `text` with undecodable bytes written out, as ``\\xff``: JSON is UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def to_json(report: Report) -> str:
    """Return the report as JSON."""
    findings = [
        Finding(
            each.rule,
            each.level,
            _encodable(each.path),
            each.line,
            _encodable(each.text),
            _encodable(each.why),
            _encodable(each.fix),
            tuple(map(_encodable, each.others)),
        )
        for each in report.findings
    ]
    plain = msgspec.structs.replace(report, findings=findings, unseen=list(map(_encodable, report.unseen)))
    return msgspec.json.format(msgspec.json.encode(plain), indent=2).decode()


def _wrapped(label: str, text: str, width: int) -> Iterator[str]:
    yield from textwrap.wrap(
        printable(f"{label}{text}"),
        width,
        initial_indent="    ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(findings: list[Finding], width: int) -> Iterator[str]:
    """Yield lines for people: each finding's place, rule and line, and below what happens and what helps."""
    places = max((len(each.place) for each in findings), default=0)
    rules = max((len(each.rule) for each in findings), default=0)
    for each in findings:
        head = f"{printable(each.place):<{min(places, 48)}}  {each.rule:<{rules}}"
        text = printable(each.text.strip())
        left = max(width - len(head) - 2, 0)
        yield f"{head}  {text if len(text) <= left else text[: max(left - 1, 0)] + '~'}".rstrip()
        yield from _wrapped("", each.why, width)
        if each.fix:
            yield from _wrapped("fix: ", each.fix, width)
    if findings:
        yield ""


def lines(findings: list[Finding]) -> Iterator[str]:
    """Yield one line each for programs: place, rule, what happens, what helps."""
    for each in findings:
        fix = f" (fix: {each.fix})" if each.fix else ""
        yield printable(f"{each.place}: {each.rule}: {each.why}{fix}")


def summary(report: Report, *, every: bool) -> str:
    """Return the last line.

    Args:
        report: of all.
        every: whether notes were shown.

    """
    faults = sum(each.level == FINDING for each in report.findings)
    notes = len(report.findings) - faults
    kernel = f"modules of {report.kernel}" if report.kernel else "no modules"
    hint = "" if every or not notes else "; --all shows them"
    return f"{faults} finding{'s' * (faults != 1)}, {notes} note{'s' * (notes != 1)}{hint}; looked at {kernel}"


def status(report: Report) -> int:
    """Return the exit status."""
    if any(each.level == FINDING for each in report.findings):
        return BAD_ANSWER
    return INCOMPLETE if report.unseen else 0


def main(argv: list[str]) -> int:
    """Run the command; return its exit status."""
    options = make_parser().parse_args(argv)
    if options.rules and options.output == "json":
        rules = [{"rule": rule, "what": text} for rule, text in RULES.items()]
        document = msgspec.json.encode({"v": 1, "tool": "lint-rules", "rules": rules})
        stdout(f"{msgspec.json.format(document, indent=2).decode()}\n")
        return 0
    if options.rules:
        longest = max(map(len, RULES))
        print("\n".join(f"{rule:<{longest}}  {text}" for rule, text in RULES.items()))
        return 0
    report = look(options)
    if options.output == "json":
        stdout(f"{to_json(report)}\n")
        return status(report)
    shown = [each for each in report.findings if options.all or each.level == FINDING]
    if os.isatty(sys.stdout.fileno()):
        print("\n".join([*table(shown, min(terminal.width(1), _WIDEST)), summary(report, every=options.all)]))
    else:
        for line in lines(shown):
            print(line)
    for why in report.unseen:
        print(f"ringward lint: not looked at: {printable(why)}", file=sys.stderr)
    return status(report)
