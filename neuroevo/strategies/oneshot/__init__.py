"""One-shot search: all networks of a space share the weights of one that is trained."""
