// Many steps of training a multilayer perceptron in one call.
//
// Parameters, gradients and what the optimizer keeps lie in arenas of one layout: one
// after the other, each row of a matrix padded with zeros to whole LANES, the first
// layer's weight transposed. A step has two phases. First each thread takes some rows
// of the batch through the network and back; then each takes some rows of every weight,
// sums up their gradient and changes them. Each number is computed by one thread in
// one order, so the number of threads changes no bit.

#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__x86_64__) || defined(__i386__)
#include <xmmintrin.h>
#endif

#include "matmul.h"
#include "pointwise.h"

namespace {

struct Layer {
  int64_t inputs, outputs;
  int64_t weight, bias;  // where they begin in the arenas; bias -1 is none
  int64_t weight_group, bias_group;
  int64_t activation;
  double argument;
};

struct Examples {
  const void* inputs;  // (N, features) of float or uint8; null where they are sparse
  int64_t is_bytes;
  const float *offset, *factor;  // of each feature: (x - offset) * factor; or null
  const int64_t* row_starts;     // sparse: what is not zero in each row
  const uint16_t* columns;
  const float* values;  // x * factor
  const float* base;    // -offset * factor of each feature, or null
  const int64_t* classes;  // (N,), or null
  const float* targets;    // (N, outputs), or null; classes are then one-hot
};

enum OptimizerKind : int64_t { SGD, ADAM, ADAMW };

struct Rates {  // of one group of parameters at one step
  double lr, beta1, beta2, eps, weight_decay, nesterov;
};

struct Training {
  int64_t num_layers;
  const Layer* layers;
  Examples examples;
  Loss loss;
  int64_t optimizer, arena;         // floats in an arena
  float *parameters, *gradients, *first, *second;  // first: momentum, or exp_avg
  double clip_norm, clip_value;     // 0 does not clip
};

struct Steps {
  int64_t count;
  const int64_t* rows;    // of all batches
  const int64_t* starts;  // count + 1 places in rows
  const Rates* rates;     // (count, groups)
  int64_t groups;
  int64_t done;      // steps before these
  int64_t is_fresh;  // SGD has no momentum yet
  int64_t measure;   // the norm of the gradients at the last of these steps
  int64_t threads;
  double* loss_sum;     // is added to
  double* loss_weight;  // what the examples weigh together is added to
  double* norm;
};

// Numbers too small to be exact would make each operation on them 100 times slower.
class DenormalsFlushed {
 public:
  DenormalsFlushed() {
#if defined(__x86_64__) || defined(__i386__)
    before_ = _mm_getcsr();
    _mm_setcsr(before_ | 0x8040);
#elif defined(__aarch64__)
    asm volatile("mrs %0, fpcr" : "=r"(before_));
    asm volatile("msr fpcr, %0" ::"r"(before_ | (1ul << 24)));
#endif
  }
  ~DenormalsFlushed() {
#if defined(__x86_64__) || defined(__i386__)
    _mm_setcsr(before_);
#elif defined(__aarch64__)
    asm volatile("msr fpcr, %0" ::"r"(before_));
#endif
  }

 private:
#if defined(__aarch64__)
  uint64_t before_ = 0;
#else
  uint32_t before_ = 0;
#endif
};

class Barrier {
 public:
  explicit Barrier(int64_t threads) : threads_(threads) {}
  void wait() {
    if (threads_ == 1) return;
    const int64_t round = round_.load(std::memory_order_relaxed);
    if (waiting_.fetch_add(1, std::memory_order_acq_rel) == threads_ - 1) {
      waiting_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    for (int spins = 0; round_.load(std::memory_order_acquire) == round; spins++)
      if (spins > 4000) std::this_thread::yield();
  }

 private:
  const int64_t threads_;
  std::atomic<int64_t> waiting_{0}, round_{0};
};

struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

Range share(int64_t n, int64_t part, int64_t parts, int64_t multiple) {
  const int64_t blocks = (n + multiple - 1) / multiple;
  return {std::min(n, blocks * part / parts * multiple),
          std::min(n, blocks * (part + 1) / parts * multiple)};
}

class Buffer {  // floats at the beginning of a cache line, all zero
 public:
  Buffer() = default;
  explicit Buffer(int64_t size)
      : at_(static_cast<float*>(::operator new(size * 4 + 64, std::align_val_t(64)))) {
    std::fill_n(at_.get(), size, 0.0f);
  }
  float* at(int64_t place) const { return at_.get() + place; }

 private:
  struct Free {
    void operator()(float* p) const { ::operator delete(p, std::align_val_t(64)); }
  };
  std::unique_ptr<float, Free> at_;
};

struct Columns {  // what is not zero in the columns of a batch
  std::vector<int64_t> begins;
  std::vector<int32_t> rows;
  std::vector<float> values;
};

struct Desk {  // of one thread
  Columns columns;
  Buffer panel;  // gradients that are used at once
  Buffer shift;  // what the base of sparse inputs adds to each row
};

constexpr int64_t CHUNK = 4096;  // of the gradients whose squares are summed in one go
constexpr int64_t PANEL = 32;    // rows of a weight that are changed while still in L1

class Run {
 public:
  Run(const Training& training, const Steps& steps)
      : t_(training), s_(steps), barrier_(steps.threads), desks_(steps.threads) {
    int64_t largest = 0, panel = 0;
    for (int64_t n = 0; n < s_.count; n++)
      largest = std::max(largest, s_.starts[n + 1] - s_.starts[n]);
    if (t_.examples.inputs) inputs_ = Buffer(largest * padded(t_.layers[0].inputs));
    for (int64_t l = 0; l < t_.num_layers; l++) {
      const Layer& layer = t_.layers[l];
      const int64_t width = padded(layer.outputs);
      const bool has_slope = layer.activation != NONE && layer.activation != RELU;
      outputs_.emplace_back(largest * width);
      errors_.emplace_back(largest * width);
      slopes_.emplace_back(has_slope ? largest * width : 0);
      transposed_.emplace_back(l && !is_narrow(layer) ? layer.inputs * width : 0);
      if (l) transpose(l, {0, layer.outputs});
      panel = std::max(panel, PANEL * row_of(l));
    }
    const int64_t entries = t_.examples.inputs ? 0 : most_entries();
    for (Desk& desk : desks_) {  // all that a thread needs, so that it never allocates
      desk.columns.begins.reserve(t_.layers[0].inputs + 2);
      desk.columns.rows.reserve(entries);
      desk.columns.values.reserve(entries);
      desk.panel = Buffer(panel);
      desk.shift = Buffer(padded(t_.layers[0].outputs));
    }
    losses_.resize(largest);
    squares_.resize((t_.arena + CHUNK - 1) / CHUNK);
  }

  void work(int64_t thread) {
    const DenormalsFlushed flushed;
    for (int64_t n = 0; n < s_.count; n++) {
      const int64_t* rows = s_.rows + s_.starts[n];
      const int64_t size = s_.starts[n + 1] - s_.starts[n];
      through_network(thread, rows, size);
      barrier_.wait();
      if (thread == 0) add_losses(rows, size);
      change_weights(thread, n, rows, size);
      barrier_.wait();
    }
  }

 private:
  // A product with so few columns is made of dot products.
  static bool is_narrow(const Layer& layer) { return layer.outputs * 4 <= LANES; }

  // Of the batch with the most that is not zero.
  int64_t most_entries() const {
    int64_t most = 0;
    for (int64_t n = 0; n < s_.count; n++) {
      int64_t count = 0;
      for (int64_t i = s_.starts[n]; i < s_.starts[n + 1]; i++)
        count += t_.examples.row_starts[s_.rows[i] + 1] - t_.examples.row_starts[s_.rows[i]];
      most = std::max(most, count);
    }
    return most;
  }

  const float* parameter(int64_t at) const { return t_.parameters + at; }

  void through_network(int64_t thread, const int64_t* rows, int64_t size) {
    const Range mine = share(size, thread, s_.threads, 4);
    if (mine.size() == 0) return;
    for (int64_t l = 0; l < t_.num_layers; l++) forward(thread, l, rows, mine);
    measure_loss(rows, mine, size);
    for (int64_t l = t_.num_layers - 1; l > 0; l--) backward(l, mine);
  }

  void forward(int64_t thread, int64_t l, const int64_t* rows, Range mine) {
    const Layer& layer = t_.layers[l];
    const int64_t width = padded(layer.outputs);
    float* out = outputs_[l].at(mine.begin * width);
    const float* bias = layer.bias < 0 ? nullptr : parameter(layer.bias);
    if (l == 0 && !t_.examples.inputs) {
      forward_sparse(thread, rows, mine, bias);
    } else {
      if (l == 0) gather(layer, rows, mine);
      const int64_t before = padded(layer.inputs);
      const float* in = (l ? outputs_[l - 1] : inputs_).at(mine.begin * before);
      if (l && is_narrow(layer)) {
        for (int64_t i = 0; i < mine.size(); i++)
          for (int64_t o = 0; o < layer.outputs; o++)
            out[i * width + o] =
                dot(in + i * before, parameter(layer.weight) + o * before, before) +
                (bias ? bias[o] : 0.0f);
      } else {
        const float* weight = l ? transposed_[l].at(0) : parameter(layer.weight);
        multiply(mine.size(), width, layer.inputs, {in, before, 1}, weight, width, out,
                 width, bias);
      }
    }
    activate(layer.activation, static_cast<float>(layer.argument), out,
             slopes_[l].at(mine.begin * width), mine.size() * width);
    if (layer.activation == SIGMOID)  // all others keep the padding 0
      for (int64_t i = 0; i < mine.size(); i++)
        std::fill(out + i * width + layer.outputs, out + (i + 1) * width, 0.0f);
  }

  // Scale the rows of a batch into the input.
  void gather(const Layer& layer, const int64_t* rows, Range mine) {
    const Examples& e = t_.examples;
    const int64_t n = layer.inputs;
    for (int64_t i = mine.begin; i < mine.end; i++) {
      float* to = inputs_.at(i * padded(n));
      if (e.is_bytes) {
        const uint8_t* from = static_cast<const uint8_t*>(e.inputs) + rows[i] * n;
        for (int64_t k = 0; k < n; k++) to[k] = from[k];
      } else {
        std::copy_n(static_cast<const float*>(e.inputs) + rows[i] * n, n, to);
      }
      if (e.factor)
        for (int64_t k = 0; k < n; k++) to[k] = (to[k] - e.offset[k]) * e.factor[k];
    }
  }

  // W x = W (x - base) + W base: what is zero in the data is left out of the first.
  void forward_sparse(int64_t thread, const int64_t* rows, Range mine,
                      const float* bias) {
    const Layer& layer = t_.layers[0];
    const Examples& e = t_.examples;
    const int64_t width = padded(layer.outputs);
    if (e.base) {
      float* shift = desks_[thread].shift.at(0);
      multiply(1, width, layer.inputs, {e.base, 0, 1}, parameter(layer.weight), width,
               shift, width, bias);
      bias = shift;
    }
    const auto entries_of = [&](int64_t i) {
      const int64_t begin = e.row_starts[rows[mine.begin + i]];
      const int64_t end = e.row_starts[rows[mine.begin + i] + 1];
      return Entries<uint16_t>{e.columns + begin, e.values + begin, end - begin};
    };
    multiply_sparse(mine.size(), width, entries_of, parameter(layer.weight), bias,
                    outputs_[0].at(mine.begin * width));
  }

  // Losses of the rows, and the error of the last layer: their derivative.
  void measure_loss(const int64_t* rows, Range mine, int64_t size) {
    const Layer& last = t_.layers[t_.num_layers - 1];
    const int64_t width = padded(last.outputs), n = last.outputs;
    const Examples& e = t_.examples;
    const bool of_classes = t_.loss.kind == CROSS_ENTROPY;
    const double share = weight_of(rows, size) * (of_classes ? 1 : n);
    const float scale = t_.loss.is_sum ? 1.0f : static_cast<float>(1 / share);
    for (int64_t i = mine.begin; i < mine.end; i++) {
      float* error = errors_[t_.num_layers - 1].at(i * width);
      const float* out = outputs_[t_.num_layers - 1].at(i * width);
      float loss = 0;
      if (of_classes) {
        std::copy_n(out, width, error);
        loss = class_loss(t_.loss, n, width, error, e.classes[rows[i]]);
      } else {
        for (int64_t k = 0; k < n; k++) {
          const float target = e.targets ? e.targets[rows[i] * n + k]
                                         : float(e.classes[rows[i]] == k);
          loss += number_loss(t_.loss, k, out[k], target, error[k]);
        }
      }
      losses_[i] = static_cast<double>(loss) * scale;
      for (int64_t k = 0; k < n; k++) error[k] *= scale;
    }
    const int64_t place = mine.begin * width;
    through_activation(last.activation, outputs_[t_.num_layers - 1].at(place),
                       slopes_[t_.num_layers - 1].at(place),
                       errors_[t_.num_layers - 1].at(place), mine.size() * width);
  }

  // What the rows count in a mean: weighted classes more or less than 1 each.
  double weight_of(const int64_t* rows, int64_t size) const {
    const bool of_classes = t_.loss.kind == CROSS_ENTROPY;
    if (!of_classes || !t_.loss.weight || t_.loss.is_sum) return size;
    double sum = 0;
    for (int64_t i = 0; i < size; i++)
      sum += t_.loss.weight[t_.examples.classes[rows[i]]];
    return sum;
  }

  void add_losses(const int64_t* rows, int64_t size) {
    double sum = 0;
    for (int64_t i = 0; i < size; i++) sum += losses_[i];
    const double weight = weight_of(rows, size);
    *s_.loss_sum += sum * (t_.loss.is_sum ? 1 : weight);
    *s_.loss_weight += weight;
  }

  // The error of the layer below.
  void backward(int64_t l, Range mine) {
    const Layer &layer = t_.layers[l], &below = t_.layers[l - 1];
    const int64_t width = padded(layer.outputs), before = padded(layer.inputs);
    const int64_t place = mine.begin * before;
    if (layer.outputs == 1)
      outer_product(mine.size(), errors_[l].at(mine.begin * width), width,
                    parameter(layer.weight), before, errors_[l - 1].at(place));
    else
      multiply(mine.size(), before, layer.outputs,
               {errors_[l].at(mine.begin * width), width, 1}, parameter(layer.weight),
               before, errors_[l - 1].at(place), before, nullptr);
    through_activation(below.activation, outputs_[l - 1].at(place),
                       slopes_[l - 1].at(place), errors_[l - 1].at(place),
                       mine.size() * before);
  }

  void change_weights(int64_t thread, int64_t n, const int64_t* rows, int64_t size) {
    const bool measures = t_.clip_norm > 0 || (s_.measure && n == s_.count - 1);
    for (int64_t l = 0; l < t_.num_layers; l++) {
      sum_weight(thread, n, l, rows, size, !measures);
      sum_bias(thread, n, l, size, !measures);
    }
    if (!measures) return;
    barrier_.wait();
    for (int64_t c = thread; c < static_cast<int64_t>(squares_.size()); c += s_.threads) {
      double sum = 0;
      for (int64_t i = c * CHUNK; i < std::min(t_.arena, (c + 1) * CHUNK); i++)
        sum += static_cast<double>(t_.gradients[i]) * t_.gradients[i];
      squares_[c] = sum;
    }
    barrier_.wait();
    double sum = 0;
    for (const double square : squares_) sum += square;
    const double norm = std::sqrt(sum);
    if (thread == 0) *s_.norm = norm;
    const double scale = t_.clip_norm > 0 ? std::min(1.0, t_.clip_norm / (norm + 1e-6)) : 1;
    for (int64_t l = 0; l < t_.num_layers; l++) {
      const Layer& layer = t_.layers[l];
      const Range mine = rows_of(l, thread);
      const int64_t width = row_of(l);
      const Range place = {layer.weight + mine.begin * width,
                           layer.weight + mine.end * width};
      change(place, t_.gradients + place.begin, n, layer.weight_group, scale);
      transpose(l, mine);
      if (layer.bias >= 0 && l % s_.threads == thread)
        change({layer.bias, layer.bias + padded(layer.outputs)}, t_.gradients + layer.bias,
               n, layer.bias_group, scale);
    }
  }

  // The first layer's weight lies transposed: (inputs, outputs).
  int64_t row_of(int64_t l) const {
    return padded(l ? t_.layers[l].inputs : t_.layers[l].outputs);
  }
  Range rows_of(int64_t l, int64_t thread) const {
    return share(l ? t_.layers[l].outputs : t_.layers[l].inputs, thread, s_.threads, 4);
  }

  void sum_weight(int64_t thread, int64_t n, int64_t l, const int64_t* rows, int64_t size,
                  bool changes) {
    const Layer& layer = t_.layers[l];
    const Range mine = rows_of(l, thread);
    const int64_t row = row_of(l), width = padded(layer.outputs);
    const bool is_sparse = l == 0 && !t_.examples.inputs;
    Desk& desk = desks_[thread];
    if (is_sparse) {
      sort_columns(desk.columns, rows, size, mine);
      if (t_.examples.base) sum_errors(0, size, desk.shift.at(0));
    }
    // Only the last gradients of a call can be seen; others need not leave L1.
    const bool keeps = !changes || n == s_.count - 1;
    for (int64_t begin = mine.begin; begin < mine.end; begin += PANEL) {
      const Range panel = {begin, std::min(mine.end, begin + PANEL)};
      const Range place = {layer.weight + panel.begin * row,
                           layer.weight + panel.end * row};
      float* to = keeps ? t_.gradients + place.begin : desk.panel.at(0);
      if (is_sparse)
        sum_sparse(desk, panel, mine.begin, to);
      else if (l == 0)
        multiply(panel.size(), row, size, {inputs_.at(panel.begin), 1, padded(layer.inputs)},
                 errors_[0].at(0), width, to, row, nullptr);
      else
        multiply(panel.size(), row, size, {errors_[l].at(panel.begin), 1, width},
                 outputs_[l - 1].at(0), row, to, row, nullptr);
      if (changes) change(place, to, n, layer.weight_group, 1);
    }
    if (changes) transpose(l, mine);
  }

  void sum_sparse(const Desk& desk, Range panel, int64_t first, float* to) {
    const int64_t width = padded(t_.layers[0].outputs);
    const auto entries_of = [&](int64_t i) {
      const int64_t* begins = desk.columns.begins.data() + panel.begin - first + i;
      return Entries<int32_t>{desk.columns.rows.data() + begins[0],
                              desk.columns.values.data() + begins[0],
                              begins[1] - begins[0]};
    };
    multiply_sparse(panel.size(), width, entries_of, errors_[0].at(0), nullptr, to);
    if (!t_.examples.base) return;
    for (int64_t i = panel.begin; i < panel.end; i++, to += width)
      for (int64_t k = 0; k < width; k++)
        to[k] += t_.examples.base[i] * desk.shift.at(0)[k];
  }

  // Sort what is not zero in some columns of the batch by column, by counting.
  void sort_columns(Columns& columns, const int64_t* rows, int64_t size, Range mine) {
    const Examples& e = t_.examples;
    columns.begins.assign(mine.size() + 2, 0);
    const auto each_entry = [&](auto function) {
      for (int64_t i = 0; i < size; i++) {
        int64_t k = e.row_starts[rows[i]];
        const int64_t end = e.row_starts[rows[i] + 1];
        if (mine.begin) k = std::lower_bound(e.columns + k, e.columns + end, mine.begin) - e.columns;
        for (; k < end && e.columns[k] < mine.end; k++) function(i, k);
      }
    };
    each_entry([&](int64_t, int64_t k) { columns.begins[e.columns[k] - mine.begin + 2]++; });
    for (int64_t c = 2; c < mine.size() + 2; c++) columns.begins[c] += columns.begins[c - 1];
    columns.rows.resize(columns.begins.back());
    columns.values.resize(columns.begins.back());
    each_entry([&](int64_t i, int64_t k) {
      const int64_t place = columns.begins[e.columns[k] - mine.begin + 1]++;
      columns.rows[place] = static_cast<int32_t>(i);
      columns.values[place] = e.values[k];
    });
  }

  void sum_errors(int64_t l, int64_t size, float* to) {
    const int64_t width = padded(t_.layers[l].outputs);
    std::fill_n(to, width, 0.0f);
    for (int64_t i = 0; i < size; i++)
      for (int64_t k = 0; k < width; k++) to[k] += errors_[l].at(i * width)[k];
  }

  void sum_bias(int64_t thread, int64_t n, int64_t l, int64_t size, bool changes) {
    const Layer& layer = t_.layers[l];
    if (layer.bias < 0 || l % s_.threads != thread) return;
    float* to = t_.gradients + layer.bias;
    sum_errors(l, size, to);
    if (changes)
      change({layer.bias, layer.bias + padded(layer.outputs)}, to, n, layer.bias_group, 1);
  }

  // Keep the weight of a later layer transposed, too.
  void transpose(int64_t l, Range rows) {
    const Layer& layer = t_.layers[l];
    if (l == 0 || is_narrow(layer)) return;
    const int64_t width = padded(layer.outputs), row = padded(layer.inputs);
    const float* from = parameter(layer.weight);
    float* to = transposed_[l].at(0);
    for (int64_t i = 0; i < layer.inputs; i += LANES)
      for (int64_t o = rows.begin; o < rows.end; o++)
        for (int64_t k = i; k < std::min(i + LANES, layer.inputs); k++)
          to[k * width + o] = from[o * row + k];
  }

  // The optimizer's step for some numbers of the arenas, given their gradients.
  void change(Range range, float* __restrict__ g, int64_t n, int64_t group, double scale) {
    const Rates& rates = s_.rates[n * s_.groups + group];
    const int64_t size = range.size();
    if (scale < 1)
      for (int64_t i = 0; i < size; i++) g[i] *= static_cast<float>(scale);
    if (t_.clip_value > 0) {
      const float limit = static_cast<float>(t_.clip_value);
      for (int64_t i = 0; i < size; i++)
        g[i] = g[i] < -limit ? -limit : g[i] > limit ? limit : g[i];
    }
    float* p = t_.parameters + range.begin;
    if (t_.optimizer == SGD)
      change_by_sgd(size, p, g, t_.first + range.begin, rates, s_.is_fresh && n == 0);
    else
      change_by_adam(size, p, g, t_.first + range.begin, t_.second + range.begin, rates,
                     s_.done + n + 1);
  }

  void change_by_sgd(int64_t size, float* __restrict__ p, const float* __restrict__ g,
                     float* __restrict__ m, const Rates& rates, bool is_fresh) {
    const float lr = static_cast<float>(rates.lr), kept = static_cast<float>(rates.beta1);
    const float added = static_cast<float>(1 - rates.beta2);
    const float decay = static_cast<float>(rates.weight_decay);
    const bool nesterov = rates.nesterov != 0;
    if (rates.beta1 == 0) {
      for (int64_t i = 0; i < size; i++) p[i] -= lr * (g[i] + decay * p[i]);
      return;
    }
    for (int64_t i = 0; i < size; i++) {
      const float d = g[i] + decay * p[i];
      const float momentum = is_fresh ? d : kept * m[i] + added * d;
      m[i] = momentum;
      p[i] -= lr * (nesterov ? d + kept * momentum : momentum);
    }
  }

  void change_by_adam(int64_t size, float* __restrict__ p, const float* __restrict__ g,
                      float* __restrict__ m, float* __restrict__ v, const Rates& rates,
                      int64_t step) {
    const bool is_adamw = t_.optimizer == ADAMW;
    const double time = static_cast<double>(step), lr = rates.lr;
    const float rate = static_cast<float>(lr / (1 - std::pow(rates.beta1, time)));
    const float root =
        static_cast<float>(1 / std::sqrt(1 - std::pow(rates.beta2, time)));
    const float b1 = static_cast<float>(1 - rates.beta1);
    const float b2 = static_cast<float>(rates.beta2);
    const float c2 = static_cast<float>(1 - rates.beta2);
    const float eps = static_cast<float>(rates.eps);
    const float shrink = is_adamw ? static_cast<float>(1 - lr * rates.weight_decay) : 1;
    const float added = is_adamw ? 0 : static_cast<float>(rates.weight_decay);
    for (int64_t i = 0; i < size; i++) {
      const float before = p[i] * shrink, d = g[i] + added * before;
      const float mean = m[i] + b1 * (d - m[i]), square = b2 * v[i] + c2 * d * d;
      m[i] = mean;
      v[i] = square;
      p[i] = before - rate * mean / (std::sqrt(square) * root + eps);
    }
  }

  const Training& t_;
  const Steps& s_;
  Barrier barrier_;
  Buffer inputs_;
  std::vector<Buffer> outputs_, errors_, slopes_, transposed_;
  std::vector<double> losses_, squares_;
  std::vector<Desk> desks_;
};

}  // namespace

extern "C" {

// Floats to which rows in the arenas are padded.
int64_t torchsmith_lanes() { return LANES; }

// What is not zero in (rows, features); columns and values may be null, to count only.
int64_t torchsmith_compress(const void* inputs, int64_t is_bytes, int64_t rows,
                            int64_t features, const float* factor, int64_t* row_starts,
                            uint16_t* columns, float* values) {
  int64_t count = 0;
  const auto visit = [&](auto* from) {
    for (int64_t i = 0; i < rows; i++, from += features) {
      if (row_starts) row_starts[i] = count;
      for (int64_t k = 0; k < features; k++) {
        if (from[k] == 0) continue;
        if (columns) {
          columns[count] = static_cast<uint16_t>(k);
          values[count] = from[k] * (factor ? factor[k] : 1.0f);
        }
        count++;
      }
    }
  };
  if (is_bytes)
    visit(static_cast<const uint8_t*>(inputs));
  else
    visit(static_cast<const float*>(inputs));
  if (row_starts) row_starts[rows] = count;
  return count;
}

// Train for some steps; the seconds that they took, or -1: no memory or no threads.
double torchsmith_train(const Training* training, const Steps* steps) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  std::atomic<int> gate{0};  // 1: begin, -1: not all threads are there
  try {
    Run run(*training, *steps);
    const auto begin_together = [&](int64_t thread) {
      while (gate == 0) std::this_thread::yield();
      if (gate == 1) run.work(thread);
    };
    try {
      for (int64_t n = 1; n < steps->threads; n++) threads.emplace_back(begin_together, n);
      gate = 1;
    } catch (const std::system_error&) {
      gate = -1;
    }
    if (gate == 1) run.work(0);
    for (std::thread& thread : threads) thread.join();
  } catch (const std::bad_alloc&) {
    return -1;
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  return gate == 1 ? taken.count() : -1;
}
}
