"""What all tests share."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# Time is asserted where it matters, as CPU time: a machine that is busy with guests must not fail a test.
SLOW = [HealthCheck.too_slow]
settings.register_profile("ringward", deadline=None, suppress_health_check=SLOW, derandomize=True)
# What chance finds beyond these examples: pytest --hypothesis-profile=explore (make explore).
settings.register_profile("explore", deadline=None, suppress_health_check=SLOW)
settings.load_profile("ringward")

# A shell without job control has what it starts in the background ignore the first two, and nohup(1) the third; so
# would all that tests start.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
