// The two plots, as SVG text: the traces over the contours, and the losses over steps.
// Colours are those of the style sheet; a marker's shape tells the lines apart as well.

const CORNERS = { // of each optimizer's marker: how many, and by how much it is turned
  sgd: [24, 0],
  momentum: [4, 45],
  adagrad: [3, 0],
  rmsprop: [4, 0],
  adadelta: [3, 180],
  adam: [5, 0],
};

const n1 = (x) => (Math.round(10 * x) / 10).toString();

function marker(optimizer, x, y, size = 6) {
  const [corners, turn] = CORNERS[optimizer];
  const radius = corners === 3 ? 1.25 * size : corners === 4 ? 1.15 * size : size;
  const points = Array.from({ length: corners }, (_, i) => {
    const angle = (2 * Math.PI * i) / corners + (Math.PI * turn) / 180;
    return `${n1(x + radius * Math.sin(angle))},${n1(y - radius * Math.cos(angle))}`;
  });
  return `<polygon class="marker ${optimizer}" points="${points.join(" ")}"/>`;
}

const line = (points) => points.map(([x, y]) => `${n1(x)},${n1(y)}`).join(" ");

// A run: all of it thinly, the steps that are taken on top, with a dot for each.
function trace(optimizer, points, taken) {
  const done = points.slice(0, taken + 1);
  const dots = done.map(([x, y]) => `M${n1(x)} ${n1(y)}h0`).join("");
  return (
    `<polyline class="ahead ${optimizer}" points="${line(points)}"/>` +
    `<polyline class="halo" points="${line(done)}"/>` +
    `<polyline class="trace ${optimizer}" points="${line(done)}"/>` +
    `<path class="dots ${optimizer}" d="${dots}"/>`
  );
}

// ------------------------------------------------------------------ traces and contours

const LEVELS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];

// Where a point of the plane lies in a picture of that width, and back. Both axes have
// the same scale, so that a rotation looks like one.
function plane(width) {
  const left = 30, bottom = 24, edge = 6;
  const [x1, x2] = [WINDOW.x1, WINDOW.x2];
  const scale = (width - left - edge) / (x1[1] - x1[0]);
  const height = edge + scale * (x2[1] - x2[0]) + bottom;
  return {
    width, height, left, edge, scale, bottom: height - bottom, right: width - edge,
    to: ([a, b]) => [left + scale * (a - x1[0]), edge + scale * (x2[1] - b)],
    from: (x, y) => [x1[0] + (x - left) / scale, x2[1] - (y - edge) / scale],
  };
}

// What stays while the start moves: contours with their values, axes, the minimum.
function ground(problem, at) {
  const { a, b, angle } = PROBLEMS[problem].axes;
  const [x, y] = at.to([0, 0]);
  const turned = (Math.PI * angle) / 180;
  let rings = "", labels = "", ticks = "";
  for (const level of [...LEVELS].reverse()) {
    const [along, across] = [Math.sqrt(level / a), Math.sqrt(level / b)];
    rings +=
      `<ellipse class="ring" cx="${n1(x)}" cy="${n1(y)}" rx="${n1(along * at.scale)}" ` +
      `ry="${n1(across * at.scale)}" transform="rotate(${-angle} ${n1(x)} ${n1(y)})"/>`;
    const [lx, ly] = at.to([-across * Math.sin(turned), across * Math.cos(turned)]);
    if (across * at.scale > 30 && ly > at.edge + 8) {
      labels += `<text class="level" x="${n1(lx)}" y="${n1(ly + 4)}">${level}</text>`;
    }
  }
  for (let i = WINDOW.x1[0]; i <= WINDOW.x1[1]; i += 2) {
    const [tx] = at.to([i, 0]);
    ticks += `<text class="tick" x="${n1(tx)}" y="${n1(at.bottom + 16)}">${minus(i)}</text>`;
    ticks += `<path class="axis" d="M${n1(tx)} ${n1(at.bottom)}v4"/>`;
  }
  for (let i = WINDOW.x2[0]; i <= WINDOW.x2[1]; i += 2) {
    const [, ty] = at.to([0, i]);
    ticks += `<text class="tick end" x="${at.left - 7}" y="${n1(ty + 4)}">${minus(i)}</text>`;
    ticks += `<path class="axis" d="M${at.left} ${n1(ty)}h-4"/>`;
  }
  return (
    `<clipPath id="inside"><rect x="${at.left}" y="${at.edge}" ` +
    `width="${n1(at.right - at.left)}" height="${n1(at.bottom - at.edge)}"/></clipPath>` +
    `<g clip-path="url(#inside)"><rect class="floor" width="100%" height="100%"/>` +
    `${rings}<path class="minimum" d="M${n1(x - 6)} ${n1(y)}h12m-6 -6v12"/>${labels}</g>` +
    frame(at) + ticks +
    `<text class="tick name" x="${n1(at.right - 8)}" y="${n1(at.bottom - 8)}">x₁</text>` +
    `<text class="tick name" x="${at.left + 12}" y="${at.edge + 16}">x₂</text>`
  );
}

// The points up to the first one far outside: a run that diverges would fill the picture
// with lines. That one is drawn nearer, in its direction: SVG takes no number of 1e160.
function inSight(points) {
  const far = points.findIndex((p) => p.some((x) => Math.abs(x) > 15));
  const nearer = Math.min(1, FAR / Math.max(...(points[far] ?? [1]).map(Math.abs)));
  return far < 0 ? points : [...points.slice(0, far), points[far].map((x) => x * nearer)];
}

function traces(runs, step, at) {
  let lines = "", heads = "";
  for (const [optimizer, { points }] of Object.entries(runs)) {
    const places = inSight(points).map(at.to);
    lines += trace(optimizer, places, step);
    heads += marker(optimizer, ...places[Math.min(step, places.length - 1)]);
  }
  return `<g clip-path="url(#inside)">${lines}${heads}</g>`;
}

const minus = (i) => String(i).replace("-", "−");

function frame(at) {
  return (
    `<path class="axis" d="M${at.left} ${at.edge}H${n1(at.right)}V${n1(at.bottom)}` +
    `H${at.left}z"/>`
  );
}

// --------------------------------------------------------------------- losses over steps

const SHOWN = [-9, 6]; // the powers of ten that the loss axis goes to, at most

// The whole powers of ten that hold the losses.
function decades(runs) {
  const all = Object.values(runs).flatMap((r) => r.losses).filter((x) => x > 0);
  if (!all.length) return [-1, 1];
  const low = clamp(Math.floor(Math.log10(Math.min(...all))), SHOWN);
  const high = clamp(Math.ceil(Math.log10(Math.max(...all))), SHOWN);
  return high > low ? [low, high] : [low, low + 1];
}

const raised = (power) =>
  String(power).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

// Ys at least `gap` apart and above `floor`, each as near to its own as that allows.
function spread(ys, gap, floor) {
  const order = ys.map((y, i) => [y, i]).sort((a, b) => a[0] - b[0]);
  for (let i = 1; i < order.length; i++) {
    order[i][0] = Math.max(order[i][0], order[i - 1][0] + gap);
  }
  for (let i = order.length - 1, top = floor; i >= 0; i--, top -= gap) {
    top = Math.min(top, order[i][0]);
    order[i][0] = top;
  }
  const made = [];
  for (const [y, i] of order) made[i] = y;
  return made;
}

function losses(runs, step, steps, width, height) {
  const at = { left: 42, edge: 8, right: width - 112, bottom: height - 38 };
  const [low, high] = decades(runs);
  const x = (t) => at.left + ((at.right - at.left) * t) / steps;
  const y = (loss) => {
    const power = loss > 0 ? Math.log10(loss) : -Infinity;
    const share = (high - clamp(power, [low - 1, high + 1])) / (high - low);
    return at.edge + (at.bottom - at.edge) * share;
  };
  let grid = "", lines = "", names = "";
  const every = Math.ceil((high - low) / 6);
  for (let power = high; power >= low; power -= every) {
    const ty = y(10 ** power);
    grid += `<path class="grid" d="M${at.left} ${n1(ty)}H${n1(at.right)}"/>`;
    grid += `<text class="tick end" x="${at.left - 6}" y="${n1(ty + 4)}">10${raised(power)}</text>`;
  }
  const stride = [1, 2, 5, 10, 20, 50].find((s) => steps / s <= 5);
  for (let t = 0; t <= steps; t += stride) {
    grid += `<path class="axis" d="M${n1(x(t))} ${n1(at.bottom)}v4"/>`;
    grid += `<text class="tick" x="${n1(x(t))}" y="${n1(at.bottom + 17)}">${t}</text>`;
  }
  const entries = Object.entries(runs);
  const ends = entries.map(([, r]) => clamp(y(r.losses.at(-1)), [at.edge, at.bottom]));
  const beside = spread(ends, 17, at.bottom);
  entries.forEach(([optimizer, { losses, diverged }], i) => {
    const places = losses.map((loss, t) => [x(t), y(loss)]);
    lines += trace(optimizer, places, step);
    lines += marker(optimizer, ...places[Math.min(step, places.length - 1)], 5);
    if (diverged !== null) {
      const [ex] = places.at(-1);
      const d = `M${n1(ex - 5)} ${n1(ends[i] - 5)}l10 10m0 -10l-10 10`;
      lines += `<path class="cross ${optimizer}" d="${d}"/>`;
    }
    const ny = beside[i];
    names += `<path class="lead" d="M${n1(at.right + 2)} ${n1(ends[i])}L${n1(at.right + 10)} ${n1(ny)}"/>`;
    names += marker(optimizer, at.right + 18, ny, 5);
    names += `<text class="tick begin" x="${n1(at.right + 28)}" y="${n1(ny + 4)}">${optimizer}</text>`;
  });
  const middle = n1((at.left + at.right) / 2);
  return (
    `<clipPath id="within"><rect x="${at.left}" y="${at.edge - 6}" ` +
    `width="${n1(at.right - at.left + 6)}" height="${n1(at.bottom - at.edge + 6)}"/></clipPath>` +
    grid + frame(at) +
    `<path class="now" d="M${n1(x(step))} ${at.edge}V${n1(at.bottom)}"/>` +
    `<g clip-path="url(#within)">${lines}</g>${names}` +
    `<text class="tick name" x="${middle}" y="${n1(height - 4)}">step</text>` +
    `<text class="tick name" x="${at.left + 12}" y="${at.edge + 17}">f</text>`
  );
}
