"""The identity of a callable: what is another one, what is the same, and what nobody can tell."""

import enum
import functools
import logging
import math
import operator
import re
import sqlite3
import subprocess
import sys
import threading
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from neuroevo.core.identity import Identity, identify

FACTOR = 2.0
TABLE = {"scale": [1.0, 2.0]}
SEEN: list[float] = []


def scaled(x: float) -> float:
    return FACTOR * x


def through_a_helper(x: float) -> float:
    return scaled(x) + 1.0


def reads_a_table(x: float) -> float:
    return TABLE["scale"][0] * x


def counts(x: float) -> float:
    SEEN.append(x)
    return x


def weighted(x: float, k: Any = 1) -> Any:
    return k * x


def closure(k: Any) -> Callable[[float], float]:
    return lambda x: k * x


def counting() -> Callable[[float], float]:
    calls, cache = 0, {}

    def fitness(x: float) -> float:
        nonlocal calls
        calls += 1
        cache[x] = x
        return cache[x]

    return fitness


class Scorer:
    def __init__(self, k: float) -> None:
        self.k, self.calls, self.memory = k, 0, {}
        self.lock = threading.Lock()

    def __call__(self, x: float) -> float:
        self.calls += 1
        self.memory[x] = self.other(x)
        return self.k * x

    def other(self, x: float) -> float:
        return -self.k * x

    def with_k(self, k: float) -> "Scorer":
        self.k = k
        return self


class Child(Scorer):
    """A scorer with another name."""


class Overriding(Scorer):
    def other(self, x: float) -> float:
        return self.k


class Slotted:
    __slots__ = ("k",)

    def __init__(self, k: float) -> None:
        self.k = k

    def __call__(self, x: float) -> float:
        return self.k * x


@dataclass(frozen=True)
class Frozen:
    k: float = 1.0
    names: tuple[str, ...] = ("a",)

    def __call__(self, x: float) -> float:
        return self.k * x


class Classwide:
    calls = 0
    seen: ClassVar[list[float]] = []

    def __call__(self, x: float) -> float:
        Classwide.calls += 1
        self.seen.append(x)
        return x


class Drawing:
    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, x: float) -> float:
        return x + self.rng.normal()


class Mode(enum.Enum):
    FAST = 1
    SLOW = 2


class Options(enum.Flag):
    NOISE = enum.auto()
    DELAY = enum.auto()


@dataclass
class Holding:
    """What people keep in a fitness."""

    pattern: Any = re.compile("a+b")
    folder: Path = Path("data", "here")
    log: Any = logging.getLogger("a.b")  # noqa: RUF009
    mode: Mode = Mode.FAST

    def __call__(self, x: float) -> float:
        self.log.debug("%s %s", self.folder, Options.NOISE | Options.DELAY)
        return x if self.pattern.match("aab") and self.mode is Mode.FAST else -x


def of(value: Any) -> Identity:
    return identify(value, "fitness")


def nested(k: int) -> Any:
    return functools.partial(functools.partial(weighted, k=k), 1.0)


def defaults(k: int) -> Any:
    def fitness(x: float, k: int = k, *, more: int = k) -> float:
        return x

    return fitness


def module(text: str) -> types.ModuleType:
    made = types.ModuleType("users_own_helpers")
    exec(text, made.__dict__)
    return made


def with_module(text: str) -> Any:
    names: dict[str, Any] = {"helpers": module(text), "__name__": "users_own"}
    exec("def fitness(x):\n    return helpers.score(x)", names)
    return names["fitness"]


def with_getattr(text: str) -> Any:
    names: dict[str, Any] = {"helpers": module(text), "__name__": "users_own"}
    exec("def fitness(x):\n    return getattr(helpers, 'score')(x)", names)
    return names["fitness"]


def with_metaclass(call: Any) -> Any:
    return type("Meta", (type,), {"__call__": call, "__module__": "users_own"})("Scores", (), {"__module__": "users_own"})


def yielding(text: str) -> Any:
    names: dict[str, Any] = {"__name__": "users_own"}
    exec(f"def made():\n    x = 0\n    while True:\n        x = {text}\n        yield x\nnumbers = made()", names)
    numbers = names["numbers"]

    def fitness(x: float) -> float:
        return next(numbers)  # type: ignore[no-any-return]

    return fitness


OTHERS: dict[str, tuple[Any, Any]] = {
    "argument of a partial": (functools.partial(weighted, k=1), functools.partial(weighted, k=100)),
    "position in a partial": (functools.partial(weighted, 1), functools.partial(weighted, 2)),
    "partial of a partial": (nested(1), nested(2)),
    "array in a partial": (functools.partial(weighted, k=np.zeros(3)), functools.partial(weighted, k=np.ones(3))),
    "dtype in a partial": (functools.partial(weighted, k=np.zeros(2)), functools.partial(weighted, k=np.zeros(2, np.float32))),
    "cell of a closure": (closure(1), closure(2)),
    "kind of a number": (closure(1), closure(True)),
    "function in a closure": (closure(scaled), closure(reads_a_table)),
    "defaults": (defaults(1), defaults(2)),
    "lambdas in one line": (lambda x: 1.0, lambda x: 2.0),
    "operators": (lambda x: x + 1, lambda x: x - 1),
    "state of an object": (Scorer(1), Scorer(2)),
    "state in slots": (Slotted(1), Slotted(2)),
    "state of a dataclass": (Frozen(1.0), Frozen(1.0, ("b",))),
    "state that a method sets": (Scorer(1), Scorer(1).with_k(3)),
    "class of an object": (Scorer(1), Overriding(1)),
    "bound methods": (Scorer(1).other, Scorer(2).other),
    "another method": (Scorer(1).other, Scorer(1).with_k),
    "seed of a generator": (Drawing(0), Drawing(1)),
    "function under vectorize": (np.vectorize(lambda x: x), np.vectorize(lambda x: -x)),
    "function under a cache": (functools.lru_cache(closure(1)), functools.lru_cache(closure(2))),
    "items of an operator": (operator.itemgetter(0), operator.itemgetter(1)),
    "method of a built-in": ({1: 2}.get, {1: 3}.get),
    "library's function": (math.sin, math.cos),
    "ufunc": (np.sin, np.cos),
    "helper in a module": (with_module("def score(x): return x"), with_module("def score(x): return -x")),
    "value in a module": (with_module("K = 1\ndef score(x): return K"), with_module("K = 2\ndef score(x): return K")),
    "nested code": (
        lambda x: [y + 1 for y in x],
        lambda x: [y + 2 for y in x],
    ),
    "compiled patterns": (closure(re.compile("a+")), closure(re.compile("a*"))),
    "flags of patterns": (closure(re.compile("a+")), closure(re.compile("a+", re.IGNORECASE))),
    "members of an enum": (Holding(mode=Mode.FAST), Holding(mode=Mode.SLOW)),
    "values of an enum": (closure(enum.Enum("E", {"A": 1})), closure(enum.Enum("E", {"A": 2}))),
    "helper by a text": (with_getattr("def score(x): return x"), with_getattr("def score(x): return -x")),
    "metaclasses": (with_metaclass(lambda kind, x: x), with_metaclass(lambda kind, x: -x)),
    "what a generator yields": (yielding("x + 1"), yielding("x + 2")),
    "swapped closures": ((closure(1), closure(2)), (closure(2), closure(1))),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_callable_has_another_identity(what: str) -> None:
    first, second = map(of, OTHERS[what])
    assert not first.unknown and not second.unknown
    assert (first.digest, first.leads_to) != (second.digest, second.leads_to)


SAME: dict[str, Callable[[], Any]] = {
    "function": lambda: through_a_helper,
    "partial": lambda: functools.partial(weighted, k={"b": 1, "a": [np.arange(3)]}),
    "set": lambda: functools.partial(weighted, k={"one", "two", "three"}),
    "closure": lambda: closure((1, "a", None)),
    "object": lambda: Scorer(1),
    "bound method": lambda: Scorer(1).other,
    "dataclass": lambda: Frozen(),
    "generator": lambda: Drawing(7),
    "recursive": lambda: recursive(3),
    "lock": lambda: functools.partial(weighted, k=threading.RLock()),
    "pattern, path, logger, enum": Holding,
    "what threads keep": lambda: functools.partial(weighted, k=threading.local()),
    "generator without a seed": lambda: functools.partial(weighted, k=np.random.default_rng()),
    "state without a seed": lambda: functools.partial(weighted, k=np.random.RandomState()),
}


def recursive(k: int) -> Callable[[float], float]:
    def even(x: float) -> float:
        return k if x == 0 else odd(x - 1)

    def odd(x: float) -> float:
        return -k if x == 0 else even(x - 1)

    return even


@pytest.mark.parametrize("what", SAME)
def test_the_same_made_again_has_the_same_identity(what: str) -> None:
    assert of(SAME[what]()) == of(SAME[what]())
    assert not of(SAME[what]()).unknown


WORKING: dict[str, Callable[[], Callable[[float], Any]]] = {
    "list that it appends to": lambda: counts,
    "counter and cache in a closure": counting,
    "counter and cache of an object": lambda: Scorer(1),
    "counter and list of a class": Classwide,
    "drawn from a generator": lambda: Drawing(3),
    "members of a flag that are combined": Holding,
}


@pytest.mark.parametrize("what", WORKING)
def test_what_a_callable_writes_itself_is_not_its_identity(what: str) -> None:
    fitness = WORKING[what]()
    before = of(fitness)
    fitness(1.0), fitness(2.0)
    assert of(fitness) == before


def test_what_a_callable_reads_is_its_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value, functions in (("FACTOR", 3.0, (scaled, through_a_helper)), ("TABLE", {"scale": [9.0]}, (reads_a_table,))):
        before = [of(function) for function in functions]
        monkeypatch.setattr(sys.modules[__name__], name, value)
        for function, then in zip(functions, before, strict=True):
            assert of(function) != then
        monkeypatch.undo()
        assert [of(function) for function in functions] == before


def test_what_changed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    before = of(through_a_helper)
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", 3.0)
    after = of(through_a_helper)
    assert before.digest == after.digest
    assert [name for name in before.leads_to if before.leads_to[name] != after.leads_to[name]] == [f"{__name__}.scaled"]


UNKNOWN: dict[str, Callable[[Path], Any]] = {
    "file": lambda folder: functools.partial(weighted, k=open(folder / "x", "w")),  # noqa: SIM115
    "connection": lambda folder: closure(sqlite3.connect(":memory:")),
    "generator": lambda folder: functools.partial(weighted, k=(x for x in range(3))),
    "foreign function": lambda folder: __import__("ctypes").CDLL(None).abs,
    "state of an object": lambda folder: Scorer(sqlite3.connect(":memory:")),  # type: ignore[arg-type]
    "function that NumPy hides": lambda folder: np.frompyfunc(lambda x: x, 1, 1),
    "inside a list": lambda folder: closure([1, {"a": memoryview(b"abc")}]),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_cannot_be_compared_is_named(what: str, tmp_path: Path) -> None:
    assert of(UNKNOWN[what](tmp_path)).unknown


FILES = {
    "users_search.py": """
import users_helpers
from users_package import scores
FOLDER = "here"

def fitness(x):
    \"\"\"What is good.\"\"\"
    from users_package.late import bonus
    return users_helpers.score(x) + scores.total(x) + bonus(x)
""",
    "users_helpers.py": "K = 1\n\ndef score(x):\n    return inner(x)\n\ndef inner(x):\n    return K * x\n\ndef unused(x):\n    return 1\n",
    "users_package/__init__.py": "",
    "users_package/scores.py": "def total(x):\n    return sum(part(y) for y in [x])\n\ndef part(x):\n    return x\n",
    "users_package/late.py": "def bonus(x):\n    return 1\n",
}
PRINT = (
    "import users_search; from neuroevo.core.identity import identify; i = identify(users_search.fitness, 'fitness'); print(i)"
)


def in_a_process(folder: Path, hash_seed: int = 0) -> str:
    path = f"{folder}:{Path(__file__).parents[3]}"
    done = subprocess.run(
        [sys.executable, "-c", PRINT],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": path, "PYTHONHASHSEED": str(hash_seed), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_helpers_in_all_of_the_users_modules_count_and_nothing_else_does(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    before = in_a_process(tmp_path)
    assert "unknown=()" in before
    write(tmp_path, {"users_helpers.py": "# a note\n" + FILES["users_helpers.py"].replace("return 1", "return 2")})
    write(
        tmp_path, {"users_search.py": FILES["users_search.py"].replace("What is good", "What is best").replace("here", "there")}
    )
    assert in_a_process(tmp_path, hash_seed=5) == before, "comments, docstrings and what is not called"
    for name, old, new in (
        ("users_helpers.py", "K = 1", "K = 2"),
        ("users_package/scores.py", "return x\n", "return -x\n"),
        ("users_package/late.py", "return 1", "return 3"),
    ):
        write(tmp_path, {**FILES, name: FILES[name].replace(old, new)})
        assert in_a_process(tmp_path) != before, name


@pytest.mark.parametrize("kind", ["layer", "loss", "metric"])
def test_parts_of_keras_are_their_configuration_and_their_weights(kind: str) -> None:
    import keras

    def made(value: float) -> Callable[[float], Any]:
        if kind == "loss":
            return closure(keras.losses.Huber(delta=value))
        if kind == "metric":
            return closure(keras.metrics.BinaryAccuracy(threshold=value))
        layer = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(value), name="one")
        layer.build((1, 1))
        return closure(layer)

    fitness = made(0.5)
    before = of(fitness)
    k = fitness.__closure__[0].cell_contents  # type: ignore[attr-defined]
    k.update_state([1.0], [0.7]) if kind == "metric" else k(np.ones((1, 1)), *[np.ones((1, 1))] * (kind == "loss"))
    assert of(fitness) == before == of(made(0.5)) and not before.unknown
    assert of(made(0.25)) != before


@pytest.mark.parametrize("whose", ["gymnasium's", "the user's"])
def test_wrappers_of_an_environment_are_what_they_were_made_with(whose: str) -> None:
    gymnasium = pytest.importorskip("gymnasium")

    class Scaling(gymnasium.RewardWrapper):  # type: ignore[misc,name-defined]
        def __init__(self, env: Any, factor: float) -> None:
            super().__init__(env)
            self.factor = factor

        def reward(self, reward: float) -> float:
            return self.factor * reward

    def made(k: float) -> Callable[[float], Any]:
        inner = gymnasium.make("CartPole-v1")
        env = Scaling(inner, k) if whose == "the user's" else gymnasium.wrappers.TransformReward(inner, closure(k))
        return closure(env)

    fitness = made(2.0)
    before = of(fitness)
    env = fitness.__closure__[0].cell_contents  # type: ignore[attr-defined]
    env.reset(seed=1)
    env.step(0)
    assert of(fitness) == before == of(made(2.0)) and not before.unknown
    assert of(made(3.0)) != before
