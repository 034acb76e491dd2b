"""Text models: a network typed the way it is written on paper.

    # a two-layer classifier
    x: vector(D)
    y: simplex(C)                       # a probability vector: entries ≥ 0, they sum to 1
    W1: matrix(H, D);  b1: vector(H)
    W2: matrix(C, H);  b2: vector(C)

    z1 = W1 x + b1
    h  = tanh(z1)
    p  = softmax(W2 h + b2)
    L  = -sum(y * log(p))

    params W1, b1, W2, b2
    data x, y

The last definition is the loss. `symgrad derive model.sg` derives it, `sg.parse(text)` reads it.
A line declares, defines or lists. A remark begins with #. A line goes on inside brackets, after an
operator and before one; a semicolon ends a line too. Nothing in a text is ever run.


DECLARE: what a name is

    t: scalar            w, b: scalar, positive         t in R
    x: vector(D)         x in R^D                       r: row(D)
    W: matrix(H, D)      W in R^(H x D)                 W in R^{H×D}
    K: array(O, C, 3, 3)                                more than two axes
    y: simplex(C)        a probability vector           (also: distribution)
    c: label(C)          a class, 0 … C − 1; label(V, T) is T of them, such as tokens
    m: mask(H, rate=1/2) a dropout mask
    f: function          a function that nothing is known of, of scalars or of every entry

Facts stand beside the kind: positive, nonnegative, simplex, one-hot, unit norm, symmetric,
positive definite, diagonal, orthogonal. `A: matrix(n, n), positive definite`.

A name inside a size that nothing else has is a dimension. `dims D, H, C = 10` lists them instead,
and then a misspelt one is an error. `D = 784` is a constant, and a size where it is a whole number.


DEFINE: what a name stands for

    h = tanh(W x + b)                   a value; the derivation has a line for it
    z[k] = Σ_j W[k, j] x[j] + b[k]      every entry of a value; k runs over the entries

A name stands for one thing, and is declared or defined above the line that uses it. `alpha` is α,
`W₁` and `W_{1}` are W1, ŷ and h′ are names.


WRITE: products, powers, sums

    a b     a * b   a · b   a @ b       the product; of matrices the matrix product
    x * y   x ⊙ y   x .* y              of two columns, entry by entry (⊙ and .* always are)
    x' y    x · y   x @ y               of two columns, the dot product
    x y'    x ⊗ y   outer(x, y)         the outer product
    W'      W^T     Wᵀ      W.T         the transpose
    t^2     t**2    t²      A^-1        powers; of a vector entry by entry, of a square matrix the
                                        matrix power; .^ is always entry by entry
    ‖x‖     ||x||^2  ‖x‖_1  ‖x‖_∞       norms, of a matrix the Frobenius norm;  |t| absolute value
    1 - h                               a scalar is added to every entry; X'X + λ is refused, since
                                        λ I was meant: X'X + λ eye(n)
    x / y                               entry by entry; λ/2 x is λ/2 times x
    Σ_j x[j]   sum_{j ≠ c} s[j]         over the index, whose range follows from the shapes
    Σ_{j=0}^{D-1} x[j]                  or is given; entries count from 0
    Σ y * log(p)    sum(y * log(p))     of all entries
    s[c]    x[0]    W[k, j]   W_{k, j}  entries, by index, class or number
    1[z > 0]    1[j ≠ c]                1 where it holds, else 0
    mean L over x, y                    (1/N) Σ L over N examples of x and y

Standing side by side binds more than * and /, these more than ⊙ and .*, and these more than + and
−. Two columns side by side, `x y`, are refused, because they have three products; so is `a/b c`.
A sum sign takes all factors after it. A function may stand before one name without parentheses,
`log p`, and may have its power in front, `sin²(t)`.


FUNCTIONS

    of every entry   exp log sqrt abs sin cos tan cot sec csc asin acos atan sinh cosh tanh sech
                     asinh acosh atanh erf erfc normal_cdf (or Φ) normal_pdf (or φ); sigmoid (or σ)
                     relu leaky_relu prelu elu softplus swish gelu identity step sign;
                     where(z > 0, a, b); maximum minimum maxout
    of an array      sum mean max min dot logsumexp argmax softmax sparsemax onehot
    of a matrix      trace (or tr) det logdet inverse solve norm diag transpose; eye(n) (or I(n))
                     ones(n, m) zeros(n, m)
    losses           squared_error mean_squared_error power_error cross_entropy entropy
                     kl_divergence binary_cross_entropy logistic_loss logistic_margin hinge
                     squared_margin multiclass_hinge multilabel_hinge multilabel_logistic
                     sparsemax_loss zero_one_loss l1 l2
    layers           conv1d conv2d max_pool1d max_pool2d avg_pool1d avg_pool2d layer_norm
                     batch_norm dropout embedding attention multi_head_attention row

They mean what `sg.` and the same name mean, and take the same options: softmax(z, temperature=2),
softmax(Z, rows=true), leaky_relu(z, 0.1), conv1d(x, K, stride=2), norm(x, inf). max(0, z) and
max(a, b) are taken at each entry. π and e are numbers unless they are declared.


LIST: what is trained

    params W1, b1        what is differentiated by, and trained
    data x, y            what differs between examples
    loss L               the loss, where it is not the last definition
"""
