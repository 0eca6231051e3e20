"""What is left of a module's life without eBPF: the kernel's uevents."""

from __future__ import annotations

from ringward.events.hooks import Hook

UEVENT = Hook(
    "kobject_uevent",
    "uevent",
    "The name of a module that was added or removed, and what sysfs says of it then. It takes the place of eBPF"
    " altogether, and needs no privilege.",
    loses="the process (only guessed from /proc), the address, a load whose init fails",
)
"""Since commit 38dc717e9715 ("module: delay kobject uevent until after module init call") (in v5.12) init has run."""
