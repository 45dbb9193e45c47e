"""Identity of Python code: whether a callable of the user's is the one that a run began with.

A callable is what its code says, what it was made with (arguments of a partial, cells of a closure, defaults, attributes), and the functions,
classes and values of the user's that its code names, wherever they lie. Installed packages and the standard library stand for themselves by
name. What a callable itself writes while it works (a counter, a cache) is not part of it, nor is the state of a lock. What can neither be
compared nor taken apart (an open file, a connection, a compiled extension) has no identity: it is named, and decides nothing.

Digests are of byte code, so they can be compared within one Python release (`PYTHON`) only.
"""

from __future__ import annotations

import copyreg
import dis
import enum
import functools
import hashlib
import inspect
import pickle
import random
import sys
import sysconfig
import threading
import types
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from neuroevo.core.code_writes import Write, writes

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
OURS = ("neuroevo", "genomes")
MOST = 200_000  # values that are looked at; a callable that leads to more has no identity
_INITIAL = frozenset(
    {
        "__init__",
        "__new__",
        "__post_init__",
        "__setstate__",
        "__getstate__",
        "__reduce__",
        "__reduce_ex__",
        "__init_subclass__",
        "__copy__",
    }
)
_OF_CLASSES = frozenset(
    {
        "__dict__", "__weakref__", "__module__", "__doc__", "__qualname__", "__annotations__", "__firstlineno__", "__static_attributes__",
        "__abstractmethods__", "_abc_impl", "__dataclass_params__", "__dataclass_fields__", "__match_args__", "__slots__", "__parameters__",
        "__orig_bases__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__hash__", "__slotnames__",
    }
)  # fmt: skip
_ATTRIBUTE = ("attribute", "inside")
_HAS_DOCSTRING = 0x4000000  # of code, from Python 3.14 on
_LOCKS = (type(threading.Lock()), type(threading.RLock()), threading.local)
_PLAIN: tuple[type, ...] = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))


@dataclass(frozen=True)
class Identity:
    """What a callable is.

    Args:
        digest: of its code and its state, and of the names of what it leads to.
        leads_to: digests of the user's functions and classes that it leads to, by dotted name.
        unknown: what has no identity, in words.
    """

    digest: str
    leads_to: Mapping[str, str]
    unknown: tuple[str, ...] = ()


def identify(value: Any, name: str, reached: Iterable[str] = ()) -> Identity:
    """The identity of a callable, or of any object with methods.

    Args:
        name: what it is called where something in it has no identity.
        reached: names of its methods that are called, beside `__call__` and what they call.
    """
    walk = _Walk()
    try:
        digest = walk.of(value, name, frozenset({"__call__", *reached}), root=True)
        leads_to = walk.named()
    except (_TooMuch, RecursionError):
        return Identity("", {}, (f"{name} leads to more than can be compared",))
    return Identity(digest.hex(), leads_to, tuple(dict.fromkeys(walk.unknown)))


def is_users(value: Any) -> bool:
    """Whether a function, a class or a module is the user's: not of the standard library, of an installed package, or of this toolkit."""
    name = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
    return not (isinstance(name, str) and _is_library(name.partition(".")[0]))


@functools.cache
def _is_library(package: str) -> bool:
    if package in OURS or package in sys.stdlib_module_names or package in sys.builtin_module_names:
        return True
    module = sys.modules.get(package)
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    return any(_is_installed(place) for place in places if place)


def _is_installed(place: str) -> bool:
    path = Path(place).resolve()
    if {"site-packages", "dist-packages"} & set(path.parts):
        return True
    return any(path.is_relative_to(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib"))


class _TooMuch(Exception):
    """The callable leads to more values than are looked at."""


class _Walk:
    """Goes through what a callable leads to."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self._named: dict[str, str] = {}
        self._waiting: deque[tuple[str, Any, frozenset[str]]] = deque()
        self._seen: set[str] = set()
        self._stack: list[int] = []
        self._memo: dict[tuple[int, frozenset[str]], bytes] = {}
        self._kept: list[Any] = []  # what was made on the way: its id is not given to another
        self._lowest = sys.maxsize  # of the stack, that a value on it led back to
        self._steps = 0

    def named(self) -> dict[str, str]:
        """The digests of everything that was led to by name."""
        while self._waiting:
            name, value, used = self._waiting.popleft()
            self._named[name] = self._digest(value, name, used).hex()[:16]
        return dict(sorted(self._named.items()))

    def of(self, value: Any, where: str, used: frozenset[str], *, root: bool = False) -> bytes:
        """The digest of a value: what the user names is led to by its name, everything else is taken apart.

        Args:
            where: the value, in words.
            used: attributes that those name who have it: which of its methods are called.
            root: whether it is taken apart, whatever it is.
        """
        if isinstance(value, _PLAIN) and type(value) in _PLAIN:
            return _hash("plain", type(value).__name__, repr(value))
        self._steps += 1
        if self._steps > MOST:
            raise _TooMuch
        if isinstance(value, types.ModuleType):
            return self._module(value, where, used)
        if isinstance(value, (types.FunctionType, type)):
            name = _dotted(value)
            if not is_users(value):
                by_name = isinstance(value, type) or not value.__closure__
                return _hash("library", name) if by_name else _hash("library", name, self._digest(value, where, used))
            if not root and _found(name) is value:
                if name not in self._seen:
                    self._seen.add(name)
                    self._waiting.append((name, value, used))
                return _hash("named", name)
        return self._digest(value, where, used)

    def _digest(self, value: Any, where: str, used: frozenset[str]) -> bytes:
        key = id(value), used
        if key in self._memo:
            return self._memo[key]
        if id(value) in self._stack:
            place = len(self._stack) - 1 - self._stack[::-1].index(id(value))
            self._lowest = min(self._lowest, place)
            return _hash("cycle", str(len(self._stack) - place))
        depth, above = len(self._stack), self._lowest
        self._stack.append(id(value))
        self._lowest = sys.maxsize
        try:
            digest = self._taken_apart(value, where, used)
        finally:
            self._stack.pop()
        if self._lowest >= depth:  # else it is a part of something larger, and another thing elsewhere
            self._memo[key] = digest
            self._kept.append(value)
            self._lowest = above
        else:
            self._lowest = min(above, self._lowest)
        return digest

    def _no_identity(self, value: Any, where: str) -> bytes:
        kind = type(value)
        self.unknown.append(f"{where} is a {kind.__module__}.{kind.__qualname__}".replace("builtins.", ""))
        return _hash("unknown", _dotted(kind))

    # Kinds of values ----------------------------------------------------------------------------------------------------------

    def _taken_apart(self, value: Any, where: str, used: frozenset[str]) -> bytes:
        if isinstance(value, types.FunctionType):
            return self._function(value, where, used)
        if isinstance(value, type):
            return self._class(value, where)
        if isinstance(value, types.MethodType):
            name = value.__func__.__name__
            owner = self.of(value.__self__, f"{where}.__self__", used | {name})
            return _hash("method", self.of(value.__func__, where, used), owner)
        if isinstance(value, functools.partial):
            names = used | _names_in(value.func)
            given = [self.of(one, f"{where}'s argument {at}", names) for at, one in enumerate(value.args)]
            named = [
                _hash(key, self.of(one, f"{where}'s argument {key!r}", names)) for key, one in sorted(value.keywords.items())
            ]
            return _hash("partial", self.of(value.func, where, used), *given, "named", *named)
        if isinstance(value, (types.BuiltinFunctionType, np.ufunc)):
            return self._built_in(value, where, used)
        if isinstance(value, (staticmethod, classmethod)):
            return _hash(type(value).__name__, self.of(value.__func__, where, used))
        if isinstance(value, property):
            made = [self.of(one, where, used) for one in (value.fget, value.fset, value.fdel)]
            return _hash("property", *made)
        if isinstance(value, functools.cached_property):
            return _hash("cached", self.of(value.func, where, used))
        for inner in ("py_func", "python_function", "__wrapped__"):  # numba's and TensorFlow's functions, functools.lru_cache
            if callable(value) and not is_users(type(value)) and isinstance(getattr(value, inner, None), types.FunctionType):
                return _hash(_dotted(type(value)), self.of(getattr(value, inner), where, used))
        return self._object(value, where, used)

    def _built_in(self, value: Any, where: str, used: frozenset[str]) -> bytes:
        module, owner = getattr(value, "__module__", None), getattr(value, "__self__", None)
        if module is None and owner is not None and not isinstance(owner, types.ModuleType):
            return _hash("built-in method", value.__name__, self.of(owner, f"{where}.__self__", used | {value.__name__}))
        if isinstance(value, np.ufunc):
            module = pickle.whichmodule(value, value.__name__)  # type: ignore[attr-defined]
            if module == "__main__" or _is_library(module.partition(".")[0]) is False:
                return self._no_identity(value, where)  # made of a function that it does not show
        if isinstance(module, str) and is_users(value):
            return self._no_identity(value, where)  # a compiled extension of the user's
        return _hash("library", module or "", value.__name__)

    def _module(self, module: types.ModuleType, where: str, used: frozenset[str]) -> bytes:
        if not is_users(module):
            return _hash("library", module.__name__)
        known = vars(module)
        parts = [_hash(name, self.of(known[name], f"{module.__name__}.{name}", used)) for name in sorted(used) if name in known]
        return _hash("module", *parts)

    def _function(self, function: types.FunctionType, where: str, used: frozenset[str]) -> bytes:
        code = function.__code__
        names = _names(code)
        written = writes(function)
        called = function.__qualname__.replace(".<locals>", "")
        parts = [_code_digest(code)]
        for what, given in (("default", function.__defaults__ or ()), ("named default", function.__kwdefaults__ or {})):
            parts.append(self.of(given, f"{called}'s {what}", names))
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                content = cell.cell_contents
            except ValueError:  # not set yet
                continue
            parts.append(_hash(name, self._read(content, f"{called}'s variable {name!r}", names, written, name)))
        known = function.__globals__ if is_users(function) else {}
        for name in sorted(_globals_read(code)):
            if name in known:
                parts.append(_hash(name, self._read(known[name], f"{called}'s global {name!r}", names, written, name)))
        for name in sorted(_imported(code, known)) if known else ():
            module = sys.modules.get(name)
            if module is not None:
                parts.append(_hash(name, self._module(module, name, names)))
        own = {name: value for name, value in vars(function).items() if name != "__wrapped__" and not name.startswith("__")}
        mine = {write.key for write in written if write.name == function.__name__ and write.kind in _ATTRIBUTE}
        parts.append(self.of({name: value for name, value in own.items() if name not in mine}, f"{called}'s attributes", names))
        return _hash("function", *parts)

    def _read(self, value: Any, where: str, used: frozenset[str], written: frozenset[Write], name: str) -> bytes:
        """What a function reads under a name, but for what it writes there itself."""
        own = [write for write in written if write.name == name]
        if any(write.kind == "all" for write in own) and not isinstance(value, (types.FunctionType, type, types.ModuleType)):
            code = _code_digest(value.gi_code) if isinstance(value, types.GeneratorType) else b""
            return _hash("written", _dotted(type(value)), code)
        without = frozenset(str(write.key) for write in own if write.kind in _ATTRIBUTE)
        if without and hasattr(value, "__dict__") and not isinstance(value, (types.FunctionType, type, types.ModuleType)):
            return self._object(value, where, used, without)
        items = {write.key for write in own if write.kind == "item"}
        if items and isinstance(value, dict):
            value = {key: one for key, one in value.items() if key not in items}
            self._kept.append(value)
        return self.of(value, where, used)

    def _class(self, kind: type, where: str) -> bytes:
        parts: list[bytes | str] = [] if not is_users(type(kind)) else [self.of(type(kind), f"{where}'s metaclass", frozenset())]
        for owner in kind.__mro__:
            if not is_users(owner):
                parts.append(_hash("library", _dotted(owner)))
                continue
            if owner is not kind and _found(_dotted(owner)) is owner:
                parts.append(self.of(owner, where, frozenset()))
                continue
            own = vars(owner).keys() - _OF_CLASSES - _written_by_class(owner)
            if issubclass(owner, enum.Enum):  # what it keeps of its members grows while they are combined
                own = {name for name in own if not (name.startswith("_") and name.endswith("_")) or name.startswith("__")}
                own -= owner.__members__.keys()
                parts += [
                    _hash("member", name, self.of(one.value, where, frozenset())) for name, one in owner.__members__.items()
                ]
            for name in sorted(own):
                value = vars(owner)[name]
                made_for_it = getattr(getattr(value, "__code__", None), "co_filename", "")  # by dataclass, namedtuple
                if isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType)) or made_for_it == "<string>":
                    continue
                parts.append(_hash(name, self.of(value, f"{kind.__qualname__}.{name}", frozenset())))
            if is_dataclass(owner) and "__dataclass_fields__" in vars(owner):
                for field in fields(owner):
                    made = [
                        self.of(one, f"{kind.__qualname__}.{field.name}", frozenset())
                        for one in (field.default, field.default_factory)
                    ]
                    parts.append(_hash("field", field.name, *made))
        return _hash("class", *parts)

    def _object(self, value: Any, where: str, used: frozenset[str], without: frozenset[str] = frozenset()) -> bytes:
        kind = type(value)
        if kind in (list, tuple, deque, set, frozenset, dict, types.MappingProxyType):
            return self._container(value, where, used)
        if isinstance(value, np.ndarray) and kind is np.ndarray:
            if value.dtype.hasobject:
                return _hash("array", repr(value.shape), self.of(value.tolist(), where, used))
            return _hash("array", value.dtype.str, repr(value.shape), np.ascontiguousarray(value).tobytes())
        if isinstance(value, np.generic):
            return _hash("scalar", value.dtype.str, value.tobytes())
        if isinstance(value, _LOCKS):
            return _hash("lock", _dotted(kind))
        if (described := _described(value)) is not None:
            return _hash("described", _dotted(kind), self.of(described, where, used))
        if is_users(kind):
            return self._instance(value, where, used, without)
        return self._reduced(value, where, used)

    def _container(self, value: Any, where: str, used: frozenset[str]) -> bytes:
        if isinstance(value, (dict, types.MappingProxyType)):
            items = [
                _hash(
                    self.of(key, f"{where}'s key", used),
                    self.of(one, f"{where}[{key!r}]" if isinstance(key, _PLAIN) else where, used),
                )
                for key, one in value.items()
            ]
            return _hash("dict", *sorted(items))
        if set(map(type, value)) <= set(_PLAIN) and not isinstance(value, (set, frozenset)):
            return _hash(type(value).__name__, repr(value))
        found = [self.of(one, f"{where}[{at}]", used) for at, one in enumerate(value)]
        return _hash(type(value).__name__, *(sorted(found) if isinstance(value, (set, frozenset)) else found))

    def _instance(self, value: Any, where: str, used: frozenset[str], without: frozenset[str]) -> bytes:
        """An object of a class of the user's: its class, and its state but for what its methods that are called write."""
        kind = type(value)
        reached, names = _reached(kind, used)
        memory = without | {
            str(write.key) for method in reached for write in writes(method) if write.kind in _ATTRIBUTE and write.name == _self(method)
        }  # fmt: skip
        parts = [self.of(kind, where, frozenset())]
        bases: tuple[Any, ...] = (dict, list, tuple, set, frozenset, int, float, str, bytes)
        for base in bases:
            if isinstance(value, base):
                parts.append(self.of(base(value), where, names))
        getting = next((vars(one)["__getstate__"] for one in kind.__mro__ if "__getstate__" in vars(one)), None)
        if isinstance(getting, types.FunctionType) and is_users(getting):
            state: Any = value.__getstate__()
            self._kept.append(state)
            return _hash("instance", *parts, self.of(state, where, names))
        state = {name: one for name, one in getattr(value, "__dict__", {}).items()}
        for owner in kind.__mro__:
            slots = vars(owner).get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                    state[name] = getattr(value, name)
        library = _stored_by_library(kind)  # type: ignore[arg-type]
        for name in sorted(state):
            if (
                name in memory
                or name in library
                or isinstance(inspect.getattr_static(kind, name, None), functools.cached_property)
            ):
                continue
            parts.append(_hash(name, self.of(state[name], f"{where}.{name}", names)))
        return _hash("instance", *parts)

    def _reduced(self, value: Any, where: str, used: frozenset[str]) -> bytes:
        """An object of a library, as pickle would take it apart."""
        try:
            taken_apart = copyreg.dispatch_table.get(type(value))  # a compiled pattern
            reduced = value.__reduce_ex__(4) if taken_apart is None else taken_apart(value)
        except Exception:  # whatever the library raises: it cannot be taken apart
            return self._no_identity(value, where)
        if isinstance(reduced, str):
            if callable(value) and is_users(value):
                return self._no_identity(value, where)  # the same
            return _hash("library", type(value).__module__, reduced)
        made, arguments, *rest = reduced
        self._kept.append(reduced)
        parts = [self.of(made, where, used), self.of(arguments, where, used)]
        for one in rest[:1]:
            parts.append(self.of(one, where, used))
        for items in rest[1:3]:
            parts.append(self.of(None if items is None else list(items), where, used))
        return _hash("object", *parts)


def _described(value: Any) -> Any:
    """What stands for an object whose state changes while it is used, or that knows best itself what it is; None for others."""
    if isinstance(value, np.random.Generator):
        value = value.bit_generator
    if isinstance(value, np.random.RandomState) and isinstance(value._bit_generator.seed_seq, np.random.SeedSequence):
        value = value._bit_generator
    if isinstance(value, np.random.BitGenerator) and isinstance(value.seed_seq, np.random.SeedSequence):
        entropy = value.seed_seq.entropy
        seed = (
            "none given" if isinstance(entropy, int) and entropy >> 64 else repr(entropy)
        )  # drawn by NumPy, another one each time
        return [type(value).__name__, seed, list(value.seed_seq.spawn_key)]
    if isinstance(value, random.Random) and type(value) is random.Random:
        return value.getstate()
    package = type(value).__module__.partition(".")[0]
    if package in OURS:
        for name in ("to_dict", "settings"):
            if callable(getattr(value, name, None)) and not isinstance(value, type):
                return getattr(value, name)()
    if _is_a(value, "gymnasium", "Env"):
        return _environment(value)
    if _is_a(value, "keras", "Model"):
        return [value.to_json(), [np.asarray(weight) for weight in value.get_weights()]]
    if package == "keras" and callable(getattr(value, "get_config", None)) and not isinstance(value, type):
        weights = value.get_weights() if _is_a(value, "keras", "Layer") else ()  # a metric's state is what it was used for
        given = getattr(value, "_fn_kwargs", None)  # of losses, whose configuration is without them
        return [repr(sorted(value.get_config().items())), repr(given), [np.asarray(weight) for weight in weights]]
    return None


def _environment(environment: Any) -> Any:
    """A gymnasium environment by how it was made: what has happened in it since is not part of it."""
    layers: list[Any] = []
    inner = environment
    while hasattr(inner, "env"):
        kept = (
            {} if not is_users(type(inner)) else {name: value for name, value in vars(inner).items() if not name.startswith("_")}
        )
        layers.append([type(inner), getattr(inner, "_saved_kwargs", None), {**kept, "env": None}])
        inner = inner.env
    spec = inner.spec
    if spec is None:
        return None if not layers else [layers, inner]
    own = environment.spec
    return [layers, type(inner), own.id, dict(own.kwargs), own.max_episode_steps]


def _is_a(value: Any, package: str, name: str) -> bool:
    """Whether a value is of this class, of a package that was imported."""
    kind = getattr(sys.modules.get(package), name, None) if package in sys.modules else None
    return isinstance(kind, type) and isinstance(value, kind)


# Code ---------------------------------------------------------------------------------------------------------------------------


def _code_digest(code: types.CodeType) -> bytes:
    """Of a function's byte code: where it stands, how it is called and what its docstring says are no part of it."""
    constants = list(code.co_consts)
    may_have = code.co_flags & _HAS_DOCSTRING if sys.version_info >= (3, 14) else not code.co_name.startswith("<")
    if may_have and constants and isinstance(constants[0], str):
        constants[0] = None
    return _hash(
        "code",
        code.co_code,
        code.co_exceptiontable,
        *(repr(names) for names in (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)),
        repr((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & ~_HAS_DOCSTRING)),
        *(_constant(one) for one in constants),
    )


def _constant(value: Any) -> bytes:
    if isinstance(value, types.CodeType):
        return _code_digest(value)
    if isinstance(value, tuple):
        return _hash("tuple", *map(_constant, value))
    if isinstance(value, frozenset):
        return _hash("frozenset", *sorted(map(_constant, value)))
    return _hash(type(value).__name__, repr(value))


def _codes(code: types.CodeType) -> Iterable[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _names(code: types.CodeType) -> frozenset[str]:
    """Every global and attribute that the code names, in what it defines inside too; a text that is a name may be one (`getattr`)."""
    texts = (one for each in _codes(code) for one in each.co_consts if isinstance(one, str) and one.isidentifier())
    return frozenset((*(name for each in _codes(code) for name in each.co_names), *texts))


def _names_in(value: Any) -> frozenset[str]:
    code = getattr(value, "__code__", None)
    return _names(code) if isinstance(code, types.CodeType) else frozenset()


def _globals_read(code: types.CodeType) -> set[str]:
    found = set()
    for each in _codes(code):
        found |= {step.argval for step in dis.get_instructions(each) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return found


def _imported(code: types.CodeType, known: Mapping[str, Any]) -> set[str]:
    """The user's modules that the code itself imports; they are imported now, as it would."""
    found = set()
    for each in _codes(code):
        steps = list(dis.get_instructions(each))
        for at, step in enumerate(steps):
            if step.opname != "IMPORT_NAME":
                continue
            level = steps[at - 2].argval if at >= 2 and isinstance(steps[at - 2].argval, int) else 0
            package = known.get("__package__") or str(known.get("__name__", "")).rpartition(".")[0]
            parents = package.split(".")[: len(package.split(".")) - level + 1] if level else []
            name = ".".join([*parents, step.argval] if step.argval else parents)
            if name and not _is_library(name.partition(".")[0]):
                try:
                    module = import_module(name)
                except Exception:  # the function will say so where it needs it
                    continue
                if is_users(module):
                    found.add(name)
    return found


def _reached(kind: type, used: frozenset[str]) -> tuple[list[types.FunctionType], frozenset[str]]:
    """The methods of the user's that are called: those that are named, those that Python calls, and what these call in turn; and every name
    in them."""
    wanted = {name for name in dir(kind) if name in used or (name.startswith("__") and name not in _INITIAL)}
    for owner in kind.__mro__:
        if not is_users(owner):
            wanted |= vars(owner).keys() if owner is not object else set()  # what a base class of a library calls
    wanted -= _INITIAL
    done: dict[str, types.FunctionType] = {}
    names = set(used)
    while wanted:
        name = wanted.pop()
        found = inspect.getattr_static(kind, name, None)
        for function in _functions_of(found):
            if not is_users(function) or name in done:
                continue
            done[name] = function
            more = _names(function.__code__)
            names |= more
            wanted |= {other for other in more if other not in done and other not in _INITIAL and hasattr(kind, other)}
    return list(done.values()), frozenset(names)


def _functions_of(found: Any) -> list[types.FunctionType]:
    if isinstance(found, property):
        return [one for one in (found.fget, found.fset) if isinstance(one, types.FunctionType)]
    if isinstance(found, (staticmethod, classmethod)):
        found = found.__func__
    return [found] if isinstance(found, types.FunctionType) else []


def _written_by_class(kind: type) -> set[str]:
    """Attributes of a class, not of its objects, that its own methods write."""
    found: set[str] = set()
    for value in vars(kind).values():
        for function in _functions_of(value):
            of_class = {kind.__name__, _self(function)} if isinstance(value, classmethod) else {kind.__name__}
            for write in writes(function):
                if (write.name in of_class and write.kind in _ATTRIBUTE) or (
                    write.kind == "inside" and write.name == _self(function)
                ):
                    found.add(str(write.key))
    return found


def _self(method: types.FunctionType) -> str:
    return method.__code__.co_varnames[0] if method.__code__.co_argcount else ""


@functools.cache
def _stored_by_library(kind: type) -> frozenset[str]:
    """Attributes that base classes of libraries keep in an object: what these record themselves, or need for their work."""
    found: set[str] = set()
    for owner in kind.__mro__:
        for value in () if is_users(owner) else list(vars(owner).values()):
            for function in _functions_of(value):
                found |= {step.argval for step in dis.get_instructions(function.__code__) if step.opname == "STORE_ATTR"}
    return frozenset(found)


def _dotted(value: Any) -> str:
    return f"{getattr(value, '__module__', None) or ''}.{getattr(value, '__qualname__', type(value).__qualname__)}"


def _found(name: str) -> Any:
    """What has this dotted name in the modules that were imported, or None."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        found: Any = sys.modules.get(".".join(parts[:end]))
        if found is not None:
            for part in parts[end:]:
                found = inspect.getattr_static(found, part, None)
            return found.__func__ if isinstance(found, (staticmethod, classmethod)) else found
    return None


def _hash(*parts: bytes | str) -> bytes:
    sha = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "little"))
        sha.update(data)
    return sha.digest()
