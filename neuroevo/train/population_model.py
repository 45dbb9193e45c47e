"""PopulationModel: one Keras model that holds a whole population of different topologies and trains all of them at once."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from genomes.base import plain, shown, unknown
from genomes.neat import NeatGenome
from genomes.neat.genes import Pool, pool_of
from genomes.neat.space import NeatSpace
from neuroevo.core.limits import memory_bytes
from neuroevo.train.population_forward import Loss, Tables, forward, tables_of
from neuroevo.train.population_layout import Arrangement, arrange, unsuited
from neuroevo.train.population_steps import PIECE, Masks, Method, State, Steps, compiled_steps

OPTIMIZERS = ("adam", "sgd")
VALUES_KEPT = (
    6  # numbers that a step holds at once for each edge (or node) and sample: terms, products, values, and their gradients
)
SLOTS_KEPT = 8  # numbers for each weight: itself, its gradient, the optimizer's, its place


class PopulationModel(keras.Model):  # type: ignore[misc]
    """A population of feed-forward NEAT genomes as one `keras.Model`: float [samples, inputs] to [members, samples, outputs].

    `train` moves the weights of enabled connections, and the biases where the space has bias genes, each genome towards the targets by its
    own loss and with its own optimizer state: what a genome becomes does not depend on the others. Weights and biases stay within the
    space's `weight_limit` and `bias_limit`; responses, disabled connections and whatever leads to no output stay as they are.

        model = PopulationModel(genomes, loss="mean_squared_error")
        losses = model.train(x, y, steps=200, learning_rate=0.05)
        trained = model.genomes()

    Args:
        genomes: of one space; or a pool of genes, with `space`.
        space: only with a pool.
        loss: "mean_squared_error"; "cross_entropy" (outputs are logits, targets probabilities of the classes); or a function in
            `keras.ops` that maps outputs [members, samples, outputs] and targets [samples, outputs] to losses [members, samples].
        optimizer: "adam" (Kingma & Ba 2015) or "sgd".
        momentum: of SGD, in [0, 1).
        frozen: markings of connection genes and node genes whose weights and biases stay as they are in every genome.
        memory: bytes (or text such as "500MB") that training may take; a population that needs more is trained in chunks, one after the
            other. None for no bound.
        samples: the most samples of one step, for which memory is planned.
        dtype: "float32" or "float64" (JAX: where it is configured for that).
        steps: compiled steps of another model with the same loss and optimizer (`model.steps`), used again.

    Raises:
        ValueError: no genomes, genomes of different spaces, recurrent ones, formulas of the user's as activations, an unknown loss or
            optimizer, or a memory bound that is too small for one genome.
    """

    def __init__(
        self,
        genomes: Sequence[NeatGenome] | Pool,
        *,
        space: NeatSpace | None = None,
        loss: str | Loss = "mean_squared_error",
        optimizer: str = "adam",
        momentum: float = 0.0,
        frozen: Collection[int] = (),
        memory: int | str | None = None,
        samples: int = 256,
        dtype: str = "float32",
        steps: Steps | None = None,
    ) -> None:
        if dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {shown(dtype)}")
        super().__init__(name="population", dtype=dtype)
        if optimizer not in OPTIMIZERS:
            raise ValueError(unknown("optimizer", optimizer, OPTIMIZERS))
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {shown(momentum)}")
        samples = plain(samples)
        if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
            raise ValueError(f"samples must be a whole number >= 1, got {shown(samples)}")
        self._given = None if isinstance(genomes, Pool) else list(genomes)
        self.space, self.pool = _space_and_pool(genomes, space)
        self.number_type = dtype
        self.planned_samples = samples
        self.memory = memory_bytes(memory)
        method = Method(loss, optimizer, momentum, float(self.space.weight_limit), float(self.space.bias_limit))
        if steps is not None and steps.method != method:
            raise ValueError(
                "steps of another model are used again only with the same loss, optimizer and limits of weights and biases"
            )
        self.steps = steps or compiled_steps(method)
        padded = keras.backend.backend() == "jax"
        chunks = arranged(self.space, self.pool, self.memory, samples, dtype, padded=padded)
        self._parts = [_Part(self, chunk, frozen) for chunk in chunks]
        self.built = True

    def __len__(self) -> int:
        return len(self.pool.node_start)

    @property
    def chunks(self) -> int:
        """In how many chunks the population is trained, one after the other."""
        return len(self._parts)

    def call(self, x: Any) -> Any:
        """Outputs [members, samples, outputs] for float [samples, inputs]."""
        return keras.ops.concatenate([part.outputs(x) for part in self._parts], axis=0)

    def outputs(self, x: npt.ArrayLike) -> npt.NDArray[np.floating]:
        """The same, compiled: [members, samples, outputs].

        Raises:
            ValueError: x is not [samples, inputs].
        """
        inputs = self._numbers("x", x, self.space.inputs)
        found = [self.steps.outputs(part.arrangement.layout, part.tables, part.state, inputs) for part in self._parts]
        return np.concatenate(found)

    def train(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        steps: int,
        learning_rate: float | npt.ArrayLike = 0.01,
        batch_size: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> npt.NDArray[np.float64]:
        """Train every genome; a later call goes on where this one ended, with the optimizer's state.

        Args:
            x: float [samples, inputs].
            y: float [samples, outputs].
            steps: gradient steps.
            learning_rate: one for all steps, or one for each: [steps].
            batch_size: samples of one step; None for all of them.
            rng: which samples a step sees, the same ones for every genome; needed with `batch_size`.

        Returns:
            float64 [members]: each genome's loss over all samples afterwards. One that is not finite says that this genome's training
            diverged; the others are not affected.

        Raises:
            ValueError: arrays of the wrong shape or with numbers that are not finite, more samples in a step than memory was planned for,
                or a number out of its range.
        """
        inputs, targets = self._numbers("x", x, self.space.inputs), self._numbers("y", y, self.space.outputs)
        if len(inputs) != len(targets) or len(inputs) == 0:
            raise ValueError(f"x and y must hold as many samples (at least one), got {len(inputs)} and {len(targets)}")
        steps, batch_size = plain(steps), plain(batch_size)
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
            raise ValueError(f"steps must be a whole number >= 0, got {shown(steps)}")
        rates = np.asarray(learning_rate, self.number_type)
        if rates.shape not in ((), (steps,)) or not np.all(np.isfinite(rates)) or not np.all(rates >= 0):
            raise ValueError(
                f"learning_rate must be one number >= 0, or one for each of the {steps} steps, got {shown(learning_rate)}"
            )
        order = self._order(len(inputs), steps, batch_size, rng)
        if self.memory is not None and (order.shape[1] or len(inputs)) > self.planned_samples:
            raise ValueError(
                f"memory was planned for steps of at most {self.planned_samples} samples, got {order.shape[1] or len(inputs)}; "
                "give samples= to the model, or a batch_size"
            )
        rates = np.ascontiguousarray(np.broadcast_to(rates, steps))
        losses = [part.train(inputs, targets, order, rates) for part in self._parts]
        return np.concatenate(losses).astype(np.float64)

    def genes(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The weights of all connection genes and the biases of all node genes of the pool as they are now."""
        weights, biases = self.pool.connections.weight.copy(), self.pool.nodes.bias.copy()
        for part in self._parts:
            part.write(weights, biases)
        return weights, biases

    def genomes(self) -> list[NeatGenome]:
        """The genomes with the weights and biases of now, their markings unchanged.

        Raises:
            ValueError: weights that are not finite; see what `train` returned.
        """
        from genomes.neat.genome import from_pool

        weights, biases = self.genes()
        given = self._given or [from_pool(self.space, self.pool, member, 0) for member in range(len(self))]
        pool = self.pool
        return [
            genome.with_weights(
                weights[pool.connection_start[i] : pool.connection_start[i] + pool.connection_count[i]],
                biases[pool.node_start[i] : pool.node_start[i] + pool.node_count[i]],
            )
            for i, genome in enumerate(given)
        ]

    def _order(self, samples: int, steps: int, batch: int | None, rng: np.random.Generator | None) -> npt.NDArray[np.int32]:
        if batch is None:
            return np.zeros((steps, 0), np.int32)
        if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= samples:
            raise ValueError(f"batch_size must be a whole number from 1 to the {samples} samples, got {shown(batch)}")
        if rng is None:
            raise ValueError("batch_size needs rng, a NumPy generator that decides which samples a step sees")
        needed = math.ceil(steps * batch / samples)
        every = np.concatenate([rng.permutation(samples) for _ in range(needed)]) if needed else np.zeros(0, np.int64)
        return every[: steps * batch].reshape(steps, batch).astype(np.int32)

    def _numbers(self, name: str, array: npt.ArrayLike, width: int) -> npt.NDArray[Any]:
        numbers = np.asarray(array)
        if numbers.ndim != 2 or numbers.shape[1] != width or numbers.dtype.kind not in "biuf":
            raise ValueError(
                f"{name} must be numbers of shape [samples, {width}], got an array of {numbers.dtype} {numbers.shape}"
            )
        if not np.isfinite(numbers).all():
            raise ValueError(f"{name} must hold finite numbers, found NaN or infinity")
        return np.ascontiguousarray(numbers, self.number_type)


class _Part:
    """One chunk of a population: its tables, its variables and its optimizer state."""

    def __init__(self, model: PopulationModel, arrangement: Arrangement, frozen: Collection[int]) -> None:
        self.arrangement, self.model, self.dtype = arrangement, model, model.number_type
        self.tables: Tables = tables_of(arrangement, model.number_type)
        self.genes, self.nodes = arrangement.genes, arrangement.nodes
        pool, space = model.pool, model.space
        kept = np.fromiter(frozen, np.int64, len(frozen))
        masks = Masks(
            (self.genes >= 0) & ~np.isin(_taken(pool.connections.marking, self.genes), kept),
            (self.nodes >= 0) & ~np.isin(_taken(pool.nodes.marking, self.nodes), kept) & (space.bias == "node"),
        )
        self.masks = masks
        number = len(model.weights)
        self._weights = self._variable(
            f"weights_{number}", np.where(self.genes >= 0, _taken(pool.connections.weight, self.genes), 0)
        )
        self._biases = self._variable(f"biases_{number}", np.where(self.nodes >= 0, _taken(pool.nodes.bias, self.nodes), 0))
        self._slots = self._zeros(self.genes), self._zeros(self.nodes)
        self._step = np.zeros((), self.dtype)

    def _variable(self, name: str, values: npt.NDArray[Any]) -> Any:
        variable = self.model.add_weight(shape=values.shape, initializer="zeros", dtype=self.dtype, name=name)
        variable.assign(values.astype(self.dtype))
        return variable

    def _zeros(self, like: npt.NDArray[Any]) -> tuple[Any, Any]:
        method = self.model.steps.method
        slots = 2 if method.optimizer == "adam" else 1 if method.momentum > 0 else 0
        return (
            np.zeros(len(like) if slots >= 1 else 0, self.dtype),
            np.zeros(len(like) if slots >= 2 else 0, self.dtype),
        )

    @property
    def state(self) -> State:
        """The variables and the optimizer's state as arrays."""
        convert = keras.ops.convert_to_numpy
        return State(convert(self._weights), convert(self._biases), *self._slots, self._step)

    def train(self, x: Any, y: Any, order: Any, rates: Any) -> npt.NDArray[np.floating]:
        layout, steps = self.arrangement.layout, self.model.steps
        state, losses = steps.train(layout, self.tables, self.masks, self.state, x, y, order, rates)
        self._weights.assign(state.weights)
        self._biases.assign(state.biases)
        self._slots, self._step = (state.weight_slots, state.bias_slots), state.step
        return losses

    def outputs(self, x: Any) -> Any:
        """By the Keras variables, for calls of the model."""
        weights, biases, at, row = [], [], 0, 0
        for level in self.arrangement.levels:
            weights.append(self._weights[at : at + len(level.genes)])
            biases.append(self._biases[row : row + len(level.nodes)])
            at, row = at + len(level.genes), row + len(level.nodes)
        columns = keras.ops.convert_to_tensor(x, self.dtype)
        found = forward(self.arrangement.layout, self.tables, weights, biases, columns)
        return keras.ops.transpose(found, (0, 2, 1))

    def write(self, weights: npt.NDArray[np.float64], biases: npt.NDArray[np.float64]) -> None:
        """Put what was trained into the pool's arrays; what is frozen keeps every digit."""
        state = self.state
        weights[self.genes[self.masks.weights]] = state.weights[self.masks.weights]
        biases[self.nodes[self.masks.biases]] = state.biases[self.masks.biases]


def arranged(
    space: NeatSpace, pool: Pool, memory: int | None, samples: int, dtype: str, *, padded: bool = False
) -> list[Arrangement]:
    """The population in as few equal chunks as fit into the memory, each as tables.

    Raises:
        ValueError: networks that cannot be trained, or memory for less than one genome.
    """
    size = members = len(pool.node_start)
    while True:
        chunks = [arrange(space, pool, at, min(at + size, members), padded=padded) for at in range(0, members, size)]
        most = max(bytes_of(chunk, samples, dtype) for chunk in chunks)
        if memory is None or most <= memory:
            return chunks
        if size == 1:
            raise ValueError(
                f"memory must be at least {most:,} bytes, what the largest genome takes with {samples} samples in a step, got {memory:,}; "
                "use fewer samples a step"
            )
        size = (size + 1) // 2


def bytes_of(arrangement: Arrangement, samples: int, dtype: str) -> int:
    """About how many bytes the training of an arrangement takes."""
    genes, nodes = len(arrangement.genes), len(arrangement.nodes)
    values = VALUES_KEPT * (genes + nodes * (1 + len(arrangement.levels) // 2)) * min(samples, PIECE)
    return int(np.dtype(dtype).itemsize) * (values + SLOTS_KEPT * (genes + nodes))


def _taken(values: npt.NDArray[Any], rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Values by row, where -1 stands for padding (and takes any)."""
    return values[rows] if len(values) else np.zeros(rows.shape, values.dtype)


def _space_and_pool(genomes: Sequence[NeatGenome] | Pool, space: NeatSpace | None) -> tuple[NeatSpace, Pool]:
    if isinstance(genomes, Pool):
        if space is None:
            raise ValueError("a pool of genes needs its space")
        if len(genomes.node_start) == 0:
            raise ValueError("a population model needs at least one genome, got none")
        return space, genomes
    genomes = list(genomes)
    if not genomes:
        raise ValueError("a population model needs at least one genome, got none")
    for genome in genomes:
        if not isinstance(genome, NeatGenome):
            raise ValueError(f"a population model holds NEAT genomes, got {type(genome).__name__}")
    own = genomes[0].space
    if any(genome.space is not own and genome.space != own for genome in genomes):
        raise ValueError("the genomes of a population model must be of one space")
    reason = unsuited(own)
    if reason:
        raise ValueError(reason)
    return own, pool_of([(genome.nodes, genome.connections) for genome in genomes])
