// Products of matrices whose rows begin at a multiple of LANES floats.
//
// An element of a product is the sum over k in rising order, rounded once for each k,
// whatever the shape of the tile that computes it: neither blocking nor the number of
// threads changes a bit. So fused operations are written, never left to the compiler.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
constexpr int64_t LANES = 16;
#elif defined(__AVX__)
constexpr int64_t LANES = 8;
#else
constexpr int64_t LANES = 4;
#endif

typedef float Lanes __attribute__((vector_size(LANES * 4)));

inline int64_t padded(int64_t n) { return (n + LANES - 1) / LANES * LANES; }
inline Lanes load(const float* at) { return *reinterpret_cast<const Lanes*>(at); }
inline void store(float* at, Lanes value) { *reinterpret_cast<Lanes*>(at) = value; }

// a * b + c.
inline Lanes fused(float a, Lanes b, Lanes c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(_mm512_set1_ps(a), b, c);
#elif defined(__FMA__)
  return _mm256_fmadd_ps(_mm256_set1_ps(a), b, c);
#elif defined(__aarch64__)
  return vfmaq_n_f32(c, b, a);
#else
  return a * b + c;
#endif
}

// The left factor: element (i, k) is at[i * row + k * column].
struct Left {
  const float* at;
  int64_t row, column;
};

// What a product is added to: nothing, the same row for all rows, or what is there.
enum class Onto { nothing, row, itself };

constexpr int64_t DEPTH = 256;  // so many rows of two columns of lanes stay in L1
constexpr int64_t ROWS = 6;     // of a tile; 6 x 2 sums, two factors, and one of the left

template <int R, int V>
inline void tile(Left a, const float* b, int64_t b_row, int64_t depth, float* c,
                 int64_t c_row, Onto onto, const float* start) {
  Lanes sum[R][V];
#pragma GCC unroll 16
  for (int n = 0; n < R * V; n++) {
    const int r = n / V, v = n % V;
    sum[r][v] = onto == Onto::nothing ? Lanes{}
                : onto == Onto::row   ? load(start + v * LANES)
                                      : load(c + r * c_row + v * LANES);
  }
  for (int64_t k = 0; k < depth; k++, a.at += a.column, b += b_row) {
#pragma GCC unroll 16
    for (int n = 0; n < R * V; n++)
      sum[n / V][n % V] =
          fused(a.at[n / V * a.row], load(b + n % V * LANES), sum[n / V][n % V]);
  }
#pragma GCC unroll 16
  for (int n = 0; n < R * V; n++) store(c + n / V * c_row + n % V * LANES, sum[n / V][n % V]);
}

template <int V>
void column_of_tiles(int64_t rows, Left a, const float* b, int64_t b_row, int64_t depth,
                     float* c, int64_t c_row, Onto onto, const float* start) {
  const int64_t tiles = (rows + ROWS - 1) / ROWS;
  for (int64_t n = 0; n < tiles; n++) {  // all of nearly the same height
    const int64_t i = rows * n / tiles, height = rows * (n + 1) / tiles - i;
    const Left left = {a.at + i * a.row, a.row, a.column};
    float* to = c + i * c_row;
    switch (height) {
      case 6: tile<6, V>(left, b, b_row, depth, to, c_row, onto, start); break;
      case 5: tile<5, V>(left, b, b_row, depth, to, c_row, onto, start); break;
      case 4: tile<4, V>(left, b, b_row, depth, to, c_row, onto, start); break;
      case 3: tile<3, V>(left, b, b_row, depth, to, c_row, onto, start); break;
      case 2: tile<2, V>(left, b, b_row, depth, to, c_row, onto, start); break;
      case 1: tile<1, V>(left, b, b_row, depth, to, c_row, onto, start); break;
    }
  }
}

// c (rows, width) = start + a (rows, depth) b (depth, width); width is padded.
inline void multiply(int64_t rows, int64_t width, int64_t depth, Left a, const float* b,
                     int64_t b_row, float* c, int64_t c_row, const float* start) {
  Onto onto = start ? Onto::row : Onto::nothing;
  int64_t k = 0;
  do {
    const int64_t d = std::min(DEPTH, depth - k);
    const Left part = {a.at + k * a.column, a.row, a.column};
    int64_t j = 0;
    const auto columns = [&](auto tiles, int64_t count) {
      for (; j + count * LANES <= width; j += count * LANES)
        tiles(rows, part, b + k * b_row + j, b_row, d, c + j, c_row, onto,
              start ? start + j : nullptr);
    };
    if (rows == 1) columns(column_of_tiles<8>, 8);
    columns(column_of_tiles<2>, 2);
    columns(column_of_tiles<1>, 1);
    onto = Onto::itself;
    k += d;
  } while (k < depth);
}

// Sum of the lanes of x * y, over a padded length.
inline float dot(const float* x, const float* y, int64_t length) {
  Lanes sum[4] = {};
  int64_t i = 0;
  for (; i + 4 * LANES <= length; i += 4 * LANES)
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++)
      sum[v] += load(x + i + v * LANES) * load(y + i + v * LANES);
  for (; i < length; i += LANES) sum[0] += load(x + i) * load(y + i);
  const Lanes all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  float half[LANES];
  std::memcpy(half, &all, sizeof half);
#pragma GCC unroll 4
  for (int64_t n = LANES / 2; n > 0; n /= 2)
    for (int64_t v = 0; v < n; v++) half[v] += half[v + n];
  return half[0];
}

// c (rows, width) = a (rows, 1) b (1, width).
inline void outer_product(int64_t rows, const float* a, int64_t a_row, const float* b,
                          int64_t width, float* c) {
  for (int64_t i = 0; i < rows; i++, a += a_row, c += width)
    for (int64_t j = 0; j < width; j += LANES) store(c + j, *a * load(b + j));
}

// Entries of a sparse vector: which row of a matrix, and its factor.
template <class Index>
struct Entries {
  const Index* rows;
  const float* factors;
  int64_t count;
};

template <int V, class Index>
inline void sum_of_rows(Entries<Index> e, const float* matrix, int64_t row,
                        const float* start, float* out) {
  Lanes sum[V];
#pragma GCC unroll 8
  for (int v = 0; v < V; v++) sum[v] = start ? load(start + v * LANES) : Lanes{};
  for (int64_t n = 0; n < e.count; n++) {
    const float* at = matrix + e.rows[n] * row;
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) sum[v] = fused(e.factors[n], load(at + v * LANES), sum[v]);
  }
#pragma GCC unroll 8
  for (int v = 0; v < V; v++) store(out + v * LANES, sum[v]);
}

// out (rows, width) = start + sums of factor * matrix[row] over the entries of each row.
// Some columns of the matrix after the other: they stay in L2.
template <class EntriesOf>
void multiply_sparse(int64_t rows, int64_t width, EntriesOf entries_of, const float* matrix,
                     const float* start, float* out) {
  int64_t j = 0;
  const auto columns = [&](auto sum, int64_t count) {
    for (; j + count * LANES <= width; j += count * LANES)
      for (int64_t i = 0; i < rows; i++)
        sum(entries_of(i), matrix + j, width, start ? start + j : nullptr,
            out + i * width + j);
  };
  using Index = std::decay_t<decltype(*entries_of(0).rows)>;
  columns(sum_of_rows<8, Index>, 8);
  columns(sum_of_rows<4, Index>, 4);
  columns(sum_of_rows<2, Index>, 2);
  columns(sum_of_rows<1, Index>, 1);
}
