// hayate doctor: what was found on this machine and where each figure comes from.
#include <fmt/format.h>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "exec/granted.h"
#include "kernels/dispatch.h"

namespace hayate::cli {

Result<int> doctor_command(DoctorOptions&, const Console& console) {
  const exec::Grant cores = exec::granted_cores(), memory = exec::granted_memory();
  const std::string isa = kernels::isa_name(kernels::active_isa());
  const std::string isa_source = kernels::active_isa() == kernels::detected_isa()
                                     ? "processor"
                                     : fmt::format("HAYATE_ISA (the processor offers {})", kernels::isa_name(kernels::detected_isa()));
  const std::string no_gpu = "this build computes on the CPU only";
  if (console.json) {
    JsonWriter json(2);
    json.object().key("version").value(version_text());
    json.key("cores").object().key("value").value(cores.value).key("source").value(cores.source).end();
    json.key("memory_bytes").object().key("value").value(memory.value).key("source").value(memory.source).end();
    json.key("instruction_set").object().key("value").value(isa).key("source").value(isa_source).end();
    json.key("gpu").object().key("value").null().key("reason").value(no_gpu).end();
    console.print(json.end().text() + "\n");
    return 0;
  }
  console.print(fmt::format(
      "version          {}\ncores            {:<10} {}\nmemory           {:<10} {}\ninstruction set  {:<10} {}\ngpu              {:<10} {}\n",
      version_text(), cores.value, cores.source, format_bytes(memory.value), memory.source, isa, isa_source, "none", no_gpu));
  return 0;
}

}  // namespace hayate::cli
