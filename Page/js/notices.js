// Notifications: when a session begins to need a person, unless that person looks at it already.

import { shallowReactive, watch } from '/vendor/vue.js';
import { go, route, toSession } from '/js/route.js';
import { needing, known } from '/js/store.js';

const slot = 'apus-notify';
const isThere = 'Notification' in window;

export const notices = shallowReactive({
  isThere, wanted: localStorage.getItem(slot) === 'yes' && isThere && Notification.permission === 'granted',
});

/** Asks the browser, which asks the person. */
export async function wish(wants) {
  if (wants && await Notification.requestPermission() !== 'granted') {
    notices.wanted = false;
    return false;
  }
  notices.wanted = wants;
  localStorage.setItem(slot, wants ? 'yes' : 'no');
  return true;
}

const isLookedAt = id => document.visibilityState === 'visible' && document.hasFocus()
  && route.view === 'session' && route.session === id;

async function show(session) {
  const title = `${session.name} needs you`;
  const options = { body: session.needsWhat || '', tag: `apus-${session.id}`, icon: '/icon.svg',
    data: { id: session.id } };
  const worker = await navigator.serviceWorker?.getRegistration();
  if (worker?.active) return worker.showNotification(title, options);
  const note = new Notification(title, options);
  note.onclick = () => { window.focus(); go(toSession(session.id)); note.close(); };
  return note;
}

/** Watches for as long as the page is there. What needed somebody when it was opened is no news. */
export function watchNeeds() {
  let before = null;
  watch([needing, () => known.sessions], ([list, isKnown]) => {
    if (!isKnown) return;
    const now = new Map(list.map(session => [session.id, session.needs?.[0]?.id || session.needsWhat || '']));
    if (before && notices.wanted) {
      for (const session of list) {
        if (before.get(session.id) === now.get(session.id) || isLookedAt(session.id)) continue;
        show(session).catch(() => {});
      }
    }
    before = now;
  });
  navigator.serviceWorker?.addEventListener('message', ({ data }) => {
    if (data?.open) go(toSession(data.open));
  });
}
