// The keys, and the few settings there are.

import { h, ref } from '/vendor/vue.js';
import { signOut } from '/js/api.js';
import { perform } from '/js/acts.js';
import { Box } from '/js/dialogs.js';
import { feed } from '/js/feed.js';
import { table } from '/js/keys.js';
import { notices, wish } from '/js/notices.js';

export const KeysHelp = {
  setup() {
    const refused = ref(false);
    async function notify(event) {
      refused.value = !(await wish(event.target.checked));
      event.target.checked = notices.wanted;
    }
    async function out() {
      if (await perform(signOut)) location.reload();
    }
    return () => h(Box, { title: 'Keys and settings' }, {
      default: () => [
        h('dl', { class: 'keys' }, table.map(entry => h('div', { key: entry.say + entry.does }, [
          h('dt', h('kbd', entry.say)), h('dd', entry.does),
        ]))),
        h('label', { class: 'check' }, [h('input', {
          type: 'checkbox', checked: notices.wanted, disabled: !notices.isThere, onChange: notify,
        }), ' tell me when a session needs me and I look elsewhere']),
        refused.value ? h('p', { class: 'hint', role: 'alert' },
          'The browser does not allow it: its settings for this address do.') : null,
        h('p', { class: 'dim' }, `Apus ${feed.version}`),
        h('div', { class: 'buttons' }, [h('button', { type: 'button', onClick: out }, 'Sign this browser out')]),
      ],
    });
  },
};
