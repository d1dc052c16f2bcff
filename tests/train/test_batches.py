"""Minibatches: every row once an epoch, every batch a mean, and one shape for all."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lopt.backend.load import load
from d2lopt.train.batches import Minibatches, chunked, epochs_of, padded, rows

SIZES = st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


def numbered(n, batch_size, seed=0):
    """Data whose rows can be told apart."""
    X = np.arange(2.0 * n).reshape(n, 2)
    return Minibatches(load("numpy"), X, X[:, 0] / 2, batch_size, seed)


@given(SIZES)
def test_an_epoch_has_every_row_once_and_means_as_weights(sizes):
    n, batch_size = sizes
    data_iter = numbered(n, batch_size)
    X, y, weight = data_iter.epoch(np.random.default_rng(0))
    assert X.shape == (len(data_iter), batch_size, 2)
    assert y.shape == weight.shape == (len(data_iter), batch_size, 1)
    real = weight[..., 0] > 0
    assert sorted(y[real][:, 0]) == list(range(n))
    np.testing.assert_array_equal(X[..., :1], 2 * y)
    for of_batch in weight:
        assert of_batch.sum() == pytest.approx(1)
        assert len(set(of_batch[of_batch > 0])) == 1


@given(SIZES)
def test_what_a_lesson_iterates_is_what_the_harness_sees(sizes):
    n, batch_size = sizes
    data_iter = numbered(n, batch_size, seed=3)
    laid_out = data_iter.epoch(np.random.default_rng(3))
    batches = list(data_iter)
    assert sum(len(X) for X, _ in batches) == n
    for (X, y), of_X, of_y, weight in zip(batches, *laid_out, strict=True):
        real = weight[:, 0] > 0
        np.testing.assert_array_equal(X, of_X[real])
        np.testing.assert_array_equal(y, of_y[real, 0])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_pairs_of_any_length_are_laid_out_alike(lengths):
    cuts = np.cumsum([0, *lengths])
    X, y = np.arange(2.0 * cuts[-1]).reshape(-1, 2), np.arange(float(cuts[-1]))
    pairs = [(X[a:b], y[a:b]) for a, b in itertools.pairwise(cuts)]
    laid_out = padded(pairs)
    found = rows(pairs, laid_out)
    np.testing.assert_array_equal(found[0], X)
    np.testing.assert_array_equal(found[1][:, 0], y)
    np.testing.assert_allclose(laid_out[2].sum((1, 2)), 1)


@given(SIZES, st.integers(1, 4), st.integers(1, 7), st.integers(1, 200))
def test_chunks_are_the_same_batches_in_the_same_order(sizes, epochs, every, segment):
    def laid_out():
        data_iter = numbered(*sizes)
        rng = np.random.default_rng(0)
        return epochs_of(load("numpy"), data_iter, epochs, rng)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("d2lopt.train.batches.SEGMENT", segment)
        chunks = list(chunked(laid_out(), every))
    expected = [np.concatenate(arrays) for arrays in zip(*laid_out(), strict=True)]
    for i, array in enumerate(expected):
        found = [chunk[i].reshape(-1, *array.shape[1:]) for chunk in chunks]
        np.testing.assert_array_equal(np.concatenate(found), array)
    assert all(X.shape[1] == every for X, _, _ in chunks[:-1])


def test_a_step_on_a_short_batch_is_a_step_on_the_mean_of_its_rows():
    """The harness against a loop over plain slices; the last batch has 28 rows."""
    from d2lopt.rules import optimizers as rules
    from d2lopt.train import scratch as train

    d2l = load("numpy")
    data_iter, feature_dim = d2l.get_data_ch11(
        32, source="stand-in", dtype="float64", quiet=True
    )
    hyperparams = {"lr": 0.05}
    found = train.from_scratch(
        d2l,
        d2l.sgd,
        lambda params: rules.nothing(d2l, params),
        hyperparams,
        data_iter,
        feature_dim,
    )
    X, y = data_iter.X, data_iter.y[:, 0]
    rng = np.random.default_rng(0)
    w, b = rng.normal(0.0, 0.01, 5), 0.0
    for _ in range(2):
        order = rng.permutation(len(X))
        for start in range(0, len(X), 32):
            batch = order[start : start + 32]
            r = X[batch] @ w + b - y[batch]
            w = w - 0.05 * (X[batch] * r[:, None]).mean(0)
            b = b - 0.05 * r.mean()
    np.testing.assert_allclose(found.params[0][:, 0], w, rtol=1e-12)
    np.testing.assert_allclose(found.params[1], b, rtol=1e-10)
    loss = np.mean((X @ w + b - y) ** 2) / 2
    assert found.losses[-1] == pytest.approx(loss, rel=1e-12)
