// Everything that the C part does, on made-up data: run under sanitizers (make sanitize), and on other processors, where
// the line that it prints must be the same. Memory that ends at any place must be told, and nothing may be lost of it.
#include <stdio.h>
#include <stdlib.h>
static long budget = -1;   // allocations that still succeed; -1 for all
static int spent(void) { return budget == 0 || (budget > 0 && --budget == 0); }
static void *some_malloc(size_t n) { return spent() ? 0 : malloc(n); }
static void *some_calloc(size_t n, size_t size) { return spent() ? 0 : calloc(n, size); }
#define malloc some_malloc
#define calloc some_calloc
#include "lanes.c"

enum { HIGH = 11, WIDE = 9, CHANNELS = 3, CLASSES = 7, BATCH = 10, IMAGES_HERE = 50 };
// Every kind of layer: stride 2, an addition after the ReLU, a projection, a ReLU after the addition; a perceptron.
static const int convolutions[] = {0,-1,1,3,3,2, 1,-1,1,6,3,2, 2,2,1,6,3,1, 3,-1,0,17,1,2, 3,-1,1,17,3,2, 5,4,2,17,3,1};
static const int perceptron[] = {0,-1,1,5,1,1, 1,-1,1,5,1,1};

static uint8_t images[IMAGES_HERE * HIGH * WIDE * CHANNELS];
static int64_t labels[IMAGES_HERE], indices[L * BATCH];
static int32_t row[L * BATCH], column[L * BATCH];
static uint8_t mirror[L * BATCH];
static float told[L * BATCH * CLASSES], loss[L], logits[L * BATCH * CLASSES], features[L * BATCH * 32];
static uint32_t seed = 1;
static uint32_t next(void) { return (seed = seed * 1664525u + 1013904223u) >> 8; }
static void mix(uint32_t *hash, float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4), *hash = (*hash ^ bits) * 16777619u;
}
static uint32_t exercise(const int *layers, int count, int flat, int pool) {
    Net *net = lanes_make(HIGH, WIDE, CHANNELS, CLASSES, BATCH, pool, flat, count, layers);
    uint32_t hash = 2166136261u;
    if (!net) return 0;
    for (size_t i = 0; i < net->size; i++) net->p[i] = all((next() % 2000 - 1000.0f) / 2500);
    float mean[] = {120, 121, 122}, scale[] = {0.02f, 0.02f, 0.02f};
    Batch b = {images, labels, indices, row, column, mirror, mean, scale, 1, BATCH};
    for (int s = 0; s < 6; s++) {
        for (int i = 0; i < BATCH; i++) {
            int64_t k = next() % IMAGES_HERE, r = next() % 3, c = next() % 3, m = next() % 2;
            for (int l = 0; l < L; l++) indices[l * BATCH + i] = k, row[l * BATCH + i] = r, column[l * BATCH + i] = c,
                                        mirror[l * BATCH + i] = m;
        }
        for (int i = 0; i < BATCH * CLASSES; i++) {
            float t = (next() % 2000 - 1000.0f) / 300;
            for (int l = 0; l < L; l++) told[l * BATCH * CLASSES + i] = t;
        }
        Targets t = {s % 2 ? 0.1f : 0, 0.7f, 3, s % 3 ? told : 0};
        Rates r = {0.1f, 0.05f, 0.9f, 5e-4f};
        lanes_step(net, &b, &t, &r, loss);
    }

    lanes_ask(net, &b, BATCH, logits, features);
    for (size_t i = 0; i < net->size; i++) mix(&hash, net->p[i][0]);
    for (int i = 0; i < BATCH * CLASSES; i++) mix(&hash, logits[i]);
    mix(&hash, loss[0]);
    lanes_drop(net);
    return hash;
}
int main(void) {
    for (size_t i = 0; i < sizeof images; i++) images[i] = (uint8_t)next();
    for (int i = 0; i < IMAGES_HERE; i++) labels[i] = next() % CLASSES;
    printf("%08x ", exercise(convolutions, 6, 0, 0));   // one after another: arguments have no order
    printf("%08x ", exercise(convolutions, 6, 0, 1));
    printf("%08x\n", exercise(perceptron, 2, 1, 1));
    int ended = 0;
    for (long some = 1; some < 400; some++) {
        budget = some;
        Net *net = lanes_make(HIGH, WIDE, CHANNELS, CLASSES, BATCH, 0, 0, 6, convolutions);
        int left = budget != 0;
        budget = -1;
        if ((net != 0) != left) return 1;   // a network although an allocation failed, or none although all succeeded
        ended += net == 0;
        lanes_drop(net);
    }
    return ended < 50;
}
