// What an agent asks before it does it: exactly that, in full, and then the buttons.

import { h, ref } from '/vendor/vue.js';
import { act } from '/js/acts.js';
import { ask } from '/js/dialogs.js';
import { go, route, toSession } from '/js/route.js';
import { plain } from '/js/words.js';
import { Exactly } from '/js/views/exactly.js';
import { Questions } from '/js/views/questions.js';

const Request = {
  props: ['session', 'request'],
  setup(props) {
    const isBusy = ref(false);
    async function answer(wish) {
      isBusy.value = true;
      await act.permit(props.session, props.request, wish);
      isBusy.value = false;
    }
    return () => {
      const { session, request } = props;
      const always = request.always?.words || [];
      const isQuestion = request.tool === 'AskUserQuestion' && Array.isArray(request.input?.questions);
      const buttons = [
        h('button', { type: 'button', class: 'primary', disabled: isBusy.value,
          onClick: () => answer({ allow: true }) },
          ['Allow', h('kbd', { class: 'only-wide', 'aria-hidden': 'true' }, 'a')]),
        always.length ? h('button', {
          type: 'button', disabled: isBusy.value, 'aria-describedby': `always-${request.id}`,
          onClick: () => answer({ allow: true, always: true }),
        }, 'Always allow') : null,
        h('button', { type: 'button', disabled: isBusy.value, onClick: () => ask('deny', { session, request }) },
          ['Deny', h('span', { 'aria-hidden': 'true' }, ' …'),
            h('kbd', { class: 'only-wide', 'aria-hidden': 'true' }, 'd')]),
      ];
      return h('section', { class: 'ask', 'aria-label': `Asks: ${plain(request.tool)}` }, [
        h('h2', [h('span', { 'aria-hidden': 'true' }, '▲ '), 'claude asks: ', h('b', plain(request.tool))]),
        request.reason ? h('p', { class: 'reason' }, plain(request.reason)) : null,
        h('div', { class: 'ask-what' }, [
          isQuestion ? h(Questions, { session, request, isBusy: isBusy.value, onAnswer: answer })
            : h(Exactly, { tool: request.tool, input: request.input }),
        ]),
        always.length ? h('div', { class: 'always', id: `always-${request.id}` }, [
          h('p', '“Always allow” also allows, from now on:'),
            h('ul', always.map(line => h('li', { key: line }, plain(line)))),
        ]) : null,
        h('div', { class: 'buttons' }, isQuestion ? buttons.slice(-1) : buttons),
      ]);
    };
  },
};

export const Asks = {
  props: ['session'],
  setup: props => () => {
    const { session } = props;
    if (session.needs?.length) {
      return h('div', { class: 'asks' }, session.needs.map(request => h(Request,
        { key: request.id, session, request })));
    }
    if (session.activity === 'needs-you' && session.terminal && route.tab !== 'terminal') {
      return h('div', { class: 'asks' }, [h('section', { class: 'ask', 'aria-label': 'Asks at its terminal' }, [
        h('h2', [h('span', { 'aria-hidden': 'true' }, '▲ '), plain(session.needsWhat || 'It needs you')]),
        h('div', { class: 'buttons' }, [h('button', {
          type: 'button', class: 'primary', onClick: () => go(toSession(session.id, 'terminal')),
        }, 'Answer at its terminal')]),
      ])]);
    }
    return null;
  },
};
