// What one can do to a session. What went wrong is said where everybody sees it, and nothing that was written is lost.

import { shallowReactive } from '/vendor/vue.js';
import { part, patch, post, remove } from '/js/api.js';
import { on } from '/js/feed.js';
import { look, take } from '/js/store.js';

/** The last words on what was done: {id, text, hint, tone}; one at a time, until it is closed or another comes. */
export const outcome = shallowReactive({ text: '', hint: '', tone: '', code: '', at: 0 });

export function say(text, { hint = '', tone = 'good', code = '' } = {}) {
  Object.assign(outcome, { text, hint, tone, code, at: Date.now() });
}

export const hush = () => Object.assign(outcome, { text: '', hint: '' });

// It answers again.
on('again', () => { if (outcome.code === 'page.unreachable') hush(); });

const path = (session, verb) => `/v1/sessions/${part(session.id)}${verb ? `/${verb}` : ''}`;

/** Performs it, says how it went, and answers what came of it; null where it failed. */
export async function perform(doing, done) {
  try {
    const found = await doing();
    if (done) say(done);
    return found ?? true;
  } catch (error) {
    say(error.title || error.message, { hint: error.hint, tone: 'bad', code: error.code });
    return null;
  }
}

export const act = {
  send: (session, text) => perform(async () => take(post(path(session, 'send'), { text }))),
  interrupt: session => perform(async () => take(post(path(session, 'interrupt'))), 'The turn was interrupted.'),
  /** `wish`: {allow, always?, message?} */
  async permit(session, request, wish) {
    const words = wish.allow ? (wish.always ? 'Allowed, from now on as well' : 'Allowed') : 'Denied';
    const found = await perform(
      async () => take(post(path(session, 'permit'), { request: request.id, ...wish })),
      `${words}: ${request.tool} of ${session.name}.`);
    // Another device may have answered.
    if (!found) look(session.id);
    return found;
  },
  stop: (session, now) => perform(
    async () => take(post(path(session, 'stop'), { now })), `${session.name} was stopped; it can be resumed.`),
  resume: (session, body = {}) => perform(
    async () => take(post(path(session, 'resume'), body)), `${session.name} goes on.`),
  fork: (session, body) => perform(
    async () => take(post(path(session, 'fork'), body)), `${body.name} goes on from a copy of ${session.name}.`),
  archive: session => perform(
    async () => take(post(path(session, 'archive'))), `${session.name} was archived.`),
  change: (session, body) => perform(async () => take(patch(path(session), body)), 'Changed.'),
  branch: (session, verb, body) => post(path(session, verb), body),
  plan: session => remove(`${path(session)}?plan=true`),
  remove: (session, overruled) => {
    const query = Object.keys(overruled).filter(name => overruled[name]).map(name => `${name}=true`).join('&');
    return remove(`${path(session)}${query ? `?${query}` : ''}`);
  },
};
