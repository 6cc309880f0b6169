#include "learn/sample.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"

namespace hayate::learn {
namespace {

void count_with_replacement(uint64_t key, int64_t draws, std::vector<uint32_t>& counts) {
  const uint32_t num_rows = uint32_t(counts.size());
  for (int64_t i = 0; i < draws; ++i) ++counts[random_below(key, uint64_t(i), num_rows)];
}

/// Selection sampling (Knuth 3.4.2 S): row i is taken with probability wanted / rows left, in one pass and in order.
void count_without_replacement(uint64_t key, int64_t draws, std::vector<uint32_t>& counts) {
  int64_t wanted = draws;
  for (size_t i = 0; i < counts.size() && wanted > 0; ++i)
    if (int64_t(random_below(key, i, uint32_t(counts.size() - i))) < wanted) counts[i] = 1, --wanted;
}

}  // namespace

int64_t draws_per_tree(const ForestParams& params, int64_t num_rows) {
  return std::max(int64_t{1}, int64_t(std::llround(params.max_samples * double(num_rows))));
}

void draw_sample(std::span<const int32_t> rows, const ForestParams& params, uint64_t seed, uint64_t entity, uint64_t tree, Sample& sample) {
  const int64_t draws = draws_per_tree(params, int64_t(rows.size()));
  const uint64_t key = random_key(seed, params.bootstrap ? Stage::bootstrap : Stage::subsample, entity, tree);
  sample.counts.assign(rows.size(), 0);
  (params.bootstrap ? count_with_replacement : count_without_replacement)(key, draws, sample.counts);
  sample.rows.resize(rows.size()), sample.draws.resize(rows.size());
  size_t kept = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    sample.rows[kept] = rows[i], sample.draws[kept] = sample.counts[i];
    kept += sample.counts[i] > 0;
  }
  sample.rows.resize(kept), sample.draws.resize(kept);
}

FeatureOrder::FeatureOrder(int64_t num_features) : order_(size_t(num_features)), partner_(size_t(num_features)) {
  std::iota(order_.begin(), order_.end(), uint16_t{0});
}

void FeatureOrder::restart(uint64_t key) {
  for (size_t i = drawn_; i-- > 0;) std::swap(order_[i], order_[partner_[i]]);
  key_ = key, drawn_ = 0;
}

std::span<const uint16_t> FeatureOrder::next(int64_t count) {
  const size_t first = drawn_, end = std::min(order_.size(), first + size_t(count));
  for (; drawn_ < end; ++drawn_) {
    if (drawn_ % 2 == 0) bits_ = random_bits(key_, drawn_ / 2);
    // Each half of the bits draws one of the features left: a multiply-shift, whose bias is below 2^-16.
    const uint64_t half = drawn_ % 2 == 0 ? bits_ & 0xFFFFFFFFu : bits_ >> 32;
    const size_t partner = drawn_ + size_t(half * (order_.size() - drawn_) >> 32);
    partner_[drawn_] = uint16_t(partner);
    std::swap(order_[drawn_], order_[partner]);
  }
  return {order_.data() + first, end - first};
}

}  // namespace hayate::learn
