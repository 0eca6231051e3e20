"""``modinfo --verify``: one line for each module, and which certificates were looked at."""

from __future__ import annotations

from ringward.cli.tool_log import stdout
from ringward.cli.tool_options import FAILURE
from ringward.kmod.compression import read_module
from ringward.kmod.errors import KmodError
from ringward.kmod.sysroot import told
from ringward.kmod.threads import in_threads
from ringward.kmod.verify import VALID, Trusted, Verdict, verify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.cli.modinfo import Modinfo, Target


def trusted(call: Modinfo) -> Trusted:
    """Return the certificates that are named, or those built into the kernel that is looked at."""
    options = call.options
    found = Trusted(options.sysroot)
    for path in options.certificates:
        if not found.add(path):
            call.complain(f"certificates could not be read: {found.problems[-1]}")
    if not options.certificates:
        found.add_kernel(call.tree.version, call.tree.base)
    return found


def run_verify(call: Modinfo) -> int:
    """Print ``path: word: why`` of every module; return 0 when all are valid."""
    certificates = trusted(call)

    def check(target: Target) -> tuple[Target, Verdict | Exception | None]:
        if target.shown is None:
            return target, None
        try:
            return target, verify(read_module(target.real), certificates, target.shown)
        except (OSError, KmodError) as error:
            return target, error

    status = 0
    for target, verdict in in_threads(check, call.targets()):
        if verdict is None:
            stdout(f"{target.name}: built in: it came with the kernel{call.options.end}")
        elif isinstance(verdict, Exception):
            call.complain(f"could not get modinfo from '{target.name}': {told(verdict, call.options.sysroot)}")
        else:
            stdout(f"{target.shown}: {verdict.word}: {verdict.why}{call.options.end}")
            status = status if verdict.word == VALID else FAILURE
    return FAILURE if call.failed else status
