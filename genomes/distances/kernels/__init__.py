"""Compiled functions of the distances."""
