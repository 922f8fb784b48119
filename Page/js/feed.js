// What happens, as it happens: one stream for the whole page. It is taken up again where it stopped, so that no event
// is missed and none comes twice; what has no number (`changed`, `saying`) is looked at anew by whoever hears `again`.
//
// Told to listeners: every event by its type, all of them as `event`; `again` once a stream stands, with whether
// everything since the last one was told; and `lost`.

import { shallowReactive } from '/vendor/vue.js';
import { stream } from '/js/api.js';

const pauses = [250, 500, 1000, 2000, 3000];

export const feed = shallowReactive({ state: 'connecting', version: '', since: 0 });

const listeners = new Map();
let last = null;
let stopped = null;
let hurry = () => {};

/** Calls with each event of that type, until the function it answers is called. */
export function on(type, perform) {
  const all = listeners.get(type) || new Set();
  listeners.set(type, all.add(perform));
  return () => all.delete(perform);
}

function tell(type, detail) {
  for (const perform of [...(listeners.get(type) || [])]) {
    try { perform(detail); } catch (error) { console.error(error); }
  }
}

function move(state) {
  if (feed.state === state) return;
  feed.state = state;
  feed.since = Date.now();
}

/** Puts blocks of server-sent events together from bytes. */
function blocks(perform) {
  const decoder = new TextDecoder();
  let text = '';
  return bytes => {
    text += decoder.decode(bytes, { stream: true });
    let end;
    let from = 0;
    while ((end = text.indexOf('\n\n', from)) >= 0) {
      const block = { event: 'message', id: null, data: '' };
      for (const line of text.slice(from, end).split('\n')) {
        const colon = line.indexOf(':');
        if (colon <= 0) continue;
        const field = line.slice(0, colon);
        const value = line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
        if (field === 'data') block.data += block.data ? `\n${value}` : value;
        else if (field in block) block[field] = value;
      }
      from = end + 2;
      perform(block);
    }
    text = text.slice(from);
  };
}

function take(block) {
  if (!block.data) return;
  const data = JSON.parse(block.data);
  if (block.event === 'hello') {
    const isWhole = last !== null && data.known;
    last = block.id;
    const isOther = feed.version !== '' && feed.version !== data.version;
    feed.version = data.version;
    move('live');
    return tell('again', { isWhole, isOther });
  }
  if (block.id !== null) last = block.id;
  tell(block.event, data);
  if (block.id !== null) tell('event', { ...data, type: block.event });
}

/** The daemon says something at least every 15 seconds: a line that is silent for longer leads nowhere any more. */
const silence = 40_000;
let heardAt = 0;
let cut = () => {};

async function listen(signal) {
  const headers = last === null ? {} : { 'Last-Event-ID': last };
  const mine = new AbortController();
  cut = () => mine.abort();
  signal.addEventListener('abort', cut);
  let timer;
  const heard = () => {
    heardAt = Date.now();
    clearTimeout(timer);
    timer = setTimeout(cut, silence);
  };
  heard();
  const read = blocks(take);
  try {
    await stream('/v1/events?signals=true', bytes => { heard(); read(bytes); }, { headers, signal: mine.signal });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cut);
  }
}

/** Follows for as long as the page is there, or until it is stopped. */
export async function follow() {
  stop();
  const mine = new AbortController();
  stopped = mine;
  for (let tries = 0; !mine.signal.aborted; tries += 1) {
    const before = feed.since;
    try { await listen(mine.signal); } catch (error) {
      if (error.status === 401 || mine.signal.aborted) return;
    }
    if (feed.state === 'live' && feed.since !== before) tries = 0;
    move('lost');
    tell('lost');
    const pause = pauses[Math.min(tries, pauses.length - 1)];
    await new Promise(done => {
      const timer = setTimeout(done, pause);
      hurry = () => { clearTimeout(timer); done(); };
    });
  }
}

export function stop() {
  stopped?.abort();
  stopped = null;
}

/** Tries at once: somebody is looking again, perhaps after the machine slept. */
export function tryNow() {
  if (feed.state !== 'live') hurry(); else if (Date.now() - heardAt > silence / 2) cut();
}

document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') tryNow(); });
window.addEventListener('online', tryNow);
