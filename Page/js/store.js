// What the page knows of sessions, locks, claims and servers: as the daemon says it, looked at again whenever the
// daemon says that it looks different. Nothing is asked for over and over.

import { computed, shallowReactive, shallowRef } from '/vendor/vue.js';
import { get, part } from '/js/api.js';
import { on } from '/js/feed.js';

/** Sessions by their id; each object is replaced whole, with `seen`, the moment (ms) its ages count from. */
export const sessions = shallowReactive(new Map());
/** What agents are in the middle of saying, by session. */
export const sayings = shallowReactive(new Map());
export const locks = shallowRef([]);
export const claims = shallowRef([]);
export const servers = shallowRef([]);
export const known = shallowReactive({ sessions: false, problem: null, archived: false });

const most = 8;
/** Longer than this is shown from its end: the whole comes with the finished answer. */
const longestSaying = 200_000;

/** The sessions somebody is at: they are known also where they are archived. */
const opened = new Set();

export const arrive = id => { opened.add(id); };

/** Nobody is at it any more. */
export function depart(id) {
  opened.delete(id);
  const object = sessions.get(id);
  if (object && !isListed(object)) sessions.delete(id);
}

const isListed = object => object.state !== 'archived' || known.archived;

/** Counts what was asked, so that a late answer does not take the place of what was asked after it. */
let moment = 0;
/** When what is known of a session was asked. */
const moments = new Map();

const isLate = (id, at) => (moments.get(id) || 0) > at;

function keep(object, at) {
  if (isLate(object.id, at)) return;
  moments.set(object.id, at);
  if (!isListed(object) && !opened.has(object.id)) {
    sessions.delete(object.id);
    return;
  }
  object.seen = Date.now();
  sessions.set(object.id, object);
}

/** Performs one at a time, and once more where it was asked for meanwhile. */
function gate(perform) {
  let running = false;
  let again = false;
  const turn = async () => {
    if (running) { again = true; return; }
    running = true;
    do {
      again = false;
      try { await perform(); known.problem = null; } catch (error) {
        if (error.status !== 0) known.problem = error;
      }
    } while (again);
    running = false;
  };
  return turn;
}

async function all() {
  let path = `/v1/sessions?limit=1000${known.archived ? '&all=true' : ''}`;
  const at = moment += 1;
  const found = await get(path);
  const ids = new Set(found.map(object => object.id));
  for (const object of found) keep(object, at);
  for (const id of [...sessions.keys()]) {
    // Archived or gone; that is asked of the one somebody is at.
    if (ids.has(id) || isLate(id, at)) continue;
    if (opened.has(id)) look(id); else sessions.delete(id);
  }
  known.sessions = true;
}

const wanted = new Set();

async function some() {
  // A moment's changes are one look.
  await new Promise(done => setTimeout(done, 40));
  const ids = [...wanted];
  wanted.clear();
  if (ids.length > most) return all();
  const at = moment += 1;
  await Promise.all(ids.map(async id => {
    try { keep(await get(`/v1/sessions/${part(id)}`), at); } catch (error) {
      if (error.status === 404) sessions.delete(id); else throw error;
    }
  }));
}

const looks = {
  sessions: gate(all),
  some: gate(some),
  locks: gate(async () => { locks.value = await get('/v1/locks?all=true'); }),
  claims: gate(async () => { claims.value = await get('/v1/claims'); }),
  servers: gate(async () => { servers.value = stamped(await get('/v1/servers')); }),
};

const stamped = list => list.map(item => ({ ...item, seen: Date.now() }));

/** Looks at one session again. */
export function look(id) {
  wanted.add(id);
  return looks.some();
}

export function lookAtAll() {
  for (const name of ['sessions', 'locks', 'claims', 'servers']) looks[name]();
}

/** Whether archived sessions are among them. */
export function showArchived(shows) {
  known.archived = shows;
  looks.sessions();
}

/** What an act answers: the session as it was then. */
export async function take(asking) {
  const at = moment += 1;
  const object = await asking;
  if (object?.id) keep(object, at);
  return object;
}

on('again', lookAtAll);
on('lost', () => sayings.clear());
on('changed', change => {
  if (change.what === 'session') look(change.session);
  else if (looks[change.what]) looks[change.what]();
});
on('saying', piece => {
  const before = piece.begins ? '' : sayings.get(piece.session) || '';
  sayings.set(piece.session, (before + piece.text).slice(-longestSaying));
});
on('event', event => {
  if (['said', 'turn.ended', 'run.ended', 'run.lost'].includes(event.type)) sayings.delete(event.session);
});

const order = ['needs-you', 'working', 'idle', 'ended'];

/** Where a session stands in the list. */
export function group(session) {
  if (session.state !== 'running' && session.state !== 'starting' && session.state !== 'queued') return 'ended';
  if (session.activity === 'needs-you') return 'needs-you';
  if (session.activity === 'working' || session.state !== 'running') return 'working';
  return 'idle';
}

const activeFirst = (a, b) => (a.lastActive < b.lastActive ? 1 : a.lastActive > b.lastActive ? -1 : 0);
/** Whoever waits longest comes first. */
const patience = (a, b) => -activeFirst(a, b);

/** [{name, sessions}] in the order in which they want a person. */
export const groups = computed(() => {
  const found = Object.fromEntries(order.map(name => [name, []]));
  for (const session of sessions.values()) if (isListed(session)) found[group(session)].push(session);
  return order.map(name => ({ name, sessions: found[name].sort(name === 'needs-you' ? patience : activeFirst) }));
});

export const needing = computed(() => groups.value[0].sessions);

/** The repositories, else directories, that sessions work on: the most used first. */
export const directories = computed(() => {
  const counts = new Map();
  for (const { repository, directory } of sessions.values()) {
    const path = repository || directory;
    counts.set(path, (counts.get(path) || 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([directory]) => directory);
});
