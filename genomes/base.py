"""Genome and Space: what every encoding promises.

A *space* says what may be encoded and how it varies; it is a frozen dataclass (picklable, hashable, JSON). A *genome* is an
immutable value: genes and the space that they live in. Variation returns a new genome. To add an encoding, subclass both with
`encoding="name"` and run the public suite: `genomes.testing.GenomeSuite`.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
import json
import os
from abc import ABC, ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import numpy as np

if TYPE_CHECKING:
    import networkx as nx

    from genomes.equations import Equations
    from genomes.questions import Question
    from genomes.shared import SharedGraph

Json = dict[str, Any]

MOST_BYTES = 64 << 20  # of a genome's file
MOST_NESTING = 32  # of lists and objects in a genome's JSON

ENTRY_POINTS = "neuroevo.parts"  # installed packages name encodings of their own here: encoding.NAME = "package.module:Space"

# Where the built-in encodings live; imported when one of their names is first read from JSON.
_MODULES = {
    "backbone": "genomes.pyramid",
    "cell": "genomes.cell",
    "chain": "genomes.chain",
    "choice": "genomes.choice",
    "cppn": "genomes.cppn",
    "dag": "genomes.dag",
    "neat": "genomes.neat",
    "network": "genomes.network",
    "pyramid": "genomes.pyramid",
    "recurrent_cell": "genomes.chain",
    "stack": "genomes.chain",
}
_SPACES: dict[str, type[Space]] = {}


def plain(value: Any) -> Any:
    """A setting without NumPy's numbers, also inside tuples, lists and mappings: Python's equal ones, which are JSON.

    >>> plain((np.int64(3), {"rate": np.float32(0.5)}))
    (3, {'rate': 0.5})
    """
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    if type(value) is dict:
        items = {key: plain(one) for key, one in value.items()}
        return value if all(items[key] is one for key, one in value.items()) else items
    if type(value) in (tuple, list):
        found = [plain(one) for one in value]
        return value if all(one is other for one, other in zip(found, value, strict=True)) else type(value)(found)
    return value


class Settings(ABCMeta):
    """The class of what is made with settings (spaces, tasks, strategies, estimations, budgets): NumPy's numbers are taken as Python's."""

    @property
    def __signature__(cls) -> inspect.Signature:
        """What the class itself is made with, for whoever looks at its signature."""
        whole = inspect.signature(cls.__init__)  # type: ignore[misc]
        return whole.replace(parameters=list(whole.parameters.values())[1:], return_annotation=inspect.Signature.empty)

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        return super().__call__(*map(plain, arguments), **{name: plain(value) for name, value in named.items()})


def space_class(encoding: str) -> type[Space]:
    """The Space class registered under an encoding's name.

    Raises:
        ValueError: no encoding has that name; the nearest name is suggested.
    """
    if encoding not in _SPACES and encoding in _MODULES:
        importlib.import_module(_MODULES[encoding])
    if encoding not in _SPACES:
        from importlib import metadata  # takes longer to import than all of this package

        for point in metadata.entry_points(group=ENTRY_POINTS, name=f"encoding.{encoding}"):
            point.load()
    if encoding not in _SPACES:
        raise ValueError(
            f"{unknown('encoding', encoding, sorted({*_SPACES, *_MODULES}))}; one of your own is known once its module is imported"
        )
    return _SPACES[encoding]


def own_spaces() -> dict[str, type[Space]]:
    """The spaces of encodings that are not built in, by name, of all modules that were imported so far."""
    return {encoding: space for encoding, space in _SPACES.items() if encoding not in _MODULES}


def unknown(what: str, given: object, allowed: Sequence[str]) -> str:
    """One sentence for an unknown name: what was given, the nearest allowed name, and all of them."""
    near = difflib.get_close_matches(str(given)[:100], allowed, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {what} {shown(given)}{hint} (allowed: {', '.join(allowed)})"


def _to_json(value: object) -> Any:
    if isinstance(value, Space):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_to_json(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def refuse_deep(value: object) -> None:
    """Refuse JSON whose lists and objects lie deeper in each other than those of any genome.

    Raises:
        ValueError: they do.
    """
    level: list[object] = [value]
    for _ in range(MOST_NESTING):
        level = [item for holder in level for item in _held(holder)]
        if not level:
            return
    raise ValueError(f"a genome's JSON is nested at most {MOST_NESTING} deep, this one is deeper")


def _held(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return [item for item in value.values() if isinstance(item, (Mapping, list, tuple))]
    return [item for item in value if isinstance(item, (Mapping, list, tuple))] if isinstance(value, (list, tuple)) else []


def frozen_tuples(value: Any) -> Any:
    """Lists, at any depth, as tuples: how JSON's lists become hashable settings again."""
    if isinstance(value, list):
        return tuple(frozen_tuples(item) for item in value)
    return value


class Space(metaclass=Settings):
    """What may be encoded and how it varies. Subclass as a frozen dataclass: `class MySpace(Space, encoding="mine")`.

    Every field is a plain JSON value or a tuple of them; `__post_init__` validates.

    What the rest of the toolkit asks of an encoding are the following class attributes (or properties), each with a default that suits any
    encoding. The names are those of parts, built in or registered (`neuroevo.registry`).

    Attributes:
        drawn_as: the drawing of its genomes' graphs: "graph" (any), "nodes" (NEAT's), "layers", "cells" or "pyramid".
        decoded_as: the decoder that makes a `keras.Model` of a genome; "" goes by what the genome offers, its `architecture` or `equations`.
        evolved_by: the strategy that suits it where there is one objective.
        population: the array population that whole generations are kept in, for encodings that vary in compiled kernels; "" for none.
        redundant: whether many genomes describe the same network, so that it pays to train each network once.
        sequential: whether genomes are described by sequences of decisions: whether `choices`, `build` and `decisions` are there. An
            encoding that has them (`genomes.sequential.SequentialSpace` is the short way) sets it to True.
        detects: whether its networks find objects in images (see `genomes.pyramid`), instead of giving one answer for a sample.
    """

    encoding: ClassVar[str]
    sequential: ClassVar[bool] = False
    detects: ClassVar[bool] = False

    @property
    def drawn_as(self) -> str:
        return "graph"

    @property
    def decoded_as(self) -> str:
        return ""

    @property
    def evolved_by(self) -> str:
        return "RegularizedEvolution"

    @property
    def population(self) -> str:
        return ""

    @property
    def redundant(self) -> bool:
        return False

    def networks(self, genomes: Sequence[Any]) -> Any:
        """The networks of many genomes of this space as one callable: maps float [samples, inputs] or [genomes, samples, inputs] to float
        [genomes, samples, outputs].

        Raises:
            NotImplementedError: the encoding does not compute them together; they are called one after the other.
        """
        raise NotImplementedError(f"{type(self).__name__} does not compute the networks of many genomes together")

    @classmethod
    def for_data(cls, input_shape: tuple[int, ...], outputs: int) -> Self:
        """A space of networks for samples of a shape, of sizes that train in seconds.

        Raises:
            NotImplementedError: the encoding offers no such space; searches on data by name are without it.
            ValueError: its networks do not take such samples.
        """
        raise NotImplementedError(f"{cls.__name__} offers no space for data; make one, and give it to neuroevo.evolve")

    def __init_subclass__(cls, encoding: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if encoding is not None:
            cls.encoding = encoding
            _SPACES[encoding] = cls

    @abstractmethod
    def random(self, rng: np.random.Generator) -> Genome:
        """A random genome.

        Args:
            rng: drawn from and nothing else, so the same stream gives the same genome.
        """

    @abstractmethod
    def from_genes(self, genes: Any) -> Genome:
        """The genome with these genes (as `Genome.genes` gave them, through JSON).

        Raises:
            ValueError: the genes are not valid in this space; the sentence says which and why. Nothing is executed.
        """

    def choices(self, prefix: Sequence[int]) -> tuple[str, ...]:
        """For controllers and tree searches: what may be decided next.

        Args:
            prefix: the decisions so far, each the position of an option among those that were offered.

        Returns:
            The options' names, one or more, all different; () when the decisions are complete. Whichever is taken, again and again, the
            decisions are complete after a bounded number of steps and `build` makes a genome of them.

        Raises:
            NotImplementedError: the encoding has no such sequence of decisions.
            ValueError: a decision that was not among its options, or one more after they were complete.
        """
        raise NotImplementedError(self._no_decisions())

    def question(self, prefix: Sequence[int]) -> Question | None:
        """The same with all that a policy may know: what is decided, for which part of the network, and which earlier parts are chosen from.

        A space of one's own need not say it: by default a decision is known by its place.

        Returns:
            None when the decisions are complete.
        """
        from genomes.questions import Question

        options = self.choices(prefix)
        return Question(f"decision {len(prefix)}", options) if options else None

    def build(self, decisions: Sequence[int]) -> Genome:
        """The genome that a complete sequence of decisions describes.

        What is no decision (historical markings) is derived from the decisions, so that the same decisions build equal genomes.

        Raises:
            NotImplementedError: the encoding has no such sequence of decisions.
            ValueError: too few or too many decisions, or one that is not among the options.
        """
        raise NotImplementedError(self._no_decisions())

    def decisions(self, genome: Any) -> tuple[int, ...]:
        """The inverse of `build`: decisions that describe a genome of this space.

        `build` makes of them a genome with the same `key()`. It need not be equal: a detail that is no decision, such as the historical
        markings, is made anew. Where several sequences describe a genome, it is always the same one of them.

        Raises:
            NotImplementedError: the encoding has no such sequence of decisions.
            ValueError: a genome of another space, or one with something that `choices` never offers; the sentence says what.
        """
        raise NotImplementedError(self._no_decisions())

    def shared(self) -> SharedGraph:
        """All networks of the space in one layer graph, for one-shot search.

        Raises:
            NotImplementedError: the encoding offers no such graph.
        """
        raise NotImplementedError(f"{type(self).__name__} offers no shared graph of its networks; one-shot search needs CellSpace, ChainSpace or BackboneSpace")

    def _no_decisions(self) -> str:
        return f"{type(self).__name__} does not offer sequential decisions"

    def _refuse_foreign(self, genome: Any) -> None:
        """Refuse a genome of another space.

        Raises:
            ValueError: it is one.
        """
        space = genome.space if isinstance(genome, Genome) else None
        if space is self or space == self:
            return
        if type(space) is not type(self):
            raise ValueError(f"the genome must be one of this {type(self).__name__}, got {shown(genome)}")
        for f in dataclasses.fields(self):  # type: ignore[arg-type]
            mine, other = getattr(self, f.name), getattr(space, f.name)
            if mine != other:
                raise ValueError(
                    f"the genome is one of another {type(self).__name__}: its {f.name} is {shown(other)}, and here it is {shown(mine)}"
                )

    def to_dict(self) -> Json:
        """JSON: the encoding's name and every field."""
        fields = {f.name: _to_json(getattr(self, f.name)) for f in dataclasses.fields(self)}  # type: ignore[arg-type]
        return {"encoding": self.encoding, **fields}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Space:
        """The space that `to_dict` described.

        Raises:
            ValueError: unknown encoding, unknown field, or a value that the space refuses.
        """
        if not isinstance(data, Mapping) or not isinstance(data.get("encoding"), str):
            raise ValueError(f"a space is a JSON object with an 'encoding' name, got {shown(data)}")
        refuse_deep(data)
        cls = space_class(data["encoding"])
        names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
        values = {key: frozen_tuples(value) for key, value in data.items() if key != "encoding"}
        for key in values:
            if key not in names:
                raise ValueError(unknown(f"field of {cls.__name__}", key, names))
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"{cls.__name__} cannot be made from {shown(data)}: {error}") from error


SomeGenome = TypeVar("SomeGenome", bound="Genome")


class Genome(ABC):
    """An immutable value: genes and the space that they live in.

    `operators` names what the variation that made this genome did ("add_node", ...); it is not part of the value.

    What a genome becomes, it says itself: an encoding that evolves weights has `network`, and `equations` where its networks can be written
    down; one whose networks are trained has an `architecture` (a `genomes.network.Architecture`).
    """

    version: ClassVar[int] = 1
    space: Space
    operators: tuple[str, ...]

    @abstractmethod
    def mutate(self, rng: np.random.Generator, *, clock: int) -> Self:
        """A varied copy, whose `operators` name what was done.

        Args:
            rng: drawn from and nothing else.
            clock: the generation, from 1; new genes derive their historical markings from it.
        """

    @abstractmethod
    def crossover(self, others: Sequence[Self], rng: np.random.Generator, *, ranks: Sequence[int] | None = None) -> Self:
        """A child of this genome and the others.

        Args:
            others: the other parents, one or more, of the same space.
            rng: drawn from and nothing else.
            ranks: one for each parent, this genome's first: lower is fitter, equal is equally fit. None: all equal.
        """

    @abstractmethod
    def distance(self, other: Self) -> float:
        """A dissimilarity: >= 0, symmetric, 0 to itself, without unit; each encoding says which (NEAT: the compatibility distance)."""

    @abstractmethod
    def key(self) -> str:
        """Canonical text: equal for genomes whose phenotypes are isomorphic, so that no network need be trained twice."""

    @abstractmethod
    def graph(self) -> nx.DiGraph[Any]:
        """For drawing and analysis: a new graph each time, with a node for each node or layer; attributes are the encoding's own."""

    @abstractmethod
    def genes(self) -> Any:
        """The genes as JSON (finite numbers, texts, lists, objects); `space.from_genes` reads them back. A new value each time."""

    def network(self) -> Any:
        """The phenotype as a fast callable: maps float [samples, inputs] to float [samples, outputs].

        Raises:
            NotImplementedError: the encoding does not evolve weights; its networks are trained.
        """
        raise NotImplementedError(f"{type(self).__name__} does not evolve weights: its networks are trained")

    @property
    def evolves_weights(self) -> bool:
        """Whether the genome holds its network's weights (`network`), so that nothing need be trained."""
        return type(self).network is not Genome.network

    def equations(self) -> Equations:
        """The network as one equation a node: of these its written forms and a `keras.Model` are made.

        Raises:
            NotImplementedError: the encoding does not write its networks down so.
            ValueError: this network cannot be written so.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write its network down as equations (Genome.equations)")

    @property
    def parameters(self) -> int:
        """How many trainable weights the phenotype has.

        Raises:
            NotImplementedError: the encoding does not count them.
        """
        raise NotImplementedError(f"{type(self).__name__} does not count parameters")

    @property
    def flops(self) -> int:
        """Multiply-adds of one forward pass of the phenotype, for one sample.

        Raises:
            NotImplementedError: the encoding does not count them.
        """
        raise NotImplementedError(f"{type(self).__name__} does not count flops")

    def to_dict(self) -> Json:
        """JSON with the encoding's name and version, the space and the genes: all that `from_dict` needs. Operators are not in it."""
        return {
            "encoding": self.space.encoding,
            "version": self.version,
            "space": self.space.to_dict(),
            "genes": self.genes(),
        }

    @classmethod
    def from_dict(cls: type[SomeGenome], data: Mapping[str, Any]) -> SomeGenome:
        """The genome that `to_dict` described; validates, never executes anything.

        Raises:
            ValueError: not a genome, a genome of another encoding than the class asked, or invalid genes.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"a genome is a JSON object, got {shown(data)}")
        refuse_deep(data)
        missing = [key for key in ("encoding", "version", "space", "genes") if key not in data]
        if missing:
            raise ValueError(f"a genome's JSON needs {', '.join(missing)}; found {shown(list(data))}")
        space = Space.from_dict(data["space"])
        genome = space.from_genes(data["genes"])
        if data["encoding"] != space.encoding:
            raise ValueError(f"the genome says encoding {shown(data['encoding'])} but its space is {space.encoding!r}")
        if data["version"] != genome.version:
            raise ValueError(
                f"{type(genome).__name__} version {shown(data['version'])} cannot be read here (this release reads {genome.version})"
            )
        if not isinstance(genome, cls):
            raise ValueError(f"expected a {cls.__name__}, got a {type(genome).__name__}")
        return genome

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the genome as JSON, whole or not at all."""
        from genomes.system import replace

        target = Path(path)
        temporary = target.with_name(target.name + ".tmp")
        temporary.write_text(json.dumps(self.to_dict(), indent=1), encoding="utf-8")
        replace(temporary, target)

    @classmethod
    def load(cls: type[SomeGenome], path: str | os.PathLike[str]) -> SomeGenome:
        """Read a genome that `save` wrote.

        Raises:
            ValueError: the file is not a genome of this class.
            FileNotFoundError: there is no such file.
        """
        size = os.stat(path).st_size
        if size > MOST_BYTES:
            raise ValueError(f"{path} has {size:,} bytes: a genome file is not larger than {MOST_BYTES:,}")
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"{path} is not a genome file (JSON): {error}") from error
        return cls.from_dict(data)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Genome):
            return NotImplemented
        return type(self) is type(other) and self.space == other.space and bool(self.genes() == other.genes())

    def __hash__(self) -> int:
        return hash(self.key())

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def shown(value: object, limit: int = 80) -> str:
    """A value for an error message, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
