// The run that the page shows. A static report holds it whole; a dashboard's page asks for it, and again for what has changed since.
const place = document.body.dataset; // base: where the run's addresses begin; individual: the only one that is shown
const live = place.base !== undefined;
let run, byId, onFront;

function forget() {
  run = { objectives: [], operators: [], front: [], inherited: [], baseline: null, references: [], intervals: {}, folds: {}, folded: "", chosen_on: "validation", archive: null, said: {}, deviation: {}, test: {}, curves: {}, drawings: {},
    individuals: { id: [], generation: [], status: [], values: [], parents: [], operators: [] }, progress: { over: {}, value: [] } };
  byId = new Map();
}

// Takes in rows of individuals that are new or have changed, and whatever else came with them.
function take(fresh) {
  const { individuals = { id: [] }, ...others } = fresh;
  individuals.id.forEach((id, from) => {
    if (!byId.has(id)) byId.set(id, run.individuals.id.length);
    const row = byId.get(id);
    for (const column of Object.keys(run.individuals)) run.individuals[column][row] = individuals[column][from];
    delete run.said[id];
    delete run.deviation[id];
  });
  for (const [name, value] of Object.entries(others))
    if (["said", "deviation", "curves", "drawings"].includes(name)) Object.assign(run[name], value);
    else run[name] = value;
  onFront = new Set(run.front);
}

function label(objective) {
  return `${objective.name} (${objective.direction === "minimise" ? "lower" : "higher"} is better)`;
}

// The front ------------------------------------------------------------------------------------------------------------------

let chosen = null;
const beside = ["done", "partial", "stopped", "predicted"]; // those that have values

function drawFront() {
  const several = run.objectives.length > 1;
  const svg = $("front");
  const yAt = several ? Number($("y-axis").value) : 0;
  const xAt = several ? Number($("x-axis").value) : -1;
  const rows = run.individuals.id.map((_, row) => row).filter((row) => beside.includes(run.individuals.status[row]));
  const value = (row, at) => (at < 0 ? run.individuals.id[row] : run.individuals.values[row][at]);
  const objective = (at) => (at < 0 ? { name: "individual, in order of birth", log: false } : run.objectives[at]);
  const plain = run.baseline && xAt >= 0 ? run.baseline : null;
  const tested = run.front.filter((id) => run.test[id]);
  const testAt = (id, at) => (at < 0 ? id : run.test[id][run.objectives[at].name] ?? value(byId.get(id), at));
  const references = xAt >= 0 ? run.references.filter(({ values }) => values[xAt] !== null && values[yAt] !== null) : [];
  const along = (at) => [...rows.map((row) => value(row, at)), ...(plain ? [plain[at]] : []), ...references.map(({ values }) => values[at]), ...tested.map((id) => testAt(id, at))];
  const [x, y] = chart(svg, along(xAt), along(yAt),
    xAt < 0 ? objective(xAt).name : label(objective(xAt)), label(objective(yAt)), objective(xAt).log, objective(yAt).log);
  const step = Math.max(1, Math.ceil(rows.length / 6000));
  // Thousands of circles are slow to paint, a few paths of as many dots are not; of several, so that where there are many it is darker.
  const together = rows.length > 1500 ? Array.from({ length: 16 }, () => []) : null;
  rows.forEach((row, place) => {
    const id = run.individuals.id[row], status = run.individuals.status[row];
    if (onFront.has(id) || place % step !== 0) return;
    const cx = Number(x(value(row, xAt)).toFixed(1)), cy = Number(y(value(row, yAt)).toFixed(1));
    if (status === "done" && together) { together[(place / step) % 16].push(`M${cx},${cy}h0`); return; }
    if (status === "done") { element("circle", { class: "dominated", cx, cy, r: 3 }, svg); return; }
    if (status === "predicted") {
      const by = (at) => (at < 0 ? null : (run.deviation[id] ?? [])[at]);
      const ends = (place, axis, at, low, high) => [-1, 1].map((sign) => Math.min(high, Math.max(low, place(value(row, at) + sign * by(at)))).toFixed(1));
      if (by(xAt)) { const [from, to] = ends(x, "x", xAt, 70, 545); element("path", { class: "deviation", d: `M${from},${cy}H${to}` }, svg); }
      if (by(yAt)) { const [from, to] = ends(y, "y", yAt, 14, 345); element("path", { class: "deviation", d: `M${cx},${from}V${to}` }, svg); }
    }
    const shapes = {
      partial: ["circle", { cx, cy, r: 3 }],
      stopped: ["path", { d: `M${cx - 4},${cy - 3}L${cx + 4},${cy - 3}L${cx},${cy + 4}Z` }],
      predicted: ["path", { d: `M${cx - 3},${cy - 3}H${cx + 3}V${cy + 3}H${cx - 3}Z` }],
    };
    const [name, attributes] = shapes[status];
    const mark = element(name, { class: status, ...attributes }, svg);
    element("title", {}, mark, `individual ${id}: ${scores(id)}`);
    mark.addEventListener("click", () => choose(id));
  });
  for (const dots of together ?? []) if (dots.length) element("path", { class: "dominated", d: dots.join("") }, svg);
  if (plain) {
    const cx = x(plain[xAt]), cy = y(plain[yAt]);
    const mark = element("path", { class: "baseline", d: `M${cx},${cy - 7}L${cx + 7},${cy}L${cx},${cy + 7}L${cx - 7},${cy}Z` }, svg);
    element("title", {}, mark, `baseline: ${run.objectives.map((o, at) => `${o.name} ${number(plain[at])}`).join(", ")}`);
  }
  for (const { name, values } of references) {
    const shape = { linear: "M-5,-4L5,-4L0,5Z", forest: "M-4.5,-4.5H4.5V4.5H-4.5Z" }[name] ?? "M-2,-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z";
    const mark = element("path", { class: "reference", d: shape, transform: `translate(${x(values[xAt])} ${y(values[yAt])})` }, svg);
    element("title", {}, mark, `${name}: ${run.objectives.map((o, at) => `${o.name} ${number(values[at])}`).join(", ")}`);
  }
  for (const id of run.front) {
    const row = byId.get(id);
    if (run.test[id]) {
      const cx = x(testAt(id, xAt)), cy = y(testAt(id, yAt));
      if (Number.isFinite(cx) && Number.isFinite(cy)) {
        const cross = element("path", { class: "test", d: `M${cx - 4},${cy - 4}L${cx + 4},${cy + 4}M${cx - 4},${cy + 4}L${cx + 4},${cy - 4}` }, svg);
        element("title", {}, cross, `individual ${id} on test data: ${run.objectives.map((o, at) => `${o.name} ${number(testAt(id, at))}`).join(", ")}`);
      }
    }
    const dot = element("circle", { class: "front", cx: x(value(row, xAt)), cy: y(value(row, yAt)), r: 6, tabindex: 0, role: "button", "data-id": id, "aria-label": `individual ${id}` }, svg);
    dot.addEventListener("mouseenter", () => tip(id, dot));
    dot.addEventListener("mouseleave", hideTip);
    dot.addEventListener("focus", () => tip(id, dot));
    dot.addEventListener("blur", hideTip);
    dot.addEventListener("click", () => choose(id));
    dot.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(id); } });
    if (id === chosen) dot.classList.add("chosen");
  }
}

// What became of it: its values, of a prediction with its deviation; why it failed or was stopped, or at which fidelity it stands.
function scores(id) {
  const row = byId.get(id), status = run.individuals.status[row], said = run.said[id];
  if (!beside.includes(status)) return said ? `${status} (${said})` : status;
  const by = (at) => { const spread = (run.deviation[id] ?? [])[at]; return spread ? ` ± ${number(spread)}` : ""; };
  const values = run.objectives.map((objective, at) => `${objective.name} ${number(run.individuals.values[row][at])}${by(at)}`).join(", ");
  if (status === "done") return values;
  return `${values}; ${status === "partial" ? "at a lower fidelity" : status}${said ? ` (${said})` : ""}`;
}

function tip(id, near) {
  const box = $("tip");
  box.textContent = "";
  const text = document.createElement("div");
  text.textContent = `individual ${id}: ${scores(id)}`;
  box.appendChild(text);
  if (id !== chosen) draw(id, box);
  box.style.display = "block";
  const place = near.getBoundingClientRect();
  const left = Math.min(place.right + 10, document.documentElement.clientWidth - box.offsetWidth - 8);
  box.style.left = `${Math.max(4, left) + window.scrollX}px`;
  box.style.top = `${place.bottom + 8 + window.scrollY}px`;
}

function hideTip() {
  $("tip").style.display = "none";
}

// The genome's drawing, where there is one. What a dashboard shows is an image: in that nothing can act.
function draw(id, parent) {
  if (live) {
    const image = document.createElement("img");
    image.alt = `the genome of individual ${id}`;
    image.src = `${place.base}individuals/${id}/genome.svg`;
    parent.appendChild(image);
  } else if (run.drawings[id]) parent.insertAdjacentHTML("beforeend", run.drawings[id]);
}

// The archive ----------------------------------------------------------------------------------------------------------------

function drawArchive() {
  const svg = $("archive");
  const [across, up] = run.archive.axes;
  const [x, y] = chart(svg, across.ends, up ? up.ends : [0, 1], across.name, up ? up.name : "", across.log, up ? up.log : false);
  if (!up) for (const mark of svg.querySelectorAll('text[text-anchor="end"]')) mark.remove(); // a strip has no scale upwards
  for (const { id, fill, corners } of run.archive.cells) {
    const d = "M" + corners.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join("L") + "Z";
    const cell = element("path", { class: "cell", d, fill, tabindex: 0, role: "button", "data-id": id, "aria-label": `individual ${id}` }, svg);
    cell.addEventListener("mouseenter", () => tip(id, cell));
    cell.addEventListener("focus", () => tip(id, cell));
    cell.addEventListener("mouseleave", hideTip);
    cell.addEventListener("blur", hideTip);
    cell.addEventListener("click", () => choose(id));
    cell.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(id); } });
  }
}

// One individual -------------------------------------------------------------------------------------------------------------

function operators(row) {
  return run.individuals.operators[row].map((at) => run.operators[at].replaceAll("_", " ")).join(", ") || "-";
}

function ancestors(id, most) {
  const found = [];
  const seen = new Set();
  let level = [id];
  while (level.length && found.length < most) {
    const next = [];
    for (const member of level) {
      if (seen.has(member)) continue;
      seen.add(member);
      found.push(member);
      if (byId.has(member)) next.push(...run.individuals.parents[byId.get(member)]);
    }
    level = next;
  }
  return found.slice(0, most);
}

async function choose(id) {
  chosen = id;
  hideTip();
  if (run.front.length) drawFront();
  for (const cell of document.querySelectorAll("#archive path.cell")) cell.classList.toggle("chosen", Number(cell.dataset.id) === id);
  if (live) await askFor(id);
  if (chosen === id) detail(id, true);
}

function detail(id, move) {
  for (const row of document.querySelectorAll("#front-table tbody tr")) row.classList.toggle("chosen", Number(row.dataset.id) === id);
  const box = $("detail");
  box.hidden = false;
  box.textContent = "";
  const add = (name, text, parent = box) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    parent.appendChild(made);
    return made;
  };
  add("h2", `Individual ${id}`);
  const unknown = run.left_out ? "it is not among those that are drawn here" : "its record was not kept";
  if (!byId.has(id)) { add("p", unknown); return; }
  const row = byId.get(id);
  add("p", `${scores(id)}; born in generation ${run.individuals.generation[row]}, by ${operators(row)}`);
  if (run.test[id]) add("p", `on test data: ${Object.entries(run.test[id]).map(([name, value]) => `${name} ${number(value)}`).join(", ")}`);
  if (live) {
    const links = add("p");
    links.className = "downloads";
    const link = (text, address, download) => {
      const made = add("a", text, links);
      made.className = "link";
      made.href = `${place.base}individuals/${id}${address}`;
      if (download) made.setAttribute("download", "");
    };
    if (place.individual === undefined) link("its own page", "", false);
    for (const suffix of downloads[id] ?? []) link(`download ${suffix}`, `/download${suffix}`, true);
  }
  const columns = add("div");
  columns.className = "columns";
  if (live || run.drawings[id]) {
    const drawing = add("div", undefined, columns);
    drawing.className = "drawing";
    draw(id, drawing);
  }
  const right = add("div", undefined, columns);
  const curve = run.curves[id];
  if (curve) {
    add("h3", "Learning curve", right);
    const svg = element("svg", { class: "chart", viewBox: "0 0 560 400", role: "img", "aria-label": "learning curve" }, right);
    const [end, ...ends] = curve.expected ?? []; // of one that was stopped: the last epoch, and the score expected then, with its interval
    const epochs = [0, ...curve.epochs, ...(curve.expected ? [end] : [])];
    const [x, y] = chart(svg, epochs, [...curve.scores, ...ends], "epoch", `validation ${curve.name}`, false, false);
    if (curve.expected) {
      const [mean, low, high] = ends.map(y), at = x(curve.epochs.at(-1)), last = y(curve.scores.at(-1));
      element("path", { class: "expected-band", d: `M${at},${last}L${x(end)},${low}L${x(end)},${high}Z` }, svg);
      line(svg, [[at, last], [x(end), mean]], "expected");
      element("path", { class: "cross", d: `M${at - 6},${last - 6}L${at + 6},${last + 6}M${at - 6},${last + 6}L${at + 6},${last - 6}` }, svg);
    }
    line(svg, curve.epochs.map((epoch, at) => [x(epoch), y(curve.scores[at])]), "line");
    curve.epochs.forEach((epoch, at) => element("circle", { cx: x(epoch), cy: y(curve.scores[at]), r: 3, fill: "#0072b2" }, svg));
    if (curve.expected) {
      const [mean, low, high] = ends.map((score) => number(score));
      add("p", `stopped at the cross; after epoch ${end}, ${mean} was expected (90 %: ${low} to ${high})`, right).className = "note";
    }
    if (curve.epochs[0] === 0) add("p", "epoch 0: right after inheriting its parents' weights", right).className = "note";
  }
  add("h3", "Lineage", right);
  const list = add("ol", undefined, right);
  list.className = "lineage";
  const most = place.individual === undefined ? 20 : 200;
  const line_ = ancestors(id, most + 1);
  for (const member of line_.slice(0, most)) {
    const item = add("li", undefined, list);
    const go = add("button", String(member), item);
    go.className = "link";
    go.addEventListener("click", () => choose(member));
    if (!byId.has(member)) { item.append(`: ${unknown}`); continue; }
    const at = byId.get(member);
    const parents = run.individuals.parents[at];
    item.append(`: ${operators(at)}${parents.length ? ` of ${parents.join(" and ")}` : ""}; ${scores(member)}`);
    if (run.inherited.includes(member)) add("span", " weights inherited", item).className = "inherited";
  }
  if (line_.length > most) add("p", "older ancestors are not listed", right).className = "note";
  if (recorded[id]) {
    const all = add("details");
    add("summary", "All that is recorded of it", all);
    add("pre", recorded[id], all);
  }
  shownDetail = detailKey(id);
  if (move) box.scrollIntoView({ block: "nearest", behavior: "auto" });
}

let shownDetail = "";

// What the detail of an individual shows of it: where this is what it was, it need not be drawn again.
function detailKey(id) {
  const row = byId.get(id);
  return JSON.stringify([row === undefined ? null : Object.values(run.individuals).map((column) => column[row]), run.curves[id], run.test[id]]);
}

// Table ----------------------------------------------------------------------------------------------------------------------

const sorting = { column: null, rising: true };

function frontTable() {
  const table = $("front-table");
  table.textContent = "";
  const columns = [["id", (id) => id]];
  run.objectives.forEach((objective, at) => {
    const tested = run.front.some((id) => run.test[id] && objective.name in run.test[id]);
    const sure = (part) => (id) => ((run.intervals[id] ?? {})[part] ?? {})[objective.name];
    columns.push([tested ? `${objective.name} (${run.chosen_on})` : objective.name, (id) => run.individuals.values[byId.get(id)][at], sure("validation")]);
    if (tested) columns.push([`${objective.name} (test)`, (id) => (run.test[id] ?? {})[objective.name], sure("test")]);
  });
  if (run.folded) columns.push([run.folded, (id) => (run.folds[id] ?? [])[0], (id) => run.folds[id]?.slice(1, 3)]);
  const head = table.createTHead().insertRow();
  const body = table.createTBody();
  const fill = () => {
    const ids = [...run.front], { column, rising } = sorting;
    const value = (id) => columns[column][1](id) ?? Infinity;
    if (column !== null && column < columns.length) ids.sort((a, b) => (rising ? 1 : -1) * (value(a) - value(b)));
    body.textContent = "";
    for (const id of ids) {
      const row = body.insertRow();
      row.dataset.id = id;
      columns.forEach(([, value, sure], at) => {
        const cell = row.insertCell(), interval = sure?.(id);
        if (at) {
          cell.textContent = number(value(id));
          if (!interval?.length) return;
          const ends = document.createElement("span");
          ends.className = "interval";
          ends.title = "95 % interval";
          ends.textContent = interval.map((end) => Number(end.toPrecision(2))).join("–");
          cell.appendChild(ends);
          return;
        }
        const button = document.createElement("button"); // so that a keyboard reaches it
        button.className = "link";
        button.textContent = String(id);
        button.setAttribute("aria-label", `individual ${id}`);
        cell.appendChild(button);
      });
      row.insertCell().textContent = operators(byId.get(id));
      row.classList.toggle("chosen", id === chosen);
      row.addEventListener("click", () => choose(id));
    }
    [...head.cells].forEach((cell, at) => cell.setAttribute("aria-sort", at === column ? (rising ? "ascending" : "descending") : "none"));
  };
  columns.forEach(([name], at) => {
    const cell = document.createElement("th");
    const button = document.createElement("button");
    button.textContent = name;
    button.title = "sort";
    button.addEventListener("click", () => { sorting.rising = sorting.column === at ? !sorting.rising : true; sorting.column = at; fill(); });
    cell.appendChild(button);
    head.appendChild(cell);
  });
  const last = document.createElement("th");
  last.textContent = "made by";
  head.appendChild(last);
  fill();
}

// Progress -------------------------------------------------------------------------------------------------------------------

function progress() {
  const { over, value, name, log } = run.progress;
  if (!value.length || !$("progress")) return;
  const axis = $("progress-axis")?.value ?? "evaluations";
  const label = { evaluations: "individuals evaluated", epochs: "training epochs", seconds: "seconds" }[axis];
  const [x, y] = chart($("progress"), [0, ...over[axis]], value, label, name, false, log);
  line($("progress"), stairs(over[axis].map(x), value.map(y)), "line");
}

// Learning curves: those of the front before all others, which were drawn first.
function learningCurves() {
  const svg = $("curves");
  if (!svg) return;
  const found = Object.entries(run.curves).map(([id, curve]) => [Number(id), curve]).filter(([id]) => byId.has(id));
  if (!found.length) return;
  const kind = (id) => (onFront.has(id) ? "line" : run.individuals.status[byId.get(id)] === "stopped" ? "stopped-curve" : "other-curve");
  const order = ["other-curve", "stopped-curve", "line"];
  const [x, y] = chart(svg, [0, ...found.flatMap(([, curve]) => curve.epochs)], found.flatMap(([, curve]) => curve.scores), "epoch",
    `validation ${found[0][1].name}`, false, false);
  for (const of of order)
    for (const [id, curve] of found)
      if (kind(id) === of) {
        const points = curve.epochs.map((epoch, at) => [x(epoch), y(curve.scores[at])]);
        if (points.length === 1) points.push([points[0][0] + 3, points[0][1]]); // a single epoch is a dash
        const drawn = line(svg, points, of);
        if (drawn) element("title", {}, drawn, `individual ${id}: ${scores(id)}`);
      }
}

// The whole page -------------------------------------------------------------------------------------------------------------

// Gives the selects of axes their choices and keeps what was chosen.
function wire() {
  if (run.objectives.length > 1 && $("x-axis") && !$("x-axis").options.length)
    for (const [axis, initial] of [["x-axis", 1], ["y-axis", 0]]) {
      const select = $(axis);
      run.objectives.forEach((objective, at) => select.add(new Option(objective.name, String(at), false, at === (axes[axis] ?? initial))));
      select.addEventListener("change", () => { axes[axis] = Number(select.value); drawFront(); });
    }
  const over = $("progress-axis");
  if (over && !over.dataset.wired) {
    over.dataset.wired = "yes";
    if (axes.progress) over.value = axes.progress;
    over.addEventListener("change", () => { axes.progress = over.value; progress(); });
  }
  for (const link of document.querySelectorAll("[data-choose]:not([data-wired])")) {
    link.dataset.wired = "yes";
    link.addEventListener("click", () => choose(Number(link.dataset.choose)));
  }
}

const axes = {};

function show() {
  wire();
  if (run.front.length && $("front")) { drawFront(); frontTable(); }
  if (run.archive && $("archive")) drawArchive();
  progress();
  learningCurves();
}

const downloads = {}, recorded = {}; // of individuals that a dashboard was asked for
forget();
if (!live) {
  take(JSON.parse($("run-data").textContent));
  show();
}
