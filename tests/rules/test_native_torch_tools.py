"""PyTorch's tools around its optimizer of a portable rule."""

import copy
import warnings

import numpy as np
import pytest
from torch_optimizers import ADAM, CLIPPED_ADAM, parameter

from d2lopt.rules import native
from d2lopt.rules.groups import over_groups


@pytest.fixture
def adam(d2l, torch):
    return d2l.optimizer(d2l.adam, **ADAM)


# --------------------------------------------------------------------------- schedules


def schedules(torch):
    """Every schedule of PyTorch, for a rate of 0.01 and a momentum of 0.9."""
    of = torch.optim.lr_scheduler
    return {
        "LambdaLR": lambda opt: of.LambdaLR(opt, lambda t: 1 / (t + 1)),
        "MultiplicativeLR": lambda opt: of.MultiplicativeLR(opt, lambda t: 0.9),
        "StepLR": lambda opt: of.StepLR(opt, 3),
        "MultiStepLR": lambda opt: of.MultiStepLR(opt, [3, 7]),
        "ConstantLR": lambda opt: of.ConstantLR(opt, total_iters=4),
        "LinearLR": lambda opt: of.LinearLR(opt, 0.3, 0.0, 10),
        "ExponentialLR": lambda opt: of.ExponentialLR(opt, 0.9),
        "SequentialLR": lambda opt: of.SequentialLR(
            opt,
            [of.LinearLR(opt, 0.1, total_iters=3), of.CosineAnnealingLR(opt, 9)],
            [3],
        ),
        "PolynomialLR": lambda opt: of.PolynomialLR(opt, 10, 2.0),
        "CosineAnnealingLR": lambda opt: of.CosineAnnealingLR(opt, 6),
        "ChainedScheduler": lambda opt: of.ChainedScheduler(
            [of.ConstantLR(opt), of.ExponentialLR(opt, 0.9)]
        ),
        "ReduceLROnPlateau": lambda opt: of.ReduceLROnPlateau(opt, patience=2),
        "CyclicLR": lambda opt: of.CyclicLR(opt, 0.001, 0.1, 3),
        "CosineAnnealingWarmRestarts": lambda opt: of.CosineAnnealingWarmRestarts(
            opt, 4
        ),
        "OneCycleLR": lambda opt: of.OneCycleLR(opt, 0.1, 20),
        "SWALR": lambda opt: torch.optim.swa_utils.SWALR(opt, 0.05, 5),
    }


def test_every_schedule_drives_it_as_pytorch_s_own(d2l, torch):
    of = torch.optim.lr_scheduler
    missing = set(of.__all__) - schedules(torch).keys() - {"LRScheduler"}
    assert not missing, f"schedules that are not tried: {missing}"
    for name, schedule in schedules(torch).items():
        for lr in (0.01, torch.tensor(0.01, dtype=torch.float64)):
            found = []
            for kind in (torch.optim.SGD, d2l.optimizer(d2l.momentum)):
                p = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
                opt = kind([p], lr.clone() if torch.is_tensor(lr) else lr, momentum=0.9)
                follow, rates = schedule(opt), set()
                metric = [1.0] if name == "ReduceLROnPlateau" else []
                for t in range(12):
                    p.grad = torch.full_like(p, 0.5 + (-1) ** t)
                    opt.step()
                    follow.step(*metric)
                    rates.add(float(opt.param_groups[0]["lr"]))
                assert len(rates) > 1, name
                found.append(p.detach())
            torch.testing.assert_close(*found, rtol=1e-9, atol=1e-12, msg=name)


def test_a_schedule_that_ends_just_below_0_ends_at_0(d2l, torch):
    """Rounding: LinearLR's products leave −2e-19, say, where it should be 0."""
    least = 0.0
    for start in (0.1, 0.3, 1 / 3):
        for total in range(2, 20):
            p = parameter(d2l, [1.0], [1.0])
            opt = d2l.optimizer(d2l.sgd, lr=0.01)([p])
            schedule = torch.optim.lr_scheduler.LinearLR(opt, start, 0.0, total)
            for _ in range(total):
                opt.step()
                schedule.step()
            least = min(least, opt.param_groups[0]["lr"])
            before = p.item()
            opt.step()
            assert p.item() == pytest.approx(before, abs=1e-12)
    assert least < 0  # so that this test can fail


# -------------------------------------------------------------- hooks, averages, scaler


def test_hooks_are_called(d2l, torch, adam):
    called = []
    p = parameter(d2l, [1.0], [1.0])
    opt = adam([p])
    opt.register_step_pre_hook(lambda *_: called.append("step"))
    opt.register_step_post_hook(lambda *_: called.append("stepped"))
    opt.register_state_dict_post_hook(lambda opt, saved: called.append("saved"))
    opt.step()
    assert called == ["step", "stepped"]
    saved = copy.deepcopy(opt.state_dict())

    def renamed(opt, state_dict):
        """A checkpoint whose states had other names, as a caller mends one."""
        entry = state_dict["state"][0]
        return {**state_dict, "state": {0: {"v": entry.pop("mean"), **entry}}}

    other = adam([parameter(d2l, [1.0])])
    other.register_load_state_dict_pre_hook(renamed)
    other.register_load_state_dict_post_hook(lambda opt: called.append("loaded"))
    entry = saved["state"][0]
    entry["mean"] = entry.pop("v")
    other.load_state_dict(saved)
    assert called == ["step", "stepped", "saved", "loaded"]
    assert other.state_dict()["state"][0]["v"].item() == pytest.approx(0.1)


def test_averaged_models(d2l, torch, adam):
    swa = torch.optim.swa_utils
    net = torch.nn.Linear(2, 1)
    averages = [
        swa.AveragedModel(net),
        swa.AveragedModel(net, multi_avg_fn=swa.get_ema_multi_avg_fn(0.5)),
    ]
    opt = adam(net.parameters())
    weights = []
    for _ in range(3):
        opt.zero_grad()
        net(torch.ones(1, 2)).sum().backward()
        opt.step()
        for average in averages:
            average.update_parameters(net)
        weights.append(net.weight.detach().clone())
    torch.testing.assert_close(averages[0].module.weight, sum(weights) / 3)
    ema = 0.5 * (0.5 * weights[0] + 0.5 * weights[1]) + 0.5 * weights[2]
    torch.testing.assert_close(averages[1].module.weight.detach(), ema)


def test_a_gradient_scaler_leaves_out_steps_that_overflow(d2l, torch, adam):
    net = torch.nn.Linear(2, 1)
    opt, scaler = adam(net.parameters()), torch.amp.GradScaler("cpu", init_scale=4.0)
    weights = [net.weight.detach().clone()]
    for value in (1.0, float("inf"), 1.0):
        opt.zero_grad()
        scaler.scale(net(torch.full((1, 2), value)).sum()).backward()
        scaler.step(opt)
        scaler.update()
        weights.append(net.weight.detach().clone())
    assert torch.equal(weights[1], weights[2])
    for before, after in ((0, 1), (2, 3)):
        torch.testing.assert_close(
            weights[before] - weights[after], torch.full((1, 2), 0.01)
        )


def test_zero_grad(d2l, torch, adam):
    p = parameter(d2l, [1.0], [1.0])
    opt = adam([p])
    opt.zero_grad(set_to_none=False)
    assert p.grad.item() == 0
    opt.step()  # a gradient of 0 is one, and Adam's count goes on
    assert opt.state[p]["c1"].item() == pytest.approx(0.1)
    opt.zero_grad()
    assert p.grad is None
    opt.step()
    assert opt.state[p]["c1"].item() == pytest.approx(0.1)


# ------------------------------------------------------------------- larger tools


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["adam", "chain", "yours"])
def test_a_compiled_step(d2l, torch, kind):
    """With two groups, a rate that a schedule changes, and what starts in its trace."""

    def yours(params, grads, states, hyperparams):
        for p, g, s in zip(params, grads, states, strict=True):
            d2l.assign(s, s + g)
            d2l.assign(p, p - 0.1 * s)

    made = {
        "adam": lambda: d2l.optimizer(d2l.adam, **ADAM),
        "chain": lambda: d2l.optimizer(
            CLIPPED_ADAM, clip=0.5, weight_decay=0.1, **ADAM
        ),
        "yours": lambda: d2l.optimizer(yours),
    }[kind]()
    found = []
    for compiled in (False, True):
        a, b = (torch.nn.Parameter(torch.full((3,), v)) for v in (1.0, 2.0))
        changed = {} if kind == "yours" else {"lr": torch.tensor(0.02)}
        opt = made([{"params": [a]}, {"params": [b], **changed}])
        step = torch.compile(opt.step) if compiled else opt.step
        for _ in range(4):
            for p in (a, b):
                p.grad = p.detach() * 0.5
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the compiler's own parts
                step()
            if changed:
                opt.param_groups[1]["lr"].mul_(0.5)
        found.append(torch.stack([a.detach(), b.detach()]))
    torch.testing.assert_close(*found)


def test_sharded_optimizers_and_models(d2l, torch, adam):
    """In one process: how the states are split, gathered and named again."""
    from torch import distributed
    from torch.distributed.checkpoint import state_dict as checkpoint
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.optim import ZeroRedundancyOptimizer

    chain = d2l.optimizer(CLIPPED_ADAM, clip=0.5, weight_decay=0.1, **ADAM)
    store = distributed.HashStore()
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        for kind in (adam, chain):
            found = []
            for way in ("plain", "zero", "fsdp"):
                torch.manual_seed(0)
                net = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 1))
                if way == "fsdp":
                    fully_shard(net, mesh=init_device_mesh("cpu", (1,)))
                opt = (
                    ZeroRedundancyOptimizer(net.parameters(), kind)
                    if way == "zero"
                    else kind(net.parameters())
                )
                for _ in range(3):
                    opt.zero_grad()
                    net(torch.ones(1, 3)).sum().backward()
                    opt.step()
                    if way == "zero":
                        opt.consolidate_state_dict()
                        opt.load_state_dict(copy.deepcopy(opt.state_dict()))
                    for flat in (False, True) if way == "fsdp" else ():
                        options = checkpoint.StateDictOptions(
                            flatten_optimizer_state_dict=flat
                        )
                        saved = checkpoint.get_optimizer_state_dict(
                            net, opt, options=options
                        )
                        checkpoint.set_optimizer_state_dict(
                            net, opt, saved, options=options
                        )
                weights = [
                    p.full_tensor() if way == "fsdp" else p for p in net.parameters()
                ]
                found.append(torch.cat([w.detach().flatten() for w in weights]))
            torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
            torch.testing.assert_close(found[0], found[2])
    finally:
        distributed.destroy_process_group()


@pytest.mark.slow
def test_the_compiler_for_gpus_takes_groups(d2l, torch):
    """On the CPU here: it is the same program."""
    from d2lopt.torch.compiled import _by_torch_compile

    chain = over_groups(CLIPPED_ADAM.rule)
    numbers = ADAM | {"clip": 1.0, "weight_decay": 0.1}
    compiled, found = _by_torch_compile(d2l, chain), []
    for step in (compiled, lambda *arguments: chain.step(d2l, *arguments)):
        rng = np.random.default_rng(0)
        params = [d2l.tensor(rng.normal(size=n)) for n in (3, 4, 5)]
        states = native.start(d2l, CLIPPED_ADAM.rule, params)
        for t in range(3):
            grads = [d2l.tensor(rng.normal(size=n)) for n in (3, 4, 5)]
            groups = [(2, numbers | {"lr": 0.1 / (t + 1)}), (1, numbers)]
            step(params, grads, states, {"groups": groups})
        found.append(torch.cat(params))
    torch.testing.assert_close(*found)
