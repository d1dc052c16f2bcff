"""What PyTorch asks of an optimizer, of one that is made of a portable rule: numbers.

PyTorch's test/test_optim.py holds its own to most of this. States, options and tools
have files of their own beside this one.
"""

import copy
import sys

import numpy as np
import pytest
from torch_optimizers import ADAM, EVERY_RULE, optimizer_of, parameter, run

from d2lopt import fuse
from d2lopt.errors import InputError
from d2lopt.pieces import (
    ByLr,
    ByMoments,
    ByRms,
    ByTwoRms,
    Chain,
    ClipByGlobalNorm,
    CoupledL2,
    Piece,
)

# ------------------------------------------------------------------------- the numbers


@EVERY_RULE
def test_a_closure_has_gradients_under_no_grad(d2l, torch, name):
    p = parameter(d2l, [1.0, 2.0])
    opt = optimizer_of(d2l, name)([p])

    def closure():
        opt.zero_grad()
        loss = p.square().sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert opt.step(closure).item() == 5
        assert not torch.is_grad_enabled()
    assert p[0] != 1


@EVERY_RULE
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), None, "0.1", True])
def test_a_wrong_rate_is_refused_now_and_later(d2l, torch, name, value):
    kind, p = optimizer_of(d2l, name), parameter(d2l, [1.0, 2.0])
    with pytest.raises(InputError, match="^lr must be a"):
        kind([p], lr=value)
    with pytest.raises(InputError, match="^lr must be a"):
        kind([{"params": [p], "lr": value}])
    q = parameter(d2l, [1.0, 2.0], [1.0, 1.0])
    p.grad = torch.ones(2)
    opt = kind([{"params": [q]}, {"params": [p]}])
    opt.param_groups[1]["lr"] = value
    with pytest.raises(InputError, match="^lr must be a"):
        opt.step()
    assert q.tolist() == [1.0, 2.0]  # not even the first group has moved


@EVERY_RULE
def test_a_rate_may_be_a_tensor_of_one_element(d2l, torch, name):
    kind = optimizer_of(d2l, name)
    for bad in ([0.1, 0.1, 0.1], [-0.1], float("nan"), 0.1j):
        with pytest.raises(InputError, match="^lr must be"):
            kind([parameter(d2l, [1.0])], lr=torch.tensor(bad))
    found = []
    for lr in (0.1, torch.tensor(0.1, dtype=torch.float64), torch.tensor([0.1])):
        params = [parameter(d2l, 1.0), parameter(d2l, [1.0, 2.0])]
        opt = kind(params, lr=lr)
        assert opt.param_groups[0]["lr"] is lr  # where schedules change it in place
        run(d2l, opt, params, 3)
        found.append(torch.stack([params[0], *params[1]]))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    torch.testing.assert_close(found[0], found[2], rtol=1e-6, atol=0)
    opt.param_groups[0]["lr"].fill_(-1.0)
    with pytest.raises(InputError, match="^lr must be a number from 0"):
        opt.step()
    opt.param_groups[0]["lr"] = torch.ones(3)
    with pytest.raises(InputError, match=r"got a tensor of shape \(3,\)"):
        opt.step()


@pytest.mark.parametrize("which", ["beta1", "beta2"])
@pytest.mark.parametrize("name", ["adam", "adamw", "yogi"])
def test_a_beta_of_1_is_refused(d2l, torch, name, which):
    """As by PyTorch's own: 1 − βᵗ would be 0, and 0/0 the step."""
    with pytest.raises(
        InputError, match=f"{which} must be a number from 0 to less than"
    ):
        optimizer_of(d2l, name, **{which: 1.0})
    opt = optimizer_of(d2l, name)([parameter(d2l, [1.0], [1.0])])
    opt.param_groups[0][which] = 1.0
    with pytest.raises(
        InputError, match=f"{which} must be a number from 0 to less than"
    ):
        opt.step()


def test_what_a_rule_of_yours_counts_is_kept(d2l, torch):
    """In its hyperparameters, as the book's Adam does, or as a number in its state."""

    def rule(params, grads, states, hyperparams):
        for i, p in enumerate(params):
            states[i][1] += 1
            d2l.assign(p, p + 100 * hyperparams["t"] + states[i][1])
        hyperparams["t"] += 1

    start = lambda d2l, params: [[d2l.variable(d2l.zeros_like(p)), 0] for p in params]
    p, q = parameter(d2l, [0.0], [0.0]), parameter(d2l, [0.0], [0.0])
    kind = d2l.optimizer(rule, init_states=start, lr=0.1, t=1)
    opt = kind([p])
    opt.step()
    opt.step()
    assert p.item() == 101 + 202
    resumed = kind([q])
    resumed.load_state_dict(opt.state_dict())
    resumed.step()
    assert q.item() == 303
    np.testing.assert_array_equal(kind([q]).param_groups[0]["t"], 1)


def test_a_rule_of_yours_may_name_its_states(d2l, torch):
    def rule(params, grads, states, hyperparams):
        for p, state in zip(params, states, strict=True):
            state["steps"] += 1
            d2l.assign(p, p + state["steps"])

    start = lambda d2l, params: [{"steps": 0} for p in params]
    p = parameter(d2l, [0.0], [0.0])
    opt = d2l.optimizer(rule, init_states=start)([p])
    opt.step()
    opt.step()
    assert p.item() == 3
    assert opt.state_dict()["state"] == {0: {"steps": 2}}
    opt.load_state_dict(copy.deepcopy(opt.state_dict()))
    opt.step()
    assert p.item() == 6


# ---------------------------------------------------------------- a rule without a rate


def test_adadelta_has_a_rate_as_pytorch_s_own(d2l, torch):
    """One that is 1 if it is not given, multiplies the step, and can be scheduled."""
    numbers = {"rho": 0.9, "eps": 1e-6}
    chain = Chain(ByTwoRms())
    kinds = [
        torch.optim.Adadelta,
        d2l.optimizer(d2l.adadelta, **numbers),
        d2l.optimizer(chain, **numbers),
    ]
    for lr in ({}, {"lr": 0.3}):
        found = []
        for kind in kinds:
            p = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
            opt = kind([p], **lr)
            schedule = torch.optim.lr_scheduler.StepLR(opt, 2, 0.5)
            assert schedule.get_last_lr() == [lr.get("lr", 1.0)]
            for t in range(6):
                run(d2l, opt, [p], 1, seed=t)
                schedule.step()
            found.append(p.detach())
        torch.testing.assert_close(found[0], found[1], rtol=1e-9, atol=0)
        torch.testing.assert_close(found[0], found[2], rtol=1e-9, atol=0)


def test_a_rule_without_a_rate_starts_where_the_caller_says(d2l, torch):
    numbers, found = {"rho": 0.9, "eps": 1e-6}, []

    def pair(d2l, p):
        return d2l.variable(d2l.ones(p.shape)), d2l.variable(d2l.zeros(p.shape))

    for rule, start in (
        (d2l.adadelta, lambda d2l, params: [pair(d2l, p) for p in params]),
        (Chain(ByTwoRms()), lambda d2l, params: [(pair(d2l, p),) for p in params]),
        (Chain(ByTwoRms()), None),
    ):
        p = parameter(d2l, [1.0, 2.0], [1.0, 1.0])
        d2l.optimizer(rule, start, **numbers)([p]).step()
        found.append(p.detach())
    torch.testing.assert_close(found[0], found[1])
    assert (found[0] != found[2]).all()


# ------------------------------------------------------------------ complex parameters


@EVERY_RULE
def test_a_complex_parameter_is_trained_by_its_parts(d2l, torch, name):
    """As PyTorch's own test_complex asks: the same as two real tensors."""
    p = torch.nn.Parameter(torch.randn(3, 4, dtype=torch.complex64))
    parts = torch.nn.Parameter(torch.view_as_real(p).detach().clone())
    opts = [optimizer_of(d2l, name)([x]) for x in (p, parts)]
    for t in range(5):
        if t == 3:
            opts[0].load_state_dict(copy.deepcopy(opts[0].state_dict()))
        p.grad = torch.randn_like(p)
        parts.grad = torch.view_as_real(p.grad).clone()
        for opt in opts:
            opt.step()
    torch.testing.assert_close(torch.view_as_real(p), parts, rtol=0, atol=0)
    assert not torch.equal(p.detach().abs(), torch.zeros(3, 4))


def test_complex_numbers_are_those_of_the_built_ins(d2l, torch):
    pairs = [
        (
            d2l.optimizer(d2l.adam, lr=0.1, beta1=0.9, beta2=0.99, eps=1e-8),
            lambda params: torch.optim.Adam(params, 0.1, betas=(0.9, 0.99)),
        ),
        (
            d2l.optimizer(
                Chain(ByRms(eps_inside=False), ByLr()), lr=0.1, gamma=0.9, eps=1e-8
            ),
            lambda params: torch.optim.RMSprop(params, 0.1, alpha=0.9),
        ),
        (
            d2l.optimizer(d2l.momentum, lr=0.1, momentum=0.9, maximize=True),
            lambda params: torch.optim.SGD(params, 0.1, 0.9, maximize=True),
        ),
    ]
    start = torch.randn(5, dtype=torch.complex128)
    for kinds in pairs:
        found = []
        for kind in kinds:
            z = torch.nn.Parameter(start.clone())
            opt = kind([z])
            for _ in range(10):
                opt.zero_grad()
                (z.conj() * z * z.abs()).real.sum().backward()
                opt.step()
            found.append(z.detach())
        torch.testing.assert_close(*found, rtol=1e-10, atol=0)


def test_a_conjugate_or_a_sparse_complex_gradient_is_one_too(d2l, torch):
    found = []
    for seen in (lambda g: g, lambda g: g.conj().resolve_conj().conj(), sparse):
        p = torch.nn.Parameter(torch.ones(3, dtype=torch.complex64))
        p.grad = seen(torch.tensor([1 + 2j, 0, -1j], dtype=torch.complex64))
        d2l.optimizer(d2l.rmsprop, lr=0.1, gamma=0.9)([p]).step()
        found.append(p.detach())
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def sparse(g):
    return g.to_sparse()


# ----------------------------------------------------------------- groups of parameters


def test_groups_have_numbers_of_their_own(d2l, torch):
    rule = Chain(CoupledL2(), ByMoments(), ByLr())
    numbers = ADAM | {"weight_decay": 0.1}
    a, b = parameter(d2l, [1.0] * 3, [1.0] * 3), parameter(d2l, [1.0] * 3, [1.0] * 3)
    idle = parameter(d2l, [1.0] * 3)
    opt = d2l.optimizer(rule, **numbers)(
        [{"params": [a, idle]}, {"params": [b], "lr": 0.1, "weight_decay": 0.0}],
        beta1=0.5,
    )
    opt.step()
    numbers |= {"beta1": 0.5}
    for p, changed in ((a, {}), (b, {"lr": 0.1, "weight_decay": 0.0})):
        by_rule = d2l.ones(3)
        states = rule.init_states(d2l, [by_rule])
        rule(d2l, [by_rule], [d2l.ones(3)], states, numbers | changed)
        np.testing.assert_array_equal(d2l.numpy(p), d2l.numpy(by_rule))
    np.testing.assert_array_equal(d2l.numpy(idle), np.ones(3))
    with pytest.raises(InputError, match="weight_decay must be"):
        opt.add_param_group({"params": [d2l.ones(3)], "weight_decay": -1})
    assert len(opt.param_groups) == 2


# ------------------------------------------------------- a norm over all the parameters

CLIPPED = Chain(ClipByGlobalNorm(), ByLr())


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("lr", [(1.0, 1.0), (1.0, 0.5)])
@pytest.mark.parametrize("groups", [1, 2])
def test_the_global_norm_is_over_all_groups(
    d2l, torch, monkeypatch, groups, lr, compiled
):
    """Gradients 3 (float32) and 4 (float64) at clip 1: steps of 0.6 and 0.8."""
    if compiled:
        monkeypatch.setattr(sys.modules[fuse.for_size.__module__], "LARGE", 1)
    a = parameter(d2l, [0.0], [3.0])
    b = parameter(d2l, [0.0], [4.0], "float64")
    idle = parameter(d2l, [0.0])
    params = [{"params": [a, idle], "lr": lr[0]}, {"params": [b], "lr": lr[1]}]
    if groups == 1:
        params, lr = [a, b, idle], (1.0, 1.0)
    opt = d2l.optimizer(CLIPPED, clip=1.0, lr=1.0)(params)
    opt.step()
    assert a.item() == pytest.approx(-0.6 * lr[0])
    assert b.item() == pytest.approx(-0.8 * lr[1])
    assert idle.item() == 0


@pytest.mark.parametrize("compiled", [False, True])
def test_a_chain_that_clips_first_is_one_that_pytorch_clips(
    d2l, torch, monkeypatch, compiled
):
    """Two groups with numbers of their own, and pieces behind the clip."""
    if compiled:
        monkeypatch.setattr(sys.modules[fuse.for_size.__module__], "LARGE", 1)
    rest = Chain(CoupledL2(), ByMoments(), ByLr())
    numbers = {"weight_decay": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-6, "lr": 0.1}
    found = []
    for clips in (True, False):
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 1)).double()
        groups = [
            {"params": net[0].parameters()},
            {"params": net[1].parameters(), "weight_decay": 0.0, "lr": 0.05},
        ]
        if clips:
            chain = Chain(ClipByGlobalNorm(), *rest.pieces)
            opt = d2l.optimizer(chain, clip=0.5, **numbers)(groups)
        else:
            opt = d2l.optimizer(rest, **numbers)(groups)
        for _ in range(5):
            opt.zero_grad()
            net(torch.ones(2, 4, dtype=torch.float64)).square().sum().backward()
            if not clips:
                grads = [p.grad for p in net.parameters()]
                norm = torch.stack([g.square().sum() for g in grads]).sum().sqrt()
                for g in grads:
                    g.mul_(0.5 / max(norm.item(), 0.5))
            opt.step()
        found.append(torch.cat([p.detach().flatten() for p in net.parameters()]))
    torch.testing.assert_close(*found, rtol=1e-12, atol=0)


def test_groups_that_a_norm_joins_have_one_clip(d2l, torch):
    a, b = parameter(d2l, [0.0], [3.0]), parameter(d2l, [0.0], [4.0])
    opt = d2l.optimizer(CLIPPED, clip=1.0, lr=1.0)(
        [{"params": [a]}, {"params": [b], "clip": 2.0}]
    )
    with pytest.raises(
        InputError, match="ClipByGlobalNorm takes all parameters togeth"
    ):
        opt.step()
    assert a.item() == b.item() == 0


def test_a_piece_of_yours_that_takes_all_gets_all(d2l, torch):
    class Centred(Piece):
        """u ← η (u − the mean of all updates)."""

        def update(self, d2l, params, updates, states, h):
            mean = sum(d2l.sum(u) for u in updates) / sum(u.numel() for u in updates)
            return [h["lr"] * (u - mean) for u in updates]

    a, b = parameter(d2l, [0.0], [1.0]), parameter(d2l, [0.0], [3.0])
    opt = d2l.optimizer(Chain(Centred()), lr=1.0)([{"params": [a]}, {"params": [b]}])
    opt.step()
    assert (a.item(), b.item()) == (1.0, -1.0)
    opt.param_groups[1]["lr"] = 0.5
    with pytest.raises(InputError, match="give every group of them the same lr"):
        opt.step()


def test_a_norm_over_several_devices_is_refused(d2l, torch):
    a = parameter(d2l, [0.0], [3.0])
    b = torch.nn.Parameter(torch.zeros(1, device="meta"))
    b.grad = torch.zeros(1, device="meta")
    opt = d2l.optimizer(CLIPPED, clip=1.0, lr=1.0)([a, b])
    with pytest.raises(InputError, match="they are on cpu, meta"):
        opt.step()
