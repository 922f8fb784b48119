// One session: what it is, its tabs, what it asks, and what one says to it.

import { computed, h, onUnmounted, ref, shallowRef, watch } from '/vendor/vue.js';
import { get, part } from '/js/api.js';
import { ask } from '/js/dialogs.js';
import { later } from '/js/later.js';
import { go, home, route, tabs, toPlace, toSession } from '/js/route.js';
import { arrive, claims, depart, group, known, sessions, take } from '/js/store.js';
import { aged } from '/js/time.js';
import { bytes, count, doing, drift, driftTitle, money, plain, status, verdict } from '/js/words.js';
import { Asks } from '/js/views/asks.js';
import { Composer } from '/js/views/composer.js';

const views = {
  conversation: later(() => import('/js/views/conversation.js'), 'Conversation'),
  terminal: later(() => import('/js/views/terminal.js'), 'TerminalView'),
  changes: later(() => import('/js/views/changes.js'), 'Changes'),
  activity: later(() => import('/js/views/activity.js'), 'Activity'),
};

const tabName = tab => tab[0].toUpperCase() + tab.slice(1);

/** Where a session's most is to be seen. */
const usualTab = session => (session.terminal && group(session) !== 'ended' ? 'terminal' : 'conversation');

function facts(session) {
  const state = status(session);
  const can = verdict(session);
  const found = [];
  const add = (name, value, title = '', tone = '') => {
    if (value) found.push(h('li', { key: name, class: tone, title },
      [h('span', { class: 'unseen' }, `${name}: `), value]));
  };
  add('status', [h('span', { class: ['shape', state.tone], 'aria-hidden': 'true' }, `${state.shape} `), state.word],
    session.state === 'running' ? `from ${session.activitySource}, ${aged(session.activityAge, session.seen)} ago`
      : '', state.tone);
  add('branch', session.branch && plain(`${session.branch} ${drift(session)}`), driftTitle(session));
  add('verdict', can.word, can.title, can.tone);
  add('cost', money(session.cost),
    `${count(session.tokens.output, 'token')} out, ${count(session.tokens.input, 'token')} in`);
  for (const [name, port] of Object.entries(session.ports || {})) {
    const isListening = session.listening?.includes(port);
    add(`port ${name}`, h('a', {
      href: `http://${location.hostname}:${port}/`, target: '_blank', rel: 'noopener noreferrer',
    }, `:${port}`), `${name}${isListening ? '' : ', nobody listens there'}`, isListening ? '' : 'dim');
  }
  for (const lock of session.locks || []) add(`lock ${lock}`,
    h('a', { href: toPlace('locks') }, `lock ${plain(lock)}`));
  const own = claims.value.filter(claim => claim.id === session.id);
  if (own.length) {
    add('claims', h('a', { href: toPlace('claims') }, count(own.length, 'claim')),
      own.slice(0, 20).map(claim => plain(claim.path)).join(', '));
  }
  add('memory', session.memory ? bytes(session.memory) : '', 'memory of its processes');
  add('model', session.model && plain(session.model));
  for (const tag of session.tags) add(`tag ${tag}`, `#${plain(tag)}`);
  return h('ul', { class: 'facts', 'aria-label': 'About this session' }, found);
}

const Menu = {
  props: ['session'],
  setup(props) {
    const isOpen = ref(false);
    const box = ref(null);
    const button = ref(null);
    const items = computed(() => {
      const { session } = props;
      const found = [];
      const add = (name, perform, isThere = true) => { if (isThere) found.push({ name, perform }); };
      const isLive = group(session) !== 'ended';
      add('Resume', () => ask('resume', session), !isLive);
      add('Fork …', () => ask('fork', session));
      add('Rename or tag …', () => ask('rename', session));
      add('Bring up to date …', () => ask('sync', session), Boolean(session.branch));
      add('Merge …', () => ask('merge', session), Boolean(session.branch));
      add('Pull request …', () => ask('pr', session), Boolean(session.branch));
      add('Stop …', () => ask('stop', session), isLive);
      add('Archive …', () => ask('archive', session), !isLive && session.state !== 'archived');
      add('Remove …', () => ask('remove', session), Boolean(session.worktree));
      return found;
    });
    const close = () => { isOpen.value = false; };
    function press(event) {
      const all = [...box.value.querySelectorAll('[role=menuitem]')];
      const at = all.indexOf(document.activeElement);
      if (event.key === 'Escape') { close(); button.value.focus();
        } else if (event.key === 'ArrowDown') all[(at + 1) % all.length]?.focus();
      else if (event.key === 'ArrowUp') all[(at - 1 + all.length) % all.length]?.focus();
      else if (event.key === 'Home') all[0]?.focus();
      else if (event.key === 'End') all.at(-1)?.focus();
      else return;
      event.preventDefault();
      event.stopPropagation();
    }
    watch(isOpen, open => { if (open) requestAnimationFrame(() => box.value?.querySelector(
      '[role=menuitem]')?.focus()); });
    return () => h('div', {
      class: 'menu', onFocusout: event => { if (!event.currentTarget.contains(event.relatedTarget)) close(); },
    }, [
      h('button', {
        ref: button, type: 'button', 'aria-haspopup': 'menu', 'aria-expanded': isOpen.value, 'aria-label': 'More',
        onClick: () => { isOpen.value = !isOpen.value; },
      }, 'More ▾'),
      isOpen.value ? h('div', { ref: box, role: 'menu', class: 'menu-items', 'aria-label': 'More', onKeydown: press },
        items.value.map(item => h('button', {
          type: 'button', role: 'menuitem', key: item.name, tabindex: -1, onClick: () => { close(); item.perform(); },
        }, item.name))) : null,
    ]);
  },
};

export const SessionView = {
  setup() {
    const id = route.session;
    const missing = shallowRef(null);
    const session = computed(() => sessions.get(id) || [...sessions.values()].find(one => one.name === id));

    const ids = new Set();
    let isLeft = false;
    const isAt = object => {
      if (!isLeft) { ids.add(object.id); arrive(object.id); }
      return object;
    };
    isAt({ id });
    // One that is not in the list may be archived, or gone.
    watch(() => [known.sessions, session.value], async ([isKnown, found]) => {
      if (found) { isAt(found); return; }
      if (!isKnown) return;
      try { await take(get(`/v1/sessions/${part(id)}`).then(isAt)); } catch (error) { missing.value = error; }
    }, { immediate: true });
    onUnmounted(() => {
      isLeft = true;
      for (const one of ids) depart(one);
    });

    const tab = computed(() => route.tab || (session.value ? usualTab(session.value) : 'conversation'));
    const changed = computed(() => (session.value?.ahead || 0) + (session.value?.dirty ? 1 : 0));

    function press(event) {
      const at = tabs.indexOf(tab.value);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = tabs[(to + tabs.length) % tabs.length];
      go(toSession(id, next));
      document.getElementById(`tab-${next}`)?.focus();
    }

    return () => {
      const object = session.value;
      if (!object) {
        return h('div', { class: 'empty' }, missing.value
          ? [h('h1', 'There is no such session'), h('p', `${missing.value.title}. ${missing.value.hint}`),
            h('p', [h('a', { href: home }, 'All sessions')])]
          : [h('p', { role: 'status' }, 'Loading …')]);
      }
      const line = doing(object);
      return h('div', { class: 'session-view' }, [
        h('header', { class: 'session-head' }, [
          h('a', { class: 'back only-phone', href: home, 'aria-label': 'All sessions' }, '‹'),
          h('h1', { title: object.name }, plain(object.name)),
          h(Menu, { session: object }),
          facts(object),
          line ? h('p', { class: ['doing', object.problem && 'bad'], title: plain(line) }, plain(line)) : null,
          object.problem?.hint ? h('p', { class: 'hint' }, plain(object.problem.hint)) : null,
        ]),
        h('div', { role: 'tablist', 'aria-label': 'Session', class: 'tabs', onKeydown: press },
          tabs.map(name => h('button', {
          type: 'button', role: 'tab', id: `tab-${name}`, key: name, 'aria-selected': tab.value === name,
          'aria-controls': 'tab-panel', tabindex: tab.value === name ? 0 : -1, onClick: () => go(toSession(id, name)),
        }, [tabName(name), name === 'changes' && changed.value
          ? h('span', { class: 'dim', 'aria-hidden': 'true' }, ' •') : null]))),
        h('div', { role: 'tabpanel', id: 'tab-panel', class: ['panel', tab.value],
          'aria-labelledby': `tab-${tab.value}` }, [
          h(views[tab.value], { key: `${tab.value}/${object.id}`, session: object }),
        ]),
        h(Asks, { session: object }),
        tab.value === 'terminal' && object.terminal ? null : h(Composer, { session: object, key: object.id }),
      ]);
    };
  },
};

