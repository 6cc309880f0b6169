// What the library of arrow_module.h shows to whoever loads it.
#include "io/arrow_module.h"

namespace hayate::io {

extern "C" __attribute__((visibility("default"))) const char* const HAYATE_ARROW_STAMP;
const char* const HAYATE_ARROW_STAMP = kArrowStamp;

extern "C" __attribute__((visibility("default"))) const ArrowModule HAYATE_ARROW_MODULE;
const ArrowModule HAYATE_ARROW_MODULE = {
    with_arrow::read_parquet,    with_arrow::parquet_chunks,   with_arrow::parquet_names, with_arrow::parquet_statistics,
    with_arrow::parquet_memory,  with_arrow::parquet_encoder,  with_arrow::read_arrow,    with_arrow::arrow_chunks,
    with_arrow::arrow_names,     with_arrow::arrow_statistics, with_arrow::arrow_encoder, with_arrow::decompress,
    with_arrow::compressed_sink, with_arrow::unpack,           with_arrow::open_store,    with_arrow::release_memory,
};

}  // namespace hayate::io
