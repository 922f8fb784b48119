// Development servers: whether they are well, what they wait for, and what they write, as they write it.

import { computed, h, onBeforeUnmount, ref, shallowRef, watch } from '/vendor/vue.js';
import { part, post, stream } from '/js/api.js';
import { perform } from '/js/acts.js';
import { ask, problem } from '/js/dialogs.js';
import { route, toPlace, toSession } from '/js/route.js';
import { servers, sessions } from '/js/store.js';
import { aged } from '/js/time.js';
import { VirtualList } from '/js/virtual.js';
import { count, plain } from '/js/words.js';

const looks = {
  healthy: ['●', 'good'], starting: ['◌', 'warn'], late: ['▲', 'warn'], failed: ['✕', 'bad'], ended: ['□', 'bad'],
    stopped: ['□', 'calm'],
};
const act = (server, verb, body, done) => perform(() => post(`/v1/servers/${part(server.id)}/${verb}`, body), done);

/** Why it does not reload now. */
const holdWords = hold => ({
  turn: `held: ${plain(hold.name)} is in a turn`, edit: `held: ${plain(hold.name)} is changing a file`,
  vcs: 'held: git is at work', asked: `held: ${plain(hold.name)} asked for it`,
}[hold.reason] || `held: ${hold.reason}`);

function card(server) {
  const [shape, tone] = looks[server.health] || ['●', 'calm'];
  const session = server.session && sessions.get(server.session);
  const isHeld = server.holds.length > 0;
  return h('section', { class: 'card', key: server.id, 'aria-label': `Server ${plain(server.name)}` }, [
    h('header', [
      h('h2', h('a', { href: toPlace('servers', server.id) }, plain(server.name))),
      h('span', { class: ['tag', tone] }, [h('span', { 'aria-hidden': 'true' }, `${shape} `), server.health,
        ` for ${aged(server.age, server.seen)}`]),
      server.port ? h('a', {
        href: `http://${location.hostname}:${server.port}/`, target: '_blank', rel: 'noopener noreferrer',
      }, `:${server.port}`) : null,
    ]),
    h('p', { class: 'path' }, plain(server.command)),
    h('p', { class: 'dim' }, [
      plain(server.directory), session ? [' · ', h('a', { href: toSession(session.id) }, plain(session.name))] : null,
      ` · ${count(server.reloads, 'reload')}`,
    ]),
    server.pending
      ? h('p', { class: 'warn' },
      `${count(server.pending, 'change')} not loaded yet${server.reloadWhy ? `: ${plain(server.reloadWhy)}` : ''}`)
      : null,
    isHeld ? h('ul', server.holds.map((hold, index) => h('li', { key: index }, holdWords(hold)))) : null,
    server.problem ? h('p', { class: 'bad' }, plain(server.problem)) : null,
    h('div', { class: 'buttons' }, [
      h('button', { type: 'button', onClick: () => act(server, 'reload', {}, `${server.name} loads what changed.`) },
        'Reload'),
      h('button', { type: 'button', onClick: () => ask('hold', server) }, 'Hold …'),
      server.holds.some(hold => hold.reason === 'asked')
        ? h('button', { type: 'button', onClick: () => act(server, 'release', {}, `${server.name} reloads again.`) },
          'Release') : null,
      route.item === server.id ? null : h('a', { class: 'button', href: toPlace('servers', server.id) }, 'Log'),
      h('button', { type: 'button', onClick: () => ask('endServer', server) }, 'Stop …'),
    ]),
  ]);
}

const colours = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;
const most = 20_000;

/** A server's log, followed while it is looked at. */
const ServerLog = {
  props: ['id'],
  setup(props) {
    const lines = shallowRef([]);
    const failed = shallowRef(null);
    const isOver = ref(false);
    const mine = new AbortController();
    let rest = '';
    let number = 0;
    let frame = 0;
    const kept = [];
    const decoder = new TextDecoder();
    const paint = () => { frame = 0; lines.value = kept.slice(); };
    function take(bytes) {
      const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = parts.pop().slice(-100_000);
      for (const text of parts) { number += 1; kept.push({ number,
        text: plain(text.replace(colours, '')).slice(0, 4000) }); }
      if (kept.length > most) kept.splice(0, kept.length - most);
      if (!frame) frame = requestAnimationFrame(paint);
    }
    async function load() {
      failed.value = null;
      isOver.value = false;
      kept.length = 0;
      rest = '';
      try {
        await stream(`/v1/servers/${part(props.id)}/log?follow=true`, take, { signal: mine.signal });
        isOver.value = true;
      } catch (error) { if (error.name !== 'AbortError') failed.value = error; }
    }
    watch(() => props.id, load, { immediate: true });
    onBeforeUnmount(() => { mine.abort(); cancelAnimationFrame(frame); });
    return () => h('section', { class: 'log', 'aria-label': 'Log' }, [
      failed.value || isOver.value ? h('p', [problem(failed.value), isOver.value ? 'The log ends here. ' : '',
        h('button', { type: 'button', onClick: load }, 'Follow it again')]) : null,
      h(VirtualList, {
        items: lines.value, keyOf: line => line.number, guess: () => 20, follow: true,
        row: line => h('div', { class: 'log-line' }, line.text || '\u00a0'),
        attributes: { class: 'virtual log-lines', role: 'log', 'aria-label': 'Server log', 'aria-live': 'off',
          tabindex: 0 },
      }),
    ]);
  },
};

export const Servers = {
  setup() {
    const one = computed(() => servers.value.find(server => server.id === route.item || server.name === route.item));
    return () => {
      if (route.item) {
        return h('div', { class: 'together one-server' }, [
          h('p', h('a', { href: toPlace('servers') }, '‹ all servers')),
          h('h1', one.value ? plain(one.value.name) : 'There is no such server'),
          one.value ? [card(one.value), h(ServerLog, { id: one.value.id, key: one.value.id })] : null,
        ]);
      }
      return h('div', { class: 'together' }, [
        h('h1', 'Servers'),
        servers.value.length ? servers.value.map(card) : h('div', { class: 'hint' }, [
          h('p', 'No development server runs. In a worktree:'), h('pre', { tabindex: 0 }, 'apus dev -- npm run dev'),
        ]),
      ]);
    };
  },
};
