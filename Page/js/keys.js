// The keyboard: one table, of which the help is made as well.

import { shallowReactive } from '/vendor/vue.js';
import { act } from '/js/acts.js';
import { ask, dialog } from '/js/dialogs.js';
import { go, home, route, tabs, toPlace, toSession } from '/js/route.js';
import { groups, sessions } from '/js/store.js';

/** The session the keys are at in the list. */
export const cursor = shallowReactive({ id: '' });

const listeners = { search: () => {}, filter: () => {}, reveal: () => {}, compose: () => {} };

/** What the parts of the page do when a key is for them. */
export const hear = (name, perform) => { listeners[name] = perform; };

const inOrder = () => groups.value.flatMap(group => group.sessions);

function step(by) {
  const all = inOrder();
  if (!all.length) return;
  const at = all.findIndex(session => session.id === (cursor.id || route.session));
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
  cursor.id = all[next].id;
  listeners.reveal(cursor.id);
}

/** What is asked of the session that is open, else of the one the keys are at. */
function answer(allows) {
  const session = sessions.get(route.view === 'session' ? route.session : cursor.id);
  const request = session?.needs?.[0];
  if (!request) return;
  // Nobody allows what was not on the screen.
  if (route.view !== 'session') { go(toSession(session.id)); return; }
  if (allows) act.permit(session, request, { allow: true }); else ask('deny', { session, request });
}

const tab = name => { if (route.view === 'session') go(toSession(route.session, name)); };

export const table = [
  { keys: ['j', 'ArrowDown'], say: 'j', does: 'next session', perform: () => step(1) },
  { keys: ['k', 'ArrowUp'], say: 'k', does: 'session before', perform: () => step(-1) },
  { keys: ['Enter'], say: 'Enter', does: 'open the session', perform: null },
  { keys: ['a'], say: 'a', does: 'allow what is asked', perform: () => answer(true) },
  { keys: ['d'], say: 'd', does: 'deny it, and say why', perform: () => answer(false) },
  { keys: ['m'], say: 'm', does: 'write a message', perform: () => listeners.compose() },
  { keys: ['/'], say: '/ or Ctrl-K', does: 'search or command', perform: () => listeners.search() },
  { keys: ['f'], say: 'f', does: 'filter the sessions', perform: () => listeners.filter() },
  { keys: ['n'], say: 'n', does: 'new session', perform: () => go(toPlace('new')) },
  ...tabs.map((name, index) => (
    { keys: [`${index + 1}`], say: `${index + 1}`, does: `of a session: ${name}`, perform: () => tab(name) })),
  { keys: ['Escape'], say: 'Esc', does: 'close, or back to the list',
    perform: () => { if (route.view !== 'home') go(home); } },
  { keys: ['?'], say: '?', does: 'these keys', perform: () => ask('keys') },
];

const isWriting = target => target.closest?.(
  'input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], .terminal-view');

export function keys() {
  document.addEventListener('keydown', event => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
      if (event.target.closest?.('.terminal-view')) return;
      event.preventDefault();
      listeners.search();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || dialog.name) return;
    if (isWriting(event.target)) {
      if (event.key === 'Escape' && !event.target.closest('.terminal-view')) event.target.blur();
      return;
    }
    // Arrows are for what has the focus.
    const isArrow = event.key.startsWith('Arrow');
    if (isArrow && !event.target.closest?.('.sessions')) return;
    const found = table.find(entry => entry.keys.includes(event.key));
    if (!found?.perform) return;
    event.preventDefault();
    found.perform();
  });
}
