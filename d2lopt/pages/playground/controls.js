// The controls that change the settings: hyperparameters, optimizers, problem, start.

// ---------------------------------------------------------------------- hyperparameters

const position = (knob, value) =>
  knob.log ? Math.log10(clamp(value, knob.slider)) : value;
const atPosition = (knob, place) =>
  knob.log ? Number((10 ** place).toPrecision(2)) : Number(place);
const written = (value) =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value);

function makeKnob(name) {
  const knob = KNOBS[name];
  const users = optimizersTaking(name);
  const others = Object.keys(OPTIMIZERS).filter((o) => !users.includes(o));
  const named =
    users.length > 3 ? `in all but ${others.join(", ")}` : `in ${users.join(", ")}`;
  const [low, high] = knob.slider.map((value) => position(knob, value));
  const box = document.createElement("div");
  box.className = "knob";
  box.id = `knob-${name}`;
  box.innerHTML = `
    <label for="${name}"><b>${knob.symbol}</b> ${knob.title}</label>
    <input type="number" id="${name}-number" min="${knob.least}" max="${knob.greatest}"
      step="any" inputmode="decimal" aria-label="${knob.symbol} ${knob.title}, as a number">
    <input type="range" id="${name}" min="${low}" max="${high}" step="${knob.by ?? 0.05}">
    <small>${knob.used ?? named}</small>`;
  $("knobs").append(box);
  $(name).addEventListener("input", (event) => {
    setKnob(name, atPosition(knob, event.target.value));
  });
  takeField($(`${name}-number`), (text) => {
    setKnob(name, checkedKnob(name, text, settings[name]));
  });
}

function setKnob(name, value) {
  const atEnd = step === settings.steps;
  if (name === "steps") step = atEnd ? value : Math.min(step, value);
  change({ [name]: value });
}

function showKnob(name) {
  const value = settings[name];
  const users = optimizersTaking(name);
  $(name).value = position(KNOBS[name], value);
  $(name).setAttribute("aria-valuetext", written(value));
  showField($(`${name}-number`), written(value));
  const idle = users.length > 0 && !users.some((o) => settings.optimizers.includes(o));
  $(`knob-${name}`).classList.toggle("idle", idle);
}

// A field is not rewritten while somebody types in it; what is wrong in it is put right
// when they are done.
function showField(field, text) {
  if (document.activeElement !== field) field.value = text;
}

function takeField(field, take) {
  field.addEventListener("change", () => take(field.value));
  field.addEventListener("input", () => {
    if (field.value !== "" && field.validity.valid) take(field.value);
  });
  field.addEventListener("blur", draw);
}

// ----------------------------------------------------------- optimizers and the problem

function makeRow(optimizer) {
  const row = document.createElement("tr");
  row.id = `row-${optimizer}`;
  row.innerHTML = `
    <th scope="row"><label><input type="checkbox" value="${optimizer}">
      <svg width="34" height="16" viewBox="0 0 34 16"
        preserveAspectRatio="xMidYMid slice" aria-hidden="true"><path class="trace ${optimizer}"
        d="M1 8H33"/>${marker(optimizer, 17, 8, 5)}</svg> ${optimizer}</label></th>
    <td></td><td></td>`;
  $("rows").append(row);
  row.querySelector("input").addEventListener("change", (event) => {
    const chosen = new Set(settings.optimizers);
    chosen[event.target.checked ? "add" : "delete"](optimizer);
    change({ optimizers: Object.keys(OPTIMIZERS).filter((o) => chosen.has(o)) });
  });
}

function makeProblem(name) {
  const label = document.createElement("label");
  label.innerHTML = `<input type="radio" name="problem" value="${name}">
    <span><b>${PROBLEMS[name].title}</b> ${PROBLEMS[name].formula}</span>`;
  label.querySelector("input").addEventListener("change", () => {
    change({ problem: name });
  });
  $("problems").append(label);
}

// ---------------------------------------------------------------------- the start point

function moveStart(point) {
  change({ start: checkedStart(point.map(round2), settings.start) });
}

function pointOf(event) {
  const box = $("contour-svg").getBoundingClientRect();
  return wide.from(event.clientX - box.left, event.clientY - box.top);
}

function makeStart() {
  const start = $("start");
  let grip = null; // from the pointer to the point, so that it does not jump when taken
  start.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const at = pointOf(event);
    grip = settings.start.map((x, i) => x - at[i]);
    start.setPointerCapture(event.pointerId);
  });
  start.addEventListener("pointermove", (event) => {
    if (grip) moveStart(pointOf(event).map((x, i) => x + grip[i]));
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    start.addEventListener(end, () => (grip = null));
  }
  $("contour-svg").addEventListener("click", (event) => {
    moveStart(pointOf(event));
    start.focus({ preventScroll: true });
  });
  start.addEventListener("keydown", (event) => {
    const by = event.shiftKey ? 0.5 : 0.1;
    const [a, b] = settings.start;
    const moved = {
      ArrowLeft: [a - by, b],
      ArrowRight: [a + by, b],
      ArrowUp: [a, b + by],
      ArrowDown: [a, b - by],
    }[event.key];
    if (!moved) return;
    event.preventDefault();
    event.stopPropagation(); // here the arrows do not step
    moveStart(moved);
  });
  for (const i of [0, 1]) {
    takeField($(`start-${i}`), (text) => {
      const point = [...settings.start];
      point[i] = text;
      change({ start: checkedStart(point, settings.start) });
    });
  }
}
