"""Controllers: policies whose gradients are exact, strategies that resume, rewards, what an expert pulls towards."""

import itertools
import json

import numpy as np
import pytest

import neuroevo as ne
from genomes import CellSpace, ChainSpace, DagSpace, NeatSpace, NetworkSpace
from genomes.questions import Question
from neuroevo.core.individual import DONE, FAILED, Individual
from neuroevo.core.trial import Evaluation, Measurement, Result
from neuroevo.run.settings import strategy_from_settings
from neuroevo.strategies import Capped, Floor, Mirror, Mixed, Power, QLearning, Reinforce
from neuroevo.strategies.optimisers import Optimiser
from neuroevo.strategies.reinforcement.factorised import Factorised
from neuroevo.strategies.reinforcement.lstm import Lstm
from neuroevo.strategies.reinforcement.rewards import reward_from_settings
from neuroevo.strategies.reinforcement.walks import everything, grown
from neuroevo.testing.strategy import Drive, GenesTask, StrategySuite, through_disk

CELLS = CellSpace()
CHAINS = ChainSpace((8, 8, 1), 10, min_layers=1, max_layers=4)
SPACES = [CELLS, CellSpace("nasnet", 2, (8, 8, 1), 10, 4, 1, 2), CHAINS, DagSpace((8, 8, 1), 10), NetworkSpace((8, 8, 1), 10)]
SHORT = ((1.0, 4), (0.5, 8), (0.1, 8))


class TestReinforce(StrategySuite):
    def strategy(self):
        return Reinforce()


class TestReinforceOfBatches(StrategySuite):
    def strategy(self):
        return Reinforce(policy="lstm", rule="ppo", hidden=5, batch=4, entropy=0.01)

    def space(self):
        return CHAINS


class TestReinforceThatGrows(StrategySuite):
    def strategy(self):
        return Reinforce(policy="lstm", hidden=4, layers=1, optimizer="sgd", grow=(1, 1, 4), attention="inputs")

    def space(self):
        return DagSpace((8, 8, 1), 10)


class TestQLearning(StrategySuite):
    def strategy(self):
        return QLearning(alpha=0.1, replay=5, schedule=SHORT, shaping="equal")


class TestQLearningOfBatches(StrategySuite):
    def strategy(self):
        return QLearning(batch=3, replay=0, schedule=SHORT, distinct=False)

    def space(self):
        return CHAINS


POLICIES = [
    lambda: Factorised(3, 0.3),
    lambda: Lstm(3, hidden=5, layers=2, initial=0.3, attention="none"),
    lambda: Lstm(3, hidden=5, layers=1, initial=0.3, attention="skips"),
    lambda: Lstm(3, hidden=5, layers=2, initial=0.3, attention="inputs"),
]


@pytest.mark.parametrize(
    ("make", "space"),
    [
        pytest.param(make, space, id=f"{name}-{space.encoding}", marks=[] if name == "lstm" or space is SPACES[0] else pytest.mark.slow)
        for name, make in zip(("factorised", "lstm", "skips", "inputs"), POLICIES, strict=True)
        for space in SPACES
    ],
)
def test_the_gradient_is_that_of_finite_differences(make, space) -> None:
    policy = make()
    walks = policy.walk(space, [np.random.default_rng(seed) for seed in range(3)], everything)
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=len(walk.answers)) for walk in walks]

    def objective(entropy: float):
        logs = []
        gradient = policy.gradient(walks, lambda now: (logs.extend(np.copy(each) for each in now), weights)[1], entropy)
        return sum(float(log @ weight) for log, weight in zip(logs, weights, strict=True)), gradient, logs

    _, gradient, logs = objective(0.0)
    for walk, log in zip(walks, logs, strict=True):
        np.testing.assert_allclose(walk.log_probabilities, log, atol=1e-12)
    for name, array in policy.arrays.items():
        for index in [tuple(rng.integers(size) for size in array.shape) for _ in range(2 if array.size else 0)]:
            held, step = array[index], 1e-5
            array[index] = held + step
            above = objective(0.0)[0]
            array[index] = held - step
            below = objective(0.0)[0]
            array[index] = held
            assert gradient[name][index] == pytest.approx((above - below) / (2 * step), rel=1e-3, abs=1e-7), name


def test_entropy_pulls_towards_equal_probabilities() -> None:
    policy, space = Factorised(1, 2.0), CELLS
    optimiser = Optimiser("adam", 0.1)
    for _ in range(200):
        walks = policy.walk(space, [np.random.default_rng(1)], everything)
        optimiser.step(policy.arrays, policy.gradient(walks, lambda logs: [np.zeros(len(logs[0]))], 1.0))
    _, probabilities = policy.likeliest(space, everything)
    assert all(np.ptp(each) < 0.05 for each in probabilities)


@pytest.mark.parametrize(("policy", "rate"), [("factorised", 0.1), ("lstm", 0.02)])
def test_a_policy_learns_the_best_network(policy, rate) -> None:
    """The fitness is the share of 3x3 convolutions."""
    strategy = Reinforce(policy=policy, learning_rate=rate)
    run = ne.evolve(CELLS, counted, strategy=strategy, budget=ne.Budget(evaluations=300), seed=1, progress=False)
    later = [individual.values["fitness"] for individual in list(run)[-30:]]
    assert np.mean(later) > 0.8 > 0.5 > np.mean([individual.values["fitness"] for individual in list(run)[:10]])


def test_q_learning_learns_the_best_network() -> None:
    strategy = QLearning(alpha=0.2, shaping="equal", schedule=((1.0, 50), (0.1, 100)))
    run = ne.evolve(CELLS, counted, strategy=strategy, budget=ne.Budget(evaluations=150), seed=1, progress=False)
    assert run.best.values["fitness"] == 1.0
    keys = [individual.genome.key() for individual in list(run)]
    assert len(set(keys)) == len(keys), "a network that was drawn before is not evaluated again"


counted = ne.tasks.Function(lambda genome: sum(name == "convolution_3x3" for name in genome.genes()) / 6, of="genome")


@pytest.mark.parametrize(
    ("shaping", "values"),
    [
        ("terminal", [0.50625, 0.5125, 0.525, 0.55, 0.6, 0.7]),  # half of the way from 0.5 to what comes behind, from 0.9 on
        ("equal", [0.6453125, 0.640625, 0.63125, 0.6125, 0.575, 0.325]),  # 0.15 at each decision, and 0.5 behind the last but one
    ],
)
def test_the_values_follow_the_rewards_as_written(shaping, values) -> None:
    strategy = QLearning(alpha=0.5, shaping=shaping, replay=0, schedule=((0.0, 1),))
    Drive(strategy, CELLS, GenesTask(0.0), 1)
    trial = strategy.ask()[0]
    one = trial.individuals[0]
    one.take(Evaluation(one.id, trial.id, (0.9, 1.0)))
    _, states, answers = strategy._pending[trial.id]
    strategy.tell([Result(trial, Measurement(np.array([[0.9, 1.0]])))])
    found = [strategy._values[state][answer] for state, answer in zip(states, answers, strict=True)]
    assert found == pytest.approx(values)


def test_the_epsilon_counts_different_networks() -> None:
    drive = Drive(QLearning(schedule=SHORT, replay=2), CellSpace(nodes=3), GenesTask(0.0), 1)
    seen = []
    for _ in range(24):
        seen.append(drive.strategy.epsilon)
        drive.step()
    assert seen == [1.0] * 4 + [0.5] * 8 + [0.1] * 12


def test_when_every_network_is_known_q_learning_goes_on() -> None:
    drive = Drive(QLearning(schedule=((0.5, 1),), replay=1), CellSpace(nodes=2), GenesTask(0.0), 1)
    for _ in range(12):
        drive.step()
    assert len(drive.asked) == 12


def test_a_space_without_decisions_is_refused() -> None:
    for strategy in (Reinforce(), QLearning()):
        with pytest.raises(ValueError, match=r"needs a space with sequential decisions .*NeatSpace has none"):
            ne.evolve(NeatSpace(2, 1), lambda network: 1.0, strategy=strategy, budget=ne.Budget(evaluations=2), progress=False)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Mixed(1.5, {"flops": 1e6}), "alpha must be a number between 0 and 1, got 1.5"),
        (lambda: Mixed(0.5, {}), "references must name one cost or more"),
        (lambda: Mixed(0.5, {"flops": 0.0}), "the reference of flops must be > 0"),
        (lambda: Power(float("nan")), "exponent must be a finite number"),
        (lambda: Power(-1.0), "exponent must be > 0"),
        (lambda: Mirror(CELLS.build([0] * 6), discount=0.0), "discount must be above 0"),
        (lambda: Mirror("expert"), "expert must be a genome"),
        (lambda: Reinforce(batch=0), "batch must be a whole number >= 1"),
        (lambda: Reinforce(learning_rate=0.0), "learning_rate must be > 0"),
        (lambda: Reinforce(baseline=1.0), "baseline must be >= 0 and < 1"),
        (lambda: Reinforce(grow=(6, 2)), "grow must be"),
        (lambda: QLearning(alpha=0.0), "alpha must be above 0"),
        (lambda: QLearning(schedule=((2.0, 5),)), "schedule must be"),
        (lambda: QLearning(shaping="some"), "shaping must be one of"),
    ],
)
def test_a_wrong_setting_is_a_sentence(make, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_what_is_no_reward_is_refused() -> None:
    with pytest.raises(TypeError, match="reward must be a reward such as"):
        Reinforce(reward=3)


def evolve(strategy, objectives=("checksum",), **more):
    task = GenesTask(more.pop("failing", 0.0))
    return ne.evolve(
        CELLS, task, strategy=strategy, budget=ne.Budget(evaluations=more.pop("evaluations", 6)), seed=1, progress=False, **more
    )


def test_rewards_that_do_not_fit_the_search_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown objective of the reward Mixed 'flops'.*checksum, length"):
        evolve(Reinforce(reward=Mixed(0.5, {"flops": 1e6})))
    other = CellSpace("nasnet", 2, (8, 8, 1), 10, 4, 1, 2).random(np.random.default_rng(1))
    with pytest.raises(ValueError, match="the expert is a genome of another space"):
        evolve(QLearning(reward=Mirror(other)))


def test_a_reward_that_is_not_finite_is_a_sentence_and_the_record_is_kept(tmp_path) -> None:
    calls = itertools.count()
    with pytest.raises(ValueError, match=r"a reward must be a finite number, got nan for individual 3 \(checksum .*length"):
        evolve(Reinforce(reward=lambda individual: float("nan") if next(calls) == 3 else 1.0), run=tmp_path / "run", version="1")
    assert ne.load_run(tmp_path / "run").evaluations == 4


def individual(space=CELLS, status=DONE, info=None, **values):
    found = Individual(0, space.build([1] * 6), [1.0 if name == "accuracy" else -1.0 for name in values], names=tuple(values))
    found.take(Evaluation(0, 0, tuple(values.values()), status, info=info or {}))
    return found


def test_rewards_are_what_the_papers_say() -> None:
    one = individual(error=0.1, flops=5e6)
    assert Power()(one) == pytest.approx(0.9) and Power(3)(one) == pytest.approx(0.9**3)
    assert Power(3, scale=0.01)(individual(accuracy=90.0)) == pytest.approx(0.9**3)
    assert Mixed(0.8, {"flops": 1e7})(one) == pytest.approx(0.8 * 0.9 - 0.2 * 0.5)
    assert Capped("flops", 5e6)(one) == pytest.approx(0.9) and Capped("flops", 4e6)(one) == 0.0
    assert Floor("flops", 0.9 - 1e-9, 1e7)(one) == pytest.approx(0.5) and Floor("flops", 0.95, 1e7)(one) == 0.0
    curve = {"curve": {"train_loss": [], "epochs": [4, 8, 12, 16, 20], "error": [0.05, 0.3, 0.12, 0.08, 0.2]}}
    assert Power(last=5)(individual(info=curve, error=0.2)) == pytest.approx(0.92)
    assert Power(last=0)(individual(info=curve, error=0.2)) == pytest.approx(0.8)


def test_a_failed_network_gets_the_lowest_reward_there_was() -> None:
    drive = Drive(Reinforce(), CELLS, GenesTask(0.5), 1)
    for _ in range(30):
        drive.step()
    done = [one.fitness.values[0] for one in drive.kept.values() if one.status == DONE]
    assert any(one.status == FAILED for one in drive.kept.values())
    rewarding = drive.strategy._rewarding
    failed = next(one for one in drive.kept.values() if one.status == FAILED)
    assert rewarding.of(failed) == min(done)


@pytest.mark.parametrize(
    "reward", [None, Power(3, scale=0.01, last=5), Mixed(0.5, {"length": 10.0}), Capped("length", 3.0), Floor("length", 0.5, 9.0)]
)
def test_rewards_are_settings_that_a_strategy_is_made_of_again(reward) -> None:
    written = json.loads(json.dumps(None if reward is None else reward.settings()))
    assert reward_from_settings(written) == reward
    for strategy in (Reinforce(reward=reward), QLearning(reward=reward)):
        again = strategy_from_settings(json.loads(json.dumps(strategy.settings())))
        assert again.settings() == strategy.settings()


EXPERT = CELLS.build([3, 0, 3, 1, 0, 1])


def test_a_mirror_scores_its_expert_1_and_random_networks_0() -> None:
    likeness = Mirror(EXPERT).likeness(CELLS)
    assert likeness.of(EXPERT) == pytest.approx(1.0)
    drawn = [likeness.of(CELLS.random(np.random.default_rng(seed))) for seed in range(300)]
    assert abs(np.mean(drawn)) < 0.1 and max(drawn) <= 1.0 and min(drawn) >= -1.0
    nearer = [likeness.of(CELLS.build([3, 0, 3, 1, 0, answer])) for answer in range(5)]
    assert int(np.argmax(nearer)) == 1, "the expert's own last edge is a skip"
    assert np.linalg.norm(list(likeness.weights.values())) == pytest.approx(1.0)


def test_a_mirror_pulls_a_search_towards_its_expert() -> None:
    def mean_distance(weight):
        strategy = QLearning(alpha=0.1, shaping="equal", schedule=((1.0, 30), (0.1, 70)), reward=Mirror(EXPERT, weight))
        last = evolve(strategy, evaluations=100)
        last = list(last)[-20:]
        return np.mean([one.genome.distance(EXPERT) for one in last])

    assert mean_distance(1.0) < mean_distance(0.0)


def test_a_mirror_travels_as_json_and_a_search_with_one_resumes() -> None:
    strategy = QLearning(reward=Mirror(EXPERT, base=Power(2)), replay=2)
    again = strategy_from_settings(json.loads(json.dumps(strategy.settings())))
    assert again.settings() == strategy.settings()
    first = Drive(strategy, CELLS, GenesTask(0.0), 1)
    for _ in range(4):
        first.step()
    second = Drive(again, CELLS, GenesTask(0.0), 1, through_disk(strategy.state()), first)
    first.step(), second.step()
    assert first.log[-1] == second.log[-1]


@pytest.mark.parametrize(
    "space", [CHAINS, NetworkSpace((8, 8, 1), 10), DagSpace((8, 8, 1), 10)], ids=lambda space: space.encoding
)
def test_networks_grow_no_deeper_than_they_may(space) -> None:
    policy = Lstm(1, hidden=4, layers=1)
    rngs = [np.random.default_rng(seed) for seed in range(20)]
    for limit in (1, 2, 3):
        walks = policy.walk(space, rngs, grown(limit))
        parts = [max(space.question(walk.answers[:place]).part for place in range(len(walk.answers))) for walk in walks]
        genomes = [space.build(walk.answers) for walk in walks]
        if space is CHAINS:
            assert {len(genome.layers) for genome in genomes} == {limit}
        assert max(parts) <= limit + (space.encoding == "network"), "a network may stop one layer later"


def test_skips_of_a_layer_share_a_step_and_what_was_taken_comes_in_next() -> None:
    space = ChainSpace((8, 8, 1), 10, min_layers=3, max_layers=3)
    policy = Lstm(1, hidden=4, layers=1)
    walk = policy.walk(space, [np.random.default_rng(1)], everything)[0]
    assert len(walk.answers) == 3 * 4 + 3 and len(walk.steps) == 3 * 4 + 2
    assert [len(step.decided) for step in walk.steps] == [1] * 8 + [1] + [1] * 4 + [2]
    answers = [decided.chosen for decided in walk.steps[-1].decided]
    assert [decided.parts for decided in walk.steps[-1].decided] == [(3,), (8,)], "the last steps of the first two layers"
    assert set(answers) <= {0, 1}


def test_a_single_option_costs_no_probability() -> None:
    policy = Factorised(1)

    class One:
        def question(self, answers):
            return Question("the only one", ("it",)) if not answers else None

    walk = policy.walk(One(), [np.random.default_rng(1)], everything)[0]
    assert walk.answers == [0] and walk.log_probabilities == [0.0]


CUT = {
    "reinforce": lambda: Reinforce(batch=4),
    "ppo": lambda: Reinforce(policy="lstm", rule="ppo", hidden=4, batch=3),
    "q_learning": lambda: QLearning(batch=4, replay=3, schedule=SHORT),
}


@pytest.mark.parametrize("schedule", ["synchronous", "asynchronous"])
@pytest.mark.parametrize("name", CUT)
def test_a_controllers_search_that_was_cut_goes_on_as_if_it_had_not_been(name, schedule, tmp_path) -> None:
    def seen(run):
        return [(one.genome.genes(), one.values, one.status) for one in run]

    more = {"schedule": schedule, "failing": 0.2}
    whole = seen(evolve(CUT[name](), evaluations=24, **more))
    for cut in (1, 7, 16):
        evolve(CUT[name](), evaluations=cut, run=tmp_path / f"{cut}", **more)
        assert seen(evolve(CUT[name](), evaluations=24, run=tmp_path / f"{cut}", **more)) == whole


@pytest.mark.parametrize("name", CUT)
def test_a_controller_is_told_of_twins_again(name) -> None:
    run = evolve(CUT[name](), evaluations=20, once=True)
    keys = [one.genome.key() for one in run]
    assert run.evaluations == 20 and len({(key, one.values["length"]) for key, one in zip(keys, run, strict=True)}) == 20


def learned(strategy, space=CELLS, evaluations=12):
    task = ne.tasks.Function(lambda genome: len(json.dumps(genome.genes())) / 100, of="genome")
    return ne.evolve(space, task, strategy=strategy, budget=ne.Budget(evaluations=evaluations), seed=1, progress=False)


@pytest.mark.parametrize(
    ("strategy", "kind"), [(Reinforce(), "probability"), (QLearning(schedule=SHORT, replay=3), "value")], ids=["policy", "values"]
)
@pytest.mark.parametrize("space", [CELLS, CHAINS], ids=["cells", "chains"])
def test_what_a_controller_learned_is_drawn(strategy, kind, space) -> None:
    run = learned(strategy, space)
    named, data = ne.plots.decisions_data(run)
    assert named == kind
    row = run.summaries[-1]
    asked = [space.question(row["decisions"][:place]) for place in range(len(row["decisions"]))]
    assert [(one.about, one.options) for one in data] == [(question.about, question.options) for question in asked]
    for one, decision in zip(data, row["decisions"], strict=True):
        assert one.numbers.shape == (len(one.generations), len(one.options)) and int(one.numbers[-1].argmax()) == decision
        if kind == "probability":
            np.testing.assert_allclose(one.numbers.sum(axis=1), 1.0, atol=1e-3)
    figure = ne.plots.decisions(run)
    texts = [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()]
    assert texts == [one.about for one in data if len(one.options) > 1][:12]


def test_what_has_no_controller_or_mirror_is_refused_in_a_sentence() -> None:
    run = learned(ne.strategies.RandomSearch(batch=4))
    with pytest.raises(ValueError, match=r"no decisions to draw: RandomSearch is no controller"):
        ne.plots.decisions(run)
    with pytest.raises(ValueError, match="no mirror to draw"):
        ne.plots.mirror(run)


def test_a_mirrors_pull_is_drawn() -> None:
    run = learned(QLearning(schedule=SHORT, replay=3, reward=Mirror(EXPERT, objective="fitness")))
    data = ne.plots.mirror_data(run)
    assert list(data.weights) == sorted(data.weights, reverse=True) and data.weights[0] > 0
    assert data.likeness.tolist() == [Mirror(EXPERT).likeness(CELLS, 1).of(one.genome) for one in run]
    assert "skip over 3" in data.features and not any("#" in name for name in data.features)
    assert len(ne.plots.mirror(run).axes) == 2


@pytest.mark.parametrize("make", POLICIES[:2], ids=["factorised", "lstm"])
def test_looking_at_a_policy_changes_nothing(make) -> None:
    policy = make()
    policy.walk(CHAINS, [np.random.default_rng(1)], everything)
    names, arrays = policy.names(), {name: array.copy() for name, array in policy.arrays.items()}
    policy.likeliest(CHAINS, grown(4))
    assert policy.names() == names and all(np.array_equal(policy.arrays[name], array) for name, array in arrays.items())


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("Power(3, last=5)", Power(3, last=5)),
        (" Mixed(0.8, {'flops': 2e6}) ", Mixed(0.8, {"flops": 2e6})),
        ("capped('flops', 1e6)", Capped("flops", 1e6)),
        ("Power", Power()),
    ],
)
def test_a_reward_may_be_written_as_a_text(text, reward) -> None:
    assert Reinforce(reward=text).reward == reward == QLearning(reward=text).reward


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Powr(3)", "unknown reward 'Powr'; did you mean 'Power'"),
        ("Power(exponents=3)", "a reward is written as Power"),
        ("__import__('os').getcwd()", "a reward is written as Power"),
        ("Power(2 ** 3)", "a reward is written as Power"),
        ("Power(", "a reward is written as Power"),
        ("Power(-1)", "exponent must be > 0"),
        ("", "a reward is written as Power"),
    ],
)
def test_a_text_that_is_no_reward_is_a_sentence(text, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        Reinforce(reward=text)


def few_edges(individual) -> float:
    return float(individual.genome.genes().count("none"))


def test_a_function_as_reward_is_recorded_by_its_name_and_asked_for_where_it_is_not_imported() -> None:
    settings = json.loads(json.dumps(Reinforce(reward=few_edges).settings()))
    assert settings["reward"] == {"reward": "function", "name": f"{__name__}.few_edges"}
    assert strategy_from_settings(settings).reward is few_edges
    settings["reward"]["name"] = "nowhere.at_all"
    with pytest.raises(ValueError, match=r"this run's reward is the Python function nowhere.at_all"):
        strategy_from_settings(settings)
