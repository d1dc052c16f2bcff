"""What the tests of native optimizers share."""

import pytest


@pytest.fixture
def torch(backend):
    """The framework, for what it alone asks of its optimizers."""
    if backend != "torch":
        pytest.skip("what PyTorch asks of its optimizers")
    import torch

    return torch
