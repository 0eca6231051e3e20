"""From records to events: attempts with their results, loads with their steps and origin.

Pure: it is driven by records and by a clock that its caller passes in.
"""

from __future__ import annotations

import errno
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from ringward.events.context import Event, Load, Origin, Process
from ringward.sensor import _native
from ringward.sensor.attempts import Attempts
from ringward.sensor.calls import CANARY, LOADS, NOT_KNOWN, PLAIN, TAGS, plain_calls
from ringward.sensor.clock import Clock
from ringward.sensor.decode import Decoder, Record, Task
from ringward.sensor.exec_path import ExecPaths
from ringward.sensor.io_uring import RingRequests
from ringward.sensor.lifecycle import Lifecycles, LoadState, unknown
from ringward.sensor.origin import Cause, Device, Request, origin, udev_worker
from ringward.sensor.process_table import ProcessTable, key_of
from ringward.sensor.programs import Programs
from ringward.sensor.syscalls import SystemCalls
from ringward.sensor.udev import Workers

HELD_NS = 300_000_000
"""How long a finished load waits for the one that needed it."""
INITRAMFS = 4
KEPT_REQUESTS = 4096
_NO_INIT_ENTRY = "its entry was not seen: it was in progress when Ringward attached"


class Joiner:
    """Makes events of records, in the order in which they are complete.

    Args:
        decoder: of the objects that the records come from.
        table: of processes, fed here.
        clock: for the time of day.
        host: name of the machine.
        emit: whether an event of this name is wanted.
        canary: gets the records that Ringward itself provoked.
        steps: events that are attached: a load that succeeds without one shows a deaf hook.
        modules: names of the modules that are loaded, kept up to date here; None: not known.
        lost_since: whether records may have been lost after a time, nanoseconds since boot.
        judge: makes the events that follow that of a call of `PLAIN`; None: none do.
        lines: as of `ringward.sensor.calls.plain_calls`.

    """

    def __init__(
        self,
        decoder: Decoder,
        table: ProcessTable,
        clock: Clock,
        host: str,
        emit: frozenset[str],
        canary: Callable[[Record], None] = lambda _record: None,
        steps: frozenset[str] = frozenset(),
        modules: set[str] | None = None,
        lost_since: Callable[[int], bool] = lambda _time: False,
        judge: Callable[[Event, Cause], Iterable[Event]] | None = None,
        lines: _native.Lines | None = None,
    ) -> None:
        self._decoder = decoder
        self._table = table
        self._clock = clock
        self._host = host
        self._emit = emit
        self._canary = canary
        self._steps = steps & {"module_digest", "module_load", "do_init_module"}
        self._modules = modules
        self._lost_since = lost_since
        self._judge = judge
        self._exec_paths = ExecPaths()
        self.silent: dict[str, str] = {}
        """Events that a finished load should have made and did not, with the load's id."""
        self._attempts = Attempts(decoder, lambda task: table.context(task).id, lost_since)
        self._held: OrderedDict[int, tuple[Record, LoadState]] = OrderedDict()
        self._requests: OrderedDict[int, Request] = OrderedDict()
        self._workers = Workers()
        self.system_calls = SystemCalls(decoder, table.context, clock, host)
        self._ring_requests = RingRequests(decoder)
        self.loads = Lifecycles()
        # Not by way of `self`: the native part is in no garbage collection.
        programs = Programs(table, self._exec_paths, self._held, self._attempts.pending)
        self._calls = plain_calls(
            decoder,
            emit,
            host,
            self._attempts.pending,
            self.loads.by_name,
            table.context,
            modules,
            programs.native(decoder, emit),
            lines,
            judged=judge is not None,
        )
        table.fed_by(self._calls)

    def take(self, batch: _native.Batch, *, lines: bool = False) -> list[Event]:
        """Take in the records of a batch; return the events that they complete, in order.

        Args:
            batch: from the ring buffer.
            lines: what can be is told by its line; these lines come before the events.

        """
        events: list[Event] = []
        take, offset = self._calls.take, self._clock.offset
        while (record := take(batch, offset, events, lines)) is not None:
            events.extend(self.feed(record))
        return events

    def feed(self, record: Record) -> Iterator[Event]:
        """Take in one record; yield the events that it completes."""
        if self._decoder.task(record.task).flags & CANARY:
            self._canary(record)
            return
        name = record.name
        if "attempt.id" in record.extra:
            yield from self._attempt(record)
        elif name == "process_exit":
            yield from self._process_ends(record)
            self._table.apply(record)
        elif name in ("process_fork", "process_exec"):
            self._table.apply(record)
            if name == "process_exec":
                self._check_path(record)
            yield from self._event(record, load=self._chain_of(record))
        elif name == "module_request":
            yield from self._request(record)
        elif name == "usermodehelper":
            self._table.apply(record)
            yield from self._event(record, load=self._chain_of(record))
        elif name in ("syscall", "io_uring"):
            yield from self._asked(record)
        elif name == "udev_device":
            args: Any = record.args
            device = Device(args.devpath, args.modalias)
            self._workers.tell(self._table.context(record.task).id, args.stage, device)
            yield from self._event(record)
        else:
            yield from self._step(record)

    def _asked(self, record: Record) -> Iterator[Event]:
        """Yield the event of a system call or of a request of io_uring."""
        if record.name == "syscall":
            yield self.system_calls.event(record)
        else:
            result, duration, unread = self._ring_requests.outcome(record)
            yield from self._event(record, result=result, duration=duration, unread=unread)

    def waiting(self, records: Iterable[Record], now: int) -> Iterator[Event]:
        """Yield an event for each request of io_uring that is in progress for long (`RingRequests.waiting`)."""
        for record, unread in self._ring_requests.waiting(records, now):
            for event in self._event(record, unread=unread):
                yield msgspec.structs.replace(event, cpu=None, seq=None)

    def tick(self, now: int) -> Iterator[Event]:
        """Yield what has waited long enough at `now`, up to which all has been fed; nanoseconds since boot."""
        for late, reason in self._attempts.late(now):
            yield from self._call(late, reason)
        for attempt, (record, _state) in list(self._held.items()):
            if now - record.time >= HELD_NS:
                yield from self._release(attempt)

    def flush(self) -> Iterator[Event]:
        """Yield everything that still waits: the sensor ends."""
        for attempt in list(self._held):
            yield from self._release(attempt)
        for record, reason in self._attempts.rest():
            yield from self._call(record, reason)

    def _check_path(self, record: Record) -> None:
        """Note a file that is not the one asked for, and that links and interpreters do not explain."""
        difference, reason = self._exec_paths.difference(record.args, self._table.context(record.task))
        if difference:
            record.tail.differences += (difference,)
        if reason:
            record.tail.missing("exe.explained", reason)

    def _attempt(self, record: Record) -> Iterator[Event]:
        record = self._attempts.whole(record)
        attempt = record.extra["attempt.id"]
        if record.name in LOADS:
            self._load_of(record, attempt)
        if self._attempts.entered(record):
            return
        state = self.loads.of(attempt)
        if state and record.name in LOADS:
            state.ended = record.time
            if state.loaded and record.extra["attempt.result"] == 0 and state.needed_by is None:
                self._held[attempt] = (record, state)
                return
        yield from self._call(record)

    def _load_of(self, record: Record, attempt: int) -> LoadState:
        found = self.loads.of(attempt)
        if found:
            return found
        process = self._table.context(record.task)
        task = self._decoder.task(record.task)
        request = self._request_of(task)
        chain = request.id if request else f"{process.pid:x}-{task.start_time // 1_000_000:x}"

        def cause(device: Device | None) -> Origin:
            return origin(process, request, device, initramfs=bool(task.flags & INITRAMFS))

        def found_out(device: Device) -> None:
            state.origin = cause(device)

        state = self.loads.begin(attempt, chain, process.id, cause(None))
        if state.origin.kind == "udev":
            device = self._workers.at(udev_worker(process), found_out)
            if device:
                found_out(device)
        file = getattr(record.args, "file", None)
        state.file = (file.dev, file.inode) if file else None
        return state

    def _request_of(self, task: Task) -> Request | None:
        """Return the kernel's request that a process, or an ancestor of it, was started for; None: none was seen."""
        number = self._table.request(key_of(task.pid, task.start_time))
        if not number:
            return None
        requester = key_of(task.ppid, task.parent_start_time)
        return self._requests.get(number) or Request(f"{number:x}", None, self._table.as_ancestor(requester))

    def _cause(self, record: Record) -> Cause:
        """Return how a call came about that begins no load."""
        task = self._decoder.task(record.task)
        initramfs = bool(task.flags & INITRAMFS)
        found = origin(self._table.context(record.task), self._request_of(task), None, initramfs=initramfs)
        return Cause(found, initramfs, self._lost_since(0))

    def _release(self, attempt: int) -> Iterator[Event]:
        held = self._held.pop(attempt, None)
        if held:
            yield from self._call(held[0])

    def _release_load(self, state: LoadState) -> Iterator[Event]:
        for attempt in [attempt for attempt, (_record, held) in self._held.items() if held is state]:
            yield from self._release(attempt)

    def _process_ends(self, record: Record) -> Iterator[Event]:
        process = self._table.context(record.task)
        if self._table.ended(record.task):
            # Several last threads at once: each finds that none is left (before v6.16's group_dead).
            return
        for attempt, (_record, state) in list(self._held.items()):
            if state.process == process.id:
                yield from self._release(attempt)
        for call, reason in self._attempts.ended(process.id):
            yield from self._call(call, reason)
        yield from self._event(record, load=self._chain_of(record))

    def _chain_of(self, record: Record) -> Load | None:
        """Return the lifecycle that a process was started for by the kernel."""
        task = self._decoder.task(record.task)
        request = self._table.find(key_of(task.pid, task.start_time)).request
        return Load(f"{request:x}") if request else None

    def _request(self, record: Record) -> Iterator[Event]:
        number = record.extra["request"]
        task = self._decoder.task(record.task)
        args: Any = record.args
        requester = self._table.as_ancestor(key_of(task.pid, task.start_time))
        if requester.comm is None:
            requester = msgspec.structs.replace(requester, comm=self._table.context(record.task).comm)
        self._requests[number] = Request(f"{number:x}", args.alias, requester)
        while len(self._requests) > KEPT_REQUESTS:
            self._requests.popitem(last=False)
        yield from self._event(record, result=record.extra["result"], load=Load(f"{number:x}"))

    def _step(self, record: Record) -> Iterator[Event]:
        attempt = record.extra.get("attempt", 0)
        args: Any = record.args
        state = self.loads.of(attempt)
        result, duration = record.extra.get("result"), record.extra.get("duration")
        if record.name == "module_free":
            gone = self.loads.freed(attempt, args.name)
            if gone:
                # Nothing can need it any more, and its call came before.
                yield from self._release_load(gone)
            state = gone or state
            if self._modules is not None:
                self._modules.discard(args.name)
        elif record.name == "module_load":
            if self._modules is not None and args.name is not None:
                self._modules.add(args.name)
            if state:
                yield from self._linked(state, args)
        elif state:
            state.steps.add(record.name)
            if record.name == "module_digest":
                state.digest = args.digest
        if record.name == "do_init_module" and args.name is None:
            # Both are taken at entry.
            duration = None
            record.tail.missing("duration", _NO_INIT_ENTRY)
        yield from self._event(record, result=result, duration=duration, load=state.view() if state else None)

    def _linked(self, state: LoadState, args: Any) -> Iterator[Event]:
        """Take in a module_load; yield the loads that waited for the one that needed them."""
        state.steps.add("module_load")
        for served in self.loads.linked(state, args.name, args.base, args.uses):
            yield from self._release_load(served)

    def _call(self, record: Record, reason: str | None = None) -> Iterator[Event]:
        """Yield the event of a module system call; `reason`: why its return was not seen."""
        state = self.loads.of(record.extra["attempt.id"]) or self.loads.loaded(getattr(record.args, "name", None))
        result, duration, unread = self._attempts.outcome(record, reason)
        entered = record.extra["attempt.entered"]
        if record.name == "create_module":
            self._is_loaded(record)
        elif state and record.name in LOADS:
            if result == 0 and self._attempts.returned(record):
                unread |= self._unseen(state, entered)
            unread |= unknown(state, self._steps, result, unread, lost=self._lost_since(entered))
        load = state.view() if state else None
        for event in self._event(record, result=result, duration=duration, load=load, unread=unread):
            yield event
            if self._judge and record.name in PLAIN:
                yield from self._judge(event, self._cause(record))

    def _unseen(self, state: LoadState, entered: int) -> dict[str, str]:
        """Return why a load that succeeded lacks a step; note hooks that should have fired."""
        other = self.loads.shared(state, entered)
        if other:
            reason = f"this call waited for load {other.id} of the same file, and shares its result"
            return {f"load.{step}": reason for step in self._steps}
        silent = self._steps - state.steps
        self.silent.update(dict.fromkeys(silent, state.id))
        return {f"load.{step}": "its hook did not fire" for step in silent}

    def _is_loaded(self, record: Record) -> None:
        name = getattr(record.args, "name", None)
        if self._modules is None or name is None:
            record.tail.missing("name_is_loaded", NOT_KNOWN)
        else:
            msgspec.structs.force_setattr(record.args, "name_is_loaded", name in self._modules)

    def _event(
        self,
        record: Record,
        *,
        result: int | None = None,
        duration: int | None = None,
        load: Load | None = None,
        unread: dict[str, str] | None = None,
    ) -> Iterator[Event]:
        if record.name not in self._emit:
            return
        tail = record.tail
        reasons = {**tail.unread, **(unread or {})} if tail.unread and unread else tail.unread or unread or {}
        yield Event(
            event=record.name,
            time=self._clock.text(record.time),
            ktime=record.time,
            host=self._host,
            cpu=record.cpu,
            seq=record.seq,
            hook=record.hook,
            abi=record.abi if "attempt.id" in record.extra else None,
            process=self._process(record),
            args=record.args,
            result=result,
            error=errno.errorcode.get(-result, str(result)) if result is not None and result < 0 else None,
            duration=duration,
            load=load,
            tags=TAGS[record.name],
            sources=tail.sources or {},
            differences=tail.differences,
            unread=reasons,
        )

    def _process(self, record: Record) -> Process:
        return self._table.context(record.task)
