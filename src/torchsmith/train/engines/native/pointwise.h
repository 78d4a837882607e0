// Activations and losses, element by element.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

// e^x to about one unit in the last place; loops over it become vector code, which
// calls of std::exp do not. Cody and Waite's reduction, Cephes' polynomial.
inline float exponential(float x) {
  x = std::min(std::max(x, -87.0f), 88.0f);
  const float shifted = x * 1.44269504f + 12582912.0f;  // rounds to a whole number
  const float n = shifted - 12582912.0f;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = (p * r) * r + r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return p * power;
}

inline float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }

inline float hyperbolic_tangent(float x) {
  const float s = x * x;  // near 0 the difference below would lose digits
  const float series =
      x + x * s * (-0.333333333f + s * (0.133333333f + s * (-0.0539682540f + s * 0.0218694885f)));
  const float whole = 1.0f - 2.0f / (exponential(2.0f * x) + 1.0f);
  return s < 0.04f ? series : whole;
}

// Abramowitz and Stegun 7.1.26: off by at most 1.5e-7.
inline float error_function(float x) {
  const float a = std::fabs(x);
  const float t = 1.0f / (1.0f + 0.3275911f * a);
  const float p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f +
                  t * (-1.453152027f + t * 1.061405429f))));
  return std::copysign(1.0f - p * exponential(-a * a), x);
}

enum Activation : int64_t {
  NONE, RELU, LEAKY_RELU, ELU, SELU, GELU, GELU_TANH, SILU, MISH, SIGMOID, TANH
};

template <class Function>
inline void each(float* y, float* slope, int64_t n, Function function) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) function(y[i], slope[i]);
}

// y becomes the activation of y, and slope its derivative; ReLU's is y > 0 itself.
inline void activate(int64_t kind, float a, float* y, float* slope, int64_t n) {
  switch (kind) {
    case RELU:  // keeps NaN, as PyTorch does
      for (int64_t i = 0; i < n; i++) y[i] = y[i] < 0 ? 0 : y[i];
      break;
    case LEAKY_RELU:
      each(y, slope, n, [a](float& y, float& s) {
        s = y > 0 ? 1.0f : a;
        y = y * s;
      });
      break;
    case ELU:
      each(y, slope, n, [a](float& y, float& s) {
        const float e = a * exponential(y);
        s = y > 0 ? 1.0f : e;
        y = y > 0 ? y : e - a;
      });
      break;
    case SELU:
      each(y, slope, n, [](float& y, float& s) {
        constexpr float scale = 1.0507009873554804934f, alpha = 1.6732632423543772848f;
        const float e = scale * alpha * exponential(y);
        s = y > 0 ? scale : e;
        y = y > 0 ? scale * y : e - scale * alpha;
      });
      break;
    case GELU:
      each(y, slope, n, [](float& y, float& s) {
        const float below = 0.5f * (1.0f + error_function(y * 0.707106781f));
        s = below + y * 0.398942280f * exponential(-0.5f * y * y);
        y = y * below;
      });
      break;
    case GELU_TANH:
      each(y, slope, n, [](float& y, float& s) {
        const float t = hyperbolic_tangent(0.797884561f * (y + 0.044715f * y * y * y));
        s = 0.5f * (1.0f + t) +
            0.5f * y * (1.0f - t * t) * 0.797884561f * (1.0f + 0.134145f * y * y);
        y = 0.5f * y * (1.0f + t);
      });
      break;
    case SILU:
      each(y, slope, n, [](float& y, float& s) {
        const float p = sigmoid(y);
        s = p * (1.0f + y * (1.0f - p));
        y = y * p;
      });
      break;
    case MISH:
      each(y, slope, n, [](float& y, float& s) {
        const float e = exponential(std::min(y, 20.0f));  // beyond, tanh is 1
        const float t = e * (e + 2.0f) / (e * (e + 2.0f) + 2.0f);
        s = t + y * (1.0f - t * t) * sigmoid(y);
        y = y * t;
      });
      break;
    case SIGMOID:
      each(y, slope, n, [](float& y, float& s) {
        y = sigmoid(y);
        s = y * (1.0f - y);
      });
      break;
    case TANH:
      each(y, slope, n, [](float& y, float& s) {
        y = hyperbolic_tangent(y);
        s = 1.0f - y * y;
      });
      break;
  }
}

// g is multiplied by the derivative that `activate` left in y or slope.
inline void through_activation(int64_t kind, const float* y, const float* slope, float* g,
                               int64_t n) {
  if (kind == RELU) {
    for (int64_t i = 0; i < n; i++) g[i] = y[i] > 0 ? g[i] : 0;
  } else if (kind != NONE) {
    for (int64_t i = 0; i < n; i++) g[i] *= slope[i];
  }
}

enum LossKind : int64_t { CROSS_ENTROPY, MSE, L1, SMOOTH_L1, HUBER, BCE_WITH_LOGITS };

struct Loss {
  int64_t kind, is_sum;
  double argument;      // beta, delta, or label_smoothing
  const float* weight;  // of each class, or pos_weight of each output; null is 1
};

// The loss of one number against its target; g becomes its derivative.
inline float number_loss(const Loss& loss, int64_t output, float x, float t, float& g) {
  const float d = x - t, a = std::fabs(d), limit = static_cast<float>(loss.argument);
  const float sign = d > 0 ? 1.0f : d < 0 ? -1.0f : d;
  switch (loss.kind) {
    case MSE:
      g = 2 * d;
      return d * d;
    case SMOOTH_L1:
      g = a < limit ? d / limit : sign;
      return a < limit ? 0.5f * d * d / limit : a - 0.5f * limit;
    case HUBER:
      g = a <= limit ? d : limit * sign;
      return a <= limit ? 0.5f * d * d : limit * (a - 0.5f * limit);
    case BCE_WITH_LOGITS: {
      const float positive = loss.weight ? loss.weight[output] : 1.0f;
      const float e = std::exp(-std::fabs(x)), p = (x < 0 ? e : 1.0f) / (1.0f + e);
      const float scale = (positive - 1) * t + 1;
      g = (1 - t) - scale * (1 - p);
      return (1 - t) * x + scale * (std::log1p(e) + std::max(-x, 0.0f));
    }
    default:
      g = sign;
      return a;
  }
}

// The cross entropy of one row; x becomes its derivative.
inline float class_loss(const Loss& loss, int64_t classes, int64_t padded, float* x,
                        int64_t truth) {
  float top = x[0];
  for (int64_t k = 1; k < classes; k++) top = std::max(top, x[k]);
  const float at_truth = x[truth] - top;
  float sum = 0, all = 0;
  const float smooth = static_cast<float>(loss.argument);
  const float w = loss.weight ? loss.weight[truth] : 1.0f;
  if (smooth > 0)
    for (int64_t k = 0; k < classes; k++)
      all += (loss.weight ? loss.weight[k] : 1.0f) * (x[k] - top);
  for (int64_t k = 0; k < padded; k++) x[k] = exponential(x[k] - top);
  for (int64_t k = 0; k < classes; k++) sum += x[k];
  for (int64_t k = classes; k < padded; k++) x[k] = 0;
  const float log_sum = std::log(sum), scale = (1 - smooth) * w;
  float value = scale * (log_sum - at_truth);
  float total = scale;
  if (smooth > 0) {
    float weights = 0;
    for (int64_t k = 0; k < classes; k++) weights += loss.weight ? loss.weight[k] : 1.0f;
    value += smooth / classes * (weights * log_sum - all);
    total += smooth / classes * weights;
  }
  for (int64_t k = 0; k < classes; k++) {
    x[k] *= total / sum;
    if (smooth > 0) x[k] -= smooth / classes * (loss.weight ? loss.weight[k] : 1.0f);
  }
  x[truth] -= scale;
  return value;
}
