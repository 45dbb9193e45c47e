"""A robot in a maze, compiled: its rangefinders and radar, its moves, and whole lives in a closed loop with NEAT networks.

Lehman & Stanley (2011), section 4, as the authors' program has it. Lengths are in the maze's units, the heading is in degrees, counterclockwise.
"""

import math

import numpy as np

from genomes.compiled import kernel
from genomes.neat.kernels.networks import control
from neuroevo.simulators.maze import NEAR, RADIUS

REACH = 100.0  # of a rangefinder, from the robot's centre
FASTEST = 3.0  # of the speed, a step, and of the turn, in degrees a step
RANGEFINDERS, RADARS = 6, 4
DIAGONAL = math.sqrt(0.5)


@kernel()
def sense(walls, x, y, heading, goal_x, goal_y, values):
    """What the robot sees: into `values` [10] the rangefinders at -90, -45, 0, 45, 90 and 180 degrees, as shares of their range; then whether
    the goal lies ahead, to the left, behind, to the right."""
    cosine, sine = math.cos(heading * math.pi / 180.0), math.sin(heading * math.pi / 180.0)
    for ray in range(RANGEFINDERS):
        if ray == 0:
            across, up = sine, -cosine
        elif ray == 1:
            across, up = DIAGONAL * (cosine + sine), DIAGONAL * (sine - cosine)
        elif ray == 2:
            across, up = cosine, sine
        elif ray == 3:
            across, up = DIAGONAL * (cosine - sine), DIAGONAL * (sine + cosine)
        elif ray == 4:
            across, up = -sine, cosine
        else:
            across, up = -cosine, -sine
        nearest = REACH
        for wall in range(len(walls)):
            to_x, to_y = walls[wall, 0] - x, walls[wall, 1] - y
            along_x, along_y = walls[wall, 2] - walls[wall, 0], walls[wall, 3] - walls[wall, 1]
            crossing = across * along_y - up * along_x
            share, distance = to_x * up - to_y * across, to_x * along_y - to_y * along_x
            if crossing < 0.0:
                crossing, share, distance = -crossing, -share, -distance
            # as multiples of `crossing`, so that only walls that are hit cost a division
            if 0.0 <= share <= crossing and 0.0 <= distance < nearest * crossing:
                nearest = distance / crossing
        values[ray] = nearest / REACH
    ahead = cosine * (goal_x - x) + sine * (goal_y - y)
    left = cosine * (goal_y - y) - sine * (goal_x - x)
    for radar in range(RADARS):
        values[RANGEFINDERS + radar] = 0.0
    if -ahead <= left < ahead:
        values[RANGEFINDERS] = 1.0
    elif left >= ahead and left > -ahead:
        values[RANGEFINDERS + 1] = 1.0
    elif left <= -ahead and left > ahead:
        values[RANGEFINDERS + 2] = 1.0
    else:
        values[RANGEFINDERS + 3] = 1.0


@kernel()
def touches(walls, x, y):
    """Whether a robot at this place would touch a wall."""
    for wall in range(len(walls)):
        first_x, first_y = walls[wall, 0], walls[wall, 1]
        along_x, along_y = walls[wall, 2] - first_x, walls[wall, 3] - first_y
        share = ((x - first_x) * along_x + (y - first_y) * along_y) / (along_x * along_x + along_y * along_y)
        share = min(max(share, 0.0), 1.0)
        away_x, away_y = x - first_x - share * along_x, y - first_y - share * along_y
        if away_x * away_x + away_y * away_y < RADIUS * RADIUS:
            return True
    return False


@kernel()
def _bounded(value):
    return min(max(value, -FASTEST), FASTEST)


@kernel()
def lives(
    begin, end, networks, walls, start, goal, steps, first_activations, times, cell, lowest, cells, ends, lasted, places, paths
):  # fmt: skip
    """The life of members `begin` to `end` in one maze.

    walls: float64 [walls, 4], the ends of each. start: (x, y, heading). first_activations: how often a recurrent network is activated on what
    it sees first, before it acts; times: how often before each step. cell, lowest, cells: the side of a cell, the grid's lower left corner,
    and how many columns and rows it has. Written: ends float64 [members, 2], where each robot was at last; lasted int64 [members], the steps
    that it took, fewer where it came to the goal; places int64 [members], the distinct cells that it was in; paths float64 [members, steps +
    1, 2], where it was after each step, the last place repeated; nothing where `paths` has no members.
    """
    integer_start, number_start, step_count = networks.integer_start, networks.number_start, networks.step_count
    integers, numbers = networks.integers, networks.numbers
    activations, aggregations = networks.activations, networks.aggregations
    recurrent, output = networks.recurrent, networks.sensors
    values, fresh = np.empty(networks.most_nodes), np.empty(networks.most_nodes)
    gathered = np.empty(networks.most_edges)
    visited = np.zeros((cells[0], cells[1]), np.int64)
    for m in range(begin, end):
        values[:] = 0.0
        if networks.sensors > networks.inputs:
            values[networks.inputs] = networks.bias_value
        x, y, heading = start[0], start[1], start[2]
        speed, turn = 0.0, 0.0
        taken, seen = steps, 0
        sense(walls, x, y, heading, goal[0], goal[1], values)
        if recurrent and first_activations:
            control(
                integers, numbers, integer_start[m], number_start[m], step_count[m], recurrent, first_activations, values, fresh, gathered,
                activations, aggregations,
            )  # fmt: skip
        if len(paths):
            paths[m, 0, 0], paths[m, 0, 1] = x, y
        for step in range(steps):
            control(
                integers, numbers, integer_start[m], number_start[m], step_count[m], recurrent, times, values, fresh, gathered,
                activations, aggregations,
            )  # fmt: skip
            turn = _bounded(turn + values[output] - 0.5)
            speed = _bounded(speed + values[output + 1] - 0.5)
            new_x = x + math.cos(heading * math.pi / 180.0) * speed
            new_y = y + math.sin(heading * math.pi / 180.0) * speed
            heading = (heading + turn) % 360.0
            if not touches(walls, new_x, new_y):
                x, y = new_x, new_y
            column = min(max(int((x - lowest[0]) // cell), 0), cells[0] - 1)
            row = min(max(int((y - lowest[1]) // cell), 0), cells[1] - 1)
            if visited[column, row] != m + 1:
                visited[column, row] = m + 1
                seen += 1
            if len(paths):
                paths[m, step + 1, 0], paths[m, step + 1, 1] = x, y
            if (x - goal[0]) ** 2 + (y - goal[1]) ** 2 <= NEAR * NEAR:
                taken = step + 1
                break
            sense(walls, x, y, heading, goal[0], goal[1], values)
        if len(paths):
            for step in range(taken, steps):
                paths[m, step + 1, 0], paths[m, step + 1, 1] = x, y
        ends[m, 0], ends[m, 1] = x, y
        lasted[m], places[m] = taken, seen
