"""The promises of `d2lopt.backend.Backend`, each on every framework."""

import inspect
import math

import numpy as np
import pytest

from d2lopt.backend.contract import Backend
from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.conventions.table import ROWS, find_row, nearest
from d2lopt.errors import InputError
from d2lopt.train.problem import LinearLoss, half_mse

DTYPES = ["float32", "float64"]
ROUNDING = {"float32": 1e-6, "float64": 1e-12}

VALUES = np.array([[0.3, 2.5, 1.0], [4.0, 0.7, 1.5]])
UNARY = {
    "sqrt": np.sqrt,
    "square": np.square,
    "exp": np.exp,
    "log": np.log,
    "abs": np.abs,
    "sign": np.sign,
    "sin": np.sin,
    "cos": np.cos,
    "zeros_like": np.zeros_like,
}


def test_every_name_of_the_contract_is_there(d2l):
    names = {n for n, _ in inspect.getmembers(Backend) if not n.startswith("_")}
    names |= set(Backend.__annotations__)
    assert {"name", "fold", "sqrt"} <= names
    assert [n for n in sorted(names) if not hasattr(d2l, n)] == []


def test_name_and_version(d2l, backend):
    assert d2l.name == backend
    assert d2l.version[0].isdigit()


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensor_and_numpy_keep_values_shape_and_dtype(d2l, dtype):
    x = d2l.numpy(d2l.tensor(VALUES, dtype))
    assert isinstance(x, np.ndarray)
    assert (x.dtype.name, x.shape) == (dtype, VALUES.shape)
    np.testing.assert_array_equal(x, VALUES.astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_constructors(d2l, dtype):
    for made, expected in [
        (d2l.zeros((2, 3), dtype=dtype), np.zeros((2, 3))),
        (d2l.zeros(1, dtype=dtype), np.zeros(1)),
        (d2l.ones((3, 1), dtype=dtype), np.ones((3, 1))),
        (d2l.arange(5, dtype=dtype), np.arange(5)),
        (d2l.arange(-1, 1, 0.5, dtype=dtype), [-1, -0.5, 0, 0.5]),
    ]:
        made = d2l.numpy(made)
        np.testing.assert_array_equal(made, expected)
        assert made.dtype.name == dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_elementwise(d2l, name, dtype):
    for values in (VALUES, -VALUES) if name not in ("sqrt", "log") else (VALUES,):
        found = d2l.numpy(getattr(d2l, name)(d2l.tensor(values, dtype)))
        assert found.dtype.name == dtype
        expected = UNARY[name](values.astype(dtype))
        np.testing.assert_allclose(found, expected, rtol=ROUNDING[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_arguments_and_whole_tensors(d2l, dtype):
    x, y = d2l.tensor(VALUES, dtype), d2l.tensor(VALUES[::-1].copy(), dtype)
    a, b = d2l.numpy(x), d2l.numpy(y)
    for found, expected in [
        (d2l.maximum(x, y), np.maximum(a, b)),
        (d2l.minimum(x, y), np.minimum(a, b)),
        (d2l.matmul(x, d2l.reshape(y, (3, 2))), a @ b.reshape(3, 2)),
        (d2l.sum(x), a.sum()),
        (d2l.mean(x), a.mean()),
    ]:
        found = d2l.numpy(found)
        assert found.shape == np.shape(expected)
        assert found.dtype.name == dtype
        np.testing.assert_allclose(found, expected, rtol=ROUNDING[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
def test_python_floats_take_the_dtype_of_the_tensor(d2l, dtype):
    x = d2l.tensor(VALUES, dtype)
    a = d2l.numpy(x)
    for found, expected in [
        (0.1 * x + 1e-6, 0.1 * a + 1e-6),
        (1 - x / 3.0, 1 - a / 3.0),
        (2.0 / x - 1, 2.0 / a - 1),
        (x**2, a**2),
        (-x, -a),
    ]:
        found = d2l.numpy(found)
        assert found.dtype.name == dtype
        np.testing.assert_allclose(found, expected, rtol=ROUNDING[dtype])


# -------------------------------------------------------------------------------- state


def test_every_holder_of_a_variable_sees_what_is_assigned(d2l):
    x = d2l.variable(d2l.zeros((2, 3)))
    holders = [x, {"p": x}["p"]]
    d2l.assign(x, d2l.tensor(VALUES))
    for held in holders:
        np.testing.assert_array_equal(d2l.numpy(held + 0.0), VALUES.astype("float32"))


def test_a_variable_shares_nothing_with_its_start(d2l):
    start = d2l.variable(d2l.tensor(VALUES))
    x = d2l.variable(start)
    d2l.assign(x, d2l.zeros((2, 3)))
    np.testing.assert_array_equal(d2l.numpy(start), VALUES.astype("float32"))


def test_assign_reads_its_value_before_it_writes(d2l):
    x = d2l.variable(d2l.tensor(VALUES, "float64"))
    d2l.assign(x, x - 2.0 * x + d2l.square(x))
    np.testing.assert_allclose(d2l.numpy(x), VALUES**2 - VALUES, rtol=1e-12)


def test_assign_refuses_another_shape(d2l):
    x = d2l.variable(d2l.zeros((2, 1)))
    with pytest.raises(Exception, match=r"(?i)shape|size|broadcast"):
        d2l.assign(x, d2l.zeros((2, 3)))
    assert d2l.numpy(x).shape == (2, 1)


def test_hold_grad(d2l):
    x, g = d2l.variable(d2l.zeros((2, 3))), d2l.tensor(VALUES)
    held = d2l.hold_grad(x, g)
    np.testing.assert_array_equal(d2l.numpy(held.grad), VALUES.astype("float32"))
    d2l.assign(held, g)
    np.testing.assert_array_equal(d2l.numpy(x), VALUES.astype("float32"))


# ---------------------------------------------------------------------------- gradients


def linear_problem(d2l, dtype, rows=30):
    rng = np.random.default_rng(3)
    w, b, X = rng.normal(size=(5, 1)), rng.normal(size=1), rng.normal(size=(rows, 5))
    y, weight = rng.normal(size=(rows, 1)), np.full((rows, 1), 1 / rows)
    params = [d2l.variable(d2l.tensor(v, dtype)) for v in (w, b)]
    return params, [d2l.tensor(v, dtype) for v in (X, y, weight)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_agree_with_those_written_by_hand(d2l, oracle, dtype):
    params, batch = linear_problem(d2l, dtype)
    value, grads = d2l.value_and_grad(LinearLoss(d2l))(params, *batch)
    exact = LinearLoss(oracle).value_and_grad(*linear_problem_in_float64(oracle))
    assert float(d2l.numpy(value)) == pytest.approx(exact[0], rel=ROUNDING[dtype])
    for found, expected in zip(grads, exact[1], strict=True):
        found = d2l.numpy(found)
        assert found.dtype.name == dtype
        np.testing.assert_allclose(found, expected, rtol=ROUNDING[dtype])


def linear_problem_in_float64(oracle):
    params, batch = linear_problem(oracle, "float64")
    return (params, *batch)


def test_the_gradient_by_hand_is_the_slope_of_the_loss(oracle):
    params, batch = linear_problem(oracle, "float64")
    loss = LinearLoss(oracle)
    _, grads = loss.value_and_grad(params, *batch)
    for p, g in zip(params, grads, strict=True):
        for i in np.ndindex(p.shape):
            ends = []
            for sign in (1, -1):
                moved = [q.copy() if q is p else q for q in params]
                moved[[q is p for q in params].index(True)][i] += sign * 1e-5
                ends.append(loss(moved, *batch))
            assert g[i] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-8)


def test_gradients_of_an_earlier_call_stay(d2l):
    params, batch = linear_problem(d2l, "float32")
    gradient = d2l.value_and_grad(LinearLoss(d2l))
    _, first = gradient(params, *batch)
    before = d2l.numpy(first[0]).copy()
    d2l.assign(params[0], params[0] + 1.0)
    gradient(params, *batch)
    np.testing.assert_array_equal(d2l.numpy(first[0]), before)


def test_numpy_says_that_it_does_not_differentiate(oracle):
    with pytest.raises(InputError, match="value_and_grad"):
        oracle.value_and_grad(lambda params: params[0] ** 2)


# --------------------------------------------------------------------------------- fold


@pytest.mark.parametrize("compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_fold_applies_a_step_over_the_first_axis(d2l, compile):
    x = d2l.variable(d2l.zeros(3, dtype="float64"))
    rows = np.arange(12.0).reshape(4, 3)

    def step(state, batch):
        (x, factor), (row,) = state, batch
        d2l.assign(x, factor * x + row)
        return d2l.sum(x)

    seen = []
    batches = [d2l.tensor(rows, "float64")]
    d2l.fold(
        step, (x, 0.5), batches, lambda v: seen.append(float(d2l.numpy(v))), compile
    )
    expected, sums = np.zeros(3), []
    for row in rows:
        expected = 0.5 * expected + row
        sums.append(expected.sum())
    np.testing.assert_allclose(d2l.numpy(x), expected, rtol=1e-12)
    np.testing.assert_allclose(seen, sums, rtol=1e-12)


@pytest.mark.parametrize("compile", [False, None, True])
def test_a_variable_may_follow_from_itself_or_another(d2l, compile):
    """A count of the steps, a decay, and the last value of another variable."""
    count, x, last = (d2l.variable(d2l.ones(())) for _ in range(3))

    def step(state, batch):
        count, x, last = state
        d2l.assign(last, x)
        d2l.assign(count, count + 1)
        d2l.assign(x, 0.5 * x)

    d2l.fold(step, (count, x, last), [d2l.zeros(3)], None, compile)
    found = [float(d2l.numpy(v)) for v in (count, x, last)]
    assert found == [4.0, 0.125, 0.25]


@pytest.mark.parametrize("compile", [False, None, True])
def test_a_variable_may_stand_twice_in_a_state(d2l, compile):
    x = d2l.variable(d2l.ones(()))

    def step(state, batch):
        d2l.assign(state[0], state[1] + 1)

    d2l.fold(step, (x, x), [d2l.zeros(3)], None, compile)
    assert float(d2l.numpy(x)) == 4.0


@pytest.mark.parametrize("compile", [False, True])
def test_a_hyperparameter_in_a_fold_keeps_float64(d2l, compile):
    """1 − γ for γ near 1 loses nothing, although the tensors are float32."""
    x = d2l.variable(d2l.ones(1))

    def step(state, batch):
        x, hyperparams = state
        d2l.assign(x, (1 - hyperparams["gamma"]) ** 2 / hyperparams["lr"] * x)

    gamma, lr = 0.9999, 1e-6
    d2l.fold(step, (x, {"gamma": gamma, "lr": lr}), [d2l.ones(1)], None, compile)
    assert float(d2l.numpy(x)[0]) == pytest.approx((1 - gamma) ** 2 / lr, rel=1e-6)


def test_watch_can_stop_a_fold(d2l):
    x = d2l.variable(d2l.zeros(()))
    seen = []

    def step(state, batch):
        d2l.assign(state, state + 1.0)
        return state + 0.0

    def watch(value):
        seen.append(float(d2l.numpy(value)))
        if len(seen) == 2:
            raise StopIteration

    with pytest.raises(StopIteration):
        d2l.fold(step, x, [d2l.zeros(5)], watch)
    assert seen == [1.0, 2.0]


# ------------------------------------------------------------ the framework's own parts


def needs_own_optimizer(backend):
    if not ROWS[backend]:
        pytest.skip(f"{FRAMEWORKS[backend].title} has no optimizer of its own")


@pytest.mark.parametrize("dtype", DTYPES)
def test_linear_starts_at_the_given_weights(d2l, backend, dtype):
    needs_own_optimizer(backend)
    (w, b), (X, _, _) = linear_problem(d2l, dtype)
    found = d2l.numpy(d2l.linear(w, b)(X))
    expected = d2l.numpy(d2l.matmul(X, w) + b)
    assert found.dtype.name == dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for held, start in zip(d2l.weights(d2l.linear(w, b)), (w, b), strict=True):
        np.testing.assert_array_equal(d2l.numpy(held), d2l.numpy(start))


def test_native_step_lowers_the_loss(d2l, backend):
    needs_own_optimizer(backend)
    (w, b), batch = linear_problem(d2l, "float32")
    net = d2l.linear(w, b)
    row, settings = nearest(backend, "rmsprop", {"lr": 0.01, "gamma": 0.9})

    def loss(*rest):
        return half_mse(d2l, *rest)

    step, state = d2l.native_step(*row.resolve(d2l, settings), net, loss)
    before = float(d2l.numpy(loss(net(batch[0]), *batch[1:])))
    for _ in range(5):
        step(state, batch)
    assert float(d2l.numpy(loss(net(batch[0]), *batch[1:]))) < 0.99 * before


def test_an_unknown_built_in_optimizer_is_named(d2l, backend):
    needs_own_optimizer(backend)
    name = find_row(backend, "rmsprop").name
    with pytest.raises(InputError, match=f"Did you mean '{name.split('.')[-1]}'"):
        d2l.builtin(name + "p")


def test_numpy_says_that_it_has_no_optimizer(oracle):
    for part in (oracle.linear, oracle.builtin, oracle.native_step):
        with pytest.raises(InputError, match="no optimizer of its own"):
            part("rmsprop")


def test_the_loss_is_half_the_mean_square(d2l):
    _, (_, y, weight) = linear_problem(d2l, "float64")
    found = float(d2l.numpy(half_mse(d2l, y * 0.0, y, weight)))
    assert found == pytest.approx(np.mean(d2l.numpy(y) ** 2) / 2, rel=1e-12)
    assert math.isfinite(found)
