// The link in the address, which carries the settings.

let linkTimer = null;
let ownHash = location.hash;

function link() {
  return `${location.href.split("#")[0]}#${toHash(settings, step)}`;
}

function writeLink() {
  clearTimeout(linkTimer);
  linkTimer = null;
  history.replaceState(null, "", link());
  ownHash = location.hash;
}

// Browsers allow few changes of the address a second: it follows when a drag is over.
function keepLink() {
  clearTimeout(linkTimer);
  linkTimer = setTimeout(writeLink, 250);
}

async function copyLink() {
  writeLink();
  try {
    await navigator.clipboard.writeText(link());
    $("copied").textContent = "Copied.";
  } catch {
    $("copied").textContent = "The address above this page is the link.";
  }
}

function readLink() {
  if (location.hash === ownHash) return;
  clearTimeout(linkTimer);
  setPlaying(false);
  [settings, step] = fromHash(location.hash);
  draw();
}
