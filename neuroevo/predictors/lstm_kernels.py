"""Compiled training of small LSTMs that read a genome's decisions (`neuroevo.predictors.lstm_ensemble`)."""

import numpy as np

from genomes.compiled import kernel

FIRST, SECOND, TINY = np.float32(0.9), np.float32(0.999), np.float32(1e-7)  # Adam's decay rates and epsilon
ZERO, ONE = np.float32(0), np.float32(1)


@kernel()
def parts(own, words, hidden):
    """The arrays that lie behind each other in a network's weights: what each word adds to the gates [words, 4 hidden], what the output of
    the step before adds [hidden, 4 hidden], the gates' bias, the last layer [hidden] and its bias [1]. The gates are input, forget, output and
    candidate (Gers, Schmidhuber & Cummins 2000)."""
    gates = 4 * hidden
    start = words * gates
    table = own[:start].reshape(words, gates)
    recurrent = own[start : start + hidden * gates].reshape(hidden, gates)
    start += hidden * gates
    return (
        table,
        recurrent,
        own[start : start + gates],
        own[start + gates : start + gates + hidden],
        own[start + gates + hidden :],
    )


@kernel(inner=True)
def step(table, recurrent, bias, word, before, cell_before, gates, cell, squashed, output):
    """One step of an LSTM: fills in the gates [4 hidden] after their squashing, the cell, its hyperbolic tangent and the output [hidden]."""
    hidden = len(before)
    gates[:] = bias
    if word >= 0:  # a word that no observed genome has, says nothing
        row = table[word]
        for j in range(4 * hidden):
            gates[j] += row[j]
    for k in range(hidden):
        x = before[k]
        if x != ZERO:
            row = recurrent[k]
            for j in range(4 * hidden):
                gates[j] += x * row[j]
    for j in range(3 * hidden):
        gates[j] = ONE / (ONE + np.exp(-gates[j]))
    for j in range(3 * hidden, 4 * hidden):
        gates[j] = np.tanh(gates[j])
    for j in range(hidden):
        cell[j] = gates[hidden + j] * cell_before[j] + gates[j] * gates[3 * hidden + j]
        squashed[j] = np.tanh(cell[j])
        output[j] = gates[2 * hidden + j] * squashed[j]


@kernel(error_model="numpy")
def train(weights, words, hidden, sentences, lengths, scores, seen, orders, batch, rate, squared):
    """Train each network on the observations that it sees, by Adam (Kingma & Ba 2015), in place.

    weights: float32 [networks, weights], as `parts` takes them. sentences: int64 [observations, longest]. lengths: int64 [observations]. scores:
    float32 [observations]. seen: bool [networks, observations]. orders: int64 [epochs, observations]. batch: observations in a step, of whom a
    network passes over those that it does not see. squared: whether the loss is the squared error.
    """
    longest, count, wide = sentences.shape[1], weights.shape[1], 4 * hidden
    gates, cells = np.empty((longest, wide), np.float32), np.zeros((longest + 1, hidden), np.float32)
    squashed, states = np.empty((longest, hidden), np.float32), np.zeros((longest + 1, hidden), np.float32)
    gradient, first, second = np.empty(count, np.float32), np.empty(count, np.float32), np.empty(count, np.float32)
    turned = np.empty((wide, hidden), np.float32)  # so that the inner loops run over neighbours
    dz, dh, dc = np.empty(wide, np.float32), np.empty(hidden, np.float32), np.empty(hidden, np.float32)
    for network in range(len(weights)):
        own = weights[network]
        table, recurrent, bias, last, shift = parts(own, words, hidden)
        d_table, d_recurrent, d_bias, d_last, d_shift = parts(gradient, words, hidden)
        first[:] = ZERO
        second[:] = ZERO
        decay_first, decay_second = ONE, ONE
        for order in orders:
            for start in range(0, len(order), batch):
                chosen = order[start : start + batch]
                members = 0
                for one in chosen:
                    members += seen[network, one]
                if members == 0:
                    continue
                for k in range(hidden):
                    for j in range(wide):
                        turned[j, k] = recurrent[k, j]
                gradient[:] = ZERO
                for one in chosen:
                    if not seen[network, one]:
                        continue
                    length = lengths[one]
                    for t in range(length):
                        step(
                            table, recurrent, bias, sentences[one, t], states[t], cells[t], gates[t], cells[t + 1], squashed[t],
                            states[t + 1],
                        )  # fmt: skip
                    error = shift[0] - scores[one]
                    for j in range(hidden):
                        error += last[j] * states[length, j]
                    slope = (2 * error if squared else np.float32(np.sign(error))) / np.float32(members)
                    d_shift[0] += slope
                    for j in range(hidden):
                        d_last[j] += slope * states[length, j]
                        dh[j] = slope * last[j]
                        dc[j] = ZERO
                    for t in range(length - 1, -1, -1):
                        for j in range(hidden):
                            i, f, o, g = gates[t, j], gates[t, hidden + j], gates[t, 2 * hidden + j], gates[t, 3 * hidden + j]
                            total = dc[j] + dh[j] * o * (ONE - squashed[t, j] * squashed[t, j])
                            dz[j] = total * g * i * (ONE - i)
                            dz[hidden + j] = total * cells[t, j] * f * (ONE - f)
                            dz[2 * hidden + j] = dh[j] * squashed[t, j] * o * (ONE - o)
                            dz[3 * hidden + j] = total * i * (ONE - g * g)
                            dc[j] = total * f
                        word_row = d_table[sentences[one, t]]
                        for j in range(wide):
                            word_row[j] += dz[j]
                            d_bias[j] += dz[j]
                        if t == 0:
                            break
                        for k in range(hidden):
                            x, row = states[t, k], d_recurrent[k]
                            for j in range(wide):
                                row[j] += x * dz[j]
                        dh[:] = ZERO
                        for j in range(wide):
                            s, column = dz[j], turned[j]
                            for k in range(hidden):
                                dh[k] += s * column[k]
                decay_first *= FIRST
                decay_second *= SECOND
                pace, root = rate / (ONE - decay_first), ONE / (ONE - decay_second)
                for k in range(count):
                    g = gradient[k]
                    first[k] += (ONE - FIRST) * (g - first[k])
                    second[k] += (ONE - SECOND) * (g * g - second[k])
                    own[k] -= pace * first[k] / (np.sqrt(second[k] * root) + TINY)


@kernel()
def outputs(weights, words, hidden, sentences, lengths):
    """What each network says of each sentence: float64 [networks, sentences]. Sentences that begin alike and follow each other share the steps
    over what they have in common, to the last bit.

    sentences: int64 [sentences, longest]; -1 for a word that the networks do not know.
    """
    longest = sentences.shape[1]
    cells, states = np.zeros((longest + 1, hidden), np.float32), np.zeros((longest + 1, hidden), np.float32)
    gates, squashed = np.empty(4 * hidden, np.float32), np.empty(hidden, np.float32)
    found = np.empty((len(weights), len(sentences)))
    for network in range(len(weights)):
        table, recurrent, bias, last, shift = parts(weights[network], words, hidden)
        known = 0  # steps that are those of the sentence before
        for place in range(len(sentences)):
            if place:
                shared = 0
                while (
                    shared < min(lengths[place], lengths[place - 1]) and sentences[place, shared] == sentences[place - 1, shared]
                ):
                    shared += 1
                known = shared
            for t in range(known, lengths[place]):
                step(
                    table, recurrent, bias, sentences[place, t], states[t], cells[t], gates, cells[t + 1], squashed, states[t + 1]
                )  # fmt: skip
            total = shift[0]
            for j in range(hidden):
                total += last[j] * states[lengths[place], j]
            found[network, place] = total
    return found
