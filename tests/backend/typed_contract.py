"""No test to run: mypy reads it, and holds each framework module to the contract.

A function that a module lacks, or whose arguments differ, is a type error here.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import d2lopt.jax
    import d2lopt.mxnet
    import d2lopt.numpy
    import d2lopt.paddle
    import d2lopt.tensorflow
    import d2lopt.torch
    from d2lopt.backend.contract import Backend

    kept_by: list[Backend] = [
        d2lopt.numpy,
        d2lopt.torch,
        d2lopt.tensorflow,
        d2lopt.mxnet,
        d2lopt.jax,
        d2lopt.paddle,
    ]
