// The lines of a file that changed, drawn when they are nearly seen, and comments on its hunks.

import { h, inject, onBeforeUnmount, onMounted, ref, shallowRef } from '/vendor/vue.js';
import { pieces, visible } from '/js/diff.js';
import { count } from '/js/words.js';

/** So many lines at a time come into the document. */
const mostTogether = 120;
/** Of a line more is not shown, of a hunk more not quoted. */
const mostOfLine = 4000;
const mostQuoted = 60;
const signs = { add: '+', del: '−', same: ' ', note: '\\' };
let nextForm = 0;

/** Parts of a file that come into the document together; one that is commented on begins a part of its own. */
export function cut(file, drafts) {
  const parts = [];
  let last = null;
  for (const hunk of file.hunks) {
    const isOpen = drafts.has(hunk.key);
    for (let from = 0; from === 0 || from < hunk.rows.length;) {
      if (!last || last.rows >= mostTogether || last.isOpen || (isOpen && from === 0)) {
        last = { key: `${hunk.key}/${from}`, slices: [], rows: 0, heads: 0, isOpen: isOpen && from === 0 };
        parts.push(last);
      }
      const to = Math.min(hunk.rows.length, from + Math.max(1, mostTogether - last.rows));
      last.slices.push({ hunk, from, to });
      last.rows += to - from;
      if (from === 0) last.heads += 1;
      if (to === from) break;
      from = to;
    }
  }
  return parts;
}

// What is shown.

const show = text => pieces(text)
  .map(piece => (piece.isEscape ? h('span', { class: 'escape' }, piece.text) : piece.text));

function code({ text, marks }) {
  const found = [];
  let at = 0;
  for (const [start, end] of text.length > mostOfLine ? [] : marks) {
    found.push(...show(text.slice(at, start)), h('mark', show(text.slice(start, end))));
    at = end;
  }
  found.push(...show(text.slice(at, mostOfLine)));
  const rest = text.length - mostOfLine;
  if (rest > 0) found.push(h('span', { class: 'escape' }, `… ${count(rest, 'more character')}`));
  return found;
}

export const line = (row, index) => h('div', { key: index, class: `row ${row.kind}` }, [
  h('span', { class: 'num' }, row.old ?? ''), h('span', { class: 'num' }, row.new ?? ''),
  h('span', { class: 'sign' }, signs[row.kind]), h('span', { class: 'code' }, code(row)),
]);

export const size = file => [
  h('span', { class: 'came' }, `+${file.added}`), ' ', h('span', { class: 'went' }, `−${file.removed}`),
];

export function rangeWords(hunk) {
  const [first, last, side] = hunk.range;
  const words = first === last ? `line ${first}` : `lines ${first}–${last}`;
  return side === 'old' ? `${words} before` : words;
}

/** What the agent is told: where, what it wrote there, and the words on it. */
export function message(file, hunk, text) {
  const quoted = hunk.rows.slice(0, mostQuoted)
    .map(row => ({ add: '+', del: '-', same: ' ', note: '\\ ' }[row.kind] + row.text));
  const rest = hunk.rows.length - quoted.length;
  // Nothing in it ends the quotation.
  const runs = quoted.flatMap(row => row.match(/`+/g) || []);
  const fence = '`'.repeat(Math.max(3, ...runs.map(run => run.length + 1)));
  return [
    `A comment on your change of ${file.path}, ${rangeWords(hunk)}:`, '', `${fence}diff`, hunk.header, ...quoted, fence,
    ...(rest > 0 ? [`(${count(rest, 'more line')} of it)`] : []), '', text,
  ].join('\n');
}

export const failed = problem => [
  h('strong', visible(problem.title || problem.message)), problem.hint ? ` — ${visible(problem.hint)}` : '',
];

export const CommentForm = {
  props: ['draft'],
  setup(props) {
    const { close, send } = inject('comments');
    const field = ref(null);
    const id = `comment-${nextForm++}`;
    onMounted(() => { if (props.draft.isNew) { props.draft.isNew = false; field.value.focus(); } });
    const submit = event => {
      event.preventDefault();
      send(props.draft);
    };
    return () => {
      const { draft } = props;
      return h('form', { class: 'comment', onSubmit: submit }, [
        h('label', { for: id }, 'Comment'),
        h('textarea', {
          ref: field, id, rows: 3, value: draft.text, readonly: draft.isSending, 'aria-describedby': `${id}-of`,
          onInput: event => { draft.text = event.target.value; },
          onKeydown: event => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event); },
        }),
        h('p', { class: 'dim', id: `${id}-of` }, `on ${visible(draft.file.path)}, ${rangeWords(draft.hunk)}`),
        draft.problem ? h('p', { class: 'problem', role: 'alert' }, failed(draft.problem)) : null,
        h('div', { class: 'buttons' }, [
          h('button', { type: 'submit', class: 'primary', disabled: draft.isSending || !draft.text.trim() },
            draft.isSending ? 'Sending …' : 'Send to agent'),
          h('button', { type: 'button', disabled: draft.isSending, onClick: () => close(draft) }, 'Cancel'),
        ]),
      ]);
    };
  },
};

export const Part = {
  props: ['file', 'cut'],
  setup(props) {
    const { near } = inject('screen');
    const { drafts, open } = inject('comments');
    const box = ref(null);
    const isNear = shallowRef(false);
    let leave = () => {};
    onMounted(() => { leave = near(box.value, is => { isNear.value = is; }); });
    onBeforeUnmount(() => leave());
    const head = hunk => h('div', { class: 'hunk-head', key: `head ${hunk.key}` }, [
      h('span', { class: 'hunk-place', id: `hunk-${hunk.key}` }, [
        h('span', { class: 'dim' }, hunk.header.slice(0, hunk.header.length - hunk.section.length)),
        show(hunk.section.slice(0, 200)),
      ]),
      h('button', {
        type: 'button', id: `say-${hunk.key}`, 'aria-describedby': `hunk-${hunk.key}`,
        onClick: () => open(props.file, hunk),
      }, 'Comment'),
    ]);
    return () => {
      const { rows, heads, slices, isOpen } = props.cut;
      if (!isNear.value && !isOpen) {
        return h('div', { ref: box, class: 'part' }, [h('div', {
          style: { height: `calc(var(--diff-row) * ${rows} + var(--diff-head) * ${heads})` },
        })]);
      }
      return h('div', { ref: box, class: 'part' }, slices.map(({ hunk, from, to }) => [
        from === 0 ? head(hunk) : null,
        from === 0 && isOpen ? h(CommentForm, { draft: drafts.get(hunk.key), key: `draft ${hunk.key}` }) : null,
        ...hunk.lines.slice(from, to).map((row, index) => line(row, `${hunk.key}/${from + index}`)),
      ]).flat());
    };
  },
};

/** How wide its longest line and its numbers are, in characters: nearly, for it is settled before they are drawn. */
export function measures(file) {
  let [text, number] = [0, 0];
  for (const hunk of file.hunks) {
    number = Math.max(number, hunk.oldStart + hunk.oldCount, hunk.newStart + hunk.newCount);
    for (const row of hunk.rows) if (row.text.length > text) text = row.text.length;
  }
  return { text: Math.min(mostOfLine, text), number: String(number).length };
}
