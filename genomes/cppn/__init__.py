"""Indirect encoding: compositional pattern producing networks (Stanley 2007) and the networks that they describe: HyperNEAT (Stanley,
D'Ambrosio & Gauci 2009) and ES-HyperNEAT (Risi & Stanley 2012)."""

from genomes.cppn.evolvable import EvolvableSubstrate
from genomes.cppn.expressed import ExpressedNetwork, ExpressedPopulation, Wiring
from genomes.cppn.genome import CppnGenome
from genomes.cppn.pattern import Pattern, PatternPopulation
from genomes.cppn.space import CppnSpace
from genomes.cppn.substrate import Substrate

__all__ = [
    "CppnGenome",
    "CppnSpace",
    "EvolvableSubstrate",
    "ExpressedNetwork",
    "ExpressedPopulation",
    "Pattern",
    "PatternPopulation",
    "Substrate",
    "Wiring",
]
