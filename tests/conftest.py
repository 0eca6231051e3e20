"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# Time is asserted where it matters, as CPU time: a machine that is busy with guests must not fail a test.
settings.register_profile("ringward", deadline=None)
settings.load_profile("ringward")
