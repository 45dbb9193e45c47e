"""What evolves: encodings of neural networks, as pure data and variation.

Each encoding is a `Space` and its `Genome`. Names are imported when first used, so `import genomes` is instant.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from genomes.base import Genome, Space

if TYPE_CHECKING:
    from genomes.cell import CellGenome, CellSpace
    from genomes.chain import ChainGenome, ChainSpace, RecurrentCellGenome, RecurrentCellSpace, StackGenome, StackSpace
    from genomes.choice import ChoiceGenome, ChoiceSpace
    from genomes.cppn import CppnGenome, CppnSpace, EvolvableSubstrate, Substrate
    from genomes.dag import DagGenome, DagSpace
    from genomes.neat import NeatGenome, NeatSpace
    from genomes.network import NetworkGenome, NetworkSpace
    from genomes.pyramid import BackboneSpace, PyramidGenome, PyramidSpace

_WHERE = {
    "BackboneSpace": "genomes.pyramid",
    "CellGenome": "genomes.cell",
    "CellSpace": "genomes.cell",
    "ChainGenome": "genomes.chain",
    "ChainSpace": "genomes.chain",
    "ChoiceGenome": "genomes.choice",
    "ChoiceSpace": "genomes.choice",
    "DagGenome": "genomes.dag",
    "DagSpace": "genomes.dag",
    "CppnGenome": "genomes.cppn",
    "CppnSpace": "genomes.cppn",
    "EvolvableSubstrate": "genomes.cppn",
    "NeatGenome": "genomes.neat",
    "NeatSpace": "genomes.neat",
    "NetworkGenome": "genomes.network",
    "NetworkSpace": "genomes.network",
    "PyramidGenome": "genomes.pyramid",
    "PyramidSpace": "genomes.pyramid",
    "RecurrentCellGenome": "genomes.chain",
    "RecurrentCellSpace": "genomes.chain",
    "StackGenome": "genomes.chain",
    "StackSpace": "genomes.chain",
    "Substrate": "genomes.cppn",
}

PARTS = {  # the encodings, and where their spaces are
    "backbone": "genomes:BackboneSpace",
    "cell": "genomes:CellSpace",
    "chain": "genomes:ChainSpace",
    "choice": "genomes:ChoiceSpace",
    "cppn": "genomes:CppnSpace",
    "dag": "genomes:DagSpace",
    "neat": "genomes:NeatSpace",
    "network": "genomes:NetworkSpace",
    "pyramid": "genomes:PyramidSpace",
    "recurrent_cell": "genomes:RecurrentCellSpace",
    "stack": "genomes:StackSpace",
}
__all__ = [
    "BackboneSpace",
    "CellGenome",
    "CellSpace",
    "ChainGenome",
    "ChainSpace",
    "ChoiceGenome",
    "ChoiceSpace",
    "CppnGenome",
    "CppnSpace",
    "DagGenome",
    "DagSpace",
    "EvolvableSubstrate",
    "Genome",
    "NeatGenome",
    "NeatSpace",
    "NetworkGenome",
    "NetworkSpace",
    "PyramidGenome",
    "PyramidSpace",
    "RecurrentCellGenome",
    "RecurrentCellSpace",
    "Space",
    "StackGenome",
    "StackSpace",
    "Substrate",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'genomes' has no attribute {name!r}")
