// A tool call in one line, which opens to what exactly was done and what came of it.

import { h } from '/vendor/vue.js';
import { exact } from '/js/time.js';
import { span } from '/js/time.js';
import { plain } from '/js/words.js';
import { change, Exactly } from '/js/views/exactly.js';
import { Long } from '/js/views/long.js';

const heads = ['command', 'file_path', 'notebook_path', 'path', 'pattern', 'url', 'query', 'description', 'prompt'];

/** The one thing of a call that says most: its command, its file. */
function head(input) {
  if (typeof input === 'string') return input;
  const name = heads.find(key => typeof input?.[key] === 'string');
  return name ? input[name].split('\n')[0] : '';
}

function result(row) {
  if (!row.answer) return '…';
  if (row.answer.isError) return 'failed';
  const seconds = (Date.parse(row.answer.at) - Date.parse(row.at)) / 1000;
  return seconds >= 1 ? span(seconds) : 'done';
}

export const Call = {
  props: ['row', 'isOpen'],
  emits: ['toggle'],
  setup: (props, { emit }) => () => {
    const { row, isOpen } = props;
    const edit = change(row.tool, row.input);
    const size = edit ? ` +${edit.added} −${edit.removed}` : '';
    return h('div', { class: ['call', row.answer?.isError && 'failed'] }, [
      h('button', {
        type: 'button', class: 'fold', 'aria-expanded': isOpen, title: row.at ? exact(row.at) : '',
          onClick: () => emit('toggle'),
      }, [
        h('span', { 'aria-hidden': 'true', class: 'sign' }, isOpen ? '▾' : '▸'),
        h('span', { class: 'tool' }, plain(row.tool)),
        h('span', { class: 'head' }, plain(head(row.input))),
        h('span', { class: 'result' }, `${size} ${result(row)}`),
      ]),
      isOpen ? h('div', { class: 'opened' }, [
        row.input === null ? null : h(Exactly, { tool: row.tool, input: row.input }),
        row.answer ? h(Long, { text: row.answer.text || '(nothing)', isBad: row.answer.isError }) : null,
      ]) : null,
    ]);
  },
};
