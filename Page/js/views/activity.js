// What happened to a session, the newest last: its events as they are, numbered.

import { computed, h, onBeforeUnmount, ref, shallowRef, triggerRef } from '/vendor/vue.js';
import { get, part } from '/js/api.js';
import { problem } from '/js/dialogs.js';
import { on } from '/js/feed.js';
import { exact, hour } from '/js/time.js';
import { VirtualList } from '/js/virtual.js';
import { plain } from '/js/words.js';

const page = 5000;
const most = 20_000;
const keyOf = event => event.n;
const guess = () => 32;

function brief(event) {
  const detail = event.detail || {};
  if (event.type === 'said') {
    return `${detail.role}${detail.tool ? ` ${detail.tool}` : ''}: ${(detail.text || '').slice(0, 200)}`;
  }
  const parts = Object.entries(detail).filter(([, value]) => value !== null && value !== ''
    && typeof value !== 'object')
    .map(([name, value]) => `${name} ${value}`);
  return parts.join(', ').slice(0, 240);
}

export const Activity = {
  props: ['session'],
  setup(props) {
    const { id } = props.session;
    const events = shallowRef([]);
    const failed = shallowRef(null);
    const kind = ref('');
    let early = [];
    let isWhole = false;
    let frame = 0;
    const paint = () => { frame = 0; triggerRef(events); };
    const add = event => {
      const last = events.value.at(-1);
      if (last && event.n <= last.n) return;
      events.value.push(event);
      if (events.value.length > most) events.value.splice(0, most / 10);
      if (!frame) frame = requestAnimationFrame(paint);
    };
    async function load() {
      failed.value = null;
      isWhole = false;
      try {
        for (;;) {
          const from = (events.value.at(-1)?.n ?? -1) + 1;
          const found = await get(`/v1/sessions/${part(id)}/events?from=${from}&limit=${page}`);
          found.forEach(add);
          if (found.length < page) break;
        }
        isWhole = true;
        early.forEach(add);
        early = [];
      } catch (error) { failed.value = error; }
    }
    const stops = [
      on('event', event => {
        if (event.session !== id) return;
        if (isWhole) add(event); else early.push(event);
      }),
      on('again', load),
    ];
    onBeforeUnmount(() => { stops.forEach(stop => stop()); cancelAnimationFrame(frame); });
    load();

    const rows = computed(() => {
      const all = events.value;
      return kind.value ? all.filter(event => event.type.startsWith(kind.value)) : all.slice();
    });
    const kinds = ['', 'prompt', 'said', 'permission', 'turn', 'run'];
    const paintRow = event => h('div', { class: 'event', title: plain(JSON.stringify(event.detail)).slice(0, 2000) }, [
      h('span', { class: 'n' }, event.n), h('time', { datetime: event.at, title: exact(event.at) }, hour(event.at)),
      h('span', { class: 'type' }, event.type), h('span', { class: 'brief' }, plain(brief(event))),
    ]);
    return () => h('div', { class: 'activity' }, [
      h('div', { class: 'bar' }, [h('label', ['Show ', h('select', {
        value: kind.value, onChange: event => { kind.value = event.target.value; },
      }, kinds.map(name => h('option', { value: name, key: name }, name || 'everything')))])]),
      failed.value ? h('div', { class: 'padded' }, [problem(failed.value),
        h('button', { type: 'button', onClick: load }, 'Try again')]) : null,
      h(VirtualList, {
        items: rows.value, keyOf, guess, row: paintRow, follow: true,
        attributes: { class: 'virtual events', role: 'log', 'aria-label': 'Activity', 'aria-live': 'off', tabindex: 0 },
      }),
    ]);
  },
};
