// What is asked before something is done to a session.

import { h, onMounted, ref } from '/vendor/vue.js';
import { act } from '/js/acts.js';
import { Box, field, finish, leave } from '/js/dialogs.js';
import { go, home, toSession } from '/js/route.js';
import { plain } from '/js/words.js';

/** A dialog of a form: fields, and what its one button does. */
function formDialog(title, verb, state, fields, perform) {
  return {
    props: ['about'],
    setup(props) {
      const values = ref(state(props.about));
      const isBusy = ref(false);
      const first = ref(null);
      onMounted(() => requestAnimationFrame(() => first.value?.focus()));
      async function send() {
        isBusy.value = true;
        const isDone = await perform(props.about, values.value);
        isBusy.value = false;
        if (isDone) finish(props.about);
      }
      return () => h(Box, { title: title(props.about) }, {
        default: () => h('form', { onSubmit: event => { event.preventDefault(); send(); } }, [
          fields(values.value, first, props.about),
          h('div', { class: 'buttons' }, [
            h('button', { type: 'submit', class: 'primary', disabled: isBusy.value }, verb),
            h('button', { type: 'button', onClick: leave }, 'Cancel'),
          ]),
        ]),
      });
    },
  };
}

const bound = (values, name, more = {}) => ({ value: values[name],
  onInput: event => { values[name] = event.target.value; }, ...more });
const session = about => plain(about.name);

export const Deny = formDialog(
  ({ request }) => `Deny ${plain(request.tool)}`, 'Deny', () => ({ message: '' }),
  (values, first) => field('What the agent is told', h('textarea',
    bound(values, 'message', { id: 'deny-message', rows: 3, ref: first })),
    { id: 'deny-message', hint: 'May be left out.' }),
  ({ session: of, request }, { message }) => act.permit(of, request,
    { allow: false, ...(message.trim() ? { message } : {}) }));

export const Rename = formDialog(
  about => `Rename or tag ${session(about)}`, 'Save', about => ({ name: about.name, tags: about.tags.join(' ') }),
  (values, first) => [
    field('Name', h('input', bound(values, 'name', { id: 'rename-name', ref: first })), { id: 'rename-name' }),
    field('Tags', h('input', bound(values, 'tags', { id: 'rename-tags' })),
      { id: 'rename-tags', hint: 'With spaces between.' }),
  ],
  (about, { name, tags }) => {
    const wanted = tags.split(/[\s,#]+/).filter(Boolean);
    return act.change(about, {
      ...(name === about.name ? {} : { name }), addTags: wanted.filter(tag => !about.tags.includes(tag)),
      removeTags: about.tags.filter(tag => !wanted.includes(tag)),
    });
  });

export const Stop = formDialog(
  about => `Stop ${session(about)}?`, 'Stop', () => ({ now: false }),
  (values, first, about) => [
    h('p', 'Its run ends once what the agent does is finished. The conversation and the worktree stay.'),
    about.verdict?.resumable ? null : h('p', { class: 'warn' }, 'It could not be resumed afterwards.'),
    h('label', { class: 'check' }, [h('input', {
      type: 'checkbox', ref: first, checked: values.now, onChange: event => { values.now = event.target.checked; },
    }), ' at once, without waiting for the agent']),
  ],
  (about, { now }) => act.stop(about, now));

export const Resume = formDialog(
  about => `Resume ${session(about)}`, 'Resume', about => ({ text: '', terminal: about.terminal }),
  (values, first) => [
    field('What it is to do now', h('textarea', bound(values, 'text', { id: 'resume-text', rows: 3, ref: first })),
      { id: 'resume-text', hint: 'Left out, it waits for a message.' }),
    h('label', { class: 'check' }, [h('input', {
      type: 'checkbox', checked: values.terminal, onChange: event => { values.terminal = event.target.checked; },
    }), ' in a terminal']),
  ],
  (about, { text, terminal }) => act.resume(about, {
    ...(text.trim() ? { text } : {}), ...(terminal ? { terminal: { columns: 100, rows: 30 } } : {}),
  }));

export const Fork = formDialog(
  about => `Fork ${session(about)}`, 'Fork', about => ({ name: `${about.name}-2`.slice(0, 64), text: '' }),
  (values, first) => [
    h('p', 'A copy of the conversation goes on as a session of its own; this one stays as it is.'),
    field('Name of the copy', h('input', bound(values, 'name', { id: 'fork-name', required: true, ref: first })),
      { id: 'fork-name' }),
    field('What it is to do', h('textarea', bound(values, 'text', { id: 'fork-text', rows: 3 })), { id: 'fork-text' }),
  ],
  async (about, { name, text }) => {
    const made = await act.fork(about, { name, ...(text.trim() ? { text } : {}) });
    if (made) go(toSession(made.id));
    return made;
  });

export const Archive = formDialog(
  about => `Archive ${session(about)}?`, 'Archive', () => ({}),
  (values, first) => h('p', { ref: first }, 'It is set aside: not in lists any more, and nothing of it is deleted.'),
  async about => {
    const done = await act.archive(about);
    if (done) go(home);
    return done;
  });
