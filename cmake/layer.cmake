# hayate_layer(NAME [COLD] SOURCES a.cc ... TESTS a_test.cc ... LINK base table ...)
# One static library per folder of src/, and one test program NAME_test beside it. A layer links lower layers only;
# tools/check_layers.py holds the includes against the same order. COLD: see hayate_cold.
function(hayate_layer name)
  cmake_parse_arguments(ARG "COLD" "" "SOURCES;TESTS;LINK;TEST_LINK" ${ARGN})
  list(TRANSFORM ARG_LINK PREPEND hayate_ REGEX "^[a-z]+$")
  list(TRANSFORM ARG_TEST_LINK PREPEND hayate_ REGEX "^[a-z]+$")
  add_library(hayate_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(hayate_${name} PUBLIC fmt::fmt Threads::Threads ${ARG_LINK})
  hayate_precompiled(hayate_${name})
  hayate_batches(hayate_${name})
  if(ARG_COLD)
    hayate_cold(hayate_${name})
  endif()
  if(HAYATE_TESTS AND ARG_TESTS)
    add_executable(${name}_test ${PROJECT_SOURCE_DIR}/tests/unit_main.cc ${ARG_TESTS})
    target_link_libraries(${name}_test hayate_${name} ${ARG_TEST_LINK})
    hayate_precompiled(${name}_test)
    hayate_cold(${name}_test)
    add_test(NAME ${name} COMMAND ${name}_test --no-intro WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  endif()
endfunction()

# hayate_cold(TARGET): it plans, asks and prints, and leaves rows to the layers below: -O1, a quarter less to compile.
function(hayate_cold target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()

# hayate_precompiled(TARGET): the library headers that most sources include are read once, not 400 times: a fifth of a clean build.
# Sources still name all they use: with ccache, which remembers whole objects instead, `./dev` leaves this out.
function(hayate_precompiled target)
  if(NOT TARGET hayate_headers)
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/headers.cc CONTENT "")
    add_library(hayate_headers OBJECT ${CMAKE_BINARY_DIR}/headers.cc)
    target_link_libraries(hayate_headers PRIVATE fmt::fmt Threads::Threads)
    target_precompile_headers(hayate_headers PRIVATE <algorithm> <array> <atomic> <bit> <charconv> <chrono> <cmath> <condition_variable> <cstdint> <cstring>
      <filesystem> <functional> <limits> <map> <memory> <mutex> <numeric> <optional> <set> <span> <string> <string_view> <thread> <unordered_map> <utility>
      <variant> <vector> <fmt/format.h>)
  endif()
  target_precompile_headers(${target} REUSE_FROM hayate_headers)
  # With headers that come so, g++ 12 sees overlaps and overruns in moved strings where none are.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
    target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow)
  endif()
endfunction()

# hayate_batches(TARGET): sources are compiled twelve in one, a third of a clean build less. Not with ccache, which would then remember twelve files
# or none; `./dev check` compiles the batches there, for names of two sources may collide in one.
function(hayate_batches target)
  if(HAYATE_BATCHES)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    # A batch includes sources, so g++ takes what is anonymous in them for something of a header.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
    # g++ collects its garbage from 128 MB on: from 256 MB on saves a twentieth of the time, for 110 MB more.
    target_compile_options(${target} PRIVATE "$<$<CXX_COMPILER_ID:GNU>:SHELL:--param ggc-min-heapsize=262144>")
  endif()
endfunction()

# hayate_kernels(NAME SOURCES a.cc ...): every source compiled once per instruction set, see src/kernels/isa.h.
# The baseline, for processors without AVX2, is compiled with less effort.
# -fno-trapping-math: nobody reads the flags of a division whose result a condition drops, so loops with conditions become vectors.
function(hayate_kernels)
  set(effort_avx2 -O3)
  set(effort_avx512 -O3)
  set(effort_baseline -O2)
  set(flags_baseline "")
  set(flags_avx2 -march=x86-64-v3)
  set(flags_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
  foreach(isa baseline avx2 avx512)
    add_library(hayate_kernels_${isa} OBJECT ${ARGN})
    target_compile_definitions(hayate_kernels_${isa} PRIVATE HAYATE_ISA=${isa})
    target_compile_options(hayate_kernels_${isa} PRIVATE $<$<CONFIG:Release>:${effort_${isa}}> -fno-trapping-math ${flags_${isa}}
      # g++ 12 below -O3 does not see that a loop over outputs runs, and notes how vectors were passed before GCC 4.6.
      $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-psabi>)
    target_precompile_headers(hayate_kernels_${isa} PRIVATE <bit> <cmath> <cstdint> <cstring> <limits> <utility> <vector>)
    target_sources(hayate_kernels PRIVATE $<TARGET_OBJECTS:hayate_kernels_${isa}>)
  endforeach()
endfunction()
