// What is asked before something is done: one dialog at a time, a real <dialog>, so that the keyboard stays in it and
// Escape leaves it.

import { h, nextTick, onMounted, ref, shallowReactive } from '/vendor/vue.js';
import { later } from '/js/later.js';

export const dialog = shallowReactive({ name: '', about: null });
let before = null;

/** Opens the dialog of that name about something. */
export function ask(name, about = null) {
  before = document.activeElement;
  Object.assign(dialog, { name, about });
}

export function leave() {
  Object.assign(dialog, { name: '', about: null });
  const back = before;
  before = null;
  nextTick(() => { if (back?.isConnected) back.focus(); else document.getElementById('main')?.focus(); });
}

/** What that dialog was for is done. Somebody may have left it meanwhile, for another. */
export function finish(about) {
  if (dialog.about === about) leave();
}

const sessionDialogs = name => later(() => import('/js/views/session-dialogs.js'), name);

const bodies = {
  keys: later(() => import('/js/views/keys-help.js'), 'KeysHelp'),
  deny: sessionDialogs('Deny'), rename: sessionDialogs('Rename'), stop: sessionDialogs('Stop'),
  resume: sessionDialogs('Resume'), archive: sessionDialogs('Archive'), fork: sessionDialogs('Fork'),
  merge: later(() => import('/js/views/branch-dialogs.js'), 'Merge'),
  pr: later(() => import('/js/views/branch-dialogs.js'), 'PullRequest'),
  sync: later(() => import('/js/views/branch-dialogs.js'), 'Sync'),
  remove: later(() => import('/js/views/branch-dialogs.js'), 'Remove'),
  hold: later(() => import('/js/views/server-dialogs.js'), 'Hold'),
  endServer: later(() => import('/js/views/server-dialogs.js'), 'EndServer'),
  breakLock: later(() => import('/js/views/server-dialogs.js'), 'BreakLock'),
};

/** The frame of every dialog: a title, its content, and buttons. */
export const Box = {
  props: ['title', 'wide'],
  setup(props, { slots }) {
    const element = ref(null);
    onMounted(() => element.value.showModal());
    return () => h('dialog', {
      ref: element, class: ['dialog', props.wide && 'wide'], 'aria-labelledby': 'dialog-title',
      onCancel: event => { event.preventDefault(); leave(); },
      onClick: event => { if (event.target === element.value) leave(); },
    }, [h('div', { class: 'dialog-inside' }, [
      h('header', [
        h('h2', { id: 'dialog-title' }, props.title),
        h('button', { type: 'button', class: 'quiet', 'aria-label': 'Close', onClick: leave }, '✕'),
      ]),
      slots.default(),
    ])]);
  },
};

export const Dialogs = {
  setup: () => () => (bodies[dialog.name] ? h(bodies[dialog.name], { key: dialog.name, about: dialog.about }) : null),
};

/** A labelled field of a form. */
export function field(label, control, { hint = '', id } = {}) {
  return h('div', { class: 'field' }, [
    h('label', { for: id }, label), control, hint ? h('p', { class: 'hint', id: `${id}-hint` }, hint) : null,
  ]);
}

export const problem = error => (error ? h('p', { class: 'problem', role: 'alert' }, [
  h('strong', error.title || error.message), error.hint ? ` — ${error.hint}` : '',
]) : null);
