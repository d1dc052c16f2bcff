// The two problems and the six optimizers: every number of the page is computed here.
//
// The formulas and the order of their operations are those of rules/optimizers.py, so
// that both give the same numbers. A rule changes the point `p` and its `states` in
// place, given the gradient `g`; each is an array with one entry for each coordinate.

const square = (x) => x * x;
const COORDINATES = [0, 1];

// f(x1, x2), its gradient, and what the contours need: f = a u² + b v², where u and v
// are the coordinates along axes that are turned by `angle` degrees.
const PROBLEMS = {
  plain: {
    title: "plain",
    formula: "f = 0.1 x₁² + 2 x₂²",
    // f = 0.1 x1² + 2 x2²
    value: (x1, x2) => 0.1 * square(x1) + 2 * square(x2),
    // ∂f/∂x1 = 0.2 x1,  ∂f/∂x2 = 4 x2
    gradient: (x1, x2) => [0.2 * x1, 4 * x2],
    axes: { a: 0.1, b: 2, angle: 0 },
  },
  rotated: {
    title: "rotated",
    formula: "f = 0.1 (x₁ + x₂)² + 2 (x₁ − x₂)²",
    // f = 0.1 (x1 + x2)² + 2 (x1 − x2)²
    value: (x1, x2) => 0.1 * square(x1 + x2) + 2 * square(x1 - x2),
    // ∂f/∂x1 = 0.2 (x1 + x2) + 4 (x1 − x2),  ∂f/∂x2 = 0.2 (x1 + x2) − 4 (x1 − x2)
    gradient: (x1, x2) => [
      0.2 * (x1 + x2) + 4 * (x1 - x2),
      0.2 * (x1 + x2) - 4 * (x1 - x2),
    ],
    axes: { a: 0.2, b: 4, angle: 45 },
  },
};

function sgd(p, g, states, { lr }) {
  for (const i of COORDINATES) {
    // p ← p − η g
    p[i] = p[i] - lr * g[i];
  }
}

function momentum(p, g, [v], { lr, momentum }) {
  for (const i of COORDINATES) {
    // v ← μ v + g
    v[i] = momentum * v[i] + g[i];
    // p ← p − η v
    p[i] = p[i] - lr * v[i];
  }
}

function adagrad(p, g, [s], { lr, eps }) {
  for (const i of COORDINATES) {
    // s ← s + g²
    s[i] = s[i] + square(g[i]);
    // p ← p − η g / √(s + ε)
    p[i] = p[i] - (lr * g[i]) / Math.sqrt(s[i] + eps);
  }
}

function rmsprop(p, g, [s], { lr, gamma, eps }) {
  for (const i of COORDINATES) {
    // s ← γ s + (1 − γ) g²
    s[i] = gamma * s[i] + (1 - gamma) * square(g[i]);
    // p ← p − η g / √(s + ε)
    p[i] = p[i] - (lr * g[i]) / Math.sqrt(s[i] + eps);
  }
}

function adadelta(p, g, [s, x], { rho, eps }) {
  for (const i of COORDINATES) {
    // s ← ρ s + (1 − ρ) g²
    s[i] = rho * s[i] + (1 - rho) * square(g[i]);
    // d = √(x + ε) / √(s + ε) · g
    const d = (Math.sqrt(x[i] + eps) / Math.sqrt(s[i] + eps)) * g[i];
    // x ← ρ x + (1 − ρ) d²
    x[i] = rho * x[i] + (1 - rho) * square(d);
    // p ← p − d
    p[i] = p[i] - d;
  }
}

function adam(p, g, [v, s, c1, c2], { lr, beta1, beta2, eps }) {
  for (const i of COORDINATES) {
    // v ← β₁ v + (1 − β₁) g,  s ← β₂ s + (1 − β₂) g²
    v[i] = beta1 * v[i] + (1 - beta1) * g[i];
    s[i] = beta2 * s[i] + (1 - beta2) * square(g[i]);
    // c₁ ← β₁ c₁ + (1 − β₁) = 1 − β₁ᵗ,  c₂ likewise: averages of ones
    c1[i] = beta1 * c1[i] + (1 - beta1);
    c2[i] = beta2 * c2[i] + (1 - beta2);
    // p ← p − η v̂ / (√ŝ + ε),  v̂ = v / c₁,  ŝ = s / c₂
    p[i] = p[i] - (lr * (v[i] / c1[i])) / (Math.sqrt(s[i] / c2[i]) + eps);
  }
}

// What each optimizer needs: so many states, and these hyperparameters. Adadelta's ρ is
// the page's γ: both are the share of the past in an average of squares.
const OPTIMIZERS = {
  sgd: { step: sgd, states: 0, takes: ["lr"] },
  momentum: { step: momentum, states: 1, takes: ["lr", "momentum"] },
  adagrad: { step: adagrad, states: 1, takes: ["lr", "eps"] },
  rmsprop: { step: rmsprop, states: 1, takes: ["lr", "gamma", "eps"] },
  adadelta: { step: adadelta, states: 2, takes: ["gamma", "eps"] },
  adam: { step: adam, states: 4, takes: ["lr", "beta1", "beta2", "eps"] },
};

// Farther from the minimum than this, in either coordinate, a run counts as diverged.
const FAR = 1000;

// The run of one optimizer: its points and losses from the start on, and the step at
// which it diverged, or null. It stops there; a point that is not finite is left out.
function run(optimizer, settings) {
  const { value, gradient } = PROBLEMS[settings.problem];
  const { step, states } = OPTIMIZERS[optimizer];
  const hyperparams = { ...settings, rho: settings.gamma };
  const p = [...settings.start];
  const own = Array.from({ length: states }, () => [0, 0]);
  const made = { points: [[...p]], losses: [value(...p)], diverged: null };
  for (let t = 1; t <= settings.steps; t++) {
    step(p, gradient(...p), own, hyperparams);
    if (p.every(Number.isFinite)) {
      made.points.push([...p]);
      made.losses.push(value(...p));
    }
    if (!p.every((x) => Math.abs(x) <= FAR)) {
      made.diverged = t;
      break;
    }
  }
  return made;
}

// The runs of the chosen optimizers, by name.
function trajectory(settings) {
  return Object.fromEntries(settings.optimizers.map((o) => [o, run(o, settings)]));
}
