// The page: who may see it, what is above everything, and which view one is in.

import { createApp, h, onErrorCaptured, shallowReactive, watchEffect } from '/vendor/vue.js';
import { forgetKey, key, onTurnedAway, signIn } from '/js/api.js';
import { feed, follow, on, stop, tryNow } from '/js/feed.js';
import { keys } from '/js/keys.js';
import { watchNeeds } from '/js/notices.js';
import { route } from '/js/route.js';
import { lookAtAll, needing, sessions } from '/js/store.js';
import { since } from '/js/time.js';
import { count } from '/js/words.js';
import { Dialogs } from '/js/dialogs.js';
import { Header } from '/js/views/header.js';
import { Sidebar } from '/js/views/sidebar.js';
import { Home } from '/js/views/home.js';
import { SessionView } from '/js/views/session.js';
import { later } from '/js/later.js';

const state = shallowReactive({ door: key() ? 'in' : 'out', problem: null, isOther: false, fault: '' });

const views = {
  home: Home, session: SessionView, new: later(() => import('/js/views/new.js'), 'NewSession'),
  locks: later(() => import('/js/views/locks.js'), 'Locks'),
    claims: later(() => import('/js/views/claims.js'), 'Claims'),
  conflicts: later(() => import('/js/views/conflicts.js'), 'Conflicts'),
  servers: later(() => import('/js/views/servers.js'), 'Servers'),
  worklog: later(() => import('/js/views/worklog.js'), 'WorkLog'),
};

/** A code in the address is used at once, and is gone from it before anything else is done. */
async function enter() {
  const code = /^#code=(.+)$/.exec(location.hash)?.[1];
  if (code) {
    history.replaceState(null, '', '/');
    state.door = 'entering';
    try {
      await signIn(decodeURIComponent(code));
    } catch (error) {
      // Whoever is in already stays in.
      if (!key()) { Object.assign(state, { door: 'out', problem: error }); return; }
    }
    state.door = 'in';
  }
  if (!key()) return;
  // What is there already is shown while the stream begins; what changed meanwhile is looked at then.
  lookAtAll();
  follow();
}

onTurnedAway(() => {
  if (state.door !== 'in') return;
  forgetKey();
  stop();
  state.door = 'out';
});
on('again', ({ isOther }) => { if (isOther) state.isOther = true; });

const SignedOut = {
  setup: () => () => h('main', { class: 'signed-out' }, [
    h('h1', 'Apus'),
    state.problem && h('p', { role: 'alert', class: 'problem' }, [
      h('strong', state.problem.title), state.problem.hint ? ` — ${state.problem.hint}` : '',
    ]),
    h('p', 'This browser is not signed in. At a terminal of the machine that Apus runs on:'),
    h('pre', { tabindex: 0 }, h('code', 'apus open')),
    h('p', ['opens this page signed in; ', h('code', 'apus open --phone'), ' shows a picture for another device.']),
  ]),
};

const Banner = {
  setup: () => () => {
    if (feed.state === 'lost') {
      return h('div', { class: 'banner warn', role: 'alert' }, [
        h('strong', 'Apus does not answer'),
        h('span', ` for ${since(new Date(feed.since).toISOString())}. Agents go on working, and what they say is kept; `
          + 'what is shown here is from before. It is tried again all the time.'),
        h('button', { type: 'button', onClick: tryNow }, 'Try now'),
      ]);
    }
    if (state.isOther) {
      return h('div', { class: 'banner', role: 'status' }, [
        h('span', 'Apus was upgraded; this page is of the version before. '),
        h('button', { type: 'button', onClick: () => location.reload() }, 'Load it again'),
      ]);
    }
    if (state.fault) {
      return h('div', { class: 'banner bad', role: 'alert' }, [
        h('span', `Something of this page failed: ${state.fault}`),
        h('button', { type: 'button', onClick: () => { state.fault = ''; } }, 'Close'),
      ]);
    }
    return null;
  },
};

const Page = {
  setup() {
    onErrorCaptured(error => {
      console.error(error);
      state.fault = error.message || String(error);
      return false;
    });
    return () => {
      if (state.door === 'entering') return h('p', { class: 'first', role: 'status' }, 'Signing in …');
      if (state.door === 'out') return h(SignedOut);
      const isList = route.view === 'home';
      return h('div', { class: ['frame', isList ? 'at-list' : 'at-view'] }, [
        h('a', { class: 'skip', href: '#main', onClick: skip }, 'Skip to the content'),
        h(Header),
        h(Banner),
        h('div', { class: 'below' }, [
          h(Sidebar),
          h('main', { id: 'main', tabindex: -1 }, [h(views[route.view], { key: `${route.view}/${route.session}` })]),
        ]),
        h(Dialogs),
      ]);
    };
  },
};

function skip(event) {
  event.preventDefault();
  document.getElementById('main').focus();
}

watchEffect(() => {
  const needs = needing.value.length;
  const name = route.view === 'session' ? sessions.get(route.session)?.name : '';
  document.title = `${needs ? `(${needs}) ` : ''}${name ? `${name} · ` : ''}Apus`;
  if (state.door === 'in' && 'setAppBadge' in navigator) navigator.setAppBadge(needs).catch(() => {});
});

const announced = document.createElement('div');
announced.className = 'unseen';
announced.setAttribute('role', 'status');
document.body.append(announced);
let needed = 0;
watchEffect(() => {
  const needs = needing.value.length;
  if (needs > needed) announced.textContent = `${count(needs, 'session')} ${needs === 1 ? 'needs' : 'need'} you`;
  needed = needs;
});

window.addEventListener('hashchange', () => { if (location.hash.startsWith('#code=')) enter(); });
if ('serviceWorker' in navigator && window.isSecureContext) navigator.serviceWorker.register('/worker.js').catch(
  () => {});

enter();
keys();
watchNeeds();
createApp(Page).mount('#app');
