// A new session: what it works on, what it is to do. What was written stays until the session is there.

import { computed, h, onMounted, ref, shallowReactive } from '/vendor/vue.js';
import { post } from '/js/api.js';
import { field, problem } from '/js/dialogs.js';
import { go, toSession } from '/js/route.js';
import { directories, sessions, take } from '/js/store.js';

const slot = 'apus-last-directory';
const kinds = ['', 'feature', 'bug', 'hotfix', 'experiment', 'docs'];
const modes = {
  '': 'as the agent is set up', manual: 'ask before it does anything', acceptEdits: 'edit unasked', plan: 'only plan',
  auto: 'what it judges safe', dontAsk: 'only what is allowed already', bypassPermissions: 'anything unasked',
};

const fresh = () => ({
  directory: localStorage.getItem(slot) || directories.value[0] || '', name: '', prompt: '', worktree: true,
    component: '',
  kind: '', base: '', on: '', profile: '', template: '', model: '', permissionMode: '', tags: '', terminal: false,
});
const form = shallowReactive({});
/** The same wish that is sent twice makes one session. */
let key = '';

const used = name => [...new Set([...sessions.values()].map(session => session[name]).filter(Boolean))].sort();

function body() {
  const found = { directory: form.directory.trim() };
  for (const name of ['name', 'prompt', 'model', 'permissionMode']) if (form[name].trim()) found[name] = form[
    name].trim();
  const tags = form.tags.split(/[\s,#]+/).filter(Boolean);
  if (tags.length) found.tags = tags;
  if (form.terminal) found.terminal = { columns: 100, rows: 30 };
  if (!form.worktree) return found;
  found.worktree = true;
  for (const name of ['component', 'kind', 'base', 'on', 'profile', 'template']) {
    if (form[name].trim()) found[name] = form[name].trim();
  }
  return found;
}

export const NewSession = {
  setup() {
    if (form.directory === undefined) Object.assign(form, fresh());
    const first = ref(null);
    const isBusy = ref(false);
    const failed = ref(null);
    onMounted(() => first.value?.focus());

    async function make() {
      isBusy.value = true;
      failed.value = null;
      try {
        const wish = body();
        const text = JSON.stringify(wish);
        if (!key || key.text !== text) key = { text, id: crypto.randomUUID?.() || `${Date.now()}-${Math.random()}` };
        const session = await take(post('/v1/sessions', wish));
        localStorage.setItem(slot, wish.directory);
        key = '';
        Object.assign(form, fresh());
        go(toSession(session.id));
      } catch (error) { failed.value = error; } finally { isBusy.value = false; }
    }

    const control = (name, tag = 'input', more = {}) => h(tag, {
      id: `new-${name}`, value: form[name], autocomplete: 'off', spellcheck: tag === 'textarea',
      onInput: event => { form[name] = event.target.value; }, ...more,
    });
    const list = (name, values) => h('datalist', { id: `known-${name}` },
      values.map(value => h('option', { key: value, value })));
    const known = name => ({ list: `known-${name}` });
    const check = (name, text) => h('label', { class: 'check' }, [h('input', {
      type: 'checkbox', checked: form[name], onChange: event => { form[name] = event.target.checked; },
    }), ` ${text}`]);
    const choice = (name, values) => h('select', {
      id: `new-${name}`, value: form[name], onChange: event => { form[name] = event.target.value; },
    }, Object.entries(values).map(([value, text]) => h('option', { key: value, value }, text)));
    const suggestions = computed(() => ({
      directory: directories.value, component: used('component'), profile: used('profile'), base: used('base'),
        model: used('model'),
    }));

    return () => h('form', { class: 'form', 'aria-labelledby': 'new-title',
      onSubmit: event => { event.preventDefault(); make(); } }, [
      h('h1', { id: 'new-title' }, 'New session'),
      problem(failed.value),
      field('What is it to do?', control('prompt', 'textarea', {
        ref: first, rows: 5, placeholder: 'fix the RSS parser on this branch',
        onKeydown: event => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault();
          make(); } },
      }), { id: 'new-prompt', hint: 'Left out, it waits for your first message.' }),
      field('Directory', control('directory', 'input', {
        required: true, ...known('directory'), 'aria-describedby': 'new-directory-hint', placeholder: '/path/to/shop',
      }), { id: 'new-directory', hint: 'A directory of the repository, from its root on: it begins with /.' }),
      h('div', { class: 'row' }, [
        field('Name', control('name', 'input', { placeholder: 'of its own accord' }), { id: 'new-name' }),
        field('Tags', control('tags', 'input', { placeholder: 'with spaces between' }), { id: 'new-tags' }),
      ]),
      h('div', { class: 'checks' }, [
        check('worktree', 'a branch and a worktree of its own'),
          check('terminal', 'in a terminal, instead of a conversation here'),
      ]),
      form.worktree ? h('fieldset', [
        h('legend', 'Its branch'),
        h('div', { class: 'row' }, [
          field('Component', control('component', 'input', known('component')), { id: 'new-component' }),
          field('Kind', choice('kind', Object.fromEntries(kinds.map(kind => [kind, kind || 'usual']))),
            { id: 'new-kind' }),
        ]),
        h('div', { class: 'row' }, [
          field('Base', control('base', 'input', { ...known('base'), placeholder: 'usual' }), { id: 'new-base' }),
          field('On a branch that is there', control('on'), { id: 'new-on' }),
        ]),
        h('div', { class: 'row' }, [
          field('Profile', control('profile', 'input', known('profile')), { id: 'new-profile' }),
          field('Template', control('template'), { id: 'new-template' }),
        ]),
      ]) : null,
      h('details', [
        h('summary', 'The agent'),
        h('div', { class: 'row' }, [
          field('Model', control('model', 'input', { ...known('model'), placeholder: 'usual' }), { id: 'new-model' }),
          field('It may', choice('permissionMode', modes), { id: 'new-permissionMode' }),
        ]),
      ]),
      Object.entries(suggestions.value).map(([name, values]) => list(name, values)),
      h('div', { class: 'buttons' }, [
        h('button', { type: 'submit', class: 'primary', disabled: isBusy.value },
          isBusy.value ? 'Starting …' : 'Start session'),
      ]),
    ]);
  },
};
