// The images of a batch, of every lane its own: shifted, mirrored, normalised, lane by lane beside each other.

// Up to four bytes, the first lowest.
static int32_t four_bytes(const uint8_t *p, int n) {
    int32_t four = 0;
    if (n >= 4) memcpy(&four, p, 4);
    else for (int i = 0; i < n; i++) four |= (int32_t)p[i] << 8 * i;
    return four;
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
    int c = net->channels, size = area(net->side) * c, ps = padded(c), vectors = net->flat ? size : area(net->side) * ps;
    for (int n = 0; n < IMAGES; n++) {
        const uint8_t *from[L];
        if (n >= some) {
            for (int i = 0; i < vectors; i++) x[(size_t)i * IMAGES + n] = (V){};
            continue;
        }
        for (int l = 0; l < L; l++) {
            size_t at = (b->shared ? 0 : (size_t)l * net->batch) + blk * IMAGES + n;
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
