// Which sessions would conflict if both were merged: every pair, and what would have to be decided.

import { computed, h, ref, shallowRef, watch } from '/vendor/vue.js';
import { get, part } from '/js/api.js';
import { problem } from '/js/dialogs.js';
import { chooser, noRepository, repository } from '/js/repositories.js';
import { toSession } from '/js/route.js';
import { sessions } from '/js/store.js';
import { count, plain } from '/js/words.js';

const pairOf = (a, b) => [a, b].sort().join('\n');

export const Conflicts = {
  setup() {
    const found = shallowRef(null);
    const failed = shallowRef(null);
    const chosen = ref('');
    let running = false;
    let again = false;

    async function load() {
      if (!repository.value) return;
      if (running) { again = true; return; }
      running = true;
      do {
        again = false;
        try {
          found.value = await get(`/v1/conflicts?directory=${part(repository.value)}`);
          failed.value = null;
        } catch (error) { failed.value = error; }
      } while (again);
      running = false;
    }
    const ours = computed(() => [...sessions.values()].filter(session => (
      (session.repository || session.directory) === repository.value && session.branch && session.state !== 'archived'))
      .sort((a, b) => (a.name < b.name ? -1 : 1)));
    // What would conflict changes with what sessions commit or edit.
    const state = computed(() => ours.value.map(one => (
      `${one.id} ${one.ahead} ${one.behind} ${one.dirty} ${(one.conflicts || []).join()}`)).join('\n'));
    watch([repository, state], load, { immediate: true });

    const byPair = computed(() => {
      const map = new Map();
      for (const item of found.value?.conflicts || []) map.set(pairOf(...item.between), item);
      return map;
    });
    const columns = computed(() => {
      const names = new Set(ours.value.map(one => one.name));
      for (const item of found.value?.conflicts || []) if (!item.withBase) item.between.forEach(
        name => names.add(name));
      return [...names];
    });
    const idOf = name => ours.value.find(one => one.name === name)?.id || name;

    function cell(row, column) {
      if (row === column) return h('td', { class: 'same', key: column }, '·');
      const item = byPair.value.get(pairOf(row, column));
      if (!item) return h('td', { class: 'clear', key: column },
        h('span', { title: `${row} and ${column}: no conflict` }, '✓'));
      const key = pairOf(row, column);
      return h('td', { class: 'meets', key: column }, h('button', {
        type: 'button', 'aria-pressed': chosen.value === key,
          'aria-label': `${row} and ${column}: ${count(item.files.length, 'file')}`,
        onClick: () => { chosen.value = chosen.value === key ? '' : key; },
      }, `⚠ ${item.files.length}`));
    }
    const detail = item => h('section', { class: 'card', role: 'status' }, [
      h('h2', plain(item.between.join(' and '))),
      h('p', 'Both change the same lines of:'), h('ul', item.files.map(
        file => h('li', { key: file, class: 'path' }, plain(file)))),
    ]);
    return () => {
      const withBase = (found.value?.conflicts || []).filter(item => item.withBase);
      return h('div', { class: 'together' }, [
        h('h1', 'Conflicts'), chooser(), problem(failed.value),
        repository.value ? null : noRepository(),
        repository.value && !found.value && !failed.value ? h('p', { role: 'status' }, 'Looking at every pair …')
          : null,
        found.value && columns.value.length < 2 ? h('p', { class: 'hint' },
          'There are no two sessions with branches here.') : null,
        found.value && columns.value.length > 1 ? [
          h('p', { class: 'dim' },
            `${count(found.value.pairs, 'pair')} looked at, `
              + `${count(byPair.value.size - withBase.length, 'conflict')}.`),
          h('div', { class: 'scrolls', tabindex: 0, role: 'region', 'aria-label': 'Conflict matrix' },
            h('table', { class: 'matrix' }, [
            h('thead', h('tr', [h('td'), columns.value.map(name => h('th', { scope: 'col', key: name },
              h('span', plain(name))))])),
            h('tbody', columns.value.map(row => h('tr', { key: row }, [
              h('th', { scope: 'row' }, h('a', { href: toSession(idOf(row)) }, plain(row))),
                columns.value.map(column => cell(row, column)),
            ]))),
          ])),
          byPair.value.get(chosen.value) ? detail(byPair.value.get(chosen.value)) : null,
        ] : null,
        withBase.length ? [
          h('h2', 'With their base'),
          h('ul', withBase.map((item, index) => h('li', { key: index },
            `${item.between.map(plain).join(' and ')}: ${item.files.map(plain).join(', ')}`))),
        ] : null,
      ]);
    };
  },
};
