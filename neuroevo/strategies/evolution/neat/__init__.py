"""NEAT: its strategy, and the kernels that vary whole populations."""
