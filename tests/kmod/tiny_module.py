"""Module files made by the C compiler: real sections, flags and symbols, without kernel headers."""

from __future__ import annotations

import subprocess
from pathlib import Path

INFO = '__attribute__((section(".modinfo"), used, aligned(1))) static const char info{}[] = "{}";\n'
INIT = "int init_module(void) { return 0; }\n"
EXIT = "void cleanup_module(void) {}\n"


def build(folder: Path, name: str, *info: str, code: str = INIT + EXIT, named: bool = True) -> Path:
    """Return the file of a module with these strings of .modinfo, and this code; older kernels have no name= there."""
    strings = (f"name={name}", *info) if named else info
    lines = [INFO.format(number, text) for number, text in enumerate(strings)]
    file = folder / f"{name}.ko"
    source = "".join(lines) + code
    command = ["cc", "-c", "-O1", "-ffreestanding", "-x", "c", "-", "-o", str(file)]
    subprocess.run(command, input=source, text=True, check=True, capture_output=True)
    return file
