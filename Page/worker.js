// Keeps the page's own files, so that it opens while the daemon is away, and leads from a notification to its session.
// Nothing of the API ever goes through here.

const name = 'apus';

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', event => event.waitUntil(self.clients.claim()));

async function fresh(request) {
  const kept = await caches.open(name);
  try {
    const answer = await fetch(request);
    if (answer.ok) await kept.put(request, answer.clone());
    return answer;
  } catch (error) {
    const before = await kept.match(request, { ignoreSearch: true });
    if (before) return before;
    throw error;
  }
}

self.addEventListener('fetch', event => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin || url.pathname.startsWith('/v1/')) return;
  event.respondWith(fresh(request));
});

self.addEventListener('notificationclick', event => {
  event.notification.close();
  const { id } = event.notification.data || {};
  event.waitUntil((async () => {
    const [page] = await self.clients.matchAll({ type: 'window' });
    if (!page) return self.clients.openWindow(`/#/s/${encodeURIComponent(id)}`);
    await page.focus();
    page.postMessage({ open: id });
  })());
});
