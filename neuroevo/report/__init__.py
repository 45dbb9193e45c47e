"""What a run looks like: text and JSON."""
