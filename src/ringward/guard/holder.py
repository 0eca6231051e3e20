"""The kernel part: loaded, attached, given a policy, and pinned."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ringward.events.hooks import Hook
from ringward.events.registry import BY_NAME
from ringward.guard import pins, preemption
from ringward.guard.dead_calls import without_digests
from ringward.guard.hold import PREFIX, Holds
from ringward.guard.layouts import pack
from ringward.guard.maps import Digests, PolicyMaps
from ringward.guard.module_proof import ModuleProof
from ringward.guard.policy import Compiled, check_unload, compile_policy, kept_modules
from ringward.guard.protect import Protected, Protection
from ringward.sensor import _native, canary_thread, objects, procfs
from ringward.sensor.attach import Attached, last_reason, never_run
from ringward.sensor.info import Attachment, SensorError
from ringward.sensor.origin import MODULES_LOAD, UDEV
from ringward.trust.patterns import LONGEST, Pattern
from ringward.trust.rules import Mode, Operation, Origin, Policy, mode_at

EVENTS = {
    Operation.MODULES: "module_verdict",
    Operation.AUTOLOAD: "autoload_verdict",
    Operation.UNLOAD: "unload_verdict",
    Operation.SELF: "self_verdict",
}
"""The operations that this guard judges, and the event of each verdict."""
OBJECTS = ("guard_autoload", "guard_modules", "guard_request", "guard_self", "guard_unload")
HOLDER = "guard_holder"
"""Name of the pinned map that says who started the guard, as JSON."""
_HOLDER_BYTES = 4096
_ORIGINS = {**dict.fromkeys(sorted(UDEV), Origin.UDEV), **dict.fromkeys(sorted(MODULES_LOAD), Origin.BOOT)}


def started(pid: int) -> int | None:
    """Return when a process has started, clock ticks since boot; None: there is none."""
    found = procfs.read_stat(pid)
    return found.ticks if found else None


class GuardError(SensorError):
    """The guard cannot hold what is asked for. The message: what, why, and what to do next."""


def refusals(*, enforce: bool, rungs: Mapping[str, str], preempts: str | None) -> dict[str, str]:
    """Return the rungs that are not to be used, with the reason of each.

    Args:
        enforce: whether a verdict that is not made would let something pass.
        rungs: those that cannot run here at all.
        preempts: why fmod_ret cannot be relied on; None: it can.

    """
    found = dict(rungs)
    if enforce and preempts:
        found.setdefault("fmod_ret", preempts)
    return found


class Holder:
    """The guard's programs, and the maps that they and the sensor share.

    Args:
        operations: that are judged.
        enforce: whether the programs can refuse anything; else what would refuse is not in them.
        stays: the kernel part goes on deciding when this process ends, however it ends.
        folder: of the pins.
        ring_bytes: size of the ring buffer, unless one is pinned; None: as the objects have it.

    """

    def __init__(
        self,
        operations: Collection[Operation],
        *,
        enforce: bool,
        stays: bool,
        folder: Path = pins.FOLDER,
        ring_bytes: int | None = None,
    ) -> None:
        self._operations = [one for one in EVENTS if one in operations]
        self._enforce = enforce
        self._may_prove = int(Operation.SELF in operations)
        self._stays = stays
        self._build = pins.build_of(OBJECTS)
        self._pins = pins.Pins(self._build, folder)
        before = self._pins.maps()
        self._holder_map = before.pop(HOLDER, None)
        try:
            self._attached = Attached(ring_bytes, before)
        finally:
            pins.close(before)
        self._holds = Holds()
        self.attachments: dict[str, Attachment] = {}
        """How each verdict and its aids are attached (`ringward.sensor.ebpf.Elsewhere`)."""
        self.missing: dict[str, str] = {}
        """Verdicts and aids that cannot be had, with the kernel's reason."""
        self._policy_maps: PolicyMaps | None = None
        self._policy: Policy | None = None
        self._protection: Protection | None = None
        self._proof: ModuleProof | None = None
        self._kept: tuple[Pattern, ...] = ()
        self._links: Path | None = None
        self._took_over = False

    @property
    def maps(self) -> Mapping[str, int]:
        """Descriptors of the maps that the programs share."""
        return self._attached.map_fds()

    def files(self) -> list[objects.ObjectFile]:
        """Return the objects that are loaded."""
        return self._attached.files()

    def skipped(self) -> dict[str, int]:
        """Return how often the kernel did not run a program at its hook, by the reason for a person."""
        return self._attached.skipped()

    @property
    def held_failures(self) -> Mapping[str, str]:
        """Modules that are to be kept and cannot be held, with the reason."""
        return self._holds.failed

    def attach(self) -> None:
        """Load and attach the best hook of each operation.

        Raises:
            GuardError: an operation cannot be judged here, and `enforce` wants it.

        """
        preempts = preemption.obstacle(preemption.current())
        refused = refusals(enforce=self._enforce, rungs=never_run(), preempts=preempts)
        if not Path("/proc/modules").exists():
            raise GuardError("nothing to guard: this kernel has no module support (no /proc/modules)")
        joined = self._load_request(refused) if Operation.MODULES in self._operations else False
        for operation in self._operations:
            name = EVENTS[operation]
            reasons: list[str] = []
            for hook in BY_NAME[name].hooks:
                reason = refused.get(hook.rung) or self._load(name, hook, joined=joined)
                if reason is None:
                    break
                reasons.append(f"{hook.rung}: {reason}")
            else:
                self.missing[name] = "; ".join(reasons)
        lacking = {one: self.missing[EVENTS[one]] for one in self._operations if EVENTS[one] in self.missing}
        if lacking and (self._enforce or len(lacking) == len(self._operations)):
            self.close()
            what = "; ".join(f"{operation.value}: {reason}" for operation, reason in lacking.items())
            raise GuardError(f"cannot guard {what}; see: ringward doctor")
        if "guard_origins" in self.maps:
            self._write_origins()

    def protect(self, wanted: Iterable[Protected]) -> Mapping[str, str]:
        """Keep files from others, and this process, its maps and pins: from the next policy that says so.

        Returns:
            Files that cannot be protected, with the reason.

        """
        if EVENTS[Operation.SELF] not in self.attachments:
            return {}
        if self._protection is None:
            self._protection = Protection(self.maps, self._attached.program_fds())
            self._protection.begin()
            self._proof = ModuleProof(self.maps, self.attachments)
        self._protection.add([*wanted, Protected(self._pins.folder, tree=True)])
        return self._protection.failed

    def deaf(self) -> list[str]:
        """Make each hook that protects the guard decide; return those that did not."""
        return self._protection.deaf() if self._protection else []

    def undecided(self) -> dict[str, str]:
        """Make all other hooks decide, where the guard is protected; return those that did not, and on what."""
        return self._proof.undecided() if self._proof else {}

    @property
    def unreached(self) -> dict[str, str]:
        """The hooks that could not be made to decide by the last proof, and on what."""
        return self._proof.unreached if self._proof else {}

    def _load(self, event: str, hook: Hook, *, joined: bool) -> str | None:
        """Attach the programs of one hook, and the aids of its object that can be had; return why not."""
        aids: dict[str, Hook] = {}
        for ladder in BY_NAME[event].aids:
            same = [aid for aid in ladder if aid.object == hook.object and aid.rung in (hook.rung, "fentry")]
            if same:
                aids[f"{event}: {ladder[0].name}"] = same[0]
        reason = self._try(event, hook, aids, joined=joined)
        if reason is not None and aids:
            # The parameters are then judged in user memory alone.
            without = self._try(event, hook, {}, joined=joined)
            if without is None:
                self.missing.update(dict.fromkeys(aids, reason))
            return without
        return reason

    def _try(self, event: str, hook: Hook, aids: dict[str, Hook], *, joined: bool) -> str | None:
        knobs: dict[str, int | bytes] = {
            "may_deny": int(self._enforce),
            "may_prove": self._may_prove,
            "parameters_again": int(bool(aids)),
            "requests_joined": int(joined),
            "tells": 1,
        }
        programs = {program for one in (hook, *aids.values()) for program in one.programs}
        try:
            self._attached.load(hook.object, programs, knobs)
        except _native.BpfError as error:
            return last_reason(error)
        for label, one in {event: hook, **aids}.items():
            ids = tuple(self._attached.program_id(one.object, program) for program in one.programs)
            self.attachments[label] = Attachment(one.rung, one.name, one.loses, ids)
        return None

    def _load_request(self, refused: Mapping[str, str]) -> bool:
        """Attach what joins a request to the process that is started for it."""
        hooks = {
            f"module_verdict: {ladder[0].name}": ladder[0]
            for ladder in BY_NAME["module_verdict"].aids
            if ladder[0].object == "guard_request"
        }
        reason = next((refused[hook.rung] for hook in hooks.values() if hook.rung in refused), None)
        if reason is None:
            try:
                programs = {program for hook in hooks.values() for program in hook.programs}
                self._attached.load("guard_request", programs, {"may_prove": self._may_prove})
            except _native.BpfError as error:
                reason = last_reason(error)
        for label, hook in hooks.items():
            if reason is not None:
                self.missing[label] = reason
                continue
            ids = tuple(self._attached.program_id(hook.object, program) for program in hook.programs)
            self.attachments[label] = Attachment(hook.rung, hook.name, hook.loses, ids)
        return reason is None

    def _write_origins(self) -> None:
        for index, (path, origin) in enumerate(_ORIGINS.items()):
            text = path.encode()
            value = pack(
                "origin_program",
                {
                    "path.text": text.ljust(LONGEST, b"\0"),
                    "path.mask": (b"\xff" * len(text)).ljust(LONGEST, b"\0"),
                    "path.len": len(text),
                    "origin": origin,
                },
            )
            _native.map_update(self.maps["guard_origins"], struct.pack("<I", index), value)

    def decide_by(
        self, policy: Policy, digests: Digests, modes: Mapping[Operation, Mode], enforce_until: int | None = 0
    ) -> Compiled:
        """Let the kernel part decide by a policy, from one decision to the next.

        Args:
            policy: rules and classes.
            digests: the policy's known ones.
            modes: of each operation.
            enforce_until: nanoseconds since boot; enforcing is monitoring from then on. 0: no end; None: as it is.

        Raises:
            PolicyError: the policy cannot be held.
            GuardError: a mode enforces, and these programs cannot refuse.

        """
        if Mode.ENFORCE in modes.values() and not self._enforce:
            raise GuardError("these programs were loaded to watch: start the guard again with --mode enforce")
        if modes.get(Operation.UNLOAD) is Mode.ENFORCE:
            check_unload(policy)
        compiled = compile_policy(policy, modes)
        if self._policy_maps is None:
            self._policy_maps = PolicyMaps(self.maps)
        self._policy_maps.write(compiled, digests, enforce_until)
        self._policy = without_digests(policy, modes)
        self._kept = kept_modules(policy) if modes.get(Operation.UNLOAD) is Mode.ENFORCE else ()
        for name in self._holds.let_go(self._kept):
            if self._links:
                (self._links / f"{PREFIX}{name}").unlink(missing_ok=True)
        self._pin_holds(self._holds.keep(self._kept))
        return compiled

    def policy_at(self, time: int) -> Policy | None:
        """Return the policy that decides, without its digests, in the modes of a time; None: there is none yet.

        Args:
            time: nanoseconds since boot. A trial ends by itself, and is confirmed by another process.

        """
        if self._policy is None or Mode.ENFORCE not in self._policy.modes.values():
            return self._policy
        until = self.policy_maps.state()["enforce_until"]
        modes = {operation: mode_at(mode, until, time) for operation, mode in self._policy.modes.items()}
        return replace(self._policy, modes=modes)

    @property
    def policy_maps(self) -> PolicyMaps:
        """The maps of the policy, once there is one."""
        if self._policy_maps is None:
            raise RuntimeError("no policy has been written")
        return self._policy_maps

    def take_over(self, told: Mapping[str, object]) -> None:
        """Pin what stays, say who holds it, and remove what earlier starts have left. Only now do they not decide.

        Args:
            told: what `ringward.guard.status` is to say of this start, besides what it finds itself.

        """
        self._pins.pin_maps(self.maps)
        self._tell(told)
        links = {**self._attached.link_fds(), **self._holds.links()}
        self._links = self._pins.pin_links(links) if self._stays else None
        self._pins.drop_others(self._links)
        canary_thread.forget(self.maps)
        self._took_over = True

    def _tell(self, told: Mapping[str, object]) -> None:
        if self._holder_map is None:
            self._holder_map = _native.map_hash(HOLDER, 4, _HOLDER_BYTES, 1)
            self._pins.pin_maps({HOLDER: self._holder_map})
        text = json.dumps(
            {
                "pid": os.getpid(),
                "ticks": started(os.getpid()),
                "stays": self._stays,
                "may_deny": self._enforce,
                "attached": {label: [one.rung, list(one.programs)] for label, one in self.attachments.items()},
                "missing": self.missing,
                **told,
            }
        )
        _native.map_update(self._holder_map, bytes(4), text.encode()[:_HOLDER_BYTES].ljust(_HOLDER_BYTES, b"\0"))

    def close(self) -> None:
        """Let go; what is pinned stays, if it is to go on deciding."""
        if self._took_over and not self._stays:
            pins.remove(self._pins.folder)
        if self._protection:
            self._protection.close()
            self._protection = self._proof = None
        if self._policy_maps:
            self._policy_maps.close()
            self._policy_maps = None
        self._holds.close()
        self._attached.close()
        if self._holder_map is not None:
            os.close(self._holder_map)
            self._holder_map = None

    def keep_loaded(self, name: str) -> None:
        """Hold a module that has just been loaded, if it is to be kept."""
        self._pin_holds(self._holds.keep(self._kept, [name]))

    def _pin_holds(self, names: Iterable[str]) -> None:
        if self._links:
            fds = self._holds.links()
            for name in names:
                link = f"{PREFIX}{name}"
                _native.pin(fds[link], str(self._links / link))
