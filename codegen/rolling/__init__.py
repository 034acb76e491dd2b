"""Rolling: a program of repeated steps as loops over t, and what is before, between and after them.

Why it exists: `repeats` finds what is one statement at several times; this module decides what
becomes of it. In: a program. Out: regions in the order of execution, each a program of its own,
and the arrays through which they hand values to one another::

    xs[t] = x[:, t]; zx[t] = W·xs[t] for all t at once          straight
    for t in 1 … T − 1: h[t] = tanh(zx[t] + U·h[t − 1])         a loop
    loss and its gradient with respect to h[T − 1]              straight
    for t in T − 2 … 0: δ[t] = …                                a loop, backwards
    U ← U − η·Σₜ δ[t]·h[t − 1]ᵀ, one product over t and n        straight

- Families that need one another, h[t] and h[t − 1], are a *loop*.
- A product, a sum over axes or a reading of data in a family outside of the loops is one statement
  with t as its first axis, a *stack*; where only the sum over t is wanted, t is summed over in it.
- What is pointwise is *floating*: computed anew wherever it is needed, in a loop or a stack.
- The members that are in none of these, such as the first step, stay statements of their own.

A program is left as it is, None, where a family is what this module does not know how to roll.
"""
