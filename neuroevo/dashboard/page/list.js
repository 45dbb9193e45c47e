"use strict";
// The list of runs, asked for again and again; rows stay where they are, so that what has the focus or is ticked keeps it.
const rows = new Map();
const body = document.querySelector("#runs tbody");
const form = document.getElementById("compare");

function cellsOf(run) {
  const words = (value) => (value === null || value === undefined || value === "" ? "-" : String(value));
  const count = (value) => (value === null ? "-" : value.toLocaleString("en"));
  const volume = run.hypervolume === null ? "-" : run.hypervolume.toFixed(4);
  return [run.state, [run.share, run.budget], count(run.evaluated), count(run.failed), words(run.best), count(run.front), volume, words(run.strategy), words(run.data)];
}

function made(run) {
  const row = document.createElement("tr");
  const tick = document.createElement("input");
  tick.type = "checkbox";
  tick.name = "run";
  tick.value = run.name;
  tick.setAttribute("aria-label", `compare ${run.name}`);
  tick.addEventListener("change", ticked);
  row.insertCell().appendChild(tick);
  const link = document.createElement("a");
  link.href = run.address;
  link.textContent = run.name;
  row.insertCell().appendChild(link);
  for (let at = 2; at < 11; at++) row.insertCell().classList.toggle("number", [4, 5, 7, 8].includes(at));
  return row;
}

function fill(row, run) {
  row.classList.toggle("going", run.going);
  cellsOf(run).forEach((value, at) => {
    const cell = row.cells[at + 2];
    if (!Array.isArray(value)) { if (cell.textContent !== value) cell.textContent = value; return; }
    const [share, budget] = value;
    const said = JSON.stringify(value);
    if (cell.dataset.said === said) return;
    cell.dataset.said = said;
    cell.textContent = "";
    if (share !== null) {
      const bar = document.createElement("progress");
      bar.max = 1;
      bar.value = share;
      bar.setAttribute("aria-label", `${Math.round(100 * share)} % of the budget of ${run.name}`);
      cell.append(bar, ` ${Math.round(100 * share)} %`);
    }
    const small = document.createElement("small");
    small.textContent = budget ? `of ${budget}` : "";
    cell.appendChild(small);
  });
}

function ticked() {
  const chosen = form.querySelectorAll("input:checked").length;
  document.getElementById("go").disabled = chosen < 1;
}

function say(text) {
  const box = document.getElementById("said");
  if (box.textContent !== text) box.textContent = text;
}

async function ask() {
  if (document.hidden) { document.addEventListener("visibilitychange", ask, { once: true }); return; }
  try {
    const answer = await fetch("/runs.json", { cache: "no-store", credentials: "same-origin" });
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error ?? answer.statusText);
    const names = new Set(found.runs.map((run) => run.name));
    for (const [name, row] of rows) if (!names.has(name)) { row.remove(); rows.delete(name); }
    found.runs.forEach((run, at) => {
      if (!rows.has(run.name)) rows.set(run.name, made(run));
      const row = rows.get(run.name);
      if (body.rows[at] !== row) body.insertBefore(row, body.rows[at] ?? null);
      fill(row, run);
    });
    document.getElementById("none").hidden = found.runs.length > 0;
    document.getElementById("compare").hidden = found.runs.length === 0;
    say(found.said.join("; "));
    ticked();
    document.body.dataset.asked = String(Number(document.body.dataset.asked ?? 0) + 1);
  } catch (error) { say(error.message === "Failed to fetch" ? "The dashboard does not answer; trying again." : error.message); }
  setTimeout(ask, 3000);
}
ask();
