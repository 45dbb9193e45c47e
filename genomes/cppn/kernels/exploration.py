"""ES-HyperNEAT, compiled: where a CPPN's pattern puts hidden nodes, and what connects them (Risi & Stanley 2012, section 3).

A tree divides the region of hidden nodes, 2 parts on each of its axes (a quadtree in two dimensions, an octree in three). Places in it are
whole numbers on a lattice with 2 ** (maximum depth + 1) steps on each axis: the centres of all parts of all depths lie on it, so that two
explorations that find the same place find the same numbers.

numba compiles a function anew for every literal that it is given (`False`, `0`, also a count that began at 0), with all that it calls: `NO`,
`YES`, `ZERO` and `ONE` have the type and no value that it knows.
"""

from typing import Any, NamedTuple

import numpy as np

from genomes.compiled import kernel
from genomes.cppn.kernels.expression import expressed, put_differences, put_source
from genomes.cppn.kernels.query import BLOCK, evaluate_block, scratch
from genomes.neat.kernels.networks import INTEGERS, NUMBERS

TYPED: Any = (np.bool_(False), np.bool_(True), np.int64(0), np.int64(1))
NO, YES, ZERO, ONE = TYPED


class Region(NamedTuple):
    """Where hidden nodes may be, and how it is explored."""

    axes: np.ndarray  # int64 [free axes]
    low: np.ndarray  # float64 [dimension]
    step: np.ndarray  # float64 [dimension], from one point of the lattice to the next; 0 on fixed axes
    initial_depth: int
    maximum_depth: int
    most_nodes: int  # of the tree
    division: float
    variance: float
    band: float
    iterations: int
    forward: int  # the axis along which hidden nodes feed hidden nodes; -1: any direction
    differences: bool
    length: bool
    leo: bool
    bias: bool
    threshold: float
    weight_range: float


class Tree(NamedTuple):
    """Parts of the region; the children of one part lie one after the other."""

    place: np.ndarray  # int64 [nodes, free axes], the centre on the lattice
    depth: np.ndarray
    child: np.ndarray  # int64 [nodes], the first child, or -1
    weight: np.ndarray
    leo: np.ndarray
    divide: np.ndarray  # bool [nodes]
    total: np.ndarray  # of the weights of the leaves below
    squares: np.ndarray
    leaves: np.ndarray
    chosen: np.ndarray  # int64 [nodes], the candidates
    asked: np.ndarray  # int64 [2 * axes * nodes + 1, free axes], neighbours whose weight is asked
    answer: np.ndarray  # float64 [2 * axes * nodes]
    aside: np.ndarray  # int64 [free axes], scratch space


@kernel(inner=True)
def new_tree(most, axes):
    """Room for a tree."""
    return Tree(
        np.empty((most, axes), np.int64), np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most), np.empty(most),
        np.empty(most, np.bool_), np.empty(most), np.empty(most), np.empty(most, np.int64), np.empty(most, np.int64),
        np.empty((2 * axes * most + 1, axes), np.int64), np.empty(2 * axes * most), np.empty(axes, np.int64),
    )  # fmt: skip


@kernel(inner=True)
def _ask(networks, m, values, gathered, region, end, outgoing, places, begin, count, weight, leo, output, leo_output):
    """The CPPN's answers for connections between the place `end` and places of the lattice."""
    integers, numbers, sensors = networks.integers, networks.numbers, networks.sensors
    p, q, steps = networks.integer_start[m], networks.number_start[m], networks.step_count[m]
    activations, aggregations = networks.activations, networks.aggregations
    axes, low, step = region.axes, region.low, region.step
    dimension = len(low)
    here = 0 if outgoing else dimension
    there = dimension - here
    for first in range(begin, begin + count, BLOCK):
        many = min(BLOCK, begin + count - first)
        for d in range(dimension):
            for s in range(BLOCK):
                values[here + d, s] = end[d]
                values[there + d, s] = low[d]
        for a in range(len(axes)):
            d = axes[a]
            for s in range(BLOCK):
                values[there + d, s] = low[d] + step[d] * places[first + min(s, many - 1), a]
        put_differences(values, dimension, region.differences, region.length)
        evaluate_block(integers, numbers, p, q, steps, values, gathered, activations, aggregations)
        for s in range(many):
            weight[first + s] = values[sensors + output, s]
            if region.leo:
                leo[first + s] = values[sensors + leo_output, s]


@kernel(inner=True)
def _split(tree, n, count, half, parts):
    """Give a part its children; they are not asked yet."""
    place, child = tree.place, tree.child
    child[n] = count
    for c in range(parts):
        for a in range(place.shape[1]):
            place[count + c, a] = place[n, a] + (half if (c >> a) & 1 else -half)
        tree.depth[count + c], child[count + c], tree.divide[count + c] = tree.depth[n] + 1, -1, False
    return count + parts


@kernel(inner=True)
def _divide(networks, m, values, gathered, region, tree, end, outgoing):
    """Divide and initialise: the tree of one place's connections. Returns how many parts it has.

    The first `initial_depth` levels are always whole, so they are made first and asked about at once.
    """
    axes, deepest, t = len(region.axes), region.maximum_depth, region.initial_depth
    parts = 1 << axes
    child, weight, divide = tree.child, tree.weight, tree.divide
    for a in range(axes):
        tree.place[0, a] = 1 << deepest
    tree.depth[0], child[0], weight[0] = 0, -1, 0.0
    before, begin, count = ZERO, ZERO, ONE
    for level in range(t):
        before, begin = begin, count
        for n in range(before, begin):
            count = _split(tree, n, count, 1 << (deepest - level - 1), parts)
    fresh = ONE
    while fresh < count:
        _ask(networks, m, values, gathered, region, end, outgoing, tree.place, fresh, count - fresh, weight, tree.leo, ZERO, ONE)
        fresh = count
        if t == deepest:
            break
        for n in range(before, begin):
            if child[n] < 0:
                continue
            mean, squares = 0.0, 0.0
            for c in range(child[n], child[n] + parts):
                mean += weight[c]
                squares += weight[c] * weight[c]
            mean /= parts
            if squares / parts - mean * mean > region.division:
                for c in range(child[n], child[n] + parts):
                    divide[c] = True
        for n in range(begin, fresh):
            if divide[n]:
                count = _split(tree, n, count, 1 << (deepest - t - 1), parts)
        before, begin, t = begin, fresh, t + 1
    return count


@kernel(inner=True)
def _candidates(region, tree, count):
    """Prune by variance: the largest parts in which the pattern is even. Their indices are left in `chosen`; returns how many."""
    parts = 1 << len(region.axes)
    child, weight, total, squares, leaves, active = tree.child, tree.weight, tree.total, tree.squares, tree.leaves, tree.divide
    for n in range(count - 1, -1, -1):
        if child[n] < 0:
            total[n], squares[n], leaves[n] = weight[n], weight[n] * weight[n], 1
        else:
            total[n], squares[n], leaves[n] = 0.0, 0.0, 0
            for c in range(child[n], child[n] + parts):
                total[n] += total[c]
                squares[n] += squares[c]
                leaves[n] += leaves[c]
        active[n] = False
    active[0] = True
    found = 0
    for n in range(count):
        if not active[n] or child[n] < 0:
            continue
        for c in range(child[n], child[n] + parts):
            mean = total[c] / leaves[c]
            if child[c] >= 0 and squares[c] / leaves[c] - mean * mean > region.variance:
                active[c] = True
            else:
                tree.chosen[found] = c
                found += 1
    return found


@kernel(inner=True)
def _neighbour(region, tree, n, axis, side, into):
    """The part beside a part, of its size: its index if it is certainly in the tree, or -1; its place is left in `into`."""
    axes, t, top = tree.place.shape[1], tree.depth[n], 1 << (region.maximum_depth + 1)
    for a in range(axes):
        into[a] = tree.place[n, a]
    into[axis] += (1 if side else -1) * (1 << (region.maximum_depth + 1 - t))
    if t > region.initial_depth or not 0 < into[axis] < top:
        return -1
    # In the levels that are always whole, each part's index follows from its place: one choice of a child a level.
    first, within = 0, 0
    for level in range(t):
        first += 1 << (axes * level)
        choice = 0
        for a in range(axes):
            choice |= ((into[a] >> (region.maximum_depth - level)) & 1) << a
        within = (within << axes) | choice
    return first + within


@kernel(inner=True)
def _band(networks, m, values, gathered, region, tree, end, outgoing, found):
    """Prune by band: keep the parts whose weight differs from both neighbours' on at least one axis. Returns how many are left in
    `chosen`."""
    axes = len(region.axes)
    chosen, weight, asked, answer = tree.chosen, tree.weight, tree.asked, tree.answer
    kept = many = ZERO
    for i in range(found):
        n = chosen[i]
        if (region.leo and not tree.leo[n] > 0.0) or expressed(weight[n], region.threshold, region.weight_range) == 0.0:
            continue
        chosen[kept] = n
        kept += 1
        for axis in range(axes):
            for side in range(2):
                if _neighbour(region, tree, n, axis, side, asked[many]) < 0:
                    many += 1
    found = kept
    _ask(networks, m, values, gathered, region, end, outgoing, asked, ZERO, many, answer, answer, ZERO, ZERO)
    kept = many = ZERO
    for i in range(found):
        n = chosen[i]
        passed = False
        for axis in range(axes):
            nearest = np.inf
            for side in range(2):
                beside = _neighbour(region, tree, n, axis, side, tree.aside)
                if beside < 0:
                    nearest = min(nearest, abs(weight[n] - answer[many]))
                    many += 1
                else:
                    nearest = min(nearest, abs(weight[n] - weight[beside]))
            passed = passed or nearest > region.band
        if passed:
            chosen[kept] = n
            kept += 1
    return kept


@kernel(inner=True)
def _explore(networks, m, values, gathered, region, tree, end, outgoing):
    """The connections of one place: indices of parts in `chosen`; returns how many."""
    count = _divide(networks, m, values, gathered, region, tree, end, outgoing)
    found = _candidates(region, tree, count)
    return _band(networks, m, values, gathered, region, tree, end, outgoing, found)


@kernel(inner=True)
def _grown(array, more):
    larger = np.empty(2 * len(array) + more, array.dtype)
    larger[: len(array)] = array
    return larger


@kernel(inner=True)
def _code(place, depth):
    """A place of the lattice as one number."""
    code = 0
    for a in range(len(place)):
        code = (code << (depth + 1)) | place[a]
    return code


@kernel(inner=True)
def _put(region, code, into):
    """The coordinates of a coded place."""
    bits = region.maximum_depth + 1
    for d in range(len(region.low)):
        into[d] = region.low[d]
    for a in range(len(region.axes) - 1, -1, -1):
        d = region.axes[a]
        into[d] += region.step[d] * (code & ((1 << bits) - 1))
        code >>= bits


@kernel()
def explore(networks, m, inputs, outputs, region):
    """The network that one CPPN describes, found from its inputs, over its hidden nodes, and from its outputs.

    Returns:
        Codes of the hidden nodes' places int64 [hidden], then of each connection the source and target int64 and the weight float64
        [connections]. Nodes are numbered inputs, outputs, hidden nodes; only hidden nodes on a way from an input to an output are
        there.
    """
    values, gathered = scratch(networks), np.empty(networks.most_edges)
    tree = new_tree(region.most_nodes, len(region.axes))
    chosen, place, weight, depth = tree.chosen, tree.place, tree.weight, region.maximum_depth
    threshold, weight_range, forward = region.threshold, region.weight_range, region.forward
    fixed = len(inputs) + len(outputs)
    index = np.full(1 << ((depth + 1) * len(region.axes)), -1, np.int32)
    codes, hidden = np.empty(64, np.int64), ZERO
    source, target, weights, edges = np.empty(256, np.int64), np.empty(256, np.int64), np.empty(256), ZERO
    here, there = np.empty(len(region.low)), np.empty(len(region.low))
    # What the outputs would listen to, wherever there is a node. Most patterns that make networks huge end nowhere, so this comes first:
    # a node that no output hears, and from which the way forward does not lead to a place that one hears, need not be explored.
    heard, hearer, loudness, listeners = np.empty(64, np.int64), np.empty(64, np.int64), np.empty(64), ZERO
    last = -np.inf
    for number in range(len(outputs)):
        here[:] = outputs[number]
        found = _explore(networks, m, values, gathered, region, tree, here, NO)
        if listeners + found > len(heard):
            heard, hearer, loudness = _grown(heard, found), _grown(hearer, found), _grown(loudness, found)
        for i in range(found):
            code = _code(place[chosen[i]], depth)
            heard[listeners], hearer[listeners] = code, len(inputs) + number
            loudness[listeners] = expressed(weight[chosen[i]], threshold, weight_range)
            listeners += 1
            if forward >= 0:
                _put(region, code, there)
                last = max(last, there[forward])
    begin = behind = ZERO
    # Wave 0 starts from the inputs, the next ones from the hidden nodes that the last one found.
    for wave in range(region.iterations + 1 if listeners else 0):
        begin, behind = behind, hidden
        for number in range(len(inputs) if wave == 0 else behind - begin):
            if wave == 0:
                here[:] = inputs[number]
                node = number
            else:
                _put(region, codes[begin + number], here)
                node = fixed + begin + number
                if forward >= 0 and not here[forward] < last:
                    continue
            found = _explore(networks, m, values, gathered, region, tree, here, YES)
            if edges + found > len(source):
                source, target, weights = _grown(source, found), _grown(target, found), _grown(weights, found)
            if hidden + found > len(codes):
                codes = _grown(codes, found)
            for i in range(found):
                code = _code(place[chosen[i]], depth)
                if forward >= 0:
                    _put(region, code, there)
                    if there[forward] > last or (wave > 0 and not there[forward] > here[forward]):
                        continue
                if index[code] < 0:
                    codes[hidden], index[code] = code, hidden
                    hidden += 1
                source[edges], target[edges] = node, fixed + index[code]
                weights[edges] = expressed(weight[chosen[i]], threshold, weight_range)
                edges += 1
    if edges + listeners > len(source):
        source, target, weights = _grown(source, listeners), _grown(target, listeners), _grown(weights, listeners)
    for i in range(listeners):
        if index[heard[i]] >= 0:
            source[edges], target[edges], weights[edges] = fixed + index[heard[i]], hearer[i], loudness[i]
            edges += 1
    return _useful(codes, hidden, source, target, weights, edges, len(inputs), fixed)


@kernel(inner=True)
def _useful(codes, hidden, source, target, weights, edges, inputs, fixed):
    """Without the hidden nodes that lead to no output."""
    leads = np.zeros(fixed + hidden, np.bool_)
    leads[inputs:fixed] = True
    grew = True
    while grew:
        grew = False
        for e in range(edges - 1, -1, -1):
            if leads[target[e]] and not leads[source[e]]:
                leads[source[e]] = grew = True
    number = np.empty(fixed + hidden, np.int64)
    kept = 0
    for n in range(fixed + hidden):
        number[n] = n if n < fixed else fixed + kept
        if n >= fixed and leads[n]:
            codes[kept] = codes[n - fixed]
            kept += 1
    links = 0
    for e in range(edges):
        if leads[target[e]]:
            source[links], target[links], weights[links] = number[source[e]], number[target[e]], weights[e]
            links += 1
    return codes[:kept].copy(), source[:links].copy(), target[:links].copy(), weights[:links].copy()


@kernel()
def places_of(codes, region):
    """The coordinates of coded places: float64 [places, dimension]."""
    found = np.empty((len(codes), len(region.low)))
    for i in range(len(codes)):
        _put(region, codes[i], found[i])
    return found


@kernel()
def biases_at(networks, m, places, region, output):
    """The biases of nodes at these places: float64 [places]."""
    integers, numbers = networks.integers, networks.numbers
    values, gathered = scratch(networks), np.empty(networks.most_edges)
    dimension = places.shape[1]
    biases = np.empty(len(places))
    for first in range(0, len(places), BLOCK):
        put_source(values, np.zeros(dimension), dimension)
        many = min(BLOCK, len(places) - first)
        for d in range(dimension):
            for s in range(BLOCK):
                values[dimension + d, s] = places[first + min(s, many - 1), d]
        put_differences(values, dimension, region.differences, region.length)
        evaluate_block(
            integers, numbers, networks.integer_start[m], networks.number_start[m], networks.step_count[m], values, gathered,
            networks.activations, networks.aggregations,
        )  # fmt: skip
        for s in range(many):
            biases[first + s] = expressed(values[networks.sensors + output, s], region.threshold, region.weight_range)
    return biases


@kernel()
def program(source, target, weights, biases, order, inputs, activation, output_activation, outputs):
    """A network as the steps of `genomes.neat.kernels.networks`: integers, numbers and how many steps there are.

    order: int64, the nodes behind the inputs, sources first where the network is feed-forward.
    """
    nodes = len(biases)
    first = np.zeros(nodes + 1, np.int64)
    for e in range(len(target)):
        first[target[e] + 1] += 1
    for n in range(nodes):
        first[n + 1] += first[n]
    cursor = first.copy()
    by_target = np.empty(len(target), np.int64)
    for e in range(len(target)):
        by_target[cursor[target[e]]] = e
        cursor[target[e]] += 1
    integers = np.empty(INTEGERS * len(order) + len(target), np.int32)
    numbers = np.empty(NUMBERS * len(order) + len(target))
    p = q = 0
    for i in range(len(order)):
        n = order[i]
        integers[p] = n
        integers[p + 1] = output_activation if n < inputs + outputs else activation
        integers[p + 2] = 0
        integers[p + 3] = first[n + 1] - first[n]
        numbers[q], numbers[q + 1] = biases[n], 1.0
        p, q = p + INTEGERS, q + NUMBERS
        for e in range(first[n], first[n + 1]):
            integers[p], numbers[q] = source[by_target[e]], weights[by_target[e]]
            p, q = p + 1, q + 1
    return integers, numbers
