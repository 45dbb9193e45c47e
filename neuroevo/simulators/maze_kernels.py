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
BEYOND = RADIUS + 1.0  # a wall that is farther away along one axis is not touched, whatever rounding does


@kernel(inner=True)
def _nearer(to_x, to_y, along_x, along_y, apart, across, up, ahead, behind):
    """How far the nearest wall is along a line, in its direction and against it, once a further wall is looked at.

    to_x, to_y: from the robot to one end of the wall. along_x, along_y: from there to the other. apart: their cross product. across, up: the
    line's direction. ahead, behind: the distances so far.
    """
    crossing = across * along_y - up * along_x
    share = to_x * up - to_y * across
    if crossing < 0.0:
        crossing, share, apart = -crossing, -share, -apart
    # as multiples of `crossing`, so that only walls that are hit cost a division
    if 0.0 <= share <= crossing:
        if 0.0 <= apart < ahead * crossing:
            ahead = apart / crossing
        if 0.0 <= -apart < behind * crossing:
            behind = -apart / crossing
    return ahead, behind


@kernel()
def sense(walls, x, y, heading, goal_x, goal_y, values):
    """What the robot sees: into `values` [10] the rangefinders at -90, -45, 0, 45, 90 and 180 degrees, as shares of their range; then whether
    the goal lies ahead, to the left, behind, to the right. Returns the heading's cosine and sine."""
    cosine, sine = math.cos(heading * math.pi / 180.0), math.sin(heading * math.pi / 180.0)
    ahead, behind, left, right, half_left, half_right = REACH, REACH, REACH, REACH, REACH, REACH
    for wall in range(len(walls)):
        to_x, to_y = walls[wall, 0] - x, walls[wall, 1] - y
        along_x, along_y = walls[wall, 2] - walls[wall, 0], walls[wall, 3] - walls[wall, 1]
        apart = to_x * along_y - to_y * along_x
        ahead, behind = _nearer(to_x, to_y, along_x, along_y, apart, cosine, sine, ahead, behind)
        left, right = _nearer(to_x, to_y, along_x, along_y, apart, -sine, cosine, left, right)
        across, up = DIAGONAL * (cosine - sine), DIAGONAL * (sine + cosine)
        half_left, _ = _nearer(to_x, to_y, along_x, along_y, apart, across, up, half_left, 0.0)
        across, up = DIAGONAL * (cosine + sine), DIAGONAL * (sine - cosine)
        half_right, _ = _nearer(to_x, to_y, along_x, along_y, apart, across, up, half_right, 0.0)
    values[0], values[1], values[2] = right / REACH, half_right / REACH, ahead / REACH
    values[3], values[4], values[5] = half_left / REACH, left / REACH, behind / REACH
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
    return cosine, sine


@kernel()
def touches(walls, x, y):
    """Whether a robot at this place would touch a wall."""
    for wall in range(len(walls)):
        first_x, first_y, last_x, last_y = walls[wall, 0], walls[wall, 1], walls[wall, 2], walls[wall, 3]
        if x < min(first_x, last_x) - BEYOND or x > max(first_x, last_x) + BEYOND:
            continue
        if y < min(first_y, last_y) - BEYOND or y > max(first_y, last_y) + BEYOND:
            continue
        along_x, along_y = last_x - first_x, last_y - first_y
        share = ((x - first_x) * along_x + (y - first_y) * along_y) / (along_x * along_x + along_y * along_y)
        share = min(max(share, 0.0), 1.0)
        away_x, away_y = x - first_x - share * along_x, y - first_y - share * along_y
        if away_x * away_x + away_y * away_y < RADIUS * RADIUS:
            return True
    return False


@kernel(inner=True)
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
        cosine, sine = sense(walls, x, y, heading, goal[0], goal[1], values)
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
            new_x, new_y = x + cosine * speed, y + sine * speed
            heading += turn
            if not 0.0 <= heading < 360.0:
                heading %= 360.0
            moved = not touches(walls, new_x, new_y)
            if moved:
                x, y = new_x, new_y
            if moved or step == 0:
                column = min(max(math.floor((x - lowest[0]) / cell), 0), cells[0] - 1)
                row = min(max(math.floor((y - lowest[1]) / cell), 0), cells[1] - 1)
                if visited[column, row] != m + 1:
                    visited[column, row] = m + 1
                    seen += 1
            if len(paths):
                paths[m, step + 1, 0], paths[m, step + 1, 1] = x, y
            if (x - goal[0]) ** 2 + (y - goal[1]) ** 2 <= NEAR * NEAR:
                taken = step + 1
                break
            cosine, sine = sense(walls, x, y, heading, goal[0], goal[1], values)
        if len(paths):
            for step in range(taken, steps):
                paths[m, step + 1, 0], paths[m, step + 1, 1] = x, y
        ends[m, 0], ends[m, 1] = x, y
        lasted[m], places[m] = taken, seen
