// hayate cache stats|clear.
#include <fmt/format.h>

#include "base/json.h"
#include "base/strings.h"
#include "cache/store.h"
#include "cli/all_commands.h"

namespace hayate::cli {

Result<int> cache_command(CacheOptions& options, const Console& console) {
  const std::string folder = options.cache.empty() ? cache::user_folder() : options.cache;
  if (folder.empty()) return usage_error("no home folder, so no cache folder", "hayate cache", "--cache DIR");
  const cache::StoreSize size = options.action == "clear" ? cache::trim(folder, -1) : cache::measure(folder);
  if (console.json) {
    JsonWriter json;
    json.object()
        .key("folder")
        .value(folder)
        .key("entries")
        .value(size.entries)
        .key("bytes")
        .value(size.bytes)
        .key("damaged")
        .value(size.damaged)
        .end();
    console.print(json.text() + "\n");
  } else {
    console.print(fmt::format("folder   {}\nentries  {}\nsize     {}\ndamaged  {}\n", folder, size.entries, format_bytes(size.bytes), size.damaged));
  }
  return 0;
}

}  // namespace hayate::cli
