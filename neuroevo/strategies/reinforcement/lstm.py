"""Lstm: an autoregressive policy (Zoph & Le 2017, section 3.1), in NumPy: forwards, backwards through time, and attention to earlier layers.

A framework's call costs more than a controller's whole step: its matrices are small and its sequences short, and differ from walk to walk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.base import Space
from genomes.questions import NO_OR_YES, Question
from neuroevo.strategies.optimisers import Arrays
from neuroevo.strategies.reinforcement.walks import (
    Allowed,
    Coefficients,
    Floats,
    Policy,
    Walk,
    drawn,
    logit_gradient,
    seeded,
    softmax,
)

Attention = Literal["none", "skips", "inputs"]
Ints = npt.NDArray[np.int64]


class Decided(NamedTuple):
    """A decision made at a step.

    Attributes:
        rows: of the options, among the rows of the output layer; () where the options are weighed by attention.
        parts: the steps behind whose output the chosen-from parts stand; negative numbers are inputs of the network.
        chosen: the position of the answer among the options that were allowed.
        single: whether attention says yes or no to one part.
    """

    rows: tuple[int, ...]
    parts: tuple[int, ...]
    chosen: int
    single: bool = False


class Step(NamedTuple):
    """A step of the LSTM: what comes in (a row of the embedding, or the parts that the decisions before it took), and what is decided."""

    row: int
    parts: tuple[int, ...]
    decided: list[Decided]


class Layer(NamedTuple):
    """What the backward pass needs of a layer's step: float64 [walks, ...]."""

    x: Floats
    h: Floats
    c: Floats
    gates: Floats
    cell: Floats


class Lstm(Policy):
    """A recurrent network that makes one decision a step and is fed with it at the next; the options are weighed by a softmax over rows that
    all questions of a kind share.

    Whether a layer takes an earlier one ("skips") is decided by attention: the probability is sigmoid(v . tanh(W_previous h_j + W_current h_i)),
    with h_j the network's output at the last step of layer j, and h_i that at the first such question of layer i, which all of its further ones
    share; the next step is fed with the mean of the h_j that were taken (Zoph & Le 2017, section 3.3; what is fed: Pham et al. 2018). With
    "inputs" the same weighs the options of questions whose options are earlier parts (Pham et al. 2018, section 2.3).

    Args:
        seed: of the first weights.
        hidden: units of a layer (the paper's 35; NASNet's 100).
        layers: of the LSTM (the paper's 2; NASNet's 1).
        initial: the weights begin uniform between -initial and initial (the paper's 0.08; NASNet's 0.1).
        attention: "none", "skips", or "inputs" (both).
        bound: options that are not weighed by attention have logits bound * tanh(logit / temperature), which keeps it exploring (Pham et al. 2018,
            after Bello et al. 2017); 0 for none.
        temperature: see `bound`.
    """

    def __init__(
        self,
        seed: int,
        hidden: int = 35,
        layers: int = 2,
        initial: float = 0.08,
        attention: Attention = "skips",
        *,
        bound: float = 0.0,
        temperature: float = 1.0,
    ) -> None:
        self.bound, self.temperature = bound, temperature
        self.seed, self.hidden, self.layers, self.initial, self.attention = seed, hidden, layers, initial, attention
        self._names: list[str] = []
        self._rows: dict[str, int] = {}
        self._rows_of: dict[tuple[str, tuple[str, ...]], tuple[int, ...]] = {}
        h = hidden
        self.arrays = {
            "start": self._first("start", h),
            "embedding": np.empty((0, h)),
            "output": np.empty((0, h)),
            "bias": np.empty(0),
            "inputs": np.empty((0, h)),
            "attention_previous": self._first("attention_previous", h, h),
            "attention_current": self._first("attention_current", h, h),
            "attention": self._first("attention", h),
        }
        for layer in range(layers):
            self.arrays |= {
                f"x{layer}": self._first(f"x{layer}", h, 4 * h),
                f"h{layer}": self._first(f"h{layer}", h, 4 * h),
                f"b{layer}": self._first(f"b{layer}", 4 * h),
            }

    def _first(self, name: str, *shape: int) -> Floats:
        return seeded(self.seed, name).uniform(-self.initial, self.initial, shape)

    # Walking ------------------------------------------------------------------------------------------------------------------

    def walk(self, space: Space, rngs: Sequence[np.random.Generator], allowed: Allowed) -> list[Walk]:
        walks = [Walk() for _ in rngs]
        walkers = [_Walker(self, space, walk, allowed) for walk in walks]
        self._go(walkers, lambda place, probabilities: drawn(probabilities, rngs[place]))
        return walks

    def likeliest(self, space: Space, allowed: Allowed) -> tuple[list[Question], list[Floats]]:
        names, arrays = list(self._names), dict(self.arrays)
        walker = _Walker(self, space, Walk(), allowed)
        self._go([walker], lambda place, probabilities: int(probabilities.argmax()))
        if len(self._names) > len(names) or len(self.arrays["inputs"]) > len(arrays["inputs"]):
            self.restore({"rows": names}, arrays)  # looking changes nothing
        return walker.questions, walker.probabilities

    def _go(self, walkers: list[_Walker], choose: Any) -> None:
        """Let the walkers go on, step by step and all together, until each has arrived."""
        count, size = len(walkers), self.hidden
        h = [np.zeros((count, size)) for _ in range(self.layers)]
        c = [np.zeros((count, size)) for _ in range(self.layers)]
        tops: list[Floats] = []
        while going := [place for place, walker in enumerate(walkers) if walker.question is not None]:
            for place in going:
                walkers[place].begin_step()
            steps = [walkers[place].walk.steps[-1] for place in going]
            x = self._incoming(steps, going, tops)
            at: Any = going if len(going) < count else slice(None)
            for layer in range(self.layers):
                cache = self._layer(layer, x, h[layer][at].copy(), c[layer][at].copy())
                x = _output(cache)
                h[layer][at], c[layer][at] = x, cache.cell
            tops.append(h[-1].copy())
            for place in going:
                walkers[place].decide(len(tops) - 1, tops, place, choose)

    def weigh(self, decided: Decided, top: Floats, tops: Sequence[Floats], place: int) -> Floats:
        """The probabilities of a decision's options."""
        if decided.rows:
            rows = list(decided.rows)
            return softmax(self._bounded(self.arrays["output"][rows] @ top + self.arrays["bias"][rows]))
        weights = self._attention(self._parts(decided.parts, tops, place), top)[0]
        return softmax(np.array([0.0, weights[0]]) if decided.single else weights)

    def _bounded(self, logits: Floats) -> Floats:
        return logits if self.bound == 0 else self.bound * np.tanh(logits / self.temperature)

    def _steepness(self, logits: Floats) -> Floats | float:
        """By how much `_bounded` changes with the logits."""
        return 1.0 if self.bound == 0 else self.bound / self.temperature * (1.0 - np.tanh(logits / self.temperature) ** 2)

    def _attention(self, parts: Floats, top: Floats) -> tuple[Floats, Floats]:
        """The weight of each part, and what the backward pass needs."""
        inner = np.tanh(parts @ self.arrays["attention_previous"] + top @ self.arrays["attention_current"])
        return inner @ self.arrays["attention"], inner

    def _parts(self, parts: Sequence[int], tops: Sequence[Floats], place: int) -> Floats:
        """What stands for parts: the output at a step, or an input's own vector: float64 [parts, hidden]."""
        return np.array([tops[part][place] if part >= 0 else self.arrays["inputs"][-part - 1] for part in parts])

    def _incoming(self, steps: Sequence[Step], places: Sequence[int], tops: Sequence[Floats]) -> Floats:
        x = np.empty((len(steps), self.hidden))
        for row, (step, place) in enumerate(zip(steps, places, strict=True)):
            if step.parts:
                x[row] = self._parts(step.parts, tops, place).mean(axis=0)
            else:
                x[row] = self.arrays["embedding"][step.row] if step.row >= 0 else self.arrays["start"]
        return x

    def _layer(self, layer: int, x: Floats, h: Floats, c: Floats) -> Layer:
        z = x @ self.arrays[f"x{layer}"] + h @ self.arrays[f"h{layer}"] + self.arrays[f"b{layer}"]
        size = self.hidden
        gates = np.empty_like(z)
        gates[:, : 3 * size] = 0.5 * (1.0 + np.tanh(0.5 * z[:, : 3 * size]))  # input, forget, output
        gates[:, 3 * size :] = np.tanh(z[:, 3 * size :])
        cell = gates[:, size : 2 * size] * c + gates[:, :size] * gates[:, 3 * size :]
        return Layer(x, h, c, gates, cell)

    # Learning -----------------------------------------------------------------------------------------------------------------

    def gradient(self, walks: Sequence[Walk], coefficients: Coefficients, entropy: float = 0.0) -> Arrays:
        count, size = len(walks), self.hidden
        length = max((len(walk.steps) for walk in walks), default=0)
        h = [np.zeros((count, size)) for _ in range(self.layers)]
        c = [np.zeros((count, size)) for _ in range(self.layers)]
        tops: list[Floats] = []
        caches: list[tuple[list[int], list[Layer]]] = []
        for step in range(length):
            going = [place for place, walk in enumerate(walks) if step < len(walk.steps)]
            at: Any = going if len(going) < count else slice(None)
            x = self._incoming([walks[place].steps[step] for place in going], going, tops)
            layers = []
            for layer in range(self.layers):
                cache = self._layer(layer, x, h[layer][at].copy(), c[layer][at].copy())
                x = _output(cache)
                h[layer][at], c[layer][at] = x, cache.cell
                layers.append(cache)
            tops.append(h[-1].copy())
            caches.append((going, layers))
        groups = self._decisions(walks, tops)
        logs = [np.empty(len(walk.answers)) for walk in walks]
        for group in groups:
            found = np.log(np.maximum(group.probabilities[np.arange(len(group.chosen)), group.chosen], 1e-300))
            for place, decision, value in zip(group.places, group.decisions, found, strict=True):
                logs[place][decision] = value
        weights = coefficients(logs)
        gradients = {name: np.zeros_like(array) for name, array in self.arrays.items()}
        into = [np.zeros((count, size)) for _ in range(length)]  # the gradient with respect to the output at each step
        for group in groups:
            chosen = np.array([weights[place][decision] for place, decision in zip(group.places, group.decisions, strict=True)])
            logits = logit_gradient(group.probabilities, group.chosen, chosen, entropy)
            if group.rows:
                rows = list(group.rows)
                top = tops[group.step][group.places]
                logits = logits * self._steepness(top @ self.arrays["output"][rows].T + self.arrays["bias"][rows])
                gradients["output"][rows] += logits.T @ top
                gradients["bias"][rows] += logits.sum(axis=0)
                into[group.step][group.places] += logits @ self.arrays["output"][rows]
            else:
                self._attend_back(group, logits[0], tops, gradients, into)
        self._through_time(walks, caches, gradients, into)
        return gradients

    def _decisions(self, walks: Sequence[Walk], tops: Sequence[Floats]) -> list[_Group]:
        """All decisions of the walks, those that share step and options together, with their probabilities."""
        alike: dict[tuple[int, tuple[int, ...]], list[tuple[int, int, int]]] = {}
        groups = []
        for place, walk in enumerate(walks):
            decision = 0
            for step, each in enumerate(walk.steps):
                for decided in each.decided:
                    if decided.rows:
                        alike.setdefault((step, decided.rows), []).append((place, decision, decided.chosen))
                    else:
                        probabilities = self.weigh(decided, tops[step][place], tops, place)[None]
                        chosen = np.array([decided.chosen])
                        groups.append(_Group(step, (), [place], [decision], chosen, probabilities, decided))
                    decision += 1
        for (step, rows), members in alike.items():
            places, decisions, answers = (list(each) for each in zip(*members, strict=True))
            logits = tops[step][places] @ self.arrays["output"][list(rows)].T + self.arrays["bias"][list(rows)]
            groups.append(_Group(step, rows, places, decisions, np.array(answers), softmax(self._bounded(logits))))
        return groups

    def _attend_back(
        self, group: _Group, logits: Floats, tops: Sequence[Floats], gradients: Arrays, into: Sequence[Floats]
    ) -> None:
        decided, place = group.decided, group.places[0]
        assert decided is not None
        weights = logits[1:] if decided.single else logits
        top, parts = tops[group.step][place], self._parts(decided.parts, tops, place)
        _, inner = self._attention(parts, top)
        gradients["attention"] += weights @ inner
        before = weights[:, None] * self.arrays["attention"] * (1.0 - inner**2)
        gradients["attention_previous"] += parts.T @ before
        gradients["attention_current"] += np.outer(top, before.sum(axis=0))
        into[group.step][place] += before.sum(axis=0) @ self.arrays["attention_current"].T
        self._into_parts(decided.parts, before @ self.arrays["attention_previous"].T, place, gradients, into)

    @staticmethod
    def _into_parts(parts: Sequence[int], change: Floats, place: int, gradients: Arrays, into: Sequence[Floats]) -> None:
        for part, each in zip(parts, change, strict=True):
            if part >= 0:
                into[part][place] += each
            else:
                gradients["inputs"][-part - 1] += each

    def _through_time(
        self, walks: Sequence[Walk], caches: Sequence[tuple[list[int], list[Layer]]], gradients: Arrays, into: Sequence[Floats]
    ) -> None:
        count, size = len(walks), self.hidden
        dh = [np.zeros((count, size)) for _ in range(self.layers)]
        dc = [np.zeros((count, size)) for _ in range(self.layers)]
        for step in range(len(caches) - 1, -1, -1):
            going, layers = caches[step]
            at: Any = going if len(going) < count else slice(None)
            above = into[step][at]
            for layer in range(self.layers - 1, -1, -1):
                cache = layers[layer]
                total = above + dh[layer][at]
                dz, change = _back(cache, total, dc[layer][at])
                gradients[f"x{layer}"] += cache.x.T @ dz
                gradients[f"h{layer}"] += cache.h.T @ dz
                gradients[f"b{layer}"] += dz.sum(axis=0)
                dh[layer][at] = dz @ self.arrays[f"h{layer}"].T
                dc[layer][at] = change
                above = dz @ self.arrays[f"x{layer}"].T
            for row, place in enumerate(going):
                entered = walks[place].steps[step]
                if entered.parts:
                    share = np.tile(above[row] / len(entered.parts), (len(entered.parts), 1))
                    self._into_parts(entered.parts, share, place, gradients, into)
                elif entered.row >= 0:
                    gradients["embedding"][entered.row] += above[row]
                else:
                    gradients["start"] += above[row]

    # Rows ---------------------------------------------------------------------------------------------------------------------

    def names(self) -> dict[str, list[str]]:
        return {"rows": list(self._names)}

    def restore(self, names: dict[str, list[str]], arrays: Arrays) -> None:
        self.arrays = dict(arrays)
        self._names = list(names["rows"])
        self._rows = {name: row for row, name in enumerate(self._names)}
        self._rows_of = {}

    def rows(self, question: Question) -> tuple[int, ...]:
        """The rows of a question's options."""
        kind = question.kind
        found = self._rows_of.get((kind, question.options))
        if found is None:
            found = self._rows_of[kind, question.options] = tuple(
                [self._row(f"{kind} = {option}") for option in question.options]
            )
        return found

    def _row(self, name: str) -> int:
        row = self._rows.get(name)
        if row is None:
            row = self._rows[name] = len(self._names)
            self._names.append(name)
            for array in ("embedding", "output"):
                self._grow(array, self._first(f"{array} {name}", self.hidden))
            self.arrays["bias"] = np.append(self.arrays["bias"], 0.0)
        return row

    def input(self, part: int) -> int:
        """The same number for one of the network's inputs, once there is a vector for it."""
        while len(self.arrays["inputs"]) < -part:
            self._grow("inputs", self._first(f"input {len(self.arrays['inputs'])}", self.hidden))
        return part

    def _grow(self, array: str, row: Floats) -> None:
        self.arrays[array] = np.concatenate([self.arrays[array], row[None]])


class _Group(NamedTuple):
    """Decisions made at one step over the same options."""

    step: int
    rows: tuple[int, ...]
    places: list[int]
    decisions: list[int]
    chosen: Ints
    probabilities: Floats
    decided: Decided | None = None


class _Walker:
    """One walk on its way."""

    def __init__(self, policy: Lstm, space: Space, walk: Walk, allowed: Allowed) -> None:
        self.policy, self.space, self.walk, self.allowed = policy, space, walk, allowed
        self.question: Question | None = space.question(())
        self.questions: list[Question] = []
        self.probabilities: list[Floats] = []
        self._last: dict[int, int] = {}  # of each part, the last step that was about it
        self._row, self._taken = -1, tuple[int, ...]()

    def begin_step(self) -> None:
        self.walk.steps.append(Step(self._row, self._taken, []))

    def decide(self, step: int, tops: Sequence[Floats], place: int, choose: Any) -> None:
        """Make the decision of this step, or all on the skips of a layer; `self.question` is then the next one's."""
        question = self.question
        assert question is not None
        top = tops[step][place]
        if question.part >= 0:
            self._last[question.part] = step
        self._row, self._taken = -1, ()
        if not self._attends(question, single=True):
            self._answer(question, top, tops, place, choose)
            return
        part, taken = question.part, list[int]()
        while question is not None and question.part == part and self._attends(question, single=True):
            if self._answer(question, top, tops, place, choose):
                taken.append(self._place(question.refers[0]))
            question = self.question
        self._taken = tuple(taken)

    def _attends(self, question: Question, single: bool) -> bool:
        kind = self.policy.attention
        if single:
            return kind != "none" and len(question.refers) == 1 and question.options == NO_OR_YES
        return kind == "inputs" and len(question.refers) == len(question.options) and question.options != NO_OR_YES

    def _answer(self, question: Question, top: Floats, tops: Sequence[Floats], place: int, choose: Any) -> int:
        positions = self.allowed(question) or tuple(range(len(question.options)))
        single, several = self._attends(question, single=True), self._attends(question, single=False)
        rows = self.policy.rows(question)
        if single and len(positions) == 2:
            decided = Decided((), (self._place(question.refers[0]),), 0, single=True)
        elif several:
            decided = Decided((), tuple([self._place(question.refers[position]) for position in positions]), 0)
        else:
            decided = Decided(tuple([rows[position] for position in positions]), (), 0)
        probabilities = self.policy.weigh(decided, top, tops, place)
        chosen: int = choose(place, probabilities)
        self.walk.steps[-1].decided.append(decided._replace(chosen=chosen))
        answer: int = positions[chosen]
        self.walk.answers.append(answer)
        self.walk.log_probabilities.append(float(np.log(max(probabilities[chosen], 1e-300))))
        whole = np.zeros(len(question.options))
        whole[list(positions)] = probabilities
        self.questions.append(question)
        self.probabilities.append(whole)
        self._row = rows[answer]
        if several:
            self._taken = (self._place(question.refers[answer]),)
        self.question = self.space.question(self.walk.answers)
        return answer

    def _place(self, part: int) -> int:
        """The last step about a part, or the number of an input."""
        if part < 0:
            return self.policy.input(part)
        return self._last[part] if part in self._last else self.policy.input(-1)


def _output(cache: Layer) -> Floats:
    size = cache.cell.shape[1]
    found: Floats = cache.gates[:, 2 * size : 3 * size] * np.tanh(cache.cell)
    return found


def _back(cache: Layer, dh: Floats, dc: Floats) -> tuple[Floats, Floats]:
    """The gradient with respect to what goes into the gates, and to the cell's state before."""
    size = cache.cell.shape[1]
    i, f, o, g = (cache.gates[:, place * size : (place + 1) * size] for place in range(4))
    squashed = np.tanh(cache.cell)
    total = dc + dh * o * (1.0 - squashed**2)
    dz = np.concatenate(
        [total * g * i * (1.0 - i), total * cache.c * f * (1.0 - f), dh * squashed * o * (1.0 - o), total * i * (1.0 - g**2)],
        axis=1,
    )
    return dz, total * f
