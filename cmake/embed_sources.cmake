# Writes OUTPUT, a C++ source that holds the text of every file of FILES, named relative to ROOT, and
# defines FUNCTION of NAMESPACE, which HEADER declares and which returns a span of TYPE {name, text}:
#   cmake -DROOT=src -DFILES="a.cuh;b.cuh" -DOUTPUT=embedded.cc -DHEADER=cuda/embedded.h
#         -DNAMESPACE=convoy::cuda -DTYPE=EmbeddedFile -DFUNCTION=embedded_files -P embed_sources.cmake
cmake_minimum_required(VERSION 3.25)
set(entries "")
foreach(file IN LISTS FILES)
  file(RELATIVE_PATH name ${ROOT} ${file})
  file(READ ${file} text)
  # A string literal may have 65,536 characters at most, which no file of ours comes near.
  string(APPEND entries "    {\"${name}\", R\"convoy(${text})convoy\"},\n")
endforeach()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT
"#include \"@HEADER@\"

namespace @NAMESPACE@ {

std::span<const @TYPE@> @FUNCTION@() {
  static constexpr @TYPE@ kFiles[] = {
@entries@  };
  return kFiles;
}

}  // namespace @NAMESPACE@
")
