// Named locks: who has them, since when and why, what shows that they live, and who waits.

import { h } from '/vendor/vue.js';
import { ask } from '/js/dialogs.js';
import { toSession } from '/js/route.js';
import { locks } from '/js/store.js';
import { aged, exact } from '/js/time.js';
import { place, plain } from '/js/words.js';

const stamp = new WeakMap();
const seen = item => stamp.get(item) || (stamp.set(item, Date.now()), stamp.get(item));

const owner = who => (who.isSession ? h('a', { href: toSession(who.id) }, plain(who.name)) : plain(who.name));

function lockCard(lock) {
  const when = seen(lock);
  const isHeld = lock.state !== 'free';
  return h('section', { class: 'card', key: `${lock.scope}/${lock.name}`, 'aria-label': `Lock ${plain(lock.name)}` }, [
    h('header', [
      h('h2', [h('span', { 'aria-hidden': 'true' }, isHeld ? '● ' : '○ '), plain(lock.name)]),
      h('span', { class: ['tag', isHeld ? 'warn' : 'good'] }, lock.state),
      lock.scope ? h('span', { class: 'dim path' }, plain(lock.scope)) : h('span', { class: 'dim' }, 'everywhere'),
    ]),
    lock.holder ? h('p', [
      'held by ', owner(lock.holder),
      lock.since ? [' for ', h('time', { datetime: lock.since, title: exact(lock.since) }, aged(lock.age, when))]
        : null,
      lock.note ? [' — ', h('q', plain(lock.note))] : null,
    ]) : h('p', { class: 'dim' }, 'nobody has it'),
    lock.proof ? h('p', { class: 'dim' }, `last sign of life: ${lock.proof}, ${aged(lock.proofAge ?? 0, when)} ago`)
      : null,
    lock.evidence ? h('p', { class: 'warn' }, plain(lock.evidence)) : null,
    lock.queue.length ? h('ol', { class: 'queue', 'aria-label': 'Queue' },
      lock.queue.map((wait, index) => h('li', { key: wait.ticket }, [
      `${place(index + 1)}: `, owner(wait.owner), h('span', { class: 'dim', title: exact(wait.since) },
        ` waits for ${aged(wait.age, when)}`),
      wait.note ? [' — ', h('q', plain(wait.note))] : null,
    ]))) : null,
    isHeld ? h('div', { class: 'buttons' }, [
      h('button', { type: 'button', onClick: () => ask('breakLock', lock) }, 'Break …'),
    ]) : null,
  ]);
}

export const Locks = {
  setup: () => () => h('div', { class: 'together' }, [
    h('h1', 'Locks'),
    locks.value.length ? locks.value.map(lockCard) : h('div', { class: 'hint' }, [
      h('p', 'No lock was ever taken. Whoever needs something alone for a while:'),
      h('pre', { tabindex: 0 }, 'apus lock run docker -- docker compose up -d'),
    ]),
  ]),
};
