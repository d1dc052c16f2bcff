// What can be set: its range and default, and how a link carries it.

const optimizersTaking = (name) =>
  Object.keys(OPTIMIZERS).filter((o) => OPTIMIZERS[o].takes.includes(name));

// `least` and `greatest` bound what may be typed; the slider spans `slider`, on a
// logarithmic scale where `log` says so.
const KNOBS = {
  lr: {
    symbol: "η", title: "learning rate", initial: 0.4,
    least: 0, greatest: 100, slider: [0.001, 10], log: true,
  },
  gamma: {
    symbol: "γ", title: "past kept in s", initial: 0.9,
    used: "in rmsprop; is ρ in adadelta",
    least: 0, greatest: 1, slider: [0, 1], by: 0.01,
  },
  momentum: {
    symbol: "μ", title: "momentum", initial: 0.5,
    least: 0, greatest: 1, slider: [0, 1], by: 0.01,
  },
  eps: {
    symbol: "ε", title: "epsilon", initial: 1e-6,
    least: 0, greatest: 100, slider: [1e-12, 1], log: true,
  },
  beta1: {
    symbol: "β₁", title: "past kept in v", initial: 0.9,
    least: 0, greatest: 1, slider: [0, 1], by: 0.01,
  },
  beta2: {
    symbol: "β₂", title: "past kept in s", initial: 0.999,
    least: 0, greatest: 1, slider: [0, 1], by: 0.001,
  },
  steps: {
    symbol: "", title: "number of steps", initial: 40,
    used: "of each run",
    least: 1, greatest: 200, slider: [1, 200], by: 1, whole: true,
  },
};

// The part of the plane that the picture shows, and where the start may be.
const WINDOW = { x1: [-6, 6], x2: [-4, 4] };

const clamp = (x, [least, greatest]) => Math.min(Math.max(x, least), greatest);
const round2 = (x) => Math.round(100 * x) / 100 + 0; // + 0 makes -0 a 0

function initialSettings() {
  const knobs = Object.entries(KNOBS).map(([name, knob]) => [name, knob.initial]);
  return {
    problem: "plain",
    start: [-5, -2],
    optimizers: ["sgd", "adagrad", "rmsprop"],
    ...Object.fromEntries(knobs),
  };
}

// The value within the knob's range; `instead` where it is no number.
function checkedKnob(name, value, instead) {
  const { least, greatest, whole } = KNOBS[name];
  const number = typeof value === "string" && !value.trim() ? NaN : Number(value);
  if (!Number.isFinite(number)) return instead;
  return clamp(whole ? Math.round(number) : number, [least, greatest]);
}

// The point within the window; `instead` where it is none.
function checkedStart(point, instead) {
  const numbers = point.map((x) => (String(x).trim() ? Number(x) : NaN));
  if (numbers.length !== 2 || !numbers.every(Number.isFinite)) return instead;
  return [clamp(numbers[0], WINDOW.x1), clamp(numbers[1], WINDOW.x2)];
}

// The settings as the part of a link behind its `#`.
function toHash(settings, step) {
  const words = {
    problem: settings.problem,
    start: settings.start.join(","),
    optimizers: settings.optimizers.join(","),
  };
  for (const name in KNOBS) words[name] = settings[name];
  if (step < settings.steps) words.step = step;
  return Object.entries(words).map(([name, word]) => `${name}=${word}`).join("&");
}

// [settings, step] of such a part: what is missing or wrong in it is as it is initially.
function fromHash(hash) {
  const words = Object.fromEntries(new URLSearchParams(hash.replace(/^#/, "")));
  const settings = initialSettings();
  if (Object.hasOwn(PROBLEMS, words.problem ?? "")) settings.problem = words.problem;
  if (words.start) settings.start = checkedStart(words.start.split(","), settings.start);
  if (words.optimizers !== undefined) {
    const asked = words.optimizers.split(",");
    const known = Object.keys(OPTIMIZERS).filter((name) => asked.includes(name));
    if (known.length || words.optimizers === "") settings.optimizers = known;
  }
  for (const name in KNOBS) {
    if (name in words) settings[name] = checkedKnob(name, words[name], settings[name]);
  }
  const step = words.step?.trim() ? Math.round(Number(words.step)) : NaN;
  return [settings, step >= 0 ? Math.min(step, settings.steps) : settings.steps];
}
