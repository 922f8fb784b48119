// A list of any length of which only what can be seen is in the document. Rows are as high as they turn out to be; what
// is read stays where it is while rows above it change. With `follow` it keeps to its end, until one scrolls away.

import { h, nextTick, onBeforeUnmount, onMounted, ref, shallowRef, triggerRef, watch } from '/vendor/vue.js';

const beyond = 400;

/** Where each row begins: sums that are made anew from the first row that changed. */
class Heights {
  constructor() {
    this.known = new Map();
    this.starts = new Float64Array(1);
    this.items = [];
    this.valid = 0;
  }

  set(items, keyOf, guess) {
    // Rows that were only added leave the sums of those before as they are.
    const same = this.items;
    let first = 0;
    const limit = Math.min(same.length, items.length, this.valid);
    if (limit && same[limit - 1] === items[limit - 1] && same[0] === items[0]) first = limit;
    else while (first < limit && same[first] === items[first]) first += 1;
    this.items = items;
    this.keyOf = keyOf;
    this.guess = guess;
    this.valid = first;
    if (this.starts.length < items.length + 1) {
      const larger = new Float64Array(Math.max(64, (items.length + 1) * 1.5 | 0));
      larger.set(this.starts.subarray(0, first + 1));
      this.starts = larger;
    }
  }

  sum() {
    for (let i = this.valid; i < this.items.length; i += 1) {
      const item = this.items[i];
      this.starts[i + 1] = this.starts[i] + (this.known.get(this.keyOf(item)) ?? this.guess(item));
    }
    this.valid = this.items.length;
  }

  measure(index, height) {
    const name = this.keyOf(this.items[index]);
    if (this.known.get(name) === height) return 0;
    this.sum();
    const delta = height - (this.starts[index + 1] - this.starts[index]);
    this.known.set(name, height);
    this.valid = Math.min(this.valid, index);
    return delta;
  }

  get total() { this.sum(); return this.starts[this.items.length]; }
  start(index) { this.sum(); return this.starts[index]; }

  at(offset) {
    this.sum();
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle + 1] <= offset) low = middle + 1; else high = middle;
    }
    return low;
  }
}

export const VirtualList = {
  props: ['items', 'keyOf', 'guess', 'row', 'follow', 'attributes'],
  emits: ['end'],
  setup(props, { emit, expose }) {
    const scroller = ref(null);
    const heights = new Heights();
    const range = shallowRef({ from: 0, to: 0 });
    let isAtEnd = true;
    let top = 0;
    let view = 600;
    const shown = new Map();

    function place() {
      const from = heights.at(Math.max(0, top - beyond));
      const to = Math.min(heights.items.length, heights.at(top + view + beyond) + 1);
      const now = range.value;
      if (now.from !== from || now.to !== to) range.value = { from, to };
    }

    function toEnd() {
      const box = scroller.value;
      if (!box) return;
      box.scrollTop = box.scrollHeight;
      top = box.scrollTop;
      place();
    }

    function scrolled() {
      const box = scroller.value;
      if (!box) return;
      const was = isAtEnd;
      // Only who goes up leaves the end: rows that grow push it away from who stays.
      if (box.scrollHeight - box.scrollTop - box.clientHeight < 24) isAtEnd = true;
      else if (box.scrollTop < top - 2) isAtEnd = false;
      top = box.scrollTop;
      if (was !== isAtEnd) emit('end', isAtEnd);
      place();
    }

    const sizes = new ResizeObserver(entries => {
      let moved = 0;
      let changed = false;
      for (const { target } of entries) {
        if (target === scroller.value) { view = target.clientHeight; changed = true; continue; }
        const index = shown.get(target);
        if (index === undefined || !target.isConnected || index >= heights.items.length) continue;
        const start = heights.start(index);
        const delta = heights.measure(index, target.offsetHeight);
        if (delta) changed = true;
        if (delta && start < top) moved += delta;
      }
      if (!changed) return;
      const box = scroller.value;
      place();
      triggerRef(range);
      nextTick(() => {
        if (!box) return;
        if (props.follow && isAtEnd) toEnd();
        else if (moved) { top += moved; box.scrollTop = top; }
      });
    });

    function seat(element, index) {
      if (!element) return;
      if (!shown.has(element)) sizes.observe(element);
      shown.set(element, index);
    }

    function tidy() {
      for (const element of shown.keys()) {
        if (element.isConnected) continue;
        sizes.unobserve(element);
        shown.delete(element);
      }
    }

    watch(() => props.items, items => {
      heights.set(items, props.keyOf, props.guess);
      place();
      triggerRef(range);
      nextTick(() => { if (props.follow && isAtEnd) toEnd(); tidy(); });
    }, { immediate: true });
    watch(range, () => nextTick(tidy));

    onMounted(() => {
      view = scroller.value.clientHeight || view;
      sizes.observe(scroller.value);
      place();
      nextTick(() => { if (props.follow) toEnd(); });
    });
    onBeforeUnmount(() => sizes.disconnect());

    expose({
      toEnd() { isAtEnd = true; emit('end', true); toEnd(); nextTick(toEnd); },
      /** Brings that row into sight, and answers its element once it is there. */
      async reveal(index) {
        const box = scroller.value;
        const start = heights.start(index);
        const end = heights.start(index + 1);
        if (start < top) box.scrollTop = start - 8;
        else if (end > top + view) box.scrollTop = end - view + 8;
        scrolled();
        await nextTick();
        for (const [element, place] of shown) if (place === index && element.isConnected) return element;
        return null;
      },
    });

    return () => {
      const { from, to } = range.value;
      const rows = [];
      for (let index = from; index < Math.min(to, props.items.length); index += 1) {
        const item = props.items[index];
        rows.push(h('div', {
          key: props.keyOf(item), class: 'virtual-row', ref: element => seat(element, index),
        }, [props.row(item, index)]));
      }
      return h('div', { class: 'virtual', ref: scroller, onScroll: scrolled, ...props.attributes }, [
        h('div', { class: 'virtual-all', style: { height: `${heights.total}px` } }, [
          h('div', { class: 'virtual-seen', style: { transform: `translateY(${heights.start(from)}px)` } }, rows),
        ]),
      ]);
    };
  },
};
