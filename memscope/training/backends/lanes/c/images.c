// The images of a batch, of every lane its own: shifted, mirrored, normalised, lane by lane beside each other.

// Up to four bytes, the first lowest.
static int32_t four_bytes(const uint8_t *p, int n) {
    uint8_t four[4] = {0};
    memcpy(four, p, n < 4 ? n : 4);
    return four[0] | four[1] << 8 | four[2] << 16 | (int32_t)((uint32_t)four[3] << 24);
}
// An image shifted within a border of zeros, then mirrored.
static void crop(const uint8_t *from, uint8_t *to, Size s, int channels, int row, int column, int mirror) {
    for (int y = 0; y < s.high; y++)
        for (int x = 0; x < s.wide; x++, to += channels) {
            int sy = y + row, sx = (mirror ? s.wide - 1 - x : x) + column;
            if (sy < 0 || sx < 0 || sy >= s.high || sx >= s.wide) memset(to, 0, channels);
            else memcpy(to, from + ((size_t)sy * s.wide + sx) * channels, channels);
        }
}
// One block of the batch, V [positions][channels, padded][IMAGES]; images beyond `some` are zeros.
static void read_block(const Net *net, const Batch *b, int blk, int some, V *x) {
    int c = net->channels, size = area(net->side) * c, ps = padded(c);
    if (some < IMAGES) memset(x, 0, sizeof(V) * block_of(net->layer->out, net->layer->cout));
    for (int n = 0; n < some; n++) {
        const uint8_t *from[L];
        for (int l = 0; l < L; l++) {
            size_t at = (size_t)l * b->stride + blk * IMAGES + n;
            from[l] = b->images + b->index[at] * size;
            if (!b->rows) continue;
            uint8_t *to = net->crop + (size_t)l * size;
            crop(from[l], to, net->side, c, b->rows[at] - b->padding, b->columns[at] - b->padding, b->mirror[at]);
            from[l] = to;
        }
        for (int i = 0, k = 0, p = 0; i < size; i += 4) {
            I four = {};
            EACH(l, L) four[l] = four_bytes(from[l] + i, size - i);
            for (int j = i; j < size && j < i + 4; j++, four >>= 8) {
                x[(net->flat ? (size_t)j : (size_t)p * ps + k) * IMAGES + n] = (__builtin_convertvector(four & 255, V) - b->mean[k]) * b->scale[k];
                if (++k == c) k = 0, p++;
            }
        }
    }
}
