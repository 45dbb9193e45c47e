// Runs next to each other: every run a line, every group a colour.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#9c3a77", "#222222"];
const DASHES = ["", "7 4", "2 3"]; // where there are more groups than colours
let found = null;

function drawComparison() {
  const svg = $("progress");
  const curves = found.groups.flatMap((group, at) => group.curves.map((curve) => [at, curve]));
  const [x, y] = chart(svg, [0, ...curves.flatMap(([, curve]) => curve.at)], curves.flatMap(([, curve]) => curve.value), found.label, found.measure, false, found.log);
  for (const [at, curve] of curves) {
    const drawn = line(svg, stairs(curve.at.map(x), curve.value.map(y)), "line");
    if (!drawn) continue;
    drawn.style.stroke = COLOURS[at % COLOURS.length];
    drawn.style.strokeDasharray = DASHES[Math.floor(at / COLOURS.length) % DASHES.length];
    element("title", {}, drawn, found.groups[at].label);
  }
  $("legend").textContent = "";
  found.groups.forEach((group, at) => {
    const entry = document.createElement("span"), mark = document.createElement("span");
    mark.className = "line";
    mark.style.background = COLOURS[at % COLOURS.length];
    entry.append(mark, group.label);
    $("legend").appendChild(entry);
  });
  $("table").textContent = found.table;
}

async function askForComparison() {
  const asked = new URLSearchParams(location.search);
  if ($("axis").value) asked.set("axis", $("axis").value);
  try {
    const answer = await fetch(`/compare.json?${asked}`, { cache: "no-store", credentials: "same-origin" });
    found = await answer.json();
    if (!answer.ok) throw new Error(found.error ?? answer.statusText);
    const select = $("axis");
    if (!select.options.length) {
      for (const axis of found.axes) select.add(new Option(axis, axis, false, axis === found.axis));
      select.addEventListener("change", askForComparison);
    }
    $("said").textContent = "";
    $("shown").hidden = false;
    drawComparison();
  } catch (error) {
    $("said").textContent = error.message;
  }
  document.body.dataset.asked = "1";
}
askForComparison();
