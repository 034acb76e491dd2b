"""From graph nodes to source text.

The files are a pipeline. `lowering` turns a graph into one of simple nodes, with `products` (in
the order of `contraction`) and `views` below it. `schedule` makes a `program` of that, with `names`
and the `arguments` that `checking` checks at a call. A file of `targets` prints the program, with
`expression` for whatever is arithmetic. `runtime` holds real code that is copied into what is
generated.
"""
