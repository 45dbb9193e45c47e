"""A dashboard on a port of this machine, and requests to it as they are written, for the tests."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn

import neuroevo as ne
from neuroevo import strategies
from neuroevo.dashboard.application import guarded
from neuroevo.testing.evaluator import NumberSpace, SquareTask

HOSTILE = "<img src=x onerror=alert(1)>\"'&</script><script>alert(2)</script><!--<script>"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A dashboard that answers.

    Attributes:
        port: where.
        token: that it asks for, or None.
    """

    port: int
    token: str | None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, known: bool = True, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if known and self.token:
            given["Authorization"] = f"Bearer {self.token}"
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        found = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        connection.close()
        return found

    def post(self, path: str, form: dict[str, str], known: bool = True, **headers: str) -> Answer:
        sent = {"Content_Type": "application/x-www-form-urlencoded", "Origin": self.address, **headers}
        return self.ask(path, "POST", urlencode(form).encode(), known, **sent)


@contextmanager
def served(root: Path, **options: Any) -> Iterator[Served]:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    app, token = guarded(root, port=port, **options)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield Served(port, token)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def small_run(folder: Path, seed: int = 1, evaluations: int = 60, task: Any = None) -> ne.Run:
    return ne.evolve(
        NumberSpace(),
        task or SquareTask(0.1),
        strategy=strategies.Nsga2(population=20),
        budget=ne.Budget(evaluations=evaluations),
        seed=seed,
        run=folder,
        progress=False,
    )


class Failing(SquareTask):
    """Fails with a text that would like to be markup."""

    def score(self, phenotype: Any, context: Any) -> dict[str, float]:
        if float(phenotype.value) > 0:
            raise ValueError(HOSTILE)
        return super().score(phenotype, context)


def hostile_run(folder: Path) -> None:
    """A run in which every text that somebody could have written is one that would like to be markup."""
    import sqlite3

    assert small_run(folder, task=Failing(0.0)).failures
    config = json.loads((folder / "config.json").read_text())
    config["task"]["task"] = config["strategy"]["strategy"] = config["note"] = HOSTILE
    config["objectives"][0]["name"] = HOSTILE
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "environment.json").write_text(json.dumps({"command": HOSTILE}))
    database = sqlite3.connect(folder / "run.db")
    with database:
        database.execute("UPDATE individuals SET operators = ?", (json.dumps([HOSTILE]),))
        database.execute("UPDATE meta SET value = replace(value, '\"square\"', ?) WHERE key = 'box'", (json.dumps(HOSTILE),))
    database.close()


def large_run(folder: Path, count: int) -> None:
    """A run of so many individuals, its rows written as a search would have, whose values are spread over a square."""
    import sqlite3

    import numpy as np

    first = small_run(folder, evaluations=20).evaluations
    rng = np.random.default_rng(1)
    ids = range(first, count)
    values = np.column_stack([rng.random(len(ids)) ** 2, 4 * rng.random(len(ids))]).tolist()
    parents = [[int(one) for one in rng.integers(0, id, 2)] for id in ids]
    database = sqlite3.connect(folder / "run.db")
    with database:
        database.executemany(
            "INSERT INTO individuals VALUES (?, ?, ?, ?, ?)",
            [(id, id // 20, json.dumps(pair), '["average", "shift"]', "0.5") for id, pair in zip(ids, parents, strict=True)],
        )
        database.executemany(
            "INSERT INTO trials VALUES (?, 'evaluate', ?, 1, '{}', NULL, 'done', '', '{}', 0, 0.01, 1, ?)",
            [(id, id, id + 1) for id in ids],
        )
        database.executemany(
            "INSERT INTO evaluations VALUES (?, ?, ?, 'done', '', ?, '{}', NULL)",
            [(id + 1, id, id, json.dumps(pair)) for id, pair in zip(ids, values, strict=True)],
        )
    database.close()
