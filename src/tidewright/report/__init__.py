"""The report: a finished run as one HTML page that opens anywhere, offline.

Belongs here: how results are shown: numbers as text, series thinned for drawing, chart options, tables, the page.
Does not belong here: computing a result (`tidewright.domain`), reading or writing files (`tidewright.adapters`).

`page.render` is the whole page; `charts.figure` is one chart, for notebooks.
"""
