"""Whether enforcing would keep this machine from what it needs: would each module that it loads pass?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ringward.kmod.resolve import Resolver
from ringward.kmod.step import INSMOD
from ringward.trust.look import Looked, LookError, look
from ringward.trust.patterns import underscored
from ringward.trust.rules import Action, Flag, Operation, Origin, Policy
from ringward.trust.verdict import Object, Subject, decide

LOADED, LISTED, DEVICE = "loaded now", "loaded at boot", "for a device that is present"
LISTS = ("/etc/modules-load.d", "/run/modules-load.d", "/usr/local/lib/modules-load.d", "/usr/lib/modules-load.d")
"""systemd's modules-load.d(5), first the ones that win."""
OLD_LIST = "/etc/modules"
CMDLINE = "/proc/cmdline"
_LOADER = Subject(uid=0, program=b"/usr/bin/kmod", container=False)
"""Who loads modules at boot. A rule that refuses this program or user alone is not foreseen otherwise."""


class Needed(NamedTuple):
    """A module that this machine loads.

    Attributes:
        name: of the module, or an alias.
        why: LOADED, LISTED or DEVICE.

    """

    name: str
    why: str


class Blocked(NamedTuple):
    """A module that would not pass.

    Attributes:
        name: of the module.
        path: of its file; "": it has none.
        why: it is needed.
        verdict: what would refuse it, in words.

    """

    name: str
    path: str
    why: str
    verdict: str


def listed(texts: Iterable[str]) -> Iterator[str]:
    """Yield the modules that files of modules-load.d name."""
    for text in texts:
        for line in text.splitlines():
            name = line.strip()
            if name and name[0] not in "#;":
                yield name.split()[0]


def cmdline_list(cmdline: str) -> str:
    """Return the modules that the kernel's command line names (systemd-modules-load.service(8)), one a line."""
    words = (word.partition("=") for word in cmdline.split())
    return "\n".join(value.replace(",", "\n") for key, _, value in words if key.replace("-", "_") == "modules_load")


def boot_lists(folders: Iterable[str] = LISTS, old: str = OLD_LIST, cmdline: str = CMDLINE) -> list[str]:
    """Return the texts of the files of modules-load.d, of each name the first that there is; then `cmdline_list`."""
    found: dict[str, Path] = {}
    for folder in folders:
        try:
            paths = sorted(Path(folder).glob("*.conf"))
        except OSError:
            continue
        for path in paths:
            found.setdefault(path.name, path)
    paths = [path for _, path in sorted(found.items())]
    texts = [_text(path) for path in (*paths, Path(old)) if path.is_file()]
    return [*texts, cmdline_list(_text(Path(cmdline)))]


def _text(path: Path) -> str:
    return path.read_text("utf-8", "surrogateescape")


def device_aliases(devices: str = "/sys/devices") -> set[str]:
    """Return the aliases of the devices that are present."""
    found = set()
    for folder, _folders, files in os.walk(devices):
        if "modalias" in files:
            try:
                found.add(_text(Path(folder) / "modalias").strip())
            except OSError:
                # A device can go while it is looked at.
                continue
    return found - {""}


def needed(loaded: Iterable[str], lists: Iterable[str], aliases: Iterable[str]) -> list[Needed]:
    """Return what this machine loads, each name once."""
    found: dict[str, str] = {}
    for names, why in ((loaded, LOADED), (listed(lists), LISTED), (sorted(aliases), DEVICE)):
        for name in names:
            found.setdefault(name, why)
    return [Needed(name, why) for name, why in found.items()]


def objects_of(looked: Looked, parameters: str) -> list[Object]:
    """Return what loading a module's file can come to: as the file it is, and as its image from memory.

    Whether the kernel gets a compressed file or the image is the loading tool's choice.
    """
    name = underscored(looked.name.encode("utf-8", "surrogateescape"))
    text = parameters.encode("utf-8", "surrogateescape")

    def load(digest: bytes, flags: Flag, own: bytes | None) -> Object:
        return Object(Operation.MODULES, digest, own, text, flags, b"", Origin.BOOT)

    if looked.image == looked.digest:
        return [load(looked.digest, Flag(0), name), load(looked.digest, Flag.NO_FILE, name)]
    return [load(looked.digest, Flag.COMPRESSED, None), load(looked.image, Flag.NO_FILE, name)]


def verdict_of(policy: Policy, things: Iterable[Object]) -> str:
    """Return what denies one of some loads, in words; "": nothing does."""
    for thing in things:
        verdict = decide(_LOADER, thing, policy)
        if verdict.action is Action.DENY:
            form = "from memory" if thing.flags == Flag.NO_FILE else "as a file"
            rule = (
                policy.rules[verdict.rule].id
                if verdict.rule is not None
                else "it is not trusted, and nothing allows it"
            )
            return f"{rule} ({form}, sha256 {(thing.digest or b'').hex()})"
    return ""


class Check:
    """Looks at the modules of one tree.

    Args:
        policy: in the mode that is checked for.
        resolver: of the tree and its configuration.

    """

    def __init__(self, policy: Policy, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver
        self._files: dict[tuple[str, str], str] = {}

    def blocked(self, names: Iterable[Needed], show: Callable[[int], None] | None = None) -> list[Blocked]:
        """Return those that would not pass, with what they need.

        Args:
            names: of modules, and aliases of devices.
            show: told after each how many were looked at.

        """
        found: dict[tuple[str, str], Blocked] = {}
        for count, one in enumerate(names, 1):
            for blocked in self._one(one):
                found.setdefault((blocked.name, blocked.path), blocked)
            if show:
                show(count)
        return list(found.values())

    def _one(self, one: Needed) -> Iterator[Blocked]:
        steps = self._resolver.probe(one.name, use_blacklist=one.why == DEVICE, ignore_commands=True)
        files = {step.path: step for step in steps if step.action == INSMOD and step.path}
        for path, step in files.items():
            parameters = " ".join(option.text for option in step.options)
            verdict = self._file(path, parameters)
            if verdict:
                yield Blocked(step.name, path, one.why, verdict)
        # An alias that nothing provides is nobody's; a module that is loaded has come from somewhere.
        if not files and one.why == LOADED and not self._resolver.tree.builtin(one.name):
            yield Blocked(one.name, "", one.why, f"no file of it in {self._resolver.tree.directory}")

    def _file(self, path: str, parameters: str) -> str:
        key = path, parameters
        if key not in self._files:
            real = self._resolver.tree.real(path)
            try:
                looked, _identity, _size = look(os.path.realpath(real))
            except LookError as error:
                self._files[key] = f"it could not be looked at: {error}"
            else:
                self._files[key] = (
                    verdict_of(self._policy, objects_of(looked, parameters)) if looked.kind else "no module"
                )
        return self._files[key]


def report(blocked: Iterable[Blocked]) -> list[str]:
    """Return a line for each."""
    return [f"{one.name} ({one.why}): {one.verdict}{f': {one.path}' if one.path else ''}" for one in blocked]
