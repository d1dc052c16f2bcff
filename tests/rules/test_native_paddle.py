"""`d2l.optimizer` on Paddle, held to what Paddle's own optimizers have to bear."""

import numpy as np
import pytest
from perceptron import CHAIN, CHAIN_NUMBERS, EVERY_RULE, RMSPROP, any_rule

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.errors import InputError
from d2lopt.rules import pieces
from d2lopt.rules.pieces import Chain

SGD = {"lr": 0.1}
COUPLED = Chain(pieces.CoupledL2(), pieces.ByLr())
CLIPPED = Chain(pieces.ClipByGlobalNorm(), pieces.ByLr())


@pytest.fixture
def paddle(d2l, backend):
    if backend != "paddle":
        pytest.skip(f"what {FRAMEWORKS['paddle'].title} alone can do")
    import paddle

    return paddle


def param(paddle, value, dtype="float32", **attributes):
    """A parameter of this value, with the attributes of a ParamAttr."""
    start = paddle.nn.initializer.Assign(np.asarray(value, "float64"))
    attr = paddle.ParamAttr(initializer=start, **attributes)
    return paddle.create_parameter(list(np.shape(value)), dtype, attr=attr)


def descend(opt, *pairs):
    """One step with these gradients, each for its parameter."""
    for p, grad in pairs:
        (p * grad).sum().backward()
    opt.step()
    opt.clear_grad()


# --------------------------------------------------------------------- sparse gradients


@pytest.mark.parametrize("name", EVERY_RULE)
@pytest.mark.parametrize("grouped", [False, True])
def test_an_embedding_s_sparse_gradients_train_as_dense_ones(
    d2l, paddle, name, grouped
):
    rule, numbers = any_rule(d2l, name)
    rows = [paddle.to_tensor(r) for r in ([1, 1, 3], [3, 0, 3])]
    start = paddle.nn.initializer.Assign(np.linspace(-1, 1, 10).reshape(5, 2))
    found = []
    for sparse in (True, False):
        table = paddle.nn.Embedding(
            5, 2, sparse=sparse, weight_attr=paddle.ParamAttr(initializer=start)
        )
        params = table.parameters()
        opt = d2l.optimizer(rule, **numbers)(
            parameters=[{"params": params}] if grouped else params
        )
        for r in rows:
            d2l.sum(d2l.square(table(r))).backward()
            assert table.weight.grad.is_selected_rows() == sparse
            opt.step()
            opt.clear_grad()
        found.append(table.weight.numpy())
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("clip", ["Value", "Norm", "GlobalNorm"])
def test_sparse_gradients_are_clipped_and_decay(d2l, paddle, clip):
    """By Paddle's own clips and decay, which do not all take sparse gradients."""
    found = []
    for sparse in (True, False):
        paddle.seed(1)
        table = paddle.nn.Embedding(5, 2, sparse=sparse)
        opt = d2l.optimizer(d2l.rmsprop, **RMSPROP)(
            parameters=table.parameters(),
            grad_clip=getattr(paddle.nn, f"ClipGradBy{clip}")(0.1),
            weight_decay=0.1,
        )
        loss = d2l.sum(d2l.square(table(paddle.to_tensor([1, 1, 3]))))
        loss.backward()
        opt.minimize(loss)
        found.append(table.weight.numpy())
    np.testing.assert_array_equal(*found)


# ------------------------------------------------------------------------ weight decay


def decayed(d2l, paddle, made, **attributes):
    """How far a weight of 2 goes in a step with gradient 0, and one without more."""
    p, plain = param(paddle, [2.0], **attributes), param(paddle, [2.0])
    opt = made(parameters=[p, plain])
    descend(opt, (p, 0.0), (plain, 0.0))
    return 2.0 - p.item(), 2.0 - plain.item()


@pytest.mark.parametrize("kind", ["coupled", "decoupled", "adamw", "mine"])
def test_a_regularizer_of_a_parameter_replaces_the_decay(d2l, paddle, kind):
    def mine(params, grads, states, hyperparams):
        for p, g in zip(params, grads, strict=True):
            step = g + hyperparams["weight_decay"] * p
            d2l.assign(p, p - hyperparams["lr"] * step)

    rule = {
        "coupled": COUPLED,
        "decoupled": Chain(pieces.ByLr(), pieces.Decoupled()),
        "adamw": d2l.adamw,
        "mine": mine,
    }[kind]
    numbers = {"lr": 0.1, "weight_decay": 0.5}
    if kind == "adamw":
        numbers |= {"beta1": 0.9, "beta2": 0.999}
    made = d2l.optimizer(rule, **numbers)
    L2, L1 = paddle.regularizer.L2Decay, paddle.regularizer.L1Decay
    assert decayed(d2l, paddle, made) == pytest.approx((0.1, 0.1))
    expected = pytest.approx((0.0, 0.1))
    assert decayed(d2l, paddle, made, regularizer=L2(0.0)) == expected
    assert decayed(d2l, paddle, made, regularizer=L2(0.25)) == pytest.approx(
        (0.05, 0.1)
    )
    if kind != "adamw":  # its averages would turn what is left to Paddle into steps
        found = decayed(d2l, paddle, made, regularizer=L1(0.3))
        assert found == pytest.approx((0.03, 0.1))


def test_a_chain_reads_l1_of_a_parameter_itself(d2l, paddle):
    rule = Chain(pieces.CoupledL2(), pieces.CoupledL1(), pieces.ByLr())
    made = d2l.optimizer(rule, lr=0.1, weight_decay=0.5, l1_decay=0.1)
    one = paddle.regularizer.L1Decay(0.3)
    found = decayed(d2l, paddle, made, regularizer=one)
    assert found == pytest.approx((0.03, 0.11))


def test_a_group_s_decay_is_its_own_and_leaves_attributes(d2l, paddle):
    none = paddle.regularizer.L2Decay(0.0)
    a, b = param(paddle, [2.0], regularizer=none), param(paddle, [2.0])
    c, e = param(paddle, [2.0], regularizer=none), param(paddle, [2.0])
    opt = d2l.optimizer(COUPLED, lr=0.1, weight_decay=0.5)(
        parameters=[
            {"params": [a, b]},
            {"params": [c], "weight_decay": 0.25},
            {"params": [e], "weight_decay": paddle.regularizer.L1Decay(0.3)},
        ]
    )
    descend(opt, *((p, 0.0) for p in (a, b, c, e)))
    found = [2.0 - p.item() for p in (a, b, c, e)]
    assert found == pytest.approx([0.0, 0.1, 0.05, 0.03], abs=1e-6)


@pytest.mark.parametrize("rule", ["sgd", "coupled"])
def test_weight_decay_as_paddle_s_own_take_it(d2l, paddle, rule):
    """A number, an L2Decay and an L1Decay: for sgd Paddle's, for the chain its own."""
    R = paddle.regularizer
    for decay in (0.5, 1, R.L2Decay(0.25), R.L1Decay(0.3)):
        p, q = param(paddle, [2.0]), param(paddle, [2.0])
        given = {"sgd": d2l.sgd, "coupled": COUPLED}[rule]
        mine = d2l.optimizer(given, lr=0.1)(parameters=[p], weight_decay=decay)
        theirs = paddle.optimizer.SGD(0.1, parameters=[q], weight_decay=decay)
        for opt, x in ((mine, p), (theirs, q)):
            descend(opt, (x, 3.0))
        assert p.item() == pytest.approx(q.item(), rel=1e-6)
    with pytest.raises(InputError, match="weight_decay must be a number from 0"):
        d2l.optimizer(d2l.sgd, lr=0.1)(parameters=[p], weight_decay="much")


@pytest.mark.parametrize("rule", ["sgd", "coupled"])
def test_apply_decay_param_fun_chooses_by_name(d2l, paddle, rule):
    given = {"sgd": d2l.sgd, "coupled": COUPLED}[rule]
    a, b = param(paddle, [2.0]), param(paddle, [2.0])
    opt = d2l.optimizer(given, lr=0.1)(
        parameters=[a, b],
        weight_decay=0.5,
        apply_decay_param_fun=lambda name: name == a.name,
    )
    descend(opt, (a, 0.0), (b, 0.0))
    assert [a.item(), b.item()] == pytest.approx([1.9, 2.0])
    with pytest.raises(InputError, match="function of a parameter's name"):
        d2l.optimizer(given, lr=0.1)(parameters=[a], apply_decay_param_fun="bias")


# ----------------------------------------------------------------------------- clipping


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("dtypes", [("float32",) * 2, ("float32", "float64")])
def test_a_global_norm_is_over_groups_and_dtypes(d2l, paddle, grouped, dtypes):
    a, b = (param(paddle, [0.0], dtype) for dtype in dtypes)
    params = [{"params": [p]} for p in (a, b)] if grouped else [a, b]
    opt = d2l.optimizer(CLIPPED, lr=1.0, clip=1.0)(parameters=params)
    descend(opt, (a, 3.0), (b, 4.0))
    assert [a.item(), b.item()] == pytest.approx([-0.6, -0.8])


def test_groups_that_clip_otherwise_are_refused(d2l, paddle):
    a, b = param(paddle, [0.0]), param(paddle, [0.0])
    opt = d2l.optimizer(CLIPPED, lr=1.0, clip=1.0)(
        parameters=[{"params": [a]}, {"params": [b], "clip": 2.0}]
    )
    with pytest.raises(InputError, match="give every group of them the same clip"):
        descend(opt, (a, 3.0), (b, 4.0))
    assert [a.item(), b.item()] == [0.0, 0.0]


@pytest.mark.parametrize("by_chain", [False, True])
def test_need_clip_is_followed(d2l, paddle, by_chain):
    a, b, c = (param(paddle, [0.0], need_clip=need) for need in (True, True, False))
    if by_chain:
        opt = d2l.optimizer(CLIPPED, lr=1.0, clip=1.0)(parameters=[a, b, c])
    else:
        clip = paddle.nn.ClipGradByGlobalNorm(1.0)
        opt = d2l.optimizer(d2l.sgd, lr=1.0)(parameters=[a, b, c], grad_clip=clip)
    descend(opt, (a, 3.0), (b, 4.0), (c, 12.0))
    assert [x.item() for x in (a, b, c)] == pytest.approx([-0.6, -0.8, -12.0])


@pytest.mark.parametrize("by_chain", [False, True])
def test_a_parameter_of_shape_nothing_is_clipped(d2l, paddle, by_chain):
    p = param(paddle, 1.0)
    assert p.shape == []
    if by_chain:
        opt = d2l.optimizer(CLIPPED, lr=0.1, clip=1.0)(parameters=[p])
    else:
        clip = paddle.nn.ClipGradByGlobalNorm(1.0)
        opt = d2l.optimizer(d2l.sgd, lr=0.1)(parameters=[p], grad_clip=clip)
    for _ in range(2):
        descend(opt, (p, 3.0))
    assert p.item() == pytest.approx(0.8)


# ----------------------------------------------------------------------------- the rate


@pytest.mark.parametrize("name", ["adadelta", "chain"])
def test_a_rate_multiplies_the_step_of_a_rule_without_one(d2l, paddle, name):
    numbers = {"rho": 0.9, "eps": 1e-5}
    rule = d2l.adadelta if name == "adadelta" else Chain(pieces.ByTwoRms())

    def step(rate=None, **options):
        p = param(paddle, [1.0])
        opt = d2l.optimizer(rule, **numbers, **options)(rate, parameters=[p])
        descend(opt, (p, 2.0))
        return 1.0 - p.item()

    whole = step()
    assert whole > 0
    assert step(0.5) == pytest.approx(whole / 2, rel=1e-3)
    assert step(lr=0.25) == pytest.approx(whole / 4, rel=1e-3)
    schedule = paddle.optimizer.lr.StepDecay(0.5, 2)
    assert step(schedule) == pytest.approx(whole / 2, rel=1e-3)
    with pytest.raises(InputError, match="lr must be a number from 0 upwards"):
        step(-1.0)


def test_states_of_your_own_start_a_chain_that_gets_a_rate(d2l, paddle):
    def init_states(d2l, params):
        return [((d2l.variable(d2l.zeros_like(p) + 2.0),),) for p in params]

    p = param(paddle, [1.0])
    made = d2l.optimizer(Chain(pieces.Momentum()), init_states, momentum=0.5)
    descend(made(0.1, parameters=[p]), (p, 1.0))
    assert p.item() == pytest.approx(0.8)


def test_a_rate_of_a_parameter_is_a_factor(d2l, paddle):
    a, b = param(paddle, [0.0]), param(paddle, [0.0], learning_rate=0.5)
    opt = d2l.optimizer(CLIPPED, lr=1.0, clip=1.0)(parameters=[a, b])
    descend(opt, (a, 3.0), (b, 4.0))
    assert [a.item(), b.item()] == pytest.approx([-0.6, -0.4])
    opt.set_lr(-1.0)
    with pytest.raises(InputError, match="lr must be a number from 0 upwards"):
        descend(opt, (a, 3.0))


# ----------------------------------------------------------------------- the parameters


def test_static_mode_is_refused(d2l, paddle):
    p = param(paddle, [1.0])
    made = d2l.optimizer(d2l.sgd, lr=0.1)
    opt = made(parameters=[p])
    paddle.enable_static()
    try:
        with pytest.raises(InputError, match=r"call paddle.disable_static\(\)"):
            made()
        with pytest.raises(InputError, match=r"call paddle.disable_static\(\)"):
            opt.apply_gradients([(p, p)])
    finally:
        paddle.disable_static()


def test_complex_and_foreign_parameters_are_refused(d2l, paddle):
    made = d2l.optimizer(d2l.rmsprop, **RMSPROP)
    z = paddle.to_tensor([1 + 1j], stop_gradient=False)
    for parameters in ([z], [{"params": [z]}]):
        with pytest.raises(InputError, match="is complex64, and rules are for real"):
            made(parameters=parameters)
    net = paddle.nn.Linear(1, 1)
    with pytest.raises(InputError, match="as net.parameters"):
        made(parameters=net.named_parameters())
    with pytest.raises(InputError, match="must be a list, of parameters or of groups"):
        made(parameters=net.weight)
    with pytest.raises(InputError, match="nothing to optimize"):
        made(parameters=[])


@pytest.mark.parametrize("other", ["adam", "momentum"])
def test_states_of_another_rule_or_shape_are_refused(d2l, paddle, other):
    p = param(paddle, [1.0, 2.0])
    opt = d2l.optimizer(d2l.momentum, lr=0.1, momentum=0.5)(parameters=[p])
    descend(opt, (p, 1.0))
    more = {"beta1": 0.9, "beta2": 0.9} if other == "adam" else {"momentum": 0.5}
    q = param(paddle, [1.0, 2.0] if other == "adam" else [1.0])
    again = d2l.optimizer(getattr(d2l, other), lr=0.1, **more)(parameters=[q])
    with pytest.raises(InputError, match="of another rule or another net"):
        again.set_state_dict(opt.state_dict())


def test_frozen_parameters_stay_and_thaw(d2l, paddle):
    a, b = param(paddle, [1.0]), param(paddle, [1.0])
    b.stop_gradient = True
    opt = d2l.optimizer(CHAIN, **CHAIN_NUMBERS)(parameters=[a, b])
    descend(opt, (a, 1.0))
    assert a.item() < 1.0
    assert b.item() == 1.0
    b.stop_gradient = False
    descend(opt, (a, 1.0), (b, 1.0))
    assert b.item() < 1.0
    later = param(paddle, [1.0])  # and one that comes later
    opt._parameter_list.append(later)
    descend(opt, (later, 1.0))
    assert later.item() < 1.0


def test_a_group_added_later_is_checked_and_trained(d2l, paddle):
    a, b = param(paddle, [0.0]), param(paddle, [0.0])
    opt = d2l.optimizer(CLIPPED, lr=1.0, clip=1.0)(parameters=[{"params": [a]}])
    with pytest.raises(InputError, match="clip must be a number above 0"):
        opt._add_param_group({"params": [b], "clip": -1})
    with pytest.raises(InputError, match="need an order: give a list"):
        opt._add_param_group({"params": {b}})
    opt._add_param_group({"params": [b]})
    descend(opt, (a, 3.0), (b, 4.0))
    assert [a.item(), b.item()] == pytest.approx([-0.6, -0.8])


def test_multi_precision_keeps_float32_beside(d2l, paddle):
    """Steps of 2⁻¹⁰ are lost in bfloat16, which has 8 digits, and kept in float32."""

    def trained(steps, state=None, **options):
        p = param(paddle, [1.0], "bfloat16")
        opt = d2l.optimizer(d2l.momentum, lr=2.0**-10, momentum=0.0)(
            parameters=[p], **options
        )
        if state:
            opt.set_state_dict(state)
        for _ in range(steps):
            descend(opt, (p, 1.0))
        return float(p.astype("float32")), opt

    value, _ = trained(8, multi_precision=True)
    assert value == 1.0 - 2.0**-7
    _, opt = trained(7, multi_precision=True)
    assert trained(1, opt.state_dict(), multi_precision=True)[0] == value
