// What the page has, and how it is shown: the plots, the table, the fields.

const $ = (id) => document.getElementById(id);
let [settings, step] = fromHash(location.hash);
let runs = {};
let playing = false;
let wide = plane(600); // the contour picture's scale; `measure` finds it

const short = (x) => {
  if (x === 0) return "0";
  const tiny = Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5;
  return minus(tiny ? x.toExponential(1) : String(Number(x.toPrecision(3))));
};

function measure() {
  if ($("contour").clientWidth < 100) return; // not laid out yet
  wide = plane($("contour").clientWidth);
  $("contour-svg").setAttribute("height", n1(wide.height));
  draw();
}

// Everything that follows from the settings: the runs, the plots, the numbers, the link.
function draw() {
  runs = trajectory(settings);
  step = Math.min(step, settings.steps);
  $("ground").innerHTML = ground(settings.problem, wide);
  const [x, y] = wide.to(settings.start);
  const value = PROBLEMS[settings.problem].value(...settings.start);
  const where = settings.start.map(short).join(", ");
  $("start").style.left = `${x}px`;
  $("start").style.top = `${y}px`;
  $("start").setAttribute("aria-label", `Start point at ${where}; arrow keys move it`);
  $("start-value").textContent = `f = ${short(value)} at the start`;
  for (const name in KNOBS) showKnob(name);
  settings.start.forEach((x, i) => showField($(`start-${i}`), String(round2(x))));
  for (const input of document.getElementsByName("problem")) {
    input.checked = input.value === settings.problem;
  }
  drawStep();
  keepLink();
}

// What follows from the step alone.
function drawStep() {
  const box = $("loss").getBoundingClientRect();
  $("traces").innerHTML = traces(runs, step, wide);
  $("loss").innerHTML = losses(runs, step, settings.steps, box.width, box.height);
  $("step").max = settings.steps;
  $("step").value = step;
  $("step-of").textContent = `step ${step} of ${settings.steps}`;
  for (const optimizer in OPTIMIZERS) showRow(optimizer);
  $("back").disabled = $("restart").disabled = step === 0;
  $("forward").disabled = step === settings.steps;
}

function showRow(optimizer) {
  const row = $(`row-${optimizer}`);
  const made = runs[optimizer];
  row.classList.toggle("off", !made);
  row.querySelector("input").checked = Boolean(made);
  const [loss, place] = row.querySelectorAll("td");
  if (!made) {
    loss.hidden = false;
    place.colSpan = 1;
    loss.textContent = place.textContent = "";
    return;
  }
  const gone = made.diverged !== null && step >= made.diverged;
  const t = Math.min(step, made.points.length - 1);
  loss.textContent = gone ? "" : short(made.losses[t]);
  place.textContent = gone
    ? `diverged at step ${made.diverged}`
    : made.points[t].map((x) => minus(round2(x).toFixed(2))).join(", ");
  place.classList.toggle("gone", gone);
  loss.hidden = gone; // the sentence takes both cells
  place.colSpan = gone ? 2 : 1;
}

const describe = () =>
  Object.entries(runs)
    .map(([optimizer, { losses, diverged }]) =>
      diverged !== null && step >= diverged
        ? `${optimizer} diverged at step ${diverged}`
        : `${optimizer} ${short(losses[step])}`,
    )
    .join(", ");

function say(text) {
  $("said").textContent = text;
}

// Several changes before the next frame are drawn once.
let asked = false;
function change(changes) {
  settings = { ...settings, ...changes };
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    draw();
  });
}
