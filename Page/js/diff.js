// Reads what `git diff` writes. Nothing it is given makes it throw: what it does not understand is kept as a note.
//
// A file is {path, from, kind, added, removed, mode, notes, hunks}: `kind` one of changed, added, deleted, renamed,
// binary, mode; `from` its path before where it was renamed or copied; `mode` [old, new] where that changed. A hunk is
// {header, oldStart, oldCount, newStart, newCount, section, rows, lines}. Both are the same lines, {kind: add|del|same|
// note, old, new, text, marks}, but only those of `lines` have their marks: [start, end) of what changed within a line.

const longestLine = 2000;
const mostTokens = 400;
/** Del and add lines of a block of other lengths are matched by likeness only up to so many pairs. */
const mostPairs = 64;
/** Of lines replaced by the thousand nobody reads what changed within each. */
const mostLines = 1000;
const leastAlike = 1 / 3;
const nothing = Object.freeze([]);

class Hunk {
  #isMarked = false;

  constructor(header, oldStart, oldCount, newStart, newCount, section) {
    Object.assign(this, { header, oldStart, oldCount, newStart, newCount, section });
    this.rows = [];
  }

  /** Marks are made when a hunk is looked at first: of most of a long patch nobody ever does. */
  get lines() {
    if (!this.#isMarked) {
      this.#isMarked = true;
      markAll(this.rows);
    }
    return this.rows;
  }

  /** What it stands for in the new file, or, where it only takes away, in the old: [first, last, 'old'|'new']. */
  get range() {
    const [start, count, side] = this.newCount ? [this.newStart, this.newCount, 'new']
      : [this.oldStart, this.oldCount, 'old'];
    return [start, start + Math.max(count, 1) - 1, side];
  }
}

/** The files of a patch, in its order. */
export function parse(patch) {
  const reader = new Reader();
  const text = String(patch ?? '');
  let from = 0;
  while (from < text.length) {
    let end = text.indexOf('\n', from);
    if (end < 0) end = text.length;
    reader.take(text.slice(from, end));
    from = end + 1;
  }
  return reader.files.map(finish);
}

const modes = /^(old mode|new mode|new file mode|deleted file mode) ([0-7]+)/;
/** Of a merge there is one old side more for each parent. */
const hunkHeader = /^(@@+) ((?:-\d+(?:,\d+)? )+)\+(\d+)(?:,(\d+))? @@+ ?(.*)$/;
const spans = /-(\d+)(?:,(\d+))?/g;
const ignored = /^(index |similarity index |dissimilarity index |mode )/;

class Reader {
  files = [];
  #file = null;
  #hunk = null;
  #old = 0;
  #new = 0;
  /** Lines still to come: of the new file, and of each old one. */
  #newLeft = 0;
  #oldLeft = [];
  #isData = false;

  take(line) {
    if (this.#hunk && this.#inHunk(line)) return;
    if (line.startsWith('diff --')) return this.#begin(line);
    if (this.#isData) return;
    if (line.startsWith('@@') && this.#beginHunk(line)) return;
    // Two `diff`s without git's own line between them.
    if (line.startsWith('--- ') && (!this.#file || this.#file.hunks.length)) this.#add();
    this.#header(line);
  }

  #add() {
    this.#hunk = null;
    this.#isData = false;
    this.#file = {
      path: '', from: null, kind: 'changed', added: 0, removed: 0, mode: null, notes: [], hunks: [],
      said: {},
    };
    this.files.push(this.#file);
    return this.#file;
  }

  #begin(line) {
    const file = this.#add();
    const combined = /^diff --(?:cc|combined) (.*)$/.exec(line);
    if (combined) file.said.both = path(combined[1]);
    else Object.assign(file.said, bothPaths(line.replace(/^diff --\S+ /, '')));
  }

  #header(line) {
    if (line === '' && !this.#file) return;
    const file = this.#file || this.#add();
    const { said } = file;
    const mode = modes.exec(line);
    if (mode) {
      if (mode[1] === 'new file mode') said.isNew = true;
      else if (mode[1] === 'deleted file mode') said.isGone = true;
      else said[mode[1]] = mode[2];
    } else if (line.startsWith('--- ')) said.before = side(line.slice(4), 'a/');
    else if (line.startsWith('+++ ')) said.after = side(line.slice(4), 'b/');
    else if (/^(rename|copy) from /.test(line)) said.from = path(line.slice(line.indexOf(' from ') + 6));
    else if (/^(rename|copy) to /.test(line)) said.to = path(line.slice(line.indexOf(' to ') + 4));
    else if (line.startsWith('Binary files ')) said.isBinary = true;
    else if (line === 'GIT binary patch') said.isBinary = this.#isData = true;
    else if (!ignored.test(line) && line !== '') this.#note(line);
  }

  /** What stands between hunks stays there. */
  #note(text) {
    const { hunks, notes } = this.#file;
    const last = hunks[hunks.length - 1];
    if (last) last.rows.push(row('note', null, null, text)); else notes.push(text);
  }

  #beginHunk(line) {
    const found = hunkHeader.exec(line);
    if (!found) return false;
    const file = this.#file || this.#add();
    const olds = [...found[2].matchAll(spans)].map(([, start, count]) => [Number(start), Number(count ?? 1)]);
    const [newStart, newCount] = [Number(found[3]), Number(found[4] ?? 1)];
    this.#hunk = new Hunk(line, ...olds[0], newStart, newCount, found[5]);
    this.#oldLeft = olds.map(([, count]) => count);
    [this.#old, this.#new, this.#newLeft] = [olds[0][0], newStart, newCount];
    file.hunks.push(this.#hunk);
    return true;
  }

  /** Whether it belongs to the hunk: by the numbers of its header, for a line that went may itself begin with `-- `. */
  #inHunk(line) {
    if (line[0] === '\\') {
      this.#hunk.rows.push(row('note', null, null, line.slice(1).trim()));
      return true;
    }
    if (this.#newLeft <= 0 && !this.#oldLeft.some(left => left > 0)) return false;
    const columns = this.#oldLeft.length;
    // Mail takes the blank of empty lines away.
    const signs = line === '' ? ' '.repeat(columns) : line.slice(0, columns);
    if (!/^[-+ ]+$/.test(signs)) return false;
    this.#put(signs, line.slice(columns));
    return true;
  }

  /** A line is in the new file unless a `-` says that it went, and in those of the old whose sign says so. */
  #put(signs, text) {
    const isGone = signs.includes('-');
    const wasIn = column => signs[column] === '-' || (signs[column] === ' ' && !isGone);
    const kind = isGone ? 'del' : signs.includes('+') ? 'add' : 'same';
    this.#hunk.rows.push(row(kind, wasIn(0) ? this.#old : null, isGone ? null : this.#new, text));
    if (wasIn(0)) this.#old += 1;
    for (let column = 0; column < signs.length; column += 1) if (wasIn(column)) this.#oldLeft[column] -= 1;
    if (!isGone) { this.#new += 1; this.#newLeft -= 1; }
    if (kind === 'add') this.#file.added += 1;
    if (kind === 'del') this.#file.removed += 1;
  }
}

const row = (kind, old, now, text) => ({ kind, old, new: now, text, marks: nothing });

function finish({ said, ...file }) {
  const before = said.from ?? said.before ?? said.both ?? null;
  const after = said.to ?? said.after ?? said.both ?? null;
  const isNew = said.isNew || (said.before === null && said.after !== undefined);
  const isGone = said.isGone || (said.after === null && said.before !== undefined);
  file.path = after ?? before ?? '';
  if (said['old mode'] && said['new mode']) file.mode = [said['old mode'], said['new mode']];
  if (before !== null && before !== file.path && !isNew) file.from = before;
  if (said.isBinary) file.kind = 'binary';
  else if (isNew) file.kind = 'added';
  else if (isGone) file.kind = 'deleted';
  else if (file.from !== null) file.kind = 'renamed';
  else if (file.mode && !file.hunks.length) file.kind = 'mode';
  return file;
}

// Paths.

/** A path of `---` or `+++`; null where there is no such file. */
function side(text, prefix) {
  const name = path(/^"(?:[^"\\]|\\.)*"/s.exec(text)?.[0] ?? text.replace(/\t.*$/s, ''));
  if (name === '/dev/null') return null;
  return name.startsWith(prefix) ? name.slice(2) : name;
}

/** The path both are of, from `a/PATH b/PATH`: where they differ, other lines say what they are. */
function bothPaths(text) {
  const quoted = /^("(?:[^"\\]|\\.)*") (.*)$/s.exec(text) || /^(.*) ("(?:[^"\\]|\\.)*")$/s.exec(text);
  if (quoted) {
    const [one, other] = [path(quoted[1]).replace(/^a\//, ''), path(quoted[2]).replace(/^b\//, '')];
    return one === other ? { both: one } : {};
  }
  const half = (text.length - 1) / 2;
  if (Number.isInteger(half) && text[half] === ' ') {
    const [one, other] = [text.slice(0, half), text.slice(half + 1)];
    if (one.replace(/^a\//, '') === other.replace(/^b\//, '')) return { both: one.replace(/^a\//, '') };
  }
  return {};
}

const escapes = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

/** A path as git writes it: in quotes, with escapes for its bytes, where it has characters that are not plain. */
export function path(text) {
  if (!(text.length > 1 && text.startsWith('"') && text.endsWith('"'))) return text;
  const bytes = [];
  const encoder = new TextEncoder();
  for (const [piece, octal, letter] of text.slice(1, -1).matchAll(/\\([0-3][0-7]{2})|\\(.)|[^\\]+|\\/gs)) {
    if (octal) bytes.push(parseInt(octal, 8));
    else if (letter) bytes.push(...(letter in escapes ? [escapes[letter]] : encoder.encode(letter)));
    else bytes.push(...encoder.encode(piece));
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

// What changed within a line.

function markAll(rows) {
  for (let at = 0; at < rows.length;) {
    const from = at;
    while (at < rows.length && rows[at].kind === 'del') at += 1;
    const middle = skipNotes(rows, at);
    let end = middle;
    while (end < rows.length && rows[end].kind === 'add') end += 1;
    if (at > from && end > middle) markBlock(rows.slice(from, at), rows.slice(middle, end));
    at = Math.max(end, from + 1);
  }
}

const skipNotes = (rows, at) => {
  while (at < rows.length && rows[at].kind === 'note') at += 1;
  return at;
};

function markBlock(dels, adds) {
  if (Math.min(dels.length, adds.length) > mostLines) return;
  const cache = new Map();
  const likeness = (del, add) => {
    const name = del * adds.length + add;
    if (!cache.has(name)) cache.set(name, compare(dels[del].text, adds[add].text));
    return cache.get(name);
  };
  for (const [del, add] of pairs(dels.length, adds.length, likeness)) {
    const found = likeness(del, add);
    if (!found || found.alike < leastAlike) continue;
    dels[del].marks = found.old;
    adds[add].marks = found.new;
  }
}

/** Which line became which: in their order, and, where some only came or went, so that they are as like as can be. */
function pairs(dels, adds, likeness) {
  const inOrder = Array.from({ length: Math.min(dels, adds) }, (_, index) => [index, index]);
  if (dels === adds || dels * adds > mostPairs) return inOrder;
  const best = Array.from({ length: dels + 1 }, () => new Float64Array(adds + 1));
  for (let d = dels - 1; d >= 0; d -= 1) {
    for (let a = adds - 1; a >= 0; a -= 1) {
      const both = best[d + 1][a + 1] + (likeness(d, a)?.alike ?? 0);
      best[d][a] = Math.max(both, best[d + 1][a], best[d][a + 1]);
    }
  }
  const found = [];
  for (let d = 0, a = 0; d < dels && a < adds;) {
    if (best[d][a] === best[d + 1][a]) d += 1;
    else if (best[d][a] === best[d][a + 1]) a += 1;
    else found.push([d++, a++]);
  }
  return found;
}

const tokens = text => text.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) || [];

/** {alike: 0…1, old: marks, new: marks} of two lines; null where they are too long to look at. */
function compare(one, other) {
  if (one.length > longestLine || other.length > longestLine) return null;
  const [a, b] = [tokens(one), tokens(other)];
  if (a.length > mostTokens || b.length > mostTokens) return null;
  const kept = common(a, b);
  const weight = (list, is) => list.reduce((sum, token, at) => sum + (is(at) && token.trim() ? token.length : 0), 0);
  const whole = weight(a, () => true) + weight(b, () => true);
  const shared = weight(a, at => kept.a[at]) + weight(b, at => kept.b[at]);
  return { alike: whole ? shared / whole : 1, old: ranges(a, kept.a), new: ranges(b, kept.b) };
}

/** Which tokens of each are in the longest common subsequence. */
function common(a, b) {
  const kept = { a: new Uint8Array(a.length), b: new Uint8Array(b.length) };
  let first = 0;
  while (first < a.length && first < b.length && a[first] === b[first]) first += 1;
  let [endA, endB] = [a.length, b.length];
  while (endA > first && endB > first && a[endA - 1] === b[endB - 1]) { endA -= 1; endB -= 1; }
  kept.a.fill(1, 0, first).fill(1, endA);
  kept.b.fill(1, 0, first).fill(1, endB);
  const width = endB - first + 1;
  const table = new Uint16Array((endA - first + 1) * width);
  for (let i = endA - first - 1; i >= 0; i -= 1) {
    for (let j = width - 2; j >= 0; j -= 1) {
      const at = i * width + j;
      table[at] = a[first + i] === b[first + j] ? table[at + width + 1] + 1
        : Math.max(table[at + width], table[at + 1]);
    }
  }
  for (let i = 0, j = 0; first + i < endA && first + j < endB;) {
    const at = i * width + j;
    if (a[first + i] === b[first + j]) { kept.a[first + i++] = 1; kept.b[first + j++] = 1; }
    else if (table[at + width] >= table[at + 1]) i += 1;
    else j += 1;
  }
  return kept;
}

/** Where tokens are that were not kept: blanks between two of them belong to both. */
function ranges(list, kept) {
  const found = [];
  let at = 0;
  let gap = false;
  list.forEach((token, index) => {
    const end = at + token.length;
    const last = found[found.length - 1];
    if (!kept[index]) {
      if (last && (last[1] === at || (gap && !list[index - 1].trim()))) last[1] = end; else found.push([at, end]);
      gap = false;
    } else gap = Boolean(last) && last[1] === at;
    at = end;
  });
  return found;
}

// Text as it can be shown.

const hidden = new RegExp('[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u115f\\u1160\\u180e'
  + '\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]', 'gu');
const named = { '\r': '\\r', '\0': '\\0', '\u001b': '\\e' };

/** [{text, isEscape}]: characters that would turn, hide or move others are told by their numbers instead. */
export function pieces(text) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(hidden)) {
    if (match.index > at) found.push({ text: text.slice(at, match.index), isEscape: false });
    const number = `\\u{${match[0].codePointAt(0).toString(16)}}`;
    found.push({ text: named[match[0]] ?? number, isEscape: true });
    at = match.index + match[0].length;
  }
  if (at < text.length) found.push({ text: text.slice(at), isEscape: false });
  return found;
}

/** The same as one text in one line. */
export const visible = text => pieces(String(text ?? '').replaceAll('\t', '\\t').replaceAll('\n', '\\n'))
  .map(piece => piece.text).join('');
