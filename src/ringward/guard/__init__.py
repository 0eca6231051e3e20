"""Decisions in the kernel: a policy becomes maps, programs that may deny are attached, and what they tell is read."""
