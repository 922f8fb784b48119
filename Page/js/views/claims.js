// Which files sessions are editing.

import { computed, h, ref } from '/vendor/vue.js';
import { toSession } from '/js/route.js';
import { claims } from '/js/store.js';
import { since, exact } from '/js/time.js';
import { plain } from '/js/words.js';

export const Claims = {
  setup() {
    const filter = ref('');
    const shown = computed(() => {
      const text = filter.value.toLowerCase();
      return claims.value.filter(claim => !text || `${claim.path} ${claim.session}`.toLowerCase().includes(text));
    });
    const row = claim => h('tr', { key: `${claim.checkout}/${claim.path}/${claim.id}`,
      class: claim.meeting && 'warn' }, [
      h('th', { scope: 'row', class: 'path' }, [plain(claim.path), claim.functions?.length
        ? h('span', { class: 'dim' }, ` ${claim.functions.map(plain).join(', ')}`) : null]),
      h('td', h('a', { href: toSession(claim.id) }, plain(claim.session))),
      h('td', { title: exact(claim.lastEdit) }, `${since(claim.lastEdit)} ago`),
      h('td', [claim.source, claim.shared ? ', shared' : '',
        claim.meeting ? h('p', { class: 'warn' }, `⚠ ${plain(claim.meeting)}`) : null]),
    ]);
    return () => h('div', { class: 'together' }, [
      h('h1', 'Claims'),
      claims.value.length ? [
        h('p', h('input', {
          type: 'search', 'aria-label': 'Filter claims', placeholder: 'Filter', value: filter.value,
          onInput: event => { filter.value = event.target.value; },
        })),
        h('div', { class: 'scrolls', tabindex: 0, role: 'region', 'aria-label': 'Claims' }, h('table', [
          h('thead', h('tr', ['File', 'Session', 'Edited', 'Known from'].map(
            name => h('th', { scope: 'col', key: name }, name)))),
          h('tbody', shown.value.slice(0, 500).map(row)),
        ])),
        shown.value.length > 500 ? h('p', { class: 'hint' }, `${shown.value.length - 500} more: filter them.`) : null,
      ] : h('p', { class: 'hint' },
        'Nobody is editing anything. What an agent edits is claimed by itself; `apus claim add PATH` claims more.'),
    ]);
  },
};
