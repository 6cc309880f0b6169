#include "table/elements.h"

#include <cassert>

namespace hayate {

kernels::Element element_of(Dtype dtype) {
  using kernels::Element;
  switch (dtype) {
    case Dtype::int8:
      return Element::int8;
    case Dtype::int16:
      return Element::int16;
    case Dtype::int32:
    case Dtype::date:
      return Element::int32;
    case Dtype::int64:
    case Dtype::timestamp:
      return Element::int64;
    case Dtype::uint8:
      return Element::uint8;
    case Dtype::uint16:
      return Element::uint16;
    case Dtype::uint32:
      return Element::uint32;
    case Dtype::uint64:
      return Element::uint64;
    case Dtype::float32:
      return Element::float32;
    case Dtype::float64:
      return Element::float64;
    default:
      assert(false && "bits and text are no arrays of numbers");
      return Element::int8;
  }
}

}  // namespace hayate
