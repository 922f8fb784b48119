"""What others wrote: names, texts, files. It is shown, and does nothing."""
from pathlib import Path

from harness import Fault, expect, run, talk

RUN = "globalThis.hacked = (globalThis.hacked || 0) + 1"
IMAGE = f"<img src=x onerror=\"{RUN}\">"
MARKDOWN = f"""# A heading {IMAGE}

[a link](javascript:{RUN.replace(' ', '')}) and [another]( java&#115;cript:alert(1) ) and <javascript:alert(2)> and
[data](data:text/html,<script>{RUN}</script>) and [vb](vbscript:x) and [good](https://example.org/page)

<script>{RUN}</script><svg onload="{RUN}"><iframe src="javascript:parent.hacked=1"></iframe>
<a href="#/new" onclick="{RUN}" style="position:fixed;inset:0" id="app" class="banner">all over</a>
<form action="/v1/sign-out"><button formaction="javascript:{RUN}">Allow</button></form>
![picture](http://tracker.invalid/x.png) <img src="/icon.svg"> <style>body {{ display: none }}</style>
<math><mtext><table><mglyph><style><img src=x onerror="{RUN}"></style></mglyph></table></mtext></math>

| a | {IMAGE} |
|---|---|
| `{IMAGE}` | <b onmouseover="{RUN}">b</b> |

```html" onmouseover="{RUN}
{IMAGE}
```
right-to-left \u202eevil\u202c, zero\u200bwidth, bell\u0007 and \u001b[31mred"""
LONG = "n" * 300

# All that would act if anything of the above were more than text; and what was of ours.
ACTS = """() => {
  const found = [];
  if (globalThis.hacked) found.push(`it ran ${hacked} times`);
  for (const element of document.querySelectorAll('#app *')) {
    for (const { name, value } of element.attributes) {
      if (/^on/i.test(name)) found.push(`${element.tagName} has ${name}`);
      if (['href', 'src', 'action', 'formaction', 'xlink:href'].includes(name) && /^\\s*(javascript|data|vbscript):/i.test(value)) {
        found.push(`${element.tagName} leads to ${value}`);
      }
    }
    if (/^(SCRIPT|IFRAME|OBJECT|EMBED|STYLE|MATH|FORM-x)$/i.test(element.tagName)) found.push(`a ${element.tagName}`);
    if (element.tagName === 'IMG' && !element.getAttribute('src').startsWith('/')) found.push(`a picture of ${element.src}`);
  }
  const talk = document.querySelector('main [role=log]');
  for (const element of talk?.querySelectorAll('.markdown img, .markdown form, .markdown button, .markdown svg, .markdown [id], .markdown [style], .markdown [class]') || []) {
    if (!/^(heading)$/.test(element.className)) found.push(`in Markdown: ${element.outerHTML.slice(0, 100)}`);
  }
  const text = document.querySelector('#app').innerText;
  const hidden = text.match(/[\\u0000-\\u0008\\u000e-\\u001f\\u007f\\u200b\\u202a-\\u202e\\u2066-\\u2069]/);
  if (hidden) found.push(`raw character ${hidden[0].codePointAt(0).toString(16)} at ${text.slice(Math.max(0, hidden.index - 30), hidden.index + 30)}`);
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) found.push(`${wide} pixels wider than the screen`);
  return found;
}"""


def harmless(house, page, name):
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found = page.evaluate(ACTS)
    if found:
        house.shot(page, f"hostile-{name.replace(' ', '-')}")
        raise Fault(f"{name}: {found}")
    house.check(f"{name} does nothing", True)


def steps(house):
    session = house.apus("new", "victim", "--tag", IMAGE[:60], "--permission-mode", "acceptEdits", json=True)
    place = Path(session["directory"])
    names = ["server/<img src=x onerror=alert(1)>.txt", "ui/\u202egnp.exe", "ui/" + LONG[:200] + ".txt",
             "ui/javascript:alert(1)", "docs/new\nline\t\u0007.md", "docs/'\"><b>.md"]
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(f"{IMAGE}\n{LONG * 4}\nturned \u202e round\n")
    page = house.visit(f"#/s/{session['id']}")
    house.say(page, f"say: {MARKDOWN}")
    good = talk(page).get_by_role("link", name="good")
    house.sees("an honest link", good)
    house.check("opens elsewhere, and tells nothing", good.get_attribute("target") == "_blank"
                and "noopener" in good.get_attribute("rel"))
    harmless(house, page, "a conversation")
    house.sees("code is shown as it was written", talk(page).locator("code, pre").get_by_text("onerror").first)
    house.check("links that would act are none",
                talk(page).get_by_role("link").evaluate_all("links => links.every(link => /^https:/.test(link.href))"))

    house.say(page, f"edit {place}/server/{IMAGE.replace('/', '')}.md: {IMAGE} then say: written")
    house.sees("a tool with such a name ran", talk(page).get_by_text("written", exact=True))
    for button in talk(page).get_by_role("button").all():
        if button.get_attribute("aria-expanded") == "false":
            button.click()
    harmless(house, page, "a tool's call")
    page.get_by_role("tab", name="Changes").click()
    house.sees("files of such names", page.get_by_role("region").filter(has_text="onerror=alert(1)").first)
    harmless(house, page, "changes")
    page.get_by_role("tab", name="Activity").click()
    house.sees("events", page.get_by_role("log", name="Activity"))
    harmless(house, page, "events")

    house.apus("lock", "acquire", "docker", "--session", "victim", "--note", IMAGE)
    house.apus("claim", "add", "server/<img src=x onerror=alert(1)>.txt", "--session", "victim")
    house.go(page, "#/locks")
    house.sees("a note", page.get_by_role("main").get_by_text("onerror").first)
    harmless(house, page, "locks")
    house.go(page, "#/claims")
    house.sees("a path", page.get_by_role("main").get_by_text("onerror").first)
    harmless(house, page, "claims")

    house.go(page, f"#/s/{session['id']}")
    house.say(page, f"bash: echo '{IMAGE}' \u202e > {LONG}; rm -r x then say: denied as well")
    region = page.get_by_role("region", name="Asks: Bash")
    house.sees("what it asks", region.get_by_text("onerror").first)
    harmless(house, page, "what it asks")
    house.check("with its turning characters shown", "202e" in region.locator("pre").first.inner_text().lower())
    phone = house.visit(f"#/s/{session['id']}", phone=True)
    house.sees("on a phone", phone.get_by_role("region", name="Asks: Bash"))
    harmless(house, phone, "a phone")
    page.get_by_label("Search or command").fill("<img")
    harmless(house, page, "a search")
    for address in ("#/s/%3Cimg%20src=x%20onerror=hacked=1%3E", "#/servers/%E0%A4%A", "#/s/../../v1/sign-out", "#/javascript:alert(1)"):
        with house.expecting(r"status of 4\d\d"):
            house.go(page, address)
            expect(page.get_by_role("banner")).to_be_visible()
            harmless(house, page, f"the address {address}")


run(steps)
