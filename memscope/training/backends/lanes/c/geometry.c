// Which positions of two maps meet under which taps of a kernel: worked out once, walked in every step.
//
// A Run says that position `dst` of one map meets `taps` neighbours in a row of the other, from `src` on, under `taps`
// taps in a row, from `tap` on. Only pairs inside both maps are listed, so nothing is padded and nothing is multiplied
// by zeros.

typedef struct { int dst, src, tap, taps; } Run;
typedef struct { Run *run; int *first, n; } Gather;   // runs grouped by position, or by tap: [first[g], first[g + 1])
typedef struct { int high, wide; } Size;
static int area(Size s) { return s.high * s.wide; }

// The taps of one axis in the order in which the input gradient walks them: ascending in the other map's positions.
static void backward_order(int kernel, int stride, int order[3]) {
    order[0] = 0, order[1] = 1, order[2] = 2;
    if (kernel == 3) order[0] = 2, order[1] = stride == 1 ? 1 : 0, order[2] = stride == 1 ? 0 : 1;
}

enum { FORWARD, BACKWARD, WEIGHTS };   // who walks it: outputs by inputs, inputs by outputs, taps by outputs

// `merge` joins neighbours into one run, which pays where a position has few channels. n < 0 where memory is short.
static Gather gather(int kernel, int stride, Size in, Size out, int merge, int use) {
    Size to = use == BACKWARD ? in : out, from = use == BACKWARD ? out : in;
    int order[3], n = 0, pad = kernel / 2;
    backward_order(use == BACKWARD ? kernel : 1, stride, order);
    Gather g = {malloc(sizeof(Run) * area(to) * kernel * kernel), malloc(sizeof(int) * (area(to) + 1)), area(to)};
    if (!g.run || !g.first) { g.n = -1; return g; }
    for (int d = 0; d < area(to); d++) {
        g.first[d] = n;
        for (int i = 0; i < kernel; i++)
            for (int j = 0, last = -9; j < kernel; j++) {
                int ky = order[i], kx = order[j], y = d / to.wide, x = d % to.wide;
                if (use == BACKWARD) {
                    y += pad - ky, x += pad - kx;
                    if (y % stride || x % stride) continue;
                    y /= stride, x /= stride;
                } else y = y * stride + ky - pad, x = x * stride + kx - pad;
                if (y < 0 || x < 0 || y >= from.high || x >= from.wide) continue;
                if (merge && last == j - 1) g.run[n - 1].taps++;
                else g.run[n++] = (Run){d, y * from.wide + x, i * kernel + j, 1};
                last = j;
            }
    }
    g.first[g.n] = n;
    if (use != WEIGHTS) return g;
    Gather w = {malloc(sizeof(Run) * n), malloc(sizeof(int) * (kernel * kernel * kernel + 1)), 0};
    for (int tap = 0, m = 0; w.run && w.first && tap < kernel * kernel; tap++)
        for (int taps = 1; taps <= kernel; taps++) {
            w.first[w.n] = m;
            for (int i = 0; i < n; i++) if (g.run[i].tap == tap && g.run[i].taps == taps) w.run[m++] = g.run[i];
            if (m > w.first[w.n]) w.first[++w.n] = m;
        }
    free(g.run), free(g.first);
    if (!w.run || !w.first) w.n = -1;
    return w;
}
