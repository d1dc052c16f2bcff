"""The mistakes by name, and a hint for each, in words and without the solution."""

from __future__ import annotations

from collections.abc import Mapping

HINTS = {
    # The function as such.
    "not-implemented": "Nothing is here yet: the function does nothing with its input.",
    "raises": "Your function stops with an error.",
    "wrong-shape": (
        "The shapes do not fit: each parameter, its gradient and its state have one "
        "shape, and the result keeps it."
    ),
    "timeout": "Your function does not come to an end: look at your loops.",
    "wrong-arguments": "The function does not take the arguments that it is given.",
    "hyperparameter-ignored": (
        "A number of yours stands where a hyperparameter should be read."
    ),
    # What is changed, and what the change is lost on.
    "parameter-rebound": (
        "The parameter never changes. A name inside the function got a new value, or "
        "nothing did; whoever else holds the parameter sees no change: assign into it."
    ),
    "state-rebound": (
        "The new state is lost when the step ends: a name got a new value, and the "
        "variable that is kept between the steps did not. Assign into it."
    ),
    "state-not-updated": "A state stays as it was: it must learn of each gradient.",
    "stale-state": (
        "The step uses the state from before this gradient: mind the order of the two."
    ),
    "shared-state": (
        "One state serves all parameters. Each parameter needs a state of its own."
    ),
    "only-first-parameter": (
        "Only the first parameter changes: does your loop end, or return, too early?"
    ),
    "only-last-parameter": (
        "Only the last parameter changes: does the update stand inside the loop?"
    ),
    "parameter-overwritten": (
        "The parameter becomes the step. The step is a change of the parameter."
    ),
    "parameter-multiplied": "The gradient multiplies the parameter: it should not.",
    "parameter-scaled": (
        "The parameter itself is scaled on the way: only the step should change it."
    ),
    "step-taken-twice": "Each step is taken twice: is a line there once too often?",
    "step-halved": "Each step is half as long as it should be.",
    # The gradient.
    "ascent": "Your steps go uphill: look at the sign of the step.",
    "gradient-accumulates": (
        "The gradients of earlier steps are still in the sum: each step needs its own "
        "gradient only, so clear what is left of the last."
    ),
    "gradient-of-last-step": "The gradient is the one of the step before.",
    "gradients-exchanged": "A parameter moves by another parameter's gradient.",
    "gradient-missing": "The step does not depend on the gradient.",
    "gradient-missing-in-step": "The gradient itself is missing from the step.",
    "gradient-squared": "The gradient is squared where it should not be.",
    "gradient-squared-in-step": (
        "The square of the gradient is where the gradient itself should be."
    ),
    "gradient-not-squared": "The state is to follow the squares of the gradient.",
    "gradient-subtracted": "The new square is taken away from the state, not added.",
    "gradient-sign-only": "Only the sign of the gradient counts, not its size.",
    "gradient-sign-lost": "The sign of the gradient is lost.",
    "gradient-normalised": "The gradient is scaled to a fixed length: leave it as is.",
    "gradient-averaged": "All coordinates move by the mean gradient: keep them apart.",
    "gradient-summed": "All coordinates move by the gradient's sum: keep them apart.",
    "gradient-added-twice": "The gradient is in the step twice.",
    "not-elementwise": (
        "The coordinates are added up: each one has a state and a step of its own."
    ),
    # The learning rate.
    "learning-rate-missing": "The learning rate makes no difference: it is missing.",
    "learning-rate-twice": "The learning rate is in the step twice.",
    "learning-rate-divides": "The step is divided by the learning rate.",
    "learning-rate-subtracted": "The learning rate is added up with the gradient.",
    # ε, the root and the quotient.
    "epsilon-outside-root": "ε stands outside the root: here it belongs inside.",
    "epsilon-inside-root": "ε stands inside the root: here it belongs outside.",
    "epsilon-missing": "ε is missing: what if a gradient has always been zero?",
    "epsilon-other-value": "ε has another value than the exercise gives it.",
    "epsilon-sign": "ε has the wrong sign: it should keep the root away from zero.",
    "epsilon-outside-quotient": "ε is added to the step: it belongs to what divides.",
    "root-missing": "A root is missing: the squares must become lengths again.",
    "square-for-root": "A square is where a root should be.",
    "quotient-inverted": "The quotient is upside down: what should divide multiplies.",
    "state-not-used": "A state is kept, and the step makes no use of it.",
    # Averages.
    "gamma-swapped": (
        "The share of the past and the share of the new gradient are exchanged."
    ),
    "one-minus-gamma-missing": (
        "The shares of the past and of the new do not add up to one: the new gradient "
        "counts too much."
    ),
    "gamma-missing": "The past does not fade: its share is missing.",
    "gamma-on-both": "The past and the new gradient have the same share.",
    "past-forgotten": "The past is forgotten: the state knows the last gradient only.",
    "past-damped": "The state shrinks by itself: in this rule it should not.",
    "sum-for-average": "The state is a sum over all steps: it should be an average.",
    "leaky-average": "The state is another kind of average than this rule has.",
    "square-outside": "Too much is squared: the square is of the gradient alone.",
    "state-squared": "The old state is squared too: the square is of the gradient.",
    # Momentum.
    "momentum-missing": "The steps do not gather momentum: the past plays no part.",
    "momentum-scales-gradient": (
        "The momentum also scales the new gradient: only the past should shrink."
    ),
    "momentum-sign": "The past counts with the wrong sign.",
    "momentum-twice": "The momentum is applied twice.",
    "momentum-missing-in-step": (
        "The velocity's share in the step is too large: a factor is missing there."
    ),
    "looks-ahead": "The step looks ahead: that is another rule than the one asked for.",
    "looks-ahead-missing": (
        "The step does not look ahead: it is the one of plain momentum."
    ),
    # Adadelta.
    "delta-state-missing": "The average of the past steps stays as it was.",
    "delta-state-forgets": "The average of the past steps knows the last one only.",
    "delta-state-not-used": "The size of the past steps plays no part in the step.",
    "delta-state-of-gradient": (
        "The second average follows the gradients: it should follow the steps taken."
    ),
    "delta-not-squared": "The second average is to follow the squares of the steps.",
    # Adam and its kin.
    "bias-correction-missing": (
        "An average starts from zero and is not corrected for that."
    ),
    "bias-correction-in-state": (
        "The corrected value overwrites the average: the next step needs the old one."
    ),
    "bias-correction-multiplied": "The correction multiplies: it should not shrink.",
    "bias-correction-outside-root": (
        "The correction of the squares stands outside the root."
    ),
    "step-count-stuck": "The step count stays at the first step.",
    "step-count-ahead": "The step count is one ahead: the first step has number one.",
    "step-count-behind": "The step count is one behind: the first step has number one.",
    "step-count-per-parameter": (
        "The step count moves on with every parameter: once in a step is enough."
    ),
    "power-missing": "The correction needs a power of the share, not a multiple.",
    "beta-swapped": "The two betas are exchanged, or one of them is used for both.",
    "decay-in-gradient": (
        "The decay is part of the gradient and goes through the averages: here it acts "
        "on the parameter by itself."
    ),
    "decay-missing": "The weight decay is missing.",
    "decay-without-learning-rate": "The decay lacks the learning rate.",
    "decay-sign": "The decay has the wrong sign: the weights grow.",
    "decay-constant": "The decay takes the same from each weight, whatever its size.",
    "decay-scales-parameter": "What should be taken from the weight is all that stays.",
    "decay-after-step": "The decay comes after the step: it acts on the old weights.",
    "decay-twice": "The decay acts twice, by itself and in the gradient.",
    "sign-missing": "The state moves without regard to whether it is above or below.",
    "sign-reversed": "The state moves away from the new square.",
    "sign-of-gradient": "The sign is the gradient's: another one is to decide.",
    "sign-only": "The state moves by the same amount, however large the gradient.",
    # Exercises that are no rules.
    "state-not-zero": "A state does not start at zero.",
    "state-cannot-change": "A state cannot change: make it a variable.",
    "not-rotated": "These are the slopes of the valley before it was turned.",
    "coordinates-swapped": "The two slopes are exchanged.",
    "chain-rule": "One inner derivative is missing: how does each coordinate enter?",
    "factor-missing": "All slopes are off by a factor of two.",
    "mean-missing": "The loss is a mean over the rows: divide by their number.",
    "mean-twice": "The sum is divided by the number of rows twice.",
    "not-normalised": "The probabilities of a row do not add up to one.",
    "labels-missing": "The labels play no part.",
    "curvature-missing": "The step does not depend on the curvature.",
    "half-missing": "A factor of one half is missing.",
    "square-missing": "The differences are not squared.",
    "root-added": "There is a root too many: the loss is a mean of squares.",
    "rounded-down": "The last batch of an epoch is left out: it counts, if smaller.",
    "rounded-late": "Each epoch ends with a batch of its own, which may be smaller.",
    "rounding-missing": "The result should move in whole numbers only.",
    "epochs-missing": "The number of epochs makes no difference.",
    "with-replacement": "This is the variance of rows drawn with replacement.",
    "one-missing": "A one is missing.",
    "wrong-wave": "The wave has another length than it should have.",
    "wrong-pace": "The rate falls at another pace than it should.",
    "restart-missing": "The wave does not begin anew after each part.",
    "schedule-start": "The schedule starts somewhere else.",
    "schedule-falls": "The schedule falls somewhere.",
    "schedule-constant": "The schedule is always the same.",
    "schedule-too-slow": "The schedule is too low at the end.",
    "schedule-too-high": "The schedule goes too high.",
}


# What some of them are in a function of numbers, which changes nothing in place.
OF_NUMBERS = {
    "ascent": "The sign is the wrong way round.",
    "power-missing": "What should be a power of the number is a multiple, or nothing.",
    "learning-rate-missing": "The learning rate is missing.",
    "state-rebound": "The new state is lost: return it, for the next step to go on.",
    "parameter-rebound": "The point does not move: return the new one.",
}


def hint(*mistakes: str, words: Mapping[str, str] = HINTS) -> str:
    """The hints of the mistakes, one after the other; `words` go before HINTS."""
    return " And besides: ".join(words.get(m, HINTS[m]) for m in mistakes)
