"""Every speed claim of Ringward, measured beside a peer in the same run: ``python -m bench``."""
