# cmake -DNM=nm -DMODULE=library -DNEEDS=file -P module_needs.cmake
# Writes options of the compiler for a program that loads the module: take the functions of hayate that it lacks, and show them to it.
execute_process(COMMAND ${NM} --dynamic --undefined-only --format=posix ${MODULE} OUTPUT_VARIABLE lacking COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "_Z[A-Za-z]*6hayate[^ \n]*" names "${lacking}")
list(TRANSFORM names REPLACE "(.+)" "-Wl,--undefined=\\1,--export-dynamic-symbol=\\1")
list(JOIN names "\n" options)
file(CONFIGURE OUTPUT ${NEEDS} CONTENT "${options}\n" @ONLY)  # left as it is when nothing has changed: no program is linked again
