"""What the SMA paper (arXiv:2308.10917) has, and ours beside it."""
