"""Rows out of a damaged SQLite file: every page that survives is read on its own, whatever became of the others.

The layout is SQLite's published database file format: pages of a fixed size; a leaf page of a table (type 13) holds cells, each a
record with its row id; what does not fit on the page goes on in a chain of overflow pages. A write-ahead log holds newer versions of
pages, in frames. Which table a page belongs to is told by what its records look like, so not even the first page is needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = 4096  # SQLite's default, for files whose header is gone
_LEAF = 13
_MOST_PAYLOAD = 1 << 30


class Pages:
    """The pages of a database and of its write-ahead log, by number from 1."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes() if path.exists() else b""
        log = path.with_name(path.name + "-wal")
        frames = log.read_bytes() if log.exists() else b""
        self.size = _page_size(self._data, frames)
        self._newer = _committed_frames(frames, self.size)
        self.count = max(-(-len(self._data) // self.size), max(self._newer, default=0))

    def __getitem__(self, number: int) -> bytes:
        """A page, or what is left of it."""
        if number in self._newer:
            return self._newer[number]
        return self._data[(number - 1) * self.size : number * self.size] if number >= 1 else b""

    def records(self) -> Iterator[tuple[int, list[Any]]]:
        """Every (row id, values) that can be read, page by page."""
        for number in range(1, self.count + 1):
            yield from self._leaf(self[number], 100 if number == 1 else 0)

    def _leaf(self, page: bytes, start: int) -> Iterator[tuple[int, list[Any]]]:
        if len(page) < start + 8 or page[start] != _LEAF:
            return
        (cells,) = struct.unpack_from(">H", page, start + 3)
        for index in range(min(cells, (self.size - start - 8) // 2)):
            try:
                (at,) = struct.unpack_from(">H", page, start + 8 + 2 * index)
                length, at = _varint(page, at)
                id, at = _varint(page, at)
                yield _signed(id), _values(self._payload(page, at, length))
            except (IndexError, ValueError, struct.error):
                continue  # a cell that is cut off

    def _payload(self, page: bytes, at: int, length: int) -> bytes:
        usable = self.size
        if not 0 <= length <= _MOST_PAYLOAD:
            raise ValueError("no record is so long")
        here = length
        if length > usable - 35:
            least = (usable - 12) * 32 // 255 - 23
            here = least + (length - least) % (usable - 4)
            here = here if here <= usable - 35 else least
        parts = [_exactly(page[at : at + here], here)]
        left = length - here
        following = struct.unpack_from(">I", page, at + here)[0] if left else 0
        while left:
            page = self[following]
            taken = min(left, usable - 4)
            parts.append(_exactly(page[4 : 4 + taken], taken))
            left -= taken
            following = struct.unpack_from(">I", page, 0)[0]
        return b"".join(parts)


def _page_size(data: bytes, log: bytes) -> int:
    sizes = []
    if data[:16] == b"SQLite format 3\0" and len(data) >= 18:
        sizes.append(struct.unpack_from(">H", data, 16)[0])
    if len(log) >= 32:
        sizes.append(struct.unpack_from(">I", log, 8)[0])
    for size in sizes:
        size = 65536 if size == 1 else size
        if 512 <= size <= 65536 and size & (size - 1) == 0:
            return int(size)
    return PAGE


def _committed_frames(log: bytes, size: int) -> dict[int, bytes]:
    """The last committed version of every page in a write-ahead log."""
    committed: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    if len(log) < 32:
        return committed
    salt = log[16:24]
    for at in range(32, len(log) - 24 - size + 1, 24 + size):
        number, after = struct.unpack_from(">II", log, at)
        if log[at + 8 : at + 16] != salt:
            break  # frames of an earlier use of the file
        pending[number] = log[at + 24 : at + 24 + size]
        if after:
            committed.update(pending)
            pending = {}
    return committed


def _values(record: bytes) -> list[Any]:
    """The columns of a record."""
    header, at = _varint(record, 0)
    body, values = header, []
    while at < header:
        kind, at = _varint(record, at)
        value, body = _value(record, body, kind)
        values.append(value)
    return values


def _value(record: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in (0, 8, 9):
        return {0: None, 8: 0, 9: 1}[kind], at
    if 1 <= kind <= 6:
        width = (1, 2, 3, 4, 6, 8)[kind - 1]
        return int.from_bytes(_exactly(record[at : at + width], width), "big", signed=True), at + width
    if kind == 7:
        return struct.unpack_from(">d", record, at)[0], at + 8
    if kind < 12:
        raise ValueError("no such kind of value")
    width = (kind - 12) // 2
    raw = _exactly(record[at : at + width], width)
    return (raw.decode() if kind % 2 else raw), at + width


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(9):
        byte = data[at + index]
        if index == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    raise AssertionError("unreachable")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _exactly(data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise ValueError("cut off")
    return data
