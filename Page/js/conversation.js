// A session's conversation as rows, put together from its events: what was asked, once an agent took it up; what it
// said
// and did; and how turns and runs ended. The same rows come of events that are read and of those that are followed.

import { shallowRef, triggerRef } from '/vendor/vue.js';
import { get, part } from '/js/api.js';
import { on } from '/js/feed.js';
import { pieces } from '/js/markdown.js';
import { sessions } from '/js/store.js';

const page = 5000;
/** Of a longer conversation the beginning is let go: what is kept of it does not grow for ever. */
const mostRows = 120_000;

const parsed = text => { try { return JSON.parse(text); } catch { return text; } };

/** Makes rows of events. Each row: {key, kind, at, …}; a call and its answer are one row. */
export class Reader {
  constructor() {
    this.rows = [];
    this.calls = new Map();
    this.prompts = [];
    this.taken = new Set();
    this.next = 0;
    this.number = 0;
  }

  push(kind, at, more) {
    this.number += 1;
    const row = { key: this.number, kind, at, ...more };
    this.rows.push(row);
    return row;
  }

  text(role, at, text) {
    const parts = pieces(text);
    parts.forEach((piece, index) => this.push('text', at, { role, text: piece, isFirst: index === 0 }));
  }

  prompt(id, at) {
    const index = this.prompts.findIndex(prompt => prompt.id === id);
    if (index < 0) return;
    const [{ text }] = this.prompts.splice(index, 1);
    this.text('user', at, text);
  }

  note(at, text, tone = 'calm') { this.push('note', at, { text, tone }); }

  /** Whether there is anything new to be seen. */
  take(event) {
    if (event.n < this.next) return false;
    this.next = event.n + 1;
    const { at, detail = {} } = event;
    switch (event.type) {
      case 'prompt.accepted': this.prompts.push({ id: detail.id, text: detail.text || '', at }); return true;
      case 'prompt.started': this.prompt(detail.id, at); return true;
      case 'said': return this.said(detail, at);
      case 'turn.ended': return this.turn(detail, at);
      case 'interrupt.requested': this.note(at, 'interrupted'); return true;
      case 'permission.answered':
        this.note(at, `${detail.allow ? `allowed${detail.always ? ', from now on as well' : ''}` : 'denied'}`
          + `${detail.message ? `: ${detail.message}` : ''}`);
        return true;
      case 'retrying': this.note(at, `tries again: ${detail.summary || ''}`, 'warn'); return true;
      case 'run.started': if (event.run > 1) this.note(at, `run ${event.run} begins`); return true;
      case 'run.ended': this.note(at, ended(detail)); return true;
      case 'run.lost': this.note(at, 'its run was lost', 'bad'); return true;
      case 'limit.reached': this.note(at, 'a limit was reached', 'warn'); return true;
      default: return false;
    }
  }

  said(detail, at) {
    if (detail.role === 'user') {
      if (detail.id) this.prompt(detail.id, at);
    } else if (detail.role !== 'tool') this.text(detail.role, at, detail.text || '');
    else if (detail.isError === undefined) {
      const row = this.push('call', at, { tool: detail.tool, input: parsed(detail.text), answer: null, done: null });
      if (detail.id) this.calls.set(detail.id, this.rows.length - 1);
      row.id = detail.id;
    } else {
      const id = (detail.id || '').replace(/\/result$/, '');
      const index = this.calls.get(id);
      const answer = { text: detail.text || '', isError: detail.isError, at };
      this.calls.delete(id);
      // A row that changed is another one, so that it is painted again.
      if (index !== undefined && this.rows[index]?.id === id) this.rows[index] = { ...this.rows[index], answer };
      else this.push('call', at, { tool: detail.tool || 'tool', input: null, answer });
    }
    return true;
  }

  turn(detail, at) {
    if (detail.error) this.note(at, `${detail.error.summary}${detail.error.hint ? ` — ${detail.error.hint}` : ''}`,
      'bad');
    return true;
  }
}

const ended = detail => {
  if (detail.signal) return `its run was ended by signal ${detail.signal}`;
  return detail.exit ? `its run ended with code ${detail.exit}` : 'its run ended';
};

/** What a fork's parent had said, as rows; the fork's own begin with what it was told first. */
async function inherited(id, own) {
  const all = await get(`/v1/sessions/${part(id)}/transcript`);
  const first = own.find(event => event.type === 'said' || event.type === 'prompt.accepted');
  const reader = new Reader();
  for (const utterance of all) {
    if (first && utterance.id && utterance.id === first.detail?.id) break;
    if (utterance.role === 'user') reader.text('user', null, utterance.text);
    else reader.said(utterance, null);
  }
  return reader.rows;
}

/** The conversation of that session, followed until it is left: {rows, waiting, state, problem, leave}. */
export function conversation(id) {
  const rows = shallowRef([]);
  const waiting = shallowRef([]);
  const state = shallowRef('loading');
  const problem = shallowRef(null);
  let reader = new Reader();
  let early = [];
  let isWhole = false;
  let painting = 0;
  let left = false;

  const paint = () => {
    painting = 0;
    if (reader.rows.length > mostRows) {
      const gone = reader.rows.length - mostRows * 0.9 | 0;
      reader.rows.splice(0, gone);
      for (const [call, index] of reader.calls) {
        if (index < gone) reader.calls.delete(call); else reader.calls.set(call, index - gone);
      }
    }
    rows.value = reader.rows;
    triggerRef(rows);
    waiting.value = [...reader.prompts];
  };
  const later = () => { if (!painting && !left) painting = requestAnimationFrame(paint); };

  async function load() {
    problem.value = null;
    isWhole = false;
    try {
      const fresh = reader.next === 0;
      for (;;) {
        const events = await get(`/v1/sessions/${part(id)}/events?from=${reader.next}&limit=${page}`);
        if (left) return;
        if (fresh && reader.next === 0 && sessions.get(id)?.forkedFrom) {
          reader.rows.push(...(await inherited(id, events)).map(row => ({ ...row, key: `before-${row.key}` })));
        }
        for (const event of events) reader.take(event);
        later();
        if (events.length < page) break;
      }
      isWhole = true;
      for (const event of early) reader.take(event);
      early = [];
      state.value = 'here';
      later();
    } catch (error) {
      if (left) return;
      problem.value = error;
      state.value = 'failed';
    }
  }

  const stops = [
    on('event', event => {
      if (event.session !== id) return;
      if (!isWhole) early.push(event); else if (reader.take(event)) later();
    }),
    on('again', ({ isWhole: all }) => {
      if (all && state.value === 'here') return;
      if (!all) { reader = new Reader(); early = []; }
      load();
    }),
  ];
  load();
  return {
    rows, waiting, state, problem, load,
    leave() {
      left = true;
      cancelAnimationFrame(painting);
      for (const stop of stops) stop();
    },
  };
}
