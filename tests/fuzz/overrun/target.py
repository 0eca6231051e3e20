"""A target of a native module that is wrong: shows that the sanitizers tell."""

from __future__ import annotations

import importlib

COVERS = ()
FLOOR = 0
NATIVE = ("overrun_native",)


def seeds() -> list[bytes]:
    return [b"nothing"]


def one(data: bytes) -> None:
    importlib.import_module(NATIVE[0]).sum(data)
