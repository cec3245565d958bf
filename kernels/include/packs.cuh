// packs.cuh - element by element over flat vectors, 16 bytes an access on a GPU.
//
//   grid_vectors(n, f, of...)   f(element...) for every element of [0, n), by all threads of the grid
//   lane_vectors(n, f, of...)   the same by the threads of one block
// An operand is reads(x), writes(y) or updates(z); f takes its elements as const T& or T&. The first is of real, and a
// mask of bytes goes along. Where all operands have their 16-byte boundaries at the same elements, those before the
// first and behind the last are done one by one, the rest in packs; where they have not, all are. An operand may be
// another at the same element and at no other. f must not care for the order of the elements; a sum that f keeps in a
// thread depends on n and on the operands' places within 16 bytes.
// On the host's lane build both are the plain loop, which the compiler turns into vector code.
#pragma once
#include "include/prelude.cuh"

#if defined(LUR_HOST) && LUR_HOST_LANE
template <class T> struct Elements { T* p; };
template <class T> DEVICE Elements<const T> reads(const T* p) { return {p}; }
template <class T> DEVICE Elements<T> writes(T* p) { return {p}; }
template <class T> DEVICE Elements<T> updates(T* p) { return {p}; }

// No element depends on another: the operands need no checks for overlap.
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif
template <class F, class... Of> DEVICE void grid_vectors(int n, const F& f, Of... of) {
    INDEPENDENT
    GRID_LOOP (i, n) f(of.p[i]...);
}
template <class F, class... Of> DEVICE void lane_vectors(int n, const F& f, Of... of) {
    INDEPENDENT
    LANE_LOOP (i, n) f(of.p[i]...);
}
#else
#define PACK ((int)(16 / sizeof(real)))

// What one access moves: PACK elements of any type.
#if defined(LUR_HOST)
template <class T> struct Word { typedef T type __attribute__((vector_size(PACK * sizeof(T)), may_alias)); };
#else
template <int Bytes> struct WordOf;
template <> struct WordOf<16> { using type = uint4; };
template <> struct WordOf<4> { using type = unsigned; };
template <> struct WordOf<2> { using type = unsigned short; };
template <class T> struct Word { using type = typename WordOf<PACK*(int)sizeof(T)>::type; };
#endif
template <class T> union Pack {
    typename Word<T>::type word;
    T v[PACK];
};

template <class T, bool Read, bool Write> struct Elements {
    T* p;
    Pack<T> pack;
    // Elements from here to a boundary.
    DEVICE int before() const {
        return (int)(((unsigned long long)PACK - (unsigned long long)p / sizeof(T) % PACK) % PACK);
    }
    DEVICE void load(int i) {
        if (Read) pack.word = *(const typename Word<T>::type*)(p + i);
    }
    DEVICE void store(int i) const {
        if (Write) *(typename Word<T>::type*)(p + i) = pack.word;
    }
};
template <bool Read, bool Write, class T> DEVICE Elements<T, Read, Write> elements_at(T* p) {
    Elements<T, Read, Write> e;
    e.p = p;
    return e;
}
template <class T> DEVICE Elements<T, true, false> reads(const T* p) { return elements_at<true, false>((T*)p); }
template <class T> DEVICE Elements<T, false, true> writes(T* p) { return elements_at<false, true>(p); }
template <class T> DEVICE Elements<T, true, true> updates(T* p) { return elements_at<true, true>(p); }

// n elements: `head` before the first boundary, then `packs`; `single` are left for one by one.
struct Packing {
    int head, packs, single;
    DEVICE int at(int k) const { return k < head ? k : k + packs * PACK; }
};
template <class First, class... Of> DEVICE Packing packing_of(int n, const First& first, const Of&... of) {
    const int head = first.before();
    if (head >= n || !((of.before() == head) && ...)) return {0, 0, n};
    const int packs = (n - head) / PACK;
    return {head, packs, n - packs * PACK};
}
template <class F, class... Of> DEVICE void do_pack(int i, const F& f, Of&... of) {
    (of.load(i), ...);
#pragma unroll
    for (int j = 0; j < PACK; j++) f(of.pack.v[j]...);
    (of.store(i), ...);
}
template <class F, class... Of> DEVICE void grid_vectors(int n, const F& f, Of... of) {
    const Packing by = packing_of(n, of...);
    GRID_LOOP (k, by.packs) do_pack(by.head + k * PACK, f, of...);
    GRID_LOOP (k, by.single) f(of.p[by.at(k)]...);
}
template <class F, class... Of> DEVICE void lane_vectors(int n, const F& f, Of... of) {
    const Packing by = packing_of(n, of...);
    LANE_LOOP (k, by.packs) do_pack(by.head + k * PACK, f, of...);
    LANE_LOOP (k, by.single) f(of.p[by.at(k)]...);
}
#endif
