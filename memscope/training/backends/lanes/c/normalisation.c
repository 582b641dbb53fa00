// Batch normalisation, ReLU and addition: what a convolution's map goes through, and its gradient back.
//
// Sums over a batch are kept while the convolutions write (after_tile); here is what needs the sums of all blocks.

// The map of a layer after normalisation, of one block.
INLINE void activate_as(const int act, const Layer *l, const V *y, const V *other, V *z) {
    int ps = padded(l->cout) * IMAGES;
    for (int p = 0; p < area(l->out); p++)
        for (int c = 0; c < l->cout; c++) {
            V a = l->a[c], b = l->b[c];
            UNROLL for (int n = 0; n < IMAGES; n++) {
                size_t i = (size_t)p * ps + c * IMAGES + n;
                z[i] = activated(act, y[i], a, b, other ? other + i : 0);
            }
        }
}
static void activate(const Net *net, const Layer *l, int blk) {
    size_t o = blk * block_of(l->out, l->cout);
    const V *other = l->add < 0 ? 0 : net->layer[l->add].z + o;
    BY_ACT(l->act, activate_as, l, l->y + o, other, l->z + o);
}

static void forget(Layer *l) { memset(l->s1, 0, sizeof(V) * l->cout), memset(l->s2, 0, sizeof(V) * l->cout); }

// The sums of the first `some` images of a block, where no convolution has just written its gradient.
static void backward_sums(Layer *l, const V *dz, const V *y, const V *z, int some) {
    int ps = padded(l->cout) * IMAGES;
    for (int c = 0; c < l->cout; c++) {
        V s = {}, q = {}, about = l->now[c];
        for (int p = 0; p < area(l->out); p++)
            for (int n = 0; n < some; n++) {
                size_t i = (size_t)p * ps + c * IMAGES + n;
                V g = through_relu(l->act, dz[i], y[i], z[i], l->a[c], l->b[c]);
                s += g, q = fma_(g, y[i] - about, q);
            }
        l->s1[c] += s, l->s2[c] += q;
    }
}

// From the sums of a batch: z = a y + b, and the running statistics as PyTorch keeps them (momentum .1, epsilon 1e-5).
static void statistics(Layer *l, const V *p, int batch) {
    float n = (float)batch * area(l->out), unbiased = n / (n - 1);
    for (int c = 0; c < l->cout; c++) {
        V off = l->s1[c] / n, var = fma_(-off, off, l->s2[c] / n);
        var = where(var < 0, (V){}, var);
        l->now[c] = l->mean[c] + off, l->inv[c] = 1.0f / root(var + 1e-5f);
        l->a[c] = p[l->gamma + c] * l->inv[c], l->b[c] = fma_(-l->now[c], l->a[c], p[l->beta + c]);
        l->mean[c] = fma_(all(0.1f), off, l->mean[c]);
        l->var[c] = fma_(all(0.1f), fma_(var, all(unbiased), -l->var[c]), l->var[c]);
    }
}
// The same from the running statistics.
static void running_statistics(Layer *l, const V *p) {
    for (int c = 0; c < l->cout; c++) {
        l->a[c] = p[l->gamma + c] * (1.0f / root(l->var[c] + 1e-5f));
        l->b[c] = fma_(-l->mean[c], l->a[c], p[l->beta + c]);
    }
}
// dy = k0 g + k1 (y - mean) + k2, with g the gradient behind the ReLU.
// Reference: Ioffe & Szegedy (2015), Batch normalization, section 3.
static void backward_statistics(Layer *l, const V *p, V *g, int batch) {
    float n = (float)batch * area(l->out);
    for (int c = 0; c < l->cout; c++) {
        V s1 = l->s1[c], s2 = l->s2[c], inv = l->inv[c], k0 = p[l->gamma + c] * inv;
        g[l->gamma + c] = s2 * inv, g[l->beta + c] = s1;
        l->k[3 * c] = k0, l->k[3 * c + 1] = -(k0 * inv * inv * s2) / n, l->k[3 * c + 2] = -(k0 * s1) / n;
    }
}
INLINE void through_as(const int act, const Layer *l, const V *dz, const V *y, const V *z, V *dy, V *other) {
    int ps = padded(l->cout) * IMAGES;
    for (int p = 0; p < area(l->out); p++)
        for (int c = 0; c < l->cout; c++) {
            V a = l->a[c], b = l->b[c], k0 = l->k[3 * c], k1 = l->k[3 * c + 1], k2 = l->k[3 * c + 2], now = l->now[c];
            UNROLL for (int n = 0; n < IMAGES; n++) {
                size_t i = (size_t)p * ps + c * IMAGES + n;
                V g = through_relu(act, dz[i], y[i], act == RELU_LAST ? z[i] : y[i], a, b);
                if (other) other[i] = act == RELU_LAST ? g : dz[i];
                dy[i] = fma_(k0, g, fma_(k1, y[i] - now, k2));
            }
        }
}
// From dz to dy of one block, and to the gradient of what was added. Images beyond `some` have no gradient.
static void through(const Net *net, const Layer *l, int blk, int some) {
    size_t o = blk * block_of(l->out, l->cout);
    V *other = l->add < 0 ? 0 : net->layer[l->add].dz + o, *dy = net->dy;
    BY_ACT(l->act, through_as, l, l->dz + o, l->y + o, l->z + o, dy, other);
    if (some < IMAGES)
        for (size_t i = 0, end = block_of(l->out, l->cout); i < end; i += IMAGES)
            for (int n = some; n < IMAGES; n++) dy[i + n] = (V){};
}
