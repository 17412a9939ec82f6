// Draws the page from the plan's JSON. Strings of the model become text nodes and nothing else.
"use strict";
const plan = JSON.parse(document.getElementById("plan").textContent);
const byId = (id) => document.getElementById(id);

function element(tag, classes, ...children) {
  const e = document.createElement(tag);
  if (classes) e.className = classes;
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

function drawn(tag, attributes, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  if (text !== undefined) e.textContent = text;
  return e;
}

const digits = (v) => (v >= 99.95 ? v.toFixed(0) : v >= 9.995 ? v.toFixed(1) : v.toFixed(2));
function bytes(n) {
  for (const unit of ["B", "KiB", "MiB"]) {
    if (n < 1024) return (unit === "B" ? Math.round(n) : digits(n)) + " " + unit;
    n /= 1024;
  }
  return digits(n) + " GiB";
}
const time = (ms) => (ms >= 1 ? digits(ms) + " ms" : digits(ms * 1e3) + " µs");
const percent = (part) => (Math.abs(part) < 0.0995 ? (100 * part).toFixed(1) : (100 * part).toFixed(0)) + "\u00a0%";
const arrows = (text) => text.replaceAll("->", "→");
const work = (step) => step.members.map((m) => arrows(m.work)).join(" | ");
const boundWords = { arithmetic: "arithmetic", l2: "L2 bytes", dram: "DRAM bytes", latency: "latency" };
const objectiveWords = { time: "least time", bytes: "least traffic", memory: "least memory" };
const boundText = (step) =>
  boundWords[step.bound] + (step.bound === "latency" ? "" : " " + percent(step.shares[step.bound]));
const timeText = (step) => time(step.estimate.ms) + (step.measured ? " measured" : "");
const more = (part) => (part >= 10 ? `${(part + 1).toFixed(0)} times` : (part >= 0 ? "+" : "") + percent(part));
const mega = (flops) => digits(flops / 1e6);
const tiled = (way) => way.kernel + (way.tile ? ", " + way.tile : "");

// --- a note beside the pointer -------------------------------------------------------------------

const tip = byId("tip");
function noted(target, text) {
  const show = (x, y) => {
    tip.textContent = text();
    tip.hidden = false;
    const right = Math.max(4, Math.min(x + 14, innerWidth - tip.offsetWidth - 8));
    tip.style.left = right + "px";
    tip.style.top = (y + 18 + tip.offsetHeight > innerHeight ? Math.max(4, y - tip.offsetHeight - 10) : y + 18) + "px";
  };
  target.addEventListener("pointermove", (e) => show(e.clientX, e.clientY));
  target.addEventListener("pointerdown", (e) => show(e.clientX, e.clientY));
  target.addEventListener("pointerleave", () => { tip.hidden = true; });
  target.addEventListener("focus", () => {
    const box = target.getBoundingClientRect();
    show(box.left, box.bottom - 12);
  });
  target.addEventListener("blur", () => { tip.hidden = true; });
}

// --- totals --------------------------------------------------------------------------------------

function drawSummary() {
  const name = plan.model.split(/[\\/]/).pop();
  document.title = "Plan of " + name;
  byId("model").textContent = name;
  byId("subject").textContent = `${objectiveWords[plan.objective]} on ${plan.device}` +
    (plan.kind === "cpu" ? `, ${plan.threads} ${plan.threads === 1 ? "thread" : "threads"}` : "");
  const apart = plan.layer_by_layer;
  const figure = (title, key, text) => {
    const box = element("div", "figure", element("span", "", title), element("b", "", text(plan.totals[key])));
    if (apart && apart[key] > 0) {
      const saved = 1 - plan.totals[key] / apart[key];
      const verdict = saved === 0 ? "the same" : percent(Math.abs(saved)) + (saved > 0 ? " less" : " more");
      box.append(element("span", saved > 0 ? "better" : saved < 0 ? "worse" : "", verdict),
                 element("span", "", ` than ${text(apart[key])} layer by layer`));
    }
    return box;
  };
  byId("summary").append(figure("Predicted time", "ms", time), figure("Traffic", "bytes", bytes),
                         figure("Arena", "arena_bytes", bytes), figure("Steps", "steps", String));
  const rewritten = plan.passes.filter((p) => p.changes > 0).map((p) => `${p.name} ${p.changes}`);
  byId("passes").textContent = "Passes that rewrote the graph first: " + (rewritten.join(", ") || "none") + ". " +
    `Weights take ${bytes(plan.weight_bytes)}.`;
}

function drawRibbon() {
  byId("ribbon").classList.toggle("dense", plan.steps.length > 120);
  const sums = { arithmetic: 0, l2: 0, dram: 0, latency: 0 };
  plan.steps.forEach((step, s) => {
    sums[step.bound] += step.estimate.ms;
    const segment = element("button", step.bound);
    segment.type = "button";
    segment.style.flexGrow = step.estimate.ms / plan.totals.ms;
    segment.setAttribute("aria-label", `step ${s}: ${work(step)}, ${timeText(step)}`);
    segment.addEventListener("click", () => reveal(s));
    noted(segment, () => `${s}  ${work(step)}\n${tiled(step)}\n` +
      `${timeText(step)}, ${percent(step.estimate.ms / plan.totals.ms)} of all\nbound by ${boundText(step)}`);
    byId("ribbon").append(segment);
  });
  for (const [bound, ms] of Object.entries(sums)) {
    if (ms === 0) continue;
    byId("legend").append(element("li", bound, element("i"),
      `${boundWords[bound]} ${percent(ms / plan.totals.ms)}, ${time(ms)}`));
  }
}

// --- the network ---------------------------------------------------------------------------------

function trafficBar(step, most) {
  const bar = element("div", "bar");
  const put = (kind, n) => {
    const piece = element("i", kind);
    piece.style.width = (100 * n) / most + "%";
    bar.append(piece);
  };
  put("before", step.bytes_apart);
  put("after", step.bytes);
  if (step.estimate.bytes_dram > 0) put("dram", Math.min(step.estimate.bytes_dram, step.bytes));
  return bar;
}

function stepRow(step, s, mostBytes) {
  const fused = step.members.length > 1;
  const layers = element("ul", fused ? "layers fused" : "layers",
    ...step.members.map((m) => element("li", "", arrows(m.work))));
  const saves = step.bytes_apart - step.bytes;
  const traffic = !step.apart ? bytes(step.bytes)
    : `${bytes(step.bytes)} instead of ${bytes(step.bytes_apart)}` +
      (step.bytes_apart > 0 ? `: ${percent(Math.abs(saves) / step.bytes_apart)} ${saves < 0 ? "more" : "saved"}` : "");
  const summary = element("summary", "",
    element("span"),
    element("div", "block", element("span", "number", String(s)), layers),
    element("div", "kernel", step.kernel, step.tile ? element("span", "", step.tile) : null),
    element("div", "time", element("b", "", timeText(step)), element("span", "", boundText(step))),
    element("div", "traffic", trafficBar(step, mostBytes), element("span", "", traffic)));
  const row = element("details", "", summary);
  row.id = "step-" + s;
  row.addEventListener("toggle", () => {
    if (row.open && row.childElementCount === 1) row.append(stepDetails(step, s));
  });
  return row;
}

function stepDetails(step, s) {
  const list = (items) => element("ul", "", ...items.map((text) => element("li", "", text)));
  const details = element("div", "more");
  const section = (title, content) => details.append(element("h3", "", title), content);
  section("Layers", list(step.members.map((m) => `${m.node}: ${arrows(m.work)}`)));

  const ways = [["chosen", step]];
  if (step.apart) ways.push(["layer by layer", { kernel: "", tile: "", estimate: step.apart }]);
  if (step.runner_up && step.runner_up.kernel !== "layer by layer") ways.push(["runner-up", step.runner_up]);
  const named = (c) => c.chosen || ways.some(([, way]) => way.kernel === c.kernel && way.tile === c.tile);
  ways.push(...step.candidates.filter((c) => !c.declined && !named(c)).map((c) => ["", c]));
  const cost = (e) => (plan.objective === "bytes" ? e.bytes_l2 + (plan.kind === "cpu" ? e.bytes_dram : 0) : e.ms);
  const table = element("table", "", headRow(["", "Kernel and tile", "Time", plan.objective === "bytes" ? "More bytes" : "Slower", "Mflop", "L2", "DRAM", "Scratch"], 2));
  for (const [title, way] of ways) {
    const e = way.estimate, own = cost(step.estimate);
    const loses = title === "chosen" || !(own > 0) ? "" : more(cost(e) / own - 1);
    const row = element("tr", title === "chosen" ? "taken" : "", element("td", "", title), element("td", "name", tiled(way)));
    for (const text of [time(e.ms) + (way.measured ? " measured" : ""), loses, mega(e.flops), bytes(e.bytes_l2),
                        bytes(e.bytes_dram), bytes(e.workspace_bytes)]) row.append(element("td", "n", text));
    table.append(row);
  }
  section("Ways to compute it", element("div", "wide", table));

  const declined = step.candidates.filter((c) => c.declined);
  if (declined.length) section("Declined", list(declined.map((c) => `${c.kernel}: ${c.declined}`)));
  const apart = plan.not_fused.filter((n) => n.steps.includes(s));
  if (apart.length) section("Not fused", list(apart.map((n) => `${n.nodes.join(" + ")}: ${n.reason}`)));
  section("Tensors", list([
    ...step.reads.map((r) => `reads ${r.name}, ${r.from === null ? "an input" : "of step " + r.from}`),
    ...step.outputs.map((o) => `writes ${o.name}: ${o.dtype} ${o.shape.join("x")} ${o.layout}, ${bytes(o.bytes)}` +
      (o.in_arena ? ` at ${o.offset}` : o.is_output ? ", a result" : ""))]));
  return details;
}

function reveal(s) {
  const row = byId("step-" + s);
  row.open = true;
  row.scrollIntoView({ block: "center" });
  row.firstElementChild.focus({ preventScroll: true });
}

function drawNetwork() {
  const mostBytes = Math.max(1, ...plan.steps.map((s) => Math.max(s.bytes, s.bytes_apart)));
  if (plan.totals.bytes_dram === 0) byId("dram-key").remove();
  const inputs = [...new Set(plan.steps.flatMap((s) => s.reads.filter((r) => r.from === null).map((r) => r.name)))];
  const outputs = plan.steps.flatMap((s) => s.outputs.filter((o) => o.is_output).map((o) => o.name));
  const rows = [element("div", "row end", element("span"), element("span", "", "input " + inputs.join(", "))),
                ...plan.steps.map((step, s) => element("div", "row " + step.bound, stepRow(step, s, mostBytes))),
                element("div", "row end", element("span"), element("span", "", "result " + outputs.join(", ")))];
  byId("steps").append(...rows);

  // Row 0 is the inputs', row s + 1 step s's, the last the results'.
  const edges = [];
  plan.steps.forEach((step, s) => {
    for (const from of new Set(step.reads.map((r) => (r.from === null ? 0 : r.from + 1)))) edges.push([from, s + 1]);
    if (step.outputs.some((o) => o.is_output)) edges.push([s + 1, rows.length - 1]);
  });
  const lanes = assignLanes(edges);
  const x = 12 + kLane * lanes.count;
  byId("network").style.setProperty("--lanes", x + 14 + "px");
  rows.forEach((row, r) => row.append(gutter(r, rows.length, x, edges, lanes.of)));
}

const kLane = 13;  // pixels

// Edges that pass by other rows run in lanes of their own, the shortest nearest to the rows.
function assignLanes(edges) {
  const order = edges.map((e, i) => i).filter((i) => edges[i][1] - edges[i][0] > 1)
    .sort((a, b) => edges[a][1] - edges[a][0] - (edges[b][1] - edges[b][0]));
  const lanes = [], of = new Map();
  for (const i of order) {
    const [from, to] = edges[i];
    const meets = (j) => edges[j][0] < to && from < edges[j][1];
    let lane = lanes.findIndex((taken) => !taken.some(meets));
    if (lane < 0 && lanes.length < 8) lane = lanes.push([]) - 1;
    if (lane < 0) lane = lanes.length - 1;
    lanes[lane].push(i);
    of.set(i, lane);
  }
  return { of, count: lanes.length };
}

// A row's part of the lines, as tall as the row happens to be, so that they meet on screens and on paper.
function gutter(r, count, x, edges, lane) {
  const svg = drawn("svg", { class: "gutter", width: x + 14, "aria-hidden": "true" });
  const middle = 19, bend = 16;
  const line = (at, from, to) => svg.append(drawn("line", { x1: at, x2: at, y1: from, y2: to }));
  edges.forEach(([from, to], i) => {
    if (r < from || r > to) return;
    const side = lane.has(i) ? x - kLane * (lane.get(i) + 1) : x;
    if (r > from && r < to) {
      line(side, 0, "100%");
    } else if (side === x) {
      line(x, r === from ? middle : 0, r === from ? "100%" : middle);
    } else if (r === from) {
      svg.append(drawn("path", { d: `M${x} ${middle}C${side} ${middle} ${side} ${middle} ${side} ${middle + bend}` }));
      line(side, middle + bend, "100%");
    } else {
      svg.append(drawn("path", { d: `M${side} ${middle - bend}C${side} ${middle} ${side} ${middle} ${x} ${middle}` }));
      line(side, 0, middle - bend);
    }
  });
  const end = r === 0 || r === count - 1, size = end ? 8 : 12;
  svg.append(drawn("rect", { x: x - size / 2, y: middle - size / 2, width: size, height: size, rx: end ? 4 : 3, class: end ? "end" : "" }));
  return svg;
}

// --- the arena -----------------------------------------------------------------------------------

function drawArena() {
  const apart = plan.layer_by_layer ? plan.layer_by_layer.arena_bytes : 0;
  const alive = plan.steps.map((_, s) => plan.arena.reduce((sum, b) => sum + (b.first <= s && s <= b.last ? b.bytes : 0), 0));
  const peak = alive.indexOf(Math.max(...alive));
  byId("arena-words").textContent = plan.arena.length === 0 ? "Nothing lies in the arena."
    : `${bytes(plan.arena_bytes)} hold everything between the steps; at most ${bytes(plan.activation_peak_bytes)} are alive at once, ` +
      `in step ${peak} (${work(plan.steps[peak])}).` + (apart ? ` Layer by layer the arena would take ${bytes(apart)}.` : "");
  const svg = byId("arena"), steps = plan.steps.length, left = 66, bottom = 30, top = 16, height = 340;
  const draw = () => {
    const room = svg.parentElement.clientWidth;
    const column = Math.max(5, (room - left - 6) / steps), width = left + column * steps + 6;
    // A limit far above the plan's would leave no room to see it.
    const most = apart <= 3 * plan.arena_bytes ? Math.max(plan.arena_bytes, apart) : plan.arena_bytes;
    const x = (s) => left + column * s, y = (offset) => height - bottom - ((height - bottom - top) * offset) / Math.max(1, most);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    const pieces = [];
    const tick = Math.pow(2, Math.max(0, Math.floor(Math.log2(Math.max(most, 1) / 3))));
    for (let at = 0; at <= most; at += tick) {
      pieces.push(drawn("line", { x1: left, x2: width - 6, y1: y(at), y2: y(at), class: "grid" }),
                  drawn("text", { x: left - 8, y: y(at) + 4, "text-anchor": "end" }, bytes(at)));
    }
    const every = Math.ceil(36 / column);
    const stride = [1, 2, 5, 10, 20, 50, 100, 200].find((n) => n >= every) || every;
    for (let s = 0; s < steps; s += stride) {
      pieces.push(drawn("text", { x: x(s) + column / 2, y: height - bottom + 16, "text-anchor": "middle" }, String(s)));
    }
    for (const b of plan.arena) {
      const wide = column * (b.last - b.first + 1), tall = y(b.offset) - y(b.offset + b.bytes);
      const piece = drawn("rect", { x: x(b.first), y: y(b.offset + b.bytes), width: wide, height: tall,
                                    class: "piece " + (b.scratch ? "scratch" : "tensor") });
      noted(piece, () => `${b.name}\n${bytes(b.bytes)} at ${bytes(b.offset)}\n` +
        (b.first === b.last ? `step ${b.first}` : `steps ${b.first} to ${b.last}`) + `\n${bytes(alive[b.first])} alive then`);
      pieces.push(piece);
      const letters = Math.floor((wide - 8) / 6.6);
      if (tall >= 15 && letters >= Math.min(8, b.name.length)) {
        const label = b.name.length > letters ? b.name.slice(0, letters - 1) + "…" : b.name;
        pieces.push(drawn("text", { x: x(b.first) + 4, y: y(b.offset + b.bytes / 2) + 4, class: "inside" }, label));
      }
    }
    const limit = (n, kind, text) => pieces.push(
      drawn("line", { x1: left, x2: width - 6, y1: y(n), y2: y(n), class: kind }),
      drawn("text", { x: width - 10, y: y(n) - 4, "text-anchor": "end", class: kind }, text));
    limit(plan.arena_bytes, "peak", "the arena, " + bytes(plan.arena_bytes));
    if (apart && most === apart && apart > 1.08 * plan.arena_bytes) limit(apart, "other", "layer by layer, " + bytes(apart));
    pieces.push(drawn("text", { x: left + (column * steps) / 2, y: height - 2, "text-anchor": "middle" }, "step"));
    svg.replaceChildren(...pieces);
  };
  new ResizeObserver(draw).observe(svg.parentElement);
  draw();
}

// --- tables --------------------------------------------------------------------------------------

function headRow(titles, firstNumber) {
  return element("tr", "", ...titles.map((t, i) => element("th", i >= firstNumber ? "n" : "", t)));
}

function stepLink(s) {
  const link = element("a", "", String(s));
  link.href = "#step-" + s;
  link.addEventListener("click", () => reveal(s));
  return link;
}

function drawNotFused() {
  if (plan.not_fused.length === 0) return byId("apart-section").remove();
  const body = element("tbody");
  for (const n of plan.not_fused) {
    const steps = element("td");
    n.steps.forEach((s, i) => steps.append(i > 0 ? ", " : "", stepLink(s)));
    body.append(element("tr", "", steps, element("td", "name", n.nodes.join(" + ")), element("td", "name", n.reason)));
  }
  byId("apart").append(element("thead", "", headRow(["Steps", "Layers", "Reason"], 9)), body);
}

function drawTable() {
  const columns = [
    ["Step", (p, s) => s, String], ["Computes", work], ["Kernel", (p) => p.kernel], ["Tile", (p) => p.tile],
    ["Bound by", (p) => boundWords[p.bound]], ["Time", (p) => p.estimate.ms, time], ["Mflop", (p) => p.estimate.flops, mega],
    ["L2", (p) => p.estimate.bytes_l2, bytes], ["DRAM", (p) => p.estimate.bytes_dram, bytes],
    ["Unfused", (p) => p.bytes_apart, bytes], ["Scratch", (p) => p.estimate.workspace_bytes, bytes],
    ["Runner-up", (p) => (p.runner_up ? tiled(p.runner_up) : "")],
    ["loses by", (p) => (p.runner_up && p.runner_up.loses !== null ? p.runner_up.loses : NaN), (v) => (isNaN(v) ? "" : more(v))]];
  const rows = plan.steps.map((step, s) => {
    const values = columns.map(([, value]) => value(step, s));
    const cells = columns.map(([, , show], i) =>
      element("td", show ? "n" : i === 1 || i === 3 ? "name" : "words", i === 0 ? stepLink(s) : show ? show(values[i]) : values[i]));
    return { values, row: element("tr", "", ...cells) };
  });
  const body = element("tbody", "", ...rows.map((r) => r.row)), head = element("tr");
  columns.forEach(([title, , show], i) => {
    const button = element("button", "", title), cell = element("th", show ? "n" : "", button);
    button.type = "button";
    button.addEventListener("click", () => {
      const down = cell.getAttribute("aria-sort") === "ascending" || (show && i > 0 && !cell.hasAttribute("aria-sort"));
      for (const other of head.children) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      const order = (a, b) => (typeof a === "number" ? (isNaN(a) ? -1 : isNaN(b) ? 1 : a - b) : a.localeCompare(b));
      rows.sort((a, b) => (down ? -1 : 1) * order(a.values[i], b.values[i]));
      body.append(...rows.map((r) => r.row));
    });
    head.append(cell);
  });
  byId("table").append(element("thead", "", head), body);
}

drawSummary();
drawRibbon();
drawNetwork();
drawArena();
drawNotFused();
drawTable();
