"""What may enter: digests and rules, where they come from, and the decision on one load, request or start."""
