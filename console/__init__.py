"""Console: the pages where people write scripts, watch the queue and repair what failed.

Read it in the order of a visit:

    app.py        a request comes in: who is it, may they, is a write really theirs → the page's handler
    access.py     roles and people            security.py   cookies, the token of forms, headers
    section.py    what a module of pages/ declares      visit.py   what a handler is given
    form.py       what was typed, and what is wrong with it
    render.py     one URL, two renderings: the page, or the part of it that htmx asked for
    texts.py      times, numbers and names as people read them
    pages/        one module a word of the menu; templates/ has a folder of the same name
    assets.py     the built scripts and styles (static/)      serve.py    the process

It stands above `gateway`: reads and writes through `gateway.operations` alone, which also write the audit
rows. Nothing of the gateway imports it.

**To add a page**, make `pages/<noun>.py` with a `section`; it is found by itself:

    section = Section("sources", title="Sources", order=20, key="s")   # a title makes it a menu entry


    @section.get("/sources", role=Role.VIEWER)
    async def index(visit: Visit) -> Response:
        return visit.show("sources/index.html", sources=await list_sources(visit.op))


    @section.post("/sources/{source}/pause", role=Role.INTEGRATOR, form="sources:show")
    async def pause(visit: Visit) -> Response:
        await pause_source(visit.op, visit.params["source"])
        return visit.go(visit.url("sources:index"), "Paused: what comes in is held.")

- A role is demanded of every route. A path parameter called `source` is checked against the person's sources;
  a source that is known only later (an event's) by `visit.require_reach(source)`. Lists show `visit.sources`;
  what tells no source apart is declared `is_of_all=True`, for who may see every one.
- The route's name is `<section>:<function>`: `visit.url(name, **params)`; `may(name)` in a template draws a
  button only for those who may press it.
- A write reads `visit.form`; what is wrong raises, in the form (`text(…, needed=…)`, `refuse`, `settle`) or in the
  operation (OperatorError, NotFound): the page named by `form=` is then drawn again, 422, with what was typed.
  Give every `<form method="post">` a `{{ csrf_field }}` and draw its fields by `ui.field(form_of(name), …)`.
- A template extends `_page.html` and fills `{% block content %}`. A part that refreshes itself is a block that
  holds one element whose id is the block's name; `hx-get` the same URL with `hx-target="#<id>"`: only that block is
  rendered, so it may use nothing that was `{% set %}` outside. Macros are in `_ui.html`, as `ui.…`; a folder's own
  partials begin with `_`. `/design` shows all parts; use them before making one.
- Links and forms are boosted by htmx, so that a page is never reloaded; `data-confirm="…"` on a form asks first.
  What is shown once (a link, a key) is the answer to the POST itself; everything else answers by `visit.go`.
- A live part asks again on `tick from:hw-ticks`; `<hw-ticks data-from=…>` stands outside of it, and hears a GET route
  that answers a StreamingResponse; that is cut when the console stops.
- No inline script, no inline style (the CSP forbids both). Behaviour that HTML lacks is a custom element in
  `static/js/elements.js`; `<hw-editor>` and `<hw-chart>` load what they need where they stand. `make static` builds.
- `Section(under="people")` marks the menu's word for a section without one. `section.finder` answers the search box.
- The new page is tested by existing: `tests/pages/` tries every role, forgery and header on every route,
  `tests/browser/` looks at it in both themes and sizes, with axe. What it does has a test of its own there.
"""
