// A network of convolutions, each with batch normalisation, perhaps a ReLU, perhaps an addition; then a pooled map and a
// linear classifier.
//
//   maps       V [blocks][positions][channels, padded][IMAGES]   one block of IMAGES images after another: a tile of
//                                                                outputs reads a contiguous piece for each neighbour
//   weights    V [tiles of outputs][tap][input][outputs of the tile]   read from front to back while inputs pass by
//   V          float [L]                                          lane l of everything belongs to model l
//
// Layer 0 is the input, 1 to `layers` the convolutions, then the pooled features and the classifier.
typedef struct {
    int src, add, act, cin, cout, kernel, stride, accumulate;   // accumulate: others write to the gradient of src before
    Size in, out;
    Gather forward, backward, weight;
    size_t w, gamma, beta;               // where its parameters start
    V *turned, *y, *z, *dz;              // weights turned; maps before and after normalisation; gradient of the latter
    V *mean, *var;                       // running statistics
    V *now, *inv, *a, *b, *s1, *s2, *k;  // of a batch: mean, 1 / deviation; z = a y + b; sums; gradient of y
} Layer;

typedef struct {
    int layers, channels, classes, batch, blocks, last, mean_pool, features, flat;   // last: images of the last block
    // flat: pixels are channels of one position, as a multilayer perceptron takes them
    Size side;
    size_t size, used;                   // parameters of a model; vectors of its space
    Layer *layer;
    void *whole;                         // what was allocated
    V *space, *p, *g, *m;                // everything below; parameters, gradients, momenta
    V *dy, *loss, *logits, *delta;       // of a block: gradient of y; of a batch: the sum of losses; of a block: logits
    V *told, *p1, *p2;                   // of an image: the teacher's logits, two sets of probabilities
    I *best;
    uint8_t *crop;                       // an augmented image of every lane
} Net;

// The examples of a batch: lane l has those at index[l * stride], ...; with stride 0 all lanes have the same.
typedef struct {
    const uint8_t *images;               // [N][height][width][channels]
    const int64_t *labels;               // [N]
    const int64_t *index;
    const int32_t *rows, *columns;       // shifts of 0 to 2 padding, like `index`; NULL without augmentation
    const uint8_t *mirror;
    const float *mean, *scale;           // [channels]
    int padding, stride;
} Batch;

// What is asked of a loss beside the labels.
typedef struct {
    float smoothing, soft_weight, temperature;
    const float *teacher;                // logits [L][batch][classes]; NULL without
} Targets;

typedef struct { float rate, classifier_rate, momentum, decay; } Rates;
