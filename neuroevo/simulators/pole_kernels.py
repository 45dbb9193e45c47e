"""Poles on a cart, compiled: dynamics, Runge-Kutta integration, and whole episodes in a closed loop with NEAT networks.

A cart of 1 kg on a track of +-2.4 m is pushed with up to 10 N. Equations of motion: Wieland (1991); constants: Gomez & Miikkulainen
(1999), appendix. The state is (x, x', a1, a1', a2, a2'): metres, radians, seconds. One decision lasts two integration steps.
"""

import math

import numpy as np

from genomes.compiled import kernel
from genomes.neat.kernels.networks import control

GRAVITY = -9.8
CART_MASS = 1.0
LONG_MASS, LONG_HALF = 0.1, 0.5  # kg; half the length of a pole of 1 m
SHORT_MASS, SHORT_HALF = 0.01, 0.05  # half the length of a pole of 0.1 m
HINGE_FRICTION = 0.000002
STRONGEST = 10.0  # N
STEP = 0.01  # s, of the integration
TRACK = 2.4  # m
DOUBLE_POLE_ANGLE = 36.0 * math.pi / 180.0
SINGLE_POLE_ANGLE = 12.0 * math.pi / 180.0
DAMPING_STEPS = 100  # decisions at the end of an episode that Gruau's fitness looks at


@kernel(inner=True)
def _pole(angle, speed, mass, half):
    """Effective force and mass of one pole, and the friction term of its hinge."""
    cosine, sine = math.cos(angle), math.sin(angle)
    friction = HINGE_FRICTION * speed / (mass * half)
    force = mass * half * speed * speed * sine + 0.75 * mass * cosine * (friction + GRAVITY * sine)
    return force, mass * (1.0 - 0.75 * cosine * cosine), friction, cosine, sine


@kernel(inner=True)
def accelerations(a1, v1, a2, v2, force, poles):
    """Accelerations of the cart and of both poles; with poles == 1 there is no short one."""
    f1, m1, r1, c1, s1 = _pole(a1, v1, LONG_MASS, LONG_HALF)
    if poles == 1:
        cart = (force + f1) / (CART_MASS + m1)
        return cart, -0.75 * (cart * c1 + GRAVITY * s1 + r1) / LONG_HALF, 0.0
    f2, m2, r2, c2, s2 = _pole(a2, v2, SHORT_MASS, SHORT_HALF)
    cart = (force + f1 + f2) / (CART_MASS + m1 + m2)
    long = -0.75 * (cart * c1 + GRAVITY * s1 + r1) / LONG_HALF
    short = -0.75 * (cart * c2 + GRAVITY * s2 + r2) / SHORT_HALF
    return cart, long, short


@kernel()
def runge_kutta(state, force, poles):
    """Advance the state by one step (fourth order), in place."""
    h = STEP
    x, v, a1, v1, a2, v2 = state[0], state[1], state[2], state[3], state[4], state[5]
    k1, l1, m1 = accelerations(a1, v1, a2, v2, force, poles)
    k2, l2, m2 = accelerations(
        a1 + 0.5 * h * v1, v1 + 0.5 * h * l1, a2 + 0.5 * h * v2, v2 + 0.5 * h * m1, force, poles
    )  # fmt: skip
    k3, l3, m3 = accelerations(
        a1 + 0.5 * h * (v1 + 0.5 * h * l1), v1 + 0.5 * h * l2, a2 + 0.5 * h * (v2 + 0.5 * h * m1), v2 + 0.5 * h * m2, force, poles
    )  # fmt: skip
    k4, l4, m4 = accelerations(
        a1 + h * (v1 + 0.5 * h * l2), v1 + h * l3, a2 + h * (v2 + 0.5 * h * m2), v2 + h * m3, force, poles
    )  # fmt: skip
    state[0] = x + h * v + h * h / 6.0 * (k1 + k2 + k3)
    state[1] = v + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    state[2] = a1 + h * v1 + h * h / 6.0 * (l1 + l2 + l3)
    state[3] = v1 + h / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
    state[4] = a2 + h * v2 + h * h / 6.0 * (m1 + m2 + m3)
    state[5] = v2 + h / 6.0 * (m1 + 2.0 * m2 + 2.0 * m3 + m4)


@kernel(inner=True)
def _look(state, values, poles, velocities):
    """The networks' inputs, scaled to about +-1."""
    i = 0
    values[i] = state[0] / 4.8
    if velocities:
        i += 1
        values[i] = state[1] / 2.0
    for pole in range(poles):
        i += 1
        values[i] = state[2 + 2 * pole] / 0.52
        if velocities:
            i += 1
            values[i] = state[3 + 2 * pole] / 2.0


@kernel(inner=True)
def _fallen(state, poles):
    limit = DOUBLE_POLE_ANGLE if poles == 2 else SINGLE_POLE_ANGLE
    # written so that a state that is not a number counts as fallen
    upright = abs(state[0]) <= TRACK and abs(state[2]) <= limit and (poles == 1 or abs(state[4]) <= limit)
    return not upright


@kernel()
def episodes(begin, end, networks, starts, steps, poles, velocities, times, lasted, restlessness):
    """Every start state for members `begin` to `end`: how many decisions it stays up, at most `steps`.

    starts: float64 [starts, 6]; times: how often a recurrent network is activated before it decides; lasted: int64 [members, starts],
    written; restlessness: float64 [members, starts], written: the sum of |x| + |x'| + |a1| + |a1'| over the last 100 decisions, infinite
    for shorter episodes.
    """
    integer_start, number_start, step_count = networks.integer_start, networks.number_start, networks.step_count
    integers, numbers = networks.integers, networks.numbers
    activations, aggregations = networks.activations, networks.aggregations
    recurrent, output = networks.recurrent, networks.sensors
    values, fresh = np.empty(networks.most_nodes), np.empty(networks.most_nodes)
    gathered = np.empty(networks.most_edges)
    state, unrest = np.empty(6), np.zeros(DAMPING_STEPS)
    for m in range(begin, end):
        for s in range(len(starts)):
            state[:] = starts[s]
            values[:] = 0.0
            if networks.sensors > networks.inputs:
                values[networks.inputs] = networks.bias_value
            alive = steps
            for step in range(steps):
                _look(state, values, poles, velocities)
                control(
                    integers, numbers, integer_start[m], number_start[m], step_count[m], recurrent, times, values, fresh, gathered,
                    activations, aggregations,
                )  # fmt: skip
                force = (values[output] - 0.5) * 2.0 * STRONGEST
                runge_kutta(state, force, poles)
                runge_kutta(state, force, poles)
                if _fallen(state, poles):
                    alive = step
                    break
                unrest[step % DAMPING_STEPS] = abs(state[0]) + abs(state[1]) + abs(state[2]) + abs(state[3])
            lasted[m, s] = alive
            restlessness[m, s] = unrest.sum() if alive >= DAMPING_STEPS else math.inf
