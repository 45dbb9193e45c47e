"""Compiled kernels (numba). Import this package only where a kernel is first used: it costs 0.3 s.

Every kernel releases the interpreter's lock and works on a range of members, so a population is spread over threads by calling it
on several ranges at once. Each birth draws from its own stream, so the result does not depend on how the ranges are cut.
"""
