"""From graph nodes to source text.

The files are a pipeline: `lowering` turns a graph into one of simple nodes (`contraction` orders
its products), `schedule` turns that into a `program` with `names`, and a file of `targets` prints
the program, with `expression` for whatever is arithmetic. `runtime` holds real code that is copied
into generated files.
"""
