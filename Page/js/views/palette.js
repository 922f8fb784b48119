// Search or command: sessions by what is known of them, and everything that can be done, in one box.

import { computed, h, nextTick, ref, shallowRef } from '/vendor/vue.js';
import { act } from '/js/acts.js';
import { ask } from '/js/dialogs.js';
import { hear } from '/js/keys.js';
import { go, places, route, tabs, toPlace, toSession } from '/js/route.js';
import { group, groups, sessions } from '/js/store.js';
import { doing, groupNames, status } from '/js/words.js';

const placeNames = {
  locks: 'Locks', claims: 'Claims', conflicts: 'Conflicts', servers: 'Servers', worklog: 'Work log', new: 'New session',
};

function commands() {
  const found = places.map(name => ({ name: placeNames[name], note: 'go to', perform: () => go(toPlace(name)) }));
  found.push({ name: 'Keys and settings', note: '', perform: () => ask('keys') });
  const session = route.view === 'session' ? sessions.get(route.session) : null;
  if (!session) return found;
  const isLive = group(session) !== 'ended';
  const add = (name, perform) => found.push({ name: `${name}: ${session.name}`, note: 'this session', perform });
  for (const tab of tabs) add(tab[0].toUpperCase() + tab.slice(1), () => go(toSession(session.id, tab)));
  if (isLive) {
    add('Interrupt', () => act.interrupt(session));
    add('Stop', () => ask('stop', session));
  } else {
    add('Resume', () => ask('resume', session));
    add('Archive', () => ask('archive', session));
  }
  add('Fork', () => ask('fork', session));
  add('Rename or tag', () => ask('rename', session));
  if (session.branch) {
    add('Bring up to date', () => ask('sync', session));
    add('Merge', () => ask('merge', session));
    add('Pull request', () => ask('pr', session));
    add('Remove', () => ask('remove', session));
  }
  return found;
}

const textOf = session => [
  session.name, session.id, session.branch, session.component, session.owner, ...session.tags, doing(session),
].filter(Boolean).join(' ').toLowerCase();

const holds = (text, words) => words.every(word => text.includes(word));

export const Palette = {
  setup() {
    const input = ref(null);
    const text = ref('');
    const isOpen = ref(false);
    const at = shallowRef(0);

    const found = computed(() => {
      if (!isOpen.value) return [];
      const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
      const all = groups.value.flatMap(({ sessions: list }) => list);
      const some = all.filter(session => holds(textOf(session), words)).slice(0, 8).map(session => ({
        name: session.name, note: `${groupNames[group(session)]} · ${status(session).word}`,
        perform: () => go(toSession(session.id)),
      }));
      const acts = commands().filter(command => holds(command.name.toLowerCase(), words));
      return words.length ? [...some, ...acts].slice(0, 14) : [...some.slice(0, 5), ...acts].slice(0, 14);
    });

    function open() {
      isOpen.value = true;
      at.value = 0;
    }
    function close() {
      isOpen.value = false;
      text.value = '';
    }
    function choose(entry) {
      if (!entry) return;
      close();
      input.value.blur();
      entry.perform();
    }
    function press(event) {
      const last = found.value.length - 1;
      if (event.key === 'ArrowDown') at.value = Math.min(last, at.value + 1);
      else if (event.key === 'ArrowUp') at.value = Math.max(0, at.value - 1);
      else if (event.key === 'Enter') choose(found.value[at.value]);
      else if (event.key === 'Escape') { close(); input.value.blur(); } else { if (!isOpen.value) open(); return; }
      event.preventDefault();
      event.stopPropagation();
      nextTick(() => document.getElementById(`found-${at.value}`)?.scrollIntoView({ block: 'nearest' }));
    }
    hear('search', () => { input.value?.focus(); open(); });

    return () => h('div', { class: 'palette' }, [
      h('input', {
        ref: input, type: 'text', role: 'combobox', 'aria-label': 'Search or command', 'aria-expanded': isOpen.value,
        'aria-controls': 'found', 'aria-autocomplete': 'list', autocomplete: 'off', spellcheck: false,
        'aria-activedescendant': isOpen.value && found.value.length ? `found-${at.value}` : undefined,
        placeholder: 'Search or command (Ctrl-K)', value: text.value,
        onInput: event => { text.value = event.target.value; open(); }, onFocus: open, onBlur: close, onKeydown: press,
      }),
      h('ul', { id: 'found', role: 'listbox', 'aria-label': 'Found', class: 'found', hidden: !isOpen.value },
        found.value.map((entry, index) => h('li', {
          id: `found-${index}`, key: index, role: 'option', 'aria-selected': index === at.value,
          class: index === at.value && 'chosen',
          // Before the box loses the focus.
          onMousedown: event => { event.preventDefault(); choose(entry); },
        }, [h('span', entry.name), h('span', { class: 'dim' }, entry.note)]))),
      isOpen.value && !found.value.length ? h('p', { class: 'found none', role: 'status' }, 'Nothing is called so.')
        : null,
    ]);
  },
};
