// The attention lens: which tokens a head looked at as a token of an answer was chosen.

import { post } from "./api.js";
import { draw } from "./chart.js";

const $ = id => document.getElementById(id);
const shown = 8;

let asked, prompt, tokens, token, pending, timer;

/** Takes an answer: the request that it answers, and its text. */
export async function open(request, answer) {
  asked = { ...request, answer };
  prompt = tokens = undefined;
  token = 0;
  $("lens-hint").hidden = true;
  $("lens-body").hidden = false;
  $("tokens").replaceChildren();
  await look();
  $("tokens").focus();
}

/** Forgets the answer. */
export function close() {
  pending?.abort();
  clearTimeout(timer);
  asked = undefined;
  $("lens-hint").hidden = false;
  $("lens-body").hidden = true;
}

$("tokens").addEventListener("keydown", event => {
  const to = { ArrowLeft: token - 1, ArrowRight: token + 1, Home: 0, End: (tokens?.length ?? 1) - 1 }[event.key];
  if (to === undefined || !tokens) return;
  event.preventDefault();
  choose(Math.max(0, Math.min(tokens.length - 1, to)));
});
$("tokens").addEventListener("click", event => {
  const option = event.target.closest("[role=option]");
  if (option) choose(Number(option.dataset.token));
});
for (const dial of ["layer", "head"]) $(dial).addEventListener("input", () => {
  $(dial + "-value").value = $(dial).value;
  later();
});

function choose(to) {
  token = to;
  mark();
  later();
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(look, 120);
}

function mark() {
  for (const option of $("tokens").children) option.setAttribute("aria-selected", Number(option.dataset.token) === token);
  const chosen = $("tokens").children[token];
  if (!chosen) return;
  $("tokens").setAttribute("aria-activedescendant", chosen.id);
  const box = $("tokens"), at = chosen.offsetTop - box.offsetTop;
  if (at < box.scrollTop || at > box.scrollTop + box.clientHeight - 30) box.scrollTop = at - 30;
}

async function look() {
  if (!asked) return;
  pending?.abort();
  const own = pending = new AbortController();
  $("lens-status").textContent = "Looking…";
  try {
    const found = await post("/v1/halfspace/lens",
      { ...asked, token, layer: Number($("layer").value), head: Number($("head").value), texts: !prompt }, own.signal);
    if (own.signal.aborted) return;
    if (!prompt) take(found);
    show(found);
    $("lens-status").textContent = `Layer ${found.layer}, head ${found.head}, as ${JSON.stringify(tokens[token])} was chosen` + (found.dense ? ": dense, every key read." : ".");
  } catch (e) {
    if (e.name !== "AbortError") $("lens-status").textContent = e.message;
  }
}

function take(found) {
  prompt = found.texts;
  tokens = found.tokens;
  $("layer").max = found.layers - 1;
  $("head").max = found.heads - 1;
  $("tokens").replaceChildren(...tokens.map((text, i) => {
    const option = document.createElement("span");
    option.setAttribute("role", "option");
    option.id = "token-" + i;
    option.dataset.token = i;
    option.textContent = text;
    return option;
  }));
  mark();
}

function show(found) {
  $("n-keys").textContent = `${found.keys.toLocaleString("en")} of ${found.visible.toLocaleString("en")}`;
  $("n-threshold").textContent = found.dense ? "none" : found.threshold.toFixed(2) + " nats";
  $("n-tail").textContent = percent(found.tail_mass);
  $("n-certificate").textContent = found.dense ? "exact" : found.certificate === undefined ? "none" : "≤ " + percent(found.certificate);
  const texts = prompt.concat(tokens.slice(0, token)), weights = new Map(found.positions.map((position, i) => [position, found.weights[i]]));
  // The first token takes what a head has no use for: shades are measured without it.
  const most = Math.max(1e-6, ...found.weights.filter((_, i) => found.positions[i] > 0));
  const parts = [];
  let plain = "";
  texts.forEach((text, i) => {
    const weight = weights.get(i);
    if (weight === undefined) {
      plain += text;
      return;
    }
    if (plain) parts.push(document.createTextNode(plain));
    plain = "";
    const key = document.createElement("span");
    key.className = "k";
    key.dataset.position = i;
    key.title = `position ${i}, weight ${percent(weight)}`;
    key.style.setProperty("--w", Math.sqrt(Math.min(1, weight / most)).toFixed(3));
    key.textContent = text;
    parts.push(key);
  });
  if (plain) parts.push(document.createTextNode(plain));
  $("source").replaceChildren(...parts);
  const best = [...weights].sort((a, b) => b[1] - a[1]).slice(0, shown);
  $("strongest").replaceChildren(...best.map(([position, weight]) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.textContent = `${JSON.stringify(texts[position]).slice(1, -1)} ${percent(weight)}`;
    button.title = `Show position ${position}`;
    button.addEventListener("click", () => find(position));
    item.append(button);
    return item;
  }));
  const first = best.find(([position]) => position > 0);
  if (first) find(first[0], false);
  draw($("chart"), found.keys_by_layer, found.mean_keys_by_layer, found.layer);
}

function find(position, outlined = true) {
  const key = $("source").querySelector(`[data-position="${position}"]`);
  $("source").querySelector(".found")?.classList.remove("found");
  if (outlined) key.classList.add("found");
  $("source").scrollTop = key.offsetTop - 60;
}

function percent(share) {
  if (share === 0) return "0 %";
  return share >= 1000 ? "1000 %" : `${(100 * share).toPrecision(share >= .1 ? 3 : 2)} %`;
}
