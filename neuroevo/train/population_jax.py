"""A population's steps compiled with JAX: one jitted loop makes all steps of a call. Each new shape of the tables is compiled anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from neuroevo.train.population_forward import Tables
from neuroevo.train.population_layout import Layout
from neuroevo.train.population_steps import PIECE, Masks, Method, State, Steps


class JaxSteps(Steps):
    """See `Steps`."""

    def __init__(self, method: Method) -> None:
        super().__init__(method)
        self._train = jax.jit(self._run, static_argnums=0)
        self._outputs = jax.jit(self._predict, static_argnums=0)

    def train(
        self, layout: Layout, tables: Tables, masks: Masks, state: State, x: Any, y: Any, order: Any, rates: Any
    ) -> tuple[State, npt.NDArray[np.floating]]:
        ended, losses = self._train(layout, tables, masks, state, x, y, order, rates)
        return jax.tree.map(np.asarray, ended), np.asarray(losses)

    def outputs(self, layout: Layout, tables: Tables, state: State, x: Any) -> npt.NDArray[np.floating]:
        return np.asarray(self._outputs(layout, tables, state.weights, state.biases, x))

    def _run(
        self, layout: Layout, tables: Tables, masks: Masks, state: State, x: Any, y: Any, order: Any, rates: Any
    ) -> tuple[State, Any]:
        def step(index: Any, state: State) -> State:
            batch = (x, y) if order.shape[1] == 0 else (x[order[index]], y[order[index]])
            return self._step(layout, tables, masks, state, *batch, rates[index])

        state = jax.lax.fori_loop(0, order.shape[0], step, state)
        return state, self._all_losses(layout, tables, state.weights, state.biases, x, y)

    def _predict(self, layout: Layout, tables: Tables, weights: Any, biases: Any, x: Any) -> Any:
        return jnp.transpose(self._forward(layout, tables, weights, biases, x), (0, 2, 1))

    def _over_pieces(self, function: Callable[[Any, Any], tuple[Any, ...]], x: Any, y: Any) -> tuple[Any, ...]:
        count = len(x)

        def piece(begin: Any, size: int) -> list[Any]:
            parts = [jax.lax.dynamic_slice_in_dim(one, begin, size) for one in (x, y)]
            return [size / count * one for one in function(*parts)]

        def further(place: Any, sums: list[Any]) -> list[Any]:
            return [total + one for total, one in zip(sums, piece(PIECE * place, PIECE), strict=True)]

        whole, rest = divmod(count, PIECE)
        sums = piece(0, min(count, PIECE))
        if whole > 1:
            sums = jax.lax.fori_loop(1, whole, further, sums)
        if whole and rest:
            sums = [total + one for total, one in zip(sums, piece(PIECE * whole, rest), strict=True)]
        return tuple(sums)

    def _differentiated(self, layout: Layout, tables: Tables, state: State, x: Any, y: Any) -> tuple[Any, Any]:
        def total(weights: Any, biases: Any) -> Any:
            return jnp.sum(self._losses(layout, tables, weights, biases, x, y))

        weights, biases = jax.grad(total, argnums=(0, 1))(state.weights, state.biases)
        return weights, biases

    def _by_level(self, flat: Any, tables: Tables, edges: bool) -> Sequence[Any]:
        sizes = [len(table) for table in (tables.sources if edges else tables.edges)]
        return list(jnp.split(flat, np.cumsum(sizes)[:-1]))
