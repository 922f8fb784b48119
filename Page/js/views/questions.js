// Questions an agent asks a person, and the answers one chooses. The agent reads them as the words of who denied the
// tool,
// which is how an answer reaches it without a terminal.

import { h, shallowReactive } from '/vendor/vue.js';
import { plain } from '/js/words.js';

export const Questions = {
  props: ['session', 'request', 'isBusy'],
  emits: ['answer'],
  setup(props, { emit }) {
    const chosen = shallowReactive({});
    const questions = () => props.request.input.questions.filter(one => typeof one?.question === 'string');

    function choose(index, label, isMulti, isOn) {
      const before = isMulti ? chosen[index] || [] : [];
      chosen[index] = isOn ? [...before.filter(one => one !== label), label] : before.filter(one => one !== label);
    }
    function send() {
      const lines = questions().map(
        (one, index) => `${one.question}\n→ ${(chosen[index] || ['(no answer)']).join(', ')}`);
      emit('answer', { allow: false, message: `The person answers:\n${lines.join('\n')}` });
    }
    return () => h('form', { class: 'questions', onSubmit: event => { event.preventDefault(); send(); } }, [
      questions().map((one, index) => h('fieldset', { key: index }, [
        h('legend', plain(one.question)),
        (Array.isArray(one.options) ? one.options : []).map(option => h('label',
          { key: option.label, class: 'check' }, [
          h('input', {
            type: one.multiSelect ? 'checkbox' : 'radio', name: `q${index}-${props.request.id}`,
            checked: (chosen[index] || []).includes(option.label),
            onChange: event => choose(index, option.label, one.multiSelect, event.target.checked),
          }), ' ', h('b', plain(option.label)), option.description ? ` — ${plain(option.description)}` : '',
        ])),
        h('label', { class: 'other' }, ['Other: ', h('input', {
          type: 'text', onInput: event => { chosen[index] = event.target.value ? [event.target.value] : []; },
        })]),
      ])),
      h('div', { class: 'buttons' }, [h('button', { type: 'submit', class: 'primary', disabled: props.isBusy },
        'Answer')]),
    ]);
  },
};
