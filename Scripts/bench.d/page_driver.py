"""A browser that measures pages, an object a line: what is asked on standard input, what was found on standard output.

Runs under the Python of Scripts/fetch-python. Every question names a page by its address; a browser of its own, with
nothing kept from before, looks at it. `state` is what the browser is to have: of one that signed in.
"""
import json
import os
import sys

from playwright.sync_api import sync_playwright

# When that many rows could first be seen, in milliseconds from the beginning: the frame after they are in the document.
PAINT = """window.painted = new Promise(done => {
  const look = () => {
    const row = document.querySelectorAll('%s')[%d];
    const box = row && row.getBoundingClientRect();
    if (box && box.height > 0 && box.top < innerHeight) requestAnimationFrame(() => done(performance.now()));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""
# Bytes as they came over the wire, with their heads.
BYTES = """() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""
BOX = """selector => {
  let box = document.querySelector(selector);
  while (box && !(box.scrollHeight > box.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(box).overflowY))) {
    box = box.parentElement;
  }
  return box || document.scrollingElement;
}"""
# Milliseconds of every frame while it is scrolled, down and up again, a screen in a quarter of a second.
SCROLL = """async ([selector, seconds]) => {
  const box = (%s)(selector);
  const frames = [];
  const end = performance.now() + seconds * 1000;
  const height = Math.min(box.clientHeight, innerHeight);
  let by = height / 15, last = 0;
  box.scrollTop = 0;
  await new Promise(done => requestAnimationFrame(done));
  await new Promise(done => {
    const frame = now => {
      if (last) frames.push(now - last);
      last = now;
      if (now > end) return done();
      const before = box.scrollTop;
      box.scrollTop = before + by;
      if (box.scrollTop === before) by = -by;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  return frames;
}""" % BOX

SAID = """word => new Promise(done => {
  const look = () => document.body.textContent.includes(word) ? done() : setTimeout(look, 100);
  look();
})"""


class Pages:
    def __init__(self, browser):
        self.browser = browser

    def open(self, ask, script=None):
        context = self.browser.new_context(viewport={"width": 1280, "height": 800}, storage_state=ask.get("state"),
                                           service_workers="block", reduced_motion="reduce")
        context.set_default_timeout(120_000)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        return context, page

    def sign_in(self, ask):
        context, page = self.open(ask)
        page.goto(ask["url"])
        page.wait_for_selector(ask["until"])
        state = context.storage_state()
        context.close()
        return {"state": state}

    def paint(self, ask):
        context, page = self.open(ask, PAINT % (ask["rows"], ask["count"] - 1))
        page.goto(ask["url"])
        painted = page.evaluate("window.painted")
        page.wait_for_timeout(400)  # what is still under way belongs to the first view
        transferred = page.evaluate(BYTES)
        context.close()
        return {"milliseconds": painted, "bytes": transferred}

    def scroll(self, ask):
        context, page = self.open(ask)
        page.goto(ask["url"])
        page.wait_for_selector(ask["until"])
        page.wait_for_timeout(500)
        frames = page.evaluate(SCROLL, [ask["rows"], ask["seconds"]])
        elements = page.evaluate("document.querySelectorAll('*').length")
        heap = self.heap(page)
        context.close()
        return {"frames": frames, "elements": elements, "heap": heap}

    def stream(self, ask):
        """The heap before and after something is said for a while; who says it begins once this is told `ready`."""
        context, page = self.open(ask)
        page.goto(ask["url"])
        page.wait_for_selector(ask["until"])
        before = self.heap(page)
        tell({"ready": True})
        page.evaluate(SAID, ask["last"])
        page.wait_for_timeout(300)
        after = self.heap(page)
        context.close()
        return {"before": before, "after": after}

    def heap(self, page):
        """Megabytes of JavaScript's heap, with what nobody needs any more taken away."""
        tool = page.context.new_cdp_session(page)
        tool.send("HeapProfiler.enable")
        for _ in range(3):
            tool.send("HeapProfiler.collectGarbage")
        used = tool.send("Runtime.getHeapUsage")["usedSize"]
        tool.detach()
        return used / 1e6


def tell(found):
    print(json.dumps(found), flush=True)


def main():
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*root, "--disable-dev-shm-usage"])
        pages = Pages(browser)
        tell({"version": browser.version})
        for line in sys.stdin:
            ask = json.loads(line)
            tell(getattr(pages, ask.pop("do"))(ask))
        browser.close()


main()
