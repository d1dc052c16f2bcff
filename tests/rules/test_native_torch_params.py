"""Options and parameters of every kind, for PyTorch's optimizer of a portable rule."""

import copy
import sys

import pytest
from torch_optimizers import ADAM, CLIPPED_ADAM, parameter

from d2lopt import fuse
from d2lopt.errors import InputError
from d2lopt.pieces import ByLr, ByMoments, Chain
from d2lopt.rules import RULES

ONLY_RULES = pytest.mark.parametrize("name", RULES)


@pytest.fixture
def adam(d2l, torch):
    return d2l.optimizer(d2l.adam, **ADAM)


# ------------------------------------------------------------------------- the options


@ONLY_RULES
def test_maximize_is_the_negative_gradient(d2l, torch, name):
    numbers = RULES[name].hyperparams
    kind = d2l.optimizer(getattr(d2l, name), **numbers)
    opposite = d2l.optimizer(getattr(d2l, name), maximize=True, **numbers)
    params = [parameter(d2l, [1.0, 2.0]) for _ in range(4)]
    opts = [
        kind([params[0]]),
        kind([params[1]], maximize=True),
        opposite([params[2]]),
        kind([{"params": [params[3]], "maximize": True}]),
    ]
    for _ in range(3):
        for p, opt, sign in zip(params, opts, (1, -1, -1, -1), strict=True):
            p.grad = sign * torch.tensor([0.5, -2.0])
            opt.step()
    for p in params[1:]:
        assert torch.equal(p, params[0])
    assert not torch.equal(params[0], torch.tensor([1.0, 2.0]))
    assert params[1].grad.tolist() == [-0.5, 2.0]


def test_maximize_leaves_the_gradient_to_a_rule_of_the_book(d2l, torch):
    def sgd(params, states, hyperparams):
        for p in params:
            p.data.sub_(hyperparams["lr"] * p.grad)

    p = parameter(d2l, [1.0], [3.0])
    d2l.optimizer(sgd, lr=0.1)([p], maximize=True).step()
    assert p.item() == pytest.approx(1.3)
    assert p.grad.item() == 3


def test_a_rule_of_yours_may_clear_its_gradients(d2l, torch):
    def sgd(params, states, hyperparams):
        for p in params:
            p.data.sub_(hyperparams["lr"] * p.grad)
            p.grad = None

    p = parameter(d2l, [1.0], [3.0])
    opt = d2l.optimizer(sgd, lr=0.1)([p])
    opt.step()
    assert p.grad is None
    opt.step()
    assert p.item() == pytest.approx(0.7)


def test_the_rate_may_come_second(d2l, torch, adam):
    p = parameter(d2l, [1.0])
    assert adam([p], 0.5).param_groups[0]["lr"] == 0.5
    assert adam([p]).defaults["lr"] == 0.01
    with pytest.raises(TypeError):
        adam([p], 0.5, 0.9)
    with pytest.raises(TypeError, match="multiple values"):
        adam([p], 0.5, lr=0.5)
    with pytest.raises(InputError, match="Did you mean 'beta2'"):
        adam([p], beta=0.5)


@pytest.mark.parametrize("way", ["foreach", "fused", "capturable", "differentiable"])
def test_ways_of_pytorch_s_own_can_be_off_only(d2l, torch, adam, way):
    p = parameter(d2l, [1.0], [1.0])
    for off in (None, False):
        opt = adam([{"params": [p], way: off}], **{way: off})
        opt.step()
        assert way not in opt.defaults
    for make in (
        lambda: d2l.optimizer(d2l.adam, **ADAM, **{way: True}),
        lambda: adam([p], **{way: True}),
        lambda: adam([{"params": [p], way: True}]),
    ):
        with pytest.raises(InputError, match=f"^{way}=True: leave it out, as "):
            make()


def test_parameters_that_pytorch_refuses(d2l, torch, adam):
    """get_error_inputs_for_all_optims, of torch.testing._internal.common_optimizers."""
    p, q = parameter(d2l, [1.0]), parameter(d2l, [1.0])
    with pytest.raises(TypeError, match="should be an iterable of Tensors or dicts"):
        adam(p)
    with pytest.warns(UserWarning, match="group with duplicate parameters"):
        adam([p, p])
    with pytest.raises(ValueError, match="in more than one parameter group"):
        adam([{"params": p}, {"params": p}])
    with pytest.raises(ValueError, match="should be with/without names. Some"):
        adam([("weight", p), q])
    with pytest.raises(ValueError, match="cannot add param group with names"):
        adam([{"params": [p], "lr": 0.1}, {"params": [("weight", q)]}])
    with pytest.raises(ValueError, match="empty parameter list"):
        adam([])
    with pytest.raises(ValueError, match="non-leaf"):
        adam([p * 2])
    with pytest.raises(TypeError, match="must be a dict"):
        adam([p]).add_param_group([q])


def test_names_of_parameters_and_groups(d2l, torch, adam):
    net = torch.nn.Linear(2, 1)
    opt = adam(net.named_parameters())
    net(torch.ones(1, 2)).sum().backward()
    opt.step()
    saved = copy.deepcopy(opt.state_dict())
    assert saved["param_groups"][0]["param_names"] == ["weight", "bias"]
    unnamed = adam([{"params": net.parameters(), "title": "all of them"}])
    unnamed.load_state_dict(saved)
    unnamed.step()
    assert "title: all of them" in repr(
        adam([{"params": [net.bias], "title": "all of them"}])
    )
    opt.load_state_dict(unnamed.state_dict())


# ------------------------------------------------------------- parameters of every kind


@ONLY_RULES
def test_a_sparse_gradient_is_made_dense(d2l, torch, name):
    numbers = RULES[name].hyperparams
    found = []
    for sparse in (False, True):
        torch.manual_seed(0)
        table = torch.nn.Embedding(5, 2, sparse=sparse)
        opt = d2l.optimizer(getattr(d2l, name), **numbers)(table.parameters())
        for rows in ([1, 1, 3], [0], [1]):
            opt.zero_grad()
            table(torch.tensor(rows)).square().sum().backward()
            opt.step()
        assert table.weight.grad.is_sparse == sparse
        found.append(table.weight.detach())
    assert torch.equal(*found)


@pytest.mark.parametrize("kind", ["library", "chain"])
def test_parameters_without_a_gradient_stay(d2l, torch, adam, kind):
    if kind == "chain":
        adam = d2l.optimizer(CLIPPED_ADAM, clip=9.0, weight_decay=0.0, **ADAM)
    p, frozen, idle = (parameter(d2l, [1.0], [1.0]) for _ in range(3))
    idle.grad = None
    opt = adam([{"params": []}, {"params": [idle]}, {"params": [p, frozen]}])
    opt.step()
    assert (p.item(), frozen.item(), idle.item()) == pytest.approx((0.99, 0.99, 1.0))
    frozen.requires_grad_(False)
    opt.zero_grad()
    p.grad = torch.ones(1)
    opt.step()
    assert (p.item(), frozen.item(), idle.item()) == pytest.approx((0.98, 0.99, 1.0))
    opt.zero_grad()
    opt.step()
    assert list(opt.state_dict()["state"]) == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_adam_in_16_bits_is_that_of_pytorch(d2l, torch, dtype):
    """Over 3000 steps, in which 1 − 0.999ᵗ must not get stuck on its way to 1."""
    numbers = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-3}
    kinds = [
        lambda params: torch.optim.Adam(params, 1e-3, eps=1e-3),
        d2l.optimizer(d2l.adam, **numbers),
        d2l.optimizer(Chain(ByMoments(), ByLr()), **numbers),
    ]
    moved = []
    for kind in kinds:
        p = torch.nn.Parameter(torch.zeros(4, dtype=getattr(torch, dtype)))
        opt, total = kind([p]), torch.zeros(4, dtype=torch.float64)
        for t in range(3000):
            if t == 1500:
                saved = copy.deepcopy(opt.state_dict())
                opt = kind([p])
                opt.load_state_dict(saved)
            p.grad = torch.full_like(p, 0.5 + 0.3 * (-1) ** t)
            opt.step()
            total += p.detach().double()
            p.data.zero_()
        moved.append(total)
    torch.testing.assert_close(moved[1], moved[0], rtol=0.02, atol=0)
    torch.testing.assert_close(moved[2], moved[0], rtol=0.02, atol=0)


def test_a_checkpoint_in_16_bits_resumes_at_the_same_numbers(d2l, torch, adam):
    ps = [torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16)) for _ in range(2)]
    opts = [adam([p]) for p in ps]
    for t in range(40):
        if t == 20:
            opts[1] = adam([ps[1]])
            opts[1].load_state_dict(copy.deepcopy(opts[0].state_dict()))
        for p, opt in zip(ps, opts, strict=True):
            p.grad = torch.full_like(p, 0.5 + 0.3 * (-1) ** t)
            opt.step()
    first, second = (opt.state_dict()["state"][0] for opt in opts)
    for name in first:
        assert torch.equal(first[name], second[name])
        assert first[name].dtype == second[name].dtype
    assert torch.equal(*ps)


def test_parameters_without_numbers_or_in_pieces(d2l, torch, adam):
    on_meta = torch.nn.Parameter(torch.ones(3, device="meta"))
    on_meta.grad = torch.ones(3, device="meta")
    adam([on_meta]).step()
    whole = torch.nn.Parameter(torch.ones(4, 5))
    strided = torch.nn.Parameter(torch.ones(4, 5, 2)[..., 0])
    for p in (whole, strided):
        p.grad = torch.arange(20.0).reshape(5, 4).T
        adam([p]).step()
    assert torch.equal(whole, strided)


def test_a_gradient_that_is_lazily_negative_in_a_compiled_step(
    d2l, torch, adam, monkeypatch
):
    monkeypatch.setattr(sys.modules[fuse.for_size.__module__], "LARGE", 1)
    p = torch.nn.Parameter(torch.ones(3))
    p.grad = torch.full((3,), 2j).conj().imag
    assert p.grad.is_neg()
    adam([p]).step()
    assert p.tolist() == pytest.approx([1.01] * 3)
