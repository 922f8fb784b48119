// Exactly what a tool was given, in full: a command as it would run, a change as lines, everything else by its name.

import { h } from '/vendor/vue.js';
import { parse } from '/js/diff.js';
import { plain } from '/js/words.js';

const lines = text => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

/** Lines of a hunk: what both begin and end with is the same, the rest is taken away and put in. */
function hunk(before, after) {
  let first = 0;
  while (first < before.length && first < after.length && before[first] === after[first]) first += 1;
  let last = 0;
  while (last < before.length - first && last < after.length - first
    && before[before.length - 1 - last] === after[after.length - 1 - last]) last += 1;
  const gone = before.slice(first, before.length - last);
  const come = after.slice(first, after.length - last);
  return {
    added: come.length, removed: gone.length,
    text: [
      `@@ -1,${before.length} +1,${after.length} @@`,
      ...before.slice(0, first).map(line => ` ${line}`), ...gone.map(line => `-${line}`),
      ...come.map(line => `+${line}`), ...before.slice(before.length - last).map(line => ` ${line}`),
    ].join('\n'),
  };
}

/** What a call would change in a file: {path, added, removed, patch}; null where it is no such call. */
export function change(tool, input) {
  if (!input || typeof input !== 'object') return null;
  const path = input.file_path || input.notebook_path;
  if (typeof path !== 'string') return null;
  const edits = Array.isArray(input.edits) ? input.edits : [input];
  const hunks = [];
  for (const edit of edits) {
    if (typeof edit?.old_string === 'string' && typeof edit?.new_string === 'string') {
      hunks.push(hunk(lines(edit.old_string), lines(edit.new_string)));
    }
  }
  if (!hunks.length && typeof input.content === 'string') hunks.push(hunk([], lines(input.content)));
  if (!hunks.length) return null;
  const sum = name => hunks.reduce((all, one) => all + one[name], 0);
  const patch = ['diff --git a/f b/f', '--- a/f', '+++ b/f', ...hunks.map(one => one.text), ''].join('\n');
  return { path, added: sum('added'), removed: sum('removed'), patch };
}

/** A line's text with the words marked that differ. */
export function marked(line) {
  if (!line.marks?.length) return plain(line.text);
  const parts = [];
  let at = 0;
  for (const [start, end] of line.marks) {
    if (start > at) parts.push(plain(line.text.slice(at, start)));
    parts.push(h('mark', plain(line.text.slice(start, end))));
    at = end;
  }
  parts.push(plain(line.text.slice(at)));
  return parts;
}

const signs = { add: '+', del: '−', same: ' ', note: '' };

function changed(found) {
  const [file] = parse(found.patch);
  return h('div', { class: 'exact-change', tabindex: 0, role: 'group', 'aria-label': 'Change' }, file.hunks.map(one =>
    h('div', { class: 'exact-hunk' }, one.lines.map(line => h('div', { class: ['line', line.kind] }, [
      h('span', { class: 'sign' }, signs[line.kind]), h('span', { class: 'text' }, marked(line)),
    ])))));
}

const said = value => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

export const Exactly = {
  props: ['tool', 'input'],
  setup: props => () => {
    const { tool, input } = props;
    if (!input || typeof input !== 'object') return h('pre', { tabindex: 0 }, plain(said(input)));
    const edit = change(tool, input);
    const main = edit ? ['file_path', 'notebook_path', 'old_string', 'new_string', 'content', 'edits']
      : typeof input.command === 'string' ? ['command'] : [];
    const rest = Object.entries(input).filter(([name]) => !main.includes(name));
    return h('div', { class: 'exactly' }, [
      edit ? h('p', { class: 'path' }, plain(edit.path)) : null,
      edit ? changed(edit) : null,
      !edit && main.length ? h('pre', { tabindex: 0, class: 'command', 'aria-label': 'Command' },
        plain(input.command)) : null,
      rest.length ? h('dl', rest.map(([name, value]) => h('div', { key: name }, [
        h('dt', plain(name)), h('dd', h('pre', { tabindex: 0 }, plain(said(value)))),
      ]))) : null,
    ]);
  },
};
