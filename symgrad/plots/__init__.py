"""Pictures of functions, losses and gradients: matplotlib figures of what symgrad derives.

matplotlib is an optional extra (``pip install "symgrad[plot]"``), imported when a figure is made.
Every function returns a ``matplotlib.figure.Figure`` that belongs to nobody: pyplot is not
imported, no setting is changed, nothing is shown. In a notebook the figure shows itself, and
``figure.savefig`` writes it. The numbers behind each picture are a function of their own, which
needs NumPy only.

| picture | module | its numbers |
|---|---|---|
| an activation and its derivative | `activation` | `curves` |
| a function of a vector and its Jacobian | `vector_activation` | `vector_values` in it |
| the loss along one or two directions | `loss` | `landscape` |
| saturated and dead units, gradients by layer | `units` | `unit_report` |
| backpropagation against numerical differentiation | `gradient_check` | `gradient_errors` |

`figure` has what they share: the figure itself, colours, line styles; `notebook` how it is shown;
`formulas` the mathematics in titles, `parameters` families, `numbers` the values of graph nodes.
"""
