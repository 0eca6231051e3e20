"""The module calls that are told as they are: nothing is joined to them but their own return.

The native part takes them out of a batch; `ringward.sensor.join` does everything else, and the same
for these where something is unusual about them.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping

from ringward.events.context import Event, Process
from ringward.events.registry import BY_NAME
from ringward.sensor import _native
from ringward.sensor.decode import Decoder
from ringward.sensor.plan import Plan, plan

CANARY = 1
"""FLAG_CANARY of bpf/events.h."""
PLAIN = ("create_module", "query_module", "get_kernel_syms")
"""Calls that begin no load and end none."""
LOADS = ("init_module", "finit_module")
NOT_KNOWN = "the list of loaded modules, or the name, could not be read"
TAGS = {name: cls.tags() for name, cls in BY_NAME.items()}


def plain_calls(
    decoder: Decoder,
    emit: frozenset[str],
    host: str,
    pending: dict[int, bytes],
    loaded: Mapping[str, object],
    context: Callable[[bytes], Process],
    modules: set[str] | None,
    programs: _native.Programs | None,
    lines: _native.Lines | None = None,
    *,
    judged: bool = False,
) -> _native.Calls:
    """Return what takes the plain calls out of batches of `decoder`.

    Args:
        decoder: of the batches.
        emit: names of the events that are wanted.
        host: name of the machine.
        pending: gets the record of each attempt at its entry; it is taken out at its return.
        loaded: modules that a load is known of: calls that name one are not plain.
        context: of a task's bytes.
        modules: names of the modules that are loaded; None: not known.
        programs: what is done with their starts and ends, see `ringward.sensor.programs`; None: nothing.
        lines: what makes a line of an event, and what gets the lines of programs that are like the last one
            (native/lives.c); None: they are told as events.
        judged: more is made of `PLAIN` calls than their event: none is plain.

    """
    kinds: dict[int, tuple[bool, Plan | None, int, dict[str, tuple[str, ...]]]] = {}
    places = set()
    for name, kind in decoder.kinds.items():
        layout, cls = decoder.layouts[name], BY_NAME[name]
        at = {field.name: field.offset for field in layout.fields}
        if "attempt.id" not in at or name in LOADS:
            continue
        fields = list(cls.specs())
        number = fields.index("name") if "name" in fields else -1
        known = {"name_is_loaded": (modules, number, NOT_KNOWN)} if "name_is_loaded" in fields else None
        how = plan(name, cls, layout, known) if name in PLAIN and not judged else None
        kinds[kind] = name in emit, how, number, TAGS[name]
        places.add((at["attempt.id"], at["attempt.entered"], at["attempt.result"], at["attempt.state"]))
    # All begin alike (bpf/attempt.bpf.h); without a call among the records nothing is looked at.
    (offsets,) = places or {(0, 0, 0, 0)}
    states = decoder.attempt_states
    return _native.Calls(
        decoder.native,
        Event,
        kinds,
        (*offsets, decoder.flags_at),
        (states["ATTEMPT_ENTERED"], states["ATTEMPT_RETURNED"], CANARY),
        host,
        pending,
        loaded,
        context,
        dict(errno.errorcode),
        programs,
        lines,
    )
