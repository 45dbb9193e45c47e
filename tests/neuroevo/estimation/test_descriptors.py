"""Descriptors: what phenotypes did comes back with their scores, and what is no description is a recorded failure."""

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core.individual import Individual
from neuroevo.core.streams import stream
from neuroevo.core.trial import Trial
from neuroevo.estimation import Direct, Episodes, FullTraining, GradientTraining
from neuroevo.tasks import Classification, Context, Environment, Function

pytestmark = pytest.mark.usefixtures("compiled_once")

SPACE = NeatSpace(inputs=2, outputs=1)
X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def trial(count=3, space=SPACE, **more):
    names = more.pop("names", ("fitness",))
    return Trial(
        0, tuple(Individual(i, space.random(stream(1, i)), (1.0,) * len(names), names=names) for i in range(count)), **more
    )


def outputs_of(network):
    return network(X)[:, 0]


def total(network):
    return float(outputs_of(network).sum())


def test_a_custom_fitness_describes_what_networks_did():
    given = trial()
    result = Direct().measure(given, Function(total, descriptors=outputs_of), Context())
    assert result.descriptors.dtype == np.float64 and result.descriptors.shape == (3, 3)
    for row, individual in enumerate(given.individuals):
        assert np.array_equal(result.descriptors[row], outputs_of(individual.network()))
    assert Direct().measure(given, Function(total), Context()).descriptors is None


def test_a_fitness_may_return_its_descriptors_so_that_nothing_runs_twice():
    calls = []

    def walk(network):
        calls.append(network)
        return {"reward": total(network), "ended": outputs_of(network)[:2], "steps": 3}

    task = Function(walk, {"reward": ne.maximise}, descriptors="ended")
    result = Direct().measure(trial(), task, Context())
    assert len(calls) == 3 and result.descriptors.shape == (3, 2)
    assert result.info[0]["scores"] == {"steps": 3.0}
    result = Direct().measure(
        trial(), Function(lambda n: {"reward": 1.0}, {"reward": ne.maximise}, descriptors="ended"), Context()
    )
    assert "returned no 'ended'" in result.reasons[0] and np.isnan(result.values).all()
    with pytest.raises(ValueError, match="is an objective"):
        Function(walk, {"reward": ne.maximise}, descriptors="reward")
    with pytest.raises(TypeError, match="function of the network, or a name"):
        Function(walk, descriptors=3)


def test_a_whole_population_is_described_at_once():
    @ne.population_fitness
    def sums(population):
        return population(X)[:, :, 0].sum(axis=1)

    given = trial()
    result = Direct().measure(given, Function(sums, descriptors=lambda population: population(X)[:, :, 0]), Context())
    one_by_one = Direct().measure(given, Function(total, descriptors=outputs_of), Context())
    assert np.allclose(result.descriptors, one_by_one.descriptors)
    for wrong, said in (
        (lambda p: np.zeros(3), "numbers [members, d], here [3, d], got an array of shape (3,)"),
        (lambda p: np.zeros((2, 4)), "got an array of shape (2, 4)"),
        (lambda p: "here", "got 'here'"),
    ):
        result = Direct().measure(given, Function(sums, descriptors=wrong), Context())
        assert sorted(result.reasons) == [0, 1, 2] and said in result.reasons[0] and np.isnan(result.values).all()
    second = np.array([[1.0], [np.inf], [2.0]])
    result = Direct().measure(given, Function(sums, descriptors=lambda p: second), Context())
    assert list(result.reasons) == [1] and "must be finite, got [inf]" in result.reasons[1]
    assert np.isnan(result.descriptors[1]).all() and np.isnan(result.values[1]).all()
    assert result.descriptors[[0, 2], 0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ([1.0, np.nan], "descriptors must be finite, got [1.0, nan]"),
        ([1.0], "the first had 2, this one has 1"),
        ([[1.0, 2.0]], "got an array of shape (1, 2)"),
        ([], "got an array of shape (0,)"),
        (3.0, "got an array of shape ()"),
        (None, "got None"),
        ("far", "got 'far'"),
        ({"x": 1}, "got {'x': 1}"),
    ],
)
def test_what_is_no_description_is_that_individuals_failure_alone(second, said):
    answers = iter([[0.0, 1.0], second, [2.0, 3.0]])
    result = Direct().measure(trial(), Function(total, descriptors=lambda network: next(answers)), Context())
    assert list(result.reasons) == [1] and said in result.reasons[1]
    assert np.isnan(result.values[1]).all() and np.isnan(result.descriptors[1]).all()
    assert result.descriptors[[0, 2]].tolist() == [[0.0, 1.0], [2.0, 3.0]] and np.isfinite(result.values[[0, 2]]).all()


class Widths(Classification):
    """Describes networks by how sure they are of the first samples."""

    def descriptors(self, phenotype, context):
        from neuroevo.tasks.supervised import outputs_of

        return outputs_of(phenotype, self.dataset.validation.x[:2]).ravel()


def test_trained_networks_are_described_after_their_training():
    task = Widths("iris", "error,parameters", seed=1)
    given = trial(2, task.default_space(starter_parameters=(60, 90)), names=("error", "parameters"))
    result = FullTraining(epochs=2).measure(given, task, Context(seed=1))
    assert result.descriptors.shape == (2, 6) and not result.reasons
    (individual, _) = given.individuals
    individual.artifact = result.artifacts[0]
    assert np.allclose(task.descriptors(individual.model(), Context()), result.descriptors[0], atol=1e-5)


def test_networks_trained_by_gradient_are_described_with_their_trained_weights():
    given = trial(options={"inheritance": "baldwinian"})
    x = np.random.default_rng(0).normal(size=(20, 2))
    estimation = GradientTraining((x, x[:, :1]), steps=5)
    result = estimation.measure(given, Function(total, descriptors=outputs_of), Context())
    untrained = Direct().measure(given, Function(total, descriptors=outputs_of), Context())
    assert result.descriptors.shape == (3, 3) and not np.allclose(result.descriptors, untrained.descriptors)
    task = Widths("iris", "error", seed=1)
    space = NeatSpace(inputs=4, outputs=3, output_activation="identity")
    given = trial(2, space, names=("error",), options={"inheritance": "baldwinian"})
    result = GradientTraining(steps=5).measure(given, task, Context())
    assert result.descriptors.shape == (2, 6)


gymnasium = pytest.importorskip("gymnasium")


class Line(gymnasium.Env):
    """A place on a line that moves by the action; ends beyond 3."""

    observation_space = gymnasium.spaces.Box(-9.0, 9.0, (2,), np.float64)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = float(self.np_random.uniform(-1, 1))
        return np.array([self.place, 1.0]), {}

    def step(self, action):
        self.place += 0.7 if action == 1 else -0.4
        return np.array([self.place, 1.0]), self.place, abs(self.place) > 3, False, {}


def ended(episodes):
    return [episodes[0].observations[-1][0], float(episodes[-1].steps), episodes[0].reward, float(len(episodes))]


def test_episodes_are_described_by_what_was_seen_in_them():
    task = Environment(Line, episodes=2, steps=30, normalise="sampled", descriptors=ended)
    given = trial(3, task.space())
    result = Episodes().measure(given, task, Context(seed=1))
    assert not result.reasons
    for row, individual in enumerate(given.individuals):
        place, steps, reward, count = result.descriptors[row]
        (first, second) = [task.player.episodes(individual.network(), [seed], 30) for seed in task.search_seeds(1, 0)]
        assert reward == first.rewards[0] and steps == second.steps[0] and count == 2
        assert abs(place) > 3 or first.steps[0] == 30
    plain = Environment(Line, episodes=2, steps=30, normalise="sampled")
    without = Episodes().measure(given, plain, Context(seed=1))
    assert (without.values == result.values).all() and without.descriptors is None
    assert np.array_equal(Direct().measure(trial(1, task.space()), task, Context(seed=1)).descriptors[0], result.descriptors[0])


def test_a_vectorised_population_is_described_member_by_member():
    def heights(episodes):
        return [episodes[0].observations[-1][2], episodes[0].steps, episodes[1].steps, episodes[0].reward]

    task = Environment("CartPole-v1", episodes=2, steps=50, normalise="none", descriptors=heights)
    given = trial(12, task.space())
    result = Episodes().measure(given, task, Context(seed=1))
    assert not result.reasons and result.descriptors.shape == (12, 4)
    steps = result.descriptors[:, 1:3]
    assert np.array_equal(steps.sum(axis=1), [info["scores"]["environment_steps"] for info in result.info])
    assert np.array_equal(result.descriptors[:, 3], steps[:, 0])  # a reward of 1 for each step
    fell = steps[:, 0] < 50
    assert fell.any() and (abs(result.descriptors[fell, 0]) > 0.2).all(), "the last observation is where the pole fell"


def test_descriptors_are_part_of_a_tasks_settings_where_there_are_any():
    assert "descriptors" not in Function(total).settings()
    assert Function(total, descriptors=outputs_of).settings()["descriptors"].endswith("outputs_of")
    assert Environment(Line, steps=9, descriptors=ended).settings()["descriptors"].endswith("ended")
    assert "descriptors" not in Environment(Line, steps=9).settings()


def test_a_repeated_evaluation_plays_other_episodes_unless_they_are_fixed():
    for seeds, differs in (("generation", True), ("birth", True), ("fixed", False)):
        task = Environment(Line, episodes=2, steps=30, seeds=seeds)
        first, again, second = (
            Episodes().measure(trial(3, task.space(), repeat=repeat), task, Context(seed=1)).values for repeat in (0, 0, 1)
        )
        assert (first == again).all() and (first != second).any() == differs
