// A branch brought up to date, merged, proposed, taken away: what would happen is shown first, and what was done after.

import { h, onMounted, ref, shallowRef } from '/vendor/vue.js';
import { get, part } from '/js/api.js';
import { act, say } from '/js/acts.js';
import { Box, field, finish, leave, problem } from '/js/dialogs.js';
import { go, home } from '/js/route.js';
import { look } from '/js/store.js';
import { count, plain } from '/js/words.js';

const base = session => plain(session.base || 'its base');

/** What would go where, from what is known and from the very diff. */
function outlook(session, diff) {
  const files = diff?.files || [];
  return h('div', { class: 'outlook' }, [
    h('dl', [
      h('div', [h('dt', 'branch'), h('dd', plain(session.branch))]),
        h('div', [h('dt', 'base'), h('dd', base(session))]),
      h('div', [h('dt', 'brings'), h('dd', count(session.ahead || 0, 'commit'))]),
      session.behind
        ? h('div', [h('dt', 'behind'),
        h('dd', `${count(session.behind, 'commit')} of ${base(session)} come in first`)]) : null,
    ]),
    session.dirty ? h('p', { class: 'warn' }, '⚠ There are changes that are not committed: they do not come along.')
      : null,
    session.conflicts?.length
      ? h('p', { class: 'warn' }, `⚠ It would conflict with ${session.conflicts.map(plain).join(', ')}.`) : null,
    files.length ? h('details', { open: files.length <= 8 }, [
      h('summary', count(files.length, 'file')),
      h('ul', { class: 'files' }, files.slice(0, 200).map(file => h('li', { key: file.path }, [
        plain(file.path), h('span', { class: 'dim' }, file.added === undefined ? ''
          : ` +${file.added} −${file.removed}`),
      ]))),
    ]) : null,
  ]);
}

/** A dialog of three moments: what would happen, at work, what came of it; with the steps after a conflict. */
function branchDialog(title, verb, does, state, fields) {
  return {
    props: ['about'],
    setup(props) {
      const session = props.about;
      const values = ref(state());
      const diff = shallowRef(null);
      const isBusy = ref(false);
      const failed = shallowRef(null);
      const done = shallowRef(null);
      onMounted(async () => {
        try { diff.value = await get(`/v1/sessions/${part(session.id)}/diff`); } catch (error) { failed.value = error; }
      });
      async function send(step) {
        isBusy.value = true;
        failed.value = null;
        try {
          done.value = await act.branch(session, does, { ...(step ? { step } : {}), ...wishes(values.value) });
        } catch (error) { failed.value = error; }
        isBusy.value = false;
        look(session.id);
      }
      const isConflict = () => failed.value?.code?.startsWith('merge.') || failed.value?.code?.includes('conflict');
      return () => h(Box, { title: title(session), wide: true }, {
        default: () => (done.value ? [
          h('ul', { class: 'steps', role: 'status' }, done.value.steps.map(
            (step, index) => h('li', { key: index }, plain(step)))),
          /^https?:\/\//.test(done.value.url || '') ? h('p', [h('a', {
            href: done.value.url, target: '_blank', rel: 'noopener noreferrer',
          }, plain(done.value.url))]) : null,
          h('div', { class: 'buttons' }, [h('button', { type: 'button', class: 'primary', onClick: leave }, 'Close')]),
        ] : h('form', { onSubmit: event => { event.preventDefault(); send(); } }, [
          outlook(session, diff.value), fields(values.value), problem(failed.value),
          isBusy.value ? h('p', { role: 'status' }, 'At work …') : null,
          h('div', { class: 'buttons' }, [
            h('button', { type: 'submit', class: 'primary', disabled: isBusy.value }, verb),
            isConflict() ? h('button', { type: 'button', disabled: isBusy.value, onClick: () => send('continue') },
              'Continue') : null,
            isConflict() ? h('button', { type: 'button', disabled: isBusy.value, onClick: () => send('abort') },
              'As it was before') : null,
            h('button', { type: 'button', onClick: leave }, 'Cancel'),
          ]),
        ])),
      });
    },
  };
}

/** Only what was said. */
const wishes = values => Object.fromEntries(Object.entries(values).filter(
  ([, value]) => value !== '' && value !== false));

const check = (values, name, text) => h('label', { class: 'check' }, [h('input', {
  type: 'checkbox', checked: values[name], onChange: event => { values[name] = event.target.checked; },
}), ` ${text}`]);

export const Merge = branchDialog(
  session => `Merge ${plain(session.name)} into ${base(session)}`, 'Merge', 'merge',
  () => ({ manner: 'ff', message: '', skipTests: false, remove: false }),
  values => [
    h('p', 'It is brought up to date, the repository’s tests run where there are any, and then the base takes it.'),
    field('How', h('select', { id: 'merge-manner', value: values.manner,
      onChange: event => { values.manner = event.target.value; } }, [
      h('option', { value: 'ff' }, 'its commits, in a line'), h('option', { value: 'squash' }, 'one commit'),
      h('option', { value: 'no-ff' }, 'its commits and one that joins them'),
    ]), { id: 'merge-manner' }),
    values.manner === 'ff' ? null : field('Message', h('input', {
      id: 'merge-message', value: values.message, onInput: event => { values.message = event.target.value; },
    }), { id: 'merge-message' }),
    check(values, 'skipTests', 'without the tests'), check(values, 'remove', 'take its worktree away afterwards'),
  ]);

export const PullRequest = branchDialog(
  session => `Pull request of ${plain(session.name)}`, 'Open pull request', 'pr',
  () => ({ title: '', draft: false, skipTests: false }),
  values => [
    h('p', 'It is brought up to date, tested, pushed, and a pull request is opened.'),
    field('Title', h('input', {
      id: 'pr-title', value: values.title, placeholder: 'of its last commit',
        onInput: event => { values.title = event.target.value; },
    }), { id: 'pr-title' }),
    check(values, 'draft', 'as a draft'), check(values, 'skipTests', 'without the tests'),
  ]);

export const Sync = branchDialog(
  session => `Bring ${plain(session.name)} up to date`, 'Bring up to date', 'sync', () => ({}),
  () => h('p', 'The commits of its base come into its branch; after a conflict it can be as it was before.'));

const obstacles = { live: 'stop', uncommitted: 'discardUncommitted', untracked: 'discardUncommitted',
  unpushed: 'discardUnpushed' };
const overrules = {
  stop: 'end it first', discardUncommitted: 'lose what was not committed',
    discardUnpushed: 'lose commits that are nowhere else',
};

export const Remove = {
  props: ['about'],
  setup(props) {
    const session = props.about;
    const plan = shallowRef(null);
    const failed = shallowRef(null);
    const overruled = ref({});
    const isBusy = ref(false);
    const load = async () => {
      try { plan.value = await act.plan(session); } catch (error) { failed.value = error; }
    };
    onMounted(load);
    const needed = () => [...new Set((plan.value?.against || []).map(item => obstacles[item.obstacle]).filter(
      Boolean))];
    async function send() {
      isBusy.value = true;
      failed.value = null;
      try {
        const done = await act.remove(session, overruled.value);
        say(`The worktree of ${session.name} was removed.`, {
          hint: done.rescue ? `\`apus restore ${done.rescue}\` brings it back` : '',
        });
        look(session.id);
        finish(session);
        go(home);
      } catch (error) { failed.value = error; }
      isBusy.value = false;
    }
    return () => h(Box, { title: `Remove ${plain(session.name)}`, wide: true }, {
      default: () => h('form', { onSubmit: event => { event.preventDefault(); send(); } }, [
        plan.value ? [
          h('p', 'This would go:'),
          h('ul', [
            plan.value.worktree ? h('li', ['the worktree ', h('code', plain(plan.value.worktree))]) : null,
            plan.value.branch ? h('li', ['the branch ', h('code', plain(plan.value.branch))]) : null,
            ...Object.entries(plan.value.ports || {}).map(([name, port]) => h('li', { key: name },
              `the port ${port} (${plain(name)})`)),
          ]),
          plan.value.against?.length ? [
            h('p', { class: 'warn' }, '⚠ This stands against it:'),
            h('ul', plan.value.against.map((item, index) => h('li', { key: index }, plain(item.what)))),
            needed().map(name => check(overruled.value, name, overrules[name])),
          ] : null,
        ] : failed.value ? null : h('p', { role: 'status' }, 'Looking what would go …'),
        problem(failed.value),
        h('div', { class: 'buttons' }, [
          h('button', {
            type: 'submit', class: 'danger', disabled: isBusy.value || !plan.value
              || needed().some(name => !overruled.value[name]),
          }, 'Remove'),
          h('button', { type: 'button', onClick: leave }, 'Cancel'),
        ]),
      ]),
    });
  },
};
