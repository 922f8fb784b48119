// All sessions, what needs somebody first; and below them what sessions share.

import { computed, h, ref, watch } from '/vendor/vue.js';
import { problem } from '/js/dialogs.js';
import { cursor, hear } from '/js/keys.js';
import { route, toPlace, toSession } from '/js/route.js';
import { claims, groups, known, locks, servers, showArchived } from '/js/store.js';
import { aged, exact } from '/js/time.js';
import { VirtualList } from '/js/virtual.js';
import { doing, drift, driftTitle, groupNames, plain, status } from '/js/words.js';

const heightOf = item => (item.heading ? 34 : 52);
const keyOf = item => item.id;

function sourceOf(session) {
  if (session.state !== 'running') return `${session.state}, last active ${exact(session.lastActive)}`;
  const age = aged(session.activityAge, session.seen);
  return `${status(session).word}, known from ${session.activitySource}, ${age} ago`;
}

function row(session) {
  const { word, shape, tone } = status(session);
  const line = doing(session);
  const isHere = route.view === 'session' && route.session === session.id;
  return h('a', {
    class: ['session-row', tone, isHere ? 'here' : cursor.id === session.id && 'cursor'], href: toSession(session.id),
    'aria-current': isHere ? 'page' : undefined, onFocus: () => { cursor.id = session.id; },
  }, [
    h('span', { class: ['shape', tone], 'aria-hidden': 'true', title: sourceOf(session) }, shape),
    h('span', { class: 'name' }, plain(session.name)),
    h('span', { class: 'age', title: exact(session.lastActive) }, aged(session.lastActiveAge, session.seen)),
    h('span', { class: 'what', title: plain(line) }, [
      h('span', { class: ['word', tone], title: sourceOf(session) }, word),
      session.component ? h('span', { class: 'part' }, ` ${plain(session.component)}`) : null,
      line ? ` ${plain(line)}` : null,
    ]),
    h('span', { class: 'drift', title: driftTitle(session) }, drift(session)),
  ]);
}

const matches = (session, words) => {
  const text = [
    session.name, session.id, session.branch, session.component, session.owner, session.kind, session.directory,
    status(session).word, session.verdict?.resumable ? 'resumable' : '', ...session.tags.map(tag => `#${tag}`),
  ].filter(Boolean).join(' ').toLowerCase();
  return words.every(word => text.includes(word));
};

function together() {
  const held = locks.value.filter(lock => lock.state !== 'free');
  const waiting = held.reduce((sum, lock) => sum + lock.queue.length, 0);
  const link = (name, text, note) => h('li', [h('a', {
    href: toPlace(name), 'aria-current': route.view === name ? 'page' : undefined, class: route.view === name && 'here',
  }, [text, note ? h('span', { class: 'dim' }, ` ${note}`) : null])]);
  const broken = servers.value.filter(server => !['healthy', 'starting', 'stopped'].includes(server.health)).length;
  return h('nav', { 'aria-label': 'Together', class: 'together-links' }, [h('ul', [
    link('locks', 'Locks', held.length ? `${held.length} held${waiting ? `, ${waiting} waiting` : ''}` : ''),
    link('claims', 'Claims', claims.value.length || ''),
    link('conflicts', 'Conflicts'),
    link('servers', 'Servers', servers.value.length ? `${servers.value.length}${broken ? ` ⚠ ${broken}` : ''}` : ''),
    link('worklog', 'Work log'),
  ])]);
}

export const Sidebar = {
  setup() {
    const filter = ref('');
    const box = ref(null);
    const list = ref(null);

    const items = computed(() => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const rows = [];
      for (const { name, sessions } of groups.value) {
        const some = words.length ? sessions.filter(session => matches(session, words)) : sessions;
        if (some.length) rows.push({ id: `group-${name}`, heading: groupNames[name], count: some.length }, ...some);
      }
      return rows;
    });

    hear('filter', () => box.value?.focus());
    hear('reveal', async id => {
      const index = items.value.findIndex(item => item.id === id);
      if (index < 0) return;
      const element = await list.value?.reveal(index);
      element?.querySelector('a')?.focus({ preventScroll: true });
    });
    watch(() => route.session, id => { if (id) cursor.id = id; }, { immediate: true });

    const paint = item => (item.heading
      ? h('h2', { class: 'group' }, [item.heading, h('span', { class: 'dim' }, ` ${item.count}`)]) : row(item));

    function content() {
      if (items.value.length) {
        return h(VirtualList, {
          ref: list, items: items.value, keyOf, guess: heightOf, row: paint, attributes: { class: 'virtual sessions' },
        });
      }
      if (!known.sessions) return h('p', { class: 'hint padded', role: 'status' }, 'Loading …');
      if (filter.value) return h('p', { class: 'hint padded' }, 'No session is like that.');
      return h('div', { class: 'hint padded' }, [
        h('p', 'No sessions yet. In a repository:'), h('pre', { tabindex: 0 }, 'apus new fix-parser --prompt "…"'),
        h('p', ['or ', h('a', { href: toPlace('new') }, 'make one here'), '.']),
      ]);
    }

    return () => h('div', { class: 'side' }, [
      h('nav', { 'aria-label': 'Sessions', class: 'sessions-nav' }, [
        h('div', { class: 'filter' }, [
          h('input', {
            ref: box, type: 'search', 'aria-label': 'Filter sessions', placeholder: 'Filter', value: filter.value,
            onInput: event => { filter.value = event.target.value; },
            onKeydown: event => {
              if (event.key !== 'Escape') return;
              if (filter.value) { filter.value = ''; event.stopPropagation(); }
            },
          }),
          h('label', { class: 'check' }, [
            h('input', {
              type: 'checkbox', checked: known.archived, onChange: event => showArchived(event.target.checked),
            }), ' archived',
          ]),
        ]),
        known.problem ? h('div', { class: 'padded' }, [problem(known.problem)]) : null,
        content(),
      ]),
      together(),
    ]);
  },
};
