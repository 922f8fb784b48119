// Where one is in the page: the address behind `#`, so that reloading, going back and sending a link all work.

import { shallowReactive } from '/vendor/vue.js';

export const tabs = ['conversation', 'terminal', 'changes', 'activity'];
export const places = ['locks', 'claims', 'conflicts', 'servers', 'worklog', 'new'];

/** `view`: 'home', 'session' (with `session`, `tab`), or one of `places` (with `item`, of servers). */
export const route = shallowReactive({ view: 'home', session: '', tab: '', item: '' });

const plain = text => { try { return decodeURIComponent(text); } catch { return text; } };

function read() {
  const [, first = '', second = '', third = ''] = location.hash.split('/').map(plain);
  const found = { view: 'home', session: '', tab: '', item: '' };
  if (first === 's' && second) {
    Object.assign(found, { view: 'session', session: second, tab: tabs.includes(third) ? third : '' });
  } else if (places.includes(first)) Object.assign(found, { view: first, item: second });
  Object.assign(route, found);
}

export const toSession = (id, tab) => `#/s/${encodeURIComponent(id)}${tab ? `/${tab}` : ''}`;
export const toPlace = (name, item) => `#/${name}${item ? `/${encodeURIComponent(item)}` : ''}`;
export const home = '#/';

export function go(address) {
  if (location.hash !== address) location.hash = address;
}

window.addEventListener('hashchange', read);
read();
