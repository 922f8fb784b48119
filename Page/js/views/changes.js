// What a session changed against its base, file by file, and comments on it that go to the agent. It is looked at again
// when the session changes; what is folded, scrolled to or being written stays as it is.

import {
  h, inject, markRaw, nextTick, onBeforeUnmount, onMounted, provide, ref, shallowReactive, watch,
} from '/vendor/vue.js';
import { get, part, post } from '/js/api.js';
import { parse, visible } from '/js/diff.js';
import { take } from '/js/store.js';
import { count } from '/js/words.js';
import { CommentForm, cut, failed, line, measures, message, Part, rangeWords, size } from '/js/views/hunks.js';

/** Files with more lines are folded at first. */
const mostUnfolded = 300;
const pause = 1000;

const kinds = {
  added: 'new file', deleted: 'deleted', binary: 'binary', mode: 'mode changed', renamed: 'renamed', changed: '',
};

/** What outlives a look at another tab: folds and comments that are not sent yet. */
const kept = new Map();
let nextKey = 0;

function keptOf(id) {
  if (!kept.has(id)) kept.set(id, { folds: shallowReactive(new Map()), drafts: shallowReactive(new Map()) });
  return kept.get(id);
}

// Files and hunks keep their keys from one look to the next, and with them their place in the document.

const likeness = hunk => hunk.rows.map(row => row.kind[0] + row.text).join('\n');
const overlaps = (one, other) => one.newStart <= other.newStart + other.newCount
  && other.newStart <= one.newStart + one.newCount;

function keyHunks(before, hunks) {
  const free = new Set(before);
  const same = new Map(before.map(hunk => [likeness(hunk), hunk]));
  const choose = (hunk, found) => {
    if (!found || !free.delete(found)) return;
    hunk.key = found.key;
  };
  for (const hunk of hunks) choose(hunk, same.get(likeness(hunk)));
  for (const hunk of hunks) {
    if (hunk.key === undefined) choose(hunk, [...free].find(old => overlaps(old, hunk)));
    hunk.key ??= nextKey++;
  }
}

function keyFiles(before, files) {
  const known = new Map(before.map(file => [file.key, file]));
  const counts = new Map();
  for (const file of files) {
    const place = counts.get(file.path) || 0;
    counts.set(file.path, place + 1);
    file.key = `${file.path}\n${place}`;
    file.rows = file.hunks.reduce((sum, hunk) => sum + hunk.rows.length, 0);
    keyHunks(known.get(file.key)?.hunks || [], file.hunks);
  }
}

const FileView = {
  props: ['file', 'isOpen', 'index'],
  emits: ['toggle'],
  setup(props, { emit }) {
    const { drafts } = inject('comments');
    const loose = () => [...drafts.values()].filter(draft => draft.file.key === props.file.key
      && !props.file.hunks.some(hunk => hunk.key === draft.hunk.key));
    const facts = ({ kind, from, mode }) => [
      kinds[kind], from === null ? '' : `from ${visible(from)}`,
      mode && kind !== 'binary' ? `mode ${mode[0]} → ${mode[1]}` : '',
    ].filter(Boolean).join(', ');
    const body = ({ file }) => {
      if (!file.hunks.length && !file.notes.length) {
        const words = { binary: 'It is no text.', added: 'It is empty.', deleted: 'It was empty.' };
        return h('p', { class: 'dim nothing' }, words[file.kind] || 'No line of it changed.');
      }
      const { text, number } = file.measures ??= measures(file);
      const label = `Lines of ${visible(file.path)}`;
      return h('div', { class: 'file-lines', tabindex: 0, role: 'group', 'aria-label': label }, [
        h('div', { class: 'file-wide', style: { '--text-width': text, '--number-width': number } }, [
          ...file.notes.map((text, index) => line({ kind: 'note', text, marks: [] }, `note ${index}`)),
          ...cut(file, drafts).map(part => h(Part, { key: part.key, file, cut: part })),
        ]),
      ]);
    };
    return () => {
      const { file, isOpen, index } = props;
      return h('section', { class: 'file', 'aria-label': visible(file.path) || 'no name' }, [
        h('h2', { class: 'file-head' }, [
          h('button', {
            type: 'button', class: 'fold', id: `file-${index}`, 'aria-expanded': isOpen, onClick: () => emit('toggle'),
          }, [
            h('span', { class: 'turn', 'aria-hidden': 'true' }, isOpen ? '▾' : '▸'),
            h('span', { class: 'path' }, visible(file.path) || '(no name)'),
            h('span', { class: 'size' }, file.kind === 'binary' ? 'binary' : size(file)),
            facts(file) && h('span', { class: 'dim' }, facts(file)),
          ]),
        ]),
        ...loose().map(draft => h(CommentForm, { draft, key: `draft ${draft.hunk.key}` })),
        isOpen ? body(props) : null,
      ]);
    };
  },
};

/** One observer for all parts: whether they are on the screen, or nearly. */
function useScreen(root) {
  const parts = new Map();
  let observer = null;
  const near = (element, perform) => {
    parts.set(element, perform);
    observer?.observe(element);
    return () => { observer?.unobserve(element); parts.delete(element); };
  };
  onMounted(() => {
    observer = new IntersectionObserver(
      entries => { for (const entry of entries) parts.get(entry.target)?.(entry.isIntersecting); },
      { root: root.value, rootMargin: '1200px 0px' });
    for (const element of parts.keys()) observer.observe(element);
  });
  onBeforeUnmount(() => observer?.disconnect());
  return { near };
}

/** Calls one at a time, with a moment between two, and once more where it was wanted meanwhile. */
function useLook(perform) {
  let isWanted = false;
  let isBusy = false;
  let isGone = false;
  const look = async () => {
    isWanted = true;
    if (isBusy) return;
    isBusy = true;
    while (isWanted && !isGone && document.visibilityState === 'visible') {
      isWanted = false;
      await perform();
      await new Promise(done => { setTimeout(done, pause); });
    }
    isBusy = false;
  };
  const seen = () => { if (isWanted) look(); };
  document.addEventListener('visibilitychange', seen);
  onBeforeUnmount(() => { isGone = true; document.removeEventListener('visibilitychange', seen); });
  return look;
}

/** What of a session tells that its files may have changed. */
const stamp = session => JSON.stringify([
  'lastActive', 'activity', 'doing', 'run', 'state', 'ahead', 'behind', 'dirty', 'base', 'branch', 'worktree', 'merged',
].map(name => session[name]));

export const Changes = {
  props: ['session'],
  setup(props) {
    const { folds, drafts } = keptOf(props.session.id);
    const state = shallowReactive({ diff: null, files: [], problem: null, said: '' });
    const box = ref(null);
    const path = verb => `/v1/sessions/${part(props.session.id)}/${verb}`;

    function show(diff) {
      if (diff.patch === state.diff?.patch && diff.cut === state.diff.cut && diff.base === state.diff.base) return;
      const files = markRaw(parse(diff.patch));
      keyFiles(state.files, files);
      const hunks = new Map(files.flatMap(file => file.hunks.map(hunk => [hunk.key, [file, hunk]])));
      for (const draft of drafts.values()) {
        const found = hunks.get(draft.hunk.key);
        if (found) [draft.file, draft.hunk] = found;
      }
      for (const file of files) if (!folds.has(file.key)) folds.set(file.key, file.rows > mostUnfolded);
      holdStill();
      Object.assign(state, { diff, files });
    }

    /** Whoever writes keeps the line where it is; else the browser keeps what is at the top. */
    async function holdStill() {
      const [view, held] = [box.value, document.activeElement];
      if (!view || view === held || !view.contains(held)) return;
      const { top } = held.getBoundingClientRect();
      view.style.overflowAnchor = 'none';
      await nextTick();
      if (held.isConnected) view.scrollTop += held.getBoundingClientRect().top - top;
      requestAnimationFrame(() => { view.style.overflowAnchor = ''; });
    }

    const look = useLook(async () => {
      try {
        show(await get(path('diff')));
        state.problem = null;
      } catch (problem) { state.problem = problem; }
    });
    watch(() => stamp(props.session), look, { immediate: true });

    async function focus(id) {
      await nextTick();
      document.getElementById(id)?.focus();
    }

    provide('screen', useScreen(box));
    provide('comments', {
      drafts,
      open(file, hunk) {
        if (!drafts.has(hunk.key)) {
          drafts.set(hunk.key, shallowReactive({ file, hunk, text: '', problem: null, isSending: false, isNew: true }));
        }
        state.said = '';
      },
      close(draft) {
        drafts.delete(draft.hunk.key);
        focus(`say-${draft.hunk.key}`);
      },
      async send(draft) {
        if (draft.isSending || !draft.text.trim()) return;
        Object.assign(draft, { isSending: true, problem: null });
        try {
          await take(post(path('send'), { text: message(draft.file, draft.hunk, draft.text.trim()) }));
          drafts.delete(draft.hunk.key);
          state.said = `Comment sent: ${visible(draft.file.path)}, ${rangeWords(draft.hunk)}.`;
          focus(`say-${draft.hunk.key}`);
        } catch (problem) { draft.problem = problem; }
        draft.isSending = false;
      },
    });

    function jump(index) {
      folds.set(state.files[index].key, false);
      const button = document.getElementById(`file-${index}`);
      button?.closest('.file').scrollIntoView({ block: 'start' });
      button?.focus({ preventScroll: true });
    }

    const against = () => visible(state.diff.base ?? 'the last commit');
    const unseen = () => {
      const seen = new Set(state.files.flatMap(file => [file.path, file.from]));
      return state.diff.files.filter(file => !seen.has(file.path));
    };

    function top() {
      const { files } = state.diff;
      const sum = name => files.reduce((all, file) => all + (file[name] ?? 0), 0);
      const isFolded = state.files.every(file => folds.get(file.key));
      const fold = () => { for (const file of state.files) folds.set(file.key, !isFolded); };
      return h('div', { key: 'top', class: 'changes-top' }, [
        h('p', [
          `${count(state.files.length + unseen().length, 'file')} `,
          size({ added: sum('added'), removed: sum('removed') }), ` against ${against()}`,
        ]),
        h('button', { type: 'button', onClick: fold }, isFolded ? 'Unfold all' : 'Fold all'),
        h('button', { type: 'button', onClick: look }, 'Look again'),
      ]);
    }

    const list = () => h('nav', { key: 'list', class: 'changed-files', 'aria-label': 'Changed files' }, [h('ul', [
      ...state.files.map((file, index) => h('li', { key: file.key }, [
        h('button', { type: 'button', class: 'link', onClick: () => jump(index) }, [
          h('span', { class: 'path' }, visible(file.path) || '(no name)'), ' ',
          h('span', { class: 'size' }, file.kind === 'binary' ? 'binary' : size(file)),
        ]),
      ])),
      ...unseen().map(file => h('li', { key: `unseen ${file.path}`, class: 'dim' }, [
        h('span', { class: 'path' }, visible(file.path)), ' ',
        h('span', { class: 'size' }, file.added === undefined ? 'binary' : size(file)), ' not shown here',
      ])),
    ])]);

    const cutWords = key => h('p', { key, class: 'cut', role: 'note' }, [
      'This is only the beginning: the rest is to be seen with ',
      h('code', `apus diff ${visible(props.session.name)}`), '.',
    ]);

    function all() {
      if (!state.diff) return state.problem ? [] : [h('p', { class: 'empty' }, 'Looking at what changed …')];
      if (!state.files.length && !state.diff.files.length) {
        return [h('div', { class: 'empty' }, [
          h('p', `Nothing is changed against ${against()}.`),
          h('p', { class: 'dim' }, `What ${visible(props.session.name)} changes is shown here, committed or not.`),
        ])];
      }
      const gone = [...drafts.values()].filter(draft => !state.files.some(file => file.key === draft.file.key));
      return [
        top(), state.diff.cut ? cutWords('cut above') : null, list(),
        ...gone.map(draft => h(CommentForm, { draft, key: `draft ${draft.hunk.key}` })),
        ...state.files.map((file, index) => h(FileView, {
          key: file.key, file, index, isOpen: !folds.get(file.key),
          onToggle: () => folds.set(file.key, !folds.get(file.key)),
        })),
        state.diff.cut ? cutWords('cut below') : null,
      ];
    }

    return () => h('div', { class: 'changes-view', ref: box }, [
      state.problem ? h('p', { key: 'problem', class: 'problem', role: 'alert' }, [
        ...failed(state.problem), ' ', h('button', { type: 'button', onClick: look }, 'Try again'),
      ]) : null,
      ...all(),
      h('p', { key: 'said', class: 'changes-said', role: 'status' }, state.said),
    ]);
  },
};
