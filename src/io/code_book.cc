#include "io/code_book.h"

#include <algorithm>

namespace hayate::io {

int32_t CodeBook::code_of(std::string_view text) {
  if (!text.empty() && text.size() <= kShort) {
    char padded[kShort];
    std::memcpy(padded, text.data(), text.size());
    std::memset(padded + text.size(), 0, kShort - text.size());
    return code_of_short(padded, text.size());
  }
  const auto [found, fresh] = long_.try_emplace(std::string(text), int32_t(names_.size()));
  if (fresh) names_.emplace_back(text);
  return found->second;
}

int32_t CodeBook::add(const Key& key, Slot* slot, std::string_view text) {
  const int32_t code = int32_t(names_.size());
  names_.emplace_back(text);
  *slot = {key, code};
  // A text whose slot is taken costs more than its comparisons: which texts these are nothing foretells.
  constexpr size_t kFew = 1024;
  if ((names_.size() <= kFew ? 16 : 2) * names_.size() > slots_.size()) grow();
  return code;
}

void CodeBook::grow() {
  std::vector<Slot> before(std::max<size_t>(64, 2 * slots_.size()), Slot{});
  before.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : before) {
    if (slot.key.low == 0) continue;
    size_t at = size_t(((slot.key.low ^ (slot.key.high * 0x9E3779B97F4A7C15u)) * 0xD6E8FEB86659FD93u) >> 32) & mask;
    while (slots_[at].key.low != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

}  // namespace hayate::io
