#include "cuda/cache_key.h"

#include "cuda/cache_entry.h"
#include "cuda/embedded.h"
#include "cuda/nvrtc.h"

namespace convoy::cuda {
namespace {

// Conditions are not looked at: a file too many costs a compilation, one too few would give the
// machine code of another program.
void collect(std::string_view text, std::set<std::string_view>& names) {
  constexpr std::string_view kInclude = "include";
  for (std::size_t at = text.find('#'); at != text.npos; at = text.find('#', at)) {
    at = text.find_first_not_of(" \t", at + 1);
    if (at == text.npos) return;
    if (!text.substr(at).starts_with(kInclude)) continue;
    at = text.find_first_not_of(" \t", at + kInclude.size());
    if (at == text.npos || (text[at] != '"' && text[at] != '<')) continue;
    const std::string_view rest = text.substr(at + 1);
    const std::string_view name = rest.substr(0, rest.find_first_of("\">\n"));
    for (const EmbeddedFile& file : embedded_files()) {
      if (file.name == name && names.insert(file.name).second) collect(file.text, names);
    }
  }
}

}  // namespace

std::set<std::string_view> included_files(std::string_view text) {
  std::set<std::string_view> names;
  collect(text, names);
  return names;
}

Digest cache_key(const Program& program, const std::string& arch, const std::string& compiler) {
  Sha256 hash;
  // With its length before it, so that no two lists of fields make the same bytes.
  const auto add = [&](std::string_view field) {
    hash.add(std::to_string(field.size())).add(":").add(field);
  };
  add({kCacheFormat, sizeof(kCacheFormat)});
  add(compiler);
  add(program.kernel);
  add(program.source);
  const std::vector<std::string> options = nvrtc_options(program, arch);
  add(std::to_string(options.size()));
  for (const std::string& option : options) add(option);
  const std::set<std::string_view> names = included_files(program.source);
  for (const EmbeddedFile& file : embedded_files()) {
    if (!names.contains(file.name)) continue;
    add(file.name);
    add(file.text);
  }
  return hash.finish();
}

}  // namespace convoy::cuda
