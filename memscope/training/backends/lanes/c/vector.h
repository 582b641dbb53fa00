// Vectors whose lane l belongs to model l, and the arithmetic that every model is trained by.
//
// All roundings are written out: products are fused with sums where `fma` stands and nowhere else (the compiler is told
// not to, -ffp-contract=off), sums have the order in which they are written, and exp and log are our own. So a model has
// the same bits on every processor, from every compiler and at every number of lanes. No lane ever reads another.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined __x86_64__ && defined __FMA__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif

#ifndef L
#define L 4   // models: floats of a register. 16 with AVX-512, 8 with AVX2, 4 with NEON
#endif

typedef float V __attribute__((vector_size(4 * L)));
typedef int32_t I __attribute__((vector_size(4 * L)));

#define INLINE static inline __attribute__((always_inline))
#define EACH(i, n) for (int i = 0; i < (n); i++)   // unrolled where n is a constant
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
// Holds a value in a register: gcc would load it again for every product.
#if L == 16 && defined __AVX512F__
#define KEEP(x) __asm__("" : "+v"(x))
#elif (L == 8 && defined __AVX2__) || (L == 4 && defined __x86_64__)
#define KEEP(x) __asm__("" : "+x"(x))
#elif L == 4 && defined __aarch64__
#define KEEP(x) __asm__("" : "+w"(x))
#else
#define KEEP(x)
#endif

INLINE V fma_(V a, V b, V c) {   // a b + c, rounded once
#if L == 16 && defined __AVX512F__
    return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif L == 8 && defined __FMA__
    return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif L == 4 && defined __FMA__
    return (V)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
#elif L == 4 && defined __aarch64__
    return (V)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    EACH(i, L) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
#endif
}
INLINE V all(float x) { return x - (V){}; }
INLINE V where(I mask, V x, V y) { return (V)(((I)x & mask) | ((I)y & ~mask)); }
INLINE V kept(I mask, V x) { return (V)((I)x & mask); }
static inline V root(V x) { EACH(i, L) x[i] = __builtin_sqrtf(x[i]); return x; }

// exp of x <= 0 and log of a normal x >= 1, to 2 units in the last place. NaN stays NaN in both.
// Reference: S. Moshier, Cephes mathematical library, expf and logf.
static inline V exponential(V x) {
    V low = all(-87.0f);
    x = where(x < low, low, x);
    V n = fma_(x, all(1.44269504f), all(12582912.0f)) - 12582912.0f;   // nearest whole number
    V r = fma_(n, all(2.12194440e-4f), fma_(n, all(-0.693359375f), x));
    V p = fma_(all(1.9875691500e-4f), r, all(1.3981999507e-3f));
    p = fma_(p, r, all(8.3334519073e-3f)), p = fma_(p, r, all(4.1665795894e-2f));
    p = fma_(p, r, all(1.6666665459e-1f)), p = fma_(p, r, all(5.0000001201e-1f));
    V e = fma_(p, r * r, r) + 1.0f, whole = kept(n == n, n);   // NaN has no whole number
    return e * (V)((__builtin_convertvector(whole, I) + 127) << 23);
}
static inline V logarithm(V x) {
    I bits = (I)x, e = (bits >> 23) - 126;
    V m = (V)((bits & 0x007fffff) | 0x3f000000);   // x = m 2^e with m in [.5, 1)
    I small = m < all(0.707106781f);
    m = where(small, m + m, m) - 1.0f, e = e + small;   // true is -1
    V n = __builtin_convertvector(e, V), z = m * m;
    V p = fma_(all(7.0376836292e-2f), m, all(-1.1514610310e-1f));
    p = fma_(p, m, all(1.1676998740e-1f)), p = fma_(p, m, all(-1.2420140846e-1f));
    p = fma_(p, m, all(1.4249322787e-1f)), p = fma_(p, m, all(-1.6668057665e-1f));
    p = fma_(p, m, all(2.0000714765e-1f)), p = fma_(p, m, all(-2.4999993993e-1f));
    p = fma_(p, m, all(3.3333331174e-1f));
    V y = fma_(n, all(-2.12194440e-4f), p * m * z);
    y = fma_(all(-0.5f), z, y) + m;
    y = fma_(n, all(0.693359375f), y);
    return where(x == x, y, x);
}
