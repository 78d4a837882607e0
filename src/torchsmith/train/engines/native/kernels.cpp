// What PyTorch does in several passes over memory, in one: ReLU, and the largest of
// windows. Nothing is added up or rounded here, so the bits are those of PyTorch.
//
// Maps lie channels last, (N, H, W, C); windows do not overlap. The threads are those of
// PyTorch: the library is linked to no OpenMP of its own, and finds what PyTorch loaded.

#include <cstdint>
#include <cstring>
#include <type_traits>

extern "C" {
void GOMP_parallel(void (*)(void*), void*, unsigned, unsigned);
int omp_get_thread_num();
int omp_get_num_threads();
}

namespace {

using float32 = float;
using bfloat16 = int16_t;  // its bits

#if defined(__AVX512BW__)
constexpr int64_t REGISTER = 64;  // bytes
#elif defined(__AVX2__)
constexpr int64_t REGISTER = 32;
#else
constexpr int64_t REGISTER = 16;
#endif

// n numbers, and n truths, that are computed with at once.
template <class T, int64_t n>
struct Lanes;

template <int64_t n>
struct Lanes<float32, n> {
  typedef float Values __attribute__((vector_size(n * 4)));
  typedef int32_t Whole;
  typedef Whole Mask __attribute__((vector_size(n * 4)));

  static Mask is_nan(Values x) { return x != x; }
  static Values order(Values x) { return x; }
  static Values added_to_zero(Values x) { return x + 0.0f; }
};

template <int64_t n>
struct Lanes<bfloat16, n> {
  typedef int16_t Values __attribute__((vector_size(n * 2)));
  typedef int16_t Whole;
  typedef Values Mask;

  static Mask is_nan(Values x) { return (x & 0x7fff) > 0x7f80; }
  // Whole numbers that lie one above the other as the values do.
  static Values order(Values x) {
    const Values size = x & 0x7fff;
    return x < 0 ? -size : size;
  }
  static Values added_to_zero(Values x) { return order(x) == 0 ? x & 0 : x; }
};

template <class T, int64_t n>
struct Numbers : Lanes<T, n> {
  using typename Lanes<T, n>::Values;
  using typename Lanes<T, n>::Mask;
  using Lanes<T, n>::is_nan;
  using Lanes<T, n>::order;
  typedef uint8_t Bytes __attribute__((vector_size(n)));
  using Halves = typename Lanes<bfloat16, n>::Mask;

  static Values load(const T* from) {
    Values values;
    std::memcpy(&values, from, sizeof values);
    return values;
  }
  static void store(T* to, Values values) { std::memcpy(to, &values, sizeof values); }
  static Mask all(int64_t place) {
    return Mask{} + static_cast<typename Lanes<T, n>::Whole>(place);
  }
  static Mask load_places(const uint8_t* from) {
    Bytes bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    // Straight from bytes to four times as wide, GCC 12 goes number by number.
    const Halves halves = __builtin_convertvector(bytes, Halves);
    return __builtin_convertvector(halves, Mask);
  }
  static void store_places(uint8_t* to, Mask places) {
    const Bytes bytes = __builtin_convertvector(places, Bytes);
    std::memcpy(to, &bytes, sizeof bytes);
  }
  // As PyTorch's: NaN and -0 stay what they are.
  static Values relu(Values x) { return (order(x) < 0) & ~is_nan(x) ? Values{} : x; }
  static Values relu_back(Values g, Values y) {
    return (order(y) > 0) | is_nan(y) ? g : Values{};
  }
};

// Call each(begin, end) with a share of `count` on each of so many threads.
template <class Each>
void in_parallel(int64_t count, int64_t threads, Each each) {
  struct Work {
    int64_t count;
    Each& each;
  } work{count, each};
  GOMP_parallel(
      [](void* given) {
        const Work& work = *static_cast<Work*>(given);
        const int64_t all = omp_get_num_threads(), mine = omp_get_thread_num();
        work.each(work.count * mine / all, work.count * (mine + 1) / all);
      },
      &work, static_cast<unsigned>(threads), 0);
}

// Call block(i, numbers) for all places from i to `end`: as many at once as a register
// holds, then half as many, and so on.
template <class T, int64_t n = REGISTER / sizeof(T), class Block>
inline void in_blocks(int64_t i, int64_t end, Block block) {
  for (; i + n <= end; i += n) block(i, Numbers<T, n>());
  if constexpr (n > 1) {
    if (i < end) in_blocks<T, n / 2>(i, end, block);
  }
}

// The sizes of what is pooled, and how; as in kernels.py.
struct Maps {
  int64_t images, height, width, channels, size, stride, rectify, threads;
  int64_t rows() const { return (height - size) / stride + 1; }
  int64_t columns() const { return (width - size) / stride + 1; }
};

// The largest of each window, and where it was found: the first of equals, and the last
// NaN, as PyTorch has it. A size of 0 is read from the maps.
template <bool rectify, int64_t fixed_size, class T>
void pool(const Maps& maps, const T* x, T* y, uint8_t* place) {
  const int64_t size = fixed_size ? fixed_size : maps.size;
  const int64_t rows = maps.rows(), columns = maps.columns(), channels = maps.channels;
  in_parallel(maps.images * rows, maps.threads, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
      const int64_t above = r / rows * maps.height + r % rows * maps.stride;
      const T* row = x + above * maps.width * channels;
      for (int64_t o = 0; o < columns; o++) {
        const T* window = row + o * maps.stride * channels;
        const int64_t to = (r * columns + o) * channels;
        in_blocks<T>(0, channels, [&](int64_t c, auto numbers) {
          using Of = decltype(numbers);
          typename Of::Values best = Of::load(window + c);
          if (rectify) best = Of::relu(best);
          typename Of::Mask where{};
          for (int64_t down = 0; down < size; down++)
            for (int64_t right = down == 0; right < size; right++) {
              auto v = Of::load(window + (down * maps.width + right) * channels + c);
              if (rectify) v = Of::relu(v);
              const auto larger = (Of::order(v) > Of::order(best)) & ~Of::is_nan(best);
              const auto takes = larger | Of::is_nan(v);
              best = takes ? v : best;
              where = takes ? Of::all(down * size + right) : where;
            }
          Of::store(y + to + c, best);
          Of::store_places(place + to + c, where);
        });
      }
    }
  });
}

// Each gradient to where the largest was found; with `rectify` only where it is positive.
template <bool rectify, class T>
void unpool(const Maps& maps, const T* g, const T* y, const uint8_t* place, T* x) {
  const int64_t rows = maps.rows(), columns = maps.columns(), channels = maps.channels;
  in_parallel(maps.images * maps.height, maps.threads, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
      const int64_t h = r % maps.height, row = h / maps.stride, down = h % maps.stride;
      T *to = x + r * maps.width * channels, *after = to + maps.width * channels;
      const bool is_inside = row < rows && down < maps.size;
      int64_t at = (r / maps.height * rows + row) * columns * channels;
      for (int64_t o = 0; is_inside && o < columns; o++, at += channels)
        for (int64_t right = 0; right < maps.stride && to < after; right++, to += channels) {
          if (right >= maps.size) {
            std::memset(to, 0, channels * sizeof(T));
            continue;
          }
          in_blocks<T>(0, channels, [&](int64_t c, auto numbers) {
            using Of = decltype(numbers);
            auto v = Of::added_to_zero(Of::load(g + at + c));
            if (rectify) v = Of::relu_back(v, Of::load(y + at + c));
            const auto here = Of::all(down * maps.size + right);
            const auto is_here = Of::load_places(place + at + c) == here;
            Of::store(to + c, is_here ? v : typename Of::Values{});
          });
        }
      std::memset(to, 0, (after - to) * sizeof(T));
    }
  });
}

// y becomes max(x, 0); both may be the same memory.
template <class T>
void relu(const T* x, T* y, int64_t n, int64_t threads) {
  in_parallel(n, threads, [=](int64_t begin, int64_t end) {
    in_blocks<T>(begin, end, [=](int64_t i, auto numbers) {
      numbers.store(y + i, numbers.relu(numbers.load(x + i)));
    });
  });
}

// y becomes g where y is positive, and 0 else.
template <class T>
void relu_back(const T* g, T* y, int64_t n, int64_t threads) {
  in_parallel(n, threads, [=](int64_t begin, int64_t end) {
    in_blocks<T>(begin, end, [=](int64_t i, auto numbers) {
      numbers.store(y + i, numbers.relu_back(numbers.load(g + i), numbers.load(y + i)));
    });
  });
}

template <bool rectify, class T>
void pool_any(const Maps& maps, const T* x, T* y, uint8_t* place) {
  maps.size == 2 ? pool<rectify, 2>(maps, x, y, place) : pool<rectify, 0>(maps, x, y, place);
}

}  // namespace

#define KERNELS_OF(T)                                                                     \
  extern "C" void torchsmith_pool_##T(const Maps* maps, const T* x, T* y, uint8_t* place) { \
    maps->rectify ? pool_any<true>(*maps, x, y, place) : pool_any<false>(*maps, x, y, place); \
  }                                                                                       \
  extern "C" void torchsmith_unpool_##T(const Maps* maps, const T* g, const T* y,         \
                                        const uint8_t* place, T* x) {                     \
    maps->rectify ? unpool<true>(*maps, g, y, place, x)                                   \
                  : unpool<false>(*maps, g, y, place, x);                                 \
  }                                                                                       \
  extern "C" void torchsmith_relu_##T(const T* x, T* y, int64_t n, int64_t threads) {     \
    relu(x, y, n, threads);                                                               \
  }                                                                                       \
  extern "C" void torchsmith_relu_back_##T(const T* g, T* y, int64_t n, int64_t threads) { \
    relu_back(g, y, n, threads);                                                          \
  }

KERNELS_OF(float32)
KERNELS_OF(bfloat16)
