"""The explorer: a spec, a dataset folder or a run as one HTML file to leaf through, which asks nobody for anything.

Read in this order: `rows` (what is shown of a row), `figures` (books, splits, runs as tables and pictures), `page` (the
file: template, style and script in one, with a policy that lets nothing else run). `page.html`, `page.css` and
`page.js` are what they are called; there is no build step.
"""
