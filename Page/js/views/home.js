// Nothing is open: what needs somebody, or what one could do.

import { h } from '/vendor/vue.js';
import { toPlace, toSession } from '/js/route.js';
import { groups, known, needing, sessions } from '/js/store.js';
import { plain } from '/js/words.js';

export const Home = {
  setup: () => () => {
    if (!known.sessions) return h('p', { class: 'first', role: 'status' }, 'Loading …');
    if (!sessions.size) {
      return h('div', { class: 'empty' }, [
        h('h1', 'No sessions yet'),
        h('p', 'A session is an agent at work on a branch and in a worktree of its own. In a repository:'),
        h('pre', { tabindex: 0 }, 'apus new fix-parser --prompt "fix the RSS parser"'),
        h('p', [h('a', { class: 'button primary', href: toPlace('new') }, 'New session')]),
      ]);
    }
    const [needs, working, idle] = groups.value.map(group => group.sessions.length);
    return h('div', { class: 'empty' }, [
      h('h1', needs ? 'These need you' : 'Nothing needs you'),
      needs ? h('ul', { class: 'plain-list' }, needing.value.slice(0, 12).map(session => h('li', { key: session.id }, [
        h('a', { href: toSession(session.id) }, plain(session.name)), ' ',
        h('span', { class: 'dim' }, plain(session.needsWhat || 'needs you')),
      ]))) : h('p', `${working} at work, ${idle} idle.`),
      h('p', { class: 'dim' }, ['Press ', h('kbd', '?'), ' for the keys.']),
    ]);
  },
};
