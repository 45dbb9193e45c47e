"""A T-maze, compiled: lives of many trials in a closed loop with NEAT networks."""

import numpy as np

from genomes.compiled import kernel
from genomes.neat.kernels.networks import control

TURN, END, HOME, REWARD = range(4)  # the inputs
LEFT, RIGHT = 1.0 / 3.0, 2.0 / 3.0  # outputs below and above turn


@kernel()
def lives(begin, end, networks, sides, corridor, arm, times, high, low, crash, rewards):
    """The lives of members `begin` to `end`, one after the other, each with a network that knows nothing at first.

    sides: int64 [lives, trials], where the high reward is: 0 left, 1 right. corridor, arm: cells before and behind the turn. times: how often a
    recurrent network is activated before each step. high, low, crash: what a trial is worth. Written: rewards float64 [members, lives, trials].
    """
    integer_start, number_start, step_count = networks.integer_start, networks.number_start, networks.step_count
    integers, numbers = networks.integers, networks.numbers
    activations, aggregations = networks.activations, networks.aggregations
    recurrent, output = networks.recurrent, networks.sensors
    values, fresh = np.empty(networks.most_nodes), np.empty(networks.most_nodes)
    gathered = np.empty(networks.most_edges)
    way = corridor + arm + 3  # home, the corridor, the turn, the arm, its end
    for m in range(begin, end):
        for life in range(len(sides)):
            values[:] = 0.0
            if networks.sensors > networks.inputs:
                values[networks.inputs] = networks.bias_value
            for trial in range(sides.shape[1]):
                worth, side = crash, 0
                for cell in range(way):
                    values[TURN], values[END], values[HOME], values[REWARD] = 0.0, 0.0, 0.0, 0.0
                    if cell == 0:
                        values[HOME] = 1.0
                    elif cell == corridor + 1:
                        values[TURN] = 1.0
                    elif cell == way - 1:
                        worth = high if side == sides[life, trial] else low
                        values[END], values[REWARD] = 1.0, worth
                    control(
                        integers, numbers, integer_start[m], number_start[m], step_count[m], recurrent, times, values, fresh, gathered,
                        activations, aggregations,
                    )  # fmt: skip
                    if cell == way - 1:
                        break
                    straight = LEFT <= values[output] <= RIGHT
                    if straight == (cell == corridor + 1):
                        break  # into the wall
                    if not straight:
                        side = 0 if values[output] < LEFT else 1
                rewards[m, life, trial] = worth
