// A plan as one page: the files of cli/plan_page, which are part of the command, with its data.
#include <span>
#include <string_view>

#include "base/error.h"
#include "cli/plan_output.h"
#include "cli/plan_page.h"

namespace convoy::cli {
namespace {

std::string_view file(std::string_view name) {
  for (const PageFile& f : page_files()) {
    if (f.name == name) return f.text;
  }
  fail(ErrorCode::kInternal, "the page has no file '" + std::string(name) + "'");
}

// JSON that no reader of HTML takes for markup: a string may hold "</script>" or "<!--".
std::string inert(const Json& json) {
  std::string text;
  for (const char c : json.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    if (c == '<') {
      text += "\\u003c";
    } else if (c == '>') {
      text += "\\u003e";
    } else if (c == '&') {
      text += "\\u0026";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

std::string to_html(const PlanReport& report) {
  // What is put in is not searched again: a name may be "{{script}}".
  std::string page;
  std::string_view rest = file("page.html");
  const std::pair<std::string_view, std::string> parts[] = {
      {"{{style}}", std::string(file("page.css"))},
      {"{{plan}}", inert(to_json(report))},
      {"{{script}}", std::string(file("page.js"))}};
  for (const auto& [mark, text] : parts) {
    const std::size_t at = rest.find(mark);
    if (at == std::string_view::npos) {
      fail(ErrorCode::kInternal, "page.html lacks " + std::string(mark));
    }
    page += rest.substr(0, at);
    page += text;
    rest.remove_prefix(at + mark.size());
  }
  return page += rest;
}

}  // namespace convoy::cli
