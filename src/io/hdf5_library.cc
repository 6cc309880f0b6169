// See hdf5_library.h. The file that is loaded is the one the headers belong to (CMakeLists.txt asks it for its name).
#ifdef HAYATE_HDF5
#include "io/hdf5_library.h"

#include <dlfcn.h>

namespace hayate::io {

#define HAYATE_DEFINE(name) decltype(&::name) name = nullptr;
HAYATE_HDF5_FUNCTIONS(HAYATE_DEFINE)
#undef HAYATE_DEFINE
#define HAYATE_DEFINE(name) Hdf5Id name;
HAYATE_HDF5_IDS(HAYATE_DEFINE)
#undef HAYATE_DEFINE

namespace {

bool load() {
  void* library = dlopen(HAYATE_HDF5, RTLD_NOW | RTLD_LOCAL);
  if (!library) return false;
  bool found = true;
#define HAYATE_FIND(name) found &= (name = reinterpret_cast<decltype(&::name)>(dlsym(library, #name))) != nullptr;
  HAYATE_HDF5_FUNCTIONS(HAYATE_FIND)
#undef HAYATE_FIND
#define HAYATE_FIND(name) found &= (name.at = static_cast<const hid_t*>(dlsym(library, #name))) != nullptr;
  HAYATE_HDF5_IDS(HAYATE_FIND)
#undef HAYATE_FIND
  return found;
}

}  // namespace

bool load_hdf5() {
  static const bool loaded = load();
  return loaded;
}

}  // namespace hayate::io
#endif
