#include "features/row_loops.h"

#include <algorithm>

namespace hayate {
namespace {

using kernels::Binary;
using kernels::Cell;
using kernels::Shape;
using kernels::Unary;
using Kind = RowLoop::Kind;

Binary binary_of(Op op) {
  switch (op) {
    case Op::add:
      return Binary::add;
    case Op::subtract:
      return Binary::subtract;
    case Op::multiply:
      return Binary::multiply;
    case Op::reciprocal:
    case Op::divide:
      return Binary::divide;
    case Op::power:
      return Binary::power;
    case Op::maximum:
      return Binary::maximum;
    case Op::minimum:
      return Binary::minimum;
    case Op::greater:
      return Binary::greater;
    case Op::greater_equal:
      return Binary::greater_equal;
    case Op::less:
      return Binary::less;
    case Op::less_equal:
      return Binary::less_equal;
    case Op::equal:
      return Binary::equal;
    case Op::not_equal:
      return Binary::not_equal;
    case Op::bit_and:
      return Binary::bit_and;
    default:
      return Binary::bit_or;
  }
}

Unary unary_of(Op op) {
  if (op == Op::absolute) return Unary::absolute;
  if (op == Op::sign) return Unary::sign;
  return op == Op::logarithm ? Unary::logarithm : Unary::complement;
}

size_t round_to_line(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// Binds one step.
class Binder {
 public:
  Binder(const Program::Plan& plan, const SlotLayout& layout, const kernels::ElementwiseKernels& kernels)
      : plan_(plan), layout_(layout), kernels_(kernels) {}

  RowLoop bind(const Step& step) const {
    if (step.kind == Step::Kind::column) {
      return {.kind = Kind::column, .cell = cell(step.node), .column = step.column, .in = {source(step.node)}};
    }
    if (step.kind == Step::Kind::narrow) {
      const bool folds = is_folded(node(step.node).in[0]);
      RowLoop loop = folds ? scaled_difference(node(step.node)) : binary(node(step.node), Cell::float32);
      loop.kind = folds ? Kind::narrow_difference : Kind::narrow, loop.column = step.column;
      return loop;
    }
    RowLoop loop = bind_node(node(step.node), cell(step.node));
    loop.cell = cell(step.node);
    loop.out = layout_.offset(plan_.places[size_t(step.node)]);
    loop.out_crosses = plan_.places[size_t(step.node)].crosses;
    return loop;
  }

 private:
  const GraphNode& node(int32_t i) const { return plan_.graph.node(i); }
  Cell cell(int32_t i) const { return plan_.places[size_t(i)].cell; }

  RowSource source(int32_t i) const {
    if (node(i).op == Op::constant) return {.number = node(i).p};
    const Place& place = plan_.places[size_t(i)];
    return {.offset = layout_.offset(place), .width = width_of(place.cell), .cell = place.cell, .crosses = place.crosses};
  }
  Shape shape(int32_t i) const {
    if (node(i).op == Op::constant) return Shape::number;
    return cell(i) == Cell::float32 ? Shape::float32 : Shape::float64;
  }

  RowLoop bind_node(const GraphNode& n, Cell out) const {
    const bool flags = n.type == ValueType::boolean;
    switch (n.op) {
      case Op::field:
        return {.kind = Kind::read, .field = int32_t(n.n)};
      case Op::cast:
        return {.kind = Kind::unary, .unary = kernels_.convert(cell(n.in[0]), out), .in = {source(n.in[0])}};
      case Op::absolute:
      case Op::sign:
      case Op::logarithm:
      case Op::complement:
        return {.kind = Kind::unary, .unary = kernels_.unary(unary_of(n.op), out), .in = {source(n.in[0])}};
      case Op::invert:
        return {.kind = Kind::invert, .in = {source(n.in[0])}};
      case Op::is_present:
        return {.kind = Kind::present, .in = {source(n.in[0])}};
      case Op::choose:
        return {.kind = Kind::choose, .in = {source(n.in[0]), source(n.in[1]), source(n.in[2])}};
      case Op::bit_and:
      case Op::bit_or:
        if (flags) return {.kind = n.op == Op::bit_and ? Kind::both : Kind::either, .in = {source(n.in[0]), source(n.in[1])}};
        return binary(n, out);
      case Op::reciprocal:
        return is_folded(n.in[0]) ? inverse_difference(n) : binary(n, out);
      default:
        return binary(n, out);
    }
  }

  bool is_folded(int32_t i) const { return i >= 0 && plan_.folded[size_t(i)]; }

  /// (x - y) z
  RowLoop scaled_difference(const GraphNode& product) const {
    const GraphNode& n = node(product.in[0]);
    return {.difference = kernels_.scaled_difference(shape(n.in[0]), shape(n.in[1]), shape(product.in[1])),
            .in = {source(n.in[0]), source(n.in[1]), source(product.in[1])}};
  }
  /// 1 / (x - y + z)
  RowLoop inverse_difference(const GraphNode& inverse) const {
    const GraphNode& sum = node(inverse.in[0]);
    const GraphNode& n = node(sum.in[0]);
    return {.kind = Kind::difference,
            .difference = kernels_.inverse_difference(shape(n.in[0]), shape(n.in[1])),
            .in = {source(n.in[0]), source(n.in[1]), source(sum.in[1])}};
  }

  /// The cell that an element-wise node computes in: that of its operands, or float64 when it says so.
  Cell arithmetic_cell(const GraphNode& n) const {
    const ValueType type = n.type == ValueType::boolean ? node(n.in[0]).type : n.type;
    return type == ValueType::float32 ? Cell::float32 : Cell::float64;
  }

  RowLoop binary(const GraphNode& n, Cell out) const {
    const bool inverse = n.op == Op::reciprocal;
    const int32_t right = inverse ? n.in[0] : n.in[1];
    const Shape left_shape = inverse ? Shape::number : shape(n.in[0]);
    return {.kind = Kind::binary,
            .binary = kernels_.binary(binary_of(n.op), arithmetic_cell(n), left_shape, shape(right), out),
            .in = {inverse ? RowSource{.number = 1} : source(n.in[0]), source(right)}};
  }

  const Program::Plan& plan_;
  const SlotLayout& layout_;
  const kernels::ElementwiseKernels& kernels_;
};

}  // namespace

size_t width_of(Cell cell) { return cell == Cell::boolean ? 1 : cell == Cell::float32 ? 4 : 8; }

SlotLayout::SlotLayout(const Program::Plan& plan, size_t num_rows, size_t num_lanes)
    : local(plan.local), crossing(plan.crossing), lanes(num_lanes), rows(num_rows) {
  before = (size_t(plan.pad_before) * lanes + 15) / 16 * 16;
  // An odd number of lines, so that the same row of two slots does not fall on the same set of the cache.
  const size_t padded = (before + (rows + size_t(plan.pad_after)) * lanes + 31) / 16 * 16 | 16;
  flag_bytes = round_to_line(padded), narrow_bytes = padded * 4, wide_bytes = padded * 8;
  const auto bytes = [&](const SlotCounts& slots) {
    return size_t(slots.flags) * flag_bytes + size_t(slots.narrow) * narrow_bytes + size_t(slots.wide) * wide_bytes;
  };
  local_bytes = bytes(local) + 64, crossing_bytes = bytes(crossing);
}

ptrdiff_t SlotLayout::offset(const Place& place) const {
  const SlotCounts& slots = place.crosses ? crossing : local;
  const size_t slot = size_t(place.slot), flags = size_t(slots.flags), narrow = size_t(slots.narrow);
  size_t base = place.crosses ? local_bytes : 0;
  base += std::min(slot, flags) * flag_bytes;
  if (slot > flags) base += std::min(slot - flags, narrow) * narrow_bytes;
  if (slot > flags + narrow) base += (slot - flags - narrow) * wide_bytes;
  return ptrdiff_t(base) + (ptrdiff_t(before) - place.shift * ptrdiff_t(lanes)) * ptrdiff_t(width_of(place.cell));
}

namespace {

/// The operands of a loop at one cell.
struct LoopOperands {
  const RowLoop& loop;
  char* slots;
  ptrdiff_t own_slots;
  int64_t begin;

  char* from(size_t i) const {
    const RowSource& source = loop.in[i];
    return slots + source.offset + (source.crosses ? own_slots : 0) + begin * int64_t(source.width);
  }
  const uint8_t* flags(size_t i) const { return reinterpret_cast<const uint8_t*>(from(i)); }
  kernels::Operand operand(size_t i) const {
    return loop.in[i].width == 0 ? kernels::Operand{nullptr, loop.in[i].number} : kernels::Operand{from(i), 0};
  }
};

}  // namespace

void run_loop(const RowLoop& loop, char* slots, ptrdiff_t own_slots, int64_t begin, int64_t cells, const kernels::ElementwiseKernels& kernels) {
  const LoopOperands in{loop, slots, own_slots, begin};
  char* out = slots + loop.out + (loop.out_crosses ? own_slots : 0) + begin * int64_t(width_of(loop.cell));
  uint8_t* flags_out = reinterpret_cast<uint8_t*>(out);
  switch (loop.kind) {
    case RowLoop::Kind::unary:
      return loop.unary(in.from(0), out, cells);
    case RowLoop::Kind::binary:
      return loop.binary(in.operand(0), in.operand(1), out, cells);
    case RowLoop::Kind::difference:
      return loop.difference(in.operand(0), in.operand(1), in.operand(2), out, cells);
    case RowLoop::Kind::both:
      return kernels.both(in.flags(0), in.flags(1), flags_out, cells);
    case RowLoop::Kind::either:
      return kernels.either(in.flags(0), in.flags(1), flags_out, cells);
    case RowLoop::Kind::invert:
      return kernels.invert(in.flags(0), flags_out, cells);
    case RowLoop::Kind::present:
      return kernels.present({in.from(0), loop.in[0].cell}, flags_out, cells);
    case RowLoop::Kind::choose:
      return kernels.choose(in.flags(0), loop.cell, in.operand(1), in.operand(2), out, cells);
    case RowLoop::Kind::read:
    case RowLoop::Kind::column:
    case RowLoop::Kind::narrow:
    case RowLoop::Kind::narrow_difference:
      return;
  }
}

void run_narrow_loop(const RowLoop& loop, char* slots, ptrdiff_t own_slots, int64_t begin, int64_t cells, float* out) {
  const LoopOperands in{loop, slots, own_slots, begin};
  if (loop.kind == RowLoop::Kind::narrow) return loop.binary(in.operand(0), in.operand(1), out, cells);
  loop.difference(in.operand(0), in.operand(1), in.operand(2), out, cells);
}

RowLoop bind_loop(const Program::Plan& plan, const Step& step, const SlotLayout& layout, const kernels::ElementwiseKernels& kernels) {
  return Binder(plan, layout, kernels).bind(step);
}

}  // namespace hayate
