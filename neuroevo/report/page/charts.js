"use strict";
const $ = (id) => document.getElementById(id);

function number(value) {
  if (value === null || value === undefined) return "-";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

function element(name, attributes, parent, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.appendChild(made);
  return made;
}

function ticks(low, high, log) {
  if (log) {
    const found = [];
    for (let power = Math.floor(low); power <= Math.ceil(high); power++)
      for (const factor of high - low < 1.3 ? [1, 2, 5] : [1]) {
        const at = power + Math.log10(factor);
        if (at >= low && at <= high) found.push([at, number(Number((factor * 10 ** power).toPrecision(3)))]);
      }
    return found;
  }
  const raw = (high - low) / 5 || 1;
  const base = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * base).find((size) => size >= raw);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push([at, number(Number(at.toPrecision(8)))]);
  return found;
}

// Axes in an svg of 560 x 400 units; gives the functions from values to places.
function chart(svg, xs, ys, xName, yName, xLog, yLog) {
  svg.textContent = "";
  const scale = (values, log, from, to) => {
    const shown = values.map((value) => (log ? Math.log10(Math.max(value, 1e-12)) : value));
    let low = Infinity, high = -Infinity;
    for (const value of shown) if (Number.isFinite(value)) { low = Math.min(low, value); high = Math.max(high, value); }
    const positive = !log && low >= 0;
    if (!(high > low)) { low -= 0.5; high += 0.5; }
    const room = 0.05 * (high - low);
    low -= room; high += room;
    if (positive) low = Math.max(low, 0); // no axis of errors or sizes runs below 0
    const place = (value) => from + (((log ? Math.log10(Math.max(value, 1e-12)) : value) - low) / (high - low)) * (to - from);
    return { place, marks: ticks(low, high, log).map(([at, text]) => [from + ((at - low) / (high - low)) * (to - from), text]) };
  };
  const x = scale(xs, xLog, 70, 545), y = scale(ys, yLog, 345, 14);
  for (const [at, text] of x.marks) {
    element("line", { class: "grid", x1: at, x2: at, y1: 14, y2: 345 }, svg);
    element("text", { x: at, y: 363, "text-anchor": "middle" }, svg, text);
  }
  for (const [at, text] of y.marks) {
    element("line", { class: "grid", x1: 70, x2: 545, y1: at, y2: at }, svg);
    element("text", { x: 63, y: at + 4, "text-anchor": "end" }, svg, text);
  }
  element("line", { class: "axis", x1: 70, x2: 545, y1: 345, y2: 345 }, svg);
  element("line", { class: "axis", x1: 70, x2: 70, y1: 14, y2: 345 }, svg);
  element("text", { x: 308, y: 390, "text-anchor": "middle" }, svg, xName);
  element("text", { x: 15, y: 180, "text-anchor": "middle", transform: "rotate(-90 15 180)" }, svg, yName);
  return [x.place, y.place];
}

function line(svg, points, kind) {
  const known = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  if (!known.length) return null;
  return element("path", { class: kind, d: "M" + known.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L") }, svg);
}

// The corners of a line that stays where it is until the next value.
function stairs(xs, ys) {
  return xs.flatMap((x, at) => (at ? [[x, ys[at - 1]], [x, ys[at]]] : [[x, ys[at]]]));
}
