// What one says to a session. What was written stays until it was taken, also when one looks elsewhere meanwhile.

import { h, nextTick, onMounted, ref } from '/vendor/vue.js';
import { act } from '/js/acts.js';
import { ask } from '/js/dialogs.js';
import { hear } from '/js/keys.js';
import { group } from '/js/store.js';
import { plain } from '/js/words.js';

const drafts = new Map();
const isTouch = window.matchMedia('(pointer: coarse)');

export const Composer = {
  props: ['session'],
  setup(props) {
    const text = ref(drafts.get(props.session.id) || '');
    const box = ref(null);
    const isBusy = ref(false);

    function fit() {
      const element = box.value;
      if (!element) return;
      element.style.height = 'auto';
      element.style.height = `${Math.min(element.scrollHeight + 2, window.innerHeight * 0.4)}px`;
    }
    function write(now) {
      text.value = now;
      if (now) drafts.set(props.session.id, now); else drafts.delete(props.session.id);
      nextTick(fit);
    }
    async function send() {
      const said = text.value;
      if (!said.trim() || isBusy.value) return;
      const { session } = props;
      // At once: by the time it is answered one may be elsewhere.
      box.value?.focus();
      isBusy.value = true;
      const isLive = group(session) !== 'ended';
      const found = isLive ? await act.send(session, said) : await act.resume(session, { text: said });
      isBusy.value = false;
      if (found && text.value === said) write('');
    }
    function press(event) {
      if (event.key !== 'Enter' || event.isComposing) return;
      // On a phone Enter is a new line: there is a button.
      if (event.ctrlKey || event.metaKey || (!event.shiftKey && !isTouch.matches)) {
        event.preventDefault();
        send();
      }
    }
    hear('compose', () => box.value?.focus());
    onMounted(fit);

    return () => {
      const { session } = props;
      const isLive = group(session) !== 'ended';
      const isArchived = session.state === 'archived';
      const can = isLive || (session.verdict?.resumable && !isArchived);
      const isAtWork = session.activity === 'working' || session.activity === 'needs-you';
      return h('form', { class: 'composer', onSubmit: event => { event.preventDefault(); send(); } }, [
        h('textarea', {
          ref: box, 'aria-label': 'Message', rows: 1, value: text.value, disabled: !can,
          placeholder: isLive ? 'message …' : can ? 'a message resumes it …' : 'it cannot be resumed',
          onInput: event => write(event.target.value), onKeydown: press,
        }),
        isLive && isAtWork && !session.terminal ? h('button',
          { type: 'button', onClick: () => act.interrupt(session) }, 'Interrupt') : null,
        !isLive && can ? h('button', { type: 'button', onClick: () => ask('resume', session) }, 'Resume …') : null,
        h('button', {
          type: 'submit', class: 'primary', disabled: !can || isBusy.value || !text.value.trim(),
          title: plain(isLive ? 'Enter sends, Shift-Enter is a new line' : 'resumes it with that message'),
        }, ['Send', h('span', { class: 'only-wide', 'aria-hidden': 'true' }, ' ⏎')]),
      ]);
    };
  },
};
