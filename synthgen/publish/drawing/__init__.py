"""Pictures drawn: from plain data (`synthgen.task.picture`) to SVG, and to PNG and PDF by matplotlib, in one style.

Read in this order: `style` (fonts, colours), `scene` (shapes with places), `layers` (where the nodes of a graph stand),
`graphs` and `texts` (a panel each), `charts` (books as a bar, lengths as ridges), `sheet` (panels, title and legend on
one sheet), `svg` and `raster` (sheets as files).
"""
