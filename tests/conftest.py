"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# Time is asserted where it matters, as CPU time: a machine that is busy with guests must not fail a test.
settings.register_profile("ringward", deadline=None, derandomize=True)
# What chance finds beyond these examples: pytest --hypothesis-profile=explore (make explore).
settings.register_profile("explore", deadline=None)
settings.load_profile("ringward")
