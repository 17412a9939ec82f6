#include "cuda/compile.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <thread>

#include "base/thread_pool.h"
#include "cuda/cache.h"
#include "cuda/cache_key.h"
#include "cuda/nvrtc.h"

namespace convoy::cuda {
namespace {

Binary compile_cached(const Program& program, const std::string& arch, const Cache& cache) {
  if (!cache.off().empty()) return run_nvrtc(program, arch);
  const auto start = std::chrono::steady_clock::now();
  const Digest key = cache_key(program, arch, compiler_identity());
  if (std::optional<Binary> found = cache.find(key)) {
    found->kernel = program.kernel;
    found->seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return *std::move(found);
  }
  Binary binary = run_nvrtc(program, arch);
  cache.keep(key, binary);
  return binary;
}

}  // namespace

Binary compile_uncached(const Program& program, const std::string& arch) {
  return run_nvrtc(program, arch);
}

std::vector<Binary> compile(std::span<const Program> programs, const std::string& arch,
                            int threads) {
  const Cache cache = Cache::of_environment();
  std::vector<Binary> binaries(programs.size());
  std::vector<std::exception_ptr> errors(programs.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < programs.size();) {
      try {
        binaries[i] = compile_cached(programs[i], arch, cache);
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
