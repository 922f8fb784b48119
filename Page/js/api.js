// The daemon's public API, as a browser that signed in may use it. Every answer that is no success is thrown as a
// Problem: what happened, and what to do next.

const slot = 'apus-key';

class Problem extends Error {
  constructor(said, status) {
    super(said.title || 'Apus did not answer as it should');
    this.title = this.message;
    this.code = said.code || '';
    this.hint = said.hint || '';
    this.status = status;
  }
}

/** The key that goes with this browser's cookie; empty where nobody signed in. */
export function key() {
  return localStorage.getItem(slot) || '';
}

function keep(text) {
  if (text) localStorage.setItem(slot, text); else localStorage.removeItem(slot);
}

let turnedAway = () => {};

/** What is done where the daemon does not know this browser any more. */
export function onTurnedAway(perform) {
  turnedAway = perform;
}

async function problem(response) {
  const said = await response.json().catch(() => ({}));
  return new Problem({ ...said, title: said.detail || said.title }, response.status);
}

/** The answer to a request, which went well; the body has not been read yet. */
export async function ask(method, path, { body, headers, signal } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method, signal, cache: 'no-store', credentials: 'same-origin',
      headers: {
        'X-Apus-Page': key(), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem({ title: 'Apus does not answer', code: 'page.unreachable', hint: 'agents go on; try again' }, 0);
  }
  if (response.ok) return response;
  const failed = await problem(response);
  if (response.status === 401) turnedAway();
  throw failed;
}

async function read(response) {
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

export const get = async (path, options) => read(await ask('GET', path, options));
export const post = async (path, body = {}) => read(await ask('POST', path, { body }));
export const patch = async (path, body) => read(await ask('PATCH', path, { body }));
export const remove = async path => read(await ask('DELETE', path));

/** Hands on the bytes of an answer as they come, until it ends. */
export async function stream(path, onBytes, options) {
  const reader = (await ask('GET', path, options)).body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes(value);
  }
}

/** A WebSocket below /v1. */
export function socket(path) {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return new WebSocket(`${scheme}//${location.host}${path}`, ['apus.v1', `page.${key()}`]);
}

/** A part of a path, or a value of a query. */
export const part = text => encodeURIComponent(text);

/** Lets this browser in with a code of `apus open`. */
export async function signIn(code) {
  keep((await post('/v1/sign-in', { code })).key);
}

export async function signOut() {
  await post('/v1/sign-out');
  keep('');
}

/** What is known here is of no use any more. */
export const forgetKey = () => keep('');
