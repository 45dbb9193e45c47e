"""A contest: what all strategies are given alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from genomes.base import Space, shown
from neuroevo.core.registry import part_from_text
from neuroevo.estimation.base import Estimation
from neuroevo.run.budget import Budget
from neuroevo.run.search import (
    SearchSettings,
    estimation_by_names,
    space_by_encoding,
    strategies,
    strategy_by_name,
    supervised_task,
)
from neuroevo.run.sizes import sizes_for
from neuroevo.strategies.base import Strategy
from neuroevo.tasks.base import Task
from neuroevo.tasks.supervised import Supervised

TEST_DATA = "test data"
EXAMPLE = "nsga2 or 'Bayesian(batch=4)'"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Contest:
    """A space, a task and a budget, the same for every strategy (Lindauer & Hutter 2020, section 3).

    Attributes:
        name: of its folder and in tables: letters, digits, "-", "_" and ".".
        task: makes the task of a seed, which splits the data where there is any.
        space: makes the space of a task.
        budget: the same for all.
        estimation: how trained objectives are obtained, of a task and a strategy; None: as the task says.
        test: what is reported of the network that a strategy ends with, and decides nothing: a score that the task records beside the objectives
            (a column in `report` of a `Table`), or `TEST_DATA` for the selection objective on the test data; None: nothing.
        measure: what is compared: "hypervolume" or an objective; None: hypervolume where there are several.
        axis: what efforts are counted in: "evaluations", "epochs" or "seconds".
        known: strategies by a name of their own, beside those of the registry.

    Raises:
        ValueError: a name that is no folder's.
    """

    name: str
    task: Callable[[int], Task]
    space: Callable[[Task], Space]
    budget: Budget
    estimation: Callable[[Task, Strategy], Estimation] | None = None
    test: str | None = None
    measure: str | None = None
    axis: str = "evaluations"
    known: Mapping[str, Callable[[], Strategy]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise ValueError(f"a contest's name is a folder's: letters, digits, '-', '_' and '.', got {shown(self.name)}")

    def strategy(self, text: str) -> Strategy:
        """The strategy that a text names: one of the contest's own, a name of the command line, whose sizes follow a small budget, or an
        expression such as "Nsga2(population=8)", which is taken as it is written.

        Raises:
            ValueError: it names none.
        """
        if text in self.known:
            return self.known[text]()
        if text.isidentifier() and text in strategies():
            return self._by_name(text)
        made: Strategy = part_from_text("strategy", text, EXAMPLE)
        return made

    def _by_name(self, name: str) -> Strategy:
        made: Strategy = part_from_text("strategy", name, EXAMPLE)
        return type(made)(**sizes_for(made.settings(), self.budget.evaluations))


@dataclass(frozen=True)
class DataContest(Contest):
    """A contest on data: a strategy's name means what it means to `neuroevo search`, with sizes that suit dozens of trained networks."""

    inheritance: str = "lamarckian"

    def _by_name(self, name: str) -> Strategy:
        return strategy_by_name(name, self.inheritance, evaluations=self.budget.evaluations)


def data_contest(settings: SearchSettings, budget: Budget, name: str | None = None, axis: str | None = None) -> Contest:
    """A contest on data, as `neuroevo search` would search it; the seed splits the data.

    Args:
        settings: what is searched; its strategy and seed do not matter.
        budget: for each strategy and seed.
        name: None: the data's.
        axis: what efforts are counted in; None: epochs where the budget is in them, else evaluations.

    Raises:
        ValueError: settings that do not fit the data.
    """
    from pathlib import Path

    task = partial(_task, settings)
    task(1)  # what is wrong with the data is said before anything is played
    return DataContest(
        name=name or re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(settings.data).stem).strip("-.") or "data",
        task=task,
        space=partial(_space, settings),
        budget=budget,
        estimation=partial(_estimation, settings),
        test=TEST_DATA,
        axis=axis or ("epochs" if budget.epochs is not None else "evaluations"),
        inheritance=settings.inheritance,
    )


def _task(settings: SearchSettings, seed: int) -> Task:
    import dataclasses

    return supervised_task(dataclasses.replace(settings, seed=seed))


def _space(settings: SearchSettings, task: Task) -> Space:
    assert isinstance(task, Supervised)  # `_task` made it
    return space_by_encoding(settings.encoding or task.encoding, task, settings.max_parameters)


def _estimation(settings: SearchSettings, task: Task, strategy: Strategy) -> Estimation:
    return estimation_by_names(task, settings.epochs or settings.preset_epochs, settings.stop_early, strategy, settings.folds or 0)  # type: ignore[arg-type]
