// Views that are fetched when they are first looked at.

import { h, shallowRef } from '/vendor/vue.js';

export function later(fetch, name) {
  const found = shallowRef(null);
  const problem = shallowRef(null);
  const load = () => {
    problem.value = null;
    fetch().then(module => { found.value = module[name]; }, error => {
      console.error(error);
      problem.value = error;
    });
  };
  return {
    inheritAttrs: false,
    setup(_, { attrs }) {
      if (!found.value) load();
      return () => {
        if (found.value) return h(found.value, attrs);
        if (!problem.value) return h('p', { class: 'first', role: 'status' }, 'Loading …');
        return h('p', { class: 'problem', role: 'alert' }, [
          'This view could not be fetched. ', h('button', { type: 'button', onClick: load }, 'Try again'),
        ]);
      };
    },
  };
}
