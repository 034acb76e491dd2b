"""The computational graph as a picture: drawn, evaluated at a point, laid out and rendered.

The files are a pipeline: `drawn` (graph → what is drawn) → `messages` (what goes back along each
edge) → `trace` (numbers at a `point`, `exact` ones where there are any) → `scene` (the text on it)
→ `fold` (repeated layers once) → `again` (weights used all over) → `layout` → `svg`, `dot`,
`mermaid`, with the colours of `palette`; `picture` is what a user holds. The steps of the layout
are `ranks` → `grid` → `crossings` → `positions` → `routes`.
"""
