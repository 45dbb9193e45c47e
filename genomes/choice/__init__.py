"""A row of choices: what a table of architectures, or of settings, tells apart."""

from genomes.choice.genome import ChoiceGenome
from genomes.choice.space import ChoiceSpace

__all__ = ["ChoiceGenome", "ChoiceSpace"]
