// The page can be read without this script: it filters, copies, links marks with rows, and draws what is long.
"use strict";
const all = (selector, under = document) => [...under.querySelectorAll(selector)];
const named = id => document.getElementById(id);
const read = id => JSON.parse(named(id)?.textContent ?? "null");
document.documentElement.classList.add("js");

// Texts: what would not be seen is written out, in a frame.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\u{13430}-\u{1343f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;
const NAMES = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
function escaped(letter) {
  const code = letter.codePointAt(0);
  return NAMES[letter] ?? (code < 256 ? "\\x" + code.toString(16).padStart(2, "0") : code < 65536 ? "\\u" + code.toString(16).padStart(4, "0") : "\\U" + code.toString(16).padStart(8, "0"));
}
function make(name, text = "", className = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  let end = 0;
  for (const found of text.matchAll(HIDDEN)) {
    element.append(text.slice(end, found.index));
    const mark = document.createElement("mark");
    mark.textContent = escaped(found[0]);
    element.append(mark);
    end = found.index + found[0].length;
  }
  element.append(text.slice(end));
  return element;
}
const plain = text => text.replace(HIDDEN, escaped);
function icon(kind) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon " + kind);
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", "#o-" + kind);
  svg.append(use);
  return svg;
}

// Data: a packet of tests is read when one of them is asked for.
const INDEX = read("index") ?? [], PACKET = 100, packets = new Map();
function packet(number) {
  const place = Math.floor(number / PACKET);
  if (!packets.has(place)) packets.set(place, read("packet-" + place) ?? { texts: [], tests: {} });
  return packets.get(place);
}

function copyButton(line) {
  const button = make("button", "Copy"), text = line.querySelector("pre");
  button.type = "button";
  button.setAttribute("aria-label", "Copy: " + text.textContent.slice(0, 60));
  button.onclick = async () => {
    try { await navigator.clipboard.writeText(text.textContent); button.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(text); button.textContent = "Selected"; }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  line.append(button);
}

// A matrix is one stop for Tab, then arrow keys.
function walkable(matrix) {
  const rows = all("tbody tr", matrix).map(row => all("td", row).map(cell => cell.querySelector("a")));
  const links = rows.flat().filter(Boolean);
  links.forEach((link, index) => { link.tabIndex = index ? -1 : 0; });
  matrix.addEventListener("keydown", event => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    let row = rows.findIndex(cells => cells.includes(event.target));
    if (!step || row < 0) return;
    let column = rows[row].indexOf(event.target);
    event.preventDefault();
    do { row += step[0]; column += step[1]; } while (rows[row]?.[column] === null);
    const next = rows[row]?.[column];
    if (!next) return;
    for (const link of links) link.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

// Words above a journal leave only the rows that have them.
function finder(before, find) {
  const box = make("div", "", "find only-js"), input = make("input"), count = make("span", "", "soft");
  Object.assign(input, { type: "search", placeholder: "Filter the journal", ariaLabel: "Filter the journal", autocomplete: "off" });
  count.setAttribute("role", "status");
  input.oninput = () => { count.textContent = " " + find(input.value.toLowerCase().split(/\s+/).filter(Boolean)); };
  box.append(input, count);
  before.before(box);
}
const shows = (count, of) => `${count.toLocaleString("en")} of ${of.toLocaleString("en")} rows`;
function findable(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < 4) return;
  finder(table, words => {
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
      count += !row.hidden;
    }
    return words.length ? shows(count, rows.length) : "";
  });
}

// Long journals: only the rows in view exist; two empty rows keep the scroll bar honest.
const HEIGHT = 28;
function unpacked(rows, texts) {
  let next = 0;
  return rows.map(([what, path, at, times = 1, to = at, last = next, first = next]) => {
    next = last + 1;
    const [process, call, style, said, why, site] = texts[what].split("\0");
    return { first, last, at, to, times, process, call, path: texts[path], style, said, why, site };
  });
}
function long(box) {
  const { texts, tests } = packet(+box.dataset.test), rows = unpacked(tests[box.dataset.test]?.rows ?? [], texts);
  const table = make("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  for (const [title, width, style] of [["#", 6, "n"], ["Time", 9.5, "n"], ["Process", 6, ""], ["Call", 8, ""], ["Path", 0, ""], ["Outcome", 11, ""], ["At", 10, ""]]) {
    const cell = make("th", title, style);
    cell.scope = "col";
    if (width) cell.style.width = width + "rem";
    head.append(cell);
  }
  const space = count => {
    const row = make("tr"), cell = row.insertCell();
    row.setAttribute("aria-hidden", "true");
    cell.colSpan = 7;
    row.style.height = count * HEIGHT + "px";
    return row;
  };
  function drawn(at, index) {
    const one = rows[index], row = make("tr"), outcome = make("td", one.said, one.style), many = one.times > 1;
    row.dataset.n = one.first;
    row.setAttribute("aria-rowindex", at + 2);
    row.title = plain(one.path) + (one.why ? "\n" + plain(one.why) : "");
    if (many) outcome.append(" ", make("span", "×" + one.times.toLocaleString("en"), "fold"));
    row.append(
      make("td", many ? `${one.first}–${one.last}` : String(one.first), "n"),
      make("td", (many ? one.at.toFixed(4) + "–" : "") + one.to.toFixed(4) + " s", "n"),
      make("td", one.process), make("td", one.call), make("td", one.path, "path"), outcome, make("td", one.site, "path"));
    return row;
  }
  let picked = [...rows.keys()];
  function draw() {
    const first = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - 10), last = Math.min(picked.length, first + 34);
    const parts = [space(first)];
    for (let at = first; at < last; at++) parts.push(drawn(at, picked[at]));
    parts.push(space(picked.length - last));
    table.setAttribute("aria-rowcount", picked.length + 1);
    body.replaceChildren(...parts);
  }
  box.addEventListener("scroll", () => requestAnimationFrame(draw));
  box.append(table);
  let lower = null;
  finder(box, words => {
    lower ??= rows.map(row => [row.first, row.process, row.call, row.path, row.said, row.why, row.site].join(" ").toLowerCase());
    picked = [...rows.keys()].filter(index => words.every(word => lower[index].includes(word)));
    box.scrollTop = 0;
    draw();
    return words.length ? shows(picked.length, rows.length) : "";
  });
  draw();
}

function enliven(root) {
  all(".line", root).forEach(copyButton);
  all(".matrix", root).forEach(walkable);
  all("table.journal", root).forEach(findable);
  all(".long", root).forEach(long);
}

// Bodies that are not there at first: from a template, or made from data.
function commandLine(text) {
  const line = make("div", "", "line");
  line.append(make("pre", text));
  return line;
}
function made(number) {
  const { tests } = packet(number), data = tests[number], parts = [];
  if (!data) return [make("p", "Its data is in the JSON.", "soft")];
  const why = make("div", "", "why " + ({ good: "good", warned: "warned" }[data.tone] ?? ""));
  why.append(make("p", data.say, "say"), ...data.more.map(text => make("p", text)));
  parts.push(why, make("p", "Run this test again:", "soft"), commandLine(data.line));
  if (data.errors.length) {
    const list = make("ol", "", "errors");
    for (const [text, count, others] of data.errors) {
      const item = make("li");
      item.append(make("code", text));
      if (count > 1) item.append(" ", make("span", "×" + count, "fold refused"));
      if (others) item.append(" ", make("small", `${others} of them with other paths`));
      list.append(item);
    }
    parts.push(make("h4", "Errors"), list);
  }
  if (data.failure && data.failure !== data.say) {
    const said = make("pre", "", "said");
    said.append(...data.failure.split("\n").map(text => make("div", text)));
    parts.push(make("h4", "Failure"), said);
  }
  if (data.rows?.length) {
    const title = make("h4", "Journal "), box = make("div", "", "long");
    title.append(make("small", `${data.calls.toLocaleString("en")} calls in ${data.rows.length.toLocaleString("en")} rows`));
    Object.assign(box, { tabIndex: 0, role: "region", ariaLabel: "Journal" });
    box.dataset.test = number;
    parts.push(title, box);
  } else if (data.calls) parts.push(make("p", `${data.calls.toLocaleString("en")} calls; they are in the JSON.`, "soft"));
  parts.push(make("p", "The drawing of this test is left out, so that this page stays small: run the test alone.", "soft"));
  return parts;
}
function fill(body) {
  if (!("late" in body.dataset)) return;
  delete body.dataset.late;
  const number = body.id.slice(1), stored = named("b" + number);
  body.replaceChildren(...(stored ? [stored.content.cloneNode(true)] : made(+number)));
  enliven(body);
}
function entry(number) {
  const found = document.querySelector(`.test[data-test="${number}"]`);
  if (found || !INDEX[number]) return found;
  const [kind, file, name] = INDEX[number], test = make("details", "", "test"), summary = make("summary"), body = make("div", "", "body");
  test.dataset.test = number;
  body.id = "t" + number;
  body.tabIndex = -1;
  body.dataset.late = "";
  summary.append(icon(kind), make("h3", file.split("/").pop() + "::" + name), make("span", packet(number).tests[number]?.side ?? "", "soft wide"));
  test.append(summary, body);
  const next = all(".test").find(other => +other.dataset.test > number);
  next ? next.before(test) : named("others") ? named("others").before(test) : named("tests").append(test);
  return test;
}
document.addEventListener("toggle", event => {
  if (event.target.open && event.target.matches(".test")) fill(event.target.querySelector(".body"));
}, true);

// A link opens what it leads to, in any browser.
function reveal() {
  const id = decodeURIComponent(location.hash.slice(1)), number = /^t(\d+)/.exec(id)?.[1];
  if (number !== undefined) {
    const test = entry(+number);
    if (test) { fill(test.querySelector(".body")); test.hidden = false; }
  }
  const target = id && named(id);
  if (!target) return;
  for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  for (const trial of all(".trial.lit")) trial.classList.remove("lit");
  target.closest(".trial")?.classList.add("lit");
  (target.closest(".trial") ?? target.closest(".test") ?? target).scrollIntoView({ block: "start" });
  if (target.tabIndex === -1) target.focus({ preventScroll: true });
}

// The list: of all tests, by outcome and by words.
const box = named("rows"), words = named("words"), shown = named("shown"), chips = all(".chips input"), TALL = 44;
const texts = INDEX.map(() => null);
let picked = [...INDEX.keys()];
function fits(number, wanted, kinds) {
  texts[number] ??= INDEX[number].join(" ").toLowerCase();
  return kinds.has(INDEX[number][0]) && wanted.every(word => texts[number].includes(word));
}
function listed(number, at) {
  const [kind, file, name, note] = INDEX[number], item = make("li"), link = make("a"), text = make("span");
  link.href = "#t" + number;
  text.append(make("b", name), make("small", file.split("/").pop() + " · " + note));
  link.append(icon(kind), text);
  item.append(link);
  item.style.top = at * TALL + "px";
  item.setAttribute("role", "listitem");
  return item;
}
function drawList() {
  const first = Math.max(0, Math.floor(box.scrollTop / TALL) - 4), last = Math.min(picked.length, first + Math.ceil(box.clientHeight / TALL) + 8);
  const list = make("ul"), focus = box.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  list.style.cssText = `height:${picked.length * TALL}px;margin:0;position:relative`;
  for (let at = first; at < last; at++) list.append(listed(picked[at], at));
  box.replaceChildren(list);
  if (focus) all("a", box).find(link => link.getAttribute("href") === focus)?.focus({ preventScroll: true });
}
function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean), kinds = new Set(chips.filter(chip => chip.checked).map(chip => chip.value));
  picked = [...INDEX.keys()].filter(number => fits(number, wanted, kinds));
  const kept = new Set(picked);
  for (const one of all(".list li[data-test], .test")) one.hidden = !kept.has(+one.dataset.test);
  shown.textContent = `${picked.length.toLocaleString("en")} of ${INDEX.length.toLocaleString("en")} shown`;
  if (box) { box.scrollTop = 0; drawList(); }
}
if (words) {
  words.oninput = filter;
  for (const chip of chips) chip.onchange = filter;
  shown.textContent = `${INDEX.length.toLocaleString("en")} tests`;
}
if (box) {
  drawList();
  box.addEventListener("scroll", () => requestAnimationFrame(drawList));
}
for (const item of all(".list li.path")) {
  const link = make("a");
  link.href = "#t" + item.dataset.test;
  link.append(...item.childNodes);
  item.append(link);
}

// A mark and its row light up together.
for (const [name, on] of [["mouseover", true], ["mouseout", false]]) document.addEventListener(name, event => {
  const n = event.target.closest?.("[data-n]")?.dataset.n, body = event.target.closest?.(".body");
  if (n !== undefined && body) for (const part of all(`[data-n="${n}"]`, body)) part.classList.toggle("lit", on);
});

enliven(document);
all(".test[open] > .body[data-late]").forEach(fill);
addEventListener("hashchange", reveal);
if (location.hash) reveal();

// Printed: failed tests and trials are open.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...all(".test:has(> summary .failed):not([open])").slice(0, 40), ...all(".test[open] .trial:not([open])")];
  for (const one of opened) one.open = true;
  for (const body of all(".test[open] > .body[data-late]")) fill(body);
});
addEventListener("afterprint", () => { for (const one of opened) one.open = false; });
