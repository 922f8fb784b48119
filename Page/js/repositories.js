// Which repository a view is about: the sessions' directories, the last one chosen first.

import { computed, h, ref } from '/vendor/vue.js';
import { directories } from '/js/store.js';
import { plain } from '/js/words.js';

const slot = 'apus-repository';
const chosen = ref(localStorage.getItem(slot) || '');

export const repository = computed(() => (
  directories.value.includes(chosen.value) ? chosen.value : directories.value[0] || ''));

export const chooser = () => (directories.value.length > 1 ? h('p', h('label', ['Repository ', h('select', {
  value: repository.value,
  onChange: event => { chosen.value = event.target.value; localStorage.setItem(slot, chosen.value); },
}, directories.value.map(path => h('option', { key: path, value: path }, plain(path))))])) : null);

export const noRepository = () => h('p', { class: 'hint' }, 'No session works on a repository yet.');
