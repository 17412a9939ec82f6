// The convoy command. Exit status: 0, 1 when the work failed, 2 when the call was wrong, 130 after
// Ctrl-C.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "base/error.h"
#include "base/version.h"
#include "cli/commands.h"
#include "cli/options.h"

int main(int argc, char** argv) {
  CLI::App app("Convoy: run convolutional networks fast and in little memory");
  app.set_version_flag("--version", std::string("convoy ") + convoy::kVersion);
  app.require_subcommand(1);
  convoy::cli::add_run(app);
  convoy::cli::add_bench(app);
  convoy::cli::add_profile(app);
  convoy::cli::add_plan(app);
  convoy::cli::add_plan_diff(app);
  convoy::cli::add_tune(app);
  convoy::cli::add_info(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const convoy::cli::ExitStatus& exit) {
    return exit.status;
  } catch (const convoy::cli::UsageError& error) {
    std::fprintf(stderr, "convoy: %s\n", error.what());
    return 2;
  } catch (const convoy::Error& error) {
    std::fprintf(stderr, "convoy: %s: %s\n", convoy::to_string(error.code()), error.what());
    return 1;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "convoy: out of memory\n");
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "convoy: %s\n", error.what());
    return 1;
  }
}
