"""The exercises of the chapter on schedules of the learning rate."""

from __future__ import annotations

import math

from .exercise import rate, rule

COSINE = rate(
    "cosine",
    "half a wave of the cosine: 0.2 at t = 0, and 0 at t = 600",
    lambda t: 0.1 * (1 + math.cos(math.pi * t / 600)),
    ("half-missing", lambda t: 0.2 * (1 + math.cos(math.pi * t / 600))),
    ("one-missing", lambda t: 0.2 * math.cos(math.pi * t / 600)),
    ("wrong-wave", lambda t: 0.1 * (1 + math.cos(2 * math.pi * t / 600))),
    ("wrong-wave", lambda t: 0.2 * math.cos(math.pi * t / 1200)),
    ("ascent", lambda t: 0.1 * (1 - math.cos(math.pi * t / 600))),
)
RESTARTS = rate(
    "restarts",
    "four times half a wave of the cosine, each from 0.2 to 0 in 150 steps",
    lambda t: 0.1 * (1 + math.cos(math.pi * (t % 150) / 150)),
    ("restart-missing", lambda t: 0.1 * (1 + math.cos(math.pi * t / 150))),
    ("restart-missing", lambda t: 0.1 * (1 + math.cos(math.pi * t / 600))),
    ("half-missing", lambda t: 0.2 * (1 + math.cos(math.pi * (t % 150) / 150))),
    ("ascent", lambda t: 0.1 * (1 - math.cos(math.pi * (t % 150) / 150))),
)
FACTOR = rate(
    "factor",
    "0.2 for 100 steps, and half as much after every 100 steps",
    lambda t: 0.2 * 0.5 ** (t // 100),
    ("rounding-missing", lambda t: 0.2 * 0.5 ** (t / 100)),
    ("power-missing", lambda t: 0.2 * 0.5 if t >= 100 else 0.2),
    ("power-missing", lambda t: 0.2 * 0.5 * (t // 100)),
    ("step-count-ahead", lambda t: 0.2 * 0.5 ** ((t + 1) // 100)),
    ("step-count-behind", lambda t: 0.2 * 0.5 ** (max(t - 1, 0) // 100)),
    ("ascent", lambda t: 0.2 * 2.0 ** (t // 100)),
)

EXERCISES = [rule("sgd"), FACTOR, COSINE, RESTARTS]
