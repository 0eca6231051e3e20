"""The published JSON schema of what the module tools print: ``python -m ringward.kmod.schema FILE`` writes it.

Each document has ``v``, the schema's version, and ``tool``; a shape of its own for each tool is in `DOCUMENTS`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ringward.kmod.schema_blocked import BLOCKED
from ringward.kmod.schema_graph import GRAPH
from ringward.kmod.schema_lint import LINT, LINT_RULES
from ringward.kmod.schema_modprobe import MODPROBE, MODPROBE_CONFIG, MODPROBE_SYMBOLS, PLAN
from ringward.kmod.schema_parts import Schema, number, one_of, or_null, record, several, text, truth

VERSION = 1
PUBLISHED = f"docs/schema/kmod-v{VERSION}.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

WHY = "Why not, as the tool says it."
LSMOD = {
    "modules": several(
        record(
            "A loaded module.",
            {
                "name": text("Its name, with underscores."),
                "size": number("Bytes of it that stay in memory."),
                "refcount": or_null(
                    number("How many use it; -1: it is being unloaded."), "this kernel cannot unload modules"
                ),
                "holders": several(text("A module."), "The modules that use its symbols, in the kernel's order."),
                "state": one_of("What the kernel does with it.", "live", "coming", "going"),
                "address": number("Where it begins in memory; 0: the kernel does not say."),
                "taint": text("The letters that it adds to the kernel's taint."),
                "permanent": truth("Whether it has no exit function, so that only force unloads it."),
            },
        ),
        "The loaded modules, newest first.",
    )
}
INSMOD = {
    "file": text("The module's file, as it was named."),
    "options": text("The parameters, as the kernel gets them."),
    "loaded": truth("Whether this call loaded it."),
    "why": or_null(text(WHY), "it was loaded"),
}
RMMOD = {
    "modules": several(
        record(
            "What became of one word of the command line.",
            {
                "name": text("The module that it names."),
                "asked": text("The word."),
                "unloaded": truth("Whether this call unloaded it."),
                "why": or_null(text(WHY), "it was unloaded"),
            },
        ),
        "In the order of the command line.",
    )
}
STATIC_NODES = {
    "nodes": or_null(
        several(
            record(
                "A device node that can be made before its module is loaded.",
                {
                    "module": text("The module that serves it."),
                    "device": text("Its path."),
                    "type": one_of("c: character device; b: block device.", "c", "b"),
                    "major": number("Its major number."),
                    "minor": number("Its minor number."),
                },
            ),
            "In the order of modules.devname.",
        ),
        "there is no modules.devname",
    )
}
ERROR = {
    "command": text("The command, as `ringward --help` lists it."),
    "status": number("The exit status."),
    "messages": several(text("A message, as on standard error."), "Why there is no answer; the last ends the call."),
}
_UP_TO_DATE = "modules.dep was up to date (-A), nothing was looked at"
DEPMOD = {
    "directory": text("The module directory."),
    "output": text("The directory that is written to."),
    "version": text("The kernel release that overrides and external directories are chosen by."),
    "up_to_date": truth("Whether -A found nothing to do."),
    "written": several(text("A file's name."), "The files that were written; none with -n or when there is a cycle."),
    "modules": or_null(
        several(
            record(
                "A module that takes part.",
                {
                    "name": text("Its name, with underscores."),
                    "path": text("Its file: below the module directory, or absolute."),
                    "needs": several(text("A module."), "The modules whose symbols it needs itself."),
                },
            ),
            "In the order of their priority.",
        ),
        _UP_TO_DATE,
    ),
    "duplicates": or_null(
        several(
            record(
                "A decision between two files of one name.",
                {
                    "name": text("Of the module."),
                    "kept": text("The file that takes part, unless a later decision is against it."),
                    "dropped": text("The other file."),
                    "why": text("The line of the configuration that decides."),
                },
            ),
            "In the order in which they were made.",
        ),
        _UP_TO_DATE,
    ),
    "damaged": or_null(
        several(
            record(
                "A module whose file cannot be read: it takes part with nothing but its name.",
                {"name": text("Of the module."), "path": text("Of its file."), "why": text("Why not.")},
            ),
            "In the order of their priority.",
        ),
        _UP_TO_DATE,
    ),
    "unresolved": or_null(
        several(
            record(
                "A symbol that a module needs.",
                {
                    "module": text("The module."),
                    "symbol": text("The symbol."),
                    "why": one_of("unknown: nobody exports it; version: with another CRC.", "unknown", "version"),
                },
            ),
            "What -e reports.",
        ),
        "nobody looked: no -e, or neither -E nor -F",
    ),
    "cycles": or_null(
        several(
            several(text("A module."), "Each needs the next one, the last one the first."),
            "The circles in which modules need each other.",
        ),
        _UP_TO_DATE,
    ),
    "cycles_complete": or_null(truth("Whether `cycles` has all of them."), _UP_TO_DATE),
    "modules_in_cycles": or_null(several(text("A module."), "Those that are in some cycle."), _UP_TO_DATE),
}
_UNREAD = (
    "license",
    "info",
    "parameters",
    "import_ns",
    "build_id",
    "size",
    "sha256",
    "signature",
    "verification",
    "taint",
)
_SIGNER = record(
    "Who signed.",
    {
        "name": or_null(text("The issuer of the signer's certificate: its common name."), "the key's id is given"),
        "serial": or_null(text("That certificate's serial number, in hex."), "the key's id is given"),
        "key_id": or_null(text("The key's identifier, in hex."), "issuer and serial number are given"),
        "hash": text("The digest that is signed; if it is not known, its object identifier in hex."),
        "attributes": truth("Whether more than the module is signed, which the kernel refuses."),
        "signature": text("The signature, in hex."),
    },
)
_SIGNATURE = record(
    "What is appended to the module.",
    {
        "type": text("PKCS#7, which kernels since 4.3 want; X509, PGP, or a number."),
        "offset": number("Bytes before the signature, in the unpacked file."),
        "appended_bytes": number("Bytes of all that is appended."),
        "why_unusable": or_null(text("Why it cannot be read."), "it can"),
        "signers": several(_SIGNER, "In the order of the message."),
        "certificates": number("How many certificates came with it."),
    },
    ("certificates",),
)
_SHA256 = "SHA-256, in hex: "
MODINFO = {
    "modules": several(
        record(
            "A module. Of a part of the kernel, and of a file that cannot be read, some members are missing.",
            {
                "filename": or_null(text("Its file."), "it is a part of the kernel"),
                "name": or_null(text("Its name."), "it does not say"),
                "builtin": truth("Whether it is a part of the kernel."),
                "error": or_null(text(WHY), "it was read"),
                "license": record(
                    "By which the kernel goes.",
                    {
                        "text": or_null(text("What it says."), "it names none"),
                        "gpl_compatible": truth("Whether it may use symbols that are exported for the GPL only."),
                    },
                ),
                "info": {
                    "type": "object",
                    "description": "What it says of itself: each key with its values, in the order of the file.",
                    "additionalProperties": several(text("A value."), "In the order of the file."),
                },
                "parameters": several(
                    record(
                        "A parameter.",
                        {
                            "name": text("Its name."),
                            "type": or_null(text("As int or charp."), "it is not said"),
                            "description": or_null(text("What it is for."), "it is not said"),
                        },
                    ),
                    "In modinfo's order.",
                ),
                "import_ns": several(text("A namespace."), "Those whose symbols it may use."),
                "build_id": or_null(text("The linker's, in hex."), "it has none"),
                "size": record(
                    "Bytes.",
                    {
                        "file": number("Of the file."),
                        "image": number("Of the file, unpacked: what init_module(2) is given."),
                        "elf": number("Of the image without what is appended: what is signed."),
                    },
                ),
                "sha256": record(
                    "Digests of the same.",
                    {
                        "file": text(f"{_SHA256}of the file."),
                        "image": text(f"{_SHA256}of the image."),
                        "elf": text(f"{_SHA256}of the ELF image without what is appended."),
                    },
                ),
                "signature": or_null(_SIGNATURE, "nothing is appended"),
                "verification": or_null(
                    record(
                        "Whether the signature is valid.",
                        {
                            "result": one_of(
                                "The answer.", "valid", "invalid", "unknown key", "unsigned", "could not look"
                            ),
                            "why": text("What was found."),
                            "certificate_from": or_null(text("The file of the certificate."), "none was used"),
                        },
                    ),
                    "nobody looked: no --verify",
                ),
                "taint": several(
                    record(
                        "A flag that loading it would set.",
                        {
                            "letter": text("As in /proc/modules."),
                            "certain": truth("Whether it is; if not, it depends on what nobody could look at."),
                            "why": text("What sets it."),
                        },
                    ),
                    "In the order in which the kernel would.",
                ),
            },
            _UNREAD,
        ),
        "In the order of the command line.",
    ),
    "certificates": or_null(
        record(
            "What signatures were checked with.",
            {
                "sources": several(text("A file."), "Those that had certificates."),
                "problems": several(text("What, and why."), "What could not be read."),
            },
        ),
        "nobody looked: no --verify",
    ),
    "messages": several(text("A message."), "What was complained of: names that mean nothing, files that are damaged."),
}
DOCUMENTS: dict[str, tuple[str, dict[str, Schema]]] = {
    "lsmod": ("`lsmod --json`, `kmod list --json`: what is loaded.", LSMOD),
    "insmod": ("`insmod --json`: whether a module file was loaded.", INSMOD),
    "rmmod": ("`rmmod --json`: which modules were unloaded.", RMMOD),
    "static-nodes": ("`kmod static-nodes --json`: the device nodes of modules.devname.", STATIC_NODES),
    "modinfo": ("`modinfo --json`: what modules say and are.", MODINFO),
    "depmod": ("`depmod --json`: what was found, and what was written.", DEPMOD),
    "modprobe": ("`modprobe --json`: what names mean, and what was done for them.", MODPROBE),
    "modprobe-config": ("`modprobe --show-config --json`: the configuration and the aliases.", MODPROBE_CONFIG),
    "modprobe-symbols": (
        "`modprobe --show-exports --json`, `--show-modversions --json`: symbols and checksums.",
        MODPROBE_SYMBOLS,
    ),
    "plan": ("`ringward plan`: what loading some names would come to.", PLAN),
    "blocked": ("`ringward blocked`: whether modules can still get in.", BLOCKED),
    "graph": ("`ringward graph --json`: what a module pulls in, and who needs it.", GRAPH),
    "lint": ("`ringward lint --json`: directives that do not do what they say.", LINT),
    "error": ("Any of them with --json, when the call fails before there is an answer.", ERROR),
    "lint-rules": ("`ringward lint --rules --json`: what it looks for.", LINT_RULES),
}
"""Tool -> what its document is, and the members beside ``v`` and ``tool``."""


def schema() -> Schema:
    """Return the schema of all documents."""
    parts = {
        tool: record(
            about,
            {"v": {"const": VERSION, "description": "Version of this schema."}, "tool": {"const": tool}, **members},
        )
        for tool, (about, members) in DOCUMENTS.items()
    }
    return {
        "$schema": DIALECT,
        "title": f"Documents of Ringward's module tools, schema version {VERSION}",
        "description": (
            "What the module tools print with --json: one document a call. Later versions of Ringward may add members "
            "and documents; a change of what is here has another version."
        ),
        "oneOf": [{"$ref": f"#/$defs/{tool}"} for tool in parts],
        "$defs": parts,
    }


def document() -> str:
    """Return the schema as the published file has it."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else PUBLISHED).write_text(document(), encoding="utf-8")
