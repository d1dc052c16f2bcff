"""The exercises of each lab, which is named as its chapter.

A function of one name is one exercise, in whichever lab it stands.
"""

from __future__ import annotations

from ....errors import unknown
from ....rules.optimizers import RULES
from . import (
    adadelta,
    adagrad,
    adam,
    gradient_descent,
    linear_regression,
    minibatch_sgd,
    momentum,
    rmsprop,
    schedules,
    sgd,
)
from .exercise import Exercise, rule

EXERCISES: dict[str, list[Exercise]] = {
    "rmsprop": rmsprop.EXERCISES,
    "adagrad": adagrad.EXERCISES,
    "adadelta": adadelta.EXERCISES,
    "adam": adam.EXERCISES,
    "momentum": momentum.EXERCISES,
    "gradient_descent": gradient_descent.EXERCISES,
    "linear_regression": linear_regression.EXERCISES,
    "minibatch_sgd": minibatch_sgd.EXERCISES,
    "schedules": schedules.EXERCISES,
    "sgd": sgd.EXERCISES,
}


def find(name: str, lab: str | None = None) -> Exercise:
    """The exercise of that name, in that lab if one is given; InputError if none is.

    Every rule of RULES is an exercise, also one that no lab asks for.
    """
    if lab is not None and lab not in EXERCISES:
        raise unknown("lab", lab, EXERCISES)
    known = names(lab)
    if name not in known:
        raise unknown("exercise", name, known)
    return known[name]


def names(lab: str | None = None) -> dict[str, Exercise]:
    """Every exercise by its name, or those of that lab."""
    if lab is not None:
        return {exercise.name: exercise for exercise in EXERCISES[lab]}
    every = [exercise for part in EXERCISES.values() for exercise in part]
    return {**{of: rule(of) for of in RULES}, **{e.name: e for e in every}}
