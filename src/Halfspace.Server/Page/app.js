// The chat: questions, streamed answers, and what can go wrong on the way.

import { Lost, events, get, useKey } from "./api.js";
import * as contexts from "./contexts.js";
import * as lens from "./lens.js";

const $ = id => document.getElementById(id);

let messages = [], running, retry, chosen;

$("ask").addEventListener("submit", event => {
  event.preventDefault();
  if (running) running.abort();
  else ask();
});
$("question").addEventListener("keydown", event => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!running) ask();
});
document.addEventListener("keydown", event => {
  if (event.key === "Escape") running?.abort();
});
$("retry").addEventListener("click", () => {
  const again = retry;
  calm();
  again?.();
});
$("fresh").addEventListener("click", fresh);
$("model").addEventListener("change", fresh);
$("context").addEventListener("change", fresh);
$("key").addEventListener("submit", event => {
  event.preventDefault();
  useKey($("key-text").value.trim());
  $("key-text").value = "";
  $("key").hidden = true;
  const again = retry ?? start;
  calm();
  again();
});

$("file").addEventListener("change", () => choose($("file").files[0]));
$("upload").addEventListener("submit", event => {
  event.preventDefault();
  if (running) running.abort();
  else if (chosen) upload();
  else trouble(new Error("Choose a text file first."));
});
for (const name of ["dragover", "dragleave", "drop"]) document.addEventListener(name, event => {
  event.preventDefault();
  document.body.classList.toggle("drop", name === "dragover");
  if (name !== "drop" || $("make").hidden || !event.dataTransfer.files.length) return;
  choose(event.dataTransfer.files[0]);
  if (!running) upload();
});

start();

async function start() {
  try {
    const names = (await get("/v1/models")).data.map(model => model.id);
    $("model").replaceChildren(...names.map(name => new Option(name, name)));
    await contexts.list();
  } catch (e) {
    trouble(e, start);
  }
}

function fresh() {
  running?.abort();
  messages = [];
  lens.close();
  calm();
  $("log").replaceChildren($("empty"));
  $("empty").hidden = false;
  $("status").textContent = "";
  $("question").focus();
}

function ask() {
  const text = $("question").value.trim();
  if (!text) return;
  $("question").value = "";
  $("empty").hidden = true;
  messages.push({ role: "user", content: text });
  $("log").append(turn("user", text));
  answer();
}

async function answer() {
  const context = $("context").value, request = { model: $("model").value, messages: [...messages], ...(context && { halfspace: { context } }) };
  const own = turn("assistant", ""), text = document.createTextNode(""), look = document.createElement("button"), history = messages;
  look.type = "button";
  look.className = "look";
  look.textContent = "Look at attention";
  look.setAttribute("aria-disabled", "true");
  own.append(text, look);
  $("log").append(own);
  busy("send", "Answering… Escape stops.");
  let usage, stopped = "";
  try {
    const body = { ...request, stream: true, stream_options: { include_usage: true } };
    for await (const event of events("/v1/chat/completions", body, running.signal)) {
      usage = event.usage ?? usage;
      const piece = event.choices?.[0]?.delta?.content;
      if (!piece) continue;
      text.data += piece;
      follow();
    }
  } catch (e) {
    if (e.name !== "AbortError") {
      own.remove();
      idle("send", "");
      if (history === messages) trouble(e, answer);
      return;
    }
    stopped = "Stopped.";
  }
  if (history !== messages) return idle("send", "");
  idle("send", stopped || (usage ? `${usage.completion_tokens} tokens; ${usage.prompt_tokens} in the prompt, ${usage.prompt_tokens_details?.cached_tokens ?? 0} of them known.` : ""));
  messages.push({ role: "assistant", content: text.data });
  if (!text.data) return;
  look.removeAttribute("aria-disabled");
  look.addEventListener("click", () => lens.open(request, text.data));
  follow();
}

function choose(file) {
  chosen = file;
  if (!file) return;
  $("make").open = true;
  $("name").value = contexts.nameOf(file);
}

async function upload() {
  calm();
  $("progress").value = 0;
  busy("create", "Reading the file… Escape stops.");
  try {
    await contexts.create(chosen, $("name").value, $("model").value, running.signal);
    idle("create", "");
    fresh();
    $("status").textContent = `The context ${$("context").value} is ready; ask about it.`;
  } catch (e) {
    const stopped = e.name === "AbortError";
    idle("create", stopped ? "Stopped." : "");
    if (!stopped) trouble(e, upload);
  }
}

function busy(button, status) {
  running = new AbortController();
  $(button).dataset.label = $(button).textContent;
  $(button).textContent = "Stop";
  $(other(button)).disabled = true;
  $("status").textContent = status;
}

function idle(button, status) {
  running = undefined;
  $(button).textContent = $(button).dataset.label;
  $(other(button)).disabled = false;
  $("status").textContent = status;
}

function other(button) {
  return button === "send" ? "create" : "send";
}

function trouble(e, again) {
  retry = again;
  if (e.status === 401) {
    $("key").hidden = false;
    $("key-text").focus();
  }
  let text = e.message;
  if (e.code === "context_length_exceeded") text += " Start a new chat, or ask about less text.";
  // The page does not replace contexts.
  else if (e.status === 409) text = text.replace("delete it, or send replace: true", "give another name");
  else if (e instanceof Lost) text += " Nothing of the conversation is gone.";
  $("trouble-text").textContent = text;
  $("retry").hidden = !again || e.status === 401 || e.status === 409;
  $("trouble").hidden = false;
}

function calm() {
  retry = undefined;
  $("trouble").hidden = true;
}

function turn(role, text) {
  const element = document.createElement("div");
  element.className = "turn " + role;
  element.setAttribute("role", "article");
  element.setAttribute("aria-label", role === "user" ? "You" : "Answer");
  element.append(text);
  return element;
}

function follow() {
  const log = $("log");
  if (log.scrollHeight - log.scrollTop - log.clientHeight < 120) log.scrollTop = log.scrollHeight;
}
