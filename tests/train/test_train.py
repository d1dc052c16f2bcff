"""The harnesses as a lesson calls them: forms of rules, what they print, bad input."""

import itertools
import re

import numpy as np
import pytest

from d2lopt.conventions.table import ROWS, nearest
from d2lopt.errors import InputError
from d2lopt.rules import optimizers as rules
from d2lopt.rules.pieces import ByLr, ByRms, Chain
from d2lopt.train import built_in
from d2lopt.train import scratch as train

HYPERPARAMS = {"lr": 0.01, "gamma": 0.9}


@pytest.fixture
def problem(d2l):
    return d2l.get_data_ch11(10, source="stand-in")


@pytest.fixture
def states(d2l):
    def fresh():
        return d2l.variable(d2l.zeros((5, 1))), d2l.variable(d2l.zeros(1))

    return fresh


def portable(d2l):
    def rmsprop(params, grads, states, hyperparams):
        gamma = hyperparams["gamma"]
        for p, g, s in zip(params, grads, states, strict=True):
            d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
            d2l.assign(p, p - hyperparams["lr"] * g / d2l.sqrt(s + 1e-6))

    return rmsprop


def book_form(d2l):
    def rmsprop(params, states, hyperparams):
        gamma = hyperparams["gamma"]
        for p, s in zip(params, states, strict=True):
            d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(p.grad))
            d2l.assign(p, p - hyperparams["lr"] * p.grad / d2l.sqrt(s + 1e-6))

    return rmsprop


def test_train_ch11_takes_both_forms_prints_and_returns(d2l, problem, states, capsys):
    found = {}
    for form in (portable, book_form):
        times, losses = d2l.train_ch11(form(d2l), states(), HYPERPARAMS, *problem)
        line = capsys.readouterr().out.splitlines()[0]
        assert re.fullmatch(r"loss: 0\.\d{3}, \d+\.\d{3} sec/epoch", line)
        assert line.startswith(f"loss: {losses[-1]:.3f},")
        assert len(times) == len(losses) == 16
        assert times == sorted(times)
        assert times[0] >= 0
        found[form] = losses
    assert found[portable] == pytest.approx(found[book_form], rel=1e-6)
    assert found[portable][0] > 0.4 > 0.26 > found[portable][-1]


def test_the_caller_keeps_the_states(d2l, problem, states):
    mine = states()
    d2l.train_ch11(portable(d2l), mine, HYPERPARAMS, *problem, num_epochs=1)
    assert float(d2l.numpy(mine[0]).min()) > 0


def test_any_iterable_of_pairs_is_data(d2l, states):
    """Pairs of tensors, X (n, 5) and y (n,), of different n."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 5)), rng.normal(size=50)
    cuts = [0, 16, 32, 48, 50]
    pairs = [
        (d2l.tensor(X[a:b]), d2l.tensor(y[a:b])) for a, b in itertools.pairwise(cuts)
    ]
    rule = portable(d2l)
    _, losses = d2l.train_ch11(rule, states(), HYPERPARAMS, pairs, 5, num_epochs=6)
    w = np.random.default_rng(0).normal(0.0, 0.01, (5, 1))
    start = ((X @ w)[:, 0] - y).astype("float32")
    assert losses[0] == pytest.approx(np.mean(start**2) / 2, rel=1e-6)
    assert losses[-1] < losses[0]
    assert len(losses) == 3  # before step 0, after 20, after 24


def test_get_data_ch11(d2l):
    data_iter, feature_dim = d2l.get_data_ch11(batch_size=32, n=100, source="stand-in")
    assert feature_dim == 5
    shapes = [(d2l.numpy(X).shape, d2l.numpy(y).shape) for X, y in data_iter]
    assert len(data_iter) == len(shapes) == 4
    assert shapes == [((32, 5), (32,))] * 3 + [((4, 5), (4,))]


def test_a_built_in_optimizer_takes_float64_or_says_that_it_does_not(d2l, backend):
    data_iter, feature_dim = d2l.get_data_ch11(
        500, source="stand-in", quiet=True, dtype="float64"
    )
    for row in ROWS[backend]:
        trainer, settings = row.resolve(d2l, {"lr": 0.01})
        said = ""
        try:
            curve = built_in(d2l, trainer, settings, data_iter, feature_dim, 1)
        except InputError as error:
            said = str(error)
        if said:
            assert " keeps its state in float32, so it cannot take parameters" in said
            assert said.endswith("choose float32 (--dtype float32).")
        else:
            assert curve.losses[-1] < curve.losses[0]


def test_linreg_and_squared_loss(d2l):
    X, w = d2l.tensor([[1.0, 2.0]]), d2l.tensor([[3.0], [4.0]])
    y_hat = d2l.linreg(X, w, d2l.tensor([0.5]))
    assert d2l.numpy(y_hat).tolist() == [[11.5]]
    loss = d2l.squared_loss(y_hat, d2l.tensor([10.5]))
    assert d2l.numpy(loss).tolist() == [[0.5]]


def test_train_2d_ends_where_the_chapter_says(d2l, capsys):
    def rmsprop_2d(x1, x2, s1, s2):
        g1, g2 = 0.2 * x1, 4 * x2
        s1, s2 = 0.9 * s1 + 0.1 * g1**2, 0.9 * s2 + 0.1 * g2**2
        return (
            x1 - 0.4 / (s1 + 1e-6) ** 0.5 * g1,
            x2 - 0.4 / (s2 + 1e-6) ** 0.5 * g2,
            s1,
            s2,
        )

    results = d2l.train_2d(rmsprop_2d)
    assert capsys.readouterr().out == "epoch 20, x1: -0.010599, x2: 0.000000\n"
    assert len(results) == 21
    assert results[0] == (-5.0, -2.0)


def test_train_2d_hands_the_gradient_on(d2l):
    def gd_2d(x1, x2, s1, s2, f_grad):
        g1, g2 = f_grad(x1, x2)
        return x1 - 0.1 * g1, x2 - 0.1 * g2, 0, 0

    results = d2l.train_2d(gd_2d, 3, f_grad=lambda x1, x2: (2 * x1, 0.0))
    assert results[-1] == pytest.approx((-5 * 0.8**3, -2.0))


# --------------------------------------------------------------------------- divergence


@pytest.mark.parametrize("library", [True, False])
def test_a_run_stops_where_the_loss_is_no_number(d2l, problem, library):
    data_iter, feature_dim = problem
    rule = d2l.rmsprop if library else portable(d2l)
    curve = train.from_scratch(
        d2l,
        rule,
        lambda params: rules.zeros_for_each(d2l, params),
        HYPERPARAMS | {"lr": 1e25},
        data_iter,
        feature_dim,
    )
    assert re.search(r"the loss became (inf|nan) by step 20 of 300", curve.diverged)
    assert len(curve.losses) == len(curve.times) == len(curve.steps) == 1
    assert np.isfinite(curve.losses).all()


# ---------------------------------------------------------------------------- bad input


def test_a_rule_with_the_wrong_number_of_arguments(d2l, problem, states):
    with pytest.raises(InputError, match=r"2 arguments; a rule takes \(params, grads"):
        d2l.train_ch11(lambda params, grads: None, states(), HYPERPARAMS, *problem)


def test_states_of_the_wrong_shape(d2l, problem):
    wrong = d2l.variable(d2l.zeros((1, 5))), d2l.variable(d2l.zeros(1))
    with pytest.raises(InputError, match=r"states\[0\] has shape \(1, 5\).*\(5, 1\)"):
        d2l.train_ch11(portable(d2l), wrong, HYPERPARAMS, *problem)


def test_states_of_a_library_rule_are_its_own(d2l, problem, states):
    """Left out, the rule starts itself; given, they have the form that it keeps.

    Then w and b are two parameters for it, else one: the same but for rounding.
    """
    stepped = [
        d2l.train_ch11(d2l.rmsprop, s, HYPERPARAMS, *problem, 1, compile=False)[1]
        for s in (None, states())
    ]
    assert stepped[0] == stepped[1]
    _, alone = d2l.train_ch11(d2l.rmsprop, None, HYPERPARAMS, *problem, 1)
    _, given = d2l.train_ch11(d2l.rmsprop, states(), HYPERPARAMS, *problem, 1)
    assert alone == pytest.approx(given, rel=1e-6)
    chain = Chain(ByRms(), ByLr())
    numbers = HYPERPARAMS | {"eps": 1e-6}
    _, chained = d2l.train_ch11(chain, None, numbers, *problem, 1)
    assert chained == pytest.approx(alone, rel=1e-6)
    w, b = states()
    for wrong, message in [
        ((w,), "there are 1 states for 2 parameters"),
        (((w, w), b), r"states\[0\] has 2 variables; the rule keeps 1"),
        ((0.0, b), r"states\[0\] is 0.0: make it a d2l.variable"),
        ((b, b), r"states\[0\] has shape \(1,\); its parameter has shape \(5, 1\)"),
    ]:
        with pytest.raises(InputError, match=message):
            d2l.train_ch11(d2l.rmsprop, wrong, HYPERPARAMS, *problem)


def test_a_tensor_that_cannot_change_is_no_state(d2l, problem):
    start = d2l.zeros((5, 1)), d2l.zeros(1)
    try:
        for x in start:
            d2l.assign(x, x * 1)
    except (AttributeError, TypeError):
        with pytest.raises(InputError, match=r"states\[0\] cannot change: make it a"):
            d2l.train_ch11(portable(d2l), start, HYPERPARAMS, *problem)
    else:
        d2l.train_ch11(portable(d2l), start, HYPERPARAMS, *problem, 1)


def test_a_rule_that_changes_nothing_is_warned_of(d2l, problem):
    def pure(params, grads, states, hyperparams):
        return [p - 0.1 * g for p, g in zip(params, grads, strict=True)]

    with pytest.warns(UserWarning, match="changed no parameter"):
        d2l.train_ch11(pure, None, {}, *problem, 1)


def test_a_rule_may_keep_a_count_among_its_hyperparameters(d2l, problem):
    """As the book's Adam does; beside a schedule too."""
    counts = []

    def rule(params, grads, states, hyperparams):
        counts.append(hyperparams["t"])
        hyperparams["t"] += 1
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - hyperparams["lr"] * g)

    numbers = {"lr": lambda step: 0.1, "t": 1}
    d2l.train_ch11(rule, None, numbers, *problem, 1)
    assert counts == list(range(1, 151))


@pytest.mark.parametrize("value", [-0.01, None, float("inf")])
def test_a_schedule_that_leaves_the_range(d2l, problem, value):
    numbers = {"lr": lambda step: 0.1 if step < 30 else value}
    with pytest.raises(InputError, match="the schedule's lr must be a"):
        d2l.train_ch11(d2l.sgd, None, numbers, *problem)


def test_numbers_of_numpy_are_numbers(d2l):
    data_iter, feature_dim = d2l.get_data_ch11(np.int64(500), source="stand-in")
    numbers = {"lr": np.float32(0.1)}
    d2l.train_ch11(d2l.sgd, None, numbers, data_iter, feature_dim, np.int64(1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": -5}, "n must be from 1 to 1500; got -5"),
        ({"n": 2000}, "n must be from 1 to 1500"),
        ({"dtype": "float16"}, "dtype must be float32 or float64"),
    ],
)
def test_bad_arguments_of_get_data(d2l, arguments, message):
    with pytest.raises(InputError, match=message):
        d2l.get_data_ch11(10, source="stand-in", **arguments)


def test_no_rule_and_no_data(d2l, problem):
    with pytest.raises(InputError, match="the rule must be a function or a chain"):
        d2l.train_ch11(None, None, {}, *problem)
    with pytest.raises(InputError, match="data_iter must give .X, y. pairs; got None"):
        d2l.train_ch11(d2l.sgd, None, {"lr": 0.1}, None, 5)


def test_forms_with_defaults_and_any_number_of_arguments(d2l, problem, states):
    def defaulted(params, grads, states, hyperparams=None):
        d2l.sgd(params, grads, states, {"lr": 0.1})

    def any_number(*arguments):
        d2l.sgd(*arguments[:3], {"lr": 0.1})

    found = [
        d2l.train_ch11(rule, None, {}, *problem, 1)[1]
        for rule in (defaulted, any_number)
    ]
    assert found[0] == found[1]
    assert found[0][-1] < 0.3


def test_states_that_are_no_sequence(d2l, problem):
    with pytest.raises(InputError, match="tuple or list; got float"):
        d2l.train_ch11(portable(d2l), 0.5, HYPERPARAMS, *problem)


def test_nested_states_and_step_counts_are_accepted(d2l, problem, states):
    def rule(params, grads, states, hyperparams):
        for p, g, (s, t) in zip(params, grads, states, strict=True):
            d2l.assign(t, t + 1.0)
            d2l.assign(s, s + d2l.square(g))
            d2l.assign(p, p - 0.1 * g / d2l.sqrt(s + 1e-6))

    nested = [(s, d2l.variable(d2l.zeros(()))) for s in states()]
    d2l.train_ch11(rule, nested, {}, *problem, num_epochs=1)
    assert float(d2l.numpy(nested[1][1])) == 150


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"lr": None}, "lr must be a number from 0 upwards; got None"),
        ({"lr": -0.1}, "lr must be a number from 0 upwards; got -0.1"),
        ({"gamma": "0.9"}, "gamma must be a number from 0 to 1; got '0.9'"),
        ({"eps": float("nan")}, "eps must be a number from 0 upwards; got nan"),
        ({"momentum": 2.0}, "momentum"),
    ],
)
def test_a_bad_hyperparameter_is_named_with_its_range(d2l, problem, changed, message):
    data_iter, feature_dim = problem
    for rule in (d2l.rmsprop, portable(d2l)):
        states = [d2l.variable(d2l.zeros((5, 1))), d2l.variable(d2l.zeros(1))]
        with pytest.raises(ValueError, match=message):
            d2l.train_ch11(rule, states, HYPERPARAMS | changed, data_iter, feature_dim)


def test_a_library_rule_says_what_it_needs_and_does_not_know(d2l, problem, states):
    with pytest.raises(InputError, match="rmsprop needs gamma; got"):
        d2l.train_ch11(d2l.rmsprop, states(), {"lr": 0.1}, *problem)
    with pytest.raises(InputError, match="'gama'. Did you mean 'gamma'"):
        d2l.train_ch11(d2l.rmsprop, states(), HYPERPARAMS | {"gama": 1}, *problem)
    with pytest.raises(InputError, match="hyperparams must be a dict; got 0.1"):
        d2l.train_ch11(d2l.rmsprop, states(), 0.1, *problem)


def test_a_hyperparameter_that_the_rule_misses(d2l, problem, states):
    with pytest.raises(InputError, match=r"hyperparams\['gamma'\].*has 'lr'"):
        d2l.train_ch11(portable(d2l), states(), {"lr": 0.1}, *problem)


@pytest.mark.parametrize("compile", [None, True])
def test_a_name_that_another_dict_of_the_rule_lacks(d2l, problem, states, compile):
    """It is the rule's own mistake, and not a hyperparameter that is missing."""
    rates = {"fast": 0.1}

    def rule(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, p - rates["slow"] * g)

    def run(compile):
        d2l.train_ch11(rule, states(), {"lr": 0.1}, *problem, compile=compile)

    with pytest.raises((KeyError, InputError)) as caught:
        run(compile)
    assert "asks for" not in str(caught.value)
    if compile is None:
        assert caught.type is KeyError
        assert caught.traceback[-1].name == "rule"


@pytest.mark.parametrize("compile", [None, pytest.param(True, marks=pytest.mark.slow)])
def test_a_rule_may_look_whether_it_is_given_a_hyperparameter(d2l, problem, compile):
    """And take it out, or put another one in."""
    firsts = []

    def rule(params, grads, states, hyperparams):
        assert isinstance(hyperparams, dict)
        try:
            decay = hyperparams["decay"]
        except KeyError:
            decay = hyperparams.get("wd", 0.0)
        firsts.append(hyperparams.pop("first", None))
        hyperparams["last"] = hyperparams["lr"]
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, (1 - decay) * p - hyperparams["last"] * g)

    numbers = {"lr": 0.1, "first": 1.0}
    found = d2l.train_ch11(rule, None, numbers, *problem, 1, compile=compile)[1]
    sgd = d2l.train_ch11(d2l.sgd, None, {"lr": 0.1}, *problem, 1)[1]
    assert found == pytest.approx(sgd, rel=1e-6)
    assert numbers == {"lr": 0.1, "first": 1.0}
    if compile is None:
        assert firsts == [1.0] + [None] * 149


@pytest.mark.parametrize("epochs", [0, -1, 1.5, "2"])
def test_epochs_out_of_range(d2l, problem, states, epochs):
    with pytest.raises(InputError, match="epochs must be a whole number from 1"):
        d2l.train_ch11(portable(d2l), states(), HYPERPARAMS, *problem, epochs)


@pytest.mark.parametrize("size", [0, 1501, 2.5])
def test_batch_size_out_of_range(d2l, size):
    with pytest.raises(InputError, match="batch size must be .* from 1 to 1500"):
        d2l.get_data_ch11(size, source="stand-in")


def test_another_feature_dim(d2l, problem, states):
    with pytest.raises(InputError, match="feature_dim is 4; data_iter has 5 columns"):
        d2l.train_ch11(portable(d2l), states(), HYPERPARAMS, problem[0], 4)


def test_data_that_can_be_iterated_only_once(d2l, problem, states):
    once = iter([(d2l.zeros((2, 5)), d2l.zeros(2))])
    with pytest.raises(InputError, match="nothing in epoch 2"):
        d2l.train_ch11(portable(d2l), states(), HYPERPARAMS, once, 5)


def test_a_mistake_in_the_rule_itself_keeps_its_traceback(d2l, problem, states):
    def rule(params, grads, states, hyperparams):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        d2l.train_ch11(rule, states(), HYPERPARAMS, *problem)


def test_words_that_the_built_in_optimizer_does_not_know(d2l, backend, problem):
    trainer, words = train_native(d2l, backend)
    with pytest.raises(InputError, match="does not take .*momentumm"):
        d2l.train_concise_ch11(trainer, {**words, "momentumm": 1}, problem[0])


def train_native(d2l, backend):
    from d2lopt.backend.frameworks import FRAMEWORKS

    native = nearest(backend, "rmsprop", HYPERPARAMS)
    if native is None:
        pytest.skip(f"{FRAMEWORKS[backend].title} has no optimizer of its own")
    row, settings = native
    return row.resolve(d2l, settings)


def test_train_concise_ch11_prints_and_returns(d2l, backend, problem, capsys):
    trainer, words = train_native(d2l, backend)
    times, losses = d2l.train_concise_ch11(trainer, words, problem[0])
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith(f"loss: {losses[-1]:.3f},")
    assert len(times) == len(losses) == 16


@pytest.mark.parametrize("schedule", [lambda: 0.1, lambda t: "slow", lambda t: [0.1]])
def test_a_schedule_that_is_none(d2l, problem, schedule):
    hyperparams = HYPERPARAMS | {"lr": schedule}
    with pytest.raises(InputError, match=r"lr must be a (function of the step|number)"):
        d2l.train_ch11(d2l.rmsprop, None, hyperparams, *problem)


def test_a_schedule_may_give_a_tensor(d2l, problem):
    given = [
        d2l.train_ch11(d2l.rmsprop, None, HYPERPARAMS | {"lr": lr}, *problem)[1]
        for lr in (lambda t: 0.01, lambda t: d2l.tensor(0.01, "float64"))
    ]
    assert given[0] == given[1]


def test_compile_is_one_of_four(d2l, problem):
    with pytest.raises(InputError, match="'auto', True or False; got 'yes'"):
        d2l.train_ch11(d2l.rmsprop, None, HYPERPARAMS, *problem, compile="yes")


def outcome(run):
    """What a run returns, or the sentence with which it ends."""
    try:
        return run(), ""
    except InputError as error:
        return None, str(error)


def test_states_of_another_dtype(d2l):
    data = d2l.get_data_ch11(50, source="stand-in", quiet=True, dtype="float64")
    states = d2l.variable(d2l.zeros((5, 1))), d2l.variable(d2l.zeros(1))
    words = r"states\[0\] is float32 and its parameter float64: .* dtype='float64'"
    with pytest.raises(InputError, match=words):
        d2l.train_ch11(d2l.rmsprop, states, HYPERPARAMS, *data, 1)


def test_a_rule_that_cannot_be_compiled_is_told_what_to_do(d2l, problem):
    def rule(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            if float(d2l.numpy(d2l.sum(g))) > 1e9:
                raise RuntimeError("too steep")
            d2l.assign(p, p - hyperparams["lr"] * g)

    def run(compile):
        return d2l.train_ch11(rule, None, {"lr": 0.1}, *problem, compile=compile)[1]

    losses, told = outcome(lambda: run(True))
    if losses is None:
        assert re.match(
            r"the rule fails under compile=True .* leave `compile` out", told
        )
    else:  # where a step is a step
        assert losses == run(False)
