// What follows the last map: pooling, the classifier, the loss and its gradient.

// Pooled features V [channels][IMAGES] of a map; of a maximum, where it was. Ties go to the first, as in PyTorch.
static void pool(const Net *net, const V *z, V *f) {
    int positions = area(net->layer[net->layers].out), ps = padded(net->features) * IMAGES;
    for (int i = 0; i < net->features * IMAGES; i++) {
        V top = z[i];
        I at = {};
        for (int p = 1; p < positions; p++) {
            V v = z[(size_t)p * ps + i];
            if (net->mean_pool) { top += v; continue; }
            I more = (v > top) | (v != v);   // NaN counts as the greatest
            top = where(more, v, top), at = (at & ~more) | (more & p);
        }
        f[i] = net->mean_pool ? top / (float)positions : top, net->best[i] = at;
    }
}
static void unpool(const Net *net, const V *df, V *dz) {
    int positions = area(net->layer[net->layers].out), ps = padded(net->features) * IMAGES;
    for (int p = 0; p < positions; p++)
        for (int i = 0; i < net->features * IMAGES; i++)
            dz[(size_t)p * ps + i] = net->mean_pool ? df[i] / (float)positions : kept(net->best[i] == p, df[i]);
}
// Logits V [classes, padded][IMAGES] of features.
static void classify(const Net *net, const V *f, V *logits) {
    const Layer *c = net->layer + net->layers + 2;
    conv(STORE, &c->forward, net->p + c->w, f, logits, 1, net->features, net->classes, 0, 0);
    for (int k = 0; k < net->classes; k++)
        UNROLL for (int n = 0; n < IMAGES; n++) logits[k * IMAGES + n] += net->p[c->beta + k];
}
// softmax(x / T) of one image, x with stride IMAGES, into p; log of the sum of exp(x / T).
static V softmax(const V *x, V *p, int classes, float temperature) {
    V top = x[0] / temperature, sum = {};
    for (int k = 1; k < classes; k++) {
        V v = x[k * IMAGES] / temperature;
        top = where(~(v <= top), v, top);
    }
    for (int k = 0; k < classes; k++) sum += p[k] = exponential(x[k * IMAGES] / temperature - top);
    for (int k = 0; k < classes; k++) p[k] /= sum;
    return top + logarithm(sum);
}
// The loss of one image of every lane, and its gradient with respect to the logits times `share`.
//
// (1 - w) CE(q, softmax(x)) + w T^2 KL(softmax(t / T) || softmax(x / T)), where q is 1 - s at the label and s / C
// everywhere (label smoothing), w is the soft weight, t the teacher's logits.
// Reference: Hinton, Vinyals & Dean (2015), arXiv 1503.02531.
static V image_loss(const Net *net, const Targets *t, I label, const V *x, const V *told, float share, V *d) {
    int C = net->classes;
    float w = told ? t->soft_weight : 0, each = t->smoothing / C, T = t->temperature;
    V *p = net->p1, *q = net->p2, own = {}, total = {}, loss, log_sum = softmax(x, p, C, 1);
    for (int k = 0; k < C; k++) {
        V v = x[k * IMAGES];
        I right = label == k;
        own = where(right, v, own), total += v;
        d[k * IMAGES] = (p[k] - (kept(right, all(1 - t->smoothing)) + each)) * ((1 - w) * share);
    }
    loss = fma_(all(t->smoothing - 1), own - log_sum, each * ((float)C * log_sum - total));
    if (!told) return loss;
    V apart = {}, ours = softmax(x, p, C, T), theirs = softmax(told, q, C, T);
    for (int k = 0; k < C; k++) {
        V gap = (told[k * IMAGES] / T - theirs) - (x[k * IMAGES] / T - ours);
        apart = fma_(q[k], gap, apart);
        d[k * IMAGES] = fma_(p[k] - q[k], all(w * T * share), d[k * IMAGES]);
    }
    return (1 - w) * loss + (w * T * T) * apart;
}
// A block from its last map to the loss and back to the map's gradient.
static void head(Net *net, const Batch *b, const Targets *t, int blk, int some) {
    Layer *last = net->layer + net->layers, *f = last + 1, *c = last + 2;
    size_t o = blk * block_of(last->out, last->cout);
    int C = net->classes;
    pool(net, last->z + o, f->z);
    classify(net, f->z, net->logits);
    memset(net->delta, 0, sizeof(V) * padded(C) * IMAGES);
    for (int n = 0; n < some; n++) {
        I label = {};
        for (int l = 0; l < L; l++) {
            size_t at = (size_t)l * net->batch + blk * IMAGES + n;
            label[l] = (int32_t)b->labels[b->index[(size_t)l * b->stride + blk * IMAGES + n]];
            if (t->teacher) for (int k = 0; k < C; k++) net->told[k * IMAGES][l] = t->teacher[at * C + k];
        }
        *net->loss += image_loss(net, t, label, net->logits + n, t->teacher ? net->told : 0, 1.0f / net->batch, net->delta + n);
        for (int k = 0; k < C; k++) net->g[c->beta + k] += net->delta[k * IMAGES + n];
    }
    weight_gradient(&c->weight, f->z, net->delta, net->g + c->w, 1, net->features, C);
    conv(STORE, &c->backward, c->turned, net->delta, f->dz, 1, C, net->features, 0, 0);
    unpool(net, f->dz, last->dz + o);
}
