// Output of a program: as it is, folded after twenty lines.

import { h, ref } from '/vendor/vue.js';
import { count, plain } from '/js/words.js';

const shown = 20;
const colours = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;

export const Long = {
  props: ['text', 'isBad'],
  setup(props) {
    const isWhole = ref(false);
    return () => {
      const lines = props.text.replace(colours, '').split('\n');
      const rest = lines.length - shown;
      const text = isWhole.value || rest <= 1 ? lines : lines.slice(0, shown);
      return h('div', { class: ['long', props.isBad && 'bad'] }, [
        h('pre', { tabindex: 0, 'aria-label': 'Output' }, plain(text.join('\n'))),
        rest > 1 ? h('button', {
          type: 'button', class: 'quiet', 'aria-expanded': isWhole.value,
            onClick: () => { isWhole.value = !isWhole.value; },
        }, isWhole.value ? 'Fold' : `${count(rest, 'more line')}`) : null,
      ]);
    };
  },
};
