"""The transport against an exact linear programme, a general solver, and each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, linprog, minimize
from scipy.sparse import coo_array, csr_array

from slp_core.errors import UserError
from slp_fusion.mappers.cra import transport
from slp_fusion.mappers.cra.candidates import occurrences, to_text
from slp_fusion.mappers.cra.transport import SOLVERS, entries, entropy, with_data, word_cost

Problem = tuple[csr_array, np.ndarray, np.ndarray]
both = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)


def problem(characters: int, words: int, seed: int = 0) -> Problem:
    """Costs of any kind, and marginals that some plan on the same entries meets."""
    draw = np.random.default_rng(seed)
    allowed = draw.random((characters, words)) < 0.4
    allowed[np.arange(words) % characters, np.arange(words)] = True
    rows, columns = np.nonzero(allowed)
    mass = draw.random(len(rows))
    plan = csr_array(coo_array((mass / mass.sum(), (rows, columns)), shape=allowed.shape))
    return with_data(plan, draw.random(len(rows)) * 2), plan.sum(1), plan.sum(0)


def marginals(cost: csr_array) -> tuple[np.ndarray, np.ndarray]:
    """What adds a plan's entries up, by rows and by columns."""
    rows, columns = entries(cost)
    return (
        (rows == np.arange(cost.shape[0])[:, None]).astype(float),
        (columns == np.arange(cost.shape[1])[:, None]).astype(float),
    )


def exact(cost: csr_array, a: np.ndarray, b: np.ndarray) -> float:
    """The least <P, D> by linear programming."""
    found = linprog(cost.data, A_eq=np.vstack(marginals(cost)), b_eq=np.concatenate([a, b]))
    assert found.success
    return found.fun


@both
@pytest.mark.parametrize("seed", range(4))
def test_little_regularisation_nears_the_linear_programme(
    solver: transport.Solver, seed: int
) -> None:
    cost, a, b = problem(5, 9, seed)
    least, gaps = exact(cost, a, b), []
    for reg in (0.3, 0.1, 0.03):
        plan = solver(cost, a, b, reg, np.inf)
        assert np.abs(plan.sum(1) - a).max() < 1e-4 and np.abs(plan.sum(0) - b).max() < 1e-4
        gaps.append(plan.data @ cost.data - least)
        assert -1e-4 < gaps[-1] < reg * np.log(plan.nnz)
    assert gaps[2] < gaps[1] < gaps[0] and gaps[2] < 0.02


def test_the_sparse_solver_holds_at_a_hundredth() -> None:
    cost, a, b = problem(6, 40, 1)
    plan = transport.sparse(cost, a, b, 0.01, np.inf)
    assert np.abs(plan.sum(0) - b).max() < 1e-4 and np.abs(plan.sum(1) - a).max() < 1e-12
    assert plan.data @ cost.data - exact(cost, a, b) < 0.005


@both
def test_the_more_the_words_weigh_the_nearer_they_are_met(solver: transport.Solver) -> None:
    cost, a, b = problem(5, 12)
    b = b[::-1] / b.sum()  # which no plan may meet
    cost = csr_array(np.where(cost.toarray() > 0, cost.toarray(), 1.5))  # so that all do
    errors = []
    for relaxation in (0.1, 1.0, 10.0, 100.0, 3000.0):
        plan = solver(cost, a, b, 0.5, relaxation)
        errors.append(np.abs(plan.sum(0) - b).max())
        assert np.abs(plan.sum(1) - a).max() < 1e-12
    assert errors == sorted(errors, reverse=True) and errors[-1] < 1e-4 < errors[0]


@both
@pytest.mark.parametrize(("reg", "relaxation"), [(1.0, 1.0), (0.2, 3.0), (1.0, 10.0)])
def test_it_is_the_minimum_of_what_is_minimised(
    solver: transport.Solver, reg: float, relaxation: float
) -> None:
    cost, a, b = problem(3, 5, 2)
    b = b[::-1].copy()
    by_row, by_column = marginals(cost)

    def divergence(p: np.ndarray, q: np.ndarray) -> float:
        return float(p @ np.log(p / q))

    def total(data: np.ndarray) -> float:
        entropic = reg * float(data @ np.log(data))
        return float(data @ cost.data) + entropic + relaxation * divergence(by_column @ data, b)

    found = minimize(
        total, transport.exact_rows(with_data(cost, np.full(cost.nnz, 0.1)), a).data,
        method="SLSQP", bounds=[(1e-9, 1)] * cost.nnz, options={"ftol": 1e-13, "maxiter": 1000},
        constraints=LinearConstraint(by_row, a, a),
    )  # fmt: skip
    plan = solver(cost, a, b, reg, relaxation)
    assert total(plan.data) <= found.fun + 1e-9
    assert np.allclose(plan.data, found.x, atol=1e-4)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    characters=st.integers(2, 8),
    words=st.integers(8, 30),
    reg=st.sampled_from([0.1, 0.5, 1.0, 2.0]),
    relaxation=st.sampled_from([0.5, 1.0, 10.0]),
)
def test_sparse_is_pot(
    seed: int, characters: int, words: int, reg: float, relaxation: float
) -> None:
    cost, a, b = problem(characters, words, seed)
    ours, theirs = (solve(cost, a, b, reg, relaxation) for solve in SOLVERS.values())
    assert np.abs(ours.toarray() - theirs.toarray()).max() < 1e-6
    assert abs(entropy(ours, cost) - entropy(theirs, cost)) < 1e-6


def test_pot_says_where_it_ends() -> None:
    cost, a, b = problem(6, 40, 1)
    far = with_data(cost, cost.data * 1000)
    with pytest.raises(UserError, match="sparse"):
        transport.pot(far, a, b, 0.1, 10.0)


WORDS = [to_text(word) for word in ([0], [1], [2], [0, 1], [1, 2, 1], [2, 0, 1, 3], [3, 1])]


@given(masses=st.lists(st.floats(0.01, 1), min_size=len(WORDS), max_size=len(WORDS)))
def test_the_objective_is_the_entropy_of_the_words(masses: list[float]) -> None:
    held = occurrences(WORDS, 4)
    mass = np.array(masses) / np.sum(masses)
    lengths = np.array([len(word) for word in WORDS])
    plan = with_data(held, held.data * (mass / lengths)[held.indices])  # P(i|j) as D says
    assert entropy(plan, word_cost(held)) == pytest.approx(-(mass @ np.log(mass)), abs=1e-12)


def test_cost_is_the_logarithm_of_the_length_where_no_character_comes_twice() -> None:
    cost = word_cost(occurrences(WORDS, 4)).toarray()
    assert cost[:, 5] == pytest.approx([np.log(4)] * 4)
    assert cost[:, 4] == pytest.approx([0, np.log(1.5), np.log(3), 0])


@both
def test_met_frequencies_give_back_the_segmentation(solver: transport.Solver) -> None:
    """With gamma = 1 the plan that parts the texts is the optimum: its characters are spread in
    words as D says, and no other with the same words has more entropy."""
    held, counts = occurrences(WORDS, 4), np.array([7, 2, 1, 4, 3, 2, 5])
    total = (held @ counts).sum()
    shares = held.sum(0) * counts / total
    cost = word_cost(held)
    plan = solver(cost, held @ counts / total, shares, 1.0, np.inf)
    assert np.allclose(plan.toarray(), held.toarray() * counts / total, atol=1e-8)
    assert entropy(plan, cost) == pytest.approx(-(shares @ np.log(shares)), abs=1e-8)
