// Going from step to step: playing, and the keys.

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const perSecond = () => Math.min(Number($("speed").value), calm.matches ? 2 : 100);

function goTo(t) {
  step = clamp(t, [0, settings.steps]);
  drawStep();
  keepLink();
}

function goBy(by) {
  setPlaying(false);
  goTo(step + by);
  say(`Step ${step}: ${describe()}`);
}

function setPlaying(wanted) {
  if (wanted === playing) return;
  playing = wanted;
  $("play").textContent = playing ? "Pause" : "Play";
  if (!playing) {
    say(`Step ${step}: ${describe()}`);
    return;
  }
  if (step === settings.steps) goTo(0);
  let last = performance.now();
  const tick = (now) => {
    if (!playing) return;
    const due = Math.floor(((now - last) * perSecond()) / 1000);
    if (due > 0) {
      last += (due * 1000) / perSecond();
      goTo(step + due);
    }
    if (step === settings.steps) setPlaying(false);
    else requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}

// A control that has its own use for a key keeps it.
const OWN_KEYS = "input, select, button, summary, a, textarea";

function takeKeys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.(OWN_KEYS)) return;
  const does = {
    " ": () => setPlaying(!playing),
    ".": () => goBy(1),
    ArrowRight: () => goBy(1),
    ",": () => goBy(-1),
    ArrowLeft: () => goBy(-1),
    r: () => goTo(0),
  }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
}
