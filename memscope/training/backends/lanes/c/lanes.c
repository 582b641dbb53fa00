// Small networks trained and asked L at a time, in lockstep: lane l of every vector belongs to model l.
//
// One translation unit, so that everything that a tile does is inlined into it; a file for each subject. Built once for
// each kind of processor (library.py); all builds give a model the same bits.
#include "vector.h"
#include "geometry.c"
#include "convolution.c"
#include "network.h"
#include "normalisation.c"
#include "images.c"
#include "head.c"

#define EXPORT __attribute__((visibility("default")))

// ---- making a network ----------------------------------------------------------------------------------------------

static void *zeros(size_t vectors, int *short_of) {
    size_t bytes = (vectors * sizeof(V) + 63) / 64 * 64 + 64;
    void *p = aligned_alloc(64, bytes);
    if (!p) { *short_of = 1; return 0; }
    return memset(p, 0, bytes);
}
static void wire(Layer *c, size_t *size, int *short_of) {
    int k = c->kernel;
    c->out = (Size){(c->in.high + c->stride - 1) / c->stride, (c->in.wide + c->stride - 1) / c->stride};
    c->forward = gather(k, c->stride, c->in, c->out, c->cin < 16, FORWARD);
    c->backward = gather(k, c->stride, c->in, c->out, c->cout < 16, BACKWARD);
    c->weight = gather(k, c->stride, c->in, c->out, c->cin < 16, WEIGHTS);
    *short_of |= c->forward.n < 0 || c->backward.n < 0 || c->weight.n < 0;
    c->w = *size, c->gamma = c->w + (size_t)k * k * c->cin * c->cout, c->beta = c->gamma + c->cout;
    *size = c->beta + c->cout;
}

EXPORT void lanes_drop(Net *net) {
    if (!net) return;
    for (int i = 0; net->layer && i < net->layers + 3; i++) {
        Layer *c = net->layer + i;
        void *its[] = {c->forward.run, c->forward.first, c->backward.run, c->backward.first, c->weight.run, c->weight.first,
                       c->turned, c->y, c->z, c->dz, c->mean, c->var, c->now, c->inv, c->a, c->b, c->s1, c->s2, c->k};
        for (size_t k = 0; k < sizeof its / sizeof *its; k++) free(its[k]);
    }
    void *its[] = {net->layer, net->p, net->g, net->m, net->dy, net->loss, net->logits, net->delta, net->told, net->p1, net->p2,
                   net->best, net->crop, net};
    for (size_t k = 0; k < sizeof its / sizeof *its; k++) free(its[k]);
}

// layers: int [count][6] of source, what is added or -1, act, outputs, kernel, stride. With `batch` images a step; 0 for a
// network that is only asked, which needs the maps of one block. NULL where memory is short.
EXPORT Net *lanes_make(int high, int wide, int channels, int classes, int batch, int mean_pool, int flat,
                       int count, const int *layers) {
    Net *net = calloc(1, sizeof(Net));
    int lack = 0, train = batch > 0;
    if (!net) return 0;
    net->layers = count, net->channels = channels, net->classes = classes, net->mean_pool = mean_pool, net->flat = flat;
    net->side = (Size){high, wide}, net->batch = batch;
    net->blocks = train ? (batch + IMAGES - 1) / IMAGES : 1, net->last = train ? batch - (net->blocks - 1) * IMAGES : IMAGES;
    Layer *l = net->layer = calloc(count + 3, sizeof(Layer));
    if (!l) { lanes_drop(net); return 0; }
    size_t most = 0, blocks = net->blocks;
    l[0].cout = flat ? area(net->side) * channels : channels, l[0].out = flat ? (Size){1, 1} : net->side;
    l[0].z = zeros(blocks * block_of(l[0].out, l[0].cout), &lack);
    for (int i = 1; i <= count; i++, layers += 6) {
        Layer *c = l + i;
        c->src = layers[0], c->add = layers[1], c->act = layers[2], c->cout = layers[3], c->kernel = layers[4];
        c->stride = layers[5], c->cin = l[c->src].cout, c->in = l[c->src].out;
        wire(c, &net->size, &lack);
        size_t n = block_of(c->out, c->cout), weights = (size_t)c->kernel * c->kernel * c->cin * c->cout;
        c->z = zeros(n * blocks, &lack), most = n > most ? n : most;
        if (train) c->y = zeros(n * blocks, &lack), c->dz = zeros(n * blocks, &lack), c->turned = zeros(weights, &lack);
        V **each[] = {&c->mean, &c->var, &c->a, &c->b, &c->s1, &c->s2, &c->now, &c->inv};
        for (int k = 0; k < 8; k++) *each[k] = zeros(c->cout, &lack);
        c->k = zeros(3 * c->cout, &lack);
    }
    for (int i = 1; i <= count; i++)
        for (int j = i; j <= count; j++) l[i].accumulate |= l[j].add == l[i].src || (j > i && l[j].src == l[i].src);
    Layer *c = l + count + 2, *f = l + count + 1;
    net->features = c->cin = l[count].cout, c->cout = classes, c->kernel = c->stride = 1, c->in = (Size){1, 1};
    wire(c, &net->size, &lack);
    c->beta = c->gamma, net->size -= classes;   // no scale: only a bias
    size_t one = (size_t)padded(c->cin) * IMAGES, k = (size_t)padded(classes) * IMAGES;
    f->z = zeros(one, &lack), f->dz = zeros(one, &lack), net->best = zeros(one, &lack);
    c->turned = zeros((size_t)c->cin * classes, &lack), net->logits = zeros(k, &lack), net->delta = zeros(k, &lack);
    net->told = zeros(k, &lack), net->p1 = zeros(classes, &lack), net->p2 = zeros(classes, &lack);
    net->p = zeros(net->size, &lack), net->loss = zeros(1, &lack), net->crop = malloc((size_t)L * area(net->side) * channels);
    if (train) net->g = zeros(net->size, &lack), net->m = zeros(net->size, &lack), net->dy = zeros(most, &lack);
    if (lack || !net->crop) { lanes_drop(net); return 0; }
    return net;
}
EXPORT int lanes_count(void) { return L; }

// which: 0 weights [outputs][inputs][kernel][kernel], 1 scales, 2 shifts or biases, 3 running means, 4 running variances.
enum { GET, SET, GET_GRADIENT };
EXPORT void lanes_copy(Net *net, int layer, int which, int lane, float *values, int how) {
    Layer *c = net->layer + layer;
    int taps = c->kernel * c->kernel, n = which ? c->cout : c->cout * c->cin * taps;
    V *from = how == GET_GRADIENT ? net->g : net->p;
    for (int i = 0; i < n; i++) {
        V *v = which == 1 ? from + c->gamma + i : which == 2 ? from + c->beta + i : which == 3 ? c->mean + i
             : which == 4 ? c->var + i : from + c->w + place(i % taps, i / taps % c->cin, i / taps / c->cin, taps, c->cin, c->cout);
        if (how == SET) (*v)[lane] = values[i]; else values[i] = (*v)[lane];
    }
}

// ---- a step --------------------------------------------------------------------------------------------------------

// Stochastic gradient descent with Nesterov momentum, as PyTorch's.
static void descend(V *p, const V *g, V *m, size_t n, float rate, float momentum, float decay) {
    for (size_t i = 0; i < n; i++) {
        V d = fma_(all(decay), p[i], g[i]);
        m[i] = fma_(all(momentum), m[i], d);
        p[i] = fma_(all(-rate), momentum > 0 ? fma_(all(momentum), m[i], d) : d, p[i]);
    }
}
static void update(Net *net, const Rates *r) {
    Layer *l = net->layer, *last = l + net->layers + 2;
    for (int i = 1; i <= net->layers; i++) {
        descend(net->p + l[i].w, net->g + l[i].w, net->m + l[i].w, l[i].gamma - l[i].w, r->rate, r->momentum, r->decay);
        descend(net->p + l[i].gamma, net->g + l[i].gamma, net->m + l[i].gamma, 2 * l[i].cout, r->rate, r->momentum, 0);
    }
    size_t w = last->w, b = last->beta;
    descend(net->p + w, net->g + w, net->m + w, b - w, r->classifier_rate, r->momentum, r->decay);
    descend(net->p + b, net->g + b, net->m + b, net->classes, r->classifier_rate, r->momentum, 0);
}
static int images_of(const Net *net, int blk) { return blk == net->blocks - 1 ? net->last : IMAGES; }

static void forward(Net *net, const Batch *b) {
    Layer *l = net->layer;
    for (int i = 1; i <= net->layers; i++) {
        Layer *c = l + i, *s = l + c->src;
        After sums = {.about = c->mean, .s1 = c->s1, .s2 = c->s2};
        forget(c);
        for (int blk = 0; blk < net->blocks; blk++) {
            int some = images_of(net, blk), whole = some == IMAGES;
            if (i == 1) read_block(net, b, blk, some, l->z + blk * block_of(l->out, l->cout));
            else activate(net, c - 1, blk);
            V *y = c->y + blk * block_of(c->out, c->cout);
            conv(whole ? FORWARD_SUMS : STORE, &c->forward, net->p + c->w, s->z + blk * block_of(c->in, c->cin), y,
                 c->kernel * c->kernel, c->cin, c->cout, 0, &sums);
            if (!whole) forward_sums(c, y, some);
        }
        statistics(c, net->p, net->batch);
    }
}
// From the gradient of a map's activation on, and the sums of it, to those of the map before.
static void backward(Net *net, int i) {
    Layer *c = net->layer + i, *s = net->layer + c->src, *before = c - 1;
    After sums = {.act = before->act, .about = before->now, .a = before->a, .b = before->b, .s1 = before->s1, .s2 = before->s2};
    backward_statistics(c, net->p, net->g, net->batch);
    if (i > 1) forget(before);
    for (int blk = 0; blk < net->blocks; blk++) {
        int some = images_of(net, blk), fused = some == IMAGES && s == before;
        size_t o = blk * block_of(c->in, c->cin), ob = blk * block_of(before->out, before->cout);
        through(net, c, blk, some);
        weight_gradient(&c->weight, s->z + o, net->dy, net->g + c->w, c->kernel * c->kernel, c->cin, c->cout);
        if (i == 1) continue;
        sums.y = before->y + ob, sums.z = before->z + ob;
        if (c->src) conv(fused ? BACKWARD_SUMS : STORE, &c->backward, c->turned, net->dy, s->dz + o, c->kernel * c->kernel,
                         c->cout, c->cin, c->accumulate, &sums);
        if (!fused) backward_sums(before, before->dz + ob, before->y + ob, before->z + ob, some);
    }
}
// One step of every lane: loss float [L] is each one's mean over its batch.
EXPORT void lanes_step(Net *net, const Batch *b, const Targets *t, const Rates *r, float *loss) {
    Layer *l = net->layer, *last = l + net->layers, *classifier = last + 2;
    memset(net->g, 0, net->size * sizeof(V)), *net->loss = (V){};
    for (Layer *c = l + 2; c <= last; c++) turn(net->p + c->w, c->turned, c->kernel, c->stride, c->cin, c->cout);
    turn(net->p + classifier->w, classifier->turned, 1, 1, classifier->cin, classifier->cout);
    forward(net, b);
    forget(last);
    for (int blk = 0; blk < net->blocks; blk++) {
        size_t o = blk * block_of(last->out, last->cout);
        activate(net, last, blk);
        head(net, b, t, blk, images_of(net, blk));
        backward_sums(last, last->dz + o, last->y + o, last->z + o, images_of(net, blk));
    }
    for (int i = net->layers; i; i--) backward(net, i);
    update(net, r);
    *net->loss /= (float)net->batch;
    memcpy(loss, net->loss, sizeof(V));
}

// ---- asking --------------------------------------------------------------------------------------------------------

// Running statistics in place of a batch's, for all that is asked after it.
EXPORT void lanes_settle(Net *net) {
    for (int i = 1; i <= net->layers; i++) running_statistics(net->layer + i, net->p);
}
// Of `n` images, up to IMAGES from `first` of the batch on, the features V [features][IMAGES] and logits V [classes][IMAGES].
static void ask(Net *net, const Batch *b, int first, int n) {
    Layer *l = net->layer;
    Batch here = *b;
    here.index += first;
    if (b->rows) here.rows += first, here.columns += first, here.mirror += first;
    read_block(net, &here, 0, n, l->z);
    for (int i = 1; i <= net->layers; i++) {
        Layer *c = l + i;
        After f = {.act = c->act, .a = c->a, .b = c->b, .other = c->add < 0 ? 0 : l[c->add].z};
        conv(NORMALISED, &c->forward, net->p + c->w, l[c->src].z, c->z, c->kernel * c->kernel, c->cin, c->cout, 0, &f);
    }
    pool(net, l[net->layers].z, l[net->layers + 1].z, 0);
    classify(net, l[net->layers + 1].z, net->logits);
}
// Logits float [L][count][classes] and features float [L][count][features], or NULL, of `count` images; the network was
// made with batch 0. `b` has one index for all lanes, or [L][count].
EXPORT void lanes_ask(Net *net, const Batch *b, int count, float *logits, float *features) {
    net->batch = count;
    for (int first = 0; first < count; first += IMAGES) {
        int n = count - first < IMAGES ? count - first : IMAGES;
        ask(net, b, first, n);
        const V *f = net->layer[net->layers + 1].z;
        for (int l = 0; l < L; l++)
            for (int i = 0; i < n; i++) {
                size_t at = (size_t)l * count + first + i;
                for (int k = 0; k < net->classes; k++) logits[at * net->classes + k] = net->logits[k * IMAGES + i][l];
                for (int k = 0; features && k < net->features; k++) features[at * net->features + k] = f[k * IMAGES + i][l];
            }
    }
}
// Predicted class int32 [L][count] and log-odds of the label float [L][count]: its logit less the log of the sum of the
// others' exponentials (Carlini et al. 2022).
EXPORT void lanes_evaluate(Net *net, const Batch *b, int count, int32_t *predicted, float *odds) {
    net->batch = count;
    for (int first = 0; first < count; first += IMAGES) {
        int n = count - first < IMAGES ? count - first : IMAGES;
        ask(net, b, first, n);
        for (int i = 0; i < n; i++) {
            const V *x = net->logits + i;
            int32_t label = (int32_t)b->labels[b->index[first + i]];
            V top = x[0], rest = all(-INFINITY), sum = {};
            I best = {};
            for (int k = 0; k < net->classes; k++) {
                V v = x[k * IMAGES];
                I more = (v > top) | ((v != v) & (top == top));
                top = where(more, v, top), best = (best & ~more) | (more & k);
                if (k != label) rest = where(~(v <= rest), v, rest);
            }
            for (int k = 0; k < net->classes; k++) if (k != label) sum += exponential(x[k * IMAGES] - rest);
            V found = x[label * IMAGES] - (rest + logarithm(sum));
            for (int l = 0; l < L; l++) {
                size_t at = (size_t)l * count + first + i;
                predicted[at] = best[l], odds[at] = found[l];
            }
        }
    }
}
