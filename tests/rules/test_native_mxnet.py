"""`d2l.optimizer` on MXNet, held to what MXNet's own optimizers have to bear."""

import copy

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
def mx(d2l, backend):
    if backend != "mxnet":
        pytest.skip(f"what {FRAMEWORKS['mxnet'].title} alone can do")
    import mxnet

    return mxnet


@pytest.fixture
def nd(mx):
    """MXNet's older arrays, as for a user's own nets after npx.reset_np()."""
    mx.npx.reset_np()
    yield mx.nd
    mx.npx.set_np()


def params_of(mx, *values, **attributes):
    """A Parameter for each value, called p0_weight, p1_weight, …"""
    params = []
    for i, value in enumerate(values):
        p = mx.gluon.Parameter(f"p{i}_weight", shape=(1,), **attributes)
        p.initialize(mx.init.Constant(value))
        params.append(p)
    return params


def descend(mx, trainer, *pairs, **options):
    """One step with these gradients, each for its parameter."""
    with mx.autograd.record():
        losses = [(p.data() * grad).sum() for p, grad in pairs]
    for loss in losses:
        loss.backward()
    trainer.step(1, **options)


def values(params):
    return [p.data().asnumpy().item() for p in params]


# ------------------------------------------------------------------------ weight decay


def rule_that_decays(d2l, kind):
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
    more = {"beta1": 0.9, "beta2": 0.999} if kind == "adamw" else {}
    return rule, {"lr": 0.1, "weight_decay": 0.5, **more}


KINDS = pytest.mark.parametrize("kind", ["coupled", "decoupled", "adamw", "mine"])


@KINDS
def test_wd_mult_of_parameters_is_followed(d2l, mx, kind):
    rule, numbers = rule_that_decays(d2l, kind)
    params = params_of(mx, 2.0, 2.0, 2.0)
    params[1].wd_mult = 0.0
    trainer = mx.gluon.Trainer(params, d2l.optimizer(rule, **numbers))
    params[2].wd_mult = 0.5  # also when it is set later
    descend(mx, trainer, *((p, 0.0) for p in params))
    assert values(params) == pytest.approx([1.9, 2.0, 1.95])


@KINDS
@pytest.mark.parametrize(
    "way", ["by index", "by name", "by names", "by symbol", "dict"]
)
def test_wd_mult_of_an_optimizer_is_followed(d2l, mx, kind, way):
    rule, numbers = rule_that_decays(d2l, kind)
    names = {0: "a_weight", 1: "b_bias"}
    if way == "by symbol":
        var = mx.sym.var
        pair = var("a_weight"), var("b_bias", wd_mult=0.0)
        options = {"sym": mx.sym.Group(pair), "param_idx2name": names}
    elif way == "dict":
        params = params_of(mx, 2.0, 2.0)
        params[1].wd_mult = 0.0
        options = {"param_dict": dict(enumerate(params))}
    else:  # with names, MXNet lets biases alone
        options = {} if way == "by index" else {"param_idx2name": names}
    opt = d2l.optimizer(rule, **numbers, **options)
    if way == "by index":
        opt.set_wd_mult({1: 0.0})
    if way == "by name":
        opt.set_wd_mult({"a_weight": 1.0, "b_bias": 0.0})
    for made in (opt, opt.clone()) if way == "by name" else (opt,):
        weights = [mx.np.full((), 2.0) for _ in range(2)]
        step = mx.optimizer.get_updater(made)
        step([0, 1], [mx.np.zeros(()) for _ in range(2)], weights)
        assert [w.item() for w in weights] == pytest.approx([1.9, 2.0])


def test_wd_mult_is_also_for_l1(d2l, mx):
    params = params_of(mx, 2.0, 2.0)
    params[1].wd_mult = 0.0
    rule = Chain(pieces.CoupledL1(), pieces.ByLr())
    trainer = mx.gluon.Trainer(params, d2l.optimizer(rule, lr=0.1, l1_decay=0.5))
    descend(mx, trainer, *((p, 0.0) for p in params))
    assert values(params) == pytest.approx([1.95, 2.0])


# --------------------------------------------------------------------- sparse gradients


@pytest.mark.parametrize("name", EVERY_RULE)
def test_sparse_gradients_train_as_dense_ones(d2l, nd, mx, name):
    rule, numbers = any_rule(d2l, name)
    rows = [nd.array(r) for r in ([1, 1, 3], [3, 0, 3])]
    start = np.linspace(-1, 1, 10).reshape(5, 2)
    found = []
    for sparse in (True, False):
        table = mx.gluon.nn.Embedding(5, 2, sparse_grad=sparse)
        table.initialize()
        table.weight.set_data(nd.array(start))
        made = d2l.optimizer(rule, **numbers)
        trainer = mx.gluon.Trainer(table.collect_params(), made)
        for r in rows:
            with mx.autograd.record():
                loss = (table(r) ** 2).sum()
            loss.backward()
            assert (table.weight.grad().stype == "row_sparse") == sparse
            trainer.step(1)
        found.append(table.weight.data().asnumpy())
    np.testing.assert_array_equal(*found)
    assert (found[0] != start.astype("float32")).any()


def test_sparse_weights_are_refused(d2l, nd, mx):
    p = mx.gluon.Parameter(
        "p_weight", shape=(3, 1), stype="row_sparse", grad_stype="row_sparse"
    )
    p.initialize()
    trainer = mx.gluon.Trainer([p], d2l.optimizer(d2l.sgd, **SGD))
    rows = nd.array([0, 1, 2])
    with mx.autograd.record():
        table = p.row_sparse_data(rows)
        loss = nd.sparse.Embedding(rows, table, 3, 1, sparse_grad=True).sum()
    loss.backward()
    with pytest.raises(InputError, match="make it with stype='default'"):
        trainer.step(1)


# ----------------------------------------------------------------------------- clipping


def of_two_dtypes(mx):
    params = params_of(mx, 0.0) + params_of(mx, 0.0, dtype="float64")
    params[1]._name = params[1].name.replace("p0", "p1")
    return params


def test_a_global_norm_is_over_dtypes(d2l, mx):
    params = of_two_dtypes(mx)
    made = d2l.optimizer(CLIPPED, lr=1.0, clip=1.0)
    trainer = mx.gluon.Trainer(params, made)
    a, b = params
    descend(mx, trainer, (a, 3.0), (b, 4.0))
    assert values(params) == pytest.approx([-0.6, -0.8])
    assert made.num_update == 1
    # One that has no new gradient is not waited for.
    descend(mx, trainer, (a, 3.0), ignore_stale_grad=True)
    assert values(params) == pytest.approx([-1.6, -0.8])
    a.grad_req = "null"
    descend(mx, trainer, (b, 4.0))
    assert values(params) == pytest.approx([-1.6, -1.8])


def test_parameters_that_come_one_by_one_are_refused(d2l, mx):
    """Each by itself has another norm; a Module on several devices does so."""
    opt = d2l.optimizer(CLIPPED, lr=1.0, clip=1.0)
    w, g = mx.np.zeros((1,)), mx.np.ones((1,))
    state = opt.create_state(0, w)
    for _ in range(2):
        opt.update([0, 1], [w, w], [g, g], [state, state])
    opt = d2l.optimizer(CLIPPED, lr=1.0, clip=1.0)
    opt.update(0, w, g, state)
    with pytest.raises(InputError, match="give update lists of them"):
        opt.update(1, w, g, state)
    opt = d2l.optimizer(d2l.sgd, lr=1.0)  # for which it makes no difference
    for i in (0, 1):
        opt.update(i, w, g, opt.create_state(i, w))


def test_clip_gradient_is_before_the_rule_and_wd_behind_it(d2l, mx):
    """As MXNet's sgd has it: w ← w − η (clip(g / B) + λ w)."""
    found = []
    for made in (
        d2l.optimizer(d2l.sgd, lr=0.1, wd=0.5, clip_gradient=1.0, rescale_grad=2.0),
        mx.optimizer.SGD(
            learning_rate=0.1, wd=0.5, clip_gradient=1.0, rescale_grad=2.0
        ),
    ):
        params = params_of(mx, 2.0, 2.0, 2.0)
        params[2].wd_mult = 0.0
        trainer = mx.gluon.Trainer(params, made)
        descend(mx, trainer, *zip(params, (3.0, -0.25, 0.0), strict=True))
        found.append(values(params))
    assert found[0] == pytest.approx(found[1])


# ------------------------------------------------------------------------ other options


def test_wd_is_the_decay_of_a_rule_that_has_one(d2l, mx):
    """Decoupled for adamw: with no gradient, its averages stay 0."""
    numbers = {"lr": 0.1, "beta1": 0.9, "beta2": 0.999}
    params = params_of(mx, 2.0)
    opt = d2l.optimizer(d2l.adamw, wd=0.5, **numbers)
    trainer = mx.gluon.Trainer(params, opt)
    descend(mx, trainer, (params[0], 0.0))
    assert values(params) == pytest.approx([1.9])
    for given in ({"wd": -1}, {"wd": "much"}, {"wd": 0.1, "weight_decay": 0.1}):
        with pytest.raises(InputError, match="wd must be a number|wd and weight_decay"):
            d2l.optimizer(d2l.adamw, **numbers, **given)


@pytest.mark.parametrize("rule", ["sgd", "clipped"])
def test_each_parameter_may_have_a_rate(d2l, mx, rule):
    params = params_of(mx, 0.0, 0.0)
    given = {"sgd": (d2l.sgd, {}), "clipped": (CLIPPED, {"clip": 1.0})}[rule]
    made = d2l.optimizer(given[0], lr=1.0, **given[1])
    params[1].lr_mult = 0.5
    trainer = mx.gluon.Trainer(params, made)
    descend(mx, trainer, *zip(params, (0.6, 0.8), strict=True))
    assert values(params) == pytest.approx([-0.6, -0.4])


@pytest.mark.parametrize("name", ["adadelta", "chain"])
def test_a_rate_multiplies_the_step_of_a_rule_without_one(d2l, mx, name):
    rule = d2l.adadelta if name == "adadelta" else Chain(pieces.ByTwoRms())
    scheduler = mx.lr_scheduler.FactorScheduler(100, base_lr=0.25)

    def step(**options):
        params = params_of(mx, 1.0)
        made = d2l.optimizer(rule, rho=0.9, eps=1e-5, **options)
        descend(mx, mx.gluon.Trainer(params, made), (params[0], 2.0))
        return 1.0 - values(params)[0]

    whole = step()
    assert whole > 0
    assert step(learning_rate=0.5) == pytest.approx(whole / 2, rel=1e-3)
    assert step(lr_scheduler=scheduler) == pytest.approx(whole / 4, rel=1e-3)
    with pytest.raises(InputError, match="lr must be a number from 0 upwards"):
        step(lr=-1.0)


def test_states_of_your_own_start_a_chain_that_gets_a_rate(d2l, mx):
    def init_states(d2l, params):
        return [((d2l.variable(d2l.zeros_like(p) + 2.0),),) for p in params]

    params = params_of(mx, 1.0)
    opt = d2l.optimizer(Chain(pieces.Momentum()), init_states, momentum=0.5, lr=0.1)
    descend(mx, mx.gluon.Trainer(params, opt), (params[0], 1.0))
    assert values(params) == pytest.approx([0.8])


def test_schedules_and_counts_are_mxnet_s(d2l, mx):
    """A scheduler of its own, also beside lr; begin_num_update starts its count."""
    found = []
    for kind in (d2l.optimizer, mx.optimizer.create):
        for begin in (0, 3):
            scheduler = mx.lr_scheduler.FactorScheduler(2, 0.5, base_lr=1.0)
            given = d2l.sgd if kind is d2l.optimizer else "sgd"
            opt = kind(
                given,
                learning_rate=0.5,
                lr_scheduler=scheduler,
                begin_num_update=begin,
            )
            params = params_of(mx, 0.0)
            trainer = mx.gluon.Trainer(params, opt)
            for _ in range(5):
                descend(mx, trainer, (params[0], 1.0))
            found.append(values(params))
    assert found[:2] == found[2:]
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lr_scheduler": 0.1}, "must be an mxnet.lr_scheduler.LRScheduler"),
        ({"learning_rate": 0.1}, "lr and learning_rate are one number"),
        ({"clip_gradient": 0}, "clip_gradient must be a number above 0"),
        ({"begin_num_update": -1}, "must be a whole number from 0"),
        ({"wd_mult": 0.5}, "unknown hyperparameter of sgd 'wd_mult'"),
    ],
)
def test_options_that_cannot_be_are_refused(d2l, mx, given, message):
    with pytest.raises(InputError, match=message):
        d2l.optimizer(d2l.sgd, lr=0.1, **given)


@pytest.mark.parametrize("name", EVERY_RULE)
@pytest.mark.parametrize("method", ["update", "update_multi_precision"])
def test_one_weight_by_itself(d2l, mx, name, method):
    rule, numbers = any_rule(d2l, name)
    found = []
    for listed in (False, True):
        opt = d2l.optimizer(rule, **numbers)
        w, g = mx.np.array([1.0, -2.0]), mx.np.array([3.0, 0.5])
        state = opt.create_state_multi_precision(0, w)
        for _ in range(2):
            one = (0, w, g, state)
            getattr(opt, method)(*([[x] for x in one] if listed else one))
        found.append(w.asnumpy())
    np.testing.assert_array_equal(*found)


def test_multi_precision_keeps_float32_beside(d2l, mx, tmp_path):
    """Steps of 2⁻¹³ are lost in float16, which has 11 digits, and kept in float32."""

    def trained(steps, state=None, **options):
        params = params_of(mx, 1.0, dtype="float16")
        made = d2l.optimizer(d2l.momentum, lr=2.0**-13, momentum=0.0, **options)
        trainer = mx.gluon.Trainer(params, made)
        if state:
            trainer.load_states(state)
        for _ in range(steps):
            descend(mx, trainer, (params[0], 1.0))
        trainer.save_states(str(tmp_path / "states"))
        return values(params)

    assert trained(16) == [1.0]
    assert trained(16, multi_precision=True) == [1.0 - 2.0**-9]
    trained(15, multi_precision=True)
    resumed = trained(1, str(tmp_path / "states"), multi_precision=True)
    assert resumed == [1.0 - 2.0**-9]


# --------------------------------------------------------------------------- other nets


@pytest.mark.parametrize("name", EVERY_RULE)
def test_a_net_on_older_arrays_trains_after_reset_np(d2l, nd, mx, name, tmp_path):
    rule, numbers = any_rule(d2l, name)
    if name == "mine":
        tmp_path = None  # a local function cannot be saved
    net = mx.gluon.nn.Dense(1, in_units=2)
    net.initialize(mx.init.One())
    trainer = mx.gluon.Trainer(net.collect_params(), d2l.optimizer(rule, **numbers))
    for _ in range(2):
        with mx.autograd.record():
            loss = (net(nd.ones((3, 2))) ** 2).sum()
        loss.backward()
        trainer.step(3)
        if tmp_path:
            trainer.save_states(str(tmp_path / "states"))
            trainer.load_states(str(tmp_path / "states"))
    assert type(net.weight.data()) is nd.NDArray
    assert (net.weight.data().asnumpy() < 1.0).all()
    assert not mx.util.is_np_array()


def test_frozen_parameters_stay_and_thaw(d2l, mx):
    params = params_of(mx, 1.0, 1.0)
    params[1].grad_req = "null"
    trainer = mx.gluon.Trainer(params, d2l.optimizer(CHAIN, **CHAIN_NUMBERS))
    descend(mx, trainer, (params[0], 1.0))
    assert values(params)[0] < 1.0
    assert values(params)[1] == 1.0
    params[1].grad_req = "write"
    descend(mx, trainer, *((p, 1.0) for p in params))
    assert values(params)[1] < 1.0


def test_a_copy_is_made_again_with_its_options(d2l, mx):
    opt = d2l.optimizer(d2l.rmsprop, **RMSPROP, wd=0.5, clip_gradient=1.0)
    for again in (opt.clone(), copy.deepcopy(opt)):
        assert (again.wd, again.clip_gradient, again.lr) == (0.5, 1.0, 0.01)
