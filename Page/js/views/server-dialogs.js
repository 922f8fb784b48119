// What is asked before a server is held or ended, or a lock is taken from its holder.

import { h, ref } from '/vendor/vue.js';
import { part, post } from '/js/api.js';
import { perform } from '/js/acts.js';
import { Box, field, finish, leave } from '/js/dialogs.js';
import { plain } from '/js/words.js';

function small(title, verb, fields, send) {
  return {
    props: ['about'],
    setup(props) {
      const values = ref({ text: '', minutes: '' });
      const bind = name => ({ value: values.value[name], onInput: event => { values.value[name] = event.target.value;
        } });
      async function done() { if (await send(props.about, values.value)) finish(props.about); }
      return () => h(Box, { title: title(props.about) }, {
        default: () => h('form', { onSubmit: event => { event.preventDefault(); done(); } }, [
          fields(bind, props.about),
          h('div', { class: 'buttons' }, [
            h('button', { type: 'submit', class: 'primary' }, verb),
              h('button', { type: 'button', onClick: leave }, 'Cancel'),
          ]),
        ]),
      });
    },
  };
}

export const Hold = small(
  server => `Hold ${plain(server.name)}`, 'Hold',
  bind => [
    h('p', 'It does not reload until it is released; what changes meanwhile is loaded then.'),
    field('Why', h('input', { id: 'hold-note', ...bind('text') }), { id: 'hold-note' }),
    field('Minutes', h('input', { id: 'hold-minutes', type: 'number', min: 1, max: 1440, ...bind('minutes') }),
      { id: 'hold-minutes', hint: 'Left out: until it is released.' }),
  ],
  (server, { text, minutes }) => perform(() => post(`/v1/servers/${part(server.id)}/hold`, {
    ...(text ? { note: text } : {}), ...(Number(minutes) > 0 ? { seconds: Number(minutes) * 60 } : {}),
  }), `${server.name} is held.`));

export const EndServer = small(
  server => `Stop ${plain(server.name)}?`, 'Stop', () => h('p', 'It ends, politely first, and is not started again.'),
  server => perform(() => post(`/v1/servers/${part(server.id)}/stop`), `${server.name} ends.`));

export const BreakLock = small(
  lock => `Break lock ${plain(lock.name)}?`, 'Break the lock',
  (bind, lock) => [
    h('p', `It is taken from ${plain(lock.holder?.name || 'its holder')}, who is told; its right ends now.`),
    field('Why', h('input', { id: 'break-reason', required: true, ...bind('text') }), { id: 'break-reason' }),
  ],
  (lock, { text }) => perform(() => post(`/v1/locks/${part(lock.name)}/break`, {
    reason: text, ...(lock.scope ? { directory: lock.scope } : {}),
  }), `Lock ${lock.name} was broken.`));
