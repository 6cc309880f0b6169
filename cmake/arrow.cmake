# Arrow C++ (Parquet, IPC, codecs): an installed one if CMake finds it, else the libraries inside the pyarrow wheel of
# .venv, which carries headers and shared objects of the same version. Linked by src/io only.
find_package(Arrow CONFIG QUIET)
find_package(Parquet CONFIG QUIET)
if(Arrow_FOUND AND Parquet_FOUND)
  add_library(hayate_arrow INTERFACE)
  target_link_libraries(hayate_arrow INTERFACE Arrow::arrow_shared Parquet::parquet_shared)
  return()
endif()

find_program(HAYATE_PYTHON NAMES python3 python PATHS ${PROJECT_SOURCE_DIR}/.venv/bin NO_DEFAULT_PATH)
if(HAYATE_PYTHON)
  execute_process(
    COMMAND ${HAYATE_PYTHON} -c
            "import importlib.util as u, os; s = u.find_spec('pyarrow'); print(os.path.dirname(s.origin) if s else '', end='')"
    OUTPUT_VARIABLE pyarrow_dir)
endif()
if(NOT pyarrow_dir)
  message(FATAL_ERROR "Arrow C++ not found: run ./dev setup (it puts pyarrow into .venv), or install Arrow with its CMake files")
endif()
file(STRINGS "${pyarrow_dir}/include/arrow/util/config.h" so_line REGEX "define ARROW_SO_VERSION ")
string(REGEX MATCH "[0-9]+" so_version "${so_line}")

add_library(hayate_arrow INTERFACE)
foreach(name arrow parquet)
  add_library(hayate_wheel_${name} SHARED IMPORTED GLOBAL)
  set_target_properties(hayate_wheel_${name} PROPERTIES
    IMPORTED_LOCATION "${pyarrow_dir}/lib${name}.so.${so_version}"
    IMPORTED_SONAME "lib${name}.so.${so_version}"
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${pyarrow_dir}/include"
    INTERFACE_INCLUDE_DIRECTORIES "${pyarrow_dir}/include")
  target_link_libraries(hayate_arrow INTERFACE hayate_wheel_${name})
endforeach()
