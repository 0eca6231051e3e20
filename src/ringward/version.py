"""The version, alone, so that asking for it costs nothing."""

from __future__ import annotations

VERSION = "0.1.0"
