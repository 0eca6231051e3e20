"""By its file, without modprobe: what root can do unless the kernel itself refuses."""

from __future__ import annotations

from ringward.kmod.blocked.answer import BY_FILE, CLOSED, COULD_NOT_LOOK, OPEN, Way
from ringward.kmod.triggers import ROOT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.blocked.kernel_policy import File


def by_file(path: str, file: File) -> Way:
    """Return the way of insmod(8).

    Args:
        path: of the file.
        file: what the kernel would say to it.

    """
    command = f"insmod {path}"
    if file.refusal and not file.forced:
        return Way(BY_FILE, CLOSED, [path], why=file.refusal, command=command)
    if file.facts is None:
        return Way(BY_FILE, COULD_NOT_LOOK, [path], who=[ROOT], why=file.why_no_file, command=command)
    if file.refusal:
        why = f"only with force: {file.refusal}"
        return Way(BY_FILE, OPEN, [path], who=[ROOT], why=why, command=f"insmod --force {path}")
    if file.unseen:
        why = "; ".join(f"{', '.join(whats)}: {why}" for why, whats in file.unseen.items())
        return Way(BY_FILE, COULD_NOT_LOOK, [path], who=[ROOT], why=why, command=command)
    return Way(BY_FILE, OPEN, [path], who=[ROOT], command=command)
