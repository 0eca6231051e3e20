from __future__ import annotations

import pytest

from ringward.events.catalogue import finit_module
from ringward.trust.rules import FORCED, Action, Flag, Mode, Operation, Policy, Rule, mode_at
from tests.trust.policies import Table


def test_an_operation_without_a_mode_is_off() -> None:
    policy = Policy((), Table({}), (0,), {Operation.MODULES: Mode.MONITOR})
    assert policy.mode(Operation.MODULES) is Mode.MONITOR
    assert policy.mode(Operation.UNLOAD) is Mode.OFF


@pytest.mark.parametrize("mode", Mode)
def test_a_trial_ends_by_itself(mode: Mode) -> None:
    ended = Mode.MONITOR if mode is Mode.ENFORCE else mode
    assert [mode_at(mode, 7, time) for time in (0, 6, 7, 8)] == [mode, mode, ended, ended]
    assert mode_at(mode, 0, 1 << 62) is mode


@pytest.mark.parametrize(
    ("condition", "resolved"),
    [
        ({"digests": frozenset({bytes(32)})}, True),
        ({"packages": ("kmod",)}, True),
        ({"signers": ("0a",)}, True),
        ({"paths": ("/lib/*",)}, True),
        ({"flags": FORCED}, False),
        ({}, False),
    ],
)
def test_what_needs_the_database(condition: dict[str, object], resolved: bool) -> None:
    assert Rule("x", Action.DENY, **condition).resolved is resolved  # type: ignore[arg-type]


def test_flags_of_finit_module_have_the_kernels_numbers() -> None:
    known = {name: bit for bit, name in finit_module.FLAGS.items()}
    assert known["MODULE_INIT_IGNORE_MODVERSIONS"] == Flag.IGNORE_MODVERSIONS
    assert known["MODULE_INIT_IGNORE_VERMAGIC"] == Flag.IGNORE_VERMAGIC
    assert known["MODULE_INIT_COMPRESSED_FILE"] == Flag.COMPRESSED
    assert Flag.NO_FILE not in Flag(sum(known.values()))
    assert Flag.COMPRESSED not in FORCED
