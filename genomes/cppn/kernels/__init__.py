"""Compiled code of CPPNs and substrates. A file here is imported when it is first needed: numba takes a third of a second."""
