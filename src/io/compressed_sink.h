#pragma once

#include <memory>

#include "io/files.h"

namespace hayate::io {

/// A sink that compresses what it gets and passes it on; publish() ends the stream and publishes `below`.
/// Codec::none: `below` itself.
Result<std::unique_ptr<ByteSink>> compressed_sink(std::unique_ptr<ByteSink> below, Codec codec);

}  // namespace hayate::io
