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

#ifndef EXPORT
#define EXPORT __attribute__((visibility("default")))
#endif
static void wire(Layer *c, size_t *size) {
    int k = c->kernel;
    c->out = (Size){(c->in.high + c->stride - 1) / c->stride, (c->in.wide + c->stride - 1) / c->stride};
    c->forward = gather(k, c->stride, c->in, c->out, c->cin < 16, FORWARD);
    c->backward = gather(k, c->stride, c->in, c->out, c->cout < 16, BACKWARD);
    c->weight = gather(k, c->stride, c->in, c->out, c->cin < 16, WEIGHTS);
    c->w = *size, c->gamma = c->w + (size_t)k * k * c->cin * c->cout, c->beta = c->gamma + c->cout;
    *size = c->beta + c->cout;
}
// The next n vectors of the network's space; before there is any, they are only counted.
static V *piece(Net *net, size_t n) {
    V *p = net->space ? net->space + net->used : 0;
    net->used += n;
    return p;
}
// Everything that a network holds, in its space: what is needed for steps if there is a batch.
static void lay_out(Net *net) {
    size_t most = 0, blocks = net->blocks, train = net->batch > 0, classes = padded(net->classes) * IMAGES;
    net->used = 0;
    for (Layer *c = net->layer, *last = c + net->layers; c <= last + 2; c++) {
        size_t n = block_of(c->out, c->cout), whole = c <= last ? n * blocks : n;
        V **of_channels[] = {&c->mean, &c->var, &c->a, &c->b, &c->s1, &c->s2, &c->now, &c->inv};
        most = n > most ? n : most;
        c->z = piece(net, whole), c->y = piece(net, whole), c->dz = piece(net, train * whole);
        c->turned = piece(net, train * c->kernel * c->kernel * c->cin * c->cout), c->k = piece(net, 3 * c->cout);
        for (int k = 0; k < 8; k++) *of_channels[k] = piece(net, c->cout);
    }
    net->p = piece(net, net->size), net->g = piece(net, train * net->size), net->m = piece(net, train * net->size);
    net->dy = piece(net, train * most), net->best = (I *)piece(net, padded(net->features) * IMAGES);
    net->logits = piece(net, classes), net->delta = piece(net, classes), net->told = piece(net, classes);
    net->p1 = piece(net, classes), net->p2 = piece(net, classes), net->loss = piece(net, 1);
    net->crop = (uint8_t *)piece(net, ((size_t)area(net->side) * net->channels * L + sizeof(V) - 1) / sizeof(V));
}

EXPORT void lanes_drop(Net *net) {
    if (!net) return;
    for (Layer *c = net->layer; c && c < net->layer + net->layers + 3; c++) {
        Gather *its[] = {&c->forward, &c->backward, &c->weight};
        for (int k = 0; k < 3; k++) free(its[k]->run), free(its[k]->first);
    }
    free(net->layer), free(net->whole), free(net);
}

// layers: int [count][6] of source, what is added or -1, act, outputs, kernel, stride. With `batch` images a step; 0 for a
// network that is only asked, which needs the maps of one block. NULL where memory is short.
EXPORT Net *lanes_make(int high, int wide, int channels, int classes, int batch, int mean_pool, int flat,
                       int count, const int *layers) {
    Net *net = calloc(1, sizeof(Net));
    Layer *l = calloc(count + 3, sizeof(Layer)), *f = l + count + 1, *last = l + count + 2;
    int blocks = batch ? (batch + IMAGES - 1) / IMAGES : 1, lack = 0;
    if (!net || !l) { free(net), free(l); return 0; }
    *net = (Net){.layers = count, .channels = channels, .classes = classes, .batch = batch, .blocks = blocks, .flat = flat,
                 .last = batch ? batch - (blocks - 1) * IMAGES : IMAGES, .mean_pool = mean_pool, .side = {high, wide}, .layer = l};
    l->cout = flat ? high * wide * channels : channels, l->out = flat ? (Size){1, 1} : net->side;
    for (Layer *c = l + 1; c < f; c++, layers += 6) {
        c->src = layers[0], c->add = layers[1], c->act = layers[2], c->cout = layers[3], c->kernel = layers[4];
        c->stride = layers[5], c->cin = l[c->src].cout, c->in = l[c->src].out;
        for (Layer *b = l + 1; b <= c; b++) b->accumulate |= c->add == b->src || (c > b && c->src == b->src);
        wire(c, &net->size);
    }
    net->features = f->cout = last->cin = f[-1].cout, last->cout = classes, last->kernel = last->stride = 1;
    f->out = last->in = (Size){1, 1};
    wire(last, &net->size);
    last->beta = last->gamma, net->size -= classes;   // no scale: only a bias
    for (Layer *c = l; c <= last; c++) lack |= c->forward.n < 0 || c->backward.n < 0 || c->weight.n < 0;
    lay_out(net);
    net->whole = lack ? 0 : calloc(net->used + 1, sizeof(V));
    if (!net->whole) { lanes_drop(net); return 0; }
    net->space = (V *)(((uintptr_t)net->whole + sizeof(V) - 1) / sizeof(V) * sizeof(V));   // where a vector may begin
    lay_out(net);
    return net;
}
EXPORT int lanes_count(void) { return L; }

// which: 0 weights [outputs][inputs][kernel][kernel], 1 scales, 2 shifts or biases, 3 running means, 4 running variances.
enum { GET, SET, GET_GRADIENT };
EXPORT void lanes_copy(Net *net, int layer, int which, int lane, float *values, int how) {
    Layer *c = net->layer + layer;
    int taps = c->kernel * c->kernel, n = which ? c->cout : c->cout * c->cin * taps;
    V *of = how == GET_GRADIENT ? net->g : net->p, *from[] = {of + c->w, of + c->gamma, of + c->beta, c->mean, c->var};
    for (int i = 0; i < n; i++) {
        V *v = from[which] + (which ? (size_t)i : place(i % taps, i / taps % c->cin, i / taps / c->cin, taps, c->cin, c->cout));
        if (how == SET) (*v)[lane] = values[i]; else values[i] = (*v)[lane];
    }
}

// Stochastic gradient descent with Nesterov momentum, as PyTorch's.
static void descend(V *p, const V *g, V *m, size_t n, float rate, float momentum, float decay) {
    for (size_t i = 0; i < n; i++) {
        V d = fma_(all(decay), p[i], g[i]);
        m[i] = fma_(all(momentum), m[i], d);
        p[i] = fma_(all(-rate), momentum > 0 ? fma_(all(momentum), m[i], d) : d, p[i]);
    }
}
// Weights decay; scales, shifts and biases do not.
static void update(Net *net, const Rates *r) {
    for (int i = 1; i <= net->layers + 2; i++) {
        Layer *l = net->layer + i;
        size_t w = l->w, b = l->gamma, n = (i > net->layers ? 1 : 2) * l->cout;
        float rate = i > net->layers ? r->classifier_rate : r->rate;
        if (i == net->layers + 1) continue;   // the pooled features have none
        descend(net->p + w, net->g + w, net->m + w, b - w, rate, r->momentum, r->decay);
        descend(net->p + b, net->g + b, net->m + b, n, rate, r->momentum, 0);
    }
}
static int images_of(const Net *net, int blk) { return blk == net->blocks - 1 ? net->last : IMAGES; }

static void forward(Net *net, const Batch *b) {
    Layer *l = net->layer;
    for (int i = 1; i <= net->layers; i++) {
        Layer *c = l + i, *s = l + c->src;
        After sums = {.about = c->mean, .s1 = c->s1, .s2 = c->s2};
        forget(c);
        for (int blk = 0; blk < net->blocks; blk++) {
            sums.some = images_of(net, blk);
            if (i == 1) read_block(net, b, blk, sums.some, l->z + blk * block_of(l->out, l->cout));
            else activate(net, c - 1, blk);
            conv(FORWARD_SUMS, &c->forward, net->p + c->w, s->z + blk * block_of(c->in, c->cin),
                 c->y + blk * block_of(c->out, c->cout), c->kernel * c->kernel, c->cin, c->cout, 0, &sums);
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
        int some = sums.some = images_of(net, blk), fused = s == before;
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
    Layer *l = net->layer, *last = l + net->layers;
    memset(net->g, 0, net->size * sizeof(V)), *net->loss = (V){};
    for (Layer *c = l + 2; c <= last + 2; c++) turn(net->p + c->w, c->turned, c->kernel, c->stride, c->cin, c->cout);
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

// Logits float [L][count][classes] and features float [L][count][features], or NULL, of `count` images by the running
// statistics. `b` has one index for all lanes, or [L][count].
EXPORT void lanes_ask(Net *net, const Batch *b, int count, float *logits, float *features) {
    Layer *l = net->layer, *f = l + net->layers + 1;
    for (Layer *c = l + 1; c < f; c++) running_statistics(c, net->p);
    for (int first = 0; first < count; first += IMAGES) {
        int n = count - first < IMAGES ? count - first : IMAGES;
        Batch here = *b;
        here.index += first;
        if (b->rows) here.rows += first, here.columns += first, here.mirror += first;
        read_block(net, &here, 0, n, l->z);
        for (Layer *c = l + 1; c < f; c++) {
            conv(STORE, &c->forward, net->p + c->w, l[c->src].z, c->y, c->kernel * c->kernel, c->cin, c->cout, 0, 0);
            activate(net, c, 0);
        }
        pool(net, f[-1].z, f->z);
        classify(net, f->z, net->logits);
        for (int lane = 0; lane < L; lane++)
            for (int i = 0; i < n; i++) {
                size_t at = (size_t)lane * count + first + i;
                for (int k = 0; k < net->classes; k++) logits[at * net->classes + k] = net->logits[k * IMAGES + i][lane];
                for (int k = 0; features && k < f->cout; k++) features[at * f->cout + k] = f->z[k * IMAGES + i][lane];
            }
    }
}
