// What is being worked on, as the repository's own work log says it.

import { h, onBeforeUnmount, shallowRef, watch } from '/vendor/vue.js';
import { get, part } from '/js/api.js';
import { problem } from '/js/dialogs.js';
import { on } from '/js/feed.js';
import { chooser, noRepository, repository } from '/js/repositories.js';
import { sessions } from '/js/store.js';
import { toSession } from '/js/route.js';
import { exact, since } from '/js/time.js';
import { plain } from '/js/words.js';

export const WorkLog = {
  setup() {
    const entries = shallowRef(null);
    const failed = shallowRef(null);
    async function load() {
      if (!repository.value) return;
      try {
        entries.value = await get(`/v1/worklog?directory=${part(repository.value)}`);
        failed.value = null;
      } catch (error) { failed.value = error; }
    }
    watch(repository, load, { immediate: true });
    const stops = [on('turn.ended', load), on('created', load), on('merged', load), on('removed', load),
      on('again', load)];
    onBeforeUnmount(() => stops.forEach(stop => stop()));
    const sessionOf = branch => [...sessions.values()].find(session => branch && session.branch === branch);
    const entry = (item, index) => h('section', { class: 'card', key: index, 'aria-label': plain(item.title) }, [
      h('header', [h('h2', plain(item.title)), item.status ? h('span', { class: 'tag' }, plain(item.status)) : null]),
      h('p', { class: 'dim' }, [
        item.branch ? plain(item.branch) : '', item.component ? ` · ${plain(item.component)}` : '',
        item.started ? [' · for ', h('time', { title: exact(item.started) },
          since(item.started) || plain(item.started))] : '', item.issue ? ` · ${plain(item.issue)}` : '',
          item.eta ? ` · ${plain(item.eta)}` : '',
      ]),
      item.files.length ? h('p', { class: 'path' }, item.files.map(plain).join(', ')) : null,
      sessionOf(item.branch) ? h('p', h('a', { href: toSession(sessionOf(item.branch).id) },
        plain(sessionOf(item.branch).name))) : null,
    ]);
    return () => h('div', { class: 'together' }, [
      h('h1', 'Work log'), chooser(), problem(failed.value),
      repository.value ? null : noRepository(),
      entries.value?.length ? entries.value.map(entry) : null,
      entries.value && !entries.value.length ? h('p', { class: 'hint' },
        'No entry is open. Sessions with worktrees get one where `workLog` in .apus/config.json names the file.')
        : null,
    ]);
  },
};
