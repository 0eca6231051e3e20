"""What entered the Linux kernel, how did it get there, and should it have?"""

from __future__ import annotations
