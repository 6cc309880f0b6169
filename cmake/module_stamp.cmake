# cmake -DSOURCES=a.cc|b.cc -DROOTS=src|include -DBUILD=text -DVERSION=0.1.0 -DSTAMP=stamp.cpp -P module_stamp.cmake
# Writes the stamp of a module and of the program that loads it, arrow_module.h's kArrowStamp: version and a hash of what the two must have in
# common, BUILD (compiler and its options) and the headers of ours that the module's sources include, without comments. The file is touched only
# when the stamp has changed, and STAMP.d names the headers, so a build hashes and compiles again what it must.
cmake_minimum_required(VERSION 3.25)
string(REPLACE "|" ";" waiting "${SOURCES}")
string(REPLACE "|" ";" ROOTS "${ROOTS}")
set(headers "")
while(waiting)
  list(POP_FRONT waiting file)
  file(STRINGS ${file} includes REGEX "^#include \"")
  foreach(include IN LISTS includes)
    string(REGEX REPLACE "^#include \"([^\"]+)\".*" "\\1" name "${include}")
    foreach(root IN LISTS ROOTS)
      if(EXISTS ${root}/${name} AND NOT ${root}/${name} IN_LIST headers)
        list(APPEND headers ${root}/${name})
        list(APPEND waiting ${root}/${name})
      endif()
    endforeach()
  endforeach()
endwhile()
list(SORT headers)
set(agreed "${BUILD}")
foreach(header IN LISTS headers)
  file(READ ${header} text)
  string(REGEX REPLACE "[ \t]*//[^\n]*" "" text "${text}")
  string(REGEX REPLACE "\n+" "\n" text "${text}")
  string(APPEND agreed "${text}")
endforeach()
string(SHA256 hash "${agreed}")
string(SUBSTRING ${hash} 0 16 hash)
file(CONFIGURE OUTPUT ${STAMP} @ONLY CONTENT [[// Made by cmake/module_stamp.cmake.
namespace hayate::io {
extern const char kArrowStamp[];
const char kArrowStamp[] = "hayate @VERSION@ @hash@";
}  // namespace hayate::io
]])
list(JOIN headers " " headers)
file(WRITE ${STAMP}.d "${STAMP}: ${headers}\n")
