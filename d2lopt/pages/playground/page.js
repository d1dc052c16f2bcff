// The page itself: it makes its controls, connects them, and draws for the first time.

Object.keys(PROBLEMS).forEach(makeProblem);
Object.keys(OPTIMIZERS).forEach(makeRow);
Object.keys(KNOBS).forEach(makeKnob);
makeStart();
$("play").addEventListener("click", () => setPlaying(!playing));
$("restart").addEventListener("click", () => {
  setPlaying(false);
  goTo(0);
});
$("back").addEventListener("click", () => goBy(-1));
$("forward").addEventListener("click", () => goBy(1));
$("step").addEventListener("input", (event) => {
  setPlaying(false);
  goTo(Number(event.target.value));
});
$("defaults").addEventListener("click", () => {
  setPlaying(false);
  settings = initialSettings();
  step = settings.steps;
  draw();
});
$("copy").addEventListener("click", copyLink);
document.addEventListener("keydown", takeKeys);
window.addEventListener("hashchange", readLink);
new ResizeObserver(measure).observe($("contour"));
measure();

// For tests and for the console: the numbers, and what the page shows.
window.playground = {
  trajectory,
  initialSettings,
  takes: (optimizer) => [...OPTIMIZERS[optimizer].takes],
  get settings() {
    return structuredClone(settings);
  },
  get step() {
    return step;
  },
  get playing() {
    return playing;
  },
};
