"""Saying that kernels are being compiled, where they are."""

import numpy as np
from numba import njit

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core.compiling import NOTICE, compilation_noticed


def kernel(module: str):
    """A function that is compiled when it is first called, as if it lay in this module."""

    def twice(x):
        return x + x

    twice.__module__ = module
    return njit(twice)


def test_the_first_kernel_that_is_compiled_is_spoken_of_and_no_other():
    said = []
    first, second = kernel("genomes.neat.kernels.mutation"), kernel("neuroevo.strategies.evolution.neat.kernels")
    with compilation_noticed(said.append):
        assert first(2.0) == 4.0 and said == [NOTICE]
        assert second(2.0) == 4.0 and said == [NOTICE]
    kernel("genomes.neat.kernels.mutation")(2.0)
    assert said == [NOTICE], "nothing is said behind the block"
    with compilation_noticed(said.append):
        first(3.0)
    assert said == [NOTICE], "what is compiled already is not spoken of"


def test_the_users_own_kernels_are_not_spoken_of():
    said = []
    with compilation_noticed(said.append):
        kernel("my_fitness")(2.0)
    assert not said


def evolve(fitness) -> None:
    ne.evolve(NeatSpace(2, 1), fitness, population=10, seed=1, budget=ne.Budget(generations=2), progress=True)


def test_a_neat_run_says_so_on_the_console_and_the_next_one_does_not(capsys):
    def fitness(network) -> float:
        return float(network(np.ones((1, 2)))[0, 0])

    evolve(fitness)  # compiles or loads whatever it needs
    capsys.readouterr()
    evolve(fitness)
    assert NOTICE not in capsys.readouterr().err
    fresh = kernel("genomes.neat.kernels.mutation")
    evolve(lambda network: fresh(fitness(network)))
    assert capsys.readouterr().err.count(NOTICE) == 1
