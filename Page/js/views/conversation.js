// One session's conversation: what was said, tool calls folded, what is being said as it comes.

import { computed, h, onBeforeUnmount, ref, shallowReactive, shallowRef, watch } from '/vendor/vue.js';
import { conversation } from '/js/conversation.js';
import { problem } from '/js/dialogs.js';
import { pieces } from '/js/markdown.js';
import { sayings } from '/js/store.js';
import { exact, hour } from '/js/time.js';
import { VirtualList } from '/js/virtual.js';
import { count, plain } from '/js/words.js';
import { Markdown } from '/js/views/markdown.js';
import { Call } from '/js/views/call.js';

const keyOf = row => row.key;

function guess(row) {
  if (row.kind !== 'text') return row.kind === 'note' ? 30 : 36;
  return 34 + Math.max(1, Math.ceil(row.text.length / 90)) * 22;
}

const names = { user: 'you', assistant: 'claude', system: 'system' };

function textRow(row) {
  return h('article', { class: ['said', row.role, !row.isFirst && 'further'] }, [
    row.isFirst ? h('header', [
      h('span', { class: 'who' }, names[row.role] || row.role),
      row.at ? h('time', { datetime: row.at, title: exact(row.at) }, hour(row.at)) : null,
      row.isWaiting ? h('span', { class: 'dim' }, ' waits for its turn') : null,
    ]) : null,
    row.role === 'assistant' ? h(Markdown, { text: row.text }) : h('div', { class: 'words' }, plain(row.text)),
  ]);
}

export const Conversation = {
  props: ['session'],
  setup(props) {
    const talk = conversation(props.session.id);
    const list = ref(null);
    const isAtEnd = ref(true);
    const open = shallowReactive(new Set());
    onBeforeUnmount(talk.leave);

    // Long streams are painted as often as one can read, and only their last piece anew.
    const saying = shallowRef([]);
    let timer = 0;
    const said = () => {
      timer = 0;
      const text = sayings.get(props.session.id);
      saying.value = text ? pieces(text).map((piece, index) => (
        { key: `saying-${index}`, kind: 'text', role: 'assistant', text: piece, isFirst: index === 0, at: null })) : [];
    };
    watch(() => sayings.get(props.session.id), text => {
      if (!text) { clearTimeout(timer); said(); } else if (!timer) timer = setTimeout(said, 50);
    }, { immediate: true });
    onBeforeUnmount(() => clearTimeout(timer));

    const rows = computed(() => {
      const waiting = talk.waiting.value.map(prompt => ({
        key: `waiting-${prompt.id}`, kind: 'text', role: 'user', text: prompt.text, at: prompt.at, isFirst: true,
        isWaiting: true,
      }));
      const all = talk.rows.value;
      return waiting.length || saying.value.length ? all.concat(saying.value, waiting) : all.slice();
    });

    const paint = row => {
      if (row.kind === 'text') return textRow(row);
      if (row.kind === 'note') return h('p', { class: ['note', row.tone], title: row.at ? exact(row.at) : '' },
        plain(row.text));
      return h(Call, {
        row, isOpen: open.has(row.key), onToggle: () => (open.has(row.key) ? open.delete(row.key) : open.add(row.key)),
      });
    };

    return () => {
      const isEmpty = talk.state.value === 'here' && !rows.value.length;
      return h('div', { class: 'conversation' }, [
        talk.problem.value ? h('div', { class: 'padded' }, [
          problem(talk.problem.value), h('button', { type: 'button', onClick: talk.load }, 'Try again'),
        ]) : null,
        talk.state.value === 'loading' && !rows.value.length ? h('p', { class: 'first', role: 'status' }, 'Loading …')
          : null,
        isEmpty ? h('p', { class: 'hint padded' }, props.session.terminal
          ? 'This session runs in a terminal: what was said is to be seen there.'
          : 'Nothing was said yet. Write a message below.') : null,
        h(VirtualList, {
          ref: list, items: rows.value, keyOf, guess, row: paint, follow: true,
          onEnd: now => { isAtEnd.value = now; },
          attributes: {
            class: 'virtual talk', role: 'log', 'aria-label': 'Conversation', 'aria-live': 'off', tabindex: 0,
            hidden: !rows.value.length,
          },
        }),
        isAtEnd.value || !rows.value.length ? null : h('button', {
          type: 'button', class: 'to-end', onClick: () => list.value.toEnd(),
        }, saying.value.length ? '↓ it goes on' : '↓ to the end'),
        h('p', { class: 'unseen', role: 'status' }, talk.waiting.value.length
          ? count(talk.waiting.value.length, 'message waits', 'messages wait') : ''),
      ]);
    };
  },
};
