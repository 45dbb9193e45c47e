"""Gymnasium's CartPole, many at once and compiled: what networks decide there, and a step of the poles.

The arithmetic is that of gymnasium's single environment, in the same order, so that a state is the same to the last bit. Sine and cosine are
given, as NumPy computes them: compiled ones differ in the last bit from machine to machine.
"""

import math

import numpy as np

from genomes.compiled import kernel
from genomes.neat.kernels.networks import control


@kernel()
def decide(
    playing, count, episodes, state, shift, scale, farthest, integers, numbers, integer_start, number_start, step_count, inputs, sensors,
    outputs, bias_value, recurrent, times, activations, aggregations, values, fresh, gathered, action, reward,
):  # fmt: skip
    """What the networks of the episodes playing[:count] do: `action` int8 [all episodes]. Returns how many go on: an episode whose network's
    outputs are no numbers is over, with a reward that is no number.

    Episode e is of member e // episodes. state: float64 [all episodes, 4], seen in single precision, then shifted, scaled and clipped to
    +-`farthest` (as it is where there is no shift: [0]); values: float64 [all episodes, nodes] of recurrent networks, whose state they are,
    else [1, nodes].
    """
    kept, scaled = 0, len(shift) > 0
    for position in range(count):
        e = playing[position]
        m, row = e // episodes, e if recurrent else 0
        own = values[row]
        for i in range(inputs):
            seen = np.float64(np.float32(state[e, i]))
            if scaled:
                seen = min(max((seen - shift[i]) * scale[i], -farthest), farthest)
            own[i] = seen
        if sensors > inputs:
            own[inputs] = bias_value
        control(
            integers, numbers, integer_start[m], number_start[m], step_count[m], recurrent, times, own, fresh, gathered, activations,
            aggregations,
        )  # fmt: skip
        largest, chosen, valid = -math.inf, 0, True
        for output in range(outputs):
            value = own[sensors + output]
            valid &= value == value
            if value > largest:
                largest, chosen = value, output
        if not valid:
            reward[e] = math.nan
            continue
        action[e] = chosen
        playing[kept] = e
        kept += 1
    return kept


@kernel()
def step(playing, count, state, cosine, sine, action, constants, euler, gains, reward, lasted):
    """Push the carts of the episodes playing[:count] once. Returns how many stand: they come first in `playing`, in the same order.

    cosine, sine: float64 [count], of the poles' angles. constants: gravity, total mass, pole's mass, pole's length, mass times length, force,
    seconds, farthest place, largest angle. gains: reward of a step, and of one in which the pole falls.
    """
    gravity, total_mass, mass, length = constants[0], constants[1], constants[2], constants[3]
    mass_length, strength, seconds, farthest, largest = constants[4], constants[5], constants[6], constants[7], constants[8]
    kept = 0
    for position in range(count):
        e = playing[position]
        x, speed, angle, turning = state[e, 0], state[e, 1], state[e, 2], state[e, 3]
        force = strength if action[e] == 1 else -strength
        push = (force + mass_length * (turning * turning) * sine[position]) / total_mass
        turned = (gravity * sine[position] - cosine[position] * push) / (
            length * (4.0 / 3.0 - mass * (cosine[position] * cosine[position]) / total_mass)
        )
        moved = push - mass_length * turned * cosine[position] / total_mass
        if euler:
            x = x + seconds * speed
            speed = speed + seconds * moved
            angle = angle + seconds * turning
            turning = turning + seconds * turned
        else:
            speed = speed + seconds * moved
            x = x + seconds * speed
            turning = turning + seconds * turned
            angle = angle + seconds * turning
        state[e, 0], state[e, 1], state[e, 2], state[e, 3] = x, speed, angle, turning
        fallen = x < -farthest or x > farthest or angle < -largest or angle > largest
        reward[e] += gains[1] if fallen else gains[0]
        lasted[e] += 1
        if not fallen:
            playing[kept] = e
            kept += 1
    return kept
