// Markdown of agents and people as HTML that can do nothing but be read: no script, no style, no form, no picture
// that is
// fetched, and links to the web alone.

import DOMPurify from '/vendor/dompurify.js';
import '/vendor/marked.js';
import { plain } from '/js/words.js';

// HTML in a text is part of the text.
const renderer = new globalThis.marked.Renderer();
const signs = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
renderer.html = text => text.replace(/[&<>"']/g, sign => signs[sign]);
const options = { gfm: true, breaks: false, headerIds: false, mangle: false, renderer };

const allowed = {
  ALLOWED_TAGS: [
    'p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'blockquote', 'pre', 'code', 'em', 'strong',
    'del', 'a', 'table', 'thead', 'tbody', 'tr', 'th', 'td',
  ],
  ALLOWED_ATTR: ['href', 'start'],
  ALLOWED_URI_REGEXP: /^https?:\/\//i,
  ALLOW_DATA_ATTR: false, ALLOW_ARIA_ATTR: false, KEEP_CONTENT: true, RETURN_DOM_FRAGMENT: true,
};

DOMPurify.addHook('afterSanitizeAttributes', node => {
  if (node.nodeName === 'A') {
    if (!node.hasAttribute('href')) return;
    node.setAttribute('target', '_blank');
    node.setAttribute('rel', 'noopener noreferrer nofollow');
    node.setAttribute('title', node.getAttribute('href'));
  }
  if (node.nodeName === 'PRE') node.setAttribute('tabindex', '0');
  // Headings of a text are none of the page's.
  if (/^H[1-6]$/.test(node.nodeName)) {
    const said = document.createElement('p');
    said.className = 'heading';
    said.append(...node.childNodes);
    node.replaceWith(said);
  }
});

/** The text as a fragment of the document. */
export function fragment(text) {
  const safe = plain(text);
  let html;
  try { html = globalThis.marked.parse(safe, options); } catch { html = ''; }
  if (!html) {
    const whole = document.createDocumentFragment();
    whole.append(safe);
    return whole;
  }
  return DOMPurify.sanitize(html, allowed);
}

const fence = /^ {0,3}(`{3,}|~{3,})/;

/** The text in pieces of about that many characters, cut between paragraphs, or inside of code that is longer. */
export function pieces(text, size = 6000) {
  if (text.length <= size * 1.5) return [text];
  const found = [];
  let piece = [];
  let length = 0;
  let open = null;
  const close = () => {
    found.push(piece.join('\n') + (open ? `\n${open.mark}` : ''));
    piece = open ? [open.line] : [];
    length = 0;
  };
  for (const line of text.split('\n')) {
    const mark = fence.exec(line)?.[1];
    if (mark && !open) open = { mark, line };
    else if (mark && open && mark[0] === open.mark[0] && mark.length >= open.mark.length) open = null;
    if (length > size && (open ? length > size * 2 : line.trim() === '' || length > size * 4)) close();
    piece.push(line);
    length += line.length + 1;
  }
  if (piece.length) found.push(piece.join('\n'));
  return found;
}
