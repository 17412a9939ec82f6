// The files that convoy plan's page is made of, as the build found them in cli/plan_page.
#pragma once

#include <span>
#include <string_view>

namespace convoy::cli {

struct PageFile {
  std::string_view name;  // "page.css"
  std::string_view text;
};

std::span<const PageFile> page_files();

}  // namespace convoy::cli
