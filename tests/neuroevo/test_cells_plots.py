"""Drawings of cells of blocks, graphs of layers and chains."""

import pytest

import neuroevo as ne
from genomes import CellSpace, ChainSpace, DagSpace
from genomes.testing import philox
from neuroevo.plots.cell_blocks import block_lanes, block_layout

NASNET = CellSpace("nasnet", 5, (8, 8, 1), 10, channels=8, repeats=1, stages=2)


def normal_cell(index: int):
    graph = NASNET.random(philox(1, index)).graph()
    return graph.subgraph([node for node, data in graph.nodes(data=True) if data["cell"] == "normal"])


def test_every_block_stands_right_of_what_it_reads_and_shows_both_operations() -> None:
    for index in range(20):
        boxes = {box.name: box for box in block_layout(normal_cell(index))}
        assert sum(box.kind == "input" for box in boxes.values()) == 2
        blocks = [box for box in boxes.values() if box.title.startswith("block")]
        assert len(blocks) == 5 and all(len(box.operations) == 2 for box in blocks)
        for box in boxes.values():
            assert all(boxes[source].x < box.x for _, source in box.operations)


def test_boxes_do_not_overlap_and_lanes_pass_them() -> None:
    for index in range(20):
        boxes = block_layout(normal_cell(index))
        for a in boxes:
            for b in boxes:
                if a is not b and a.x == b.x:
                    assert abs(a.y - b.y) >= (a.height + b.height) / 2
        by_name = {box.name: box for box in boxes}
        for (name, line), lane in block_lanes(boxes).items():
            source = by_name[by_name[name].operations[line][1]]
            for other in boxes:
                if source.x < other.x < by_name[name].x:
                    assert abs(lane - other.y) > other.height / 2


@pytest.mark.parametrize(
    "space",
    [NASNET, CellSpace("darts", 2, (8, 8, 1), 10, 4, 1, 1), DagSpace((8, 8, 1), 10), ChainSpace((12, 1), 3), CellSpace()],
)
def test_every_encoding_draws(space, tmp_path) -> None:
    figure = ne.plots.genome(space.random(philox(2, 0)))
    figure.savefig(tmp_path / "genome.png", dpi=40)
    assert (tmp_path / "genome.png").stat().st_size > 1000
