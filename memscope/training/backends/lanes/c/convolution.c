// Convolutions of one block of images: forward, to the gradient of the input, and to the gradient of the weights.
//
// A tile of TILE output channels times IMAGES images is held in registers while the taps and input channels pass by:
// TILE * IMAGES sums, which hides the latency of the multiplier and leaves registers for the operands. Everything that
// decides the order of a sum (TILE, SWEEP, STRIP) is the same on all processors.
#define IMAGES 4    // of a block
#define TILE 3      // output channels of a tile; 4 channels are two tiles of 2
#define SWEEP 16    // input channels of one pass over the positions: their 3x3 neighbourhood stays in L1
#define STRIP 192   // maps of a weight gradient's operands that should stay in L1

// Channels in memory: strides that are powers of two would put a neighbourhood into few lines of the cache.
static int padded(int channels) { return channels < 16 ? channels : channels + 1; }
static int tile(int left) { return left == 4 ? 2 : left < TILE ? left : TILE; }
static size_t block_of(Size s, int channels) { return (size_t)area(s) * padded(channels) * IMAGES; }

// What is done with a tile when its sums are complete, while they are in registers.
enum { STORE, FORWARD_SUMS, BACKWARD_SUMS };
enum { LINEAR, RELU, RELU_LAST };   // after normalisation; RELU_LAST: after the addition
#define BY_ACT(act, f, ...) ((act) == RELU ? f(RELU, __VA_ARGS__) : act ? f(RELU_LAST, __VA_ARGS__) : f(LINEAR, __VA_ARGS__))

// Of the map that a convolution writes, from the channel of the tile on.
typedef struct {
    int act, some;           // images of the block that count
    const V *about;          // near the mean of y: sums about it lose no digits
    const V *a, *b, *y, *z;  // z = a y + b: maps of the same shape, before and after normalisation
    V *s1, *s2;              // sums over positions and images
} After;

INLINE I positive(V x) { return ~(x <= 0); }   // or NaN, which is to stay
INLINE V through_relu(const int act, V dz, V y, V z, V a, V b) {
    if (act == RELU) return kept(positive(fma_(a, y, b)), dz);
    return act == RELU_LAST ? kept(positive(z), dz) : dz;
}
INLINE V activated(const int act, V y, V a, V b, const V *other) {
    V v = fma_(a, y, b);
    if (act == RELU) v = kept(positive(v), v);
    if (other) v += *other;
    return act == RELU_LAST ? kept(positive(v), v) : v;
}

INLINE void after_tile(const int T, const int what, const int act, V a[TILE][IMAGES], V *out, size_t at, const After *f,
                       V s[TILE], V q[TILE]) {
    UNROLL for (int t = 0; t < T; t++) {
        if (what == FORWARD_SUMS) {
            V e[IMAGES];
            UNROLL for (int n = 0; n < IMAGES; n++) e[n] = n < f->some ? a[t][n] - f->about[t] : (V){};
            s[t] += (e[0] + e[1]) + (e[2] + e[3]);
            q[t] += fma_(e[0], e[0], e[1] * e[1]) + fma_(e[2], e[2], e[3] * e[3]);
        } else if (what == BACKWARD_SUMS) {
            V about = f->about[t], A = f->a[t], B = f->b[t], g[IMAGES], y[IMAGES];
            UNROLL for (int n = 0; n < IMAGES; n++) {
                y[n] = f->y[at + t * IMAGES + n];
                g[n] = through_relu(act, a[t][n], y[n], act == RELU_LAST ? f->z[at + t * IMAGES + n] : y[n], A, B);
                y[n] -= about;
                if (n >= f->some) g[n] = y[n] = (V){};
            }
            s[t] += (g[0] + g[1]) + (g[2] + g[3]);
            q[t] += fma_(g[0], y[0], g[1] * y[1]) + fma_(g[2], y[2], g[3] * y[3]);
        }
        UNROLL for (int n = 0; n < IMAGES; n++) out[t * IMAGES + n] = a[t][n];
    }
}

// One tile of outputs at every position. Weights: V [tap][input][T].
INLINE void conv_tile(const int T, const int what, const int act, const Gather *g, const V *w, const V *x, V *y, int cin,
                      int xs, int ys, int add, const After *f) {
    int step = cin < 16 ? cin : SWEEP;
    V s[TILE] = {{0}}, q[TILE] = {{0}};
    for (int c = 0; c < cin; c += step) {
        int some = cin - c < step ? cin - c : step, final = c + step >= cin;
        for (int d = 0; d < g->n; d++) {
            size_t at = (size_t)d * ys * IMAGES;
            V a[TILE][IMAGES], *out = y + at;
            UNROLL for (int t = 0; t < T; t++)
                UNROLL for (int n = 0; n < IMAGES; n++) a[t][n] = c || add ? out[t * IMAGES + n] : (V){};
            for (const Run *r = g->run + g->first[d], *end = g->run + g->first[d + 1]; r < end; r++) {
                const V *xr = x + ((size_t)r->src * xs + c) * IMAGES, *wr = w + ((size_t)r->tap * cin + c) * T;
                for (int i = r->taps * some; i; i--, xr += IMAGES, wr += T) {
                    V wt[TILE];
                    UNROLL for (int t = 0; t < T; t++) { wt[t] = wr[t]; KEEP(wt[t]); }
                    UNROLL for (int n = 0; n < IMAGES; n++) {
                        V xn = xr[n];
                        KEEP(xn);
                        UNROLL for (int t = 0; t < T; t++) a[t][n] = fma_(wt[t], xn, a[t][n]);
                    }
                }
            }
            after_tile(T, final ? what : STORE, act, a, out, at, f, s, q);
        }
    }
    UNROLL for (int t = 0; what != STORE && t < T; t++) f->s1[t] += s[t], f->s2[t] += q[t];
}

INLINE void conv_as(const int act, const int what, const Gather *g, const V *w, const V *x, V *y, int taps, int cin, int cout,
                    int add, const After *whole) {
    int xs = padded(cin), ys = padded(cout);
    for (int c = 0, t; c < cout; c += t, y += t * IMAGES, w += (size_t)t * taps * cin) {
        After f = {act};
        t = tile(cout - c);
        if (what != STORE) f.some = whole->some, f.about = whole->about + c, f.s1 = whole->s1 + c, f.s2 = whole->s2 + c;
        if (what == BACKWARD_SUMS) f.a = whole->a + c, f.b = whole->b + c, f.y = whole->y + c * IMAGES, f.z = whole->z + c * IMAGES;
#define TILED(T) conv_tile(T, what, act, g, w, x, y, cin, xs, ys, add, &f)
        t == 1 ? TILED(1) : t == 2 ? TILED(2) : TILED(3);
    }
}
// Input maps x [positions][padded cin][IMAGES] to y [positions][padded cout][IMAGES]; onto what is in y with `add`.
static void conv(int what, const Gather *g, const V *w, const V *x, V *y, int taps, int cin, int cout, int add, const After *f) {
    if (what == STORE) conv_as(LINEAR, STORE, g, w, x, y, taps, cin, cout, add, f);
    else if (what == FORWARD_SUMS) conv_as(LINEAR, FORWARD_SUMS, g, w, x, y, taps, cin, cout, add, f);
    else BY_ACT(f->act, conv_as, BACKWARD_SUMS, g, w, x, y, taps, cin, cout, add, f);
}

// dw [R inputs][T outputs] += x dy over `n` runs. S sums side by side hide the latency where R T are few.
INLINE void weight_tile(const int R, const int T, const Run *r, int n, const V *x, const V *dy, V *dw, int xs, int ys) {
    const int S = R * T >= 8 ? 1 : R * T >= 4 ? 2 : 4;
    V a[4][4][TILE];
    UNROLL for (int s = 0; s < S; s++)
        UNROLL for (int i = 0; i < R; i++) UNROLL for (int t = 0; t < T; t++) a[s][i][t] = s ? (V){} : dw[i * T + t];
    for (; n; n--, r++) {
        const V *xr = x + (size_t)r->src * xs * IMAGES, *dr = dy + (size_t)r->dst * ys * IMAGES;
        UNROLL for (int k = 0; k < IMAGES; k++) {
            V dt[TILE];
            UNROLL for (int t = 0; t < T; t++) { dt[t] = dr[t * IMAGES + k]; KEEP(dt[t]); }
            UNROLL for (int i = 0; i < R; i++) {
                V xi = xr[i * IMAGES + k];
                KEEP(xi);
                UNROLL for (int t = 0; t < T; t++) a[k % S][i][t] = fma_(xi, dt[t], a[k % S][i][t]);
            }
        }
    }
    UNROLL for (int s = 1; s < S; s++)
        UNROLL for (int i = 0; i < R; i++) UNROLL for (int t = 0; t < T; t++) a[0][i][t] += a[s][i][t];
    UNROLL for (int i = 0; i < R; i++) UNROLL for (int t = 0; t < T; t++) dw[i * T + t] = a[0][i][t];
}
INLINE void weight_rows(const int T, const Run *r, int n, const V *x, const V *dy, V *dw, int rows, int xs, int ys) {
#define ROWS(R) weight_tile(R, T, r, n, x, dy, dw, xs, ys)
    rows == 1 ? ROWS(1) : rows == 2 ? ROWS(2) : rows == 3 ? ROWS(3) : ROWS(4);
}
static void weight_gradient(const Gather *g, const V *x, const V *dy, V *dw, int taps, int cin, int cout) {
    int xs = padded(cin), ys = padded(cout);
    for (int k = 0; k < g->n; k++) {
        const Run *r = g->run + g->first[k];
        int rows = r->taps * cin, all_runs = g->first[k + 1] - g->first[k], some = STRIP / (rows + cout);
        some = some < 4 ? 4 : some;
        for (int i = 0; i < all_runs; i += some) {
            int n = all_runs - i < some ? all_runs - i : some;
            for (int row = 0, R; row < rows; row += R) {
                R = rows - row, R = R == 3 || R == 5 || R == 6 ? 3 : R < 4 ? R : 4;
                for (int c = 0, t; c < cout; c += t) {
                    t = tile(cout - c);
                    V *out = dw + (size_t)c * taps * cin + ((size_t)r->tap * cin + row) * t;
                    const V *xr = x + row * IMAGES, *dr = dy + c * IMAGES;
#define OUTPUTS(T) weight_rows(T, r + i, n, xr, dr, out, R, xs, ys)
                    t == 1 ? OUTPUTS(1) : t == 2 ? OUTPUTS(2) : OUTPUTS(3);
                }
            }
        }
    }
}

// Where the weight from input i to output o under a tap lies.
static size_t place(int tap, int i, int o, int taps, int cin, int cout) {
    int c = 0;
    while (c + tile(cout - c) <= o) c += tile(cout - c);
    return (size_t)c * taps * cin + ((size_t)tap * cin + i) * tile(cout - c) + o - c;
}
// The weights as the input gradient walks them: outputs in the place of inputs, taps in `backward_order`.
static void turn(const V *w, V *turned, int kernel, int stride, int cin, int cout) {
    int taps = kernel * kernel, order[3];
    backward_order(kernel, stride, order);
    for (int c = 0, t; c < cin; c += t) {
        t = tile(cin - c);
        V *to = turned + (size_t)c * taps * cout;
        for (int d = 0, u; d < cout; d += u) {
            u = tile(cout - d);
            const V *from = w + (size_t)d * taps * cin;
            for (int q = 0; q < taps; q++) {
                int tap = order[q / kernel] * kernel + order[q % kernel];
                for (int o = 0; o < u; o++)
                    for (int i = 0; i < t; i++)
                        to[((size_t)q * cout + d + o) * t + i] = from[((size_t)tap * cin + c + i) * u + o];
            }
        }
    }
}
