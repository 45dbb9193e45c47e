"""NetworkGenome keeps every promise of a genome, for each rank of input."""

from genomes import NetworkSpace
from genomes.network.genes import Gene
from genomes.testing import GenomeSuite


class Networks(GenomeSuite):
    space = NetworkSpace(input_shape=(8, 8, 1), outputs=10)
    steps = 80

    def check(self, genome):
        assert genome.space.violated(genome.architecture) is None

    def isomorphic(self, genome, rng):
        """The same graph under other markings (those of input and logits are fixed), with the inputs of concats in another order."""
        genes = genome.architecture.genes
        new = {gene.marking: gene.marking for gene in genes if gene.kind in ("input", "logits")}
        others = [gene.marking for gene in genes if gene.marking not in new]
        new |= dict(zip(others, rng.permutation(others).tolist(), strict=True))
        twins = []
        for gene in genes:
            inputs = [new[source] for source in gene.inputs]
            if gene.kind == "concat":
                inputs = rng.permutation(inputs).tolist()
            twins.append(Gene(new[gene.marking], gene.layer, tuple(inputs)))
        return genome.space.from_genes([twin.to_json() for twin in twins])


class TestDenseNetworks(Networks):
    space = NetworkSpace(input_shape=(30,), outputs=2)


class TestNetworksWithEmbeddings(Networks):
    space = NetworkSpace(
        input_shape=(6,), outputs=2, embeddings=("piecewise", "periodic", "robust"), rates=(("embed_features", 3.0),), norms=True, gates=True, dropout=True
    )  # fmt: skip


class TestOneDimensionalNetworks(Networks):
    space = NetworkSpace(input_shape=(40, 1), outputs=10)


class TestTwoDimensionalNetworks(Networks):
    pass


class TestNetworksWhosePoolingsChange(Networks):
    space = NetworkSpace(input_shape=(9, 7, 2), outputs=3, rates=(("change_pooling", 4.0),))


class TestNetworksAtTightLimits(Networks):
    space = NetworkSpace(
        input_shape=(9, 7, 2), outputs=3, max_parameters=3000, max_depth=4, max_layers=9, max_width=24, mutations=3
    )
