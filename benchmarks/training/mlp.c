/* A dense network's epoch of minibatch steps, as a C programmer writes it: sizes are constants of
   the compilation, products with little work are loops, the others BLAS, whose gemm is handed in.

   Defined by the command line: REAL, EXP, TANH, LOG, SIZES, LAYERS, BATCH, HIDDEN_TANH, LOSS,
   ADAM. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define SOFTMAX 0
#define LOGISTIC 1
#define SQUARED 2

typedef void (*gemm_t)(char *, char *, int *, int *, int *, REAL *, REAL *, int *, REAL *, int *,
                       REAL *, REAL *, int *);

static const int sizes[LAYERS + 1] = {SIZES};
static gemm_t gemm;

#define INLINE static inline __attribute__((always_inline))
#define SMALL(n, m, k) ((long)(n) * (m) * (k) <= 16384)

void use(gemm_t given) { gemm = given; }

/* z (B×O) = x (B×I)·W (O×I)ᵀ + b */
INLINE void forward(int O, int I, REAL *x, REAL *W, REAL *b, REAL *z) {
    if (SMALL(BATCH, O, I)) {
        for (int i = 0; i < BATCH; i++)
            for (int j = 0; j < O; j++) {
                REAL s = b[j];
                for (int k = 0; k < I; k++) s += x[i * I + k] * W[j * I + k];
                z[i * O + j] = s;
            }
        return;
    }
    for (int i = 0; i < BATCH; i++) memcpy(z + i * O, b, O * sizeof(REAL));
    int B = BATCH;
    REAL one = 1;
    gemm("T", "N", &O, &B, &I, &one, W, &I, x, &I, &one, z, &O);
}

/* p (B×I) = d (B×O)·W (O×I) */
INLINE void back(int O, int I, REAL *d, REAL *W, REAL *p) {
    if (SMALL(BATCH, O, I)) {
        for (int i = 0; i < BATCH; i++) {
            for (int k = 0; k < I; k++) p[i * I + k] = 0;
            for (int j = 0; j < O; j++)
                for (int k = 0; k < I; k++) p[i * I + k] += d[i * O + j] * W[j * I + k];
        }
        return;
    }
    int B = BATCH;
    REAL one = 1, zero = 0;
    gemm("N", "N", &I, &B, &O, &one, W, &I, d, &O, &zero, p, &I);
}

/* G (O×I) = scale·dᵀ·x + keep·G */
INLINE void slope(int O, int I, REAL *d, REAL *x, REAL scale, REAL keep, REAL *G) {
    if (SMALL(BATCH, O, I)) {
        for (int j = 0; j < O; j++) {
            for (int k = 0; k < I; k++) G[j * I + k] *= keep;
            for (int i = 0; i < BATCH; i++) {
                REAL f = scale * d[i * O + j];
                for (int k = 0; k < I; k++) G[j * I + k] += f * x[i * I + k];
            }
        }
        return;
    }
    int B = BATCH;
    gemm("N", "T", &I, &O, &B, &scale, x, &I, d, &O, &keep, G, &I);
}

INLINE void adam(long n, REAL *theta, REAL *g, REAL *m, REAL *v, REAL rate, REAL root) {
    for (long i = 0; i < n; i++) {
        m[i] = (REAL)0.9 * m[i] + (REAL)(1 - 0.9) * g[i];
        v[i] = (REAL)0.999 * v[i] + (REAL)(1 - 0.999) * g[i] * g[i];
        theta[i] -= rate * m[i] / ((REAL)sqrt(v[i]) / root + (REAL)1e-8);
    }
}

/* The loss of the minibatch, and in z its derivative; y are the targets. */
INLINE double last(int C, REAL *z, REAL *y) {
    double total = 0;
    for (int i = 0; i < BATCH; i++, z += C, y += C) {
#if LOSS == SOFTMAX
        REAL top = z[0], s = 0, picked = 0;
        for (int j = 1; j < C; j++) top = z[j] > top ? z[j] : top;
        for (int j = 0; j < C; j++) picked += y[j] * (z[j] - top);
        for (int j = 0; j < C; j++) s += z[j] = EXP(z[j] - top);
        for (int j = 0; j < C; j++) z[j] = (z[j] / s - y[j]) / BATCH;
        total += LOG(s) - picked;
#elif LOSS == LOGISTIC
        REAL e = EXP(-(z[0] < 0 ? -z[0] : z[0]));
        total += LOG(1 + e) + (z[0] > 0 ? z[0] : 0) - y[0] * z[0];
        z[0] = ((z[0] < 0 ? e : 1) / (1 + e) - y[0]) / BATCH;
#else
        REAL s = 0;
        for (int j = 0; j < C; j++) {
            REAL r = z[j] - y[j];
            s += r * r;
            z[j] = r / BATCH;
        }
        total += s / 2;
#endif
    }
    return total;
}

/* One epoch. W, b, and for Adam G, gb and the moments m, v of each (W first, then b), are arrays of
   pointers, one a layer; h[l] holds the values of layer l. Gives the sum of the losses. */
double epoch(REAL **W, REAL **b, REAL **G, REAL **gb, REAL **mW, REAL **vW, REAL **mb, REAL **vb,
             REAL **h, REAL **d, REAL *X, REAL *Y, REAL *y, int64_t *order, long steps, long t,
             double rate) {
    double total = 0;
    for (long s = 0; s < steps; s++) {
        for (int i = 0; i < BATCH; i++) {
            long row = order[s * BATCH + i];
            memcpy(h[0] + i * sizes[0], X + row * sizes[0], sizes[0] * sizeof(REAL));
#if LOSS != SQUARED
            memcpy(y + i * sizes[LAYERS], Y + row * sizes[LAYERS], sizes[LAYERS] * sizeof(REAL));
#endif
        }
#pragma GCC unroll 8
        for (int l = 0; l < LAYERS; l++) {
            forward(sizes[l + 1], sizes[l], h[l], W[l], b[l], h[l + 1]);
            if (l < LAYERS - 1)
                for (int i = 0; i < BATCH * sizes[l + 1]; i++) {
                    REAL z = h[l + 1][i];
                    h[l + 1][i] = HIDDEN_TANH ? TANH(z) : (z > 0 ? z : 0);
                }
        }
        total += last(sizes[LAYERS], h[LAYERS], LOSS == SQUARED ? h[0] : y);
        t++;
        REAL corrected = rate / (1 - pow(0.9, t)), root = sqrt(1 - pow(0.999, t));
#pragma GCC unroll 8
        for (int l = LAYERS - 1; l >= 0; l--) {
            int O = sizes[l + 1], I = sizes[l];
            REAL *delta = l == LAYERS - 1 ? h[LAYERS] : d[l + 1];
            if (l > 0) {
                back(O, I, delta, W[l], d[l]);
                for (int i = 0; i < BATCH * I; i++)
                    d[l][i] = HIDDEN_TANH ? d[l][i] * (1 - h[l][i] * h[l][i])
                                          : (h[l][i] > 0 ? d[l][i] : 0);
            }
            REAL *into = ADAM ? G[l] : W[l], *bias = ADAM ? gb[l] : b[l];
            REAL scale = ADAM ? 1 : -rate, keep = ADAM ? 0 : 1;
            slope(O, I, delta, h[l], scale, keep, into);
            for (int j = 0; j < O; j++) bias[j] *= keep;
            for (int i = 0; i < BATCH; i++)
                for (int j = 0; j < O; j++) bias[j] += scale * delta[i * O + j];
            if (ADAM) {
                adam((long)O * I, W[l], G[l], mW[l], vW[l], corrected, root);
                adam(O, b[l], gb[l], mb[l], vb[l], corrected, root);
            }
        }
    }
    return total;
}
