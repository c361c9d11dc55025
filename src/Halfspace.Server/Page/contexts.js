// Saved contexts: lists them, and makes one of a text file.

import { events, get } from "./api.js";

const $ = id => document.getElementById(id);
const longest = 64;

/** Fills the list; keeps or takes the chosen name. A server without a folder for contexts has none. */
export async function list(chosen = $("context").value) {
  let names = [];
  try {
    names = (await get("/v1/halfspace/contexts")).data.filter(entry => !entry.damage).map(entry => entry.name);
    $("make").hidden = false;
  } catch (e) {
    if (e.status !== 400) throw e;
    $("make").hidden = true;
  }
  const none = new Option("none", "");
  $("context").replaceChildren(none, ...names.map(name => new Option(name, name)));
  $("context").value = names.includes(chosen) ? chosen : "";
}

/** A name that the server takes, from a file's. */
export function nameOf(file) {
  return file.name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[.-]+/, "").slice(0, longest) || "document";
}

/** Reads a file into a context, telling how far it is. */
export async function create(file, name, model, signal) {
  const text = new TextDecoder("utf-8", { fatal: true });
  let content;
  try {
    content = text.decode(await file.arrayBuffer());
  } catch {
    throw new Error("This is not a text file in UTF-8; save it as text first.");
  }
  for await (const event of events("/v1/halfspace/contexts", { name, text: content, model, stream: true }, signal)) {
    if (event.of) {
      $("progress").value = event.read / event.of;
      $("read").value = `${event.read.toLocaleString("en")} of ${event.of.toLocaleString("en")} tokens`;
    } else {
      $("read").value = `${event.tokens.toLocaleString("en")} tokens saved`;
    }
  }
  await list(name);
}
