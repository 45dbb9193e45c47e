from genomes.neat import NeatSpace
from genomes.testing import GenomeSuite

GROWING = {
    "add_node_rate": 0.3,
    "add_connection_rate": 0.5,
    "remove_node_rate": 0.05,
    "remove_connection_rate": 0.1,
    "toggle_rate": 0.1,
}


class TestFeedForward(GenomeSuite):
    space = NeatSpace(inputs=3, outputs=2, **GROWING)


class TestRecurrent(GenomeSuite):
    space = NeatSpace(
        inputs=2,
        outputs=1,
        recurrent=True,
        bias="node",
        activations=("tanh", "sine", "swish = x / (1 + exp(-x))"),
        activation_mutation_rate=0.2,
        aggregations=("sum", "max", "mean"),
        aggregation_mutation_rate=0.2,
        **GROWING,
    )
    cyclic = True
