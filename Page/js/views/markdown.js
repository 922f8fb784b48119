// Sanitised Markdown in the document.

import { h, onMounted, ref, watch } from '/vendor/vue.js';
import { fragment } from '/js/markdown.js';

export const Markdown = {
  props: ['text'],
  setup(props) {
    const element = ref(null);
    const paint = () => element.value?.replaceChildren(fragment(props.text));
    onMounted(paint);
    watch(() => props.text, paint, { flush: 'post' });
    return () => h('div', { class: 'words markdown', ref: element });
  },
};
