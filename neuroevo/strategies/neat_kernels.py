"""Reproduction of NEAT, compiled: who the parents of each child are, and the children."""

# ruff: noqa: RUF046
import numpy as np
from numba import njit

from genomes.neat.kernels.crossover import copy_genome, cross
from genomes.neat.kernels.mutation import mutate
from genomes.neat.kernels.streams import below, birth_key, uniform
from genomes.neat.operators import CROSSOVER, ELITE, INTERSPECIES

NODE_ROOM, CONNECTION_ROOM = 1, 3  # genes that one mutation may add


@njit(cache=True, nogil=True)
def birth_keys(seed, first_id, count):
    """The keys of consecutive births' random streams."""
    keys = np.empty(count, np.uint64)
    for k in range(count):
        keys[k] = birth_key(seed, first_id + k)
    return keys


@njit(cache=True, nogil=True)
def choose_parents(
    begin, end, pool, fitness, members, start, survivors, first_child, elites, crossover_share, interspecies, keys,
    mother, father, node_room, connection_room,
):  # fmt: skip
    """Draw the parents of children `begin` to `end`, and the room that each child needs.

    Species s has the survivors members[start[s] : start[s] + survivors[s]], the fittest first; its children are first_child[s] to
    first_child[s + 1], the first elites[s] of them copies of its champion. father is -1 without crossover, -2 for an elite. `keys`
    are the streams: they are advanced.
    """
    stream = np.empty(1, np.uint64)
    s = 0
    for k in range(begin, end):
        while k >= first_child[s + 1]:
            s += 1
        if k - first_child[s] < elites[s]:
            mother[k], father[k] = members[start[s]], -2
            node_room[k], connection_room[k] = pool.node_count[mother[k]], pool.connection_count[mother[k]]
            continue
        stream[0] = keys[k]
        a = members[start[s] + below(stream, survivors[s])]
        b = np.int64(-1)
        if uniform(stream) < crossover_share:
            if uniform(stream) < interspecies:
                other = below(stream, len(survivors))
                if survivors[other] > 0:
                    b = members[start[other]]
            if b < 0:
                b = members[start[s] + below(stream, survivors[s])]
            if b == a:
                b = -1  # a genome crossed with itself is itself
        if b >= 0 and fitness[b] > fitness[a]:
            a, b = b, a
        mother[k], father[k], keys[k] = a, b, stream[0]
        node_room[k] = pool.node_count[a] + NODE_ROOM
        connection_room[k] = pool.connection_count[a] + CONNECTION_ROOM
        if b >= 0 and fitness[a] == fitness[b]:
            node_room[k] += pool.node_count[b]
            connection_room[k] += pool.connection_count[b]


@njit(cache=True, nogil=True)
def reproduce(begin, end, pool, fitness, label, mother, father, keys, mutate_crossed, rates, clock, children, operators):
    """Make children `begin` to `end`: copies, mutants, and crossings that are mutated too (with probability `mutate_crossed`)."""
    stream = np.empty(1, np.uint64)
    for k in range(begin, end):
        a, b = mother[k], father[k]
        if b < 0:
            copy_genome(pool, a, children, k)
            done = ELITE if b == -2 else 0
        else:
            stream[0] = keys[k]
            average = uniform(stream) < rates.average
            cross(
                pool, a, pool, b, children, k, fitness[a] == fitness[b], 0.5, average, rates.disabled, rates.recurrent, rates.fixed,
                stream,
            )  # fmt: skip
            keys[k] = stream[0]
            done = CROSSOVER if label[a] == label[b] else CROSSOVER | INTERSPECIES
        if b != -2 and (b < 0 or mutate_crossed >= 1.0 or uniform(stream) < mutate_crossed):
            stream[0] = keys[k] if b < 0 else stream[0]
            done |= mutate(children, k, rates, clock, stream)
        operators[k] = done
