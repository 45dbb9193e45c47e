// A dashboard's page: asks for what has changed, and draws that in place.
const ASK = { going: 2000, ended: 10000, failed: 5000, figures: 30000 }; // milliseconds between two questions
let version = "", evaluated = -1, drawnAt = -1, drawnWhen = -Infinity;

async function json(address) {
  const answer = await fetch(address, { cache: "no-store", credentials: "same-origin" });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error ?? answer.statusText);
  return found;
}

// Everything about one individual: its ancestors, their curves, what it can be downloaded as.
async function askFor(id) {
  try {
    const found = await json(`${place.base}individuals/${id}/data.json`);
    take(found.data);
    downloads[id] = found.downloads;
    recorded[id] = found.recorded;
  } catch (error) { say(`individual ${id}: ${error.message}`); }
}

function say(text) {
  const box = $("said");
  if (box.textContent !== text) box.textContent = text;
}

// What has the focus keeps it when it is drawn again.
function keepingFocus(change) {
  const had = document.activeElement;
  const inside = had?.closest("#front, #front-table, [data-part]");
  const all = (name) => [...document.querySelectorAll(`${name} :is(button, select, a, [tabindex], input)`)];
  const within = inside && (inside.id ? `#${inside.id}` : `[data-part="${inside.dataset.part}"]`);
  const at = inside ? all(within).indexOf(had) : -1;
  const named = had?.id ? `#${had.id}` : had?.dataset?.id ? `${within} [data-id="${had.dataset.id}"]` : null;
  change();
  if (!inside || document.contains(had)) return;
  const again = (named && document.querySelector(named)) ?? all(within)[at];
  again?.focus({ preventScroll: true });
}

function put(sections) {
  for (const [name, text] of Object.entries(sections)) {
    const part = document.querySelector(`[data-part="${name}"]`);
    if (!part) continue;
    const open = [...part.querySelectorAll("details")].map((one) => one.open);
    part.innerHTML = text; // the server wrote it, and escaped what came from the run
    [...part.querySelectorAll("details")].forEach((one, at) => { one.open = open[at] ?? false; });
  }
}

async function figures() {
  const now = performance.now();
  if (evaluated === drawnAt || now - drawnWhen < ASK.figures) return;
  drawnWhen = now;
  drawnAt = evaluated;
  try {
    const found = await json(`${place.base}figures.json`);
    keepingFocus(() => put(found.sections));
  } catch (error) { say(error.message); }
}

async function ask() {
  if (document.hidden) { document.addEventListener("visibilitychange", ask, { once: true }); return; }
  let wait = ASK.failed;
  try {
    const found = await json(`${place.base}data.json?since=${encodeURIComponent(version)}`);
    if (found.whole) forget();
    keepingFocus(() => {
      put(found.sections);
      if (found.whole || Object.keys(found.data).length) { take(found.data); show(); }
      if (chosen !== null && detailKey(chosen) !== shownDetail && !$("detail").hidden) detail(chosen, false);
    });
    version = found.version;
    evaluated = found.evaluated;
    say(found.said);
    for (const act of document.querySelectorAll("form.acts")) act.hidden = (act.dataset.when === "going") !== found.going;
    wait = found.going ? ASK.going : ASK.ended;
    document.body.dataset.asked = String(Number(document.body.dataset.asked ?? 0) + 1);
    figures();
  } catch (error) { say(error.message === "Failed to fetch" ? "The dashboard does not answer; trying again." : error.message); }
  setTimeout(ask, wait);
}

async function start() {
  if (place.individual === undefined) { ask(); return; }
  await choose(Number(place.individual));
  document.body.dataset.asked = "1";
}
start();
