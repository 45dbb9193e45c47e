"""What everything speaks of: individuals, objectives, populations, trials, states, callbacks, random streams."""
