// The server's API: JSON, server-sent events, and errors as sentences.

const stored = "halfspace.key";

/** What the server said was wrong. */
export class Refused extends Error {
  constructor(status, message, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The server could not be reached, or went away in the middle. */
export class Lost extends Error {}

export function useKey(key) {
  sessionStorage.setItem(stored, key);
}

export async function get(path) {
  return (await send(path, {})).json();
}

export async function post(path, body, signal) {
  return (await send(path, { method: "POST", body: JSON.stringify(body), signal })).json();
}

/** Posts, and gives each event of the answer; ends when the server says that all was sent. */
export async function* events(path, body, signal) {
  const response = await send(path, { method: "POST", body: JSON.stringify(body), signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch (e) {
      throw lost(e);
    }
    if (part.done) throw new Lost("The connection was lost before the end.");
    text += part.value;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const data = text.slice(0, end).split("\n").filter(line => line.startsWith("data:")).map(line => line.slice(5).trim()).join("\n");
      if (data === "[DONE]") return;
      if (!data) continue;
      const event = JSON.parse(data);
      if (event.error) throw new Refused(500, event.error.message, event.error.code);
      yield event;
    }
  }
}

async function send(path, options) {
  const headers = {};
  const key = sessionStorage.getItem(stored);
  if (key) headers.Authorization = "Bearer " + key;
  if (options.body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (e) {
    throw lost(e);
  }
  if (response.ok) return response;
  let error = {};
  try {
    error = (await response.json()).error ?? {};
  } catch {
    // Not the server's own error; its status is all there is.
  }
  throw new Refused(response.status, error.message ?? `The server answered with status ${response.status}.`, error.code);
}

function lost(e) {
  return e.name === "AbortError" ? e : new Lost("The server cannot be reached, or the connection was lost.");
}
