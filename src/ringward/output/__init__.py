"""Events as text, tables and JSON; recordings. Nothing here asks the kernel or prints."""

from __future__ import annotations
