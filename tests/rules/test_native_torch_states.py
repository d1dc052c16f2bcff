"""States, checkpoints and copies of PyTorch's optimizer of a portable rule."""

import copy
import io
import pickle

import pytest
from torch_optimizers import EVERY_RULE, optimizer_of, parameter, run

from d2lopt.errors import InputError
from d2lopt.rules import RULES

# -------------------------------------------------------------------------- the states

NAMES = {
    "sgd": [],
    "momentum": ["v"],
    "nesterov": ["v"],
    "adagrad": ["s"],
    "rmsprop": ["s"],
    "adadelta": ["s", "x"],
    **{name: ["v", "s", "c1", "c2"] for name in ("adam", "adamw", "yogi")},
    "chain": ["s", "m", "b"],
    "yours": ["state_0", "state_1"],
}


@EVERY_RULE
def test_a_state_is_a_flat_dict_that_says_what_each_is(d2l, torch, name):
    p = parameter(d2l, [1.0, 2.0])
    opt = optimizer_of(d2l, name)([p])
    run(d2l, opt, [p], 3)
    (state,) = opt.state_dict()["state"].values()
    assert list(state) == NAMES[name]
    assert all(isinstance(x, torch.Tensor) for x in state.values())


@EVERY_RULE
def test_flattened_checkpoints_of_torch_distributed(d2l, torch, name):
    from torch.distributed.checkpoint import state_dict as checkpoint

    flat = checkpoint.StateDictOptions(flatten_optimizer_state_dict=True)
    made = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        net = torch.nn.Linear(3, 2)
        opt = optimizer_of(d2l, name)(net.parameters())
        made.append((net, opt))
    (net, opt), (other, resumed) = made
    run(d2l, opt, list(net.parameters()), 3)
    saved = checkpoint.get_optimizer_state_dict(net, opt, options=flat)
    assert {f"state.weight.{n}" for n in NAMES[name]} <= saved.keys()
    assert all(isinstance(x, torch.Tensor | int | float) for x in saved.values())
    other.load_state_dict(net.state_dict())
    saved = copy.deepcopy(saved)  # as a file would be
    checkpoint.set_optimizer_state_dict(other, resumed, saved, options=flat)
    for which, trained in made:
        run(d2l, trained, list(which.parameters()), 3, seed=7)
    assert torch.equal(net.weight, other.weight)


@EVERY_RULE
def test_a_state_can_be_changed_and_cleared_as_any(d2l, torch, name):
    """Loops that move each tensor of a state elsewhere, and starts from scratch."""
    p, q = parameter(d2l, [1.0, 2.0]), parameter(d2l, [1.0, 2.0])
    opt, other = (optimizer_of(d2l, name)([x]) for x in (p, q))
    run(d2l, opt, [p], 2)
    run(d2l, other, [q], 2)
    for state in opt.state.values():
        for key, value in state.items():
            state[key] = value.clone()
    run(d2l, opt, [p], 2)
    run(d2l, other, [q], 2)
    assert torch.equal(p, q)
    opt.state.clear()
    run(d2l, opt, [p], 1)
    fresh = optimizer_of(d2l, name)([q])
    run(d2l, fresh, [q], 1)
    assert torch.equal(p, q)


OTHERS = [
    ("rmsprop", "adam"),
    ("adam", "rmsprop"),
    ("rmsprop", "sgd"),
    ("adagrad", "rmsprop"),
    ("adamw", "adam"),
    ("chain", "rmsprop"),
    ("yours", "chain"),
]


@pytest.mark.parametrize(("saved", "into"), OTHERS)
def test_a_state_of_another_rule_is_refused(d2l, torch, saved, into):
    p, q = parameter(d2l, [1.0, 2.0]), parameter(d2l, [1.0, 2.0])
    opt, other = optimizer_of(d2l, saved)([p]), optimizer_of(d2l, into)([q])
    run(d2l, opt, [p], 1)
    before = repr(other)
    with pytest.raises(InputError, match="these states are of another rule"):
        other.load_state_dict(opt.state_dict())
    assert repr(other) == before
    assert not other.state
    run(d2l, other, [q], 1)  # and nothing of it is left behind


def test_a_state_of_torch_s_own_or_of_another_net_is_refused(d2l, torch):
    p, wide = parameter(d2l, [1.0, 2.0]), parameter(d2l, [1.0, 2.0, 3.0])
    opt = optimizer_of(d2l, "rmsprop")([p])
    theirs = torch.optim.RMSprop([p])
    run(d2l, theirs, [p], 1)
    saved = theirs.state_dict()
    with pytest.raises(InputError, match="another rule, which reads momentum, weight_"):
        opt.load_state_dict(saved)
    saved["param_groups"] = opt.state_dict()["param_groups"]
    with pytest.raises(
        InputError, match=r"they have step \(\), square_avg \(2,\) where"
    ):
        opt.load_state_dict(saved)
    other = optimizer_of(d2l, "rmsprop")([wide])
    run(d2l, other, [wide], 1)
    with pytest.raises(
        InputError, match=r"they have s \(3,\) where s \(2,\) is needed"
    ):
        opt.load_state_dict(other.state_dict())


def test_a_group_can_be_added_behind_a_checkpoint(d2l, torch):
    p, q = parameter(d2l, [1.0]), parameter(d2l, [1.0])
    opt = optimizer_of(d2l, "adam")([p])
    run(d2l, opt, [p], 1)
    opt.load_state_dict(copy.deepcopy(opt.state_dict()))
    opt.add_param_group({"params": [q], "lr": 0.5})
    run(d2l, opt, [p, q], 1)
    assert q.item() != 1


# ---------------------------------------------------------------- the optimizer object


def rate_only(params, grads, states, hyperparams):
    """A learner's rule at the top of a module: such a one can be pickled."""
    for p, g in zip(params, grads, strict=True):
        p.sub_(hyperparams["lr"] * g)


@pytest.mark.parametrize("way", ["deepcopy", "pickle", "torch.save"])
@pytest.mark.parametrize("name", [*RULES, "chain", "rate_only"])
def test_the_optimizer_can_be_copied_and_pickled(d2l, torch, name, way):
    """With its net, as each step needs both; and both go on as they would have."""

    def again(both):
        if way == "deepcopy":
            return copy.deepcopy(both)
        if way == "pickle":
            return pickle.loads(pickle.dumps(both))
        file = io.BytesIO()
        torch.save(both, file)
        file.seek(0)
        return torch.load(file, weights_only=False)

    kind = d2l.optimizer(rate_only, lr=0.1)
    kind = kind if name == "rate_only" else optimizer_of(d2l, name)
    net = torch.nn.Linear(3, 2)
    first, second = net.parameters()
    opt = kind([{"params": [first]}, {"params": [second], "lr": 0.02}])
    run(d2l, opt, list(net.parameters()), 3)
    other, copied = again((net, opt))
    assert repr(copied) == repr(opt)
    assert isinstance(copied, torch.optim.Optimizer)
    run(d2l, opt, list(net.parameters()), 3)
    run(d2l, copied, list(other.parameters()), 3)
    assert torch.equal(net.weight, other.weight)
    assert torch.equal(net.bias, other.bias)
    copied.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))]})


def test_a_rule_that_pickle_cannot_have_is_said(d2l, torch):
    opt = optimizer_of(d2l, "yours")([parameter(d2l, [1.0])])
    with pytest.raises(InputError, match="define yours and its init_states at the top"):
        pickle.dumps(opt)
    copy.deepcopy(opt)
