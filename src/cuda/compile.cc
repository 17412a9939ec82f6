#include "cuda/compile.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <thread>

#include "base/thread_pool.h"
#include "cuda/cache.h"
#include "cuda/cache_key.h"
#include "cuda/known_compiler.h"
#include "cuda/nvrtc.h"

namespace convoy::cuda {
namespace {

// `compiler` as known_compiler() says.
Binary compile_cached(const Program& program, const std::string& arch, const Cache& cache,
                      const std::string& compiler) {
  const auto start = std::chrono::steady_clock::now();
  const Digest key = cache_key(program, arch, compiler);
  if (std::optional<Binary> found = cache.find(key)) {
    found->kernel = program.kernel;
    found->seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return *std::move(found);
  }
  Binary binary = run_nvrtc(program, arch);
  // Another release may have come before the one that was noted, in a folder searched earlier.
  const std::string& used = compiler_identity().text;
  if (used != compiler) note_compiler(cache);
  cache.keep(used == compiler ? key : cache_key(program, arch, used), binary);
  return binary;
}

}  // namespace

Binary compile_uncached(const Program& program, const std::string& arch) {
  return run_nvrtc(program, arch);
}

std::vector<Binary> compile(std::span<const Program> programs, const std::string& arch,
                            int threads) {
  if (programs.empty()) return {};
  const Cache cache = Cache::of_environment();
  const bool cached = cache.off().empty();
  const std::string compiler = cached ? known_compiler(cache) : "";
  std::vector<Binary> binaries(programs.size());
  std::vector<std::exception_ptr> errors(programs.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < programs.size();) {
      try {
        binaries[i] = cached ? compile_cached(programs[i], arch, cache, compiler)
                             : compile_uncached(programs[i], arch);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    }
  };
  const std::size_t wanted = std::min(
      programs.size(), static_cast<std::size_t>(threads > 0 ? threads : available_threads()));
  {
    std::vector<std::jthread> others;
    for (std::size_t t = 1; t < wanted; ++t) others.emplace_back(work);
    work();
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  return binaries;
}

}  // namespace convoy::cuda
