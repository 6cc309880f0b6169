// LambdaRank (Burges 2010): rows of a group are sorted by score; for each pair of different labels the better row is pushed up and
// the worse one down by how sure the scores are of the wrong order times what exchanging the two would change in NDCG. Pairs,
// the division by the distance of scores and the norm of a group's sum are those of LightGBM 4 (rank_objective.hpp).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/transcendental.h"
#include "learn/boost_loss.h"

namespace hayate::learn {
namespace {

double log2_of(double x) { return kernels::baseline::logarithm(x) / 0.69314718055994530942; }

class RankLoss final : public Loss {
 public:
  RankLoss(const BoostTarget& target, int64_t truncation) : target_(target), truncation_(size_t(truncation)), gains_(target.numbers.size()) {
    find_groups();
    const bool graded = std::all_of(target.numbers.begin(), target.numbers.end(), [&](double number) {
      const double label = std::ldexp(number, target.exponent);
      return label >= 0 && label <= 31 && label == std::floor(label);
    });
    for (size_t g = 0; g < num_groups(); ++g) {
      if (graded)
        for (const uint32_t row : rows_of(g)) gains_[row] = std::ldexp(1.0, int(std::ldexp(target.numbers[row], target.exponent))) - 1;
      else
        rank_gains(rows_of(g));
      best_.push_back(best_gain(rows_of(g)));
    }
    slopes_.resize(gains_.size()), curves_.resize(gains_.size());
  }
  Link link() const override { return Link::identity; }
  std::vector<double> start() const override { return {0}; }
  size_t num_pieces() const override { return num_groups(); }

  void begin_round(std::span<const double> scores, size_t piece) override {
    const std::vector<uint32_t> order = by_score(scores, rows_of(piece));
    for (const uint32_t row : order) slopes_[row] = curves_[row] = 0;
    if (best_[piece] <= 0) return;
    const bool spread = scores[order.front()] != scores[order.back()];
    double sum = 0;
    for (size_t i = 0; i < std::min(order.size(), truncation_); ++i)
      for (size_t j = i + 1; j < order.size(); ++j) sum += push(scores, order, i, j, spread, 1 / best_[piece]);
    if (sum <= 0) return;
    const double norm = log2_of(1 + sum) / sum;
    for (const uint32_t row : order) slopes_[row] *= norm, curves_[row] *= norm;
  }

  void derivatives(int32_t, std::span<const double>, size_t begin, size_t end, float* g, float* h) const override {
    for (size_t i = begin; i < end; ++i) g[i] = float(slopes_[i]), h[i] = float(curves_[i]);
  }

  /// 1 - NDCG at the truncation level, averaged over groups.
  double mean(std::span<const double> scores) const override {
    double sum = 0, count = 0;
    for (size_t g = 0; g < num_groups(); ++g) {
      if (best_[g] <= 0) continue;
      const std::vector<uint32_t> order = by_score(scores, rows_of(g));
      double gain = 0;
      for (size_t i = 0; i < std::min(order.size(), truncation_); ++i) gain += gains_[order[i]] * discount(i);
      sum += 1 - gain / best_[g], count += 1;
    }
    return count > 0 ? sum / count : 0;
  }
  double unscaled_start(double score, int) const override { return score; }
  double unscaled_value(double value, int) const override { return value; }

 private:
  double discount(size_t place) const { return discounts_[place]; }
  size_t num_groups() const { return begin_.size() - 1; }
  std::span<const uint32_t> rows_of(size_t group) const { return {order_.data() + begin_[group], order_.data() + begin_[group + 1]}; }

  void find_groups() {
    order_.resize(target_.groups.size());
    std::iota(order_.begin(), order_.end(), 0u);
    std::stable_sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) { return target_.groups[a] < target_.groups[b]; });
    for (size_t i = 0; i < order_.size(); ++i)
      if (i == 0 || target_.groups[order_[i]] != target_.groups[order_[i - 1]]) begin_.push_back(i);
    begin_.push_back(order_.size());
    for (size_t g = 0; g < num_groups(); ++g)
      while (discounts_.size() < rows_of(g).size()) discounts_.push_back(1 / log2_of(double(discounts_.size()) + 2));
  }

  /// Ranks of the labels within the group from 0 to 1; equal labels share their mean rank.
  void rank_gains(std::span<const uint32_t> rows) {
    std::vector<uint32_t> sorted(rows.begin(), rows.end());
    std::stable_sort(sorted.begin(), sorted.end(), [&](uint32_t a, uint32_t b) { return target_.numbers[a] < target_.numbers[b]; });
    for (size_t first = 0, last; first < sorted.size(); first = last) {
      last = first + 1;
      while (last < sorted.size() && target_.numbers[sorted[last]] == target_.numbers[sorted[first]]) ++last;
      const double middle = double(first + last - 1) / 2;
      for (size_t i = first; i < last; ++i) gains_[sorted[i]] = sorted.size() > 1 ? middle / double(sorted.size() - 1) : 0;
    }
  }

  double best_gain(std::span<const uint32_t> rows) const {
    std::vector<double> gains;
    for (const uint32_t row : rows) gains.push_back(gains_[row]);
    std::sort(gains.rbegin(), gains.rend());
    double sum = 0;
    for (size_t i = 0; i < std::min(gains.size(), truncation_); ++i) sum += gains[i] * discount(i);
    return sum;
  }

  std::vector<uint32_t> by_score(std::span<const double> scores, std::span<const uint32_t> rows) const {
    std::vector<uint32_t> order(rows.begin(), rows.end());
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
    return order;
  }

  /// Adds the pair at places i < j; returns what it adds to the group's sum.
  double push(std::span<const double> scores, const std::vector<uint32_t>& order, size_t i, size_t j, bool spread, double per_best) {
    const double difference = gains_[order[i]] - gains_[order[j]];
    if (difference == 0) return 0;
    const uint32_t high = difference > 0 ? order[i] : order[j], low = difference > 0 ? order[j] : order[i];
    const double apart = scores[high] - scores[low];
    double change = std::fabs(difference) * (discount(i) - discount(j)) * per_best;
    if (spread) change /= 0.01 + std::fabs(apart);
    const double wrong = 1 / (1 + kernels::baseline::exponential(apart, 0));
    slopes_[high] -= wrong * change, slopes_[low] += wrong * change;
    curves_[high] += wrong * (1 - wrong) * change, curves_[low] += wrong * (1 - wrong) * change;
    return 2 * wrong * change;
  }

  const BoostTarget& target_;
  size_t truncation_;
  std::vector<uint32_t> order_;    ///< rows group by group
  std::vector<size_t> begin_;      ///< of each group in `order_`, and the end
  std::vector<double> discounts_;  ///< of each place
  std::vector<double> gains_;      ///< per row
  std::vector<double> best_;       ///< per group: DCG of the best order
  std::vector<double> slopes_, curves_;
};

}  // namespace

std::unique_ptr<Loss> make_rank_loss(const BoostTarget& target, const BoostingParams& params) {
  return std::make_unique<RankLoss>(target, params.truncation_level);
}

}  // namespace hayate::learn
