"""Many networks are trained a little, the better ones more: successive halving, Hyperband, ASHA."""
