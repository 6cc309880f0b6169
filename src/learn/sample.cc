#include "learn/sample.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"

namespace hayate::learn {
namespace {

void count_with_replacement(uint64_t key, int64_t draws, std::vector<uint32_t>& counts) {
  kernels::forest_kernels().count_draws(key, draws, uint32_t(counts.size()), counts.data());
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

kernels::Mass draw_sample(std::span<const int32_t> rows, std::span<const uint32_t> marks, const ForestParams& params, uint64_t seed, uint64_t entity,
                          uint64_t tree, Sample& sample) {
  const int64_t draws = draws_per_tree(params, int64_t(rows.size()));
  const uint64_t key = random_key(seed, params.bootstrap ? Stage::bootstrap : Stage::subsample, entity, tree);
  sample.counts.assign(rows.size(), 0);
  (params.bootstrap ? count_with_replacement : count_without_replacement)(key, draws, sample.counts);
  if (sample.row_room.size() < rows.size() + 16) sample.row_room.resize(rows.size() + 16), sample.draw_room.resize(rows.size() + 16);
  const kernels::Drawn drawn = kernels::forest_kernels().keep_drawn(rows.data(), sample.counts.data(), marks.empty() ? nullptr : marks.data(),
                                                                    int64_t(rows.size()), sample.row_room.data(), sample.draw_room.data());
  sample.rows = std::span(sample.row_room).first(size_t(drawn.rows)), sample.draws = std::span(sample.draw_room).first(size_t(drawn.rows));
  return drawn.mass;
}

std::vector<uint16_t> features_by_name(std::span<const std::string> names) {
  if (std::is_sorted(names.begin(), names.end())) return {};
  std::vector<uint16_t> out(names.size());
  std::iota(out.begin(), out.end(), uint16_t{0});
  std::stable_sort(out.begin(), out.end(), [names](uint16_t a, uint16_t b) { return names[a] < names[b]; });
  return out;
}

FeatureOrder::FeatureOrder(int64_t num_features, std::span<const uint16_t> by_name)
    : order_(size_t(num_features)),
      by_name_(by_name),
      named_(by_name.size()),
      taken_(size_t(num_features + 63) / 64),
      num_features_(uint32_t(num_features)) {}

void FeatureOrder::restart(uint64_t key) {
  std::fill(taken_.begin(), taken_.end(), uint64_t{0});
  key_ = key, draws_ = 0, drawn_ = 0, given_ = 0;
}

namespace {

/// Each half of 64 random bits is a draw: a multiply-shift, whose bias is below 2^-16.
inline uint32_t draw_below(uint64_t key, uint64_t draw, uint32_t bound) {
  const uint64_t bits = random_bits(key, draw / 2);
  return uint32_t((draw % 2 == 0 ? bits & 0xFFFFFFFFu : bits >> 32) * bound >> 32);
}

}  // namespace

void FeatureOrder::shuffle_rest() {
  size_t end = drawn_;
  for (uint32_t feature = 0; feature < num_features_; ++feature)
    if (!(taken_[feature / 64] >> (feature % 64) & 1)) order_[end++] = uint16_t(feature);
  for (size_t i = drawn_; i + 1 < end; ++i) std::swap(order_[i], order_[i + draw_below(key_, draws_++, uint32_t(end - i))]);
  drawn_ = end;
}

/// Draws features until `end` of them are in the order or half of all are. Two draws at a time share their random bits. take(feature): whether it
/// is the first time.
template <class Take>
void FeatureOrder::draw_with(size_t end, Take&& take) {
  uint16_t* order = order_.data();
  size_t drawn = drawn_;
  uint64_t draws = draws_;
  const auto draw = [&](uint64_t half) {
    const uint32_t feature = uint32_t(half * num_features_ >> 32);
    order[drawn] = uint16_t(feature);
    drawn += take(feature);
    ++draws;
  };
  if (drawn < end && draws % 2 == 1) draw(random_bits(key_, draws / 2) >> 32);
  while (drawn < end) {
    const uint64_t bits = random_bits(key_, draws / 2);
    draw(bits & 0xFFFFFFFFu);
    if (drawn < end) draw(bits >> 32);
  }
  drawn_ = drawn, draws_ = draws;
}

void FeatureOrder::draw_until(size_t end) {
  end = std::min(end, (order_.size() + 1) / 2);
  if (taken_.size() == 1) {  // in a register: each draw would wait for the word that the one before stored
    uint64_t taken = taken_[0];
    draw_with(end, [&taken](uint32_t feature) {
      const bool is_new = !(taken >> feature & 1);
      taken |= uint64_t{1} << feature;
      return is_new;
    });
    taken_[0] = taken;
    return;
  }
  uint64_t* taken = taken_.data();
  draw_with(end, [taken](uint32_t feature) {
    const uint64_t word = taken[feature / 64], bit = uint64_t{1} << (feature % 64);
    taken[feature / 64] = word | bit;
    return !(word & bit);
  });
}

std::span<const uint16_t> FeatureOrder::next(int64_t count) {
  const size_t first = given_, end = std::min(order_.size(), first + size_t(count));
  draw_until(end);
  if (drawn_ < end) shuffle_rest();
  given_ = end;
  if (by_name_.empty()) return {order_.data() + first, end - first};
  for (size_t i = first; i < end; ++i) named_[i] = by_name_[order_[i]];
  return {named_.data() + first, end - first};
}

}  // namespace hayate::learn
